import fc from "fast-check";
import { kinds } from "#/model/all-kinds.ts";
import { arbitraryManifest } from "#/model/arbitrary.ts";
import type { Dice } from "./frame.ts";

/** A piece of JSON that no value can say: a number too large, a key that stands twice. */
class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Manifests that the model lets in, by kind: what inputs are made of. */
export const SAMPLES: readonly Sample[] = kinds
  .filter(({ isImmutable }) => isImmutable !== true)
  .flatMap((kind) =>
    fc.sample(arbitraryManifest(kind), { numRuns: 12, seed: 7 }).map(({ metadata, spec }) => ({
      plural: kind.plural,
      isNamespaced: kind.scope === "Namespaced",
      object: { apiVersion: "orrery.dev/v1", kind: kind.kind, metadata, spec } as Readonly<Record<string, unknown>>,
    })),
  );

export interface Sample {
  readonly plural: string;
  readonly isNamespaced: boolean;
  readonly object: Readonly<Record<string, unknown>>;
}

const ODD_TEXTS: readonly string[] = [
  "",
  " ",
  "null",
  "(secret)",
  "a".repeat(64),
  "9".repeat(400),
  "\u0000",
  "地面站",
  "é\u0301",
  "x\r\ny",
  "../..",
  "/",
  "-1",
  "1e9d",
  "a=b",
  "{}",
  "\u2028",
  "1.2.3.4:99999",
  "a,b,(c",
];
const ODD_KEYS: readonly string[] = [
  "",
  "constructor",
  "toString",
  "hasOwnProperty",
  "a.b",
  "k".repeat(400),
  "f:x",
  "é",
  "-",
  "0",
  "length",
  "secret",
  "value",
  "name",
];
const ODD_RAW: readonly string[] = [
  "1e999",
  "-1e999",
  "9007199254740993",
  "1e-999",
  "-0",
  "1E400",
  "123456789012345678901234567890",
  '"\\ud800"',
  '{"__proto__":{"a":1}}',
  '{"a":1,"a":2}',
  "00",
  "nul",
];

function oddValue(dice: Dice): unknown {
  switch (dice.below(12)) {
    case 0:
      return null;
    case 1:
      return dice.pick(ODD_TEXTS);
    case 2:
      return new Raw(dice.pick(ODD_RAW));
    case 3:
      return dice.pick([0, -1, 1.5, 1e21, 2 ** 53, 65_536, Number.MIN_VALUE]);
    case 4:
      return [];
    case 5:
      return {};
    case 6:
      return dice.pick([true, false]);
    case 7:
      return Array.from({ length: dice.below(40) }, () => dice.pick([1, "a", null, {}, []]));
    case 8:
      return Object.fromEntries(Array.from({ length: dice.below(30) }, (_, index) => [`${dice.pick(ODD_KEYS)}${index}`, dice.pick([1, "x", null])]));
    case 9:
      return nested(dice, dice.pick([3, 50, 99, 150]));
    case 10:
      return dice.pick(SAMPLES).object["spec"];
    default:
      return "x".repeat(dice.below(3_000));
  }
}

function nested(dice: Dice, levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = dice.oneIn(2) ? [value] : { a: value };
  return value;
}

/** `value` with some parts changed, dropped, doubled or put elsewhere. */
export function mutated(dice: Dice, value: unknown, times: number): unknown {
  let result = value;
  for (let time = 0; time < times; time++) result = mutatedOnce(dice, result, 0);
  return result;
}

function mutatedOnce(dice: Dice, value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null || value instanceof Raw || dice.oneIn(depth === 0 ? 40 : 6)) return oddValue(dice);
  if (Array.isArray(value)) {
    if (value.length === 0 || dice.oneIn(4)) return dice.oneIn(2) ? [...value, oddValue(dice)] : [...value, ...value];
    const at = dice.below(value.length);
    return value.map((item: unknown, index) => (index === at ? mutatedOnce(dice, item, depth + 1) : item));
  }
  const keys = Object.keys(value);
  const map = value as Readonly<Record<string, unknown>>;
  if (keys.length === 0 || dice.oneIn(6))
    return { ...map, [dice.oneIn(2) ? dice.pick(ODD_KEYS) : keys.length === 0 ? "k" : dice.pick(keys)]: oddValue(dice) };
  const key = dice.pick(keys);
  if (dice.oneIn(8)) return Object.fromEntries(Object.entries(map).filter(([name]) => name !== key));
  return { ...map, [key]: mutatedOnce(dice, map[key], depth + 1) };
}

/** `value` as JSON text, with its raw pieces. */
export function jsonText(value: unknown, isDoubled = false): string {
  if (value instanceof Raw) return value.text;
  if (Array.isArray(value)) return `[${value.map((item) => jsonText(item)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const fields = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}:${jsonText(inner)}`);
  return `{${[...fields, ...(isDoubled ? fields.slice(0, 1) : [])].join(",")}}`;
}

/** `value` as YAML in blocks, with an alias here and there. */
export function yamlText(dice: Dice, value: unknown, indent = ""): string {
  if (value instanceof Raw || typeof value !== "object" || value === null || indent.length > 60) return `${jsonText(value)}\n`;
  const inner = `${indent}  `;
  if (Array.isArray(value)) return value.length === 0 ? "[]\n" : `\n${value.map((item) => `${indent}- ${yamlText(dice, item, inner)}`).join("")}`;
  const entries = Object.entries(value);
  if (entries.length === 0) return "{}\n";
  return `\n${entries.map(([key, item]) => `${indent}${JSON.stringify(key)}: ${dice.oneIn(30) ? dice.pick(["&a ", "*a ", "!x ", "!!str ", "? "]) : ""}${yamlText(dice, item, inner)}`).join("")}`;
}

const JUNK: readonly string[] = [
  "{",
  "}",
  "[",
  "]",
  '"',
  ":",
  ",",
  "\\",
  "\n",
  "- ",
  "? ",
  "&a ",
  "*a",
  "!!",
  "#",
  "\u0000",
  "\ufeff",
  "%",
  "|",
  ">",
  "'",
  "\t",
  "\\u",
  "1e",
  "...",
];

/** `bytes` with some of them changed, cut or doubled. */
export function bent(dice: Dice, bytes: Buffer): Buffer {
  const at = dice.below(bytes.length + 1);
  switch (dice.below(5)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(dice.pick(JUNK)), bytes.subarray(at)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + dice.below(8))]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([dice.below(256)]), bytes.subarray(at + 1)]);
    default:
      return Buffer.concat([bytes, bytes.subarray(at)]);
  }
}

/** Texts whose cost might grow faster than their length. */
export function largeText(dice: Dice, isYaml: boolean): string {
  // A cost that grows with the square of the length shows at length.
  const count = dice.oneIn(300) ? (isYaml ? 20_000 : 60_000) : 200 + dice.below(dice.oneIn(10) ? 6_000 : 800);
  const each = (make: (index: number) => string, between: string): string => Array.from({ length: count }, (_, index) => make(index)).join(between);
  const shapes: readonly (() => string)[] = isYaml
    ? [
        () => each((index) => `k${index}: v`, "\n"),
        () => each(() => "- a", "\n"),
        () => each((index) => `k${index}: &a${index} v`, "\n"),
        () => `x: &a v\n${each((index) => `k${index}: *a`, "\n")}`,
        () => each((index) => `a${index}: &a${index} [${index === 0 ? "x" : `*a${index - 1},*a${index - 1}`}]`, "\n"),
        () => "? ".repeat(count),
        () => "- ".repeat(count),
        () => "[".repeat(count),
        () => "{a: ".repeat(count),
        () => each(() => "# c", "\n"),
        () => `a: |\n${each(() => "  line", "\n")}`,
        () => `a: "${each(() => "x", "\\n")}"`,
        () => each(() => "---", "\n"),
        () => each(() => "]", ""),
        () => each(() => "a: b: c", "\n"),
        () => `a: ${each(() => "x", "\n  ")}`,
        () => each((index) => `%TAG !e${index}! tag:x,${index}:`, "\n"),
        () => " ".repeat(count * 5),
      ]
    : [
        () => `{${each((index) => `"k${index}":1`, ",")}}`,
        () => `{${each(() => '"k":1', ",")}}`,
        () => `[${each(() => "1", ",")}]`,
        () => `[${each(() => "{}", ",")}]`,
        () => "[".repeat(count),
        () => '{"a":'.repeat(count),
        () => `"${"x".repeat(count * 10)}"`,
        () => `"${"\\".repeat(count * 2)}"`,
        () => `[${"9".repeat(count)}]`,
        () => `[${each(() => "1e5", ",")}]`,
        () => `["${each(() => "\\ud83d\\ude00", "")}"]`,
        () => " ".repeat(count * 10),
      ];
  return dice.pick(shapes)();
}
