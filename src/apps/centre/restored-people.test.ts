import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { approval, site, user } from "#/model/index.ts";
import { machineTokens } from "#/people/access/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree, restoreSqliteTree } from "#/state/tree/sqlite/index.ts";
import { startLogin } from "./centre-login.ts";
import { STORED_KINDS } from "./parts.ts";
import { keepPeopleOut, tellRestoreAlone } from "./restored-people.ts";

const HERE = { address: "10.0.0.1" };
const ADMIN = { name: "admin", groups: ["orrery:admins"], via: "machine" } as const;
const [OLD, NEW] = ["correct horse battery", "another good one"];

test("a restore brings nobody back: not who was disabled or removed, no former password, no session, token or link; the machine's admin gets in", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-restored-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "tree.db");
  const open = async () => {
    const tree = await openSqliteTree({ file, clock: systemClock, random: systemRandom });
    const store = await openTreeStore({ tree, clock: systemClock, random: systemRandom, kinds: STORED_KINDS, log: silentLog });
    const stop = new AbortController();
    const { login, ended } = await startLogin({
      ...{ store, machine: machineTokens(() => undefined), history: tree.history, identity: "", listen: "127.0.0.1", site: "/" },
      ...{ clock: systemClock, random: systemRandom, log: silentLog, signal: stop.signal },
    });
    const setUser = async (name: string, spec: object): Promise<void> => {
      const present = await store.get(user, { name });
      const given = { metadata: { name }, spec: user.spec.parse(spec) };
      await (present === undefined ? store.create(user, given) : store.update(user, given));
    };
    const close = async (): Promise<void> => {
      stop.abort();
      await ended;
      await store.close();
      await tree.close();
    };
    return { tree, store, login, setUser, close };
  };
  const before = await open();
  for (const name of ["stays", "disabled", "removed"]) await before.setUser(name, {});
  const set = async (at: typeof before, name: string, password: string): Promise<void> => {
    // The local copy has the new user a moment later.
    for (let tries = 0; ; tries++)
      try {
        return await at.login.setPassword({ user: name, password, by: ADMIN, visitor: HERE });
      } catch (error) {
        if (tries > 1_000) throw error;
        await new Promise((resolve) => setImmediate(resolve));
      }
  };
  for (const name of ["stays", "disabled", "removed"]) await set(before, name, OLD);
  const { cookie, secret } = await before.login.byPassword({ user: "stays", password: OLD }, HERE);
  const { token } = await before.login.makeToken({ user: "stays", by: ADMIN, ttlMs: 3_600_000 });
  const { link } = await before.login.makeLink({ user: "stays", by: ADMIN });
  const backup = path.join(folder, "backup.db");
  await before.tree.backup(backup);
  await before.setUser("disabled", { disabled: true });
  await before.store.delete(user, { name: "removed" });
  await set(before, "stays", NEW);
  await before.close();

  await restoreSqliteTree({ from: backup, file, random: systemRandom });
  const told = await keepPeopleOut(file, `${file}.before-restore`);
  assert.equal(told.length, 4, told.join("\n"));
  const after = await open();
  t.after(() => after.close());
  const disabled = (await after.store.list(user)).items.filter(({ spec }) => spec.disabled).map(({ metadata }) => metadata.name);
  assert.deepEqual(disabled, ["disabled", "removed"]);
  assert.throws(() => after.login.authenticate({ cookie, secret }), { code: "login/ended" });
  assert.throws(() => after.login.authenticate({ bearer: token }), { code: "login/ended" });
  await assert.rejects(after.login.byLink(link, HERE), { code: "login/link" });
  await assert.rejects(after.login.byPassword({ user: "stays", password: OLD }, HERE), { code: "login/wrong" });
  assert.equal((await after.login.byPassword({ user: "stays", password: NEW }, HERE)).who.name, "stays");
  assert.equal((await after.login.byLink((await after.login.makeLink({ by: ADMIN })).link, HERE)).who.name, "admin");
});

test("where what was stored before cannot be read, a person is told to look", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-restored-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [told = ""] = await keepPeopleOut(path.join(folder, "a.db"), folder);
  assert.match(told, /could not be read .* look at orrery user list/);
});

test("a restore that others would have to approve is a broken glass until one of them has looked at it, whichever of the two states says so", async (t) => {
  for (const [then, since] of [
    [["restore"], []],
    [[], ["restore"]],
    [["stop"], ["stop"]],
  ] as const) {
    const folder = mkdtempSync(path.join(tmpdir(), "orrery-restored-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = path.join(folder, "tree.db");
    const backup = path.join(folder, "backup.db");
    const rules = (actions: readonly string[]) => ({ fourEyes: actions.map((action) => ({ name: "r", actions: [action], approvers: ["second"] })) });
    const tree = await openSqliteTree({ file, clock: systemClock, random: systemRandom });
    const store = await openTreeStore({ tree, clock: systemClock, random: systemRandom, kinds: STORED_KINDS, log: silentLog });
    await store.create(site, { metadata: { name: "site" }, spec: rules(then) });
    await tree.backup(backup);
    await store.patch(site, { name: "site" }, { type: "merge", body: { spec: rules(since) } });
    await store.close();
    await tree.close();
    await restoreSqliteTree({ from: backup, file, random: systemRandom });
    const told = await tellRestoreAlone(file, `${file}.before-restore`, "backup.db");
    const after = await openSqliteTree({ file, clock: systemClock, random: systemRandom });
    const now = await openTreeStore({ tree: after, clock: systemClock, random: systemRandom, kinds: STORED_KINDS, log: silentLog });
    const found = (await now.list(approval)).items.map(({ spec, status }) => [status?.phase, spec.call, spec.needs, spec.by.name]);
    const isNamed = [...then, ...since].includes("restore" as never);
    assert.deepEqual(found, isNamed ? [["BrokenGlass", "restore backup.db", [{ role: "second" }], "admin"]] : []);
    assert.equal(/one of them looks at it: orrery approval review glass-restore-/.test(told.join()), isNamed);
    await now.close();
    await after.close();
  }
});
