import { twoline2satrec } from "satellite.js";
import type { ElementSet, Skipped } from "./element-set.ts";

const LINE_LENGTH = 69;
/** Only the two lines themselves are as long as this; names have at most 24 characters. */
const SHORTEST_ELEMENTS = 40;

interface Line {
  readonly text: string;
  readonly number: number;
}

/** Reads two-line elements: line 1 and line 2, each pair with a line before it that holds its name, or without. `0 ` before a name and comments (`#`) are left out. */
export function readTle(text: string): (ElementSet | Skipped)[] {
  const lines = text
    .split(/\r?\n/)
    .map((line, index) => ({ text: line.trimEnd(), number: index + 1 }))
    .filter((line) => line.text !== "" && !line.text.startsWith("#"));
  const sets: (ElementSet | Skipped)[] = [];
  let name: Line | undefined;
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] as Line;
    const next = lines[index + 1];
    if (!isElements(line, "1") && !isElements(line, "2")) {
      if (name !== undefined) sets.push({ where: `line ${name.number}`, why: `"${shorten(name.text)}" is followed by no elements` });
      name = line;
      continue;
    }
    const isPair = isElements(line, "1") && next !== undefined && isElements(next, "2");
    sets.push(isPair ? readSet(name, line, next) : { where: `line ${line.number}`, why: `line ${line.text[0]} of a set stands alone` });
    if (isPair) index++;
    name = undefined;
  }
  if (name !== undefined) sets.push({ where: `line ${name.number}`, why: `"${shorten(name.text)}" is followed by no elements` });
  return sets;
}

function isElements({ text }: Line, first: "1" | "2"): boolean {
  return text.startsWith(`${first} `) && text.length >= SHORTEST_ELEMENTS;
}

function readSet(name: Line | undefined, one: Line, two: Line): ElementSet | Skipped {
  for (const line of [one, two]) {
    const why = whyDamaged(line.text);
    if (why !== undefined) return { where: `line ${line.number}`, why };
  }
  const number = one.text.slice(2, 7);
  if (number !== two.text.slice(2, 7)) return { where: `line ${two.number}`, why: `it is of satellite ${two.text.slice(2, 7)}, line 1 of ${number}` };
  const catalogNumber = decodeAlpha5(number);
  if (catalogNumber === undefined) return { where: `line ${one.number}`, why: `"${number}" is no catalogue number` };
  const designator = decodeDesignator(one.text.slice(9, 17).trim());
  return {
    where: `line ${one.number}`,
    name: name?.text.replace(/^0 /, "").trim() || designator || String(catalogNumber),
    catalogNumber,
    designator,
    record: twoline2satrec(one.text, two.text),
  };
}

/** Length and checksum (sum of digits, a minus counting 1, modulo 10) of one line. */
function whyDamaged(line: string): string | undefined {
  if (line.length !== LINE_LENGTH) return `expected ${LINE_LENGTH} characters; found ${line.length}`;
  let sum = 0;
  for (const character of line.slice(0, LINE_LENGTH - 1)) sum += character === "-" ? 1 : /\d/.test(character) ? Number(character) : 0;
  return String(sum % 10) === line.at(-1) ? undefined : `its checksum is ${line.at(-1)}, its digits give ${sum % 10}; the line is damaged`;
}

/** Five digits; above 99,999 a letter stands for the first two (A for 10 to Z for 33, without I and O). */
export function decodeAlpha5(text: string): number | undefined {
  if (/^[ \d]{4}\d$/.test(text)) return Number(text);
  const tens = "ABCDEFGHJKLMNPQRSTUVWXYZ".indexOf(text[0] ?? "");
  return tens >= 0 && /^.\d{4}$/.test(text) ? (tens + 10) * 10_000 + Number(text.slice(1)) : undefined;
}

/** `98067A` as 1998-067A. */
function decodeDesignator(text: string): string {
  const year = Number(text.slice(0, 2));
  return /^\d{5}[A-Z]{1,3}$/.test(text) ? `${year < 57 ? 2000 + year : 1900 + year}-${text.slice(2)}` : "";
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
