import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { ManualClock, silentLog, systemClock } from "#/base/index.ts";
import { seriesConformance } from "../conformance.ts";
import { type AnsweredSeries, METRIC_NAME, type Sample, type SeriesStore } from "../contract.ts";
import { EmbeddedSeries } from "./embedded-series.ts";
import { openEmbeddedSeries } from "./index.ts";
import { DAY_MS, DEFAULT_LIMITS, DEFAULT_RETENTION, type SeriesLimits, type SeriesRetention } from "./options.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-series-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

interface Opened {
  readonly store: EmbeddedSeries;
  readonly clock: ManualClock;
  readonly folder: string;
}

function open(
  context: TestContext,
  options: {
    readonly folder?: string;
    readonly clock?: ManualClock;
    readonly limits?: Partial<SeriesLimits>;
    readonly retention?: Partial<SeriesRetention>;
  } = {},
): Opened {
  const { folder = temporaryFolder(context), clock = new ManualClock(1_800_000_000_000) } = options;
  const store = EmbeddedSeries.open({
    folder,
    clock,
    retention: { ...DEFAULT_RETENTION, ...options.retention },
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    log: silentLog,
    turn: () => Promise.resolve(),
  });
  context.after(() => store.close());
  return { store, clock, folder };
}

seriesConformance("EmbeddedSeries", {
  open: (context, { metricSeriesMax = DEFAULT_LIMITS.metricSeriesMax } = {}) => {
    const { store, clock } = open(context, { limits: { metricSeriesMax } });
    return Promise.resolve({ store, now: () => clock.now() });
  },
});

seriesConformance("EmbeddedSeries, sealed before each question", {
  open: (context, { metricSeriesMax = DEFAULT_LIMITS.metricSeriesMax } = {}) => {
    const { store, clock } = open(context, { limits: { metricSeriesMax, headSamplesMax: 1 } });
    return Promise.resolve({ store: sealing(store), now: () => clock.now(), settle: () => store.maintain() });
  },
});

seriesConformance("EmbeddedSeries in its thread", {
  open: (context, { metricSeriesMax = DEFAULT_LIMITS.metricSeriesMax } = {}) => {
    const store = openEmbeddedSeries({ folder: temporaryFolder(context), limits: { metricSeriesMax }, clock: systemClock, log: silentLog });
    context.after(() => store.close());
    return Promise.resolve({ store: withFreshFigures(store), now: () => Date.now() });
  },
});

/** Twice as many as are kept are taken, so that each batch of the suite fits. */
function sealing(store: EmbeddedSeries): SeriesStore {
  return new Proxy(store, {
    get(target, name) {
      if (name === "append")
        return async (batch: Parameters<SeriesStore["append"]>[0]) => {
          const appended = { taken: 0, refused: [] as unknown[] };
          for (const one of batch.samples) {
            const { taken, refused } = await target.append({ ...batch, samples: [one] });
            appended.taken += taken;
            for (const refusal of refused) {
              const same = (appended.refused as { reason: string; metric: string; count: number }[]).find(
                (known) => known.reason === refusal.reason && known.metric === refusal.metric,
              );
              if (same === undefined) appended.refused.push({ ...refusal });
              else same.count += refusal.count;
            }
            await target.maintain();
          }
          return appended;
        };
      const value = target[name as keyof EmbeddedSeries] as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The thread tells its figures every two seconds: here they are waited for. */
function withFreshFigures(store: SeriesStore): SeriesStore {
  return new Proxy(store, {
    get(target, name) {
      const value = target[name as keyof SeriesStore] as unknown;
      if (name === "capabilities") return { ...store.capabilities, boundsCardinality: false };
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function samplesOf(atMs: number, value: number, hosts = 1): readonly Sample[] {
  return Array.from({ length: hosts }, (_, index) => ({ labels: { [METRIC_NAME]: "m", host: `h${index}` }, atMs, value: value + index }));
}

/** A sample every 15 s for `forMs`, each hour sealed as it ends. */
async function fill({ store, clock }: Opened, forMs: number, makeValue: (index: number) => number, hosts = 1): Promise<void> {
  for (let index = 0; index * 15_000 < forMs; index++) {
    clock.advance(15_000);
    store.take({ source: "a", samples: samplesOf(clock.now(), makeValue(index), hosts) });
    if (index % 40 === 0) await store.maintain();
  }
  await store.maintain();
}

async function values(store: SeriesStore, expression: string, atMs: number, resolutionMs?: number): Promise<readonly number[]> {
  const answer = await store.query({ expression, atMs, ...(resolutionMs !== undefined && { resolutionMs }) });
  return "series" in answer ? answer.series.map((one: AnsweredSeries) => one.values[0] as number) : [];
}

test("samples are found in the same way before and after they were sealed, and after the store was opened anew", async (context) => {
  const opened = open(context);
  await fill(opened, 3 * HOUR_MS, (index) => index);
  const { store, clock, folder } = opened;
  assert.ok(readdirSync(path.join(folder, "segments")).some((name) => name.startsWith("raw-")));
  const expressions = ["sum_over_time(m[2h])", "rate(m[90m])", "m", "count_over_time(m[179m])", "max_over_time(m[1h] offset 1h)"];
  const before = await Promise.all(expressions.map((expression) => values(store, expression, clock.now())));
  await store.close();
  const again = open(context, { folder, clock });
  const after = await Promise.all(expressions.map((expression) => values(again.store, expression, clock.now())));
  assert.deepEqual(after, before);
  assert.deepEqual(before[3], [179 * 4]);
});

test("what was answered survives the end of the process: the log is read again, but for a record that is not whole", async (context) => {
  const { store, clock, folder } = open(context);
  for (let index = 1; index <= 100; index++) store.take({ source: "a", samples: samplesOf(clock.now() + index * 1_000, index) });
  // As after SIGKILL: nothing was closed.
  const copy = temporaryFolder(context);
  cpSync(folder, copy, { recursive: true });
  const [name = ""] = readdirSync(path.join(copy, "log")).sort().reverse();
  writeFileSync(path.join(copy, "log", name), Buffer.from("half a record"), { flag: "a" });
  clock.advance(2 * MINUTE_MS);
  const again = open(context, { folder: copy, clock });
  assert.deepEqual(await values(again.store, "count_over_time(m[5m])", clock.now()), [100]);
  // And it goes on, and is sealed, and read once more.
  again.store.take({ source: "a", samples: samplesOf(clock.now(), 7) });
  await again.store.close();
  const third = open(context, { folder: copy, clock });
  assert.deepEqual(await values(third.store, "count_over_time(m[5m])", clock.now()), [101]);
});

test("coarser tiers keep minimum, maximum, sum, count, last value and the increase, over resets and between hours", async (context) => {
  const opened = open(context);
  // A counter that is begun anew every 1,000 samples, by 2 a step.
  await fill(opened, 6 * HOUR_MS, (index) => (index % 1_000) * 2);
  const { store, clock } = opened;
  const at = Math.floor(clock.now() / HOUR_MS) * HOUR_MS;
  for (const [expression, about] of [
    ["sum_over_time(m[4h])", 0],
    ["count_over_time(m[4h])", 0],
    ["min_over_time(m[4h])", 0],
    ["max_over_time(m[4h])", 0],
    ["avg_over_time(m[4h])", 1e-12],
    ["last_over_time(m[4h])", 0],
    ["increase(m[4h])", 0.01],
    ["rate(m[4h])", 0.01],
  ] as const)
    for (const resolutionMs of [MINUTE_MS, HOUR_MS]) {
      const [exact = Number.NaN] = await values(store, expression, at, 0);
      const [coarse = Number.NaN] = await values(store, expression, at, resolutionMs);
      assert.ok(Math.abs(exact - coarse) <= about * Math.abs(exact), `${expression} at ${resolutionMs}: ${exact}, ${coarse}`);
    }
});

test("an answer names its resolution; ranges below twice of it, and functions that it cannot answer, are refused", async (context) => {
  const opened = open(context, {
    retention: {
      rawMs: 2 * HOUR_MS,
      tiers: [
        { resolutionMs: MINUTE_MS, keepMs: 12 * HOUR_MS },
        { resolutionMs: HOUR_MS, keepMs: 20 * DAY_MS },
      ],
    },
  });
  await fill(opened, 30 * HOUR_MS, (index) => index);
  const { store, clock } = opened;
  const resolution = async (expression: string, agoMs: number, stepMs: number): Promise<number | undefined> =>
    (await store.queryRange({ expression, fromMs: clock.now() - agoMs, toMs: clock.now(), stepMs })).resolutionMs;
  assert.equal(await resolution("m", HOUR_MS, 15_000), 0);
  assert.equal(await resolution("m", 6 * HOUR_MS, MINUTE_MS), MINUTE_MS);
  assert.equal(await resolution("rate(m[5m])", 6 * HOUR_MS, MINUTE_MS), MINUTE_MS);
  assert.equal(await resolution("m", 24 * HOUR_MS, MINUTE_MS), HOUR_MS);
  await assert.rejects(resolution("rate(m[90s])", 6 * HOUR_MS, MINUTE_MS), { code: "series/too-fine", message: /below twice the resolution/ });
  await assert.rejects(resolution("quantile_over_time(0.5, m[10m])", 6 * HOUR_MS, MINUTE_MS), {
    code: "series/unsupported",
    message: /quantile_over_time/,
  });
  await assert.rejects(store.query({ expression: "m", atMs: clock.now(), resolutionMs: 1_000 }), { code: "series/invalid" });
});

test("what is too old is unlinked, tier by tier; what is too much goes with the oldest and finest first", async (context) => {
  const retention = { rawMs: 3 * HOUR_MS, tiers: [{ resolutionMs: MINUTE_MS, keepMs: 10 * HOUR_MS }], bytesMax: DEFAULT_RETENTION.bytesMax };
  const opened = open(context, { retention });
  await fill(opened, 20 * HOUR_MS, (index) => Math.sqrt(index), 3);
  const files = readdirSync(path.join(opened.folder, "segments"));
  const count = (kind: string): number => files.filter((name) => name.startsWith(kind)).length;
  assert.ok(count("raw-") >= 2 && count("raw-") <= 4, files.join(" "));
  assert.ok(count("t60-") >= 1 && count("t60-") <= 11, files.join(" "));
  assert.deepEqual(
    files.filter((name) => name.endsWith(".partial")),
    [],
  );
  const { bytes } = opened.store.figures();
  await opened.store.close();
  const tight = open(context, { folder: opened.folder, clock: opened.clock, retention: { ...retention, bytesMax: Math.floor(bytes / 2) } });
  await tight.store.maintain();
  assert.ok(tight.store.figures().bytes <= bytes / 2);
  assert.ok(readdirSync(path.join(opened.folder, "segments")).some((name) => name.startsWith("t60-")));
});

test("a sealed file that is damaged is left out and told of; all others answer", async (context) => {
  const opened = open(context);
  await fill(opened, 4 * HOUR_MS, (index) => index);
  await opened.store.close();
  const folder = path.join(opened.folder, "segments");
  const [name = ""] = readdirSync(folder).filter((one) => one.startsWith("raw-"));
  writeFileSync(path.join(folder, name), Buffer.alloc(100, 7), { flag: "r+" });
  const again = open(context, { folder: opened.folder, clock: opened.clock });
  const answer = await again.store.query({ expression: "count_over_time(m[4h])", atMs: opened.clock.now(), resolutionMs: 0 });
  const [count = 0] = "series" in answer ? (answer.series[0]?.values ?? []) : [];
  assert.ok(count > 400 && count < 960, String(count));
  assert.ok(readdirSync(folder).includes(name));
});

test("a question is given up when it reads too much, or takes too long, and says so", async (context) => {
  const opened = open(context, { limits: { querySamplesMax: 1_000 } });
  await fill(opened, 2 * HOUR_MS, (index) => index, 5);
  const { store, clock } = opened;
  await assert.rejects(values(store, "sum_over_time(m[2h])", clock.now()), { code: "series/too-large", message: /more than 1000 samples/ });
  assert.equal((await values(store, "m", clock.now())).length, 5);
  await assert.rejects(store.queryRange({ expression: "m", fromMs: 0, toMs: clock.now(), stepMs: 1_000 }), {
    code: "series/invalid",
    message: /11000 steps/,
  });
});

test("a thousand updates leave no more active series than two hours of them", async (context) => {
  const { store, clock } = open(context, { limits: { metricSeriesMax: 100 } });
  let refused = 0;
  for (let update = 0; update < 1_000; update++) {
    clock.advance(5 * MINUTE_MS);
    const labels = { [METRIC_NAME]: "m", revision: `r${update}` };
    refused += store.take({ source: "a", samples: [{ labels, atMs: clock.now(), value: update }] }).refused.length;
    await store.maintain();
  }
  assert.equal(refused, 0);
  assert.ok(store.figures().activeSeries <= 30, String(store.figures().activeSeries));
});
