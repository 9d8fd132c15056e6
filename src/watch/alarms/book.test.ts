import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { ManualClock, randomBelow, seededRandom, silentLog, systemRandom } from "#/base/index.ts";
import { type Alarm, alarm } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";
import { AlarmBook, type Sight } from "./book.ts";
import { operate } from "./core/operate.ts";
import { alarmName } from "./identity.ts";

const identity = { resource: { kind: "Host", name: "a" }, type: "host-lost" };
const NAME = alarmName(identity);

async function rig(t: TestContext) {
  const clock = new ManualClock();
  const tree = await openSqliteTree({ file: path.join(mkdtempSync(path.join(os.tmpdir(), "alarms-")), "tree.db"), clock, random: systemRandom });
  const real = await openTreeStore({ tree, clock, random: systemRandom, kinds: [alarm], log: silentLog });
  t.after(async () => {
    await real.close();
    await tree.close();
  });
  const copy = new Map<string, Alarm>();
  let writes = 0;
  let killAt = Number.POSITIVE_INFINITY;
  const written = async <T>(work: () => Promise<T>): Promise<T> => {
    if (writes >= killAt) throw new Error("killed before it was written");
    writes++;
    const done = await work();
    for (const one of (await real.list(alarm)).items) copy.set(one.metadata.name, one);
    return done;
  };
  const store = {
    ...real,
    get: real.get.bind(real),
    list: real.list.bind(real),
    create: (...args: Parameters<Store["create"]>) => written(() => real.create(...args)),
    update: (...args: Parameters<Store["update"]>) => written(() => real.update(...args)),
  } as unknown as Store;
  const open = () =>
    new AlarmBook({ store, stored: (name) => copy.get(name), silencing: () => undefined, onState: () => undefined, clock, log: silentLog });
  const sight = (holds: boolean | undefined, more: Partial<Sight> = {}): Sight => ({
    identity,
    observation: { holds, severity: "major", text: "it is lost" },
    settings: { delayMs: 0, clearDelayMs: 0 },
    labels: { team: "a" },
    seenMs: clock.now(),
    suppresses: false,
    ...more,
  });
  return {
    clock,
    store,
    open,
    sight,
    writes: () => writes,
    kill: (after: number) => {
      killAt = writes + after;
    },
    revive: () => {
      killAt = Number.POSITIVE_INFINITY;
    },
  };
}

test("one alarm for each identity, whoever makes it first", async (t) => {
  const { store, open, sight } = await rig(t);
  const [one, other] = [open(), open()];
  one.see(sight(true));
  other.see(sight(true));
  await Promise.all([one.reconcile(NAME), other.reconcile(NAME)]);
  const { items } = await store.list(alarm);
  assert.deepEqual(
    items.map(({ metadata, status }) => [metadata.name, status?.stands, status?.occurrence]),
    [[NAME, "Unacknowledged", 1]],
  );
});

test("two operators at once: both see what the first has said, and nothing is lost", async (t) => {
  const { store, open, sight, clock } = await rig(t);
  const [one, other] = [open(), open()];
  one.see(sight(true));
  other.see(sight(true));
  await one.reconcile(NAME);
  const say = (book: AlarmBook, by: string) =>
    book.change(NAME, (state) =>
      operate(state, { operation: "acknowledge", by, message: `by ${by}`, seen: { occurrence: 1, severity: "major" } }, clock.now()),
    );
  await Promise.all([say(one, "anna"), say(other, "ben"), say(one, "carl")]);
  const stored = await store.get(alarm, { name: NAME });
  assert.equal(stored?.status?.history?.filter(({ what }) => what === "acknowledged").length, 1);
  assert.ok(["anna", "ben"].includes(stored?.status?.operator?.by ?? ""));
});

test("what flaps costs no write for each change", async (t) => {
  const { open, sight, clock, writes } = await rig(t);
  const book = open();
  for (let turn = 0; turn < 500; turn++) {
    book.see(sight(turn % 2 === 0));
    await book.reconcile(NAME);
    clock.advance(1_000);
  }
  assert.ok(writes() < 12, String(writes()));
});

test("an empty memory says nothing: a new leader keeps what is stored until somebody has seen", async (t) => {
  const { store, open, sight, clock } = await rig(t);
  const first = open();
  first.see(sight(true));
  await first.reconcile(NAME);
  await first.change(NAME, (state) => operate(state, { operation: "acknowledge", by: "anna", message: "mine" }, clock.now()));
  const second = open();
  clock.advance(5_000);
  await second.reconcile(NAME);
  const stored = await store.get(alarm, { name: NAME });
  assert.deepEqual([stored?.status?.condition, stored?.status?.operator?.state], ["raised", "acknowledged"]);
  assert.ok(stored?.status?.unobservedSince !== undefined);
  second.see(sight(true));
  await second.reconcile(NAME);
  const again = await store.get(alarm, { name: NAME });
  assert.deepEqual([again?.status?.occurrence, again?.status?.operator?.state, again?.status?.unobservedSince], [1, "acknowledged", undefined]);
});

test("killed at any step, it raises and clears what was observed, and nothing else", async (t) => {
  const { store, open, sight, clock, kill, revive } = await rig(t);
  const random = seededRandom(7);
  let book = open();
  let occurrences = 0;
  let holds: boolean | undefined;
  const delay = { delayMs: 20_000, clearDelayMs: 20_000 };
  for (let step = 0; step < 900; step++) {
    if (randomBelow(random, 8) === 0) holds = [true, false, undefined][randomBelow(random, 3)];
    const before = (await store.get(alarm, { name: NAME }))?.status;
    if (randomBelow(random, 4) === 0) kill(randomBelow(random, 2));
    book.see(sight(holds, { settings: delay }));
    await book.reconcile(NAME).catch(() => {});
    const after = (await store.get(alarm, { name: NAME }))?.status;
    if (before?.condition !== after?.condition && after?.condition === "raised") {
      assert.equal(holds, true, `step ${step}`);
      occurrences++;
    }
    if (before?.condition === "raised" && after?.condition === "cleared") assert.equal(holds, false, `step ${step}`);
    assert.equal(after?.occurrence ?? 0, occurrences, `step ${step}`);
    if (randomBelow(random, 4) === 0) {
      revive();
      // All that is in memory is gone.
      book = open();
    }
    clock.advance(randomBelow(random, 15_000));
  }
  assert.ok(occurrences >= 3, String(occurrences));
});
