import type { Totals } from "#/traffic/gateway/index.ts";
import { LATENCY_BUCKETS_MS } from "#/traffic/routing/index.ts";
import type { Figure } from "./host-figures.ts";

const BOUNDS: readonly string[] = [...LATENCY_BUCKETS_MS.map((ms) => String(ms / 1_000)), "+Inf"];

/** Calls as a gateway has counted them since it began: rate, errors and a histogram of times, by caller and service. Who calls from outside is `(outside)`, who is not known `(unknown)`. */
export function callFigures({ calls, refused }: Totals): readonly Figure[] {
  return [
    ...calls.flatMap(({ caller, service, calls: count, errors, timeSumMs, buckets, inFlight }): readonly Figure[] => {
      const labels = { caller: nameOf(caller), service };
      let seen = 0;
      return [
        ["call_errors_total", labels, errors],
        ["calls_in_flight", labels, inFlight],
        ["call_seconds_count", labels, count],
        ["call_seconds_sum", labels, timeSumMs / 1_000],
        ...BOUNDS.map((le, index): Figure => {
          seen += buckets[index] ?? 0;
          return ["call_seconds_bucket", { ...labels, le }, seen];
        }),
      ];
    }),
    ...refused.map(
      ({ caller, service, reason, calls: count }): Figure => ["calls_refused_total", { caller: nameOf(caller), service, reason }, count],
    ),
  ];
}

function nameOf(caller: string): string {
  return caller === "" ? "(outside)" : caller === "?" ? "(unknown)" : caller;
}
