import { z } from "zod";

/** One thing that a schema does not allow. */
export interface Violation {
  /** Keys and list positions from the object's root. An unknown field's path ends with that field. */
  readonly path: readonly (string | number)[];
  /** The path as people and kubectl write it: `spec.template.env[0].name`; empty for the object itself. */
  readonly field: string;
  /** What stands there; never the value of an environment variable. */
  readonly found: string;
  readonly allowed: string;
  /** `found` and `allowed` in one sentence, without the field. */
  readonly message: string;
}

/** All violations of `schema` in `value`, in the order of the schema; `root` is put before each path. Empty: the value is allowed. */
export function findViolations(schema: z.ZodType, value: unknown, root: readonly (string | number)[] = []): readonly Violation[] {
  const result = schema.safeParse(value);
  return result.success ? [] : describeIssues(schema, value, result.error.issues, root);
}

/** The violations behind the issues that `schema` gave for `value`. */
export function describeIssues(
  schema: z.ZodType,
  value: unknown,
  issues: readonly z.core.$ZodIssue[],
  root: readonly (string | number)[] = [],
): readonly Violation[] {
  const told: Violation[] = [];
  let count = 0;
  for (const issue of issues) {
    const of = issue.code === "unrecognized_keys" ? issue.keys.length : 1;
    count += of;
    if (told.length < VIOLATIONS_MAX) told.push(...describeIssue(schema, value, issue, root).slice(0, VIOLATIONS_MAX - told.length));
  }
  if (count <= told.length) return told;
  return [...told, violation(root, `${count - told.length} more of these`, "none", `and ${count - told.length} more`)];
}

/** Violations that are told of one value; whoever has more mends these first. */
const VIOLATIONS_MAX = 100;

function describeIssue(schema: z.ZodType, value: unknown, issue: z.core.$ZodIssue, root: readonly (string | number)[]): readonly Violation[] {
  const at = issue.path.map((key) => (typeof key === "symbol" ? String(key) : key));
  const inner = schemaAt(schema, at);
  if (issue.code === "unrecognized_keys")
    return issue.keys.slice(0, VIOLATIONS_MAX).map((key) => unknownField(inner, root, at, key, valueAt(value, at)));
  if (issue.code === "invalid_union")
    return [violation([...root, ...at], describeFound(valueAt(value, at), at), inner === undefined ? issue.message : describeSchema(inner))];
  const found = valueAt(value, at);
  const words = describeFound(found, at);
  // A refinement speaks of several fields at once; its own words are a whole sentence.
  if (issue.code === "custom" || issue.message.startsWith("missing"))
    return [violation([...root, ...at], words, issue.message, `${issue.message}; found ${words}`)];
  return [violation([...root, ...at], words, allowedBy(issue, inner, found))];
}

/** `spec.template.env[0].name`; keys with other than letters, digits, `_` and `-` as `["a.b"]`. */
export function formatField(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    const shown = shorten(key, KEY_SHOWN_MAX);
    if (!/^[A-Za-z0-9_-]+$/.test(shown)) return `${text}[${JSON.stringify(shown)}]`;
    return text === "" ? shown : `${text}.${shown}`;
  }, "");
}

/** Longer than any key that is allowed somewhere (a label's has 317). */
const KEY_SHOWN_MAX = 320;

function shorten(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max)}…` : text;
}

/** No field's name is nearly as long; the distance costs the product of both lengths. */
const WORD_MAX = 64;

/** The one of `candidates` nearest to `word` by edit distance, if it is near enough to be meant. */
export function findNearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > WORD_MAX) return undefined;
  const lower = word.toLowerCase();
  let nearest: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(lower, candidate.toLowerCase());
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

function violation(path: readonly (string | number)[], found: string, allowed: string, message?: string): Violation {
  return { path, field: formatField(path), found, allowed, message: message ?? `found ${found}; allowed: ${allowed}` };
}

function unknownField(
  schema: z.ZodType | undefined,
  root: readonly (string | number)[],
  at: readonly (string | number)[],
  key: string,
  holder: unknown,
): Violation {
  const fields = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  const nearest = findNearest(
    key,
    fields.filter((field) => typeof holder !== "object" || holder === null || !(field in holder)),
  );
  const allowed = fields.length === 0 ? "no field here" : fields.join(", ");
  return violation(
    [...root, ...at, key],
    "an unknown field",
    allowed,
    `unknown field${nearest === undefined ? "" : `; did you mean ${nearest}?`}; allowed: ${allowed}`,
  );
}

function allowedBy(issue: z.core.$ZodIssue, schema: z.ZodType | undefined, found: unknown): string {
  const described = schema === undefined ? issue.message : describeSchema(schema);
  // zod's own messages begin with these words; any other is the model author's, and better than what can be derived.
  const isOwn = !/^(Invalid|Too (big|small)|Unrecognized)/.test(issue.message);
  if (issue.code === "invalid_type") return found === undefined ? `${described} (required)` : described;
  if (isOwn) return issue.message;
  if (issue.code === "too_big") return boundOf(issue.origin, issue.inclusive === false ? "less than" : "at most", issue.maximum);
  if (issue.code === "too_small") return boundOf(issue.origin, issue.inclusive === false ? "more than" : "at least", issue.minimum);
  if (issue.code === "invalid_format" && issue.format === "starts_with")
    return `text that begins with ${JSON.stringify((issue as z.core.$ZodIssueStringStartsWith).prefix)}`;
  if (issue.code === "invalid_format" && issue.format === "datetime") return "a time as in 2030-01-31T12:00:00Z (RFC 3339)";
  if (issue.code === "invalid_key") return issue.issues.map((one) => one.message).join("; ") || described;
  return described;
}

function boundOf(origin: string, words: string, bound: number | bigint): string {
  if (origin === "string") return `${words} ${bound} characters`;
  if (origin === "array" || origin === "set") return `${words} ${bound} elements`;
  return `${words} ${bound}`;
}

/** What a schema allows, in a few words: `a whole number from 0 to 1000`. */
function describeSchema(wrapped: z.ZodType): string {
  const schema = unwrap(wrapped);
  if (schema instanceof z.ZodString) return "text";
  if (schema instanceof z.ZodBoolean) return "true or false";
  if (schema instanceof z.ZodNumber) return describeNumber(schema);
  if (schema instanceof z.ZodEnum) return schema.options.map(String).join(" or ");
  if (schema instanceof z.ZodLiteral) return [...schema.values].map((one) => JSON.stringify(one)).join(" or ");
  if (schema instanceof z.ZodArray) return `a list (${describeSchema(schema.element as z.ZodType)})`;
  if (schema instanceof z.ZodRecord) return "a map of names to values";
  if (schema instanceof z.ZodUnion) return schema.options.map((one) => describeSchema(one as z.ZodType)).join(", or ");
  if (schema instanceof z.ZodObject) {
    const fields = Object.keys(schema.shape);
    return fields.length === 0 ? "an empty map {}" : `a map with ${fields.slice(0, 12).join(", ")}${fields.length > 12 ? ", …" : ""}`;
  }
  if (schema instanceof z.ZodISODateTime) return "a time as in 2030-01-31T12:00:00Z (RFC 3339)";
  return schema._zod.def.type === "string" ? "text" : `a value of type ${schema._zod.def.type}`;
}

function describeNumber(schema: z.ZodNumber): string {
  const word = schema.format?.includes("int") === true ? "a whole number" : "a number";
  const min = schema.minValue ?? Number.NEGATIVE_INFINITY;
  const max = schema.maxValue ?? Number.POSITIVE_INFINITY;
  const hasMin = min > Number.MIN_SAFE_INTEGER;
  const hasMax = max < Number.MAX_SAFE_INTEGER;
  if (hasMin && hasMax) return `${word} from ${min} to ${max}`;
  if (hasMin) return `${word}, at least ${min}`;
  return hasMax ? `${word}, at most ${max}` : word;
}

const TEXT_SHOWN_MAX = 60;

function describeFound(found: unknown, path: readonly (string | number)[]): string {
  if (found === undefined) return "nothing";
  if (found === null) return "nothing (null)";
  // Whatever stands in an environment variable may be a secret, also where `secret: true` was forgotten.
  if (typeof found !== "object" && path.includes("env") && path.at(-1) !== "name")
    return `${typeof found === "string" ? "text" : typeof found} (not shown)`;
  if (typeof found === "string" && path.includes("env") && found.includes("=")) return "text with = (not shown); the value has a field of its own";
  if (Array.isArray(found)) return found.length === 0 ? "an empty list" : `a list of ${found.length}`;
  if (typeof found === "object") {
    const keys = Object.keys(found);
    return keys.length === 0
      ? "an empty map"
      : `a map with ${keys
          .slice(0, 6)
          .map((key) => shorten(key, TEXT_SHOWN_MAX))
          .join(", ")}${keys.length > 6 ? ", …" : ""}`;
  }
  const text = JSON.stringify(typeof found === "string" ? found.slice(0, TEXT_SHOWN_MAX) : found);
  if (typeof found === "string" && found.length > TEXT_SHOWN_MAX) return `${text.slice(0, -1)}… (${found.length} characters)`;
  return text.length > TEXT_SHOWN_MAX ? `${text.slice(0, TEXT_SHOWN_MAX)}… (${String(found).length} characters)` : text;
}

function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === "object" && inner !== null ? (inner as Record<string | number, unknown>)[key] : undefined),
    value,
  );
}

/** The schema of the field at `path`, if the path leads through objects, lists and maps only. */
export function schemaAt(schema: z.ZodType, path: readonly (string | number)[]): z.ZodType | undefined {
  let inner: z.ZodType | undefined = unwrap(schema);
  for (const key of path) {
    if (inner instanceof z.ZodObject) inner = inner.shape[String(key)] as z.ZodType | undefined;
    else if (inner instanceof z.ZodArray) inner = inner.element as z.ZodType;
    else if (inner instanceof z.ZodRecord) inner = inner.valueType as z.ZodType;
    else return undefined;
    if (inner === undefined) return undefined;
    inner = unwrap(inner);
  }
  return inner;
}

/** The schema inside of `optional`, `default`, `nullable`, transforms. */
export function unwrap(schema: z.ZodType): z.ZodType {
  let inner = schema;
  for (;;) {
    if (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodNullable || inner instanceof z.ZodReadonly)
      inner = inner.def.innerType as z.ZodType;
    else if (inner instanceof z.ZodPipe) inner = inner.def.in as z.ZodType;
    else return inner;
  }
}

/** Letters to insert, leave out, replace or swap with their neighbour. */
function editDistance(a: string, b: string): number {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwapped ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + cost, swapped));
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
