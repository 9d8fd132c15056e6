import type { RollupColumn } from "./sample-source.ts";
import { KahanSum, quantileOf, RunningMean } from "./sums.ts";
import { ABSENT, type MatrixSeries } from "./values.ts";

/** The samples of a series in one window: `series.values[low..high)`, at least one of them. */
export interface Window {
  readonly series: MatrixSeries;
  low: number;
  high: number;
  /** Left-open: `(fromMs, toMs]`. */
  fromMs: number;
  toMs: number;
  /** Of the step, without its offset. */
  evalMs: number;
  /** Scalar arguments. */
  params: readonly number[];
  /** Of the tier that is read; 0: raw samples. */
  readonly resolutionMs: number;
}

export interface RangeFunction {
  readonly raw: (window: Window) => number;
  /** Over rows of a tier, by these columns of it. Absent: it cannot be told from them. */
  readonly tier?: { readonly columns: readonly RollupColumn[]; readonly evaluate: (window: Window) => number };
  /** The name of the metric stays. */
  readonly keepsName?: boolean;
}

export const RANGE_FUNCTIONS: ReadonlyMap<string, RangeFunction> = new Map<string, RangeFunction>([
  [
    "rate",
    {
      raw: (window) => extrapolated(window, true, true),
      tier: { columns: ["increase"], evaluate: (window) => increaseOf(window) / secondsOf(window) },
    },
  ],
  ["increase", { raw: (window) => extrapolated(window, true, false), tier: { columns: ["increase"], evaluate: increaseOf } }],
  ["delta", { raw: (window) => extrapolated(window, false, false) }],
  ["irate", { raw: (window) => lastTwo(window, true) }],
  ["idelta", { raw: (window) => lastTwo(window, false) }],
  ["avg_over_time", { raw: average, tier: { columns: ["sum", "count"], evaluate: (window) => total(window, "sum") / total(window, "count") } }],
  ["sum_over_time", { raw: sum, tier: { columns: ["sum"], evaluate: (window) => total(window, "sum") } }],
  ["count_over_time", { raw: ({ low, high }) => high - low, tier: { columns: ["count"], evaluate: (window) => total(window, "count") } }],
  [
    "min_over_time",
    {
      raw: (window) => extreme(window, window.series.values, -1),
      tier: { columns: ["min"], evaluate: (window) => extreme(window, column(window, "min"), -1) },
    },
  ],
  [
    "max_over_time",
    {
      raw: (window) => extreme(window, window.series.values, 1),
      tier: { columns: ["max"], evaluate: (window) => extreme(window, column(window, "max"), 1) },
    },
  ],
  ["present_over_time", { raw: () => 1, tier: { columns: [], evaluate: () => 1 } }],
  ["absent_over_time", { raw: () => 1, tier: { columns: [], evaluate: () => 1 } }],
  ["last_over_time", { raw: last, tier: { columns: [], evaluate: last }, keepsName: true }],
  ["first_over_time", { raw: ({ series, low }) => series.values[low] as number, keepsName: true }],
  ["ts_of_first_over_time", { raw: ({ series, low }) => (series.times[low] as number) / 1_000 }],
  ["ts_of_last_over_time", { raw: ({ series, high }) => (series.times[high - 1] as number) / 1_000 }],
  ["ts_of_max_over_time", { raw: (window) => timeOfExtreme(window, (value, best) => value >= best) }],
  ["ts_of_min_over_time", { raw: (window) => timeOfExtreme(window, (value, best) => value <= best) }],
  ["stdvar_over_time", { raw: variance }],
  ["stddev_over_time", { raw: (window) => Math.sqrt(variance(window)) }],
  ["quantile_over_time", { raw: (window) => quantileOf(window.params[0] ?? Number.NaN, copyOf(window)) }],
  ["mad_over_time", { raw: medianDeviation }],
  ["changes", { raw: (window) => countSteps(window, (before, value) => value !== before && !(Number.isNaN(value) && Number.isNaN(before))) }],
  ["resets", { raw: (window) => countSteps(window, (before, value) => value < before) }],
  ["deriv", { raw: (window) => (window.high - window.low < 2 ? ABSENT : regression(window, window.series.times[window.low] as number).slope) }],
  ["predict_linear", { raw: predict }],
  ["double_exponential_smoothing", { raw: smooth }],
]);

function secondsOf({ fromMs, toMs }: Window): number {
  return (toMs - fromMs) / 1_000;
}

function column({ series }: Window, name: RollupColumn): Float64Array {
  return series.rollup?.[name] as Float64Array;
}

/** `rate`, `increase` and `delta`: from the first to the last sample, and on to the ends of the window where samples come near them. As Prometheus does it, operation by operation. */
function extrapolated({ series: { times, values }, low, high, fromMs, toMs }: Window, isCounter: boolean, isRate: boolean): number {
  const gaps = high - low - 1;
  if (gaps < 1) return ABSENT;
  const firstMs = times[low] as number;
  const lastMs = times[high - 1] as number;
  const first = values[low] as number;
  let result = (values[high - 1] as number) - first;
  if (isCounter)
    for (let index = low + 1; index < high; index++) {
      const before = values[index - 1] as number;
      if ((values[index] as number) < before) result += before;
    }
  let toStart = (firstMs - fromMs) / 1_000;
  let toEnd = (toMs - lastMs) / 1_000;
  const sampled = (lastMs - firstMs) / 1_000;
  const mean = sampled / gaps;
  const threshold = mean * 1.1;
  if (toStart >= threshold) toStart = mean / 2;
  if (isCounter) {
    let toZero = toStart;
    if (result > 0 && first >= 0) toZero = sampled * (first / result);
    if (toZero < toStart) toStart = toZero;
  }
  if (toEnd >= threshold) toEnd = mean / 2;
  let factor = sampled === 0 ? 1 : (sampled + toStart + toEnd) / sampled;
  if (isRate) factor /= (toMs - fromMs) / 1_000;
  return result * factor;
}

/** The increase by the rows of a tier: that of all of them, and on to the ends of the window by less than a row. */
function increaseOf(window: Window): number {
  const { series, low, high, fromMs, toMs, resolutionMs } = window;
  const increase = total(window, "increase");
  const coveredMs = (series.times[high - 1] as number) - (series.times[low] as number) + resolutionMs;
  const wantedMs = Math.min(toMs - fromMs, coveredMs + resolutionMs);
  return (increase * wantedMs) / coveredMs;
}

function total({ low, high, ...window }: Window, name: RollupColumn): number {
  const values = column({ low, high, ...window }, name);
  const sum = new KahanSum();
  for (let index = low; index < high; index++) sum.add(values[index] as number);
  return Math.abs(sum.sum) === Number.POSITIVE_INFINITY ? sum.sum : sum.sum + sum.rest;
}

function lastTwo({ series: { times, values }, low, high }: Window, isRate: boolean): number {
  if (high - low < 2) return ABSENT;
  const [before, value] = [values[high - 2] as number, values[high - 1] as number];
  const gapMs = (times[high - 1] as number) - (times[high - 2] as number);
  if (gapMs === 0) return ABSENT;
  const change = isRate && value < before ? value : value - before;
  return isRate ? change / (gapMs / 1_000) : change;
}

function average({ series: { values }, low, high }: Window): number {
  const mean = new RunningMean(values[low] as number);
  for (let index = low + 1; index < high; index++) mean.add(values[index] as number);
  return mean.value;
}

function sum({ series: { values }, low, high }: Window): number {
  const all = new KahanSum();
  for (let index = low; index < high; index++) all.add(values[index] as number);
  return Math.abs(all.sum) === Number.POSITIVE_INFINITY ? all.sum : all.sum + all.rest;
}

function extreme({ low, high }: Window, values: Float64Array, sign: 1 | -1): number {
  let best = values[low] as number;
  for (let index = low; index < high; index++) {
    const value = values[index] as number;
    if ((sign > 0 ? value > best : value < best) || Number.isNaN(best)) best = value;
  }
  return best;
}

function timeOfExtreme({ series: { times, values }, low, high }: Window, isBetter: (value: number, best: number) => boolean): number {
  let best = values[low] as number;
  let atMs = times[low] as number;
  for (let index = low; index < high; index++) {
    const value = values[index] as number;
    if (!isBetter(value, best) && !Number.isNaN(best)) continue;
    best = value;
    atMs = times[index] as number;
  }
  return atMs / 1_000;
}

function last({ series, high }: Window): number {
  return series.values[high - 1] as number;
}

function copyOf({ series, low, high }: Window): Float64Array {
  return series.values.slice(low, high);
}

function variance({ series: { values }, low, high }: Window): number {
  let count = 0;
  const mean = new KahanSum();
  const squares = new KahanSum();
  for (let index = low; index < high; index++) {
    count += 1;
    const value = values[index] as number;
    const delta = value - (mean.sum + mean.rest);
    mean.add(delta / count);
    squares.add(delta * (value - (mean.sum + mean.rest)));
  }
  return (squares.sum + squares.rest) / count;
}

function medianDeviation(window: Window): number {
  const values = copyOf(window);
  if (values.some((value) => Number.isNaN(value))) return Number.NaN;
  const median = quantileOf(0.5, values);
  return quantileOf(
    0.5,
    values.map((value) => Math.abs(value - median)),
  );
}

function countSteps({ series: { values }, low, high }: Window, counts: (before: number, value: number) => boolean): number {
  let count = 0;
  for (let index = low + 1; index < high; index++) if (counts(values[index - 1] as number, values[index] as number)) count += 1;
  return count;
}

/** Least squares; the intercept is the value at `interceptMs`. */
function regression({ series: { times, values }, low, high }: Window, interceptMs: number): { readonly slope: number; readonly intercept: number } {
  let count = 0;
  const [sumX, sumY, sumXy, sumXx] = [new KahanSum(), new KahanSum(), new KahanSum(), new KahanSum()];
  const first = values[low] as number;
  let isConstant = true;
  for (let index = low; index < high; index++) {
    const y = values[index] as number;
    if (index > low && y !== first) isConstant = false;
    count += 1;
    const x = ((times[index] as number) - interceptMs) / 1_000;
    sumX.add(x);
    sumY.add(y);
    sumXy.add(x * y);
    sumXx.add(x * x);
  }
  if (isConstant) return Math.abs(first) === Number.POSITIVE_INFINITY ? { slope: Number.NaN, intercept: Number.NaN } : { slope: 0, intercept: first };
  const [x, y, xy, xx] = [sumX, sumY, sumXy, sumXx].map((one) => one.sum + one.rest) as [number, number, number, number];
  const slope = (xy - (x * y) / count) / (xx - (x * x) / count);
  return { slope, intercept: y / count - (slope * x) / count };
}

function predict(window: Window): number {
  if (window.high - window.low < 2) return ABSENT;
  const { slope, intercept } = regression(window, window.evalMs);
  return slope * (window.params[0] ?? Number.NaN) + intercept;
}

function smooth({ series: { values }, low, high, params: [smoothing = 0, trend = 0] }: Window): number {
  if (high - low < 2) return ABSENT;
  let before = 0;
  let level = values[low] as number;
  let slope = (values[low + 1] as number) - level;
  for (let index = low + 1; index < high; index++) {
    const x = smoothing * (values[index] as number);
    if (index > low + 1) slope = trend * (level - before) + (1 - trend) * slope;
    const y = (1 - smoothing) * (level + slope);
    before = level;
    level = x + y;
  }
  return level;
}
