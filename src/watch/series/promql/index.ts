export { type Expr, unwrap, walk } from "./ast.ts";
export { type EvaluateOptions, evaluate } from "./evaluate.ts";
export { parseNumber } from "./literals.ts";
export { compileSelector, type Matcher } from "./matcher.ts";
export { formatValue, parseFloatAsGo } from "./numbers.ts";
export { parsePromql, parseSelector } from "./parse.ts";
export type { SampleBudget, SampleSource, SelectedSeries, Selection } from "./sample-source.ts";
export { keyOf } from "./series-key.ts";
export { ABSENT, type Steps, type Value } from "./values.ts";
