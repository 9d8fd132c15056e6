import { counter, gauge, type MetricFamily } from "#/base/index.ts";
import { type CentrePart, declareController } from "#/state/reconcile/index.ts";
import { LATENCY_BUCKETS_MS } from "#/traffic/routing/index.ts";
import { CallBoard, type CallSum } from "#/traffic/routing/windows/index.ts";
import { TABLE } from "#/traffic/update/index.ts";

/** Of the board: the calls of the last minute. */
const CALLS = "calls";
/** How often they are summed up. */
const PUBLISH_MS = 1000;

const callBoard = declareController({
  name: "call-board",
  reads: {},
  writes: [],
  uses: [TABLE],
  start({ board, clock, signal, use }) {
    const calls = new CallBoard();
    use(TABLE).onReport((report) => calls.add(report, clock.now()));
    const publish = (): void => {
      if (signal.aborted) return;
      // First of all: what fails once does not end it.
      cancel = clock.after(PUBLISH_MS, publish, { background: true });
      const rows = new Set<string>();
      for (const sum of calls.lastMinute(clock.now())) {
        // What was refused met no instance: it is told by the gateway's host.
        const key = `${sum.caller}|${sum.service}|${sum.instance === "" ? `@${sum.host}` : sum.instance}`;
        rows.add(key);
        board.put(CALLS, key, sum, "centre");
      }
      for (const key of [...board.list(CALLS).keys()]) if (!rows.has(key)) board.drop(CALLS, key);
    };
    let cancel = clock.after(PUBLISH_MS, publish, { background: true });
    signal.addEventListener("abort", () => cancel(), { once: true });
    return { metrics: () => callMetrics(calls) };
  },
});

/** Who calls what, how often, how fast: as gateways tell it. */
export const callsPart: CentrePart = {
  name: "calls",
  description: "Who calls what, how often, how fast: figures of the last minute, as gateways tell them.",
  kinds: [],
  controllers: [callBoard],
  topics: [CALLS],
};

/** Figures of all calls since this centre leads. */
export function* callMetrics(calls: CallBoard): Iterable<MetricFamily> {
  const totals = calls.totals().filter((sum) => sum.instance !== "");
  const perCall = (name: string, help: string, of: (sum: CallSum) => number): MetricFamily => ({
    name,
    help,
    type: "counter",
    samples: totals.map((sum) => ({ labels: labelsOf(sum), value: of(sum) })),
  });
  yield perCall("orrery_calls_total", "Calls that have ended, as gateways reported them", (sum) => sum.calls);
  yield perCall("orrery_call_errors_total", "Calls answered 500 or above, or not at all", (sum) => sum.errors);
  yield perCall("orrery_call_seconds_total", "Time that calls took in all", (sum) => sum.timeSumMs / 1000);
  yield perCall("orrery_calls_large_total", "Requests above the packet size of 24 KB", (sum) => sum.large);
  yield {
    name: "orrery_calls_refused_total",
    help: "Calls that a gateway refused, by calling service (empty: from outside)",
    type: "counter",
    samples: calls.refused().map((one) => ({ labels: { service: one.service, reason: one.reason }, value: one.calls })),
  };
  yield {
    name: "orrery_calls_unlabelled_total",
    help: "Calls between services without a trace context, by calling service, also those that were refused for it",
    type: "counter",
    samples: calls.unlabelled().map((one) => ({ labels: { service: one.service }, value: one.calls })),
  };
  yield {
    name: "orrery_call_seconds_bucket_total",
    help: "Calls by upper bound of their time",
    type: "counter",
    samples: totals.flatMap(bucketSamples),
  };
  const held = calls.held();
  yield gauge("orrery_transactions_held", "New transactions that wait for a handover", held.now);
  yield counter("orrery_transactions_held_total", "New transactions that have waited for a handover", held.total);
  yield counter("orrery_held_seconds_total", "Time that they waited in all", held.timeSumMs / 1000);
  yield gauge("orrery_held_seconds_max", "Longest of these waits since the centre began", held.timeMaxMs / 1000);
}

function labelsOf({ caller, service, instance, host }: CallSum): Record<string, string> {
  return { caller, service, instance, host };
}

function bucketSamples(sum: CallSum): { labels: Record<string, string>; value: number }[] {
  let seen = 0;
  return sum.buckets.map((count, index) => {
    seen += count;
    const bound = LATENCY_BUCKETS_MS[index];
    return { labels: { ...labelsOf(sum), le: bound === undefined ? "+Inf" : String(bound / 1000) }, value: seen };
  });
}
