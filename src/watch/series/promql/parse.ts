import type { SyntaxNode } from "@lezer/common";
import { parser } from "@prometheus-io/lezer-promql";
import type { AggregateExpr, Expr, Matching, MatrixExpr, SelectorExpr, SubqueryExpr } from "./ast.ts";
import { SET_OPERATORS } from "./ast.ts";
import { checkTypes } from "./check-types.ts";
import { METRIC_NAME } from "./labels.ts";
import { invalid, parseNumber, unquote, unsupported } from "./literals.ts";
import { compileSelector, type Matcher } from "./matcher.ts";
import { NOT_EVALUATED, SIGNATURES } from "./signatures.ts";

/** What an expression may refer to of the question in which it stands. */
export interface ParseContext {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
}

const CHARACTERS_MAX = 20_000;
const DEPTH_MAX = 200;

/** Reads PromQL by the field's own grammar, and checks its types.
 *  @throws series/invalid: where it cannot be read, and what was expected; series/unsupported: what is not evaluated, by name */
export function parsePromql(text: string, context: ParseContext): Expr {
  if (text.length > CHARACTERS_MAX) throw invalid(`an expression has at most ${CHARACTERS_MAX} characters; found ${text.length}`);
  const tree = parser.parse(text);
  refuseErrors(text, tree.topNode);
  const [top] = children(tree.topNode).filter(({ name }) => name !== "LineComment");
  if (top === undefined) throw invalid("the expression is empty");
  const expr = new Reader(text, context).read(top, 0);
  checkTypes(expr);
  return expr;
}

/** The matchers of a selector, as label queries give them: `up`, `{job="a"}`.
 *  @throws series/invalid */
export function parseSelector(text: string): readonly Matcher[] {
  const expr = parsePromql(text, { startMs: 0, endMs: 0, stepMs: 0 });
  if (expr.kind !== "selector" || expr.offsetMs !== 0 || expr.atMs !== undefined)
    throw invalid(`a selector such as up{job="a"} is wanted here; found ${JSON.stringify(text.slice(0, 200))}`);
  return expr.matchers;
}

function refuseErrors(text: string, top: SyntaxNode): void {
  const cursor = top.cursor();
  do {
    if (!cursor.type.isError) continue;
    const { from } = cursor;
    const near = text.slice(from, from + 30).trim();
    throw invalid(
      `${near === "" ? "the expression ends too early" : `cannot be read at ${JSON.stringify(near)}`} (character ${from + 1} of ${text.length})`,
    );
  } while (cursor.next());
}

function children(node: SyntaxNode): readonly SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) if (child.name !== "LineComment") found.push(child);
  return found;
}

type Token =
  | { readonly is: "operand"; readonly expr: Expr }
  | { readonly is: "sign"; readonly op: "+" | "-" }
  | { readonly is: "operator"; readonly op: string; readonly returnsBool: boolean; readonly matching: Matching };

/** The strongest binds to the right; the others to the left. */
const POWER = 6;
const STRENGTHS: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  ...Object.fromEntries(["==", "!=", "<", "<=", ">", ">="].map((op) => [op, 3])),
  "+": 4,
  "-": 4,
  "*": 5,
  "/": 5,
  "%": 5,
  atan2: 5,
  "^": POWER,
};

class Reader {
  readonly #text: string;
  readonly #context: ParseContext;

  constructor(text: string, context: ParseContext) {
    this.#text = text;
    this.#context = context;
  }

  read(node: SyntaxNode, depth: number): Expr {
    if (depth > DEPTH_MAX) throw invalid(`the expression is nested deeper than ${DEPTH_MAX} levels`);
    const parts = children(node);
    const [first] = parts;
    switch (node.name) {
      case "NumberDurationLiteral":
        return { kind: "number", value: parseNumber(this.#of(node)) };
      case "StringLiteral":
        return { kind: "string", value: unquote(this.#of(node)) };
      case "VectorSelector":
        return this.#selector(node);
      case "MatrixSelector":
      case "SubqueryExpr":
      case "OffsetExpr":
      case "StepInvariantExpr":
      case "UnaryExpr":
      case "BinaryExpr":
        return this.#operators(node, depth);
      case "ParenExpr":
        return { kind: "paren", expr: this.read(first as SyntaxNode, depth + 1) };
      case "FunctionCall":
        return this.#call(parts, depth);
      case "AggregateExpr":
        return this.#aggregate(parts, depth);
      case "AnchoredExpr":
      case "SmoothedExpr":
        throw unsupported(node.name === "AnchoredExpr" ? "anchored" : "smoothed", "it is an experiment of Prometheus");
      default:
        throw invalid(`cannot be read at ${JSON.stringify(this.#of(node).slice(0, 30))}`);
    }
  }

  #of(node: SyntaxNode): string {
    return this.#text.slice(node.from, node.to);
  }

  #selector(node: SyntaxNode): SelectorExpr {
    const matchers: Matcher[] = [];
    let name: string | undefined;
    const setName = (given: string): void => {
      if (name !== undefined) throw invalid(`the metric's name must not be set twice: ${JSON.stringify(name)} or ${JSON.stringify(given)}`);
      name = given;
    };
    for (const part of children(node)) {
      if (part.name === "Identifier") setName(this.#of(part));
      else
        for (const one of children(part)) {
          if (one.name === "QuotedLabelName") {
            setName(unquote(this.#of(one)));
            continue;
          }
          const [label, op, value] = children(one);
          if (label === undefined || op === undefined || value === undefined) throw invalid(`cannot be read at ${this.#of(one).slice(0, 30)}`);
          const labelName = label.name === "QuotedLabelName" ? unquote(this.#of(label)) : this.#of(label);
          matchers.push({ name: labelName, op: this.#of(op) as Matcher["op"], value: unquote(this.#of(value)) });
        }
    }
    if (name !== undefined) {
      const twice = matchers.find((one) => one.name === METRIC_NAME);
      if (twice !== undefined) throw invalid(`the metric's name must not be set twice: ${JSON.stringify(name)} or ${JSON.stringify(twice.value)}`);
      matchers.push({ name: METRIC_NAME, op: "=", value: name });
    }
    // Also refuses what is no regular expression.
    if (matchers.every((one) => compileSelector([one]).test({})))
      throw invalid("a selector needs at least one matcher that does not match the empty text");
    return { kind: "selector", matchers, offsetMs: 0 };
  }

  /** Operators and what follows an operand, bound as Prometheus binds them: the grammar, which is made for editors, lets `[5m]`, `offset` and `@` follow a whole sum. */
  #operators(node: SyntaxNode, depth: number): Expr {
    const tokens = this.#flatten(node, depth);
    let at = 0;
    const operand = (): Expr => {
      const token = tokens[at++];
      if (token === undefined || token.is === "operator") throw invalid("an operand is missing");
      if (token.is === "operand") return token.expr;
      return { kind: "unary", op: token.op, expr: climb(POWER) };
    };
    const climb = (least: number): Expr => {
      let left = operand();
      for (;;) {
        const token = tokens[at];
        if (token?.is !== "operator") return left;
        const strength = STRENGTHS[token.op] ?? 0;
        if (strength < least) return left;
        at += 1;
        const right = climb(strength === POWER ? strength : strength + 1);
        left = { kind: "binary", op: token.op, left, right, returnsBool: token.returnsBool, matching: token.matching };
      }
    };
    return climb(0);
  }

  #flatten(node: SyntaxNode, depth: number): Token[] {
    if (depth > DEPTH_MAX) throw invalid(`the expression is nested deeper than ${DEPTH_MAX} levels`);
    const parts = children(node);
    const first = parts[0] as SyntaxNode;
    switch (node.name) {
      case "UnaryExpr":
        return [{ is: "sign", op: this.#of(first) === "-" ? "-" : "+" }, ...this.#flatten(parts[1] as SyntaxNode, depth + 1)];
      case "BinaryExpr":
        return [...this.#flatten(first, depth + 1), this.#operator(parts), ...this.#flatten(parts.at(-1) as SyntaxNode, depth + 1)];
      case "MatrixSelector":
      case "SubqueryExpr":
      case "OffsetExpr":
      case "StepInvariantExpr": {
        const tokens = this.#flatten(first, depth + 1);
        const last = tokens.pop();
        if (last?.is !== "operand") throw invalid(`cannot be read at ${JSON.stringify(this.#of(node).slice(0, 30))}`);
        return [...tokens, { is: "operand", expr: this.#postfix(node.name, parts, last.expr) }];
      }
      default:
        return [{ is: "operand", expr: this.read(node, depth + 1) }];
    }
  }

  #postfix(name: "MatrixSelector" | "SubqueryExpr" | "OffsetExpr" | "StepInvariantExpr", parts: readonly SyntaxNode[], inner: Expr): Expr {
    if (name === "MatrixSelector") return this.#matrix(inner, parts[1]);
    if (name === "SubqueryExpr") return this.#subquery(inner, parts[1], parts[2]);
    return name === "OffsetExpr" ? this.#offset(inner, parts.at(-1)) : this.#at(inner, parts);
  }

  #matrix(selector: Expr, range: SyntaxNode | undefined): MatrixExpr {
    if (selector.kind !== "selector") throw invalid("a range such as [5m] follows a selector; of what else is computed, ask a subquery: [5m:]");
    if (this.#offsets.has(selector) || selector.atMs !== undefined) throw invalid("offset and @ come after the range: x[5m] offset 1h");
    const rangeMs = this.#durationMs(range);
    if (rangeMs <= 0) throw invalid("a range is more than 0");
    return { kind: "matrix", selector, rangeMs };
  }

  #subquery(expr: Expr, range: SyntaxNode | undefined, step: SyntaxNode | undefined): SubqueryExpr {
    const rangeMs = this.#durationMs(range);
    if (rangeMs <= 0) throw invalid("a subquery's range is more than 0");
    const stepMs = step === undefined ? undefined : this.#durationMs(step);
    if (stepMs !== undefined && stepMs <= 0) throw invalid("a subquery's step is more than 0");
    return { kind: "subquery", expr, rangeMs, offsetMs: 0, ...(stepMs !== undefined && { stepMs }) };
  }

  #offset(inner: Expr, duration: SyntaxNode | undefined): Expr {
    const offsetMs = this.#durationMs(duration);
    return this.#when(inner, "offset", (when) => {
      if (when.hasOffset) throw invalid("offset must not be set twice");
      return { offsetMs };
    });
  }

  #at(inner: Expr, parts: readonly SyntaxNode[]): Expr {
    // The first is what it stands behind.
    const at = parts.slice(1).find(({ name }) => name === "NumberDurationLiteral" || name === "AtModifierPreprocessors");
    const text = at === undefined ? "" : this.#of(at);
    const { startMs, endMs } = this.#context;
    const atMs = text.startsWith("start") ? startMs : text.startsWith("end") ? endMs : Math.round(parseNumber(text) * 1_000);
    if (!Number.isFinite(atMs) || Math.abs(atMs) > 8.64e15) throw invalid(`the time after @ cannot be used: ${text.slice(0, 40)}`);
    return this.#when(inner, "@", (when) => {
      if (when.atMs !== undefined) throw invalid("@ must not be set twice");
      return { atMs };
    });
  }

  readonly #offsets = new WeakSet<Expr>();

  #when(
    inner: Expr,
    what: string,
    more: (when: { readonly atMs?: number; readonly hasOffset: boolean }) => { readonly offsetMs?: number; readonly atMs?: number },
  ): Expr {
    const hasOffset = this.#offsets.has(inner);
    const keep = <E extends Expr>(made: E): E => {
      if (hasOffset || what === "offset") this.#offsets.add(made);
      return made;
    };
    if (inner.kind === "selector" || inner.kind === "subquery")
      return keep({ ...inner, ...more({ ...inner, hasOffset }) } as SelectorExpr | SubqueryExpr);
    if (inner.kind === "matrix") return keep({ ...inner, selector: { ...inner.selector, ...more({ ...inner.selector, hasOffset }) } });
    throw invalid(`${what} follows a selector, a range or a subquery`);
  }

  #call(parts: readonly SyntaxNode[], depth: number): Expr {
    const name = this.#of(parts[0] as SyntaxNode);
    const why = NOT_EVALUATED.get(name);
    if (why !== undefined) throw unsupported(`${name}()`, why);
    if (!SIGNATURES.has(name)) throw unsupported(`${name}()`, "there is no such function");
    const args = children(parts[1] as SyntaxNode).map((arg) => this.read(arg, depth + 1));
    return { kind: "call", name, args };
  }

  #aggregate(parts: readonly SyntaxNode[], depth: number): AggregateExpr {
    const op = this.#of(parts[0] as SyntaxNode).toLowerCase();
    const why = NOT_EVALUATED.get(op);
    if (why !== undefined) throw unsupported(op, why);
    const modifier = parts.find(({ name }) => name === "AggregateModifier");
    const body = parts.find(({ name }) => name === "FunctionCallBody");
    const args = children(body as SyntaxNode).map((arg) => this.read(arg, depth + 1));
    const wantsParam = ["topk", "bottomk", "quantile", "count_values", "limitk"].includes(op);
    if (args.length !== (wantsParam ? 2 : 1)) throw invalid(`${op} takes ${wantsParam ? "2 arguments" : "1 argument"}; found ${args.length}`);
    const expr = args.at(-1) as Expr;
    return {
      kind: "aggregate",
      op,
      expr,
      ...(wantsParam && { param: args[0] as Expr }),
      isWithout: modifier?.firstChild?.name === "Without",
      labels: modifier === undefined ? [] : this.#labels(children(modifier)[1]),
    };
  }

  #labels(node: SyntaxNode | undefined): readonly string[] {
    if (node === undefined) return [];
    return children(node).map((one) => (one.name === "QuotedLabelName" ? unquote(this.#of(one)) : this.#of(one)));
  }

  #operator(parts: readonly SyntaxNode[]): Token {
    const op = this.#of(parts[1] as SyntaxNode).toLowerCase();
    if (op === "</" || op === ">/") throw unsupported(op, "native histograms are not kept");
    const returnsBool = parts.some(({ name }) => name === "BoolModifier");
    const clause = parts.find(({ name }) => name === "MatchingModifierClause");
    const fill = parts.find(({ name }) => name === "FillModifier");
    return { is: "operator", op, returnsBool, matching: this.#matching(op, clause, fill) };
  }

  #matching(op: string, clause: SyntaxNode | undefined, fill: SyntaxNode | undefined): Matching {
    const parts = clause === undefined ? [] : children(clause);
    const isOn = parts[0]?.name === "On";
    const labels = this.#labels(parts[1]);
    const group = parts.find(({ name }) => name === "GroupLeft" || name === "GroupRight");
    const include = group === undefined ? [] : this.#labels(parts[parts.indexOf(group) + 1]);
    const card =
      group === undefined ? (SET_OPERATORS.has(op) ? "many-to-many" : "one-to-one") : group.name === "GroupLeft" ? "many-to-one" : "one-to-many";
    const fills: { fillLeft?: number; fillRight?: number } = {};
    for (const one of fill === undefined ? [] : children(fill)) {
      const number = children(one).find(({ name }) => name === "NumberDurationLiteral");
      const value = parseNumber(number === undefined ? "" : this.#of(number));
      if (one.name !== "FillRightClause") fills.fillLeft = value;
      if (one.name !== "FillLeftClause") fills.fillRight = value;
    }
    return { isOn, labels, card, include, ...fills };
  }

  #durationMs(node: SyntaxNode | undefined): number {
    if (node === undefined) throw invalid("a duration is missing");
    const ms = Math.round(this.#duration(node) * 1_000);
    if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) throw invalid(`the duration ${this.#of(node).slice(0, 40)} cannot be used`);
    return ms;
  }

  /** Seconds. */
  #duration(node: SyntaxNode): number {
    const { startMs, endMs, stepMs } = this.#context;
    const parts = children(node);
    if (node.name === "NumberDurationLiteralInDurationContext" || node.name === "NumberDurationLiteral") return parseNumber(this.#of(node));
    const names = parts.map(({ name }) => name);
    if (names.includes("DurationStep")) return stepMs / 1_000;
    if (names.includes("DurationRange")) return (endMs - startMs) / 1_000;
    const values = parts
      .filter(({ name }) => /^(?:DurationExpr|OffsetDurationExpr|NumberDurationLiteralInDurationContext)$/.test(name))
      .map((one) => this.#duration(one));
    const [first = 0, second = 0] = values;
    if (names.includes("DurationMinOf")) return Math.min(first, second);
    if (names.includes("DurationMaxOf")) return Math.max(first, second);
    const op = parts.find(({ name }) => /^(?:Pow|Mul|Div|Mod|Add|Sub|UnaryOp)$/.test(name));
    switch (op?.name) {
      case undefined:
        return first;
      case "UnaryOp":
        return this.#of(op) === "-" ? -first : first;
      case "Pow":
        return first ** second;
      case "Mul":
        return first * second;
      case "Div":
        if (second === 0) throw invalid("a duration is divided by 0");
        return first / second;
      case "Mod":
        if (second === 0) throw invalid("a duration is divided by 0");
        return first % second;
      case "Add":
        return first + second;
      default:
        return first - second;
    }
  }
}
