import { parseFloatAsGo } from "./numbers.ts";

/** Functions of one value at a time. */
export const VALUE_FUNCTIONS: ReadonlyMap<string, (value: number) => number> = new Map<string, (value: number) => number>([
  ["abs", Math.abs],
  ["ceil", Math.ceil],
  ["floor", Math.floor],
  ["exp", Math.exp],
  ["sqrt", Math.sqrt],
  ["ln", Math.log],
  ["log2", Math.log2],
  ["log10", Math.log10],
  ["sin", Math.sin],
  ["cos", Math.cos],
  ["tan", Math.tan],
  ["asin", Math.asin],
  ["acos", Math.acos],
  ["atan", Math.atan],
  ["sinh", Math.sinh],
  ["cosh", Math.cosh],
  ["tanh", Math.tanh],
  ["asinh", Math.asinh],
  ["acosh", Math.acosh],
  ["atanh", Math.atanh],
  ["rad", (value) => value * (Math.PI / 180)],
  ["deg", (value) => value * (180 / Math.PI)],
  ["sgn", (value) => (value < 0 ? -1 : value > 0 ? 1 : value)],
]);

/** Functions of a time in seconds, UTC. */
export const DATE_FUNCTIONS: ReadonlyMap<string, (seconds: number) => number> = new Map<string, (seconds: number) => number>([
  ["year", ofDate((date) => date.getUTCFullYear())],
  ["month", ofDate((date) => date.getUTCMonth() + 1)],
  ["day_of_month", ofDate((date) => date.getUTCDate())],
  ["day_of_week", ofDate((date) => date.getUTCDay())],
  ["day_of_year", ofDate((date) => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1)],
  ["days_in_month", ofDate((date) => new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate())],
  ["hour", ofDate((date) => date.getUTCHours())],
  ["minute", ofDate((date) => date.getUTCMinutes())],
]);

function ofDate(tell: (date: Date) => number): (seconds: number) => number {
  return (seconds) => tell(new Date(Math.trunc(seconds) * 1_000));
}

export interface Bucket {
  readonly le: number;
  count: number;
}

/** The upper bound that a label `le` tells; `undefined`: it tells none. */
export function boundOf(text: string): number | undefined {
  const bound = parseFloatAsGo(text);
  return bound === undefined || Number.isNaN(bound) ? undefined : bound;
}

const TOLERANCE = 1e-12;
const NORMAL_MIN = 2.2250738585072014e-308;

/** The quantile of a classic histogram: within its bucket, in proportion. */
export function bucketQuantile(q: number, given: readonly Bucket[]): number {
  if (Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  const buckets = sorted(given);
  if (buckets === undefined) return Number.NaN;
  makeMonotonic(buckets);
  const total = buckets.at(-1)?.count ?? 0;
  if (buckets.length < 2 || total === 0) return Number.NaN;
  let rank = q * total;
  let at = buckets.findIndex((bucket, index) => index === buckets.length - 1 || bucket.count >= rank);
  if (at < 0) at = buckets.length - 1;
  const { le = 0, count = 0 } = buckets[at] ?? {};
  const before = buckets[at - 1];
  if (at === buckets.length - 1) return before?.le ?? Number.NaN;
  if (before === undefined && le <= 0) return le;
  const start = before?.le ?? 0;
  rank -= before?.count ?? 0;
  return start + (le - start) * (rank / (count - (before?.count ?? 0)));
}

/** The share of observations between two values. */
export function bucketFraction(lower: number, upper: number, given: readonly Bucket[]): number {
  const buckets = sorted(given);
  const total = buckets?.at(-1)?.count ?? 0;
  if (buckets === undefined || total === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN;
  if (lower >= upper) return 0;
  const rankOf = (value: number): number => {
    let rank = 0;
    let from = (buckets[0]?.le ?? 0) <= 0 ? Number.NEGATIVE_INFINITY : 0;
    for (const { le, count } of buckets) {
      if (from >= value) return rank;
      if (le > value) return from === Number.NEGATIVE_INFINITY ? count : rank + ((count - rank) * (value - from)) / (le - from);
      rank = count;
      from = le;
    }
    return total;
  };
  return (rankOf(upper) - rankOf(lower)) / total;
}

/** In the order of their bounds, those of one bound together; `undefined`: the last has a bound. */
function sorted(given: readonly Bucket[]): Bucket[] | undefined {
  const buckets: Bucket[] = [];
  for (const { le, count } of given.toSorted((a, b) => a.le - b.le || 0)) {
    const last = buckets.at(-1);
    if (last !== undefined && last.le === le) last.count += count;
    else buckets.push({ le, count });
  }
  return buckets.at(-1)?.le === Number.POSITIVE_INFINITY ? buckets : undefined;
}

function makeMonotonic(buckets: Bucket[]): void {
  let before = buckets[0]?.count ?? 0;
  for (const bucket of buckets.slice(1)) {
    if (bucket.count === before) continue;
    if (isAlmost(before, bucket.count) || bucket.count < before) bucket.count = before;
    else before = bucket.count;
  }
}

function isAlmost(a: number, b: number): boolean {
  if (Number.isNaN(a) && Number.isNaN(b)) return true;
  if (a === b) return true;
  const sum = Math.abs(a) + Math.abs(b);
  const difference = Math.abs(a - b);
  if (a === 0 || b === 0 || sum < NORMAL_MIN) return difference < TOLERANCE * NORMAL_MIN;
  return difference / Math.min(sum, Number.MAX_VALUE) < TOLERANCE;
}
