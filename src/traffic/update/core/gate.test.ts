import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "#/base/index.ts";
import { LATENCY_BUCKETS_MS } from "#/traffic/routing/index.ts";
import { type GatePolicy, type GateSample, judgeGate, quantile } from "./gate.ts";

const policy: GatePolicy = { minRequests: 50, errorRate: true, latency: true, alpha: 0.01, maxSlowdown: 1.2 };

/** `requests` with exponential latencies of a mean and a share of errors. */
function sample(seed: number, requests: number, meanMs: number, errorShare: number): GateSample {
  const random = seededRandom(seed);
  const buckets = new Array<number>(LATENCY_BUCKETS_MS.length + 1).fill(0);
  let errors = 0;
  for (let i = 0; i < requests; i++) {
    const ms = -Math.log(1 - random.next()) * meanMs;
    const bucket = LATENCY_BUCKETS_MS.findIndex((bound) => ms <= bound);
    const index = bucket < 0 ? LATENCY_BUCKETS_MS.length : bucket;
    buckets[index] = (buckets[index] ?? 0) + 1;
    if (random.next() < errorShare) errors++;
  }
  return { requests, errors, buckets };
}

const judge = (old: GateSample, fresh: GateSample) => judgeGate(old, fresh, LATENCY_BUCKETS_MS, policy);

test("with fewer requests than asked for nothing is decided", () => {
  assert.equal(judge(sample(1, 1000, 20, 0), sample(2, 49, 20, 1)).verdict, "unknown");
});

test("two like generations pass nearly always", () => {
  let failed = 0;
  for (let seed = 0; seed < 200; seed++) if (judge(sample(seed, 500, 20, 0.02), sample(seed + 1000, 200, 20, 0.02)).verdict === "fail") failed++;
  assert.ok(failed <= 10, `${failed} of 200 like pairs failed`);
});

test("more errors fail, fewer pass", () => {
  assert.match(judge(sample(1, 1000, 20, 0.01), sample(2, 300, 20, 0.1)).message, /errors rose from/);
  assert.equal(judge(sample(1, 1000, 20, 0.1), sample(2, 300, 20, 0.01)).verdict, "pass");
});

test("twice as slow fails; a slowdown that nobody feels does not, however significant", () => {
  assert.match(judge(sample(1, 1000, 20, 0), sample(2, 300, 40, 0)).message, /percentile rose/);
  assert.equal(judge(sample(1, 100_000, 20, 0), sample(2, 100_000, 20.6, 0)).verdict, "pass");
});

test("what failed at once before does not make a working generation look slow, and a slow one still does where enough was well", () => {
  const failing = (share: number): GateSample => {
    const well = sample(1, Math.round(1000 * (1 - share)), 20, 0);
    const [first = 0, ...rest] = well.buckets;
    const errors = 1000 - well.requests;
    return { requests: 1000, errors, buckets: [first + errors, ...rest] };
  };
  let failed = 0;
  for (const share of [0.1, 0.5, 0.9, 1])
    for (let seed = 100; seed < 150; seed++) if (judge(failing(share), sample(seed, 300, 20, 0)).verdict !== "pass") failed++;
  assert.ok(failed <= 10, `${failed} of 200 that work failed`);
  assert.match(judge(failing(0.5), sample(2, 300, 60, 0)).message, /percentile rose/);
  assert.equal(judge(failing(1), sample(2, 300, 60, 0)).verdict, "pass");
});

test("a quantile is interpolated inside its bucket", () => {
  assert.equal(quantile([0, 0, 10], [1, 2, 5], 0.5), 3.5);
  assert.equal(quantile([], [1, 2, 5], 0.5), 0);
});
