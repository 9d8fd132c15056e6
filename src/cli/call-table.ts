import { LATENCY_BUCKETS_MS } from "#/traffic/index.ts";

/** Calls of the last minute from one caller to one instance, as `/live/calls` tells them (sums of the gateways' windows). */
export interface CallSum {
  /** Service name; empty: from outside; `?`: unknown. */
  readonly caller: string;
  readonly service: string;
  readonly instance: string;
  readonly host: string;
  readonly calls: number;
  readonly errors: number;
  readonly timeSumMs: number;
  /** Counts in the buckets of LATENCY_BUCKETS_MS, and one for the rest. */
  readonly buckets: readonly number[];
}

/** One row of `orrery calls`. Parts that were summed over are absent. */
export interface CallRow {
  readonly caller?: string;
  readonly service: string;
  readonly instance?: string;
  readonly host?: string;
  readonly calls: number;
  readonly errors: number;
  readonly meanMs: number;
  /** Upper bound of the bucket in which the slowest hundredth begins; absent above the highest bound. */
  readonly p99Ms?: number;
}

type Part = "caller" | "instance" | "host";

const PARTS: Readonly<Record<"instance" | "service" | "host", readonly Part[]>> = {
  instance: ["caller", "instance"],
  service: ["caller"],
  host: ["host"],
};

/** Sums calls into one row for each combination that `by` asks for; most calls first. */
export function sumCalls(sums: readonly CallSum[], by: "instance" | "service" | "host"): CallRow[] {
  const parts = PARTS[by];
  const groups = Map.groupBy(
    sums.filter((one) => one.calls > 0),
    (one) => JSON.stringify([one.service, ...parts.map((part) => one[part])]),
  );
  return [...groups.values()]
    .map((group) => {
      const [first] = group;
      const calls = total(group, (one) => one.calls);
      const p99Ms = quantileMs(group, 0.99);
      return {
        ...Object.fromEntries(parts.map((part) => [part, first?.[part]])),
        service: first?.service ?? "",
        calls,
        errors: total(group, (one) => one.errors),
        meanMs: total(group, (one) => one.timeSumMs) / calls,
        ...(p99Ms === undefined ? {} : { p99Ms }),
      };
    })
    .sort((a, b) => b.calls - a.calls || a.service.localeCompare(b.service));
}

function quantileMs(group: readonly CallSum[], share: number): number | undefined {
  const counts = [...LATENCY_BUCKETS_MS, Number.POSITIVE_INFINITY].map((_, index) => total(group, (one) => one.buckets[index] ?? 0));
  const wanted = counts.reduce((sum, one) => sum + one, 0) * share;
  let seen = 0;
  const bucket = counts.findIndex((one) => {
    seen += one;
    return seen >= wanted;
  });
  return LATENCY_BUCKETS_MS[bucket];
}

function total<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}
