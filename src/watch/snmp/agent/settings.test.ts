import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type SnmpSettings, snmpAgent } from "#/model/index.ts";
import { ERROR, gauge, integer, type Oid, octets, oid, oidValue, type Value, type VarBind } from "../wire/index.ts";
import { changedFields, PLACES, planSet, UDP_DOMAINS, writeAddress } from "./settings.ts";

const SETTINGS = snmpAgent.spec.parse({}) as SnmpSettings;
const bind = (name: Oid, value: Value): VarBind => ({ oid: name, value });
const row = (table: Oid, column: number, name: string): Oid => [...table, column, ...Buffer.from(name)];
const target = (name: string, more: readonly VarBind[] = []): VarBind[] => [
  bind(row(PLACES.targets, 3, name), octets(Buffer.from([127, 0, 0, 1, 0, 162]))),
  bind(row(PLACES.targets, 7, name), octets("v2c")),
  bind(row(PLACES.targets, 9, name), integer(4)),
  ...more,
];
const settingsOf = (plan: ReturnType<typeof planSet>): SnmpSettings => ("settings" in plan ? plan.settings : assert.fail(JSON.stringify(plan)));

test("a row of targets is made, changed, switched off and removed as RFC 3413 has it", () => {
  const made = settingsOf(planSet(SETTINGS, target("nms", [bind(row(PLACES.targets, 6, "nms"), octets("trap inform"))])));
  assert.deepEqual(made.targets, [
    { name: "nms", address: "127.0.0.1:162", params: "v2c", tags: ["trap", "inform"], timeout: "1500ms", retries: 3, enabled: true },
  ]);
  assert.deepEqual(Object.keys(changedFields(SETTINGS, made)), ["targets"]);
  const six = octets(writeAddress("[2001:db8::7]:1162"));
  const moved = settingsOf(planSet(made, [bind(row(PLACES.targets, 2, "nms"), oidValue(UDP_DOMAINS[6])), bind(row(PLACES.targets, 3, "nms"), six)]));
  assert.equal(moved.targets[0]?.address, "[2001:db8:0:0:0:0:0:7]:1162");
  assert.equal(settingsOf(planSet(made, [bind(row(PLACES.targets, 9, "nms"), integer(2))])).targets[0]?.enabled, false);
  assert.deepEqual(settingsOf(planSet(made, [bind(row(PLACES.targets, 9, "nms"), integer(6))])).targets, []);
  assert.deepEqual(
    settingsOf(planSet(SETTINGS, [bind(row(PLACES.targets, 9, "gone"), integer(6))])).targets,
    [],
    "what is not there is gone already",
  );
  const v3 = settingsOf(
    planSet(SETTINGS, [
      bind(row(PLACES.params, 2, "sec"), integer(3)),
      bind(row(PLACES.params, 3, "sec"), integer(3)),
      bind(row(PLACES.params, 4, "sec"), octets("nms")),
      bind(row(PLACES.params, 5, "sec"), integer(3)),
      bind(row(PLACES.params, 7, "sec"), integer(4)),
    ]),
  );
  assert.deepEqual(v3.params.at(-1), { name: "sec", version: "v3", user: "nms", level: "authPriv", enabled: true });
});

test("what cannot be is refused with the status of RFC 3416, and the variable that is wrong", () => {
  const wrong: readonly (readonly [readonly VarBind[], number, number])[] = [
    [[bind(PLACES.contact, octets("a")), bind(oid("1.3.6.1.2.1.1.5.0"), octets("b"))], ERROR.notWritable, 2],
    [[bind(PLACES.contact, integer(1))], ERROR.wrongType, 1],
    [[bind(PLACES.contact, octets(Buffer.from([0xff, 0xfe])))], ERROR.wrongEncoding, 1],
    [[bind(PLACES.contact, octets("two\nlines"))], ERROR.wrongValue, 1],
    [[bind(PLACES.contact, octets("x".repeat(256)))], ERROR.wrongLength, 1],
    [[bind(PLACES.interval, gauge(0))], ERROR.wrongValue, 1],
    [[bind([...PLACES.contact, 0], octets("x"))], ERROR.notWritable, 1],
    [[bind([...PLACES.thresholds, 3, 5], gauge(50))], ERROR.noCreation, 1],
    [[bind([...PLACES.thresholds, 7, 1], integer(1))], ERROR.notWritable, 1],
    [[bind([...PLACES.thresholds, 4, 1], gauge(96))], ERROR.inconsistentValue, 1],
    [[bind(row(PLACES.targets, 5, "nms"), integer(1))], ERROR.inconsistentValue, 1],
    [[bind(row(PLACES.targets, 9, "nms"), integer(4))], ERROR.inconsistentValue, 1],
    [target("a name that is longer than 32 bytes"), ERROR.noCreation, 1],
    [target("nms", [bind(row(PLACES.targets, 2, "nms"), oidValue(UDP_DOMAINS[6]))]), ERROR.inconsistentValue, 1],
    [target("nms", [bind(row(PLACES.targets, 2, "nms"), oidValue([1, 3, 6]))]), ERROR.wrongValue, 4],
    [target("nms", [bind(row(PLACES.targets, 8, "nms"), integer(2))]), ERROR.wrongValue, 4],
    [[bind(row(PLACES.targets, 3, "nms"), octets(Buffer.from([1, 2, 3])))], ERROR.wrongLength, 1],
    [[bind(row(PLACES.targets, 3, "nms"), octets(Buffer.from([127, 0, 0, 1, 0, 0])))], ERROR.wrongValue, 1],
  ];
  for (const [varbinds, status, index] of wrong) assert.deepEqual(planSet(SETTINGS, varbinds), { status, index }, JSON.stringify(varbinds));
});

test("whatever is set, what comes of it is settings that the kind takes, or a refusal", () => {
  const places = [PLACES.contact, PLACES.location, PLACES.interval, PLACES.authenticationTraps];
  const tables = [PLACES.targets, PLACES.params, PLACES.notify];
  const names = fc.oneof(
    fc.constantFrom(...places),
    fc.tuple(fc.nat(8), fc.nat(5)).map(([column, at]): Oid => [...PLACES.thresholds, column, at]),
    fc
      .tuple(fc.constantFrom(...tables), fc.nat(10), fc.constantFrom("nms", "trap", "v2c", "", "ü", "a b", "x".repeat(40)))
      .map(([table, column, name]) => row(table, column, name)),
  );
  const values: fc.Arbitrary<Value> = fc.oneof(
    fc.integer({ min: -5, max: 200 }).map(integer),
    fc.integer({ min: 0, max: 100_000 }).map(gauge),
    fc.oneof(fc.string({ maxLength: 300 }), fc.constantFrom("v2c", "trap inform", "-x", "a".repeat(33))).map((one) => octets(one)),
    fc.uint8Array({ minLength: 5, maxLength: 19 }).map((one) => octets(Buffer.from(one))),
    fc.constantFrom(oidValue(UDP_DOMAINS[4]), oidValue([1, 3])),
  );
  const base = settingsOf(planSet(SETTINGS, target("nms")));
  fc.assert(
    fc.property(fc.array(fc.record({ oid: names, value: values }), { maxLength: 6 }), (varbinds) => {
      const plan = planSet(base, varbinds);
      if ("status" in plan) return assert.ok(plan.index <= varbinds.length && plan.status > 5);
      const parsed = snmpAgent.spec.safeParse(plan.settings);
      assert.ok(parsed.success, JSON.stringify([varbinds, parsed.error?.issues]));
    }),
    { numRuns: 5_000 },
  );
});
