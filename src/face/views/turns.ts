import { setImmediate } from "node:timers/promises";
import type { Clock } from "#/base/index.ts";

/** Work of consoles goes on for so long; then links, health and requests have their turn. */
const SLICE_MS = 8;

/** Measures one stretch of work that gives way to others. */
export class Turns {
  readonly #clock: Clock;
  #sliceMs: number;
  #workedMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sliceMs = clock.monotonic();
  }

  /** Time of the work itself, without what others did between. */
  get workedMs(): number {
    return this.#workedMs + this.#clock.monotonic() - this.#sliceMs;
  }

  /** Resolves when others have had their turn; `undefined`: it is not time yet. */
  readonly pause = (): Promise<void> | undefined => {
    if (this.#clock.monotonic() - this.#sliceMs < SLICE_MS) return undefined;
    return this.#giveWay();
  };

  async #giveWay(): Promise<void> {
    this.#workedMs += this.#clock.monotonic() - this.#sliceMs;
    await setImmediate();
    this.#sliceMs = this.#clock.monotonic();
  }
}
