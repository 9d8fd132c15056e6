import type { SatRec } from "satellite.js";

/** Elements as a file has them. */
export interface ElementSet {
  readonly where: string;
  readonly name: string;
  readonly catalogNumber: number;
  readonly designator: string;
  readonly record: SatRec;
}

/** An element set that is not used. */
export interface Skipped {
  /** Such as `line 7` or `set 3 (ISS)`. */
  readonly where: string;
  readonly why: string;
}
