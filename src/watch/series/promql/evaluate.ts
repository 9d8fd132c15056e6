import { OrreryError } from "#/base/index.ts";
import { aggregate } from "./aggregate.ts";
import {
  type AggregateExpr,
  type BinaryExpr,
  type CallExpr,
  type Expr,
  type MatrixExpr,
  SET_OPERATORS,
  type SelectorExpr,
  type SubqueryExpr,
  unwrap,
  type When,
} from "./ast.ts";
import { type NameRemoval, scalarBinary, setOperation, vectorBinary, vectorScalar } from "./binary.ts";
import { type Bucket, boundOf, bucketFraction, bucketQuantile, DATE_FUNCTIONS, VALUE_FUNCTIONS } from "./instant-functions.ts";
import { type Labels, METRIC_NAME } from "./labels.ts";
import { invalid, unsupported } from "./literals.ts";
import { compileRe2, type Matcher } from "./matcher.ts";
import { RANGE_FUNCTIONS, type RangeFunction, type Window } from "./range-functions.ts";
import type { RollupColumn, SampleBudget, SampleSource } from "./sample-source.ts";
import {
  ABSENT,
  emptyValues,
  hasValue,
  keyOf,
  labelOf,
  type MatrixSeries,
  mergeSame,
  OF_METRIC,
  only,
  type Steps,
  stepAt,
  type Value,
  type VectorSeries,
  withLabel,
  without,
  withoutName,
} from "./values.ts";

export interface EvaluateOptions {
  readonly source: SampleSource;
  readonly steps: Steps;
  readonly lookbackMs: number;
  readonly resolutionMs: number;
  readonly budget: SampleBudget;
  /** Of a subquery that names none. Default 1 min, as Prometheus' evaluation interval. */
  readonly subqueryStepMs?: number;
  /** Default false. */
  readonly removesNamesLate?: boolean;
}

const SUBQUERY_STEP_MS = 60_000;

/** Evaluates a checked expression at each step. Series without any value are left out.
 *  @throws series/invalid, series/unsupported, series/too-fine, series/too-large, series/timeout */
export async function evaluate(expr: Expr, options: EvaluateOptions): Promise<Value> {
  const value = await new Evaluator(options).evaluate(expr, options.steps);
  if (value.type !== "vector") return value;
  const series =
    options.removesNamesLate === true
      ? value.series.map((one) => (one.dropsName === true ? { ...one, labels: withoutName(one.labels) } : one))
      : value.series;
  return { type: "vector", series: mergeSame(series.filter(({ values }) => hasValue(values))) };
}

class Evaluator {
  readonly #options: EvaluateOptions;
  readonly #names: NameRemoval;

  constructor(options: EvaluateOptions) {
    this.#options = options;
    this.#names = { isLate: options.removesNamesLate === true };
  }

  async evaluate(expr: Expr, steps: Steps): Promise<Value> {
    await this.#options.budget.pause();
    switch (expr.kind) {
      case "number":
        return { type: "scalar", values: new Float64Array(steps.count).fill(expr.value) };
      case "string":
        return { type: "string", value: expr.value };
      case "paren":
        return await this.evaluate(expr.expr, steps);
      case "selector":
        return { type: "vector", series: await this.#selectInstant(expr, steps) };
      case "unary":
        return await this.#unary(expr.op, await this.evaluate(expr.expr, steps));
      case "binary":
        return await this.#binary(expr, steps);
      case "aggregate":
        return { type: "vector", series: await this.#aggregate(expr, steps) };
      case "call":
        return await this.#call(expr, steps);
      case "matrix":
      case "subquery":
        throw invalid("a range vector is no answer by itself over several steps: give it to a function such as rate()");
    }
  }

  async #vector(expr: Expr, steps: Steps): Promise<readonly VectorSeries[]> {
    const value = await this.evaluate(expr, steps);
    if (value.type !== "vector") throw invalid("an instant vector is wanted");
    return value.series;
  }

  async #scalar(expr: Expr, steps: Steps): Promise<Float64Array> {
    const value = await this.evaluate(expr, steps);
    if (value.type !== "scalar") throw invalid("a scalar is wanted");
    return value.values;
  }

  #text(expr: Expr | undefined): string {
    const inner = expr === undefined ? undefined : unwrap(expr);
    return inner?.kind === "string" ? inner.value : "";
  }

  // Selectors.

  /** The samples that a selector reads over all steps, with the time that each step reads at. */
  async #load(
    selector: Omit<SelectorExpr, "kind">,
    steps: Steps,
    rangeMs: number,
    columns: readonly RollupColumn[] = [],
  ): Promise<readonly MatrixSeries[]> {
    const { source, resolutionMs, budget } = this.#options;
    const first = timeOf(selector, stepAt(steps, 0));
    const last = timeOf(selector, stepAt(steps, steps.count - 1));
    return await source.select({ matchers: selector.matchers, fromMs: first - rangeMs, toMs: last, resolutionMs, columns, budget });
  }

  async #selectInstant(selector: SelectorExpr, steps: Steps): Promise<readonly VectorSeries[]> {
    const { resolutionMs, budget } = this.#options;
    const lookbackMs = Math.max(this.#options.lookbackMs, resolutionMs);
    const found: VectorSeries[] = [];
    for (const { labels, times, values } of await this.#load(selector, steps, lookbackMs)) {
      const result = emptyValues(steps.count);
      let high = 0;
      let isAny = false;
      for (let step = 0; step < steps.count; step++) {
        const atMs = timeOf(selector, stepAt(steps, step));
        while (high < times.length && (times[high] as number) <= atMs) high += 1;
        if (high === 0 || (times[high - 1] as number) <= atMs - lookbackMs) continue;
        const value = values[high - 1] as number;
        result[step] = value;
        if (value !== ABSENT) isAny = true;
      }
      budget.take(0);
      await budget.pause();
      if (isAny) found.push({ labels, values: result });
    }
    return found;
  }

  /** The time of the sample that an instant selector finds, in seconds: `timestamp(x)`. */
  async #sampleTimes(selector: SelectorExpr, steps: Steps): Promise<readonly VectorSeries[]> {
    const lookbackMs = Math.max(this.#options.lookbackMs, this.#options.resolutionMs);
    return (await this.#load(selector, steps, lookbackMs)).map(({ labels, times, values }) => {
      const result = emptyValues(steps.count);
      let high = 0;
      for (let step = 0; step < steps.count; step++) {
        const atMs = timeOf(selector, stepAt(steps, step));
        while (high < times.length && (times[high] as number) <= atMs) high += 1;
        if (high > 0 && (times[high - 1] as number) > atMs - lookbackMs && values[high - 1] !== ABSENT)
          result[step] = (times[high - 1] as number) / 1_000;
      }
      return { labels, values: result };
    });
  }

  /** A range vector: its samples, and when each step reads them. */
  async #matrix(
    expr: MatrixExpr | SubqueryExpr,
    steps: Steps,
    columns: readonly RollupColumn[],
  ): Promise<{ readonly series: readonly MatrixSeries[]; readonly when: When }> {
    if (expr.kind === "matrix") {
      const { resolutionMs } = this.#options;
      if (resolutionMs > 0 && expr.rangeMs < 2 * resolutionMs)
        throw new OrreryError(
          "series/too-fine",
          `the range of ${expr.rangeMs / 1_000} s is below twice the resolution of what is kept for that time, ${resolutionMs / 1_000} s: ask for ${(2 * resolutionMs) / 1_000} s or more, or for a later time`,
          { details: { rangeMs: expr.rangeMs, resolutionMs } },
        );
      const loaded = await this.#load(expr.selector, steps, expr.rangeMs, columns);
      return { series: loaded.map(withoutStale), when: expr.selector };
    }
    const { subqueryStepMs = SUBQUERY_STEP_MS } = this.#options;
    const stepMs = expr.stepMs ?? subqueryStepMs;
    const from = timeOf(expr, stepAt(steps, 0)) - expr.rangeMs;
    const to = timeOf(expr, stepAt(steps, steps.count - 1));
    let startMs = stepMs * Math.trunc(from / stepMs);
    if (startMs <= from) startMs += stepMs;
    const count = Math.floor((to - startMs) / stepMs) + 1;
    if (count <= 0) return { series: [], when: expr };
    const inner = { startMs, stepMs, count };
    const vector = await this.#vector(expr.expr, inner);
    const series = vector.map(({ labels, values, dropsName }) => {
      let kept = 0;
      const times = new Float64Array(count);
      const present = new Float64Array(count);
      for (let step = 0; step < count; step++) {
        if (values[step] === ABSENT) continue;
        times[kept] = stepAt(inner, step);
        present[kept] = values[step] as number;
        kept += 1;
      }
      this.#options.budget.take(kept);
      return { labels, times: times.subarray(0, kept), values: present.subarray(0, kept), ...(dropsName === true && { dropsName }) };
    });
    return { series, when: expr };
  }

  // Operators.

  async #unary(op: "+" | "-", value: Value): Promise<Value> {
    if (op === "+") return value;
    if (value.type === "scalar") return { type: "scalar", values: value.values.map((one) => -one) };
    if (value.type !== "vector") throw invalid("a sign stands before scalars and instant vectors");
    const { isLate } = this.#names;
    const series = value.series.map(({ labels, values }) => ({
      labels: isLate ? labels : withoutName(labels),
      values: values.map((one) => (one === ABSENT ? ABSENT : -one)),
      dropsName: true,
    }));
    return { type: "vector", series: isLate ? series : mergeSame(series) };
  }

  async #binary(expr: BinaryExpr, steps: Steps): Promise<Value> {
    const { op, returnsBool } = expr;
    const left = await this.evaluate(expr.left, steps);
    const right = await this.evaluate(expr.right, steps);
    if (left.type === "scalar" && right.type === "scalar") return { type: "scalar", values: scalarBinary(op, left.values, right.values) };
    if (left.type === "vector" && right.type === "scalar")
      return { type: "vector", series: vectorScalar({ op, returnsBool, isSwapped: false }, left.series, right.values, this.#names) };
    if (left.type === "scalar" && right.type === "vector")
      return { type: "vector", series: vectorScalar({ op, returnsBool, isSwapped: true }, right.series, left.values, this.#names) };
    if (left.type !== "vector" || right.type !== "vector" || expr.matching === undefined)
      throw invalid(`${op} stands between scalars and instant vectors`);
    const series = SET_OPERATORS.has(op)
      ? setOperation(op, left.series, right.series, expr.matching, this.#names, steps.count)
      : vectorBinary({ op, returnsBool }, left.series, right.series, expr.matching, this.#names, steps.count);
    return { type: "vector", series };
  }

  async #aggregate(expr: AggregateExpr, steps: Steps): Promise<readonly VectorSeries[]> {
    const series = await this.#vector(expr.expr, steps);
    if (expr.param === undefined) return aggregate(expr, series, steps.count, {});
    if (expr.op === "count_values") return aggregate(expr, series, steps.count, { text: this.#text(expr.param) });
    return aggregate(expr, series, steps.count, { params: await this.#scalar(expr.param, steps) });
  }

  // Functions.

  async #call(expr: CallExpr, steps: Steps): Promise<Value> {
    const { name, args } = expr;
    const [first, second, third] = args;
    const range = RANGE_FUNCTIONS.get(name);
    if (range !== undefined) return { type: "vector", series: await this.#rangeFunction(expr, range, steps) };
    const ofValue = VALUE_FUNCTIONS.get(name);
    if (ofValue !== undefined) return { type: "vector", series: this.#map(await this.#vector(first as Expr, steps), ofValue) };
    const ofDate = DATE_FUNCTIONS.get(name);
    if (ofDate !== undefined) {
      if (first === undefined)
        return { type: "vector", series: [{ labels: {}, values: this.#times(steps).map((seconds) => ofDate(Math.floor(seconds))) }] };
      return { type: "vector", series: this.#map(await this.#vector(first, steps), ofDate) };
    }
    switch (name) {
      case "time":
        return { type: "scalar", values: this.#times(steps) };
      case "pi":
        return this.#constant(Math.PI, steps);
      case "start":
        return this.#constant(this.#options.steps.startMs / 1_000, steps);
      case "end":
        return this.#constant(stepAt(this.#options.steps, this.#options.steps.count - 1) / 1_000, steps);
      case "step":
        return this.#constant(this.#options.steps.stepMs / 1_000, steps);
      case "range":
        return this.#constant(((this.#options.steps.count - 1) * this.#options.steps.stepMs) / 1_000, steps);
      case "vector":
        return { type: "vector", series: [{ labels: {}, values: await this.#scalar(first as Expr, steps) }] };
      case "scalar":
        return { type: "scalar", values: onlyValues(await this.#vector(first as Expr, steps), steps.count) };
      case "timestamp": {
        const inner = unwrap(first as Expr);
        if (inner.kind === "selector") return { type: "vector", series: this.#map(await this.#sampleTimes(inner, steps), (value) => value) };
        const times = this.#times(steps);
        return { type: "vector", series: this.#map(await this.#vector(inner, steps), (_, step) => times[step] as number) };
      }
      case "round": {
        const nearest = second === undefined ? undefined : await this.#scalar(second, steps);
        return {
          type: "vector",
          series: this.#map(await this.#vector(first as Expr, steps), (value, step) => {
            const inverse = 1 / (nearest?.[step] ?? 1);
            return Math.floor(value * inverse + 0.5) / inverse;
          }),
        };
      }
      case "clamp":
      case "clamp_min":
      case "clamp_max":
        return { type: "vector", series: await this.#clamp(name, first as Expr, second as Expr, third, steps) };
      case "absent":
        return { type: "vector", series: [absence(first as Expr, await this.#vector(first as Expr, steps), steps.count)] };
      case "sort":
      case "sort_desc":
      case "sort_by_label":
      case "sort_by_label_desc":
        return { type: "vector", series: this.#sort(name, await this.#vector(first as Expr, steps), args.slice(1), steps) };
      case "label_replace":
        return { type: "vector", series: this.#labelReplace(await this.#vector(first as Expr, steps), args) };
      case "label_join":
        return { type: "vector", series: this.#labelJoin(await this.#vector(first as Expr, steps), args) };
      case "histogram_quantile":
      case "histogram_fraction":
        return { type: "vector", series: await this.#histogram(name, args, steps) };
      default:
        throw unsupported(`${name}()`, "there is no such function");
    }
  }

  #constant(value: number, steps: Steps): Value {
    return { type: "scalar", values: new Float64Array(steps.count).fill(value) };
  }

  #times(steps: Steps): Float64Array {
    return Float64Array.from({ length: steps.count }, (_, index) => stepAt(steps, index) / 1_000);
  }

  #map(series: readonly VectorSeries[], make: (value: number, step: number) => number): readonly VectorSeries[] {
    const { isLate } = this.#names;
    const made = series.map(({ labels, values }) => ({
      labels: isLate ? labels : withoutName(labels),
      values: values.map((value, step) => (value === ABSENT ? ABSENT : make(value, step))),
      dropsName: true,
    }));
    return isLate ? made : mergeSame(made);
  }

  async #rangeFunction({ name, args }: CallExpr, { raw, tier, keepsName = false }: RangeFunction, steps: Steps): Promise<readonly VectorSeries[]> {
    const { resolutionMs, budget } = this.#options;
    const matrixArg = args.map(unwrap).find(({ kind }) => kind === "matrix" || kind === "subquery") as MatrixExpr | SubqueryExpr;
    const params: Float64Array[] = [];
    for (const arg of args) {
      const inner = unwrap(arg);
      if (inner !== matrixArg) params.push(await this.#scalar(inner, steps));
    }
    if (name === "double_exponential_smoothing")
      for (const [index, what] of [
        [0, "smoothing"],
        [1, "trend"],
      ] as const)
        if (params[index]?.some((value) => !(value > 0 && value < 1)) === true) throw invalid(`the ${what} factor is between 0 and 1`);
    const isTier = resolutionMs > 0 && matrixArg.kind === "matrix";
    if (isTier && tier === undefined)
      throw unsupported(
        `${name}() at a resolution of ${resolutionMs / 1_000} s`,
        "of that time minimum, maximum, sum, count, last value and increase are kept; ask for a later time",
      );
    const evaluateWindow = isTier ? (tier?.evaluate ?? raw) : raw;
    const { series, when } = await this.#matrix(matrixArg, steps, tier?.columns ?? []);
    const { isLate } = this.#names;
    const found: VectorSeries[] = [];
    for (const one of series) {
      const values = emptyValues(steps.count);
      const window: Window = { series: one, low: 0, high: 0, fromMs: 0, toMs: 0, evalMs: 0, params: [], resolutionMs };
      let isAny = false;
      for (let step = 0; step < steps.count; step++) {
        window.evalMs = stepAt(steps, step);
        window.toMs = timeOf(when, window.evalMs);
        window.fromMs = window.toMs - matrixArg.rangeMs;
        while (window.high < one.times.length && (one.times[window.high] as number) <= window.toMs) window.high += 1;
        while (window.low < window.high && (one.times[window.low] as number) <= window.fromMs) window.low += 1;
        if (window.low === window.high) continue;
        if (params.length > 0) window.params = params.map((param) => param[step] as number);
        const value = evaluateWindow(window);
        values[step] = value;
        if (value !== ABSENT) isAny = true;
        const pausing = budget.pause();
        if (pausing !== undefined) await pausing;
      }
      if (!isAny) continue;
      const drops = !keepsName || one.dropsName === true;
      found.push({ labels: drops && !isLate ? withoutName(one.labels) : one.labels, values, ...(drops && { dropsName: true }) });
    }
    if (name === "absent_over_time") return [absence(matrixArg, found, steps.count)];
    return isLate ? found : mergeSame(found);
  }

  async #clamp(name: string, vector: Expr, second: Expr, third: Expr | undefined, steps: Steps): Promise<readonly VectorSeries[]> {
    const bound = await this.#scalar(second, steps);
    const upper = name === "clamp" ? await this.#scalar(third as Expr, steps) : name === "clamp_max" ? bound : undefined;
    const lower = name === "clamp_max" ? undefined : bound;
    return this.#map(await this.#vector(vector, steps), (value, step) => {
      const [low, high] = [lower?.[step] ?? Number.NEGATIVE_INFINITY, upper?.[step] ?? Number.POSITIVE_INFINITY];
      return high < low ? ABSENT : greater(low, lesser(high, value));
    });
  }

  /** Only the answer of an instant has an order. */
  #sort(name: string, series: readonly VectorSeries[], args: readonly Expr[], steps: Steps): readonly VectorSeries[] {
    if (steps.count !== 1) return series;
    const sign = name.endsWith("_desc") ? -1 : 1;
    if (name.startsWith("sort_by_label")) {
      const names = args.map((arg) => this.#text(arg));
      return series.toSorted((a, b) => {
        for (const label of names) {
          const order = naturally(labelOf(a.labels, label), labelOf(b.labels, label));
          if (order !== 0) return sign * order;
        }
        return sign * (keyOf(a.labels) < keyOf(b.labels) ? -1 : 1);
      });
    }
    return series.toSorted((a, b) => {
      const [x, y] = [a.values[0] as number, b.values[0] as number];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) === Number.isNaN(y) ? 0 : Number.isNaN(x) ? 1 : -1;
      return sign * (x - y) || 0;
    });
  }

  #labelReplace(series: readonly VectorSeries[], args: readonly Expr[]): readonly VectorSeries[] {
    const [target, replacement, source, pattern] = args.slice(1).map((arg) => this.#text(arg)) as [string, string, string, string];
    checkLabel(target);
    const regex = compileRe2(pattern);
    return mergeSame(
      series.map((one) => {
        const match = regex.matcher(labelOf(one.labels, source));
        if (!match.find()) return one;
        const text = replacement.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (whole, braced: string | undefined, bare: string | undefined) => {
          if (whole === "$$") return "$";
          const name = braced ?? bare ?? "";
          if (/^\d+$/.test(name)) return Number(name) <= match.groupCount() ? (match.group(Number(name)) ?? "") : "";
          try {
            return match.group(name) ?? "";
          } catch {
            // Go expands names that are not there to nothing.
            return "";
          }
        });
        return { ...one, labels: withLabel(one.labels, target, text), ...(target === METRIC_NAME && { dropsName: false }) };
      }),
    );
  }

  #labelJoin(series: readonly VectorSeries[], args: readonly Expr[]): readonly VectorSeries[] {
    const [target = "", separator = "", ...sources] = args.slice(1).map((arg) => this.#text(arg));
    for (const name of [target, ...sources]) checkLabel(name);
    return mergeSame(
      series.map((one) => ({
        ...one,
        labels: withLabel(one.labels, target, sources.map((name) => labelOf(one.labels, name)).join(separator)),
        ...(target === METRIC_NAME && { dropsName: false }),
      })),
    );
  }

  async #histogram(name: string, args: readonly Expr[], steps: Steps): Promise<readonly VectorSeries[]> {
    const params: Float64Array[] = [];
    for (const arg of args.slice(0, -1)) params.push(await this.#scalar(arg, steps));
    const histograms = new Map<string, { readonly labels: Labels; readonly buckets: { readonly le: number; readonly values: Float64Array }[] }>();
    for (const { labels, values } of await this.#vector(args.at(-1) as Expr, steps)) {
      const le = boundOf(labelOf(labels, "le"));
      if (le === undefined) continue;
      // Those of different metrics are told apart.
      const key = keyOf(without(labels, ["le"]));
      const histogram = histograms.get(key) ?? { labels: without(labels, ["le"]), buckets: [] };
      histograms.set(key, histogram);
      histogram.buckets.push({ le, values });
    }
    const { isLate } = this.#names;
    const made = [...histograms.values()].map(({ labels, buckets }) => {
      const values = emptyValues(steps.count);
      for (let step = 0; step < steps.count; step++) {
        const present: Bucket[] = buckets.flatMap(({ le, values: counts }) => (counts[step] === ABSENT ? [] : { le, count: counts[step] as number }));
        if (present.length === 0) continue;
        const [first = Number.NaN, second = Number.NaN] = params.map((param) => param[step] as number);
        values[step] = name === "histogram_quantile" ? bucketQuantile(first, present) : bucketFraction(first, second, present);
      }
      return { labels: isLate ? labels : withoutName(labels), values, dropsName: true };
    });
    return isLate ? made : mergeSame(made);
  }
}

function timeOf({ offsetMs, atMs }: When, stepMs: number): number {
  return (atMs ?? stepMs) - offsetMs;
}

function withoutStale(series: MatrixSeries): MatrixSeries {
  const { times, values } = series;
  if (!values.includes(ABSENT)) return series;
  const kept: number[] = [];
  for (let index = 0; index < values.length; index++) if (values[index] !== ABSENT) kept.push(index);
  return {
    ...series,
    times: Float64Array.from(kept, (index) => times[index] as number),
    values: Float64Array.from(kept, (index) => values[index] as number),
  };
}

function onlyValues(series: readonly VectorSeries[], count: number): Float64Array {
  const result = new Float64Array(count).fill(Number.NaN);
  for (let step = 0; step < count; step++) {
    const present = series.filter(({ values }) => values[step] !== ABSENT);
    if (present.length === 1) result[step] = present[0]?.values[step] as number;
  }
  return result;
}

/** 1 wherever none of `series` has a value, with the labels that the selector asks for. */
function absence(expr: Expr, series: readonly VectorSeries[], count: number): VectorSeries {
  const values = new Float64Array(count).fill(1);
  for (const one of series) for (let step = 0; step < count; step++) if (one.values[step] !== ABSENT) values[step] = ABSENT;
  const inner = unwrap(expr);
  const matchers: readonly Matcher[] = inner.kind === "selector" ? inner.matchers : inner.kind === "matrix" ? inner.selector.matchers : [];
  let labels: Labels = {};
  const seen = new Set<string>();
  for (const { name, op, value } of matchers) {
    if (OF_METRIC.includes(name)) continue;
    if (op === "=" && !seen.has(name)) {
      labels = withLabel(labels, name, value);
      seen.add(name);
    } else labels = without(labels, [name]);
  }
  return { labels: only(labels, Object.keys(labels)), values };
}

/** As Go has it: an infinity counts more than NaN. */
function greater(a: number, b: number): number {
  return a === Number.POSITIVE_INFINITY || b === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : Math.max(a, b);
}

function lesser(a: number, b: number): number {
  return a === Number.NEGATIVE_INFINITY || b === Number.NEGATIVE_INFINITY ? Number.NEGATIVE_INFINITY : Math.min(a, b);
}

function checkLabel(name: string): void {
  if (name === "" || !name.isWellFormed()) throw invalid(`${JSON.stringify(name)} is no name for a label`);
}

/** `a2` before `a10`. */
function naturally(a: string, b: string): number {
  const partsOf = (text: string): readonly string[] => text.match(/\d+|\D+/g) ?? [];
  const [left, right] = [partsOf(a), partsOf(b)];
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const [x = "", y = ""] = [left[index], right[index]];
    if (x === y) continue;
    const isNumeric = /^\d/.test(x) && /^\d/.test(y);
    if (isNumeric && Number(x) !== Number(y)) return Number(x) - Number(y);
    return x < y ? -1 : 1;
  }
  return left.length - right.length;
}
