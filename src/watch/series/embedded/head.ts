import { metricOf } from "../promql/series-key.ts";

/** Samples of one series that are not sealed yet, in the order of their times. */
export class HeadSeries {
  readonly key: string;
  /** Who has observed it first. */
  readonly source: string;
  times = new Float64Array(4);
  values = new Float64Array(4);
  count = 0;
  /** Of all it ever took. */
  lastMs = Number.NEGATIVE_INFINITY;
  lastValue = 0;

  constructor(key: string, source: string) {
    this.key = key;
    this.source = source;
  }

  get metric(): string {
    return metricOf(this.key);
  }

  /** What becomes of a sample: taken, the same as one that is there, or another value at the time of one. */
  add(atMs: number, value: number): "taken" | "same" | "duplicate" {
    const { count } = this;
    if (atMs === this.lastMs) return Object.is(value, this.lastValue) ? "same" : "duplicate";
    let place = count;
    if (count > 0 && atMs <= (this.times[count - 1] as number)) {
      place = lowerBound(this.times, count, atMs);
      if (this.times[place] === atMs) return Object.is(value, this.values[place]) ? "same" : "duplicate";
    }
    if (count === this.times.length) this.#grow();
    if (place < count) {
      this.times.copyWithin(place + 1, place, count);
      this.values.copyWithin(place + 1, place, count);
    }
    this.times[place] = atMs;
    this.values[place] = value;
    this.count = count + 1;
    if (atMs > this.lastMs) {
      this.lastMs = atMs;
      this.lastValue = value;
    }
    return "taken";
  }

  /** Hands over what it has, and begins anew. */
  take(): { readonly times: Float64Array; readonly values: Float64Array } {
    const taken = { times: this.times.subarray(0, this.count), values: this.values.subarray(0, this.count) };
    this.times = new Float64Array(4);
    this.values = new Float64Array(4);
    this.count = 0;
    return taken;
  }

  #grow(): void {
    const length = this.times.length * 2;
    const [times, values] = [new Float64Array(length), new Float64Array(length)];
    times.set(this.times);
    values.set(this.values);
    this.times = times;
    this.values = values;
  }
}

/** The first of `count` ascending `times` that is not before `atMs`. */
export function lowerBound(times: Float64Array, count: number, atMs: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] as number) < atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many series may be active. */
export interface CardinalityBounds {
  /** Of one metric of one source. */
  readonly metricSeriesMax: number;
  /** Of one source. */
  readonly sourceSeriesMax: number;
  /** Of all. Above it only those have new series that have less than an equal share, and above twice as many nobody has. */
  readonly seriesMax: number;
}

/** All series that are active: those that have taken a sample lately. */
export class Head {
  readonly #bounds: CardinalityBounds;
  readonly #series = new Map<string, HeadSeries>();
  readonly #byMetric = new Map<string, Set<HeadSeries>>();
  readonly #ofPair = new Map<string, number>();
  readonly #ofSource = new Map<string, number>();
  samples = 0;

  constructor(bounds: CardinalityBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#series.size;
  }

  all(): Iterable<HeadSeries> {
    return this.#series.values();
  }

  find(key: string): HeadSeries | undefined {
    return this.#series.get(key);
  }

  /** Those of a metric; absent: of all. */
  ofMetric(metric: string | undefined): Iterable<HeadSeries> {
    return metric === undefined ? this.#series.values() : (this.#byMetric.get(metric) ?? []);
  }

  /** Why no new series of this metric and source is taken; `undefined`: one is. */
  refusal(source: string, metric: string): string | undefined {
    const { metricSeriesMax, sourceSeriesMax, seriesMax } = this.#bounds;
    const own = this.#ofPair.get(pairOf(source, metric)) ?? 0;
    if (own >= metricSeriesMax)
      return `${source} has ${own} active series of ${metric}, and no more of one metric are taken: a label has too many values (an id, a pid, a path?); leave it out`;
    const ofSource = this.#ofSource.get(source) ?? 0;
    if (ofSource >= sourceSeriesMax)
      return `${source} has ${ofSource} active series, and no more of one source are taken: send fewer metrics or labels`;
    if (this.#series.size >= seriesMax && own >= Math.max(1, Math.floor(seriesMax / Math.max(1, this.#ofPair.size))))
      return `there are ${this.#series.size} active series, of which ${own} are ${metric} of ${source}, more than an equal share: its new series are not taken`;
    if (this.#series.size >= 2 * seriesMax)
      return `there are ${this.#series.size} active series, twice as many as there should be: no new ones are taken of anybody, until some have had no sample for an hour`;
    return undefined;
  }

  /** A new series; `refusal` was asked before. */
  create(key: string, source: string): HeadSeries {
    const series = new HeadSeries(key, source);
    const { metric } = series;
    this.#series.set(key, series);
    const ofMetric = this.#byMetric.get(metric) ?? new Set();
    this.#byMetric.set(metric, ofMetric.add(series));
    add(this.#ofPair, pairOf(source, metric), 1);
    add(this.#ofSource, source, 1);
    return series;
  }

  /** Forgets a series that has nothing here. */
  drop(series: HeadSeries): void {
    const { key, source, metric } = series;
    this.#series.delete(key);
    const ofMetric = this.#byMetric.get(metric);
    ofMetric?.delete(series);
    if (ofMetric?.size === 0) this.#byMetric.delete(metric);
    add(this.#ofPair, pairOf(source, metric), -1);
    add(this.#ofSource, source, -1);
  }
}

function pairOf(source: string, metric: string): string {
  return `${metric}\u0000${source}`;
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}
