import { readFileSync } from "node:fs";
import type { SatRec } from "satellite.js";
import type { ElementSet, Skipped } from "./element-set.ts";
import { readOmm } from "./omm.ts";
import { readTle } from "./tle.ts";

/** One satellite of the elements file. */
export interface Satellite {
  readonly name: string;
  readonly catalogNumber: number;
  /** As launched: year, launch of the year, piece, such as 1998-067A. Empty where the elements do not say it. */
  readonly designator: string;
  readonly epoch: Date;
  readonly record: SatRec;
}

/** What a search has found: the one satellite, none, or several that may be meant. */
export type Found = { readonly satellite: Satellite } | { readonly candidates: readonly Satellite[] };

export interface Catalogue {
  readonly satellites: readonly Satellite[];
  readonly skipped: readonly Skipped[];
  /** By catalogue number, designator or whole name; else by the name before the parenthesis or in it. Letters' case, spaces and hyphens do not matter. */
  find(wanted: string): Found;
}

/** Reads a file of orbital elements: two-line elements with or without names, or OMM as JSON, CSV or XML (CCSDS 502.0-B). Sets that cannot be used are
 *  skipped and told. Throws when not one can be used. */
export function loadCatalogue(path: string): Catalogue {
  return parseCatalogue(readFileSync(path, "utf8"));
}

export function parseCatalogue(text: string): Catalogue {
  const sets = /^\s*(?:[[{<]|.*\bNORAD_CAT_ID\b)/.test(text) ? readOmm(text) : readTle(text);
  const skipped: Skipped[] = [];
  const newest = new Map<number, { readonly where: string; readonly satellite: Satellite }>();
  for (const one of sets) {
    if ("why" in one) {
      skipped.push(one);
      continue;
    }
    const why = whyUnusable(one);
    if (why !== undefined) {
      skipped.push({ where: one.where, why });
      continue;
    }
    const satellite = toSatellite(one);
    const former = newest.get(satellite.catalogNumber);
    if (former === undefined || former.satellite.epoch <= satellite.epoch) newest.set(satellite.catalogNumber, { where: one.where, satellite });
    const older = former === undefined ? undefined : former.satellite.epoch <= satellite.epoch ? former.where : one.where;
    if (older !== undefined) skipped.push({ where: older, why: `there are newer elements of satellite ${satellite.catalogNumber}` });
  }
  const satellites = [...newest.values()].map((one) => one.satellite);
  if (satellites.length === 0) {
    const [first] = skipped;
    throw new Error(
      first === undefined ? "the file has no element set" : `the file has no element set that can be used; ${first.where}: ${first.why}`,
    );
  }
  return { satellites, skipped, find: finderOf(satellites) };
}

/** SGP4 itself says which elements it can begin with. */
function whyUnusable({ record }: ElementSet): string | undefined {
  const { jdsatepoch, ecco, inclo, nodeo, argpo, mo, no, bstar } = record;
  if (![jdsatepoch, ecco, inclo, nodeo, argpo, mo, no, bstar].every(Number.isFinite)) return "one of its numbers cannot be read";
  return record.error === 0 ? undefined : `SGP4 refuses its elements (error ${record.error})`;
}

function toSatellite({ name, catalogNumber, designator, record }: ElementSet): Satellite {
  return { name, catalogNumber, designator, epoch: new Date(Math.round((record.jdsatepoch - 2_440_587.5) * 86_400_000)), record };
}

function finderOf(satellites: readonly Satellite[]): Catalogue["find"] {
  const whole = new Map<string, Set<Satellite>>();
  const parts = new Map<string, Set<Satellite>>();
  const add = (map: Map<string, Set<Satellite>>, key: string, satellite: Satellite): void => {
    const plain = normalise(key);
    if (plain === "") return;
    const set = map.get(plain) ?? new Set();
    map.set(plain, set.add(satellite));
  };
  for (const satellite of satellites) {
    for (const key of [satellite.name, satellite.designator, String(satellite.catalogNumber)]) add(whole, key, satellite);
    for (const key of /^(.*?)\s*\((.*)\)$/.exec(satellite.name)?.slice(1) ?? []) add(parts, key, satellite);
  }
  return (wanted) => {
    const found = [...(whole.get(normalise(wanted)) ?? parts.get(normalise(wanted)) ?? [])];
    return found.length === 1 ? { satellite: found[0] as Satellite } : { candidates: found };
  };
}

function normalise(name: string): string {
  return name.toUpperCase().replaceAll(/[\s\-_()]/g, "");
}
