import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ManualClock, type Random, seededRandom, silentLog } from "#/base/index.ts";
import { EmbeddedSeries } from "#/watch/series/embedded/index.ts";
import { type Answer, type Labels, METRIC_NAME, type Sample, type SeriesStore, STALE } from "#/watch/series/index.ts";
import { keyOf } from "#/watch/series/promql/index.ts";
import { openRemoteSeries } from "#/watch/series/remote/index.ts";
import { arbitraryPromql } from "./promql-arbitrary.ts";
import { findPrometheus, NO_PROMETHEUS, startPrometheus } from "./series-servers.ts";

const STEP_MS = 15_000;
const STEPS = 200;
const RUNS = Number(process.env["ORRERY_TEST_RUNS"] ?? 300);
const HOSTS = ["a", "b", "c"];
const JOBS = ["x", "y"];

type Next = (step: number, random: Random) => number | undefined;

/** Counters that are begun anew, gauges with gaps, ends and odd numbers, a classic histogram. */
function sampleSeries(): readonly { readonly labels: Labels; readonly next: Next }[] {
  const series: { labels: Labels; next: Next }[] = [];
  for (const [index, host] of HOSTS.entries())
    for (const job of JOBS) {
      const labels = (name: string): Labels => ({ [METRIC_NAME]: name, host, job });
      let requests = 0;
      series.push({
        labels: labels("requests_total"),
        next: (_, random) => {
          requests = random.next() < 0.02 ? 0 : requests + Math.floor(random.next() * 20);
          return requests;
        },
      });
      let bytes = 1e9;
      series.push({
        labels: labels("bytes_total"),
        next: (_, random) => {
          bytes += random.next() * 1e6;
          return random.next() < 0.3 ? undefined : bytes;
        },
      });
      series.push({
        labels: labels("temperature"),
        next: (step, random) => Math.round((20 + index + 5 * Math.sin(step / 9) + random.next()) * 10) / 10,
      });
      series.push({
        labels: labels("cpu"),
        next: (step, random) => (step % 70 === 40 + index ? STALE : step % 70 > 40 + index && step % 70 < 55 ? undefined : random.next()),
      });
    }
  const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, 1e300, -1e300];
  series.push({ labels: { [METRIC_NAME]: "odd", host: "a" }, next: (step) => odd[step % odd.length] });
  for (const host of HOSTS.slice(0, 2)) {
    const counts = [0, 0, 0, 0];
    for (const [index, le] of ["0.1", "0.5", "1", "+Inf"].entries())
      series.push({
        labels: { [METRIC_NAME]: "latency_bucket", host, le },
        next: (_, random) => {
          const below = index === 0 ? 0 : (counts[index - 1] as number);
          counts[index] = Math.max(counts[index] as number, below) + Math.floor(random.next() * 4);
          return counts[index];
        },
      });
  }
  return series;
}

const program = findPrometheus();

describe("answers on raw samples, beside a Prometheus 3 that was fed the same", { skip: program === undefined ? NO_PROMETHEUS : false }, () => {
  it("are the same, value by value, and so are refusals", async (t) => {
    const server = await startPrometheus(program ?? "");
    t.after(() => server.stop());
    const folder = await mkdtemp(path.join(tmpdir(), "orrery-series-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const startMs = Math.floor((Date.now() - STEPS * STEP_MS) / STEP_MS) * STEP_MS;
    const clock = new ManualClock(startMs);
    const own = EmbeddedSeries.open({
      folder,
      clock,
      log: silentLog,
      // Sealed again and again: what is asked for lies in many pieces.
      limits: { headSamplesMax: 1_000 },
      turn: () => Promise.resolve(),
    });
    const theirs = openRemoteSeries({ url: server.url, isExact: true, clock, log: silentLog });
    t.after(() => Promise.all([own.close(), theirs.close()]));
    const random = seededRandom(7);
    const series = sampleSeries();
    for (let step = 0; step < STEPS; step++) {
      const samples = series.flatMap(({ labels, next }): readonly Sample[] => {
        const value = next(step, random);
        // Not all at the same time, as nothing is observed so.
        return value === undefined ? [] : [{ labels, atMs: clock.now() + Math.floor(random.next() * 3_000), value }];
      });
      for (const store of [own, theirs]) assert.deepEqual((await store.append({ source: "test", samples })).refused, []);
      await theirs.drained();
      if (own.wantsSealing) await own.maintain();
      clock.advance(STEP_MS);
    }
    assert.equal(theirs.figures().lost, 0);
    const endMs = clock.now();
    let refused = 0;
    let empty = 0;
    await fc.assert(
      fc.asyncProperty(arbitraryPromql, fc.integer({ min: 0, max: STEPS - 1 }), async (expression, step) => {
        const atMs = startMs + step * STEP_MS + 1_234;
        const ask = async (store: SeriesStore, isRange: boolean): Promise<Answer | string> => {
          try {
            return isRange
              ? await store.queryRange({ expression, fromMs: startMs + 60_000, toMs: endMs, stepMs: 47_000 })
              : await store.query({ expression, atMs });
          } catch (error) {
            const { code = String(error) } = error as { readonly code?: string };
            return code;
          }
        };
        for (const isRange of [false, true]) {
          const [one, other] = [await ask(own, isRange), await ask(theirs, isRange)];
          if (typeof one === "string" || typeof other === "string") {
            assert.equal(typeof one === "string" ? one : "an answer", typeof other === "string" ? other : "an answer", expression);
            refused += 1;
          } else {
            if ("series" in one && one.series.length === 0) empty += 1;
            compare(one, other, expression);
          }
        }
      }),
      { numRuns: RUNS, ...(process.env["ORRERY_TEST_SEED"] !== undefined && { seed: Number(process.env["ORRERY_TEST_SEED"]) }) },
    );
    t.diagnostic(`${2 * RUNS} questions; ${refused} refused by both, ${empty} without a series`);
    assert.ok(refused + empty < RUNS, `${refused} refused, ${empty} empty`);
  });
});

function compare(own: Answer, theirs: Answer, expression: string): void {
  assert.equal(own.type, theirs.type, expression);
  if (!("series" in own) || !("series" in theirs)) {
    assert.ok(isSame("value" in own ? own.value : undefined, "value" in theirs ? theirs.value : undefined), expression);
    return;
  }
  const text = (answer: Answer): string =>
    "series" in answer
      ? answer.series
          .map(({ labels }) => keyOf(labels))
          .sort()
          .join("\n")
      : "";
  assert.equal(text(own), text(theirs), expression);
  const byKey = new Map(theirs.series.map((one) => [keyOf(one.labels), one]));
  for (const { labels, times, values } of own.series) {
    const other = byKey.get(keyOf(labels));
    assert.deepEqual([...times], [...(other?.times ?? [])], `${expression} ${keyOf(labels)}`);
    for (let index = 0; index < values.length; index++)
      assert.ok(
        isSame(values[index], other?.values[index]),
        `${expression} ${keyOf(labels)}: ${values[index]} at ${times[index]}, Prometheus ${other?.values[index]}`,
      );
  }
}

/** The same number; what is summed in another order of series, or goes through the other's exp() and ln(), may differ in its last digits. */
function isSame(one: unknown, other: unknown): boolean {
  if (typeof one !== "number" || typeof other !== "number") return one === other;
  if (Object.is(one, other) || one === other) return true;
  return Math.abs(one - other) <= 1e-11 * Math.max(Math.abs(one), Math.abs(other));
}
