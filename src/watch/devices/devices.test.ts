import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { seededRandom, systemClock } from "#/base/index.ts";
import type { Figure } from "#/watch/figures/index.ts";
import { counter, counter64, gauge, integer, text, ticks, type Value } from "#/watch/snmp/wire/index.ts";
import { growthOf, judgeUptime } from "./counters.ts";
import { Poller } from "./poller.ts";
import { ProfileFiles } from "./profile-files.ts";
import { type ReplayFaults, replayDevice } from "./replayer-rig.ts";

const IF = "1.3.6.1.2.1.2.2.1";
const IFX = "1.3.6.1.2.1.31.1.1.1";

const SWITCH: Readonly<Record<string, Value>> = {
  "1.3.6.1.2.1.1.1.0": text("a switch"),
  "1.3.6.1.2.1.1.3.0": ticks(360_000),
  "1.3.6.1.2.1.1.5.0": text("core-1"),
  [`${IF}.2.7`]: text("GigabitEthernet0/7"),
  [`${IF}.7.7`]: integer(1),
  [`${IF}.8.7`]: integer(2),
  [`${IF}.14.7`]: counter(4),
  [`${IFX}.1.7`]: text("Gi0/7"),
  [`${IFX}.6.7`]: counter64(2n ** 60n),
  [`${IFX}.15.7`]: gauge(1_000),
  [`${IFX}.19.7`]: ticks(0),
  "1.3.6.1.2.1.25.3.3.1.2.1": integer(17),
  "1.3.6.1.2.1.99.1.1.1.1.3": integer(8),
  "1.3.6.1.2.1.99.1.1.1.2.3": integer(9),
  "1.3.6.1.2.1.99.1.1.1.3.3": integer(1),
  "1.3.6.1.2.1.99.1.1.1.4.3": integer(415),
  "1.3.6.1.2.1.99.1.1.1.5.3": integer(1),
  "1.3.6.1.2.1.99.1.1.1.1.4": integer(8),
  "1.3.6.1.2.1.99.1.1.1.4.4": integer(0),
  "1.3.6.1.2.1.99.1.1.1.5.4": integer(2),
  "1.0.8802.1.1.2.1.4.1.1.9.0.7.1": text("access-4"),
};

async function makeRig(t: TestContext, faults: ReplayFaults = {}, variables = SWITCH) {
  const device = await replayDevice(variables, faults);
  const told: Figure[] = [];
  const poller = new Poller({ clock: systemClock, random: seededRandom(7), tryMs: 500, tell: (figures) => void told.push(...figures) });
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-devices-"));
  t.after(async () => {
    await Promise.all([poller.close(), device.close()]);
    rmSync(folder, { recursive: true, force: true });
  });
  const look = async (profile = "generic", timeoutMs = 20_000, address = device.address): Promise<Record<string, unknown>> =>
    (await poller.look({ address, profile }, "default/switch", 10_000, { env: {}, workingDir: folder }, { timeoutMs })) as Record<string, unknown>;
  const figureOf = (metric: string, row?: string): number | undefined =>
    told.findLast(([name, labels]) => name === metric && labels["row"] === row)?.[2];
  return { device, told, look, folder, figureOf };
}

const observedOf = (seen: Record<string, unknown>): Record<string, Record<string, unknown>> => {
  assert.ok("observed" in seen, JSON.stringify(seen));
  return seen["observed"] as Record<string, Record<string, unknown>>;
};

test("a device's state is keyed by the names of its interfaces; what changes all the time are figures; a sensor that is not ok is a gap", async (t) => {
  const { look, figureOf, told } = await makeRig(t);
  const observed = observedOf(await look());
  assert.equal(observed["name"], "core-1");
  assert.deepEqual(observed["interfaces"], {
    "Gi0/7": { name: "Gi0/7", description: "GigabitEthernet0/7", wanted: "up", state: "down", megabitsPerSecond: 1_000 },
  });
  assert.deepEqual(observed["neighbours"], { "0.7.1": { name: "access-4" } });
  assert.deepEqual(observed["problems"], ["interfaces Gi0/7: it is wanted up: state is down"]);
  assert.equal(observed["partial"], undefined);
  assert.equal(figureOf("device_processors_percent", "1"), 17);
  assert.equal(figureOf("device_sensors_value", "3"), 41.5);
  assert.equal(figureOf("device_sensors_value", "4"), undefined);
  assert.equal(figureOf("device_interfaces_received_bytes_total", "Gi0/7"), 2 ** 60);
  assert.ok(told.every(([, labels]) => labels["device"] === "switch"));
});

test("growth is exact above 2^53, absent after a restart, a discontinuity, or where it is above the link's speed", async (t) => {
  const { device, look, figureOf, told } = await makeRig(t);
  const grow = async (bytes: bigint, more: () => void = () => {}): Promise<number | undefined> => {
    told.length = 0;
    device.set(`${IFX}.6.7`, counter64(bytes));
    more();
    observedOf(await look());
    return figureOf("device_interfaces_received_bytes_per_second", "Gi0/7");
  };
  assert.equal(await grow(2n ** 60n), undefined);
  assert.ok(((await grow(2n ** 60n + 3n)) ?? 0) > 0);
  assert.equal(await grow(2n ** 60n + 3n), 0);
  assert.equal(await grow(2n ** 62n), undefined);
  assert.equal(await grow(5n), undefined);
  assert.equal(await grow(6n, () => device.set(`${IFX}.19.7`, ticks(99))), undefined);
  assert.ok(((await grow(7n)) ?? 0) > 0);
  assert.equal(await grow(8n, () => device.set("1.3.6.1.2.1.1.3.0", ticks(5))), undefined);
});

for (const [name, faults] of Object.entries({
  "answers with another's number": { isOfWrongId: true },
  "truncates its answers": { isTruncated: true },
  "answers from another address": { isFromElsewhere: true },
  "does not answer": { silent: 1e9 },
}))
  test(`a device that ${name} is not believed, and left alone for a while`, async (t) => {
    const { device, look } = await makeRig(t, faults);
    assert.match(String((await look("generic", 200))["error"]), /did not answer .* not answered 1 times in a row, asked again after 20/);
    const { requests } = device;
    assert.match(String((await look("generic", 200))["error"]), /not answered 1 times/);
    assert.equal(device.requests, requests);
  });

test("a device whose manifest is mended is asked at once", async (t) => {
  const { look } = await makeRig(t);
  const dead = await replayDevice({}, { silent: 1e9 });
  t.after(() => dead.close());
  assert.match(String((await look("generic", 200, dead.address))["error"]), /not answered 1 times/);
  assert.equal(observedOf(await look())["name"], "core-1");
});

test("a lost question is asked again", async (t) => {
  const { look } = await makeRig(t, { silent: 1 });
  assert.equal(observedOf(await look())["name"], "core-1");
});

test("every walk ends: answers that do not go on, or without variables, or without end", async (t) => {
  const { look, device } = await makeRig(t, { isNotIncreasing: true });
  assert.match(JSON.stringify(observedOf(await look())["partial"]), /not increasing/);
  device.faults = { isEmpty: true };
  assert.equal(observedOf(await look())["interfaces"], undefined);
  device.faults = { isEndless: true };
  const observed = observedOf(await look("generic", 3_000));
  assert.match(JSON.stringify(observed["partial"]), /"at":"20.*(too many rows|no time)/);
  assert.ok(device.requests < 20_000);
});

test("a device that cannot answer much at once is asked for less", async (t) => {
  const { look } = await makeRig(t, { repetitionsMax: 4 });
  const observed = observedOf(await look("generic", 60_000));
  assert.deepEqual(Object.keys(observed["interfaces"] ?? {}), ["Gi0/7"]);
});

test("all shipped profiles can be read; one of a site's own goes before them; a wrong one says where", async (t) => {
  const { look, folder, figureOf } = await makeRig(t, {}, { ...SWITCH, "1.3.6.1.4.1.99.1.0": integer(415), "1.3.6.1.4.1.99.2.0": integer(-1) });
  const files = new ProfileFiles();
  for (const name of ["generic", "cisco", "h3c", "huawei", "ups"]) assert.ok(files.get(name, folder).tables["interfaces"], name);
  const write = (body: string): void => writeFileSync(path.join(folder, "own.yaml"), body);
  write(
    "values:\n  celsius: {oid: 1.3.6.1.4.1.99.1.0, as: gauge, scale: 0.1}\n  fan: {oid: 1.3.6.1.4.1.99.2.0, as: gauge, none: [-1]}\nhealth:\n  - {value: celsius, above: 40, message: hot}\n",
  );
  const observed = observedOf(await look("own"));
  assert.equal(figureOf("device_celsius"), 41.5);
  assert.equal(figureOf("device_fan"), undefined);
  assert.deepEqual(observed["problems"], ["hot: celsius is above 40"]);
  for (const [body, message] of [
    ["values: {a: {oid: 1.3.x, as: gauge}}", /own: values\.a\.oid: numbers with points/],
    ["include: [own]", /includes itself/],
    ["include: [nothing]", /there is no device profile nothing: shipped are generic/],
    ["tables: {a: {key: b, columns: {}}}", /tables\.a: it has no column b/],
    ["a: [", /own: line \d/],
  ] as const) {
    write(`${body}\n# ${message.source}`);
    assert.match(String((await look("own"))["error"]), message);
  }
});

test("sysUpTime tells running on, its end after 497 days, and a restart apart", () => {
  assert.equal(judgeUptime(1_000, 4_000, 30_000), "on");
  assert.equal(judgeUptime(2 ** 32 - 1_000, 2_000, 30_000), "rolled over");
  assert.equal(judgeUptime(2 ** 32 - 1_000_000, 2_000, 30_000), "started anew");
  assert.equal(judgeUptime(8_640_000, 500, 30_000), "started anew");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 100, max: 3_600_000 }), (before, betweenMs) => {
      const after = Math.round(before + betweenMs / 10);
      assert.equal(judgeUptime(before, after % 2 ** 32, betweenMs), after < 2 ** 32 ? "on" : "rolled over");
    }),
  );
});

test("a counter's growth is what was added, through the end of 32 bits; never from what went back", () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, 2n ** 40n), (before, more) => {
      const growth = growthOf({ before, after: BigInt.asUintN(64, before + more), bits: 64, betweenMs: 1_000 });
      assert.equal(growth, before + more < 2n ** 64n ? Number(more) : undefined);
    }),
  );
  assert.equal(growthOf({ before: 0xffff_fff0n, after: 16n, bits: 32, betweenMs: 1_000 }), 32);
  assert.equal(growthOf({ before: 500n, after: 16n, bits: 32, betweenMs: 1_000 }), undefined);
});
