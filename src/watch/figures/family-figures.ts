import type { MetricFamily } from "#/base/index.ts";
import { type Labels, METRIC_NAME, type Sample } from "#/watch/series/index.ts";

/** Labels that name what comes and goes: a series for each would stay behind. Figures are summed over them. */
const PASSING: ReadonlySet<string> = new Set(["instance", "revision", "generation", "pid", "uid"]);
/** Told by gateways themselves, more exactly. */
const TOLD_BY_GATEWAYS = /^orrery_calls?_/;
/** Samples of one look. */
const SAMPLES_MAX = 5_000;

/** What a process says at /metrics, as samples at `atMs` with `more` as further labels. */
export function familySamples(families: Iterable<MetricFamily>, atMs: number, more: Labels): readonly Sample[] {
  const sums = new Map<string, { readonly labels: Labels; value: number }>();
  for (const { name, samples } of families) {
    if (TOLD_BY_GATEWAYS.test(name)) continue;
    for (const { labels = {}, value } of samples) {
      if (!Number.isFinite(value)) continue;
      const kept = Object.entries(labels).filter(([label, text]) => !PASSING.has(label) && text !== "");
      const key = JSON.stringify([name, kept]);
      const known = sums.get(key);
      if (known !== undefined) known.value += value;
      else if (sums.size < SAMPLES_MAX) sums.set(key, { labels: { ...Object.fromEntries(kept), ...more, [METRIC_NAME]: name }, value });
    }
  }
  return [...sums.values()].map(({ labels, value }) => ({ labels, atMs, value }));
}
