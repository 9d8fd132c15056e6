import fc from "fast-check";
import { z } from "zod";
import type { Kind } from "./kind.ts";
import { subdomain } from "./names.ts";
import { unwrap } from "./violation.ts";

/** Values that `schema` lets in, made from the schema itself: also odd ones, such as the longest and the empty. For tests. */
export function arbitraryOf(schema: z.ZodType): fc.Arbitrary<unknown> {
  return build(schema).filter((value) => schema.safeParse(value).success);
}

/** Whole manifests of `kind` that `orrery validate` lets in, with any name that it lets in. */
export function arbitraryManifest(kind: Kind): fc.Arbitrary<{ readonly metadata: { readonly name: string }; readonly spec: unknown }> {
  return fc.record({ metadata: fc.record({ name: nameOf(kind) }), spec: arbitraryOf(kind.spec) });
}

/** `wanted`, or the one name that objects of `kind` may have. */
export function nameFor({ name }: Kind, wanted: string): string {
  return name instanceof z.ZodLiteral ? String([...name.values][0]) : wanted;
}

function nameOf(kind: Kind): fc.Arbitrary<string> {
  const schema = kind.name ?? subdomain;
  const part = matching(/^[a-z0-9](?:[-a-z0-9]{0,8}[a-z0-9])?$/);
  const long = fc.tuple(part, fc.constantFrom(63, 64, 247, 253)).map(([text, length]) =>
    text
      .repeat(length)
      .slice(0, length - 1)
      .concat("z"),
  );
  const dotted = fc.tuple(part, part).map(([a, b]) => `${a}.${b}`);
  const literal = schema instanceof z.ZodLiteral ? [fc.constant(nameFor(kind, ""))] : [];
  return fc.oneof(...literal, part, long, dotted).filter((name) => schema.safeParse(name).success);
}

/** Kinds share many schemas, and what makes texts by a pattern takes some ms to be made itself. */
const built = new WeakMap<z.ZodType, fc.Arbitrary<unknown>>();

function build(wrapped: z.ZodType): fc.Arbitrary<unknown> {
  const schema = unwrap(wrapped);
  const known = built.get(schema) ?? buildNew(schema);
  built.set(schema, known);
  return known;
}

function buildNew(schema: z.ZodType): fc.Arbitrary<unknown> {
  if (schema instanceof z.ZodObject) return buildMap(schema);
  if (schema instanceof z.ZodArray) {
    const { minLength = 0, maxLength = 4 } = boundsOf(schema);
    const items = build(schema.element as z.ZodType);
    const { listKey } = (schema.meta() ?? {}) as { readonly listKey?: string };
    const sizes = { minLength, maxLength: Math.max(minLength, Math.min(maxLength, 4)) };
    if (listKey === undefined) return fc.array(items, sizes);
    return fc.uniqueArray(items, { ...sizes, selector: (one) => (one as Record<string, unknown>)[listKey] });
  }
  if (schema instanceof z.ZodRecord)
    return fc.dictionary(build(schema.keyType as z.ZodType) as fc.Arbitrary<string>, build(schema.valueType as z.ZodType), { maxKeys: 3 });
  if (schema instanceof z.ZodBoolean) return fc.boolean();
  if (schema instanceof z.ZodEnum) return fc.constantFrom(...schema.options);
  if (schema instanceof z.ZodLiteral) return fc.constantFrom(...schema.values);
  if (schema instanceof z.ZodUnion) return fc.oneof(...schema.options.map((one) => build(one as z.ZodType)));
  if (schema instanceof z.ZodNumber) return buildNumber(schema);
  if (schema instanceof z.ZodISODateTime) return fc.constantFrom("2030-01-31T12:00:00Z", "1999-12-31T23:59:59.999+14:00");
  if (schema instanceof z.ZodString) return buildText(schema);
  return fc.constantFrom("text", 7, true, { a: [1, null] });
}

/** Each optional field is there in half of the cases: refinements such as "exactly one of" are met by some. */
function buildMap(schema: z.ZodObject): fc.Arbitrary<unknown> {
  const fields = Object.entries(schema.shape) as [string, z.ZodType][];
  const required = fields.filter(([, field]) => !field.safeParse(undefined).success).map(([name]) => name);
  const optional = fields.map(([name]) => name).filter((name) => !required.includes(name));
  const all = fc.record(Object.fromEntries(fields.map(([name, field]) => [name, build(field)])), { requiredKeys: required });
  // Few fields at a time, or hardly any map passes its refinements.
  const few = fc
    .tuple(all, fc.subarray(optional, { maxLength: Math.min(2, optional.length) }))
    .map(([value, kept]) => pick(value as object, [...required, ...kept]));
  return fc.oneof(all, few, few).filter((value) => schema.safeParse(value).success);
}

function pick(value: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name)));
}

function buildNumber(schema: z.ZodNumber): fc.Arbitrary<number> {
  const min = Math.max(schema.minValue ?? -1e6, -1e9);
  const max = Math.min(schema.maxValue ?? 1e6, 1e9);
  return schema.format?.includes("int") === true ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true });
}

const WORDS: readonly string[] = [
  "a",
  "http",
  "v1",
  "0ms",
  "1ms",
  "50ms",
  "5s",
  "1h30m",
  "3650d",
  "/",
  "/a/b",
  ".",
  "a/../b",
  "10.0.0.7:502",
  "http://127.0.0.1:1/x",
  "ops@example.org",
  ".status.observed.value",
  "https://console.example",
  "default",
  "x.example",
  "127.0.0.1",
];

function buildText(schema: z.ZodString): fc.Arbitrary<string> {
  const allowed = (text: string): boolean => schema.safeParse(text).success;
  const words = WORDS.filter(allowed);
  const { minLength = 0, maxLength = 300 } = boundsOf(schema);
  const long = "z".repeat(Math.min(maxLength, 40_000));
  const free = fc.oneof(
    fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, 30)) }),
    fc.string({ unit: "grapheme", minLength, maxLength: Math.max(minLength, Math.min(maxLength, 10)) }),
    matching(/^[a-z0-9](?:[-a-z0-9]{0,8}[a-z0-9])?$/),
  );
  const pattern = patternOf(schema);
  const fixed = [...words, ...(allowed(long) ? [long] : [])];
  const varied = pattern === undefined ? free : matching(pattern, "small");
  // What hardly ever passes would be tried for ever.
  const passing = fc.sample(varied, { numRuns: 100, seed: 1 }).filter(allowed).length;
  const sources = [...(fixed.length > 0 ? [fc.constantFrom(...fixed)] : []), ...(passing > 5 ? [varied.filter(allowed)] : [])];
  if (sources.length === 0) throw new Error(`no text is known that ${JSON.stringify(z.toJSONSchema(schema))} lets in: add one to WORDS`);
  return fc.oneof(...sources);
}

const matchers = new Map<string, fc.Arbitrary<string>>();

function matching(pattern: RegExp, size?: "small"): fc.Arbitrary<string> {
  const key = `${pattern} ${size}`;
  const known = matchers.get(key) ?? fc.stringMatching(pattern, size === undefined ? {} : { size });
  matchers.set(key, known);
  return known;
}

function patternOf(schema: z.ZodString): RegExp | undefined {
  for (const check of schema.def.checks ?? []) {
    const { pattern } = check._zod.def as { readonly pattern?: RegExp };
    // Patterns of what must not be there say little about what is, and the maker of texts knows no look-ahead.
    if (pattern !== undefined && !pattern.source.startsWith("^[^") && !pattern.source.includes("(?!")) return pattern;
  }
  return undefined;
}

function boundsOf(schema: z.ZodType): { readonly minLength?: number; readonly maxLength?: number } {
  let minLength: number | undefined;
  let maxLength: number | undefined;
  for (const check of schema.def.checks ?? []) {
    const { minimum, maximum, length } = check._zod.def as { readonly minimum?: number; readonly maximum?: number; readonly length?: number };
    if (minimum !== undefined) minLength = minimum;
    if (maximum !== undefined) maxLength = maximum;
    if (length !== undefined) [minLength, maxLength] = [length, length];
  }
  return { ...(minLength === undefined ? {} : { minLength }), ...(maxLength === undefined ? {} : { maxLength }) };
}
