import { RE2JS } from "re2js";
import { describeError, OrreryError } from "#/base/index.ts";
import { type Labels, METRIC_NAME } from "./labels.ts";

/** `name op "value"` of a selector. */
export interface Matcher {
  readonly name: string;
  readonly op: "=" | "!=" | "=~" | "!~";
  readonly value: string;
}

/** A test of labels, with what a store can look up by. */
export interface Selector {
  /** The one metric that can meet it; absent: any may. */
  readonly metric: string | undefined;
  readonly test: (labels: Labels) => boolean;
}

export function compileSelector(matchers: readonly Matcher[]): Selector {
  const metric = matchers.find(({ name, op, value }) => name === METRIC_NAME && op === "=" && value !== "")?.value;
  const tests = matchers.map(compileMatcher);
  return { metric, test: (labels) => tests.every((test) => test(labels)) };
}

/** A label that is not there is the same as an empty one. */
function compileMatcher({ name, op, value }: Matcher): (labels: Labels) => boolean {
  const of = (labels: Labels): string => (Object.hasOwn(labels, name) ? (labels[name] ?? "") : "");
  switch (op) {
    case "=":
      return (labels) => of(labels) === value;
    case "!=":
      return (labels) => of(labels) !== value;
    case "=~": {
      const pattern = compilePattern(value);
      return (labels) => pattern(of(labels));
    }
    case "!~": {
      const pattern = compilePattern(value);
      return (labels) => !pattern(of(labels));
    }
  }
}

/** A whole match of RE2's `pattern`, in time linear in the text.
 *  @throws series/invalid */
function compilePattern(pattern: string): (text: string) => boolean {
  const words = literalsOf(pattern);
  if (words !== undefined) return (text) => words.has(text);
  const regex = compileRe2(pattern);
  return (text) => regex.matches(text);
}

/** The words of `a|b|c`, where it is nothing else. */
function literalsOf(pattern: string): ReadonlySet<string> | undefined {
  return /^[\w:\-/ |%,@=~"'<>]*$/.test(pattern) ? new Set(pattern.split("|")) : undefined;
}

const PATTERN_CHARACTERS_MAX = 4_096;

/** Matches whole texts, as Prometheus does: a dot is any character.
 *  @throws series/invalid */
export function compileRe2(pattern: string): RE2JS {
  if (pattern.length > PATTERN_CHARACTERS_MAX)
    throw new OrreryError("series/invalid", `a regular expression has at most ${PATTERN_CHARACTERS_MAX} characters`);
  try {
    return RE2JS.compile(`^(?s:${pattern})$`);
  } catch (error) {
    throw new OrreryError(
      "series/invalid",
      `the regular expression ${JSON.stringify(pattern.slice(0, 200))} cannot be read: ${describeError(error)}`,
      {
        cause: error,
      },
    );
  }
}
