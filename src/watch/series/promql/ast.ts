import type { Matcher } from "./matcher.ts";

export type ValueType = "scalar" | "vector" | "matrix" | "string";

/** When a selector is evaluated: at the step's time, or at a fixed one; and how much earlier. Milliseconds. */
export interface When {
  readonly offsetMs: number;
  readonly atMs?: number;
}

export interface SelectorExpr extends When {
  readonly kind: "selector";
  readonly matchers: readonly Matcher[];
}

export interface MatrixExpr {
  readonly kind: "matrix";
  readonly selector: SelectorExpr;
  readonly rangeMs: number;
}

export interface SubqueryExpr extends When {
  readonly kind: "subquery";
  readonly expr: Expr;
  readonly rangeMs: number;
  /** Absent: the default. */
  readonly stepMs?: number;
}

export interface CallExpr {
  readonly kind: "call";
  readonly name: string;
  readonly args: readonly Expr[];
}

export interface AggregateExpr {
  readonly kind: "aggregate";
  readonly op: string;
  readonly expr: Expr;
  readonly param?: Expr;
  readonly isWithout: boolean;
  readonly labels: readonly string[];
}

/** Which series of two vectors belong together. */
export interface Matching {
  readonly isOn: boolean;
  readonly labels: readonly string[];
  readonly card: "one-to-one" | "many-to-one" | "one-to-many" | "many-to-many";
  /** Of `group_left`, `group_right`. */
  readonly include: readonly string[];
  readonly fillLeft?: number;
  readonly fillRight?: number;
}

export interface BinaryExpr {
  readonly kind: "binary";
  readonly op: string;
  readonly left: Expr;
  readonly right: Expr;
  readonly returnsBool: boolean;
  /** Of two vectors. */
  readonly matching?: Matching;
}

export type Expr =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | SelectorExpr
  | MatrixExpr
  | SubqueryExpr
  | CallExpr
  | AggregateExpr
  | BinaryExpr
  | { readonly kind: "unary"; readonly op: "+" | "-"; readonly expr: Expr }
  | { readonly kind: "paren"; readonly expr: Expr };

export const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", ">", "<", ">=", "<="]);
export const SET_OPERATORS: ReadonlySet<string> = new Set(["and", "or", "unless"]);

/** Parentheses mean nothing beside their order. */
export function unwrap(expr: Expr): Expr {
  return expr.kind === "paren" ? unwrap(expr.expr) : expr;
}

/** Calls `visit` for `expr` and all in it. */
export function walk(expr: Expr, visit: (expr: Expr) => void): void {
  visit(expr);
  switch (expr.kind) {
    case "matrix":
      return walk(expr.selector, visit);
    case "subquery":
    case "unary":
    case "paren":
      return walk(expr.expr, visit);
    case "call":
      for (const arg of expr.args) walk(arg, visit);
      return;
    case "aggregate":
      if (expr.param !== undefined) walk(expr.param, visit);
      return walk(expr.expr, visit);
    case "binary":
      walk(expr.left, visit);
      return walk(expr.right, visit);
    case "number":
    case "string":
    case "selector":
      return;
  }
}
