import type { Labels } from "./labels.ts";
import { invalid } from "./literals.ts";
import { formatPlain } from "./numbers.ts";
import { KahanSum, quantileOf, RunningMean } from "./sums.ts";
import { ABSENT, emptyValues, keyOf, only, type VectorSeries, withLabel, without, withoutName } from "./values.ts";

export interface Grouping {
  readonly op: string;
  readonly isWithout: boolean;
  readonly labels: readonly string[];
}

interface Group {
  readonly labels: Labels;
  readonly members: VectorSeries[];
}

/** `sum by (a) (…)` and its kin. `params`: the scalar parameter at each step; `text`: that of count_values.
 *  @throws series/invalid: a parameter that cannot be used */
export function aggregate(
  grouping: Grouping,
  series: readonly VectorSeries[],
  count: number,
  { params, text }: { readonly params?: Float64Array; readonly text?: string },
): readonly VectorSeries[] {
  switch (grouping.op) {
    case "topk":
    case "bottomk":
    case "limitk":
      return select(grouping, series, count, params as Float64Array);
    case "count_values":
      return countValues(grouping, series, count, text ?? "");
    default:
      return groupsOf(grouping, series).map(({ labels, members }) => ({
        labels,
        values: combine(grouping.op, members, count, params),
        ...(members.some(({ dropsName }) => dropsName === true) && { dropsName: true }),
      }));
  }
}

function groupLabels({ isWithout, labels: names }: Grouping, labels: Labels): Labels {
  return isWithout ? without(withoutName(labels), names) : only(labels, names);
}

function groupsOf(grouping: Grouping, series: readonly VectorSeries[]): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const one of series) {
    const labels = groupLabels(grouping, one.labels);
    // Names are told apart where they are asked for, and where all but some labels are.
    const key = keyOf(labels);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { labels, members: [one] });
    else group.members.push(one);
  }
  return [...groups.values()];
}

function combine(op: string, members: readonly VectorSeries[], count: number, params: Float64Array | undefined): Float64Array {
  const result = emptyValues(count);
  const present: number[] = [];
  for (let step = 0; step < count; step++) {
    present.length = 0;
    for (const { values } of members) {
      const value = values[step] as number;
      if (value !== ABSENT) present.push(value);
    }
    if (present.length > 0) result[step] = combined(op, present, params?.[step] ?? 0);
  }
  return result;
}

function combined(op: string, values: readonly number[], param: number): number {
  const [first = 0] = values;
  switch (op) {
    case "sum": {
      const sum = new KahanSum(first);
      for (let index = 1; index < values.length; index++) sum.add(values[index] as number);
      return sum.sum + sum.rest;
    }
    case "avg": {
      const mean = new RunningMean(first);
      for (let index = 1; index < values.length; index++) mean.add(values[index] as number);
      return mean.value;
    }
    case "min":
    case "max": {
      let best = first;
      for (const value of values) if ((op === "max" ? best < value : best > value) || Number.isNaN(best)) best = value;
      return best;
    }
    case "count":
      return values.length;
    case "group":
      return 1;
    case "stdvar":
      return variance(values);
    case "stddev":
      return Math.sqrt(variance(values));
    case "quantile":
      return quantileOf(param, Float64Array.from(values));
    default:
      throw invalid(`there is no aggregation ${op}`);
  }
}

function variance(values: readonly number[]): number {
  let mean = values[0] as number;
  let squares = Number.isFinite(mean) ? 0 : Number.NaN;
  for (let index = 1; index < values.length; index++) {
    const value = values[index] as number;
    const delta = value - mean;
    mean += delta / (index + 1);
    squares += delta * (value - mean);
  }
  return squares / values.length;
}

/** The series with the greatest, smallest, or just some of the values, at each step of its own. */
function select(grouping: Grouping, series: readonly VectorSeries[], count: number, params: Float64Array): readonly VectorSeries[] {
  const { op } = grouping;
  if (params.every((param) => param < 1)) return [];
  if (params.some((param) => Number.isNaN(param))) throw invalid(`the parameter of ${op} is NaN`);
  const results = new Map<VectorSeries, Float64Array>();
  const order: VectorSeries[] = [];
  for (const { members } of groupsOf(grouping, series)) {
    for (let step = 0; step < count; step++) {
      const wanted = Math.min(Math.trunc(params[step] as number), series.length);
      if (wanted < 1) continue;
      const present = members.filter(({ values }) => values[step] !== ABSENT);
      for (const one of op === "limitk" ? present.slice(0, wanted) : best(present, step, wanted, op === "topk")) {
        let values = results.get(one);
        if (values === undefined) {
          values = emptyValues(count);
          results.set(one, values);
          order.push(one);
        }
        values[step] = one.values[step] as number;
      }
    }
  }
  return order.map((one) => ({ ...one, values: results.get(one) as Float64Array }));
}

/** NaN is worse than any number, the first of two equal ones is kept. */
function best(present: readonly VectorSeries[], step: number, wanted: number, isTop: boolean): readonly VectorSeries[] {
  const rank = (one: VectorSeries): number => one.values[step] as number;
  return present
    .map((one, index) => ({ one, index }))
    .sort((a, b) => {
      const [x, y] = [rank(a.one), rank(b.one)];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) === Number.isNaN(y) ? a.index - b.index : Number.isNaN(x) ? 1 : -1;
      return x === y ? a.index - b.index : isTop === x > y ? -1 : 1;
    })
    .slice(0, wanted)
    .map(({ one }) => one);
}

const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

function countValues(grouping: Grouping, series: readonly VectorSeries[], count: number, label: string): readonly VectorSeries[] {
  if (!LABEL.test(label)) throw invalid(`${JSON.stringify(label.slice(0, 80))} is no name for a label`);
  const named = { ...grouping, labels: grouping.isWithout ? grouping.labels : [...grouping.labels, label] };
  const found = new Map<string, { readonly labels: Labels; readonly values: Float64Array }>();
  for (const one of series)
    for (let step = 0; step < count; step++) {
      const value = one.values[step] as number;
      if (value === ABSENT) continue;
      const labels = groupLabels(named, withLabel(one.labels, label, formatPlain(value)));
      const key = keyOf(labels);
      let counted = found.get(key);
      if (counted === undefined) {
        counted = { labels, values: emptyValues(count) };
        found.set(key, counted);
      }
      counted.values[step] = (counted.values[step] === ABSENT ? 0 : (counted.values[step] as number)) + 1;
    }
  return [...found.values()];
}
