import { describeError, OrreryError } from "#/base/index.ts";
import { findNumberFault } from "./number.ts";

/** Maps and lists inside of each other. What walks a value calls itself for each level. */
export const DEPTH_MAX = 100;
/** Values in one text: scalars, lists and maps together. What is done with a text costs so much at most. */
export const VALUES_MAX = 100_000;

/** Keys and list positions from the root. */
export type FieldPath = readonly (string | number)[];

/** A value, and what its text holds beside it. */
export interface ReadText {
  readonly value: unknown;
  /** Keys that stand in a map more than once (the last one counts), the first hundred of them. */
  readonly duplicates: readonly FieldPath[];
}

/** Duplicates that are told. */
const DUPLICATES_MAX = 100;
/** Characters that are looked at before others get their turn: about a millisecond. */
const SLICE_CHARACTERS = 256 * 1024;

/** The value of a JSON text, exactly as it is written: what a double cannot hold is refused, and so is what would not come back as it went in. Costs a step for each character, in slices between which the event loop goes on.
 *  @throws text/malformed: no JSON
 *  @throws text/invalid: a number that would be changed, a key `__proto__`, half a surrogate pair
 *  @throws text/too-large: more than 100,000 values, or deeper than 100 levels */
export async function readJson(text: string): Promise<ReadText> {
  const plain = readCanonical(text);
  if (plain !== undefined) return { value: plain, duplicates: [] };
  const look = new Look(text);
  while (!look.goOn(SLICE_CHARACTERS)) await new Promise<void>((resolve) => setImmediate(resolve));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new OrreryError("text/malformed", `it is no JSON: ${describeError(error)}`);
  }
  const keys = countKeys(value, look.hasSurrogates);
  if (keys === look.keys && !look.hasLongNumbers) return { value, duplicates: [] };
  return { value, duplicates: findOddities(text) };
}

/** Half as many values at most: each takes two characters. Read and written within a millisecond. */
const CANONICAL_CHARACTERS_MAX = 128 * 1024;
const NEWLINE = 0x0a;

/** The value of a JSON text that is, character by character, what its value is written as, as most programs send it: nothing can stand twice in it, be rounded or be dropped. `undefined` for any other, which then is looked at closely. */
function readCanonical(text: string): unknown {
  if (text.length > CANONICAL_CHARACTERS_MAX || text.includes("__proto__") || text.includes("\\ud")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isWithinDepth(value, DEPTH_MAX)) return undefined;
  const written = JSON.stringify(value);
  if (written === text) return value;
  // Go's encoder ends a text with a line.
  return written.length === text.length - 1 && text.charCodeAt(written.length) === NEWLINE && text.startsWith(written) ? value : undefined;
}

function isWithinDepth(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (levels === 0) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (!isWithinDepth(item, levels - 1)) return false;
    return true;
  }
  for (const key in value) if (!isWithinDepth((value as Readonly<Record<string, unknown>>)[key], levels - 1)) return false;
  return true;
}

/** Looks at a JSON text at once, however many values it has.
 *  @throws text/too-large: deeper than 100 levels */
export function checkDepth(text: string): void {
  // Each level takes two characters.
  if (text.length > 2 * DEPTH_MAX) new Look(text, Number.POSITIVE_INFINITY).goOn(text.length);
}

function tooMany(): OrreryError {
  return new OrreryError("text/too-large", `it holds more than ${VALUES_MAX} values; give it in parts`);
}

export function tooDeep(): OrreryError {
  return new OrreryError("text/too-large", `it is deeper than ${DEPTH_MAX} levels of maps and lists`);
}

export function protoKey(): OrreryError {
  return new OrreryError("text/invalid", "it has a key __proto__, which is not kept; give the field another name");
}

export function loneSurrogate(): OrreryError {
  return new OrreryError("text/invalid", "it has text with half of a surrogate pair (\\ud800 to \\udfff), which is no character");
}

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_MAP, CLOSE_MAP] = [0x5b, 0x5d, 0x7b, 0x7d];
/** 2^53 has 16 digits. */
const LONG_DIGITS = 16;

/** A first look at a JSON text, before it costs memory: how many values and keys, how deep, and whether it has what must be looked at more closely. */
class Look {
  readonly #text: string;
  readonly #valuesMax: number;
  #at = 0;
  #isInString = false;
  #isEscaped = false;
  #depth = 0;
  #values = 1;
  #digits = 0;
  #isAfterOpen = false;
  keys = 0;
  hasLongNumbers = false;
  hasSurrogates = false;

  constructor(text: string, valuesMax: number = VALUES_MAX) {
    this.#text = text;
    this.#valuesMax = valuesMax;
  }

  /** Looks at so many more characters; true at the end.
   *  @throws text/too-large */
  goOn(characters: number): boolean {
    const text = this.#text;
    const end = Math.min(text.length, this.#at + characters);
    let at = this.#at;
    while (at < end) {
      if (this.#isInString) {
        at = this.#skipText(at, end);
        continue;
      }
      const code = text.charCodeAt(at);
      at++;
      if (code <= 0x20) continue;
      if (code >= 0x30 && code <= 0x39) {
        this.#digits++;
        if (this.#digits >= LONG_DIGITS) this.hasLongNumbers = true;
        this.#isAfterOpen = false;
      } else this.#sign(code);
    }
    this.#at = at;
    return at >= text.length;
  }

  /** Goes to the end of the string that `at` is in, or to `end`. */
  #skipText(from: number, end: number): number {
    const text = this.#text;
    let at = from;
    while (at < end) {
      const code = text.charCodeAt(at);
      at++;
      if (this.#isEscaped) {
        this.#isEscaped = false;
        // \ud800 and its like; `u` is 0x75, `d` 0x64.
        if (code === 0x75 && (text.charCodeAt(at) | 0x20) === 0x64) this.hasSurrogates = true;
      } else if (code === BACKSLASH) this.#isEscaped = true;
      else if (code === QUOTE) {
        this.#isInString = false;
        return at;
      }
    }
    return at;
  }

  #sign(code: number): void {
    // e or E behind a digit.
    if ((code | 0x20) === 0x65 && this.#digits > 0) this.hasLongNumbers = true;
    // The digits of a fraction count with those before the point.
    if (code !== 0x2e) this.#digits = 0;
    const isFirst = this.#isAfterOpen;
    this.#isAfterOpen = false;
    switch (code) {
      case QUOTE:
        this.#isInString = true;
        break;
      case COLON:
        this.keys++;
        break;
      case COMMA:
        this.#values++;
        break;
      case OPEN_LIST:
      case OPEN_MAP:
        this.#depth++;
        this.#values++;
        this.#isAfterOpen = true;
        if (this.#depth > DEPTH_MAX) throw tooDeep();
        break;
      case CLOSE_LIST:
      case CLOSE_MAP:
        this.#depth--;
        // It was counted for a first value that it does not have.
        if (isFirst) this.#values--;
        break;
    }
    if (this.#values > this.#valuesMax) throw tooMany();
  }
}

/** Keys in all maps of `value`.
 *  @throws text/invalid */
function countKeys(value: unknown, looksAtTexts: boolean): number {
  if (typeof value === "string") {
    if (looksAtTexts && !value.isWellFormed()) throw loneSurrogate();
    return 0;
  }
  if (typeof value !== "object" || value === null) return 0;
  let keys = 0;
  if (Array.isArray(value)) {
    for (const item of value) keys += countKeys(item, looksAtTexts);
    return keys;
  }
  for (const key in value) {
    if (key === "__proto__") throw protoKey();
    if (looksAtTexts && !key.isWellFormed()) throw loneSurrogate();
    keys += 1 + countKeys((value as Readonly<Record<string, unknown>>)[key], looksAtTexts);
  }
  return keys;
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/y;

/** The duplicate keys of a text that is JSON.
 *  @throws text/invalid: a number that would be changed */
function findOddities(text: string): readonly FieldPath[] {
  const duplicates: FieldPath[] = [];
  let at = 0;
  const skip = (): number => {
    while (text.charCodeAt(at) <= 0x20) at++;
    return text.charCodeAt(at);
  };
  const match = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const [found = ""] = pattern.exec(text) ?? [];
    at += found.length;
    return found;
  };
  const readKey = (): string => {
    const end = text.indexOf('"', at + 1);
    const plain = text.slice(at + 1, end);
    if (!plain.includes("\\")) {
      at = end + 1;
      return plain;
    }
    return JSON.parse(skipString()) as string;
  };
  /** A pattern would run out of stack in a string of megabytes. */
  const skipString = (): string => {
    const start = at;
    at++;
    for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) at += code === BACKSLASH ? 2 : 1;
    at++;
    return text.slice(start, at);
  };
  const value = (path: FieldPath): void => {
    const code = skip();
    if (code === OPEN_MAP) return map(path);
    if (code === OPEN_LIST) return list(path);
    if (code === QUOTE) return void skipString();
    if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      const literal = match(NUMBER);
      const fault = findNumberFault(literal, Number(literal));
      if (fault !== undefined) throw new OrreryError("text/invalid", fault, { details: { path } });
      return;
    }
    at += code === 0x66 ? 5 : 4; // false; true, null
  };
  const map = (path: FieldPath): void => {
    at++;
    const keys = new Set<string>();
    for (let code = skip(); code !== CLOSE_MAP; code = skip()) {
      if (code === COMMA) {
        at++;
        continue;
      }
      const key = readKey();
      if (keys.has(key) && duplicates.length < DUPLICATES_MAX) duplicates.push([...path, key]);
      keys.add(key);
      skip();
      at++; // :
      value([...path, key]);
    }
    at++;
  };
  const list = (path: FieldPath): void => {
    at++;
    let index = 0;
    for (let code = skip(); code !== CLOSE_LIST; code = skip()) {
      if (code === COMMA) at++;
      else value([...path, index++]);
    }
    at++;
  };
  value([]);
  return duplicates;
}
