import { type Random, seededRandom } from "#/base/index.ts";

/** Repeatable choices. */
export class Dice {
  readonly random: Random;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.random.next() < probability;
  }

  /** Any number in [low, high). */
  between(low: number, high: number): number {
    return low + this.random.next() * (high - low);
  }

  /** A whole number in [low, high]. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.random.next() * (high - low + 1));
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError("nothing to pick from");
    return list[Math.floor(this.random.next() * list.length)] as T;
  }

  /** Dice of their own, so that what one part rolls does not change another's. */
  fork(): Dice {
    return new Dice(Math.floor(this.random.next() * 0x1_0000_0000));
  }
}
