import { type CallPart, type CallSum, quantileMs, sumCalls } from "#/traffic/routing/windows/index.ts";

/** One row of `orrery calls`. Parts that were summed over are absent. */
export interface CallRow {
  /** Service name; empty: from outside; `?`: unknown. */
  readonly caller?: string;
  readonly service?: string;
  readonly instance?: string;
  readonly host?: string;
  readonly calls: number;
  readonly errors: number;
  /** Refused by gateways, beside `calls`. Where rows tell instances, they stand on rows without one. */
  readonly refused: number;
  /** Of `calls`, those that came without a trace context. */
  readonly unlabelled: number;
  /** Absent: there were only refused ones. */
  readonly meanMs?: number;
  /** Upper bound of the bucket in which the slowest hundredth begins; absent above the highest bound. */
  readonly p99Ms?: number;
}

const PARTS: Readonly<Record<"instance" | "service" | "host", readonly CallPart[]>> = {
  instance: ["caller", "service", "instance"],
  service: ["caller", "service"],
  host: ["host", "service"],
};

/** Sums calls into one row for each combination that `by` asks for; most calls first. */
export function callRows(sums: readonly CallSum[], by: "instance" | "service" | "host"): CallRow[] {
  const made = sums.filter((one) => one.calls > 0 || one.refused > 0);
  return sumCalls(made, PARTS[by])
    .map(({ key, calls, errors, refused, unlabelled, timeSumMs, buckets }) => {
      const p99Ms = quantileMs(buckets, 0.99);
      const meanMs = calls === 0 ? {} : { meanMs: timeSumMs / calls };
      return { ...key, calls, errors, refused, unlabelled, ...meanMs, ...(p99Ms === undefined ? {} : { p99Ms }) };
    })
    .sort((a, b) => b.calls - a.calls || b.refused - a.refused || JSON.stringify(a).localeCompare(JSON.stringify(b)));
}
