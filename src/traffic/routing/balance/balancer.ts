import { type Random, randomBelow } from "#/base/index.ts";
import type { CallStats } from "./call-stats.ts";

/** One of the instances to choose from. */
export interface Candidate {
  readonly instance: string;
  readonly stats: CallStats;
  /** Load of its host per processor, 0 idle, 1 full; `undefined` if unknown. */
  readonly hostLoad: number | undefined;
}

/** Why a candidate gets its share. */
export interface Explanation {
  readonly instance: string;
  /** Probability that the next call goes there, 0 to 1. */
  readonly share: number;
  readonly reason: string;
}

export type BalancingAlgorithm = "roundRobin" | "leastTime" | "callFrequency";

/** Chooses among the candidates of one revision. May remember what it chose; one for each revision. */
export interface Balancer {
  readonly algorithm: BalancingAlgorithm;
  /** Index of the chosen one; `candidates` is not empty. */
  choose(candidates: readonly Candidate[], nowMs: number, random: Random): number;
  /** The same decision, told: shares sum up to 1. Changes nothing. */
  explain(candidates: readonly Candidate[], nowMs: number): Explanation[];
}

export function createBalancer(algorithm: BalancingAlgorithm): Balancer {
  switch (algorithm) {
    case "roundRobin":
      return new RoundRobin();
    case "leastTime":
      return new LeastTime();
    case "callFrequency":
      return new CallFrequency();
  }
}

/** One after the other. */
class RoundRobin implements Balancer {
  readonly algorithm = "roundRobin";
  #turn = 0;

  choose(candidates: readonly Candidate[]): number {
    const index = this.#turn % candidates.length;
    this.#turn = index + 1;
    return index;
  }

  explain(candidates: readonly Candidate[]): Explanation[] {
    const next = this.#turn % candidates.length;
    return candidates.map(({ instance }, index) => ({
      instance,
      share: index === next ? 1 : 0,
      reason: index === next ? "its turn" : "not its turn",
    }));
  }
}

/** A failed call counts as if it had taken this long. */
const ERROR_MS = 5000;
/** A candidate without a call for this long may be tried again whatever is known of it. */
const EXPLORE_AFTER_MS = 1000;
/** Chance of a decision to try such a one. */
const EXPLORE_SHARE = 0.1;
const MEAN_MIN_MS = 0.1;
const LOAD_MIN = 0.1;
const LOAD_UNKNOWN = 0.5;

/** Probability ∝ 1 / (mean time × (1 + in flight) × host's load). An instance that is slow or fails is left alone but for about one call a second, by which its recovery is found. */
class LeastTime implements Balancer {
  readonly algorithm = "leastTime";
  #weights = new Float64Array(8);

  choose(candidates: readonly Candidate[], nowMs: number, random: Random): number {
    const count = candidates.length;
    if (count === 1) return 0;
    if (random.next() < EXPLORE_SHARE) {
      const due = dueOf(candidates, nowMs);
      if (due.length > 0) return due[randomBelow(random, due.length)] ?? 0;
    }
    let left = random.next() * this.#weigh(candidates, nowMs);
    for (let index = 0; index < count - 1; index++) {
      left -= this.#weights[index] ?? 0;
      if (left < 0) return index;
    }
    return count - 1;
  }

  /** Fills `#weights`; returns their sum. */
  #weigh(candidates: readonly Candidate[], nowMs: number): number {
    const count = candidates.length;
    if (this.#weights.length < count) this.#weights = new Float64Array(count * 2);
    // One that nobody has called yet is taken to be as fast as the others on average.
    let knownSumMs = 0;
    let known = 0;
    for (let index = 0; index < count; index++) {
      const meanMs = costMs((candidates[index] as Candidate).stats, nowMs);
      this.#weights[index] = meanMs ?? Number.NaN;
      if (meanMs === undefined) continue;
      knownSumMs += meanMs;
      known++;
    }
    const averageMs = known === 0 ? 1 : knownSumMs / known;
    let sum = 0;
    for (let index = 0; index < count; index++) {
      const { stats, hostLoad } = candidates[index] as Candidate;
      const meanMs = this.#weights[index] ?? 0;
      const weight =
        1 / (Math.max(MEAN_MIN_MS, Number.isNaN(meanMs) ? averageMs : meanMs) * (1 + stats.inFlight) * Math.max(LOAD_MIN, hostLoad ?? LOAD_UNKNOWN));
      this.#weights[index] = weight;
      sum += weight;
    }
    return sum;
  }

  explain(candidates: readonly Candidate[], nowMs: number): Explanation[] {
    if (candidates.length === 0) return [];
    const sum = this.#weigh(candidates, nowMs);
    const due = candidates.length === 1 ? [] : dueOf(candidates, nowMs);
    return candidates.map(({ instance, stats, hostLoad }, index) => {
      const byWeight = (this.#weights[index] ?? 0) / sum;
      const isDue = due.includes(index);
      const share = due.length === 0 ? byWeight : byWeight * (1 - EXPLORE_SHARE) + (isDue ? EXPLORE_SHARE / due.length : 0);
      const meanMs = stats.meanMsAt(nowMs);
      const facts = [
        meanMs === undefined ? "no calls yet" : `mean ${meanMs.toFixed(1)} ms`,
        `${(stats.errorShareAt(nowMs) * 100).toFixed(0)} % failed`,
        `${stats.inFlight} in flight`,
        `host load ${hostLoad === undefined ? "unknown" : hostLoad.toFixed(2)}`,
        ...(isDue ? ["due for a trial call"] : []),
      ];
      return { instance, share, reason: facts.join(", ") };
    });
  }
}

function costMs(stats: CallStats, nowMs: number): number | undefined {
  const meanMs = stats.meanMsAt(nowMs);
  return meanMs === undefined ? undefined : meanMs + stats.errorShareAt(nowMs) * ERROR_MS;
}

function dueOf(candidates: readonly Candidate[], nowMs: number): number[] {
  const due: number[] = [];
  for (let index = 0; index < candidates.length; index++) {
    const { stats } = candidates[index] as Candidate;
    if (stats.inFlight === 0 && nowMs - stats.lastBeginMs >= EXPLORE_AFTER_MS) due.push(index);
  }
  return due;
}

/** Even by the calls made in the window: the one with the fewest; of equals, one after the other. */
class CallFrequency implements Balancer {
  readonly algorithm = "callFrequency";
  #turn = 0;

  choose(candidates: readonly Candidate[], nowMs: number): number {
    const chosen = this.#fewest(candidates, nowMs);
    this.#turn = chosen + 1;
    return chosen;
  }

  #fewest(candidates: readonly Candidate[], nowMs: number): number {
    const count = candidates.length;
    let chosen = 0;
    let fewest = Number.POSITIVE_INFINITY;
    for (let step = 0; step < count; step++) {
      const index = (this.#turn + step) % count;
      const calls = (candidates[index] as Candidate).stats.callsAt(nowMs);
      if (calls >= fewest) continue;
      fewest = calls;
      chosen = index;
    }
    return chosen;
  }

  explain(candidates: readonly Candidate[], nowMs: number): Explanation[] {
    const chosen = this.#fewest(candidates, nowMs);
    return candidates.map(({ instance, stats }, index) => ({
      instance,
      share: index === chosen ? 1 : 0,
      reason: `${stats.callsAt(nowMs)} calls in the last 10 s`,
    }));
  }
}
