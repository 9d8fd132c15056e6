import { type ErrorCode, isOrreryError } from "#/base/index.ts";
import type { TableDistribution } from "#/traffic/routing/distribution/index.ts";
import type { Caches, Copies } from "./copies.ts";
import type { Dice } from "./dice.ts";
import type { Program, Routine } from "./program.ts";
import type { Setting } from "./setting.ts";

/** What the controllers of a leader work with, from when it has taken the lead. */
export interface Term {
  readonly setting: Setting;
  readonly program: Program;
  readonly dice: Dice;
  readonly epoch: number;
  readonly caches: Caches;
  /** The same, for code of the product. */
  readonly copies: Copies;
  readonly distribution: TableDistribution;
  /** A request to the store; what is on its way when this process dies arrives or not. */
  ask<T>(act: () => T): Routine<T>;
}

/** Does `work`; that it fails with `code` does not matter. */
export function* tolerating(code: ErrorCode, work: Routine<unknown>): Routine {
  try {
    yield* work;
  } catch (error) {
    if (!isOrreryError(error, code)) throw error;
  }
}
