import { COMPARISONS, type Expr, SET_OPERATORS, type ValueType } from "./ast.ts";
import { invalid } from "./literals.ts";
import { SIGNATURES } from "./signatures.ts";

const WORDS: Readonly<Record<ValueType, string>> = { scalar: "scalar", vector: "instant vector", matrix: "range vector", string: "string" };

/** The type of an expression, after that of all in it.
 *  @throws series/invalid: where a value of another type is wanted */
export function checkTypes(expr: Expr): ValueType {
  switch (expr.kind) {
    case "number":
      return "scalar";
    case "string":
      return "string";
    case "selector":
      return "vector";
    case "matrix":
      return "matrix";
    case "subquery":
      expect(expr.expr, "vector", "a subquery");
      return "matrix";
    case "paren":
      return checkTypes(expr.expr);
    case "unary": {
      const type = checkTypes(expr.expr);
      if (type !== "scalar" && type !== "vector") throw invalid(`a sign stands before scalars and instant vectors; found ${WORDS[type]}`);
      return type;
    }
    case "aggregate":
      expect(expr.expr, "vector", expr.op);
      if (expr.param !== undefined) expect(expr.param, expr.op === "count_values" ? "string" : "scalar", `the parameter of ${expr.op}`);
      return "vector";
    case "call":
      return checkCall(expr.name, expr.args);
    case "binary":
      return checkBinary(expr);
  }
}

function expect(expr: Expr, wanted: ValueType, by: string): void {
  const found = checkTypes(expr);
  if (found !== wanted) throw invalid(`${by} takes ${WORDS[wanted]}; found ${WORDS[found]}`);
}

function checkCall(name: string, given: readonly Expr[]): ValueType {
  const signature = SIGNATURES.get(name);
  if (signature === undefined) throw invalid(`there is no function ${name}()`);
  const { args, variadic = 0, returns } = signature;
  const least = variadic === 0 ? args.length : args.length - 1;
  const most = variadic === 0 ? args.length : variadic < 0 ? Number.POSITIVE_INFINITY : args.length - 1 + variadic;
  if (given.length < least || given.length > most)
    throw invalid(
      `${name}() takes ${least === most ? least : most === Number.POSITIVE_INFINITY ? `at least ${least}` : `${least} to ${most}`} arguments; found ${given.length}`,
    );
  given.forEach((arg, index) => expect(arg, args[Math.min(index, args.length - 1)] as ValueType, `argument ${index + 1} of ${name}()`));
  return returns;
}

function checkBinary({ op, left, right, returnsBool, matching }: Extract<Expr, { kind: "binary" }>): ValueType {
  const types = [checkTypes(left), checkTypes(right)] as const;
  for (const type of types)
    if (type !== "scalar" && type !== "vector") throw invalid(`${op} stands between scalars and instant vectors; found ${WORDS[type]}`);
  if (returnsBool && !COMPARISONS.has(op)) throw invalid(`bool belongs to comparisons; found with ${op}`);
  const isScalar = types.every((type) => type === "scalar");
  if (isScalar && COMPARISONS.has(op) && !returnsBool) throw invalid(`two scalars are compared with ${op} bool`);
  if (types.includes("scalar")) {
    if (SET_OPERATORS.has(op)) throw invalid(`${op} stands between two instant vectors`);
    if ((matching?.labels.length ?? 0) > 0) throw invalid("on, ignoring and group belong to two instant vectors");
    if (matching?.fillLeft !== undefined || matching?.fillRight !== undefined) throw invalid("fill belongs to two instant vectors");
  } else if (SET_OPERATORS.has(op)) {
    if (matching?.card !== "many-to-many") throw invalid(`${op} takes no group_left or group_right`);
    if (matching.fillLeft !== undefined || matching.fillRight !== undefined) throw invalid(`${op} takes no fill`);
  }
  if (matching?.isOn === true) {
    const both = matching.labels.find((label) => matching.include.includes(label));
    if (both !== undefined) throw invalid(`label ${both} stands in on and in group`);
  }
  return isScalar ? "scalar" : "vector";
}
