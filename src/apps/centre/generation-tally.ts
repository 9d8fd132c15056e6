import type { GatewayReport } from "#/traffic/index.ts";
import type { GateSample } from "#/update/core/index.ts";

interface Slice {
  readonly atMs: number;
  readonly sample: GateSample;
}

/** Slices that are kept for each generation: an hour at four a second would be 14,400. */
const SLICES_MAX = 5000;

/** What edges have counted for each generation: samples over time for gates, transactions in all for the history. Memory of one leader. */
export class GenerationTally {
  readonly #slices = new Map<number, Slice[]>();
  /** Generation to gateway and incarnation to transactions begun there. */
  readonly #begun = new Map<number, Map<string, number>>();

  add(report: GatewayReport, nowMs: number): void {
    const merged = new Map<number, { requests: number; errors: number; buckets: number[] }>();
    for (const window of report.windows) {
      if (window.caller !== "" || window.calls === 0) continue;
      const sample = merged.get(window.generation) ?? { requests: 0, errors: 0, buckets: [] };
      sample.requests += window.calls;
      sample.errors += window.errors;
      window.buckets.forEach((count, index) => {
        sample.buckets[index] = (sample.buckets[index] ?? 0) + count;
      });
      merged.set(window.generation, sample);
    }
    for (const [generation, sample] of merged) {
      const slices = this.#slices.get(generation) ?? [];
      slices.push({ atMs: nowMs, sample });
      if (slices.length > SLICES_MAX) slices.shift();
      this.#slices.set(generation, slices);
    }
    for (const count of report.counts) {
      const gateways = this.#begun.get(count.generation) ?? new Map<string, number>();
      gateways.set(`${report.gateway}/${report.incarnation}`, count.begun);
      this.#begun.set(count.generation, gateways);
    }
    this.#forgetOld();
  }

  /** What transactions of `generation` have shown since `sinceMs`. */
  since(generation: number, sinceMs: number): GateSample {
    const sum = { requests: 0, errors: 0, buckets: [] as number[] };
    for (const { atMs, sample } of this.#slices.get(generation) ?? []) {
      if (atMs < sinceMs) continue;
      sum.requests += sample.requests;
      sum.errors += sample.errors;
      sample.buckets.forEach((count, index) => {
        sum.buckets[index] = (sum.buckets[index] ?? 0) + count;
      });
    }
    return sum;
  }

  /** Transactions begun in `generation`, as far as this leader has heard. */
  transactions(generation: number): number | undefined {
    const gateways = this.#begun.get(generation);
    return gateways === undefined ? undefined : [...gateways.values()].reduce((total, count) => total + count, 0);
  }

  /** Keeps the newest hundred generations. */
  #forgetOld(): void {
    for (const map of [this.#slices, this.#begun]) {
      if (map.size <= 100) continue;
      const oldest = Math.min(...map.keys());
      map.delete(oldest);
    }
  }
}
