import type { ValueType } from "./ast.ts";

/** What a function takes and gives. */
export interface Signature {
  readonly args: readonly ValueType[];
  /** So many of the last argument more or less: 1 means that it may be left out, -1 that any number may follow. Default 0. */
  readonly variadic?: number;
  readonly returns: ValueType;
}

const of = (returns: ValueType, ...args: ValueType[]): Signature => ({ args, returns });

const ON_VECTOR = [
  ...["abs", "absent", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "deg", "exp", "floor", "ln", "log10", "log2"],
  ...["rad", "sgn", "sin", "sinh", "sort", "sort_desc", "sqrt", "tan", "tanh", "timestamp"],
];
const ON_MATRIX = [
  ...["absent_over_time", "avg_over_time", "changes", "count_over_time", "delta", "deriv", "first_over_time", "idelta", "increase", "irate"],
  ...["last_over_time", "mad_over_time", "max_over_time", "min_over_time", "present_over_time", "rate", "resets", "stddev_over_time"],
  ...["stdvar_over_time", "sum_over_time", "ts_of_first_over_time", "ts_of_last_over_time", "ts_of_max_over_time", "ts_of_min_over_time"],
];
const OF_DATES = ["day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month", "year"];

/** All functions that are evaluated. */
export const SIGNATURES: ReadonlyMap<string, Signature> = new Map<string, Signature>([
  ...ON_VECTOR.map((name) => [name, of("vector", "vector")] as const),
  ...ON_MATRIX.map((name) => [name, of("vector", "matrix")] as const),
  ...OF_DATES.map((name) => [name, { args: ["vector"], variadic: 1, returns: "vector" }] as const),
  ["clamp", of("vector", "vector", "scalar", "scalar")],
  ["clamp_max", of("vector", "vector", "scalar")],
  ["clamp_min", of("vector", "vector", "scalar")],
  ["double_exponential_smoothing", of("vector", "matrix", "scalar", "scalar")],
  ["histogram_fraction", of("vector", "scalar", "scalar", "vector")],
  ["histogram_quantile", of("vector", "scalar", "vector")],
  ["label_join", { args: ["vector", "string", "string", "string"], variadic: -1, returns: "vector" }],
  ["label_replace", of("vector", "vector", "string", "string", "string", "string")],
  ["pi", of("scalar")],
  ["predict_linear", of("vector", "matrix", "scalar")],
  ["quantile_over_time", of("vector", "scalar", "matrix")],
  ["round", { args: ["vector", "scalar"], variadic: 1, returns: "vector" }],
  ["scalar", of("scalar", "vector")],
  ["sort_by_label", { args: ["vector", "string"], variadic: -1, returns: "vector" }],
  ["sort_by_label_desc", { args: ["vector", "string"], variadic: -1, returns: "vector" }],
  ["time", of("scalar")],
  ["vector", of("vector", "scalar")],
  ["start", of("scalar")],
  ["end", of("scalar")],
  ["step", of("scalar")],
  ["range", of("scalar")],
]);

/** Known, and not evaluated: why. */
export const NOT_EVALUATED: ReadonlyMap<string, string> = new Map([
  ...["histogram_avg", "histogram_count", "histogram_sum", "histogram_stddev", "histogram_stdvar"].map(
    (name) => [name, "native histograms are not kept; classic ones (le) are"] as const,
  ),
  ["histogram_quantiles", "ask histogram_quantile for each"],
  ["info", "join by hand: … * on (…) group_left (…) target_info"],
  ["start_timestamp", "start timestamps are not kept"],
  ["integral", "it is an experiment of Prometheus"],
  ["limit_ratio", "its choice rests on Prometheus' own hash of labels; use limitk or topk"],
]);
