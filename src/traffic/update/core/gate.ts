/** What transactions of one generation have shown, as edges counted it. */
export interface GateSample {
  readonly requests: number;
  readonly errors: number;
  /** Counts by latency bucket; both samples have the same buckets. */
  readonly buckets: readonly number[];
}

export interface GatePolicy {
  readonly minRequests: number;
  readonly errorRate: boolean;
  readonly latency: boolean;
  readonly alpha: number;
  /** Slower than this factor at the median or the 95th percentile counts as slower. */
  readonly maxSlowdown: number;
}

export type GateVerdict =
  | { readonly verdict: "pass"; readonly message: string }
  /** Too little is known: no decision without a person. */
  | { readonly verdict: "unknown"; readonly message: string }
  | { readonly verdict: "fail"; readonly message: string };

/** Compares the new generation with the old one.
 *  Error rate: one-sided two-proportion z-test, pooled (e.g. Fleiss, "Statistical Methods for Rates and Proportions", ch. 2).
 *  What failed before is no measure of how long an answer takes (an instance that is gone refuses in no time): as many as failed are left out of the old generation's fastest; where too few are left, latency is not compared.
 *  Latency: one-sided Mann-Whitney rank-sum test with correction for ties over the buckets, and a slowdown of more than `maxSlowdown` at the median or the 95th percentile: with many requests a difference that nobody feels is significant, too. */
export function judgeGate(old: GateSample, fresh: GateSample, bounds: readonly number[], policy: GatePolicy): GateVerdict {
  const fewest = Math.min(old.requests, fresh.requests);
  if (fewest < policy.minRequests) {
    return {
      verdict: "unknown",
      message: `${fresh.requests} requests of the new and ${old.requests} of the old generation at this step; at least ${policy.minRequests} of each are needed to compare`,
    };
  }
  if (policy.errorRate) {
    const p = errorRateP(old, fresh);
    if (p < policy.alpha)
      return {
        verdict: "fail",
        message: `errors rose from ${percent(old.errors, old.requests)} to ${percent(fresh.errors, fresh.requests)} (p = ${p.toPrecision(2)})`,
      };
  }
  const before = withoutFastest(old.buckets, old.errors);
  if (policy.latency && sum(before) >= policy.minRequests) {
    const p = rankSumP(before, fresh.buckets);
    const slower = [0.5, 0.95].find((share) => quantile(fresh.buckets, bounds, share) > policy.maxSlowdown * quantile(before, bounds, share));
    if (p < policy.alpha && slower !== undefined) {
      return {
        verdict: "fail",
        message: `the ${slower * 100}th percentile rose from ${quantile(before, bounds, slower).toFixed(1)} to ${quantile(fresh.buckets, bounds, slower).toFixed(1)} ms (p = ${p.toPrecision(2)})`,
      };
    }
  }
  return { verdict: "pass", message: `no worse than the old generation over ${fresh.requests} requests` };
}

/** Probability of errors at least so much higher if both were alike. */
export function errorRateP(old: GateSample, fresh: GateSample): number {
  const pooled = (old.errors + fresh.errors) / (old.requests + fresh.requests);
  const deviation = Math.sqrt(pooled * (1 - pooled) * (1 / old.requests + 1 / fresh.requests));
  if (deviation === 0) return 1;
  return upperTail((fresh.errors / fresh.requests - old.errors / old.requests) / deviation);
}

/** Probability of latencies at least so much longer if both were alike. */
export function rankSumP(old: readonly number[], fresh: readonly number[]): number {
  const oldCount = sum(old);
  const freshCount = sum(fresh);
  if (oldCount === 0 || freshCount === 0) return 1;
  const all = oldCount + freshCount;
  let rank = 0;
  let rankSum = 0;
  let ties = 0;
  for (let bucket = 0; bucket < fresh.length; bucket++) {
    const tied = (old[bucket] ?? 0) + (fresh[bucket] ?? 0);
    rankSum += (fresh[bucket] ?? 0) * (rank + (tied + 1) / 2);
    rank += tied;
    ties += tied ** 3 - tied;
  }
  const u = rankSum - (freshCount * (freshCount + 1)) / 2;
  const variance = ((oldCount * freshCount) / 12) * (all + 1 - ties / (all * (all - 1)));
  if (variance <= 0) return 1;
  return upperTail((u - (oldCount * freshCount) / 2 - 0.5) / Math.sqrt(variance));
}

/** Value below which `share` of the counts lie, interpolated inside its bucket (ms). */
export function quantile(buckets: readonly number[], bounds: readonly number[], share: number): number {
  const target = sum(buckets) * share;
  let seen = 0;
  for (let bucket = 0; bucket < buckets.length; bucket++) {
    const count = buckets[bucket] ?? 0;
    if (count > 0 && seen + count >= target) {
      const low = bucket === 0 ? 0 : (bounds[bucket - 1] ?? 0);
      const high = bounds[bucket] ?? low * 2;
      return low + ((target - seen) / count) * (high - low);
    }
    seen += count;
  }
  return 0;
}

function withoutFastest(buckets: readonly number[], count: number): readonly number[] {
  let left = count;
  return buckets.map((each) => {
    const taken = Math.min(each, left);
    left -= taken;
    return each - taken;
  });
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** P(Z > z) of the standard normal distribution (Abramowitz and Stegun 26.2.17, error < 7.5e-8). */
function upperTail(z: number): number {
  if (z < 0) return 1 - upperTail(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return Math.min(1, Math.max(0, (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series));
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}
