import { type Labels, METRIC_NAME, STALE } from "./labels.ts";
import { invalid } from "./literals.ts";
import type { Rollup } from "./sample-source.ts";
import { keyOf } from "./series-key.ts";

/** No value at a step. The same as in stores: no sample has this value. */
export const ABSENT: number = STALE;

/** The times at which an expression is evaluated. */
export interface Steps {
  readonly startMs: number;
  readonly stepMs: number;
  readonly count: number;
}

export function stepAt({ startMs, stepMs }: Steps, index: number): number {
  return startMs + index * stepMs;
}

/** One series of an instant vector, with a value or `ABSENT` at each step. */
export interface VectorSeries {
  readonly labels: Labels;
  readonly values: Float64Array;
  /** Its name goes at the end: where names are removed late. */
  readonly dropsName?: boolean;
}

/** One series of a range vector: its samples. */
export interface MatrixSeries {
  readonly labels: Labels;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly rollup?: Rollup;
  readonly dropsName?: boolean;
}

export type Value =
  | { readonly type: "scalar"; readonly values: Float64Array }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "vector"; readonly series: readonly VectorSeries[] };

export function emptyValues(count: number): Float64Array {
  return new Float64Array(count).fill(ABSENT);
}

export function hasValue(values: Float64Array): boolean {
  for (const value of values) if (value !== ABSENT) return true;
  return false;
}

/** What a function takes away with the name: labels that say what the metric was. */
export const OF_METRIC: readonly string[] = [METRIC_NAME, "__type__", "__unit__"];

export function withoutName(labels: Labels): Labels {
  return OF_METRIC.some((name) => Object.hasOwn(labels, name)) ? without(labels, OF_METRIC) : labels;
}

export function without(labels: Labels, names: readonly string[]): Labels {
  const kept: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const name of Object.keys(labels)) if (!names.includes(name)) kept[name] = labels[name] as string;
  return kept;
}

export function only(labels: Labels, names: readonly string[]): Labels {
  const kept: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const name of names) if (Object.hasOwn(labels, name) && labels[name] !== "") kept[name] = labels[name] as string;
  return kept;
}

export function withLabel(labels: Labels, name: string, value: string): Labels {
  const made = without(labels, [name]) as Record<string, string>;
  if (value !== "") made[name] = value;
  return made;
}

export function labelOf(labels: Labels, name: string): string {
  return Object.hasOwn(labels, name) ? (labels[name] ?? "") : "";
}

export { keyOf };

/** Series that have become the same by losing their name, as one, where they never have values at the same step.
 *  @throws series/invalid: they have */
export function mergeSame(series: readonly VectorSeries[]): readonly VectorSeries[] {
  const byKey = new Map<string, VectorSeries>();
  for (const one of series) {
    const key = keyOf(one.labels);
    const known = byKey.get(key);
    if (known === undefined) {
      byKey.set(key, one);
      continue;
    }
    const values = Float64Array.from(known.values);
    for (let index = 0; index < values.length; index++) {
      const value = one.values[index] as number;
      if (value === ABSENT) continue;
      if (values[index] !== ABSENT) throw invalid(`an instant vector cannot have two series with the same labels: ${describe(one.labels)}`);
      values[index] = value;
    }
    byKey.set(key, { ...known, values });
  }
  return byKey.size === series.length ? series : [...byKey.values()];
}

/** `{a="b"}`, as people write it. */
export function describe(labels: Labels): string {
  const { [METRIC_NAME]: name = "", ...rest } = labels;
  const pairs = Object.keys(rest)
    .sort()
    .map((key) => `${key}=${JSON.stringify(rest[key])}`);
  return `${name}{${pairs.join(", ")}}`;
}
