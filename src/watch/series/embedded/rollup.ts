import { STALE } from "../contract.ts";
import type { RollupColumn } from "../promql/sample-source.ts";
import { lowerBound } from "./head.ts";

/** Columns of a tier, in the order in which segments have them. */
export const TIER_COLUMNS = ["time", "last", "min", "max", "sum", "count", "increase"] as const satisfies readonly ("time" | RollupColumn)[];

/** Rows of a tier: `columns` in the order of `TIER_COLUMNS`. */
export interface TierRows {
  readonly rows: number;
  readonly columns: readonly Float64Array[];
}

/** The end of the span of `resolutionMs` in which a time lies; spans are left-open, as ranges are. */
export function spanEnd(atMs: number, resolutionMs: number): number {
  return Math.ceil(atMs / resolutionMs) * resolutionMs;
}

/** What samples with `fromMs < time <= toMs` come to in spans of `resolutionMs`. Earlier samples are looked at for the increase of the first span only, so that none is lost between two calls. Spans without a sample have no row. */
export function rollUp(times: Float64Array, values: Float64Array, resolutionMs: number, fromMs: number, toMs: number): TierRows {
  const count = times.length;
  const begin = lowerBound(times, count, fromMs + 1);
  const rowsMax = Math.min(count - begin, Math.ceil((toMs - fromMs) / resolutionMs) + 1);
  const columns = TIER_COLUMNS.map(() => new Float64Array(Math.max(0, rowsMax)));
  const [time, last, min, max, sum, number, increase] = columns as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  let before = Number.NaN;
  for (let index = begin - 1; index >= 0; index--)
    if (values[index] !== STALE) {
      before = values[index] as number;
      break;
    }
  let row = -1;
  for (let index = begin; index < count; index++) {
    const atMs = times[index] as number;
    if (atMs > toMs) break;
    const value = values[index] as number;
    if (value === STALE) continue;
    const end = spanEnd(atMs, resolutionMs);
    if (row < 0 || time[row] !== end) {
      row += 1;
      time[row] = end;
      min[row] = value;
      max[row] = value;
    }
    last[row] = value;
    if (value < (min[row] as number) || Number.isNaN(min[row])) min[row] = value;
    if (value > (max[row] as number) || Number.isNaN(max[row])) max[row] = value;
    sum[row] = (sum[row] as number) + value;
    number[row] = (number[row] as number) + 1;
    // A counter that has gone back was begun anew.
    if (!Number.isNaN(before)) increase[row] = (increase[row] as number) + (value >= before ? value - before : value);
    before = value;
  }
  return { rows: row + 1, columns: columns.map((column) => column.subarray(0, row + 1)) };
}

/** Rows of several pieces as one, by their times (the first column); of two of one time the first stays. */
export function mergeRows(parts: readonly (readonly Float64Array[])[]): readonly Float64Array[] {
  const given = parts.filter(([times]) => times !== undefined && times.length > 0);
  if (given.length <= 1) return given[0] ?? parts[0] ?? [];
  const timesOf = given.map(([times]) => times as Float64Array);
  const total = timesOf.reduce((sum, times) => sum + times.length, 0);
  const width = (given[0] as readonly Float64Array[]).length;
  const merged = Array.from({ length: width }, () => new Float64Array(total));
  if (timesOf.every((times, index) => index === 0 || (timesOf[index - 1]?.at(-1) as number) < (times[0] as number))) {
    let at = 0;
    for (const part of given) {
      part.forEach((column, index) => (merged[index] as Float64Array).set(column, at));
      at += (part[0] as Float64Array).length;
    }
    return merged;
  }
  const places = given.map(() => 0);
  let row = 0;
  for (;;) {
    let first = -1;
    let firstMs = Number.POSITIVE_INFINITY;
    timesOf.forEach((times, index) => {
      const atMs = times[places[index] as number];
      if (atMs === undefined || atMs >= firstMs) return;
      first = index;
      firstMs = atMs;
    });
    if (first < 0) break;
    for (let column = 0; column < width; column++)
      (merged[column] as Float64Array)[row] = given[first]?.[column]?.[places[first] as number] as number;
    row += 1;
    timesOf.forEach((times, index) => {
      while ((times[places[index] as number] ?? Number.POSITIVE_INFINITY) <= firstMs) places[index] = (places[index] as number) + 1;
    });
  }
  return merged.map((column) => column.subarray(0, row));
}
