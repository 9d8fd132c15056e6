import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { isOrreryError, ManualClock, seededRandom } from "#/base/index.ts";
import { ERROR, formatOid, integer, type LocalKeys, localizeKey, type Oid, oid, PDU, type Pdu, TAG, text, type VarBind } from "../wire/index.ts";
import { Access } from "./access.ts";
import { AgentCounters, REPORT } from "./counters.ts";
import { Dispatcher, type SetWish } from "./dispatcher.ts";
import { BOOTS_MAX, type Engine, engineIdOf, startEngine } from "./engine.ts";
import { community, open, pduOf, type SecureOptions, secure } from "./manager-rig.ts";
import { MibTree, scalars, table } from "./mib-tree.ts";
import { empty } from "./requests.ts";

const ROOT = oid("1.3.6.1.4.1.32473.9");
const NAME: Oid = [...ROOT, 1, 0];
const ENGINE_ID = engineIdOf("site-1", "host-1");
const KEYS = keys("a good password");
const READER = keys("another password");
const PUBLIC = [{ name: "public", value: "public", from: ["127.0.0.0/8"] }];

function keys(password: string): LocalKeys {
  return { protocol: "SHA-256", auth: localizeKey("SHA-256", password, ENGINE_ID), priv: localizeKey("SHA-256", `${password}!`, ENGINE_ID) };
}

function makeRig(boots = 7) {
  const clock = new ManualClock();
  const startMs = clock.monotonic();
  const engine: Engine = { id: ENGINE_ID, boots, time: () => Math.floor((clock.monotonic() - startMs) / 1000) };
  const rows = Array.from({ length: 500 }, (_, at) => ({ index: [at + 1], of: at }));
  const counters = new AgentCounters();
  const sets: SetWish[] = [];
  const tree = new MibTree([
    ...scalars(ROOT, { 1: () => text("orrery"), 3: () => text("x".repeat(200)) }),
    table([...ROOT, 2, 1], { 1: (at: number) => integer(at), 2: (at) => (at % 2 === 0 ? integer(-at) : undefined) }, () => rows),
  ]);
  const dispatcher = new Dispatcher({
    engine,
    clock,
    random: seededRandom(1),
    access: () =>
      new Access(
        [
          { name: "anna", keys: KEYS, mayWrite: true },
          { name: "ben", keys: READER, mayWrite: false },
        ],
        PUBLIC,
      ),
    tree,
    counters,
    set: async (wish) => {
      sets.push(wish);
      return { ...empty(wish.pdu), varbinds: wish.pdu.varbinds };
    },
  });
  const wait = (seconds: number): void => clock.advance(seconds * 1000);
  const options = (more: Partial<SecureOptions> = {}): SecureOptions => ({
    engineId: ENGINE_ID,
    user: "anna",
    keys: KEYS,
    boots,
    time: engine.time(),
    ...more,
  });
  const ask = async (datagram: Buffer, with_: LocalKeys | undefined = KEYS, address = "127.0.0.1") => {
    const answer = await dispatcher.take(datagram, address);
    return answer === undefined ? undefined : open(answer, with_);
  };
  return { dispatcher, counters, sets, wait, options, ask, engine };
}

const reasonOf = (answer: { readonly pdu: Pdu } | undefined): string => {
  assert.equal(answer?.pdu.type, PDU.report);
  return formatOid(answer.pdu.varbinds[0]?.oid ?? []);
};
const namesOf = ({ varbinds }: Pdu): string[] => varbinds.map((one: VarBind) => formatOid(one.oid));

test("a community reads from its networks alone, and changes nothing", async () => {
  const { ask, sets, counters } = makeRig();
  const get = community("public", pduOf(PDU.get, [NAME]));
  assert.deepEqual((await ask(get))?.pdu.varbinds[0]?.value, text("orrery"));
  assert.equal(await ask(get, undefined, "10.0.0.1"), undefined);
  assert.equal(await ask(community("private", pduOf(PDU.get, [NAME]))), undefined);
  assert.equal(await ask(community("public", pduOf(PDU.get, [NAME]), 0)), undefined, "SNMPv1 is not spoken");
  const set = await ask(community("public", pduOf(PDU.set, [[NAME, text("other")]])));
  assert.deepEqual([set?.pdu.status, set?.pdu.index], [ERROR.noAccess, 1]);
  assert.equal(sets.length, 0);
  assert.deepEqual([counters.badCommunityNames, counters.badCommunityUses, counters.badVersions], [2, 1, 1]);
});

test("who asks for the engine learns it with its starts and time, and then is answered encrypted", async () => {
  const { ask, options, wait } = makeRig();
  const found = await ask(secure(pduOf(PDU.get, []), options({ engineId: new Uint8Array(), user: "", level: "noAuthNoPriv" })));
  assert.equal(reasonOf(found), formatOid(REPORT.unknownEngine));
  wait(1000);
  const late = await ask(secure(pduOf(PDU.get, [NAME]), options({ boots: 0, time: 0 })));
  assert.equal(reasonOf(late), formatOid(REPORT.notInWindow));
  assert.deepEqual([late?.isProved, late?.boots, late?.time], [true, 7, 1000], "what tells the time is signed");
  const answer = await ask(secure(pduOf(PDU.get, [NAME], { requestId: 44 }), options()));
  assert.deepEqual([answer?.isProved, answer?.pdu.requestId, answer?.pdu.varbinds[0]?.value], [true, 44, text("orrery")]);
});

test("each wrong message of SNMPv3 gets the report that names its fault", async () => {
  const { ask, options, counters } = makeRig();
  const get = pduOf(PDU.get, [NAME]);
  const wrong: readonly (readonly [Oid, Buffer])[] = [
    [REPORT.unknownUser, secure(get, options({ user: "carl" }))],
    [REPORT.wrongDigest, secure(get, options({ keys: READER }))],
    [REPORT.unknownEngine, secure(get, options({ engineId: engineIdOf("site-1", "host-2") }))],
    [REPORT.undecipherable, secure(get, options({ keys: { ...KEYS, priv: READER.priv } }))],
    [REPORT.unknownContext, secure(get, options({ context: "vlan-7" }))],
    [REPORT.unknownPduHandler, secure(get, options({ contextEngineId: engineIdOf("site-1", "host-2") }))],
  ];
  for (const [reason, datagram] of wrong) assert.equal(reasonOf(await ask(datagram)), formatOid(reason));
  assert.deepEqual(counters.usm.slice(3), [1, 1, 1, 1]);
});

test("who has keys uses all of them: less security reads nothing", async () => {
  const { ask, options } = makeRig();
  for (const level of ["noAuthNoPriv", "authNoPriv"] as const) {
    const answer = await ask(secure(pduOf(PDU.get, [NAME]), options({ level })));
    assert.equal(answer?.pdu.status, ERROR.authorizationError, level);
    assert.equal(
      answer?.pdu.varbinds.some(({ value }) => value.tag === TAG.octets),
      false,
    );
  }
});

test("a message is taken for 150 seconds before and after its time, of this start alone", async () => {
  const { ask, options, wait, engine } = makeRig();
  wait(10_000);
  const get = pduOf(PDU.get, [NAME]);
  const at = (time: number, boots = 7) => ask(secure(get, options({ time, boots })));
  const now = engine.time();
  for (const time of [now - 150, now, now + 150]) assert.equal((await at(time))?.pdu.type, PDU.response, String(time));
  for (const time of [now - 151, now + 151]) assert.equal(reasonOf(await at(time)), formatOid(REPORT.notInWindow));
  for (const boots of [6, 8]) assert.equal(reasonOf(await at(now, boots)), formatOid(REPORT.notInWindow));
  const last = makeRig(BOOTS_MAX);
  assert.equal(reasonOf(await last.ask(secure(get, last.options()))), formatOid(REPORT.notInWindow), "an engine that has used up its starts");
});

test("a change that is sent again, or replayed from elsewhere, is made once and answered alike", async () => {
  const { ask, options, sets, wait } = makeRig();
  const set = secure(pduOf(PDU.set, [[NAME, text("one")]], { requestId: 5 }), options());
  const [first, again] = [await ask(set), await ask(set)];
  assert.deepEqual([first?.pdu.status, again?.pdu.status, sets.length], [0, 0, 1]);
  // net-snmp counts up the message's id, and keeps that of the request.
  await ask(secure(pduOf(PDU.set, [[NAME, text("one")]], { requestId: 5 }), options({ id: 2 })));
  assert.equal(sets.length, 1);
  await ask(secure(pduOf(PDU.set, [[NAME, text("two")]], { requestId: 6 }), options()));
  wait(149);
  await ask(set, KEYS, "10.9.9.9");
  assert.equal(sets.length, 2, "the first is not made again after the second");
  wait(2);
  assert.equal(reasonOf(await ask(set)), formatOid(REPORT.notInWindow));
  const ahead = secure(pduOf(PDU.set, [[NAME, text("three")]], { requestId: 9 }), options({ time: options().time + 150 }));
  await ask(ahead);
  wait(299);
  await ask(ahead);
  assert.equal(sets.length, 3, "one that is signed ahead of time is remembered as long as it may be taken");
});

test("who may only read changes nothing", async () => {
  const { ask, options, sets } = makeRig();
  const answer = await ask(secure(pduOf(PDU.set, [[NAME, text("one")]]), options({ user: "ben", keys: READER })), READER);
  assert.deepEqual([answer?.pdu.status, sets.length], [ERROR.noAccess, 0]);
});

test("a walk with GETNEXT and one with GETBULK see all of it, in order, once, and end", async () => {
  const { ask, options } = makeRig();
  const walk = async (bulk: boolean): Promise<string[]> => {
    const found: string[] = [];
    for (let last: Oid = ROOT; ; ) {
      const pdu = bulk ? pduOf(PDU.getBulk, [last], { index: 40 }) : pduOf(PDU.getNext, [last]);
      const answer = await ask(secure(pdu, options()));
      for (const { oid: name, value } of answer?.pdu.varbinds ?? []) {
        if (value.tag === TAG.endOfMibView) return found;
        found.push(formatOid(name));
        last = name;
      }
      assert.ok(found.length < 2000);
    }
  };
  const [slow, fast] = [await walk(false), await walk(true)];
  assert.deepEqual(slow, fast);
  assert.equal(new Set(slow).size, 752, "2 single values, 500 cells of one column, 250 of the other");
});

test("a GET tells apart what there is not and what has no such instance; a bulk request keeps its bounds", async () => {
  const { ask, options } = makeRig();
  const get = await ask(secure(pduOf(PDU.get, [NAME, [...ROOT, 1, 1], [...ROOT, 4, 0], [...ROOT, 2, 1, 2, 2], [...ROOT, 2, 1, 9, 1]]), options()));
  assert.deepEqual(
    get?.pdu.varbinds.map(({ value }) => value.tag),
    [TAG.octets, TAG.noSuchInstance, TAG.noSuchObject, TAG.noSuchInstance, TAG.noSuchObject],
  );
  const huge = await ask(secure(pduOf(PDU.getBulk, [ROOT], { index: 0x7fff_ffff }), options({ sizeMax: 1400 })));
  assert.ok((huge?.pdu.varbinds.length ?? 0) > 20);
  const negative = await ask(secure(pduOf(PDU.getBulk, [ROOT, ROOT], { status: -5, index: -1 }), options()));
  assert.deepEqual([negative?.pdu.status, negative?.pdu.varbinds.length], [0, 0]);
  const mixed = await ask(secure(pduOf(PDU.getBulk, [NAME, [...ROOT, 2, 1, 1, 498]], { status: 1, index: 3 }), options()));
  assert.deepEqual(
    namesOf(mixed?.pdu as Pdu).map((name) => name.slice(formatOid(ROOT).length)),
    [".2.1.1.1", ".2.1.1.499", ".2.1.1.500", ".2.1.2.1"],
  );
  const tooBig = await ask(secure(pduOf(PDU.get, new Array<Oid>(4).fill([...ROOT, 3, 0])), options({ sizeMax: 484 })));
  assert.equal(tooBig?.pdu.status, ERROR.tooBig);
});

test("an answer, a trap or a report that comes in is answered by nothing", async () => {
  const { ask, options } = makeRig();
  for (const type of [PDU.response, PDU.trap, PDU.inform, PDU.report]) {
    assert.equal(await ask(secure(pduOf(type, [NAME]), options())), undefined);
    assert.equal(await ask(community("public", pduOf(type, [NAME]))), undefined);
  }
});

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-snmp-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("each start counts one up before anything is answered; a copied folder is another engine", (t) => {
  const folder = folderOf(t);
  const clock = new ManualClock();
  const start = (identity: string): Engine => startEngine({ folder, identity, host: "host-1", clock });
  assert.deepEqual([start("site-1").boots, start("site-1").boots], [1, 2]);
  const other = start("site-2");
  assert.equal(other.boots, 1);
  assert.notDeepEqual(other.id, ENGINE_ID);
  assert.equal(Buffer.from(other.id).subarray(0, 5).toString("hex"), "80007ed905");
  writeFileSync(path.join(folder, "engine.json"), "{}");
  assert.throws(
    () => start("site-2"),
    (error) => isOrreryError(error, "snmp/engine") && error.message.includes("do not delete"),
  );
  assert.equal(readFileSync(path.join(folder, "engine.json"), "utf8"), "{}");
});
