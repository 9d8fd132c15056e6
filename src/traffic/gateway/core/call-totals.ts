import { LATENCY_BUCKETS_MS } from "#/traffic/routing/index.ts";
import type { WindowCounts } from "./endpoint.ts";

/** Calls of one service to another since this gateway began. */
export interface CallTotal {
  /** Service; empty: from outside; `?`: unknown, or one too many. */
  readonly caller: string;
  readonly service: string;
  readonly calls: number;
  readonly errors: number;
  readonly timeSumMs: number;
  /** Counts in the buckets of LATENCY_BUCKETS_MS, and one for the rest. */
  readonly buckets: readonly number[];
  readonly inFlight: number;
}

export interface RefusedTotal {
  readonly caller: string;
  readonly service: string;
  readonly reason: string;
  readonly calls: number;
}

/** What a gateway has counted since it began. No instance, revision or generation is named: these come and go. */
export interface Totals {
  readonly calls: readonly CallTotal[];
  readonly refused: readonly RefusedTotal[];
}

type Sum = { -readonly [K in keyof Omit<CallTotal, "buckets">]: CallTotal[K] } & { readonly buckets: number[] };

/** Pairs of caller and service that are told apart, and as many refusals. */
export const TOTALS_MAX = 1_000;
const OTHER = "?";

/** Sums that only rise, by caller and service. They are fed from the windows when these begin anew, so that a call costs nothing more. */
export class CallTotals {
  readonly #calls = new Map<string, Sum>();
  readonly #refused = new Map<string, { -readonly [K in keyof RefusedTotal]: RefusedTotal[K] }>();

  /** `window` is about to begin anew. */
  add(service: string, window: WindowCounts): void {
    if (window.calls > 0) addTo(sumOf(this.#calls, window.caller, service), window);
  }

  refuse(caller: string, service: string, reason: string, calls: number): void {
    const key = `${caller}\n${service}\n${reason}`;
    const known = this.#refused.get(key);
    if (known !== undefined) known.calls += calls;
    else if (this.#refused.size < TOTALS_MAX || (caller === OTHER && service === OTHER)) this.#refused.set(key, { caller, service, reason, calls });
    else this.refuse(OTHER, OTHER, reason, calls);
  }

  /** With what `windows` have counted since they last began. */
  read(windows: Iterable<{ readonly service: string; readonly window: WindowCounts }>, refused: readonly RefusedTotal[]): Totals {
    const sums = new Map([...this.#calls].map(([key, sum]) => [key, { ...sum, buckets: [...sum.buckets] }]));
    for (const { service, window } of windows) addTo(sumOf(sums, window.caller, service), window, window.inFlight);
    const more = new CallTotals();
    for (const one of [...this.#refused.values(), ...refused]) more.refuse(one.caller, one.service, one.reason, one.calls);
    return { calls: [...sums.values()], refused: [...more.#refused.values()] };
  }
}

function sumOf(sums: Map<string, Sum>, caller: string, service: string): Sum {
  const key = `${caller}\n${service}`;
  const known = sums.get(key);
  if (known !== undefined) return known;
  if (sums.size >= TOTALS_MAX && (caller !== OTHER || service !== OTHER)) return sumOf(sums, OTHER, OTHER);
  const sum = { caller, service, calls: 0, errors: 0, timeSumMs: 0, inFlight: 0, buckets: new Array<number>(LATENCY_BUCKETS_MS.length + 1).fill(0) };
  sums.set(key, sum);
  return sum;
}

function addTo(sum: Sum, window: WindowCounts, inFlight = 0): void {
  sum.calls += window.calls;
  sum.errors += window.errors;
  sum.timeSumMs += window.timeSumMs;
  sum.inFlight += inFlight;
  for (let index = 0; index < sum.buckets.length; index++) sum.buckets[index] = (sum.buckets[index] ?? 0) + (window.buckets[index] ?? 0);
}
