import { type Labels, METRIC_NAME, STALE } from "#/watch/series/index.ts";
import {
  compileSelector,
  evaluate,
  keyOf,
  parseNumber,
  parsePromql,
  parseSelector,
  type SampleBudget,
  type SampleSource,
  type SelectedSeries,
  unwrap,
} from "#/watch/series/promql/index.ts";

/** What became of the questions of one script. */
export interface ScriptOutcome {
  passed: number;
  readonly failed: { readonly line: number; readonly expression: string; readonly why: string }[];
  /** By why: so many questions were not asked, or are refused by name. */
  readonly skipped: Map<string, number>;
}

interface Stored {
  readonly labels: Labels;
  readonly times: number[];
  readonly values: number[];
}

const LOOKBACK_MS = 5 * 60_000;
const UNBOUNDED: SampleBudget = { take() {}, pause: () => undefined, warn() {} };

/** Samples in memory, in the order of their series' making. */
class MemorySource implements SampleSource {
  readonly series = new Map<string, Stored>();

  add(labels: Labels, atMs: number, value: number): void {
    const key = keyOf(labels);
    const one = this.series.get(key) ?? { labels, times: [], values: [] };
    this.series.set(key, one);
    const place = one.times.findLastIndex((time) => time <= atMs);
    if (one.times[place] === atMs) one.values[place] = value;
    else {
      one.times.splice(place + 1, 0, atMs);
      one.values.splice(place + 1, 0, value);
    }
  }

  select({ matchers, fromMs, toMs }: Parameters<SampleSource["select"]>[0]): Promise<readonly SelectedSeries[]> {
    const { test } = compileSelector(matchers);
    const found = [...this.series.values()]
      .filter(({ labels }) => test(labels))
      .map(({ labels, times, values }) => {
        const kept = times.flatMap((atMs, index) => (atMs > fromMs && atMs <= toMs ? [index] : []));
        return {
          labels,
          times: Float64Array.from(kept, (index) => times[index] as number),
          values: Float64Array.from(kept, (index) => values[index] as number),
        };
      })
      .filter(({ times }) => times.length > 0)
      .sort((a, b) => (keyOf(a.labels) < keyOf(b.labels) ? -1 : 1));
    return Promise.resolve(found);
  }
}

/** Runs one of Prometheus' own test scripts (promql/promqltest) against the evaluator. */
export async function runScript(text: string, { removesNamesLate }: { readonly removesNamesLate: boolean }): Promise<ScriptOutcome> {
  const outcome: ScriptOutcome = { passed: 0, failed: [], skipped: new Map() };
  const skip = (why: string): void => void outcome.skipped.set(why, (outcome.skipped.get(why) ?? 0) + 1);
  let source = new MemorySource();
  let native = new Set<string>();
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = withoutComment(lines[at] ?? "").trim();
    if (line === "") continue;
    const body: string[] = [];
    const first = at;
    while (at + 1 < lines.length && /^\s+\S/.test(lines[at + 1] ?? "") && !/^\s*#/.test(lines[at + 1] ?? "x")) {
      at += 1;
      body.push((lines[at] ?? "").trim());
    }
    // Comments stand between the lines of a body, too.
    while (at + 1 < lines.length && /^\s+#/.test(lines[at + 1] ?? "")) {
      at += 1;
      while (at + 1 < lines.length && /^\s+\S/.test(lines[at + 1] ?? "")) {
        at += 1;
        if (!/^\s*#/.test(lines[at] ?? "")) body.push((lines[at] ?? "").trim());
      }
    }
    if (/^clear/.test(line)) {
      source = new MemorySource();
      native = new Set();
    } else if (/^load/.test(line)) load(line, body, source, native);
    else if (/^eval/.test(line)) {
      const question = readQuestion(line, body);
      if (question === undefined) {
        skip("a form of the script that is not read here");
        continue;
      }
      const why = refusedByGrammar(question.expression);
      if (why !== undefined) {
        skip(why);
        continue;
      }
      if (
        (native.size > 0 && /__name__\s*=~|\bsum\(\{/.test(question.expression)) ||
        [...native].some((name) => new RegExp(`(?<![\\w:])${name.replaceAll(/[^\w:]/g, "\\$&")}(?![\\w:])`).test(question.expression)) ||
        body.some((one) => one.includes("{{"))
      ) {
        skip("native histograms");
        continue;
      }
      const fault = await ask(question, source, removesNamesLate, skip);
      if (fault === undefined) outcome.passed += 1;
      else if (fault !== "skipped") outcome.failed.push({ line: first + 1, expression: question.expression, why: fault });
    }
  }
  return outcome;
}

/** What the field's grammar for editors does not know, though Prometheus' own parser does. */
function refusedByGrammar(expression: string): string | undefined {
  if (/\b(?:integral|min_of|max_of)\(/.test(expression) && !/\[[^\]]*m(?:in|ax)_of/.test(expression))
    return "the grammar does not know integral(), min_of() and max_of()";
  if (/\b(?:STEP|STep)\(/.test(expression)) return "the grammar does not know STEP() in capitals";
  return /(?<![\w.])\d+\.(?!\d)/.test(expression) ? "the grammar does not know numbers that end in a point" : undefined;
}

function withoutComment(line: string): string {
  return /^\s*#/.test(line) ? "" : line;
}

function load(line: string, body: readonly string[], source: MemorySource, native: Set<string>): void {
  const stepMs = parseNumber(line.split(/\s+/)[1] ?? "") * 1_000;
  for (const one of body) {
    const { labels, points } = readSeries(one);
    if (points === undefined) {
      native.add(labels[METRIC_NAME] ?? "");
      continue;
    }
    points.forEach((value, index) => {
      if (value !== undefined) source.add(labels, Math.round(index * stepMs), value);
    });
  }
  if (line.includes("_with_nhcb"))
    for (const one of body) native.add((readSeries(one).labels[METRIC_NAME] ?? "").replace(/_(?:bucket|count|sum)$/, ""));
}

/** `name{labels} 1 2+3x4 _ stale`; points are `undefined` where there are native histograms among them. */
function readSeries(text: string): { readonly labels: Labels; readonly points: readonly (number | undefined)[] | undefined } {
  const end = endOfSelector(text);
  const selector = text.slice(0, end).trim();
  const rest = text.slice(end).trim();
  const labels: Record<string, string> = {};
  if (selector !== "" && selector !== "{}") for (const { name, value } of parseSelector(selector)) if (value !== "") labels[name] = value;
  if (rest.includes("{{")) return { labels, points: undefined };
  return { labels, points: rest === "" ? [] : rest.split(/\s+/).flatMap(readPoints) };
}

function endOfSelector(text: string): number {
  let quote = "";
  let isInside = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? "";
    if (quote !== "") {
      if (character === "\\") index += 1;
      else if (character === quote) quote = "";
    } else if (/["'`]/.test(character) && isInside) quote = character;
    else if (character === "{") isInside = true;
    else if (character === "}") return index + 1;
    else if (/\s/.test(character) && !isInside) return index;
  }
  return text.length;
}

function readPoints(text: string): readonly (number | undefined)[] {
  const gaps = /^_(?:x(\d+))?$/.exec(text);
  if (gaps !== null) return Array.from({ length: Number(gaps[1] ?? 1) }, () => undefined);
  if (text === "stale") return [STALE];
  const run = /^(.+?)(?:([+-])((?:0x[\da-f]+|[\d.]+(?:e[+-]?\d+)?|inf|nan)))?x(\d+)$/i.exec(text);
  if (run !== null) {
    const [, start = "", sign = "+", step = "0", count = "0"] = run;
    const by = (sign === "-" ? -1 : 1) * parseNumber(step);
    return Array.from({ length: Number(count) + 1 }, (_, index) => (index === 0 || by === 0 ? parseNumber(start) : parseNumber(start) + by * index));
  }
  return [parseNumber(text)];
}

interface Question {
  readonly expression: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
  readonly isRange: boolean;
  readonly fails: boolean;
  readonly isOrdered: boolean;
  readonly text?: string;
  readonly rangeVector?: { readonly startMs: number; readonly stepMs: number };
  readonly expected: readonly { readonly labels: Labels; readonly points: readonly (number | undefined)[] }[];
  readonly scalar?: number;
}

function readQuestion(line: string, body: readonly string[]): Question | undefined {
  const instant = /^eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(\S+)\s+)?(.+)$/.exec(line);
  const range = /^eval(?:_(fail|warn|info))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.+)$/.exec(line);
  if (instant === null && range === null) return undefined;
  const variant = (instant ?? range)?.[1];
  const ms = (text: string): number => Math.round(parseNumber(text) * 1_000);
  let fails = variant === "fail";
  let isOrdered = variant === "ordered";
  let text: string | undefined;
  let rangeVector: Question["rangeVector"];
  let scalar: number | undefined;
  const expected: { labels: Labels; points: readonly (number | undefined)[] }[] = [];
  for (const one of body) {
    if (/^expected_fail/.test(one)) continue;
    const expect = /^expect\s+(\S+)(.*)$/.exec(one);
    if (expect !== null && /^(?:fail|warn|info|no_warn|no_info|ordered|string|range)$/.test(expect[1] ?? "")) {
      const [, what = "", more = ""] = expect;
      if (what === "fail") fails = true;
      if (what === "ordered") isOrdered = true;
      if (what === "string") text = more.trim().startsWith("`") ? more.trim().slice(1, -1) : (JSON.parse(more.trim()) as string);
      const vector = /vector from (\S+) to (\S+) step (\S+)/.exec(more);
      if (vector !== null) rangeVector = { startMs: ms(vector[1] ?? ""), stepMs: ms(vector[3] ?? "") };
      continue;
    }
    if (/^[-+]?(?:[\d.]|inf|nan)\S*$/i.test(one)) scalar = parseNumber(one);
    else {
      const { labels, points = [] } = readSeries(one);
      expected.push({ labels, points: rangeVector === undefined ? points : points.filter((point) => point !== undefined) });
    }
  }
  const [startMs, endMs, stepMs] =
    range === null ? [ms(instant?.[2] ?? "0"), ms(instant?.[2] ?? "0"), 0] : [ms(range[2] ?? ""), ms(range[3] ?? ""), ms(range[4] ?? "")];
  return {
    expression: (range?.[5] ?? instant?.[3] ?? "").trim(),
    ...{ startMs, endMs, stepMs, isRange: range !== null, fails, isOrdered, expected },
    ...(text !== undefined && { text }),
    ...(rangeVector !== undefined && { rangeVector }),
    ...(scalar !== undefined && { scalar }),
  };
}

/** Why the answer is not as expected; `undefined`: it is; `skipped`: it is refused by name. */
async function ask(question: Question, source: MemorySource, removesNamesLate: boolean, skip: (why: string) => void): Promise<string | undefined> {
  const { expression, startMs, endMs, stepMs, isRange, fails, expected } = question;
  const count = isRange ? Math.floor((endMs - startMs) / stepMs) + 1 : 1;
  let found: readonly { readonly labels: Labels; readonly points: readonly (number | undefined)[] }[];
  try {
    const expr = parsePromql(expression, { startMs, endMs, stepMs });
    const inner = unwrap(expr);
    if (!isRange && inner.kind === "matrix") {
      const { selector, rangeMs } = inner;
      const toMs = (selector.atMs ?? startMs) - selector.offsetMs;
      const selected = await source.select({ matchers: selector.matchers, fromMs: toMs - rangeMs, toMs, resolutionMs: 0, budget: UNBOUNDED });
      found = selected
        .map(({ labels, values }) => ({ labels, points: [...values].filter((value) => value !== STALE) }))
        .filter(({ points }) => points.length > 0);
    } else {
      const value = await evaluate(expr, {
        source,
        steps: { startMs, stepMs, count },
        lookbackMs: LOOKBACK_MS,
        resolutionMs: 0,
        budget: UNBOUNDED,
        removesNamesLate,
      });
      if (value.type === "string") return value.value === question.text ? undefined : `found the text ${JSON.stringify(value.value)}`;
      if (value.type === "scalar" && !isRange) {
        if (fails) return "it should fail";
        return question.scalar !== undefined && isAlmost(value.values[0] as number, question.scalar)
          ? undefined
          : `found ${value.values[0]}, expected ${question.scalar}`;
      }
      const series = value.type === "scalar" ? [{ labels: {}, values: value.values }] : value.series;
      found = series.map(({ labels, values }) => ({ labels, points: Array.from(values, (one) => (one === STALE ? undefined : one)) }));
    }
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    if (code === "series/unsupported") {
      skip(message);
      return "skipped";
    }
    return fails && code === "series/invalid" ? undefined : `failed: ${(error as Error).stack?.slice(0, 300)}`;
  }
  if (fails) return "it should fail";
  return compare(found, expected, question.isOrdered && !isRange);
}

function compare(found: Question["expected"], expected: Question["expected"], isOrdered: boolean): string | undefined {
  const show = (all: Question["expected"]): string =>
    JSON.stringify(all.slice(0, 6).map(({ labels, points }) => [labels, points.slice(0, 12).map(String)]));
  const differs = `found ${show(found)}, expected ${show(expected)}`;
  const wanted = expected.filter(({ points }) => points.some((point) => point !== undefined));
  if (found.length !== wanted.length) return differs;
  const byKey = new Map(found.map((one) => [keyOf(one.labels), one.points]));
  for (const [index, { labels, points }] of wanted.entries()) {
    const own = isOrdered ? (keyOf(found[index]?.labels ?? {}) === keyOf(labels) ? found[index]?.points : undefined) : byKey.get(keyOf(labels));
    if (own === undefined) return differs;
    for (let step = 0; step < Math.max(own.length, points.length); step++) {
      const [one, other] = [own[step], points[step]];
      if ((one === undefined) !== (other === undefined)) return differs;
      if (one !== undefined && other !== undefined && !isAlmost(one, other)) return differs;
    }
  }
  return undefined;
}

/** As Prometheus' own tests compare: a millionth. */
function isAlmost(a: number, b: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b);
  if (a === b) return true;
  const sum = Math.abs(a) + Math.abs(b);
  if (a === 0 || b === 0 || sum < 2.3e-308) return Math.abs(a - b) < 1e-6 * 2.3e-308;
  return Math.abs(a - b) / Math.min(sum, Number.MAX_VALUE) < 1e-6;
}
