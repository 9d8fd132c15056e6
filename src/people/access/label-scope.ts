import { parseLabelSelector } from "#/state/store/index.ts";

export type Labels = Readonly<Record<string, string>>;

/** Objects by their labels: all that meet every requirement. `undefined`: all objects. */
export type LabelScope = ReadonlySet<string> | undefined;

const EQUALS = /^([^\s!=<>()]+) ?==? ?([^\s!=<>()]*)$/;

/** The requirements of `selectors` together, each in one form, so that they can be compared. */
export function scopeOf(...selectors: readonly (string | undefined)[]): LabelScope {
  const requirements = selectors.flatMap((text) => (text === undefined ? [] : splitRequirements(text)));
  return requirements.length === 0 ? undefined : new Set(requirements);
}

/** Whether `wide` surely holds all objects of `narrow`. False where it cannot be told from the requirements themselves. */
export function coversScope(wide: LabelScope, narrow: LabelScope): boolean {
  return wide === undefined || (narrow !== undefined && [...wide].every((requirement) => narrow.has(requirement)));
}

export function formatScope(scope: LabelScope): string | undefined {
  return scope === undefined ? undefined : [...scope].sort().join(",");
}

/** A test of labels that is as cheap for fifty scopes as for one, where each asks, beside other things, for one value of one label. `undefined`: one of `scopes` is everything. */
export function anyOf(scopes: readonly LabelScope[]): ((labels: Labels) => boolean) | undefined {
  const byKey = new Map<string, Map<string, Test[]>>();
  const tests: Test[] = [];
  for (const scope of scopes) {
    if (scope === undefined) return undefined;
    const equal = [...scope].find((one) => EQUALS.test(one));
    if (equal === undefined) tests.push(testOf(scope));
    else {
      const [, key = "", value = ""] = EQUALS.exec(equal) ?? [];
      const byValue = byKey.get(key) ?? new Map<string, Test[]>();
      byKey.set(key, byValue);
      const rest = [...scope].filter((one) => one !== equal);
      byValue.set(value, [...(byValue.get(value) ?? []), rest.length === 0 ? all : testOf(new Set(rest))]);
    }
  }
  for (const [key, byValue] of byKey)
    tests.push((labels) => Object.hasOwn(labels, key) && byValue.get(labels[key] ?? "")?.some((test) => test(labels)) === true);
  const [first] = tests;
  if (tests.length === 1 && first !== undefined) return first;
  return (labels) => tests.some((test) => test(labels));
}

type Test = (labels: Labels) => boolean;

const all: Test = () => true;

function testOf(scope: ReadonlySet<string>): (labels: Labels) => boolean {
  return parseLabelSelector([...scope].join(",")) ?? (() => true);
}

function splitRequirements(text: string): readonly string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const [, key, value] = EQUALS.exec(part) ?? [];
      return key === undefined ? part.replace(/\s+/g, " ") : `${key}=${value}`;
    });
}
