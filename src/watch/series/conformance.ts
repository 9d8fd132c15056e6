/** What every store of series promises, as tests. An engine runs them with how it is opened. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { AnsweredSeries, Labels, Sample, SeriesStore } from "./contract.ts";
import { AHEAD_MS, LATE_MS, METRIC_NAME, STALE } from "./contract.ts";

export interface SeriesUnderTest {
  readonly store: SeriesStore;
  /** The store's present time. */
  now(): number;
  /** Resolves when what was appended is to be found. Default: at once. */
  settle?(): Promise<void>;
}

export interface ConformanceOptions {
  /** Opens an empty store; `metricSeriesMax` bounds the series of a metric and source, where the engine does. */
  readonly open: (context: TestContext, options?: { readonly metricSeriesMax?: number }) => Promise<SeriesUnderTest>;
  /** Why the suite cannot run here. */
  readonly skip?: string | undefined;
}

const SECOND_MS = 1_000;

export function seriesConformance(name: string, { open, skip }: ConformanceOptions): void {
  describe(name, { skip: skip ?? false }, () => {
    /** Whole seconds, so that every engine keeps the times. */
    const nowOf = ({ now }: SeriesUnderTest): number => Math.floor(now() / SECOND_MS) * SECOND_MS;
    const sample = (atMs: number, value: number, labels: Labels = {}): Sample => ({ labels: { [METRIC_NAME]: "m", ...labels }, atMs, value });
    const points = (series: readonly AnsweredSeries[]): readonly (readonly [number, number])[] =>
      series.flatMap(({ times, values }) => Array.from(times, (time, index) => [time, values[index] as number] as const));
    async function raw(under: SeriesUnderTest, expression: string, atMs: number): Promise<readonly AnsweredSeries[]> {
      await under.settle?.();
      const answer = await under.store.query({ expression, atMs });
      assert.equal(answer.type, "matrix");
      return answer.type === "matrix" ? answer.series : [];
    }

    it("samples are found with their labels, in the order of their times, however they came", async (context) => {
      const under = await open(context);
      const now = nowOf(under);
      const batch = [30, 10, 50, 20, 40].map((seconds) => sample(now - seconds * SECOND_MS, seconds, { host: "a" }));
      const { taken, refused } = await under.store.append({ source: "a", samples: batch });
      assert.deepEqual([taken, refused], [5, []]);
      const found = await raw(under, "m[1m]", now);
      assert.deepEqual({ ...found[0]?.labels }, { [METRIC_NAME]: "m", host: "a" });
      assert.deepEqual(
        points(found),
        [50, 40, 30, 20, 10].map((seconds) => [now - seconds * SECOND_MS, seconds]),
      );
    });

    it("a sample may be nearly ten minutes late", async (context) => {
      const under = await open(context);
      const now = nowOf(under);
      await under.store.append({ source: "a", samples: [sample(now, 1)] });
      const lateMs = now - LATE_MS + 5 * SECOND_MS;
      const { taken } = await under.store.append({ source: "a", samples: [sample(lateMs, 2)] });
      assert.equal(taken, 1);
      assert.deepEqual(points(await raw(under, "m[15m]", now)), [
        [lateMs, 2],
        [now, 1],
      ]);
    });

    it("values are kept to the last bit, also those that are no ordinary numbers", async (context) => {
      const under = await open(context);
      if (!under.store.capabilities.isExact) return;
      const now = nowOf(under);
      const values = [0.1, -0, 1 / 3, 1e300, Number.MIN_VALUE, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 2 ** 53];
      await under.store.append({ source: "a", samples: values.map((value, index) => sample(now - (values.length - index) * SECOND_MS, value)) });
      const found = points(await raw(under, "m[1m]", now)).map(([, value]) => value);
      assert.equal(found.length, values.length);
      for (const [index, value] of values.entries()) assert.ok(Object.is(found[index], value) || found[index] === value, `${value}: ${found[index]}`);
    });

    it("the window of a range begins after its beginning and ends with its end", async (context) => {
      const under = await open(context);
      const now = nowOf(under);
      await under.store.append({ source: "a", samples: [60, 30, 0].map((seconds) => sample(now - seconds * SECOND_MS, seconds)) });
      assert.deepEqual(
        points(await raw(under, "m[1m]", now)).map(([, value]) => value),
        [30, 0],
      );
    });

    it("a gap stays a gap, and is no zero", async (context) => {
      const under = await open(context);
      const now = nowOf(under);
      await under.store.append({ source: "a", samples: [sample(now - 400 * SECOND_MS, 1), sample(now, 2)] });
      await under.settle?.();
      const answer = await under.store.queryRange({ expression: "m", fromMs: now - 400 * SECOND_MS, toMs: now, stepMs: 50 * SECOND_MS });
      assert.equal(answer.type, "matrix");
      if (answer.type !== "matrix") return;
      const times = points(answer.series).map(([atMs]) => (now - atMs) / SECOND_MS);
      assert.ok(points(answer.series).every(([, value]) => value === 1 || value === 2));
      if (!under.store.capabilities.isExact) return;
      assert.ok(!times.includes(50), String(times));
      assert.ok(times.includes(400) && times.includes(0), String(times));
    });

    it("a series that has ended is absent at once, and comes again with its next sample", async (context) => {
      const under = await open(context);
      const now = nowOf(under);
      await under.store.append({ source: "a", samples: [sample(now - 60_000, 1), sample(now - 40_000, STALE), sample(now - 20_000, 3)] });
      await under.settle?.();
      const at = async (atMs: number): Promise<readonly number[]> => {
        const answer = await under.store.query({ expression: "m", atMs });
        return answer.type === "vector" ? points(answer.series).map(([, value]) => value) : [];
      };
      assert.deepEqual([await at(now - 50_000), await at(now - 30_000), await at(now)], [[1], [], [3]]);
    });

    it("a counter that was begun anew has no negative rate", async (context) => {
      const under = await open(context);
      const now = nowOf(under);
      const values = [100, 110, 120, 5, 15];
      await under.store.append({ source: "a", samples: values.map((value, index) => sample(now - (values.length - 1 - index) * 15_000, value)) });
      await under.settle?.();
      const answer = await under.store.query({ expression: "increase(m[1m1s])", atMs: now });
      assert.equal(answer.type, "vector");
      if (answer.type !== "vector") return;
      const [value = 0] = answer.series[0]?.values ?? [];
      assert.ok(value >= 0, String(value));
      if (under.store.capabilities.isExact) assert.ok(value >= 35 && value < 40, String(value));
    });

    it("series, names and values of labels are told, by selector and time", async (context) => {
      const under = await open(context);
      const now = nowOf(under);
      const samples = ["a", "b"].flatMap((host) => [sample(now, 1, { host }), sample(now, 1, { [METRIC_NAME]: "n", host, disk: "sda" })]);
      await under.store.append({ source: "a", samples });
      await under.settle?.();
      const span = { fromMs: now - 60_000, toMs: now };
      const found = await under.store.series({ selectors: ['m{host=~"a|c"}', "n"], ...span });
      assert.deepEqual(found.map(({ [METRIC_NAME]: metric, host }) => `${metric} ${host}`).sort(), ["m a", "n a", "n b"]);
      assert.deepEqual(await under.store.labelNames({ selectors: ["n"], ...span }), [METRIC_NAME, "disk", "host"]);
      assert.deepEqual(await under.store.labelValues("host", { selectors: ["m"], ...span }), ["a", "b"]);
      assert.deepEqual(await under.store.labelValues("disk", { selectors: ["m"], ...span }), []);
    });

    it("an expression that cannot be read is refused with where, one that is not evaluated by its name", async (context) => {
      const under = await open(context);
      const atMs = nowOf(under);
      for (const expression of ["sum(", "m[5m] +", ...(under.store.capabilities.isExact ? ["rate(m)"] : [])])
        await assert.rejects(under.store.query({ expression, atMs }), { code: "series/invalid" }, expression);
    });

    it("the same sample again changes nothing; another value at its time is refused and told", async (context) => {
      const under = await open(context);
      if (!under.store.capabilities.tellsDuplicates) return;
      const now = nowOf(under);
      await under.store.append({ source: "a", samples: [sample(now, 1)] });
      const { taken, refused } = await under.store.append({ source: "a", samples: [sample(now, 1), sample(now, 2)] });
      assert.equal(taken, 0);
      assert.deepEqual(
        refused.map(({ reason, metric, count }) => ({ reason, metric, count })),
        [{ reason: "duplicate", metric: "m", count: 1 }],
      );
      assert.deepEqual(points(await raw(under, "m[1m]", now)), [[now, 1]]);
    });

    it("what is too late or too far ahead is refused, told and counted, and makes no series", async (context) => {
      const under = await open(context);
      if (!under.store.capabilities.tellsRefusals) return;
      const now = nowOf(under);
      const samples = [
        sample(now - LATE_MS - 60_000, 1, { x: "late" }),
        sample(now + AHEAD_MS + 60_000, 1, { x: "future" }),
        sample(now, 1, { x: "good" }),
        { labels: { [METRIC_NAME]: "not a name" }, atMs: now, value: 1 },
        { labels: { x: "no name" }, atMs: now, value: 1 },
        sample(0.5, 1),
      ];
      const { taken, refused } = await under.store.append({ source: "a", samples });
      assert.equal(taken, 1);
      assert.deepEqual(refused.map(({ reason }) => reason).sort(), ["future", "invalid", "invalid", "invalid", "late"]);
      await under.settle?.();
      const found = await under.store.series({ selectors: ['{x!=""}'], fromMs: now - 3 * LATE_MS, toMs: now + 3 * AHEAD_MS });
      assert.deepEqual(
        found.map(({ x }) => x),
        ["good"],
      );
    });

    it("a label explosion is refused for its metric and source alone, and is named and counted", async (context) => {
      const under = await open(context, { metricSeriesMax: 10 });
      if (!under.store.capabilities.boundsCardinality) return;
      const now = nowOf(under);
      const many = Array.from({ length: 1_000 }, (_, index) => sample(now, index, { id: String(index) }));
      const { taken, refused } = await under.store.append({ source: "bad", samples: many });
      assert.equal(taken, 10);
      assert.deepEqual(
        refused.map(({ reason, metric, count }) => ({ reason, metric, count })),
        [{ reason: "cardinality", metric: "m", count: 990 }],
      );
      assert.match(refused[0]?.message ?? "", /bad has 10 active series of m/);
      // Known series go on; so do other metrics of this source, and this metric of others.
      const others = [sample(now + 1_000, 1, { id: "3" }), sample(now, 1, { [METRIC_NAME]: "other" })];
      assert.equal((await under.store.append({ source: "bad", samples: others })).taken, 2);
      assert.equal((await under.store.append({ source: "good", samples: [sample(now, 1, { id: "new" })] })).taken, 1);
      assert.equal(under.store.figures().refused.cardinality, 990);
    });
  });
}
