import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { STORED_KINDS } from "#/apps/centre/parts.ts";
import { isOrreryError, OrreryError, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { type Approval, approval, microservice, role, type StoredObject, site as siteKind, user } from "#/model/index.ts";
import { type Access, accessPart, type Identity } from "#/people/access/index.ts";
import type { Store } from "#/state/store/index.ts";
import { openTreeStore, type TreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree, type SqliteTree } from "#/state/tree/sqlite/index.ts";
import { endingStore, openPeople, person } from "./approval-centre.ts";

const PROGRAM = fileURLToPath(new URL("approval-centre.ts", import.meta.url));
const TEMPLATE = { version: "v1", run: { command: ["node"] } };
const approvalWish = accessPart.kinds.map(({ kind }) => kind).find(({ kind }) => kind === "ApprovalWish") ?? assert.fail();
/** More writes than asking and approving take. */
const STEPS_MAX = 12;

interface Place {
  readonly file: string;
  readonly tree: SqliteTree;
  readonly store: TreeStore;
  readonly op: Identity;
  readonly eva: Identity;
  close(): Promise<void>;
}

async function openPlace(file: string): Promise<Place> {
  const tree = await openSqliteTree({ file, clock: systemClock, random: systemRandom });
  const store = await openTreeStore({ tree, clock: systemClock, random: systemRandom, kinds: STORED_KINDS, log: silentLog });
  const known = async (name: string): Promise<Identity> => {
    const one =
      (await store.get(user, { name })) ??
      (await store.create(user, { metadata: { name }, spec: { roles: [{ role: "engineer" }, { role: "second" }] } }));
    return person(name, one.metadata.uid);
  };
  if ((await store.get(role, { name: "second" })) === undefined) await store.create(role, { metadata: { name: "second" }, spec: {} });
  const fourEyes = [{ name: "all", actions: ["update", "scale", "start", "stop", "edit", "run-script"], approvers: ["second"], within: "1h" }];
  if ((await store.get(siteKind, { name: "site" })) === undefined) await store.create(siteKind, { metadata: { name: "site" }, spec: { fourEyes } });
  return {
    file,
    tree,
    store,
    op: await known("op"),
    eva: await known("eva"),
    close: async () => {
      await store.close();
      await tree.close();
    },
  };
}

function folder(t: TestContext): string {
  const made = mkdtempSync(path.join(tmpdir(), "orrery-approval-"));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** Does it as `who`, guarded as the API does. */
type Deed = (store: Store, guard: (before: StoredObject | undefined, after: StoredObject | undefined) => Promise<void>) => Promise<unknown>;
const DEEDS: Readonly<Record<string, Deed>> = {
  update: (store, admit) =>
    store.patch(microservice, { name: "auth" }, { type: "merge", body: { spec: { restartedAt: "2030-01-01T00:00:00Z" } } }, { admit }),
  create: (store, admit) => store.create(microservice, { metadata: { name: "made" }, spec: { template: TEMPLATE } }, { admit }),
  delete: (store, admit) => store.delete(microservice, { name: "gone" }, { admit }),
};

async function ask(access: Access, store: Store, who: Identity, deed: Deed): Promise<string> {
  try {
    await deed(store, (before, after) => access.approvals.guard(who, microservice, [before, after], {}));
  } catch (error) {
    if (isOrreryError(error, "access/waits")) return String(error.details["approval"]);
    throw error;
  }
  return assert.fail("it does not wait");
}

/** How often each deed was done: never or once. */
async function done(store: Store): Promise<Readonly<Record<string, number>>> {
  const { generation = 0 } = (await store.get(microservice, { name: "auth" }))?.metadata ?? {};
  return {
    update: generation - 1,
    create: (await store.get(microservice, { name: "made" })) === undefined ? 0 : 1,
    delete: (await store.get(microservice, { name: "gone" })) === undefined ? 1 : 0,
  };
}

/** Everything is as if nobody had ended: told once, done once, no secret wish left behind. */
async function check(place: Place, what: string, where: string): Promise<void> {
  const { store, tree, eva, op } = place;
  const stopping = new AbortController();
  const resumed: string[] = [];
  const resuming = (one: Approval): object => ({
    told: (_: unknown, admit: unknown) => {
      resumed.push(one.metadata.name);
      return admit;
    },
  });
  const access = await openPeople(store, { signal: stopping.signal, history: tree.history, resuming });
  try {
    // What was not yet asked, or not yet approved, is asked and approved now, by those who had no answer.
    const waiting = (await store.list(approval, { fieldSelector: "status.phase=Waiting" })).items.map(({ metadata }) => metadata.name);
    const isDone = (await done(store))[what] === 1;
    const names = waiting.length > 0 || isDone ? waiting : [await ask(access, store, op, DEEDS[what] ?? assert.fail())];
    for (const name of names) assert.equal((await access.approvals.approve(eva, name)).status?.phase, "Done", where);
    assert.equal((await done(store))[what], 1, where);
    const { items } = await store.list(approval);
    assert.deepEqual(
      items.map(({ status }) => status?.phase),
      ["Done"],
      `${where} ${JSON.stringify(items.map(({ status }) => status))}`,
    );
    assert.ok(resumed.length <= 1, where);
    const known = new Set(items.map(({ metadata }) => metadata.name));
    assert.deepEqual(
      (await store.list(approvalWish)).items.filter(({ metadata }) => known.has(metadata.name)),
      [],
      where,
    );
  } finally {
    stopping.abort();
    await access.ended.catch(() => undefined);
  }
}

test("a centre that ends at any write of asking and approving: what was asked is done once, and its end is told", async (t) => {
  for (const what of Object.keys(DEEDS))
    for (const when of ["before", "after"] as const) {
      let isOver = false;
      for (let step = 1; !isOver; step++) {
        assert.ok(step < STEPS_MAX);
        const place = await openPlace(path.join(folder(t), "tree.db"));
        const { store, tree, op, eva } = place;
        await store.create(microservice, { metadata: { name: "auth" }, spec: { template: TEMPLATE } });
        await store.create(microservice, { metadata: { name: "gone" }, spec: { template: TEMPLATE } });
        const stopping = new AbortController();
        const { promise: ended, resolve } = Promise.withResolvers<"ended">();
        // Of its own: what ends in the middle of a write holds its turn for ever.
        const its = await openTreeStore({ tree, clock: systemClock, random: systemRandom, kinds: STORED_KINDS, log: silentLog });
        const dying = endingStore(its, step, when, () => {
          resolve("ended");
          return new Promise<never>(() => {});
        });
        const access = await openPeople(dying, { signal: stopping.signal, history: tree.history });
        const work = async (): Promise<"through"> => {
          const name = await ask(access, its, op, DEEDS[what] ?? assert.fail());
          await access.approvals.approve(eva, name);
          return "through";
        };
        isOver = (await Promise.race([ended, work()])) === "through";
        stopping.abort();
        await check(place, what, `${what} ${when} write ${step}`);
        await place.close();
      }
    }
});

test("a SIGKILL at any write of approving", { timeout: 60_000 }, async (t) => {
  for (let step = 1; ; step++) {
    assert.ok(step < STEPS_MAX);
    const file = path.join(folder(t), "tree.db");
    const place = await openPlace(file);
    await place.store.create(microservice, { metadata: { name: "auth" }, spec: { template: TEMPLATE } });
    const stopping = new AbortController();
    const access = await openPeople(place.store, { signal: stopping.signal, history: place.tree.history });
    await ask(access, place.store, place.op, DEEDS["update"] ?? assert.fail());
    stopping.abort();
    await access.ended.catch(() => undefined);
    await place.close();
    const { signal, status, stderr } = spawnSync(process.execPath, [PROGRAM, file, String(step), "after"], { encoding: "utf8", timeout: 20_000 });
    assert.ok(signal === "SIGKILL" || status === 0, stderr);
    const again = await openPlace(file);
    await check(again, "update", `update, killed after write ${step}`);
    await again.close();
    if (signal === null) break;
  }
});

test("two centres that carry out the same at once do it once, and a store that is away for a moment loses nothing", async (t) => {
  const place = await openPlace(path.join(folder(t), "tree.db"));
  const { store, tree, op, eva } = place;
  await store.create(microservice, { metadata: { name: "auth" }, spec: { template: TEMPLATE } });
  const stopping = new AbortController();
  const open = (over: Store): Promise<Access> => openPeople(over, { signal: stopping.signal, history: tree.history });
  const first = await open(store);
  const name = await ask(first, store, op, DEEDS["update"] ?? assert.fail());
  // The first write of approving is the decision; the second, what is carried out, finds the store away.
  const away = endingStore(store, 2, "before", async () => {
    throw new OrreryError("store/unavailable", "away", { retry: "backoff" });
  });
  const second = await open(away);
  assert.equal((await second.approvals.approve(eva, name)).status?.phase, "Approved");
  assert.equal((await done(store))["update"], 0);
  await Promise.all([open(store), open(store), open(store)]);
  assert.equal((await done(store))["update"], 1);
  assert.deepEqual(
    (await store.list(approval)).items.map(({ status }) => [status?.phase, status?.message]),
    [["Done", "carried out as it was approved"]],
  );
  stopping.abort();
  await place.close();
});

test("a backup that was put back asks for nothing: what waited in it has lapsed, and what was approved in it is not carried out", async (t) => {
  const place = await openPlace(path.join(folder(t), "tree.db"));
  const { store, op } = place;
  await store.create(microservice, { metadata: { name: "auth" }, spec: { template: TEMPLATE } });
  await store.create(microservice, { metadata: { name: "gone" }, spec: { template: TEMPLATE } });
  const stopping = new AbortController();
  const former = await openPeople(store, { signal: stopping.signal, history: "then" });
  const waiting = await ask(former, store, op, DEEDS["update"] ?? assert.fail());
  const approved = await ask(former, store, op, DEEDS["delete"] ?? assert.fail());
  const script = (): Promise<void> =>
    former.approvals.guardCall(op, "run-script", { objects: [stored], call: "script x" }, {}).catch(() => undefined);
  const stored = (await store.get(microservice, { name: "auth" })) ?? assert.fail();
  await script();
  for (const one of (await store.list(approval)).items)
    if (one.metadata.name !== waiting)
      await store.update(approval, { ...one, status: { ...one.status, phase: "Approved" } }, { subresource: "status" });
  const now = await openPeople(store, { signal: stopping.signal, history: "now" });
  const { items } = await store.list(approval);
  assert.deepEqual([items.length, ...new Set(items.map(({ status }) => status?.phase))], [3, "Expired"]);
  assert.match(items[0]?.status?.message ?? "", /put back to an earlier state since it was asked for: ask again/);
  assert.deepEqual((await store.list(approvalWish)).items, []);
  assert.deepEqual(await done(store), { update: 0, create: 0, delete: 0 });
  await assert.rejects(now.approvals.approve(await openPlaceEva(store), approved), /is Expired: it no longer waits/);
  // The same history again: nothing lapses.
  const again = await ask(now, store, op, DEEDS["delete"] ?? assert.fail());
  await openPeople(store, { signal: stopping.signal, history: "now" });
  assert.equal((await store.get(approval, { name: again }))?.status?.phase, "Waiting");
  stopping.abort();
  await place.close();
});

async function openPlaceEva(store: Store): Promise<Identity> {
  return person("eva", (await store.get(user, { name: "eva" }))?.metadata.uid ?? "");
}
