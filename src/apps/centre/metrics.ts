import type { MetricFamily, MetricSource } from "#/face/api/index.ts";
import { LATENCY_BUCKETS_MS } from "#/traffic/routing/index.ts";
import type { CallBoard, CallSum } from "#/traffic/routing/windows/index.ts";
import type { Lead } from "./lead.ts";

/** Figures of the site for /metrics: calls, generations, readiness. */
export function siteMetrics(lead: Lead, calls: CallBoard): MetricSource {
  return function* families(): Iterable<MetricFamily> {
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
    const site = [...lead.caches.sites.values()][0];
    yield gauge("orrery_site_generation", "Generation that new transactions get", site?.status?.stamp?.generation ?? 0);
    yield gauge("orrery_site_generations_open", "Generations that are open", site?.status?.generations?.length ?? 0);
    yield gauge("orrery_table_version", "Version of the routing table", lead.distribution.position.version);
    const held = calls.held();
    yield gauge("orrery_transactions_held", "New transactions that wait for a handover", held.now);
    yield counter("orrery_transactions_held_total", "New transactions that have waited for a handover", held.total);
    yield counter("orrery_held_seconds_total", "Time that they waited in all", held.timeSumMs / 1000);
    yield gauge("orrery_held_seconds_max", "Longest of these waits since the centre began", held.timeMaxMs / 1000);
    yield {
      name: "orrery_instances_ready",
      help: "Ready instances by service",
      type: "gauge",
      samples: [...lead.caches.microservices.values()].map((one) => ({
        labels: { service: one.metadata.name },
        value: one.status?.readyReplicas ?? 0,
      })),
    };
    yield {
      name: "orrery_instances_desired",
      help: "Wanted instances by service",
      type: "gauge",
      samples: [...lead.caches.microservices.values()].map((one) => ({
        labels: { service: one.metadata.name },
        value: one.spec.suspended ? 0 : one.spec.replicas,
      })),
    };
  };
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

function gauge(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: "gauge", samples: [{ value }] };
}

function counter(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: "counter", samples: [{ value }] };
}
