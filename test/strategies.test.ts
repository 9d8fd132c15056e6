import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { get } from "node:http";
import path from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { durationMs, type Instance, instance, SITE_NAME, type StrategyName, site as siteKind, type Update, update } from "#/model/index.ts";
import { askPasses } from "./ground-station-load.ts";
import { RunningSite, slowness } from "./running-site.ts";
import { type AccessLine, readAccessLog, type Sent, SteadyLoad, summarize } from "./steady-load.ts";
import { assertCallsConsistent, createUpdate, setPolicy, untilSettled } from "./updating-site.ts";

/** Instances of auth, as its manifest says. */
const REPLICAS = 2;
/** A gateway answers what it has held a moment after it was let go. */
const ANSWERED_MS = 500;

let site: RunningSite;

before(async () => {
  site = await RunningSite.start("ground-station");
});
after(() => site.close());

const readUpdate = async (name: string): Promise<Update> => {
  const found = await site.store.get(update, { name });
  assert.ok(found, `update ${name} is gone`);
  return found;
};

const endOf = async (name: string): Promise<Update> =>
  (
    await site.until(`update ${name} has ended`, async () => {
      const one = await readUpdate(name);
      return ["Complete", "Aborted", "RolledBack", "Superseded"].includes(one.status?.phase ?? "") ? one : undefined;
    })
  ).found;

const consistency = (one: Update): { readonly status?: string | undefined; readonly reason?: string | undefined } => {
  const found = one.status?.conditions?.find(({ type }) => type === "Consistent");
  return { status: found?.status, reason: found?.reason };
};

/** What the instances of auth were at each moment, from every change of theirs, in order: an Instance stays until its process is gone. */
async function watchAuth(): Promise<{ readonly moments: readonly (readonly Instance[])[]; readonly end: () => Promise<void> }> {
  const { items, resourceVersion } = await site.store.list(instance);
  const stopping = new AbortController();
  const present = new Map(items.map((one) => [one.metadata.name, one]));
  const moments: (readonly Instance[])[] = [];
  const note = (): void => void moments.push([...present.values()].filter((one) => one.spec.service === "auth"));
  note();
  const watching = (async () => {
    for await (const event of site.store.watch(instance, { resourceVersion, signal: stopping.signal })) {
      if (event.type === "BOOKMARK") continue;
      if (event.type === "DELETED") present.delete(event.object.metadata.name);
      else present.set(event.object.metadata.name, event.object);
      note();
    }
  })().catch((error: Error) => {
    if (!stopping.signal.aborted) throw error;
  });
  return {
    moments,
    end: async () => {
      stopping.abort();
      await watching;
    },
  };
}

interface Observation {
  readonly sent: readonly Sent[];
  /** What gateways wrote while it went on. */
  readonly lines: readonly AccessLine[];
  readonly updates: readonly Update[];
  readonly moments: readonly (readonly Instance[])[];
}

/** Updates auth to v2 and back under load, as `strategy` says. */
async function thereAndBack(context: TestContext, strategy: StrategyName): Promise<Observation> {
  const before = readAccessLog(site.data).length;
  const load = new SteadyLoad({ ...askPasses(site), perSecond: 40 });
  const watch = await watchAuth();
  context.after(() => watch.end());
  context.after(() => load.stop());
  const updates: Update[] = [];
  for (const version of ["v2", "v1"]) {
    const name = `${strategy.toLowerCase()}-${version}`;
    await createUpdate(site, name, { auth: version }, { strategy });
    updates.push(await endOf(name));
    await untilSettled(site);
    const left = (await site.instances()).filter((one) => one.spec.service === "auth");
    assert.deepEqual(
      left.map((one) => [one.spec.version, one.status?.ready]),
      Array.from({ length: REPLICAS }, () => [version, true]),
      "only instances of the new version are left, and all of them",
    );
  }
  const sent = await load.stop();
  await watch.end();
  assert.deepEqual(
    updates.map((one) => one.status?.phase),
    ["Complete", "Complete"],
  );
  const slowestMs = Math.round(Math.max(...sent.map((one) => one.endMs - one.startMs)));
  context.diagnostic(
    `${sent.length} requests: ${count(sent, "mixed")} mixed, ${count(sent, "failed")} failed, the slowest took ${slowestMs} ms; served by ${[...new Set(sent.map((one) => one.servedBy))].filter((by) => by !== "").join("; ")}`,
  );
  return { sent, lines: readAccessLog(site.data).slice(before), updates, moments: watch.moments };
}

const count = (sent: readonly Sent[], outcome: Sent["outcome"]): number => sent.filter((one) => one.outcome === outcome).length;

const refusals = (lines: readonly AccessLine[]): readonly string[] => [...new Set(lines.flatMap(({ error }) => error ?? []))].sort();

const revisionsOf = (moment: readonly Instance[]): ReadonlySet<string> => new Set(moment.map((one) => one.spec.revision ?? ""));

const readyOf = (moment: readonly Instance[]): number =>
  moment.filter((one) => one.status?.ready === true && one.metadata.deletionTimestamp === undefined).length;

test("`update auth --to v2` on the site as it comes up returns when it is complete: whatever comes later meets v2, and the former instances are told to end, and gone; with --no-wait it returns at once", async (context) => {
  const load = new SteadyLoad({ ...askPasses(site), perSecond: 20 });
  context.after(() => load.stop());
  const watch = await watchAuth();
  context.after(() => watch.end());
  const former = (await site.instances()).filter((one) => one.spec.service === "auth");
  const running = (): number => former.filter((one) => site.programs().has(one.metadata.uid)).length;
  assert.equal(running(), REPLICAS);
  // One request of before that lasts as long as it is wanted.
  const stream = openStream(`${site.edge}/api/track?satellite=ISS&intervalMs=100`);
  context.after(() => stream.end());
  await site.until("the stream has begun", () => (stream.events > 0 ? true : undefined));

  let hasReturned = false;
  const command = site.orrery("update", "auth", "--to", "v2", "--timeout", "60s").finally(() => {
    hasReturned = true;
  });
  await site.until("new requests meet v2", () => load.sent.some((one) => one.servedBy === "auth v2, predictor v1") || undefined);
  // Longer than the linger.
  await wait(1500);
  assert.ok(!hasReturned, "it does not wait for what began before");
  assert.equal(running(), REPLICAS, "the former instances serve on");
  stream.end();
  const { status, out, err } = await command;
  const returnedMs = performance.now();
  assert.equal(status, 0, `${out}${err}`);
  const told = /^update (\S+): auth to v2\nupdate \1: complete in generation 2 \(.*Draining .*\)\n$/.exec(out);
  assert.ok(told, out);
  assert.match(err, /Draining: \d+ calls of generation 1 are open at gateway main, 1 of them streams/);
  const one = await readUpdate(told[1] ?? "");
  assert.equal(one.status?.phase, "Complete");
  assert.equal(one.status?.conditions?.find(({ type }) => type === "Complete")?.status, "True");
  assert.equal(running(), 0, "a former instance still runs");
  assert.deepEqual(
    (await site.instances()).filter(({ spec }) => spec.service === "auth").map(({ spec }) => spec.version),
    ["v2", "v2"],
  );
  const agentLog = readFileSync(path.join(site.data, "logs", "agent.log"), "utf8");
  for (const { metadata } of former) {
    assert.ok(
      watch.moments.some((moment) => moment.some((each) => each.metadata.uid === metadata.uid && each.metadata.deletionTimestamp !== undefined)),
      `${metadata.name} was told to end`,
    );
    assert.match(agentLog, new RegExp(`"${metadata.name}: stopped: exit status 0"`), "it ended in order");
  }
  const later = () => load.sent.filter((each) => each.startMs > returnedMs);
  await site.until("requests have come since", () => later().length > 20 || undefined);
  assert.deepEqual([...new Set(later().map((each) => each.servedBy))], ["auth v2, predictor v1"]);

  const next = openStream(`${site.edge}/api/track?satellite=ISS&intervalMs=100`);
  context.after(() => next.end());
  await site.until("the stream has begun", () => (next.events > 0 ? true : undefined));
  const unwaited = await site.orrery("update", "auth", "--to", "v1", "--no-wait");
  assert.equal(unwaited.status, 0, unwaited.err);
  const name = /^update (\S+): auth to v1\n$/.exec(unwaited.out)?.[1] ?? assert.fail(unwaited.out);
  assert.ok(!["Complete", "Aborted", "RolledBack", "Superseded"].includes((await readUpdate(name)).status?.phase ?? ""));
  await site.until("new requests meet v1", () => load.sent.at(-1)?.servedBy === "auth v1, predictor v1" || undefined);
  next.end();
  assert.equal((await endOf(name)).status?.phase, "Complete");
  await untilSettled(site);
  const sent = await load.stop();
  assert.equal(sent.filter((each) => each.outcome !== "ok").length, 0, summarize(sent));
  await assertCallsConsistent(site);
});

test("quiescence mixes nothing and fails nothing: requests wait until the running ones are over", async (context) => {
  const { sent, lines, updates } = await thereAndBack(context, "quiescence");
  assert.equal(sent.filter((one) => one.outcome !== "ok").length, 0, summarize(sent));
  assert.deepEqual(refusals(lines), []);
  const holdMs = durationMs((await site.store.get(siteKind, { name: SITE_NAME }))?.spec.hold ?? "5s");
  const slowestMs = Math.max(...sent.map((one) => one.endMs - one.startMs));
  assert.ok(slowestMs > 300, `the slowest request took ${slowestMs} ms: nothing was held`);
  assert.ok(slowestMs < holdMs, `a request took ${slowestMs} ms, held is for at most ${holdMs} ms`);
  for (const one of updates) {
    assert.deepEqual(consistency(one), { status: "True", reason: "OneGeneration" });
    assert.ok(
      one.status?.phases?.some(({ phase }) => phase === "Holding"),
      JSON.stringify(one.status?.phases),
    );
  }
  await assertCallsConsistent(site);
});

for (const strategy of ["blueGreen", "rolling"] as const) {
  test(`${strategy} refuses nothing and always has all instances, but lets requests meet both versions, and says so`, async (context) => {
    const { sent, lines, updates, moments } = await thereAndBack(context, strategy);
    assert.equal(count(sent, "failed"), 0, summarize(sent));
    assert.deepEqual(refusals(lines), []);
    for (const one of updates) assert.deepEqual(consistency(one), { status: "False", reason: "StrategyMixes" });
    assert.ok(
      moments.every((moment) => readyOf(moment) >= REPLICAS),
      "there were fewer ready instances than wanted",
    );
    assert.ok(moments.some((moment) => revisionsOf(moment).size === 2));
    const starting = (moment: readonly Instance[]): number =>
      moment.filter((one) => one.status?.ready !== true && one.metadata.deletionTimestamp === undefined).length;
    assert.equal(Math.max(...moments.map(starting)), strategy === "rolling" ? 1 : REPLICAS, "instances that start at one time");
  });
}

test("recreate never has instances of two versions: requests are refused in between, and succeed again", async (context) => {
  const { sent, lines, updates, moments } = await thereAndBack(context, "recreate");
  const both = moments.find((moment) => revisionsOf(moment).size > 1);
  assert.equal(both, undefined, `at one time: ${both?.map((one) => one.metadata.name).join(", ")}`);
  assert.equal(new Set(moments.flatMap((moment) => [...revisionsOf(moment)])).size, 2);
  assert.deepEqual(refusals(lines), ["gateway/no-instance"]);
  const other = sent.filter((one) => one.outcome === "failed" && !/no instance of auth-\S+ is ready/.test(one.detail));
  assert.equal(other.length, 0, summarize(other));
  assert.equal(sent.at(-1)?.outcome, "ok", summarize(sent));
  for (const one of updates) assert.deepEqual(consistency(one), { status: "False", reason: "StrategyMixes" });
});

test("quiescence under a transaction that does not end is gone back from: the reason is told, what was held succeeds, and that transaction goes on", async (context) => {
  await setPolicy(site, { hold: "1s" });
  context.after(() => setPolicy(site, { hold: "5s" }));
  const stream = openStream(`${site.edge}/api/track?satellite=ISS&intervalMs=100`);
  context.after(() => stream.end());
  await site.until("the stream has begun", () => (stream.events > 0 ? true : undefined));
  const load = new SteadyLoad({ ...askPasses(site), perSecond: 40 });
  context.after(() => load.stop());
  await createUpdate(site, "too-long", { auth: "v2" }, { strategy: "quiescence" });
  const ended = await endOf("too-long");
  assert.equal(ended.status?.phase, "RolledBack");
  const told = ended.status?.conditions?.find(({ type }) => type === "Complete");
  assert.match(told?.message ?? "", /not over in time \(hold is 1 s\)/);
  const shown = await site.orrery("update", "show", "too-long");
  assert.match(shown.out, /RolledBack[\s\S]*not over in time/);
  const seenThen = stream.events;
  await site.until("the stream goes on", () => (stream.events > seenThen + 2 ? true : undefined));
  assert.equal(stream.failure, undefined);
  // While the machine is as busy as it was for the requests.
  const allowedMs = 1000 + ANSWERED_MS * (await slowness());
  const sent = await load.stop();
  assert.equal(sent.filter((one) => one.outcome !== "ok").length, 0, summarize(sent));
  const slowestMs = Math.max(...sent.map((one) => one.endMs - one.startMs));
  assert.ok(slowestMs > 500 && slowestMs < allowedMs, `the slowest request took ${slowestMs} ms, allowed are ${allowedMs} ms`);
  assert.deepEqual([...new Set(sent.map((one) => one.servedBy))], ["auth v1, predictor v1"]);
  stream.end();
  // The template is put back, so that it is wanted what is served.
  await createUpdate(site, "put-back", { auth: "v1" });
  await endOf("put-back");
  await untilSettled(site);
});

test("a ramp with rolling is refused with what to do", async () => {
  const { status, out, err } = await site.orrery("update", "auth", "--to", "v2", "--strategy", "rolling", "--ramp", "1,10");
  assert.notEqual(status, 0);
  assert.match(`${out}${err}`, /a ramp goes with strategy consistent only, not with rolling: leave one of them out/);
  await untilSettled(site);
});

/** A stream of events, read until it is ended. */
function openStream(url: string): { readonly events: number; readonly failure: string | undefined; end(): void } {
  const state: { events: number; failure: string | undefined; isEnded: boolean } = { events: 0, failure: undefined, isEnded: false };
  const broke = (why: string): void => {
    if (!state.isEnded) state.failure ??= why;
  };
  const request = get(url, { agent: false }, (response) => {
    response.setEncoding("utf8").on("data", (text: string) => (state.events += text.split("data:").length - 1));
    response.on("error", (error) => broke(error.message));
    response.on("end", () => broke("it ended"));
  });
  request.on("error", (error) => broke(error.message));
  return {
    get events() {
      return state.events;
    },
    get failure() {
      return state.failure;
    },
    end() {
      state.isEnded = true;
      request.destroy();
    },
  };
}
