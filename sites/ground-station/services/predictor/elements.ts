import { readFileSync } from "node:fs";
import { type SatRec, twoline2satrec } from "satellite.js";

/** One satellite of the elements file. */
export interface Satellite {
  readonly name: string;
  readonly catalogNumber: number;
  /** As launched: year, launch of the year, piece, such as 1998-067A. */
  readonly designator: string;
  readonly epoch: Date;
  readonly record: SatRec;
}

export interface Catalogue {
  readonly satellites: readonly Satellite[];
  /** By catalogue number, name, name before the parenthesis, or name in it; letters' case, spaces and hyphens do not matter. */
  find(wanted: string): Satellite | undefined;
}

/** Reads a file of two-line elements (name, line 1, line 2; `#` comments). Throws with line number and cause if a set is damaged. */
export function loadCatalogue(path: string): Catalogue {
  return parseCatalogue(readFileSync(path, "utf8"));
}

export function parseCatalogue(text: string): Catalogue {
  const lines = text
    .split(/\r?\n/)
    .map((line, index) => ({ text: line.trimEnd(), number: index + 1 }))
    .filter((line) => line.text !== "" && !line.text.startsWith("#"));
  const satellites: Satellite[] = [];
  const byKey = new Map<string, Satellite>();
  for (let index = 0; index < lines.length; index += 3) {
    const [name, one, two] = lines.slice(index, index + 3);
    if (name === undefined || one === undefined || two === undefined)
      throw new Error(`line ${name?.number}: a set of three lines (name, line 1, line 2) is cut short`);
    checkLine(one.text, "1", one.number);
    checkLine(two.text, "2", two.number);
    if (one.text.slice(2, 7) !== two.text.slice(2, 7))
      throw new Error(`line ${two.number}: line 2 is of satellite ${two.text.slice(2, 7)}, line 1 of ${one.text.slice(2, 7)}`);
    const satellite = toSatellite(name.text.trim(), one.text, two.text);
    satellites.push(satellite);
    for (const key of keysOf(satellite)) byKey.set(key, satellite);
  }
  if (satellites.length === 0) throw new Error("the file has no element set");
  return { satellites, find: (wanted) => byKey.get(normalise(wanted)) };
}

/** Length, number and checksum (sum of digits, a minus counting 1, modulo 10) of one line. */
function checkLine(line: string, first: string, number: number): void {
  if (line.length !== 69 || !line.startsWith(`${first} `))
    throw new Error(`line ${number}: expected line ${first} of a set, 69 characters long; found ${line.length} characters: "${line.slice(0, 20)}…"`);
  let sum = 0;
  for (const character of line.slice(0, 68)) sum += character === "-" ? 1 : Number.parseInt(character, 10) || 0;
  if (String(sum % 10) !== line[68]) throw new Error(`line ${number}: its checksum is ${line[68]}, its digits give ${sum % 10}; the line is damaged`);
}

function toSatellite(name: string, one: string, two: string): Satellite {
  const record = twoline2satrec(one, two);
  const launched = one.slice(9, 17).trim();
  const year = Number(launched.slice(0, 2));
  return {
    name,
    catalogNumber: Number(one.slice(2, 7)),
    designator: `${year < 57 ? 2000 + year : 1900 + year}-${launched.slice(2)}`,
    epoch: new Date((record.jdsatepoch - 2_440_587.5) * 86_400_000),
    record,
  };
}

function keysOf(satellite: Satellite): string[] {
  const parts = /^(.*?)\s*\((.*)\)$/.exec(satellite.name);
  return [satellite.name, parts?.[1], parts?.[2], String(satellite.catalogNumber)].filter((key) => key !== undefined).map(normalise);
}

function normalise(name: string): string {
  return name.toUpperCase().replaceAll(/[\s\-_()]/g, "");
}
