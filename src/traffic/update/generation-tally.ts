import type { GatewayReport } from "#/traffic/routing/index.ts";
import type { GateSample } from "#/traffic/update/core/index.ts";

/** What all edges have told within a second. */
interface Slice {
  readonly atMs: number;
  requests: number;
  errors: number;
  readonly buckets: number[];
}

interface Begun {
  readonly incarnation: number;
  readonly count: number;
  /** By all former incarnations. */
  readonly before: number;
}

/** Time that a slice gathers: their number must not depend on how many gateways report, and how often. */
const SLICE_MS = 1000;
/** Slices that are kept for each generation: 83 minutes. */
const SLICES_MAX = 5000;
/** Generations that are kept, the newest ones. */
const GENERATIONS_MAX = 100;

/** What edges have counted for each generation: samples over time for gates, transactions in all for the history. Memory of one leader. */
export class GenerationTally {
  readonly #slices = new Map<number, Slice[]>();
  /** Generation to gateway to transactions begun there. */
  readonly #begun = new Map<number, Map<string, Begun>>();

  add(report: GatewayReport, nowMs: number): void {
    for (const window of report.windows) {
      if (window.caller !== "" || window.calls === 0) continue;
      const slice = this.#sliceAt(window.generation, nowMs);
      slice.requests += window.calls;
      slice.errors += window.errors;
      addTo(slice.buckets, window.buckets);
    }
    for (const { generation, begun } of report.counts) {
      const gateways = this.#begun.get(generation) ?? new Map<string, Begun>();
      const next = counted(gateways.get(report.gateway), report.incarnation, begun);
      this.#begun.set(generation, gateways.set(report.gateway, next));
    }
    forgetOld(this.#slices);
    forgetOld(this.#begun);
  }

  /** What transactions of `generation` have shown since `sinceMs`, to a second. */
  since(generation: number, sinceMs: number): GateSample {
    const sum = { requests: 0, errors: 0, buckets: [] as number[] };
    for (const { atMs, requests, errors, buckets } of this.#slices.get(generation) ?? []) {
      if (atMs < sinceMs) continue;
      sum.requests += requests;
      sum.errors += errors;
      addTo(sum.buckets, buckets);
    }
    return sum;
  }

  /** Transactions begun in `generation`, as far as this leader has heard. */
  transactions(generation: number): number | undefined {
    const gateways = this.#begun.get(generation);
    return gateways === undefined ? undefined : [...gateways.values()].reduce((total, { count, before }) => total + count + before, 0);
  }

  /** Only these generations are compared any more. */
  keepSamples(open: ReadonlySet<number>): void {
    for (const generation of this.#slices.keys()) if (!open.has(generation)) this.#slices.delete(generation);
  }

  /** How many slices and counts are kept. */
  get size(): number {
    let size = 0;
    for (const slices of this.#slices.values()) size += slices.length;
    for (const gateways of this.#begun.values()) size += gateways.size;
    return size;
  }

  /** The slice of now. It has the time of its beginning: what was told before a step began is not taken for part of it. */
  #sliceAt(generation: number, nowMs: number): Slice {
    const slices = this.#slices.get(generation) ?? [];
    this.#slices.set(generation, slices);
    const last = slices.at(-1);
    if (last !== undefined && nowMs < last.atMs + SLICE_MS) return last;
    const slice = { atMs: nowMs, requests: 0, errors: 0, buckets: [] };
    slices.push(slice);
    if (slices.length > SLICES_MAX) slices.shift();
    return slice;
  }
}

/** Incarnations rise: what a former one says late is left out. */
function counted(former: Begun | undefined, incarnation: number, count: number): Begun {
  if (former === undefined) return { incarnation, count, before: 0 };
  if (incarnation < former.incarnation) return former;
  return { incarnation, count, before: former.before + (incarnation === former.incarnation ? 0 : former.count) };
}

function addTo(sum: number[], buckets: readonly number[]): void {
  buckets.forEach((count, index) => {
    sum[index] = (sum[index] ?? 0) + count;
  });
}

function forgetOld(map: Map<number, unknown>): void {
  while (map.size > GENERATIONS_MAX) map.delete(Math.min(...map.keys()));
}
