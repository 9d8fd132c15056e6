import { randomInt } from "node:crypto";

/** In every control sequence of our own, as parameters that a terminal would not know: nothing that comes from outside can have guessed it. `stripVTControlCharacters` takes such a sequence for what it is. */
const MARK = `${Array.from({ length: 3 }, () => randomInt(1_000, 10_000)).join(";")};`;

/** A control sequence of our own (`31m`, `2J`), which `printable` lets through. */
export function ownControl(code: string): string {
  return `\u001b[${MARK}${code}`;
}

/** C0 but tab and line feed, DEL, C1: a terminal obeys them. */
const CONTROLS = String.raw`(?![\n\t])\p{Cc}`;
/** They turn the order of what stands around them, or begin a line: what is read is not what is there. */
const DECEIVING = String.raw`[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]`;
const OWN = String.raw`\u001b\[${MARK}(\d*)([A-Za-z])`;

const FOR_PROGRAMS = new RegExp(`${OWN}|\r(?=\n)|${CONTROLS}`, "gu");
const FOR_PEOPLE = new RegExp(`${OWN}|\r(?=\n)|${CONTROLS}|${DECEIVING}`, "gu");
const IN_ONE_LINE = new RegExp(`${OWN}|[\n\t]|${CONTROLS}|${DECEIVING}`, "gu");

/** `text` as it may be written: control characters from outside are shown as `\u001b`, which JSON and quoted YAML read as the same text; our own sequences are what they are. For a terminal, characters that turn the reading order are shown, too. */
export function printable(text: string, { isTerminal }: { readonly isTerminal: boolean }): string {
  return text.replace(isTerminal ? FOR_PEOPLE : FOR_PROGRAMS, (found: string, parameter?: string, final?: string) =>
    final !== undefined ? `\u001b[${parameter}${final}` : found === "\r" ? "" : shown(found),
  );
}

/** `text` from outside as a part of one line, such as the cell of a table: line ends and tabs are shown, too. */
export function oneLine(text: string): string {
  return text.replace(IN_ONE_LINE, (found: string, _?: string, final?: string) => {
    if (final !== undefined) return found;
    return found === "\n" ? "\\n" : found === "\t" ? "\\t" : shown(found);
  });
}

function shown(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
