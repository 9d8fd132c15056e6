import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { ManualClock, seededRandom, silentLog } from "#/base/index.ts";
import { type SnmpUser, snmpUser } from "#/model/index.ts";
import { type Engine, engineIdOf } from "../agent/engine.ts";
import { community, open, pduOf, secure } from "../agent/manager-rig.ts";
import { localizeKey, oid, oidValue, PDU, type Pdu, text, ticks } from "../wire/index.ts";
import { TrapReceiver } from "./receiver.ts";
import { Shedder } from "./shedder.ts";
import { TrapLog, type TrapLogLimits } from "./trap-log.ts";
import type { TrapRecord } from "./trap-record.ts";

const LINK_DOWN = "1.3.6.1.6.3.1.1.5.3";
const DEVICE = engineIdOf("device", "one");
const PASSWORDS = { auth: "device authenticates", priv: "device encrypts" };
const SPEC = snmpUser.spec.parse({ auth: { password: { value: PASSWORDS.auth } }, priv: { password: { value: PASSWORDS.priv } } });

const keysFor = (engineId: Uint8Array) => ({
  protocol: "SHA-256" as const,
  auth: localizeKey("SHA-256", PASSWORDS.auth, engineId),
  priv: localizeKey("SHA-256", PASSWORDS.priv, engineId),
});

const trapOf = (type: number, requestId = 1, word = "x"): Pdu =>
  pduOf(
    type,
    [
      [oid("1.3.6.1.2.1.1.3.0"), ticks(500)],
      [oid("1.3.6.1.6.3.1.1.4.1.0"), oidValue(oid(LINK_DOWN))],
      [oid("1.3.6.1.2.1.31.1.1.1.1.7"), text(word)],
    ],
    { requestId },
  );

function makeRig(t: TestContext) {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-traps-"));
  const opened: TrapLog[] = [];
  t.after(async () => {
    for (const one of opened) await one.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const openLog = (limits?: TrapLogLimits): TrapLog => {
    const one = new TrapLog(folder, limits);
    opened.push(one);
    return one;
  };
  const clock = new ManualClock();
  const engine: Engine = { id: engineIdOf("site", "traps"), boots: 3, time: () => Math.floor(clock.monotonic() / 1000) };
  const sent: Buffer[] = [];
  const trapLog = openLog();
  const start = (log = trapLog) => {
    const receiver = new TrapReceiver({
      engine,
      trapLog: log,
      clock,
      random: seededRandom(1),
      log: silentLog,
      send: (datagram) => void sent.push(Buffer.from(datagram)),
    });
    receiver.configure({
      communities: [{ name: "public", value: "public", from: ["0.0.0.0/0"] }],
      users: [{ metadata: { name: "device" }, spec: SPEC } as unknown as SnmpUser],
    });
    return receiver;
  };
  const receiver = start();
  const settle = async (count: number, of = receiver): Promise<void> => {
    for (;;) {
      const { taken, repeated, lost } = of.figures();
      if (taken + repeated + lost >= count) return;
      await new Promise(setImmediate);
    }
  };
  return { receiver, clock, sent, trapLog, settle, start, folder, engine, openLog };
}

const at = (address: string) => ({ address, port: 5000 });
const sum = (receiver: TrapReceiver): boolean => {
  const { received, taken, repeated, shed, malformed, refused, lost, asked } = receiver.figures();
  return received === taken + repeated + shed + malformed + refused + lost + asked;
};
const kept = (trapLog: TrapLog): TrapRecord[] => trapLog.read(1_000, () => true);

test("traps of SNMPv2c are kept as they were said; what is no trap, and whom nobody knows, is counted", async (t) => {
  const { receiver, trapLog, settle } = makeRig(t);
  receiver.receive(community("public", trapOf(PDU.trap, 1, "eth0 星")), at("10.0.0.1"));
  receiver.receive(community("wrong", trapOf(PDU.trap)), at("10.0.0.2"));
  receiver.receive(Buffer.from("no SNMP at all"), at("10.0.0.3"));
  receiver.receive(community("public", pduOf(PDU.get, [[1, 3, 6, 1]])), at("10.0.0.4"));
  await settle(1);
  const [one, ...others] = kept(trapLog);
  assert.deepEqual(others, []);
  assert.deepEqual([one?.from, one?.oid, one?.type, one?.by, one?.upTime], ["10.0.0.1", LINK_DOWN, "trap", "public", 500]);
  assert.deepEqual(one?.varbinds, [{ oid: "1.3.6.1.2.1.31.1.1.1.1.7", value: "eth0 星" }]);
  const { taken, refused, malformed } = receiver.figures();
  assert.deepEqual([taken, refused, malformed, sum(receiver)], [1, 1, 2, true]);
});

test("an inform is answered when it is on the disk, one that is sent again is answered and not kept again, also after a restart", async (t) => {
  const { receiver, sent, trapLog, settle, start, openLog } = makeRig(t);
  const inform = community("public", trapOf(PDU.inform, 77));
  receiver.receive(inform, at("10.0.0.1"));
  assert.equal(sent.length, 0, "nothing is said before it is kept");
  await settle(1);
  await new Promise(setImmediate);
  assert.deepEqual([sent.length, open(sent[0] as Buffer).pdu.requestId, kept(trapLog).length], [1, 77, 1]);
  receiver.receive(inform, at("10.0.0.1"));
  await settle(2);
  await new Promise(setImmediate);
  assert.deepEqual([sent.length, kept(trapLog).length, receiver.figures().repeated], [2, 1, 1]);
  const next = start(openLog());
  next.receive(inform, at("10.0.0.1"));
  await settle(1, next);
  await new Promise(setImmediate);
  assert.deepEqual([sent.length, kept(trapLog).length, next.figures().repeated], [3, 1, 1], "its answer was lost with the former process");
  next.receive(community("public", trapOf(PDU.inform, 77, "something else")), at("10.0.0.1"));
  await settle(2, next);
  assert.equal(kept(trapLog).length, 2, "another one with the same number");
});

test("what cannot be kept is not answered, and is tried again when it comes again", async (t) => {
  const { receiver, sent, settle, folder, trapLog } = makeRig(t);
  await trapLog.close();
  rmSync(folder, { recursive: true });
  const inform = community("public", trapOf(PDU.inform, 5));
  receiver.receive(inform, at("10.0.0.1"));
  await settle(1);
  assert.deepEqual([sent.length, receiver.figures().lost, sum(receiver)], [0, 1, true]);
  const { mkdirSync } = await import("node:fs");
  mkdirSync(folder);
  receiver.receive(inform, at("10.0.0.1"));
  await settle(2);
  await new Promise(setImmediate);
  assert.deepEqual([sent.length, receiver.figures().taken], [1, 1]);
});

test("a trap of SNMPv3 is taken with its device's key and time; boots that go back and one engine at two addresses are named", async (t) => {
  const { receiver, settle, clock } = makeRig(t);
  const keys = keysFor(DEVICE);
  const send = (boots: number, time: number, address = "10.0.0.9", id = 1): void =>
    receiver.receive(secure(trapOf(PDU.trap, id), { engineId: DEVICE, user: "device", keys, boots, time, id }), at(address));
  send(5, 1000);
  await settle(1);
  clock.advance(1000);
  send(5, 700, "10.0.0.9", 2);
  send(4, 5000, "10.0.0.9", 3);
  assert.equal(receiver.figures().refused, 2, "replayed, and from a former start");
  send(5, 1002, "10.0.0.9", 4);
  await settle(2);
  send(6, 1, "10.0.0.10", 5);
  await settle(3);
  const wrong = { ...keys, auth: localizeKey("SHA-256", "another password", DEVICE) };
  receiver.receive(secure(trapOf(PDU.trap), { engineId: DEVICE, user: "device", keys: wrong, boots: 6, time: 1 }), at("10.0.0.9"));
  receiver.receive(secure(trapOf(PDU.trap), { engineId: DEVICE, user: "device", keys, boots: 6, time: 1, level: "authNoPriv" }), at("10.0.0.9"));
  assert.equal(receiver.figures().refused, 4);
  assert.match(
    receiver
      .figures()
      .engines.map(({ problem }) => problem)
      .join(),
    /boots went back from 5 to 4.*is that of 10.0.0.9, too/,
  );
  assert.ok(sum(receiver));
});

test("an inform of SNMPv3 finds this engine, and is answered signed", async (t) => {
  const { receiver, sent, engine, settle } = makeRig(t);
  const none = new Uint8Array();
  receiver.receive(secure(pduOf(PDU.get, []), { engineId: none, user: "", keys: undefined, boots: 0, time: 0 }), at("10.0.0.1"));
  assert.equal(open(sent[0] as Buffer).pdu.type, PDU.report);
  const keys = keysFor(engine.id);
  receiver.receive(
    secure(trapOf(PDU.inform, 9), { engineId: engine.id, user: "device", keys, boots: 3, time: engine.time(), contextEngineId: DEVICE }),
    at("10.0.0.1"),
  );
  await settle(1);
  await new Promise(setImmediate);
  const answer = open(sent[1] as Buffer, keys);
  assert.deepEqual([answer.pdu.type, answer.pdu.requestId, answer.isProved], [PDU.response, 9, true]);
  assert.ok(sum(receiver));
});

test("made-up engines make few keys: whoever sends them costs no more than that", async (t) => {
  const { receiver, clock } = makeRig(t);
  clock.advance(10_000);
  const keys = keysFor(DEVICE);
  for (let id = 0; id < 60; id++)
    receiver.receive(
      secure(trapOf(PDU.trap), { engineId: engineIdOf("made up", String(id)), user: "device", keys, boots: 1, time: 1 }),
      at("10.0.0.66"),
    );
  const { refused, shed } = receiver.figures();
  assert.deepEqual([refused, shed], [20, 40]);
});

test("a storm is shed by source before it is read: a quiet device's trap is taken, whenever it comes, and the sum closes", async (t) => {
  const { receiver, clock, settle, trapLog } = makeRig(t);
  const storm = community("public", trapOf(PDU.trap));
  const ticksOf = 50;
  for (let tick = 0; tick < ticksOf; tick++) {
    // 50,000 a second for five seconds.
    for (let count = 0; count < 5_000; count++) {
      receiver.receive(storm, at("10.6.6.6"));
      if (count === (tick * 997) % 5_000 && tick % 10 === 0)
        receiver.receive(community("public", trapOf(PDU.trap, tick, `quiet ${tick}`)), at("10.0.0.5"));
    }
    clock.advance(100);
    await new Promise(setImmediate);
  }
  const { received, shed, shedBySource } = receiver.figures();
  await settle(received - shed);
  const quiet = trapLog.read(100_000, ({ from }) => from === "10.0.0.5");
  assert.equal(quiet.length, ticksOf / 10);
  const { taken } = receiver.figures();
  assert.ok(taken <= ticksOf * 101 && taken > 1000, String(taken));
  assert.deepEqual([received, sum(receiver), shedBySource[0]?.name], [ticksOf * 5_000 + quiet.length, true, "10.6.6.6"]);
});

test("whatever comes, each source has its share and the sum of all stays bounded", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(30), fc.nat(40)), { minLength: 1, maxLength: 400 }), (arrivals) => {
      const shedder = new Shedder({ slotMs: 100, perSlot: 20, sourcesMax: 25 });
      const taken = new Map<number, number>();
      let nowMs = 0;
      for (const [source, waitMs] of arrivals) {
        nowMs += waitMs % 5 === 0 ? waitMs : 0;
        if (shedder.isTaken(String(source), nowMs)) taken.set(Math.floor(nowMs / 100), (taken.get(Math.floor(nowMs / 100)) ?? 0) + 1);
      }
      // The share of each, and the first of each new one.
      for (const count of taken.values()) assert.ok(count <= 20 * 20 + 20, String(count));
    }),
  );
  const shedder = new Shedder({ slotMs: 100, perSlot: 20, sourcesMax: 1000 });
  for (let slot = 0; slot < 3; slot++)
    for (let turn = 0; turn < 50; turn++)
      for (const source of ["a", "b", "c", "d"])
        assert.equal(shedder.isTaken(source, slot * 100), slot === 0 ? turn < 20 : turn < 5, `${slot} ${turn} ${source}`);
});

test("files of traps are cut by size, the oldest go, and half a line is passed over", async (t) => {
  const { folder, openLog } = makeRig(t);
  const trapLog = openLog({ fileBytesMax: 200, filesMax: 3 });
  const record = (id: number): TrapRecord => ({
    at: new Date(id).toISOString(),
    from: "10.0.0.1",
    version: "v2c",
    by: "public",
    type: "trap",
    oid: `1.3.${id}`,
    varbinds: [],
  });
  for (let id = 0; id < 12; id++) await trapLog.append([record(id)], 1_000);
  assert.equal(readdirSync(folder).filter((name) => name.endsWith(".jsonl")).length, 3);
  const { appendFileSync } = await import("node:fs");
  appendFileSync(path.join(folder, readdirSync(folder).toSorted().at(-1) ?? ""), '{"at":"20');
  assert.deepEqual(
    kept(trapLog)
      .map((one) => one.oid)
      .slice(0, 3),
    ["1.3.11", "1.3.10", "1.3.9"],
  );
  const next = openLog({ fileBytesMax: 200, filesMax: 3 });
  await next.append([record(12)], 1_000);
  assert.equal(kept(next)[0]?.oid, "1.3.12");
});
