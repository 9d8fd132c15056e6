import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, statfsSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { describeError, isOrreryError, type Log, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { gateway, instance, microservice, resource, update } from "#/model/index.ts";
import { openTreeStore, type TreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree, type SqliteTree } from "#/state/tree/sqlite/index.ts";
import { TestSite } from "./agent-site.ts";
import { askPasses } from "./ground-station-load.ts";
import { RunningSite } from "./running-site.ts";
import { fillDisk, freeDisk, mountDisk } from "./small-disk.ts";
import { SteadyLoad, summarize, unexcused } from "./steady-load.ts";
import { createUpdate, untilSettled, untilUpdatesEnd } from "./updating-site.ts";

const DISK = "200m";
/** After the disk has room again: a child of the supervisor that could not start waits up to ten seconds before it tries again. */
const BACK_WITHIN_MS = 40_000;
/** A step of the ramp; the disk is full before it is over. */
const STEP_MS = 6000;

test("a full disk is said clearly, loses nothing acknowledged and no request, and when there is room again all goes on by itself", async (context) => {
  const running: { site?: RunningSite; load?: SteadyLoad } = {};
  const disk = mountDisk(context, DISK, async () => {
    await running.load?.stop();
    await running.site?.close();
  });
  if (disk === undefined) return context.skip("mounting a small disk needs root");
  const site = await RunningSite.start("ground-station", path.join(disk, "site"));
  running.site = site;
  const load = new SteadyLoad({ ...askPasses(site), perSecond: 20 });
  running.load = load;
  const acknowledged: string[] = [];
  const write = async (name: string): Promise<void> => {
    await site.store.create(resource, { metadata: { name }, spec: { id: `person/${name}`, type: "human", description: "x".repeat(1500) } });
    acknowledged.push(name);
  };
  const assertAllThere = async (): Promise<void> => {
    const there = new Set((await site.store.list(resource)).items.map((one) => one.metadata.name));
    assert.deepEqual(
      acknowledged.filter((name) => !there.has(name)),
      [],
    );
  };
  for (let count = 0; count < 20; count++) await write(`before-${count}`);

  // In the middle of an update: with the next step of its ramp it would go on.
  await createUpdate(site, "in-between", { auth: "v2" }, { ramp: { steps: [{ share: 0.5, hold: `${STEP_MS}ms` }] } });
  const phaseOf = async (): Promise<string | undefined> => (await site.store.get(update, { name: "in-between" }))?.status?.phase;
  await site.until("it ramps", async () => ((await phaseOf()) === "Ramping" ? true : undefined));
  const rampsMs = performance.now();
  // The store may have room kept for some more writes; then it refuses them, and says why and what to do.
  fillDisk(disk);
  let refusal: unknown;
  for (let count = 0; count < 5000 && refusal === undefined; count++) {
    fillDisk(disk);
    await write(`during-${count}`).catch((error: unknown) => (refusal = error));
  }
  // Whichever is asked for room first: the audit comes before the store.
  assert.ok(isOrreryError(refusal, "store/full") || isOrreryError(refusal, "audit/unwritable"), describeError(refusal));
  assert.match(
    describeError(refusal),
    /no room for .*tree\.db on its disk; nothing was written; free some room, then try again|the action was not done, .* ENOSPC.*make room on its disk/,
  );
  await assertAllThere();
  assert.equal(await phaseOf(), "Ramping", "the disk was not full in time");
  await wait(rampsMs + STEP_MS + 1000 - performance.now());
  assert.equal(await phaseOf(), "Ramping", "nothing is decided without a disk that takes it");
  const auth = await site.store.get(microservice, { name: "auth" });
  assert.ok(auth !== undefined);
  await assert.rejects(site.store.patch(microservice, auth.metadata, { type: "merge", body: { spec: { replicas: 3 } } }), /no room|make room/);

  // Whatever dies now may have to wait for room; requests go on.
  const pids = (): number[] => [...site.programs().values()].flat();
  const before = pids();
  for (const name of ["centre", "agent"] as const) site.killPlatform(name);
  await site.until("they were tried to be started again", async () =>
    (await fetch(`${site.edge}/api/passes?satellite=ISS`)).status === 200 && site.platformPids("supervisor").length === 1 ? true : undefined,
  );
  const { bavail } = statfsSync(disk);
  context.diagnostic(`${bavail} blocks were free`);
  const second = await site.up();
  assert.equal(second.status, 1);
  assert.match(second.err, /the disk of the data folder .* is full; free some room/);
  assert.deepEqual(pids(), before);

  freeDisk(disk);
  const { tookMs } = await site.until(
    "centre and agent are back",
    () => (site.record("centre") !== undefined && site.record("agent") !== undefined ? true : undefined),
    BACK_WITHIN_MS,
  );
  context.diagnostic(`back ${Math.round(tookMs)} ms after there was room again`);
  const [ended] = await untilUpdatesEnd(site).then((all) => all.filter((one) => one.metadata.name === "in-between"));
  assert.equal(ended?.status?.phase, "Complete");
  await untilSettled(site);
  await assertAllThere();
  await write("after");
  const sent = await load.stop();
  assert.ok(sent.length > 50);
  assert.deepEqual(
    sent.filter((one) => one.outcome === "mixed"),
    [],
  );
  assert.equal(unexcused(sent, []).length, 0, summarize(sent));
});

test("on a full disk a service can be stopped, scaled down and deleted, and nothing else is written", async (context) => {
  const running: { store?: TreeStore; tree?: SqliteTree } = {};
  const disk = mountDisk(context, "12m", async () => {
    await running.store?.close();
    await running.tree?.close();
  });
  if (disk === undefined) return context.skip("mounting a small disk needs root");
  const tree = await openSqliteTree({ file: path.join(disk, "tree.db"), clock: systemClock, random: systemRandom });
  running.tree = tree;
  const store = await openTreeStore({ tree, kinds: [microservice, resource], clock: systemClock, random: systemRandom, log: silentLog });
  running.store = store;
  const spec = { replicas: 3, template: { version: "v1", run: { command: ["node"] } } };
  for (const name of ["one", "two"]) await store.create(microservice, { metadata: { name }, spec });
  const change = (name: string, body: object): Promise<unknown> => store.patch(microservice, { name }, { type: "merge", body: { spec: body } });
  fillDisk(disk);
  let refusal: unknown;
  for (let count = 0; count < 3000 && refusal === undefined; count++) {
    fillDisk(disk);
    await store
      .create(resource, { metadata: { name: `r-${count}` }, spec: { id: `person/${count}`, type: "human", description: "x".repeat(1500) } })
      .catch((error: unknown) => (refusal = error));
  }
  assert.ok(isOrreryError(refusal, "store/full"), describeError(refusal));
  await assert.rejects(change("one", { replicas: 9 }), { code: "store/full" });
  fillDisk(disk);
  await change("one", { suspended: true });
  fillDisk(disk);
  await change("two", { replicas: 1 });
  fillDisk(disk);
  await assert.rejects(change("two", { replicas: 2 }), { code: "store/full" });
  await store.delete(microservice, { name: "two" });
  assert.equal((await store.get(microservice, { name: "one" }))?.spec.suspended, true);
  assert.equal(await store.get(microservice, { name: "two" }), undefined);
});

test("a duty that a full disk did not take is told as soon as there is room again, although nothing else happens", async (context) => {
  const running: { site?: TestSite } = {};
  const disk = mountDisk(context, "20m", async () => running.site?.close());
  if (disk === undefined) return context.skip("mounting a small disk needs root");
  const site = await TestSite.open({ data: path.join(disk, "data") });
  running.site = site;
  const { promise: refused, resolve: onRefused } = Promise.withResolvers<void>();
  const log: Log = { ...silentLog, warn: (message) => (message.includes("cannot record its duty") ? onRefused() : undefined) };
  await site.startAgent({ log });
  await site.create({ duty: "passive" }, "duty-v1-0");
  const one = await site.ready("duty-v1-0");
  fillDisk(disk);
  await site.store.patch(instance, { name: "duty-v1-0" }, { type: "merge", body: { spec: { duty: "active" } } });
  await refused;
  assert.equal(await site.ask(one, "/state"), "passive");
  assert.equal((await site.store.get(instance, { name: "duty-v1-0" }))?.status?.duty, "passive");
  freeDisk(disk);
  await site.until("duty-v1-0", (status) => status.duty === "active");
  assert.equal(await site.ask(one, "/state"), "active");
});

test("a gateway whose disk is full goes on serving, and what waits for it says why", { timeout: 180_000 }, async (context) => {
  const running: { site?: RunningSite } = {};
  const disk = mountDisk(context, "4m", async () => running.site?.close());
  if (disk === undefined) return context.skip("mounting a small disk needs root");
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-gateway-disk-"));
  mkdirSync(path.join(folder, "data"), { mode: 0o700 });
  symlinkSync(disk, path.join(folder, "data", "gateway"));
  const site = await RunningSite.start("ground-station", folder);
  running.site = site;
  // What it writes fits into a block that it has already, for an update or two.
  let stuck: string | undefined;
  for (let count = 1; stuck === undefined && count <= 10; count++) {
    const name = `update-${count}`;
    await createUpdate(site, name, { auth: count % 2 === 1 ? "v2" : "v1" });
    const { found } = await site.until(`${name} is complete, or says that the gateway's disk is full`, async () => {
      fillDisk(disk);
      const status = (await site.store.get(update, { name }))?.status;
      return status?.phase === "Complete" ? "complete" : status?.waits?.find((one) => /its disk refuses to keep it \(.*ENOSPC/.test(one.message));
    });
    if (found === "complete") continue;
    // Whatever table it is that did not fit any more.
    assert.match(`${found.reason} ${found.object}`, /^(TableNotAcknowledged gateway\/main|Withdrawing instance\/auth-v\d-\w+-\d)$/);
    stuck = name;
  }
  assert.ok(stuck !== undefined);
  assert.match((await site.orrery("update", "show", stuck)).out.replaceAll(/\s+/g, " "), /cannot acknowledge .* its disk refuses/);
  await site.until("the gateway says so", async () => {
    const ready = (await site.store.list(gateway)).items[0]?.status?.conditions?.find((one) => one.type === "Ready");
    return ready?.reason === "TableNotKept" ? true : undefined;
  });
  assert.equal((await fetch(`${site.edge}/api/passes?satellite=ISS`)).status, 200);
  freeDisk(disk);
  const all = await untilUpdatesEnd(site);
  assert.equal(all.find((one) => one.metadata.name === stuck)?.status?.phase, "Complete");
  await untilSettled(site);
});

test("new instances that a full disk of their host does not take are waited for, with the reason; what serves goes on, and the update when there is room again", async (context) => {
  const running: { site?: RunningSite; load?: SteadyLoad } = {};
  const disk = mountDisk(context, "8m", async () => {
    await running.load?.stop();
    await running.site?.close();
  });
  if (disk === undefined) return context.skip("mounting a small disk needs root");
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-agent-disk-"));
  mkdirSync(path.join(folder, "data"), { mode: 0o700 });
  symlinkSync(disk, path.join(folder, "data", "agent"));
  const site = await RunningSite.start("ground-station", folder);
  running.site = site;
  const load = new SteadyLoad({ ...askPasses(site), perSecond: 20 });
  running.load = load;
  fillDisk(disk);
  await createUpdate(site, "no-room", { auth: "v2" });
  const { found } = await site.until("it says that the disk is full", async () => {
    fillDisk(disk);
    return (await site.store.get(update, { name: "no-room" }))?.status?.waits?.find((one) => /ENOSPC|no room|no space/.test(one.message));
  });
  context.diagnostic(found.message);
  assert.equal(found.reason, "InstancesNotReady");
  assert.match(found.object, /^revision\/auth-v2-/);
  assert.match((await site.orrery("update", "show", "no-room")).out, /InstancesNotReady/);
  const [old] = (await site.instances()).filter((one) => one.spec.version === "v1" && one.spec.service === "auth");
  assert.equal(old?.status?.ready, true);
  freeDisk(disk);
  const ended = (await untilUpdatesEnd(site)).find((one) => one.metadata.name === "no-room");
  assert.equal(ended?.status?.phase, "Complete");
  await untilSettled(site);
  const sent = await load.stop();
  assert.equal(unexcused(sent, []).length, 0, summarize(sent));
  assert.deepEqual(
    sent.filter((one) => one.outcome === "mixed"),
    [],
  );
});
