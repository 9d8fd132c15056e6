import { COMPARISONS, type Matching } from "./ast.ts";
import type { Labels } from "./labels.ts";
import { invalid } from "./literals.ts";
import {
  ABSENT,
  describe,
  emptyValues,
  hasValue,
  keyOf,
  labelOf,
  mergeSame,
  only,
  type VectorSeries,
  withLabel,
  without,
  withoutName,
} from "./values.ts";

export interface NameRemoval {
  /** Names go at the end of the evaluation, as Prometheus does with its feature `promql-delayed-name-removal`; default false: at once. */
  readonly isLate: boolean;
}

/** What an operator makes of two numbers; of a comparison, 1 or 0. */
export function operate(op: string, left: number, right: number): number {
  switch (op) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    case "%":
      return left % right;
    case "^":
      return power(left, right);
    case "atan2":
      return Math.atan2(left, right);
    default:
      return compare(op, left, right) ? 1 : 0;
  }
}

/** As Go and IEEE 754 have it: 1 to any power is 1, and so is -1 to an infinite one. */
function power(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY)) return 1;
  return base ** exponent;
}

function compare(op: string, left: number, right: number): boolean {
  switch (op) {
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    case ">":
      return left > right;
    case "<":
      return left < right;
    case ">=":
      return left >= right;
    default:
      return left <= right;
  }
}

export function scalarBinary(op: string, left: Float64Array, right: Float64Array): Float64Array {
  return left.map((value, index) => operate(op, value, right[index] as number));
}

/** A vector and a scalar, which stands right of it, or left. */
export function vectorScalar(
  { op, returnsBool, isSwapped }: { readonly op: string; readonly returnsBool: boolean; readonly isSwapped: boolean },
  series: readonly VectorSeries[],
  scalar: Float64Array,
  { isLate }: NameRemoval,
): readonly VectorSeries[] {
  const isComparison = COMPARISONS.has(op);
  const drops = !isComparison || returnsBool;
  const made = series.map((one) => {
    const values = one.values.map((value, index) => {
      if (value === ABSENT) return ABSENT;
      const other = scalar[index] as number;
      const result = isSwapped ? operate(op, other, value) : operate(op, value, other);
      return !isComparison || returnsBool ? result : result === 1 ? value : ABSENT;
    });
    if (!drops) return { ...one, values };
    return { labels: isLate ? one.labels : withoutName(one.labels), values, dropsName: true };
  });
  return isLate ? made : mergeSame(made);
}

/** By what series of the two sides belong together. */
function signatureOf(labels: Labels, { isOn, labels: names }: Matching): string {
  return keyOf(isOn ? only(labels, names) : without(withoutName(labels), names));
}

export function setOperation(
  op: string,
  left: readonly VectorSeries[],
  right: readonly VectorSeries[],
  matching: Matching,
  { isLate }: NameRemoval,
  count: number,
): readonly VectorSeries[] {
  const presence = (series: readonly VectorSeries[]): Map<string, Uint8Array> => {
    const found = new Map<string, Uint8Array>();
    for (const { labels, values } of series) {
      const signature = signatureOf(labels, matching);
      const present = found.get(signature) ?? new Uint8Array(count);
      found.set(signature, present);
      for (let index = 0; index < count; index++) if (values[index] !== ABSENT) present[index] = 1;
    }
    return found;
  };
  const filtered = (series: readonly VectorSeries[], others: Map<string, Uint8Array>, keepsMatched: boolean): readonly VectorSeries[] =>
    series.map((one) => {
      const present = others.get(signatureOf(one.labels, matching));
      return { ...one, values: one.values.map((value, index) => ((present?.[index] === 1) === keepsMatched ? value : ABSENT)) };
    });
  if (op === "and") return filtered(left, presence(right), true);
  if (op === "unless") return filtered(left, presence(right), false);
  const all = [...left, ...filtered(right, presence(left), false)];
  return isLate ? mergeLate(all) : mergeSame(all.filter(({ values }) => hasValue(values)));
}

/** Where names go late, two that differ in nothing are one series if they never meet. */
function mergeLate(series: readonly VectorSeries[]): readonly VectorSeries[] {
  return mergeSame(series.filter(({ values }) => hasValue(values)));
}

/** Arithmetic and comparison of two vectors.
 *  @throws series/invalid: several series of a side belong to one of the other, and nothing says that they may */
export function vectorBinary(
  { op, returnsBool }: { readonly op: string; readonly returnsBool: boolean },
  left: readonly VectorSeries[],
  right: readonly VectorSeries[],
  matching: Matching,
  { isLate }: NameRemoval,
  count: number,
): readonly VectorSeries[] {
  const isSwapped = matching.card === "one-to-many";
  const [many, one] = isSwapped ? [right, left] : [left, right];
  const [fillMany, fillOne] = isSwapped ? [matching.fillRight, matching.fillLeft] : [matching.fillLeft, matching.fillRight];
  const isComparison = COMPARISONS.has(op);
  const drops = returnsBool || !isComparison;
  const numbers = new Map<string, number>();
  const numberOf = ({ labels }: VectorSeries): number => {
    const signature = signatureOf(labels, matching);
    const number = numbers.get(signature) ?? numbers.size;
    numbers.set(signature, number);
    return number;
  };
  const manyNumbers = many.map(numberOf);
  const oneNumbers = one.map(numberOf);
  const made = new Map<string, { readonly labels: Labels; readonly values: Float64Array; dropsName: boolean }>();
  const results = new Map<string, string>();
  const labelsOfResult = new Map<string, Labels>();
  const resultKey = (manyIndex: number, oneIndex: number): string => {
    const pair = `${manyIndex} ${oneIndex}`;
    const known = results.get(pair);
    if (known !== undefined) return known;
    const filler = (other: Labels): Labels => (matching.isOn ? only(other, matching.labels) : without(withoutName(other), matching.labels));
    const manyLabels = many[manyIndex]?.labels ?? filler(one[oneIndex]?.labels ?? {});
    const oneLabels = one[oneIndex]?.labels ?? filler(many[manyIndex]?.labels ?? {});
    const labels = resultLabels(manyLabels, oneLabels, matching, !isComparison || (returnsBool && !isLate));
    const key = keyOf(labels);
    results.set(pair, key);
    labelsOfResult.set(key, labels);
    return key;
  };
  const atStep = new Int32Array(numbers.size);
  const matched = new Uint8Array(numbers.size);
  const hasAny = (series: readonly VectorSeries[], step: number): boolean => series.some(({ values }) => values[step] !== ABSENT);
  const isFilled = fillMany !== undefined || fillOne !== undefined;
  for (let step = 0; step < count; step++) {
    // Nothing matches where one side has nothing: then it does not matter whether the other's match groups are unique.
    if (!isFilled && !(hasAny(one, step) && hasAny(many, step))) continue;
    atStep.fill(-1);
    matched.fill(0);
    const inserted = new Set<string>();
    for (let index = 0; index < one.length; index++) {
      if (one[index]?.values[step] === ABSENT) continue;
      const number = oneNumbers[index] as number;
      const other = atStep[number] as number;
      if (other >= 0)
        throw invalid(
          `two series of the ${isSwapped ? "left" : "right"} side belong to the same match group ${describe(only(one[index]?.labels ?? {}, matching.isOn ? matching.labels : Object.keys(without(withoutName(one[index]?.labels ?? {}), matching.labels))))}: ${describe(one[other]?.labels ?? {})} and ${describe(one[index]?.labels ?? {})}; many-to-many matching is not allowed: name labels that tell them apart`,
        );
      atStep[number] = index;
    }
    const combine = (manyIndex: number, oneIndex: number, number: number, manyValue: number, oneValue: number): void => {
      const [leftValue, rightValue] = isSwapped ? [oneValue, manyValue] : [manyValue, oneValue];
      const result = operate(op, leftValue, rightValue);
      const key = resultKey(manyIndex, oneIndex);
      if (matching.card === "one-to-one") {
        if (matched[number] === 1)
          throw invalid("several series of the left side belong to one of the right: many-to-one matching is said with group_left or group_right");
      } else {
        const mark = `${number} ${key}`;
        if (inserted.has(mark)) throw invalid("several results have the same labels: the labels of group_left or group_right must tell them apart");
        inserted.add(mark);
      }
      matched[number] = 1;
      if (isComparison && !returnsBool && result !== 1) return;
      let series = made.get(key);
      if (series === undefined) {
        series = { labels: labelsOfResult.get(key) as Labels, values: emptyValues(count), dropsName: drops };
        made.set(key, series);
      }
      if (series.values[step] !== ABSENT) throw invalid(`an instant vector cannot have two series with the same labels: ${describe(series.labels)}`);
      series.values[step] = isComparison && !returnsBool ? leftValue : result;
    };
    for (let index = 0; index < many.length; index++) {
      const value = many[index]?.values[step] as number;
      if (value === ABSENT) continue;
      const number = manyNumbers[index] as number;
      const other = atStep[number] as number;
      if (other >= 0) combine(index, other, number, value, one[other]?.values[step] as number);
      else if (fillOne !== undefined) combine(index, -1, number, value, fillOne);
    }
    if (fillMany === undefined) continue;
    for (let index = 0; index < one.length; index++) {
      const value = one[index]?.values[step] as number;
      const number = oneNumbers[index] as number;
      if (value !== ABSENT && matched[number] === 0) combine(-1, index, number, fillMany, value);
    }
  }
  return [...made.values()];
}

function resultLabels(many: Labels, one: Labels, { card, isOn, labels, include }: Matching, drops: boolean): Labels {
  let result = drops ? withoutName(many) : many;
  if (card === "one-to-one") result = isOn ? only(result, labels) : without(result, labels);
  for (const name of include) result = withLabel(result, name, labelOf(one, name));
  return result;
}
