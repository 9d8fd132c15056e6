import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { given, silentLog, systemRandom } from "#/base/index.ts";
import { alarmRule, resource, timestamp } from "#/model/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";
import { type AllTrapFigures, TRAP_FEED, type TrapFeed, type TrapRecord } from "#/watch/snmp/index.ts";
import { type OpenStore, startAlarms } from "./rig.ts";

const openStore: OpenStore = async (clock, kinds) => {
  const tree = await openSqliteTree({ file: path.join(mkdtempSync(path.join(os.tmpdir(), "alarms-")), "tree.db"), clock, random: systemRandom });
  const store = await openTreeStore({ tree, clock, random: systemRandom, kinds, log: silentLog });
  return {
    store,
    close: async () => {
      await store.close();
      await tree.close();
    },
  };
};
const MINUTE = 60_000;
const [DOWN, UP, IF_INDEX] = ["1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.4", "1.3.6.1.2.1.2.2.1.1"];

/** Traps as a receiver keeps and tells them. */
class Traps implements TrapFeed {
  readonly kept: TrapRecord[] = [];
  followed: readonly string[] = [];
  told: AllTrapFigures | undefined;
  #listener: Parameters<TrapFeed["listen"]>[0] | undefined;

  listen(listener: Parameters<TrapFeed["listen"]>[0]): void {
    this.#listener = listener;
  }

  follow(names: readonly string[]): void {
    this.followed = names;
  }

  async traps({ limit, oids = [], since = "" }: Parameters<TrapFeed["traps"]>[0]): Promise<readonly TrapRecord[]> {
    return this.kept
      .filter(({ oid, at }) => oids.includes(oid) && at >= since)
      .toReversed()
      .slice(0, limit);
  }

  figures(): AllTrapFigures | undefined {
    return this.told;
  }

  /** One comes; `isTold`: false where the centre ends before it hears of it. */
  come(atMs: number, oid: string, from: string, port: number, isTold = true): void {
    const record: TrapRecord = {
      at: timestamp(atMs),
      from,
      version: "v2c",
      by: "public",
      type: "trap",
      oid,
      varbinds: [{ oid: `${IF_INDEX}.${port}`, value: port }],
    };
    this.kept.push(record);
    if (isTold && this.followed.includes(oid)) this.#listener?.onTraps([record]);
  }
}

async function start(t: Parameters<typeof startAlarms>[0], more: object = {}) {
  const traps = new Traps();
  const rig = await startAlarms(t, openStore, { given: [given(TRAP_FEED, traps)] });
  const trap = { raise: [DOWN], clear: [UP], key: [IF_INDEX], ...more };
  await rig.store.create(alarmRule, { metadata: { name: "link" }, spec: { trap, severity: "minor", text: "{key} of {name}: {values}" } });
  await rig.pass(100);
  await rig.settle();
  const look = async (): Promise<Readonly<Record<string, string>>> => {
    await rig.pass(1_000);
    await rig.settle();
    const found = (await rig.alarms("link")).map(({ spec, status }) => [
      `${spec.resource.kind} ${spec.resource.name} ${spec.qualifier}`,
      `${status?.stands} ${status?.occurrence}${status?.unobservedSince === undefined ? "" : " unobserved"}`,
    ]);
    return Object.fromEntries(found);
  };
  return { ...rig, traps, look };
}

test("a trap raises, its counterpart of the same device and key clears, and a device that is a Resource is named by it", async (t) => {
  const { clock, store, traps, look, alarms } = await start(t);
  await store.create(resource, {
    metadata: { name: "switch", labels: { team: "a" } },
    spec: { id: "s1", type: "machine", access: { protocol: "snmp", address: "10.0.0.1:161" } },
  });
  assert.deepEqual(traps.followed, [DOWN, UP]);
  traps.come(clock.now(), DOWN, "10.0.0.1", 7);
  traps.come(clock.now(), DOWN, "10.0.0.1", 8);
  traps.come(clock.now(), DOWN, "10.0.0.2", 7);
  traps.come(clock.now(), UP, "10.0.0.3", 7);
  traps.come(clock.now(), "1.3.6.1.4.1.9.0.1", "10.0.0.1", 7);
  assert.deepEqual(await look(), {
    "Resource switch 7": "Unacknowledged 1",
    "Resource switch 8": "Unacknowledged 1",
    "Device 10.0.0.2 7": "Unacknowledged 1",
  });
  const [one] = (await alarms("link")).filter(({ spec }) => spec.resource.name === "switch" && spec.qualifier === "7");
  assert.deepEqual([one?.status?.text, one?.metadata.labels?.["team"]], ["7 of switch: 7", "a"]);
  traps.come(clock.now(), UP, "10.0.0.1", 7);
  traps.come(clock.now(), DOWN, "10.0.0.2", 7);
  assert.deepEqual(await look(), {
    "Resource switch 7": "Cleared 1",
    "Resource switch 8": "Unacknowledged 1",
    "Device 10.0.0.2 7": "Unacknowledged 1",
  });
});

test("a new leader goes on from what was raised, takes up what its predecessor has not heard, and makes nothing twice", async (t) => {
  const { clock, traps, look, start: begin, end } = await start(t);
  traps.come(clock.now(), DOWN, "10.0.0.1", 1);
  traps.come(clock.now(), DOWN, "10.0.0.1", 2);
  const before = await look();
  await end();
  traps.come(clock.now() + 1, DOWN, "10.0.0.1", 3, false);
  traps.come(clock.now() + 2, UP, "10.0.0.1", 2, false);
  await begin();
  assert.deepEqual(await look(), { ...before, "Device 10.0.0.1 2": "Cleared 1", "Device 10.0.0.1 3": "Unacknowledged 1" });
  for (let turn = 0; turn < 3; turn++) {
    await end();
    await begin();
  }
  assert.deepEqual(await look(), { ...before, "Device 10.0.0.1 2": "Cleared 1", "Device 10.0.0.1 3": "Unacknowledged 1" });
});

test("closed, it does not come back by itself, but by the next trap; removed, it is gone; one that only lasts ends", async (t) => {
  const { clock, store, traps, look, alarms, operate, pass, start: begin, end } = await start(t, { clear: [], lasts: "10m" });
  traps.come(clock.now(), DOWN, "10.0.0.1", 1);
  await look();
  const [one] = await alarms("link");
  const name = one?.metadata.name ?? "";
  await operate({ operation: "close", message: "known", alarms: [{ name }] });
  await pass(2 * MINUTE);
  await end();
  await begin();
  assert.deepEqual(await look(), { "Device 10.0.0.1 1": "Closed 1" });
  traps.come(clock.now(), DOWN, "10.0.0.1", 1);
  assert.deepEqual(await look(), { "Device 10.0.0.1 1": "Unacknowledged 2" });
  await pass(5 * MINUTE);
  traps.come(clock.now(), DOWN, "10.0.0.1", 1);
  await pass(8 * MINUTE);
  assert.deepEqual(await look(), { "Device 10.0.0.1 1": "Unacknowledged 2" });
  await pass(3 * MINUTE);
  assert.deepEqual(await look(), { "Device 10.0.0.1 1": "Cleared 2" });
  await operate({ operation: "acknowledge", message: "seen", alarms: [{ name }] });
  await look();
  const { alarm } = await import("#/model/index.ts");
  await store.delete(alarm, { name });
  await pass(2 * MINUTE);
  assert.deepEqual(await look(), {});
});

test("traps that are shed, or that the disk does not keep, are an alarm until it is quiet", async (t) => {
  const { traps, pass, settle, stands, alarms } = await start(t);
  const figures = (shed: number, lost: number): AllTrapFigures =>
    ({ shed, lost, droppedByKernel: 0, shedBySource: [{ name: "10.6.6.6", count: shed }] }) as unknown as AllTrapFigures;
  traps.told = figures(0, 0);
  await pass(MINUTE);
  await settle();
  assert.deepEqual(await stands("traps-shed"), []);
  traps.told = figures(5_000, 0);
  await pass(20_000);
  await settle();
  assert.deepEqual(await stands("traps-shed"), ["Unacknowledged"]);
  assert.match((await alarms("traps-shed"))[0]?.status?.text ?? "", /^5000 traps were not taken, most of them from 10\.6\.6\.6$/);
  await pass(4 * MINUTE);
  await settle();
  assert.deepEqual(await stands("traps-shed"), ["Cleared"]);
  traps.told = figures(5_000, 3);
  await pass(20_000);
  await settle();
  assert.deepEqual(
    (await alarms("traps-shed")).map(({ status }) => [status?.stands, status?.severity]),
    [["Unacknowledged", "major"]],
  );
});
