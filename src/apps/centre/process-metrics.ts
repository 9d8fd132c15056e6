import type { LastGuard, MetricSource } from "#/base/index.ts";
import type { LoopDelay } from "./loop-delay.ts";

/** Figures of the centre's process: how long what is due waits for its thread, and what has failed in a way that nobody expected, by unit of work. */
export function processMetrics(loop: LoopDelay, guard: LastGuard, reconciles: () => number): MetricSource {
  return () => [
    {
      name: "orrery_event_loop_delay_seconds",
      help: "How long what was due waited for the thread that carries requests, links and health, in the last 10 to 20 s; quantile 1 is the longest",
      type: "gauge",
      samples: Object.entries(loop.quantiles()).map(([quantile, value]) => ({ labels: { quantile }, value })),
    },
    {
      name: "orrery_unexpected_failures_total",
      help: "Units of work that failed in a way that nobody expected, and were ended alone",
      type: "counter",
      samples: [
        { labels: { unit: "reconcile" }, value: reconciles() },
        ...["request", "watch", "link message", "callback", "promise"].map((unit) => ({ labels: { unit }, value: guard.counts.get(unit) ?? 0 })),
      ],
    },
  ];
}
