import { type Random, randomBelow, seededRandom } from "#/base/index.ts";

/** What a fuzz is asked for. Input number `n` is made from `n` alone, so that each one found can be tried again by itself. */
export interface FuzzOptions {
  readonly from: number;
  readonly count: number;
  /** Ends it early, with what was done until then. */
  readonly signal: AbortSignal;
  /** Told now and then. */
  readonly say?: (line: string) => void;
}

/** One input that something was wrong with. */
export interface FuzzFinding {
  readonly input: number;
  /** Which promise it breaks. */
  readonly oracle: string;
  readonly detail: string;
}

export interface FuzzReport {
  readonly inputs: number;
  /** The first fifty. */
  readonly findings: readonly FuzzFinding[];
  /** How many inputs there were of each class, for people. */
  readonly classes: Readonly<Record<string, number>>;
}

/** A target: `test/fuzz/NAME.ts` exports it as `fuzz`; `npm run fuzz -- NAME` runs it. */
export type Fuzz = (options: FuzzOptions) => Promise<FuzzReport>;

/** Dice of one input. */
export class Dice {
  readonly #random: Random;

  constructor(input: number) {
    this.#random = seededRandom(Math.imul(input, 0x9e3779b1) ^ (input >>> 7));
  }

  /** True in one of `of` cases. */
  oneIn(of: number): boolean {
    return randomBelow(this.#random, of) === 0;
  }

  below(limit: number): number {
    return limit <= 0 ? 0 : randomBelow(this.#random, limit);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}
