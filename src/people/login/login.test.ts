import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { OrreryError, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import type { Identity } from "#/people/access/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";
import { credential, loginLink, session, token } from "./kinds.ts";
import type { LoginOptions } from "./login.ts";
import { argon2id } from "./password-hash.ts";
import { ADMIN, ANNA, HERE, type LoginRig, type OpenStore, openLoginRig, PASSWORD, until } from "./rig.ts";

const HOUR_MS = 3_600_000;

const openRig = (t: TestContext, options: Partial<LoginOptions> = {}): Promise<LoginRig> => openLoginRig(t, openStore, options);

const openStore: OpenStore = async (context, kinds) => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-login-"));
  const tree = await openSqliteTree({ file: path.join(folder, "tree.db"), clock: systemClock, random: systemRandom });
  const store = await openTreeStore({ tree, clock: systemClock, random: systemRandom, kinds, log: silentLog });
  context.after(async () => {
    await store.close();
    await tree.close();
    rmSync(folder, { recursive: true });
  });
  return store;
};

test("a link logs its user in once; the second use, a changed secret and an old one are refused alike", async (t) => {
  const { login, clock } = await openRig(t);
  const { link } = await login.makeLink({ user: "anna", by: ADMIN });
  await assert.rejects(login.byLink(`${link.slice(0, -1)}${link.endsWith("A") ? "B" : "A"}`, HERE), { code: "login/link" });
  const made = await login.byLink(link, HERE);
  assert.deepEqual([made.who.name, made.who.uid, made.who.via, made.who.groups], ["anna", "uid-anna", "session", ["day"]]);
  await assert.rejects(login.byLink(link, HERE), { code: "login/link", message: /orrery login-link/ });
  const late = await login.makeLink({ user: "anna", by: ADMIN });
  clock.advance(10 * 60_000);
  await assert.rejects(login.byLink(late.link, HERE), { code: "login/link" });
  await assert.rejects(login.byLink("rubbish", HERE), { code: "login/link" });
});

test("of two who use a link at once one gets in", async (t) => {
  const { login, open } = await openRig(t);
  const other = await open();
  const { link } = await login.makeLink({ by: ADMIN });
  const outcomes = await Promise.allSettled([login.byLink(link, HERE), other.byLink(link, HERE), login.byLink(link, HERE)]);
  assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ["fulfilled", "rejected", "rejected"]);
});

test("where no user is named, a link is of the machine's admin, who needs no user", async (t) => {
  const { login } = await openRig(t);
  const { link, user } = await login.makeLink({ by: ADMIN });
  const { who } = await login.byLink(link, HERE);
  assert.deepEqual([user, who.name, who.uid, who.groups], ["admin", "admin", undefined, ["orrery:admins"]]);
});

test("a session needs both halves: each is worthless alone", async (t) => {
  const { login } = await openRig(t);
  const made = await login.byLink((await login.makeLink({ by: ADMIN })).link, HERE);
  const { cookie, secret } = made;
  assert.equal((login.authenticate({ cookie, secret }) as Identity).credential, made.who.credential);
  const other = await login.byLink((await login.makeLink({ by: ADMIN })).link, HERE);
  for (const given of [
    { cookie, secret: "" },
    { cookie, secret: other.secret },
    { cookie: other.cookie, secret },
    { cookie, secret: cookie },
    { cookie: "", secret },
    { cookie: secret, secret },
  ])
    assert.equal(await login.authenticate(given), undefined);
  assert.equal(await login.authenticate({ bearer: secret }), undefined);
  assert.equal(await login.authenticate({ bearer: cookie }), undefined);
});

test("nothing that is stored lets anybody in", async (t) => {
  const { login, store } = await openRig(t);
  await login.setPassword({ user: "anna", password: PASSWORD, by: ADMIN, visitor: HERE });
  const { cookie, secret } = await login.byPassword({ user: "anna", password: PASSWORD }, HERE);
  const { link } = await login.makeLink({ user: "anna", by: ADMIN });
  const { token: bearer } = await login.makeToken({ user: "anna", by: ADMIN, ttlMs: HOUR_MS });
  const stored = JSON.stringify(await Promise.all([credential, session, token, loginLink].map((kind) => store.list(kind))));
  const secrets = [PASSWORD, secret, cookie.split(".")[1], link.split(".")[1], bearer.slice(-43)];
  for (const one of secrets) assert.ok(one !== undefined && one.length > 8 && !stored.includes(one));
});

test("a session ends without input, at its age, when it is ended, with its user, and by a restored store", async (t) => {
  const { login, clock, open, setPerson, removePerson, settings } = await openRig(t);
  const made = async () => {
    const { cookie, secret, who } = await login.byLink((await login.makeLink({ user: "anna", by: ADMIN })).link, HERE);
    return { who, look: (at = login) => at.authenticate({ cookie, secret }) };
  };
  const ended = (why: RegExp) => ({ code: "login/ended", message: why });
  const idle = await made();
  clock.advance(settings.idleMs - 1);
  assert.ok(idle.look());
  clock.advance(1);
  assert.throws(() => idle.look(), ended(/nobody has used it for 2 h/));

  const old = await made();
  for (let hours = 0; hours < 15; hours++) {
    clock.advance(HOUR_MS);
    login.touch(old.who);
    assert.ok(old.look());
  }
  clock.advance(HOUR_MS);
  assert.throws(() => old.look(), ended(/16 h ago/));

  const loggedOut = await made();
  assert.equal(await login.endSession(loggedOut.who.credential ?? "", loggedOut.who), true);
  assert.equal(await loggedOut.look(), undefined);
  assert.deepEqual(login.look(loggedOut.who), { why: "it was ended" });
  assert.equal(await login.endSession(loggedOut.who.credential ?? "", loggedOut.who), false);

  const disabled = await made();
  setPerson({ ...ANNA, isDisabled: true });
  assert.throws(() => disabled.look(), ended(/anna is disabled/));
  setPerson(ANNA);
  assert.ok(disabled.look());
  removePerson("anna");
  assert.throws(() => disabled.look(), ended(/anna is no more/));
  // Another one who gets the name is not the same.
  setPerson({ ...ANNA, uid: "uid-anna-2" });
  assert.throws(() => disabled.look(), ended(/anna is no more/));
  setPerson(ANNA);

  const restored = await open({ history: "history-2" });
  assert.throws(() => disabled.look(restored), ended(/put back/));
  assert.ok(disabled.look());
});

test("a session is there after a restart and at another centre; input is remembered to the minute", async (t) => {
  const { login, store, open, clock, settings } = await openRig(t);
  const { cookie, secret, who } = await login.byLink((await login.makeLink({ user: "anna", by: ADMIN })).link, HERE);
  clock.advance(HOUR_MS);
  login.touch(who);
  const written = login.sessions("anna")[0]?.usedAt;
  clock.advance(30_000);
  login.touch(who);
  await until(async () => (await store.get(session, { name: who.credential ?? "" }))?.status?.usedAt === written);
  const again = await open();
  assert.equal(((await again.authenticate({ cookie, secret })) as Identity).name, "anna");
  assert.equal(again.sessions("anna")[0]?.usedAt, written);
  clock.advance(settings.idleMs - 30_001);
  assert.ok(again.authenticate({ cookie, secret }));
  clock.advance(1);
  assert.throws(() => again.authenticate({ cookie, secret }), { code: "login/ended" });
});

test("a clock that is set back a little changes nothing, one that is set back by days ends what is of the future", async (t) => {
  const { login, clock, open } = await openRig(t);
  const { cookie, secret } = await login.byLink((await login.makeLink({ by: ADMIN })).link, HERE);
  const at = (ms: number) =>
    open({
      clock: { now: () => clock.now() + ms, monotonic: () => clock.monotonic(), after: (delayMs, callback) => clock.after(delayMs, callback) },
    });
  assert.ok((await at(-HOUR_MS)).authenticate({ cookie, secret }));
  const early = await at(-48 * HOUR_MS);
  assert.throws(() => early.authenticate({ cookie, secret }), { code: "login/ended", message: /clock/ });
  const late = await at(48 * HOUR_MS);
  assert.throws(() => late.authenticate({ cookie, secret }), { code: "login/ended" });
  // The clock is right again, and nothing was thrown away meanwhile.
  assert.ok(login.authenticate({ cookie, secret }));
});

test("a display reads alone, does not end without input, and can be ended", async (t) => {
  const { login, clock } = await openRig(t);
  const { link } = await login.makeLink({ user: "anna", by: ADMIN, display: { label: "wall", lifetimeMs: 30 * 24 * HOUR_MS } });
  const { cookie, secret, who } = await login.byLink(link, HERE);
  assert.deepEqual(who.scope, [{ role: "viewer" }]);
  clock.advance(30 * HOUR_MS);
  assert.ok(login.authenticate({ cookie, secret }));
  assert.deepEqual(
    login.sessions("anna").map(({ isDisplay, label, idleAt }) => [isDisplay, label, idleAt]),
    [[true, "wall", undefined]],
  );
  await login.endSession(who.credential ?? "", ADMIN);
  assert.equal(await login.authenticate({ cookie, secret }), undefined);
});

test("a token acts for its user until it ends, is revoked, or its user is gone", async (t) => {
  const { login, clock, setPerson } = await openRig(t);
  const scope = [{ role: "operator", where: "tier=edge" }];
  const { token: bearer, view } = await login.makeToken({ user: "anna", by: ADMIN, ttlMs: HOUR_MS, scope, label: "ci" });
  assert.match(bearer, /^orrery_[0-9a-f]{20}_[\w-]{43}$/);
  const who = (await login.authenticate({ bearer })) as Identity;
  assert.deepEqual([who.name, who.via, who.credential, who.scope], ["anna", "token", view.id, scope]);
  assert.equal(login.authenticate({ bearer }), who, "the same value as long as nothing changes");
  setPerson({ ...ANNA, groups: ["night"] });
  assert.deepEqual(((await login.authenticate({ bearer })) as Identity).groups, ["night"]);
  assert.equal(await login.endToken(view.id, ADMIN, { of: "eve" }), false);
  assert.equal(await login.endToken(view.id, ADMIN), true);
  assert.equal(await login.authenticate({ bearer }), undefined);

  const short = await login.makeToken({ user: "anna", by: ADMIN, ttlMs: 60_000 });
  clock.advance(60_000);
  assert.throws(() => login.authenticate({ bearer: short.token }), { code: "login/ended", message: /lived until/ });
  for (const ttlMs of [0, -1, 59_999, Number.NaN, Number.POSITIVE_INFINITY, 366 * 24 * HOUR_MS])
    await assert.rejects(login.makeToken({ user: "anna", by: ADMIN, ttlMs }), { code: "login/bad-ttl" });
  const by = (await login.authenticate({ bearer: (await login.makeToken({ user: "anna", by: ADMIN, ttlMs: HOUR_MS })).token })) as Identity;
  assert.ok(await login.makeToken({ user: "anna", by, ttlMs: HOUR_MS - 1_000 }));
  await assert.rejects(login.makeToken({ user: "anna", by, ttlMs: HOUR_MS + 1_000 }), { code: "login/bad-ttl", message: /longer than itself/ });
  await assert.rejects(login.makeToken({ user: "eve", by: ADMIN, ttlMs: HOUR_MS }), { code: "login/no-user" });
});

test("those who listen are told what has ended and why", async (t) => {
  const { login, clock, setPerson } = await openRig(t);
  const told: unknown[] = [];
  const stop = login.onRevoked((who, reason) => told.push([who.credential, reason]));
  const one = await login.byLink((await login.makeLink({ user: "anna", by: ADMIN })).link, HERE);
  const two = await login.makeToken({ user: "anna", by: ADMIN, ttlMs: HOUR_MS });
  setPerson({ ...ANNA, isDisabled: true });
  assert.deepEqual(told, [
    [one.who.credential, "user anna is disabled"],
    [two.view.id, "user anna is disabled"],
  ]);
  setPerson(ANNA);
  await login.endToken(two.view.id, ADMIN);
  await until(async () => told.length > 2);
  assert.deepEqual(told.at(-1), [two.view.id, "the token was revoked"]);
  const three = await login.makeToken({ user: "anna", by: ADMIN, ttlMs: 60_000 });
  clock.advance(62_000);
  assert.deepEqual(told.at(-1), [three.view.id, `it lived until ${three.view.expires}`]);
  const count = told.length;
  clock.advance(10_000);
  assert.equal(told.length, count, "once");
  stop();
});

test("a password lets in; a wrong one, an unknown user and a disabled one do not, and cost the same", async (t) => {
  const { login, hashed, setPerson, events } = await openRig(t);
  await login.setPassword({ user: "anna", password: PASSWORD, by: ADMIN, visitor: HERE });
  hashed.length = 0;
  assert.equal((await login.byPassword({ user: "anna", password: PASSWORD }, HERE)).who.name, "anna");
  for (const user of ["anna", "eve", "", "../anna", "a".repeat(5_000), "hunter2-in-the-wrong-field"]) {
    await assert.rejects(login.byPassword({ user, password: "wrong" }, HERE), { code: "login/wrong", message: "wrong user or password" });
  }
  assert.equal(hashed.length, 7, "one hash for each attempt, whoever it was");
  await assert.rejects(login.byPassword({ user: "anna", password: "x".repeat(2_000_000) }, HERE), { code: "login/wrong" });
  assert.ok(hashed.every((one) => one.length < 2_000));
  setPerson({ ...ANNA, isDisabled: true });
  await assert.rejects(login.byPassword({ user: "anna", password: PASSWORD }, HERE), { code: "login/disabled" });
  const failed = events.filter(({ action }) => action === "login-failed");
  assert.ok(failed.length > 0 && !JSON.stringify(failed).includes("hunter2"));
});

test("one password typed in two ways of writing is one", async (t) => {
  const { login } = await openRig(t);
  await login.setPassword({ user: "anna", password: "Ångström-Straße-1", by: ADMIN, visitor: HERE });
  assert.ok(await login.byPassword({ user: "anna", password: "Ångström-Straße-1".normalize("NFD") }, HERE));
});

test("a new password ends all other sessions; the present one has to be right", async (t) => {
  const { login } = await openRig(t);
  await login.setPassword({ user: "anna", password: PASSWORD, by: ADMIN, visitor: HERE });
  const one = await login.byPassword({ user: "anna", password: PASSWORD }, HERE);
  const other = await login.byPassword({ user: "anna", password: PASSWORD }, HERE);
  await assert.rejects(login.setPassword({ user: "anna", password: "another good one", current: "wrong", by: one.who, visitor: HERE }), {
    code: "login/wrong",
  });
  await login.setPassword({ user: "anna", password: "another good one", current: PASSWORD, by: one.who, visitor: HERE });
  assert.ok(login.authenticate(one));
  assert.equal(await login.authenticate(other), undefined);
  await assert.rejects(login.byPassword({ user: "anna", password: PASSWORD }, HERE), { code: "login/wrong" });
  assert.ok(await login.byPassword({ user: "anna", password: "another good one" }, HERE));
  for (const password of ["short", "annaannaanna", "aaaaaaaaaaaaaaaa", "x".repeat(1_025)])
    await assert.rejects(login.setPassword({ user: "anna", password, by: ADMIN, visitor: HERE }), { code: "login/weak" });
  await assert.rejects(login.setPassword({ user: "admin", password: PASSWORD, by: ADMIN, visitor: HERE }), { code: "login/no-user" });
});

test("who has a user's name later does not have their password", async (t) => {
  const { login, setPerson } = await openRig(t);
  await login.setPassword({ user: "anna", password: PASSWORD, by: ADMIN, visitor: HERE });
  setPerson({ ...ANNA, uid: "uid-anna-2" });
  await assert.rejects(login.byPassword({ user: "anna", password: PASSWORD }, HERE), { code: "login/wrong" });
});

test("guesses slow down; a browser that has logged in before is not kept out by others from its address", async (t) => {
  const { login, clock } = await openRig(t);
  await login.setPassword({ user: "anna", password: PASSWORD, by: ADMIN, visitor: HERE });
  const { known } = await login.byPassword({ user: "anna", password: PASSWORD }, HERE);
  assert.ok(known !== undefined);
  for (let guess = 0; guess < 5; guess++) await assert.rejects(login.byPassword({ user: "anna", password: "guess" }, HERE), { code: "login/wrong" });
  await assert.rejects(login.byPassword({ user: "anna", password: PASSWORD }, HERE), { code: "login/wait", details: { retryAfterSeconds: 1 } });
  // The control room's own browser, behind the same address.
  assert.ok(await login.byPassword({ user: "anna", password: PASSWORD }, { ...HERE, known }));
  // Somewhere else.
  assert.ok(await login.byPassword({ user: "anna", password: PASSWORD }, { address: "10.0.0.2" }));
  clock.advance(1_000);
  assert.ok(await login.byPassword({ user: "anna", password: PASSWORD }, HERE));
  // What a browser keeps for one user says nothing for another.
  for (let guess = 0; guess < 5; guess++)
    await assert.rejects(login.byPassword({ user: "ben", password: "guess" }, { ...HERE, known }), { code: "login/wrong" });
  await assert.rejects(login.byPassword({ user: "ben", password: "guess" }, { ...HERE, known }), { code: "login/wait" });
});

test("a user has so many sessions at most: the one that was not used for the longest time goes", async (t) => {
  const { login, clock } = await openRig(t);
  let first: Identity | undefined;
  for (let index = 0; index < 51; index++) {
    clock.advance(1_000);
    const { who } = await login.byLink((await login.makeLink({ user: "anna", by: ADMIN })).link, HERE);
    first ??= who;
  }
  assert.equal(login.sessions("anna").length, 50);
  assert.deepEqual(login.look(first as Identity), { why: "it was ended" });
});

test("what cannot be looked up is told as that, never as nobody's: a stalled store logs nobody out", async (t) => {
  const { login, store, open } = await openRig(t);
  const { cookie, secret } = await login.byLink((await login.makeLink({ by: ADMIN })).link, HERE);
  const { token: bearer } = await login.makeToken({ user: "anna", by: ADMIN, ttlMs: HOUR_MS });
  const gone = { isGone: false };
  const stalled = new Proxy(store, {
    get: (target, name) => {
      if (gone.isGone && (name === "get" || name === "create" || name === "delete"))
        return async () => {
          throw new OrreryError("store/unavailable", "no quorum", { retry: "backoff" });
        };
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const other = await open({ store: stalled });
  gone.isGone = true;
  assert.ok(other.authenticate({ cookie, secret }), "what is known goes on");
  const strange = { cookie: `${"0".repeat(20)}.${"A".repeat(43)}`, secret };
  await assert.rejects(async () => await other.authenticate(strange), { code: "access/unavailable", retry: "backoff" });
  await assert.rejects(async () => await other.authenticate({ bearer: `orrery_${"0".repeat(20)}_${"A".repeat(43)}` }), {
    code: "access/unavailable",
  });
  assert.ok(other.authenticate({ bearer }));
  const { link } = await login.makeLink({ by: ADMIN });
  await assert.rejects(other.byLink(link, HERE), { code: "access/unavailable" });
  gone.isGone = false;
  assert.equal(await other.authenticate(strange), undefined);
  assert.ok(await other.byLink(link, HERE), "the link is not used up by a failure");
});

test("how long a login takes does not tell whether there is such a user", async (t) => {
  const { login } = await openRig(t, { argon2id });
  await login.setPassword({ user: "anna", password: PASSWORD, by: ADMIN, visitor: HERE });
  const took: Record<string, number[]> = { anna: [], eve: [], "no name at all": [] };
  // The least of each: what else the machine does makes others longer, and on a busy one more are needed.
  const least = (): readonly number[] => Object.values(took).map((times) => Math.min(...times));
  const isAlike = ([known = 0, ...others]: readonly number[]): boolean => others.every((other) => other > known / 2 && other < known * 2);
  for (let round = 0; round < 4 || (round < 24 && !isAlike(least())); round++)
    for (const [user, times] of Object.entries(took)) {
      const startMs = performance.now();
      await assert.rejects(login.byPassword({ user, password: "wrong" }, { address: `10.0.${round}.1` }), { code: "login/wrong" });
      times.push(performance.now() - startMs);
    }
  assert.ok(isAlike(least()), JSON.stringify(took));
});

test("a clock that is set gives no token and no link a longer life: what is of the future, and what is over, lets nobody in", async (t) => {
  const { login, clock, open } = await openRig(t);
  const { token: bearer } = await login.makeToken({ user: "anna", by: ADMIN, ttlMs: HOUR_MS });
  const { link } = await login.makeLink({ user: "anna", by: ADMIN });
  const at = (ms: number) =>
    open({
      clock: { now: () => clock.now() + ms, monotonic: () => clock.monotonic(), after: (delayMs, callback) => clock.after(delayMs, callback) },
    });
  for (const ms of [-48 * HOUR_MS, 48 * HOUR_MS]) {
    const wrong = await at(ms);
    assert.throws(() => wrong.authenticate({ bearer }), { code: "login/ended" }, `token at ${ms}`);
    await assert.rejects(wrong.byLink(link, HERE), { code: "login/link" }, `link at ${ms}`);
  }
  // The clock is right again, and nothing was thrown away meanwhile.
  assert.ok(await login.authenticate({ bearer }));
});
