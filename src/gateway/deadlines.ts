import type { Clock } from "#/base/index.ts";

/** Something that must not last for ever. */
export interface Bounded {
  /** Looks whether its time is over at `nowMs` (monotonic), and acts. */
  expire(nowMs: number): void;
}

const TICK_MS = 50;

/** Watches the time limits of all that is under way, by looking at each every 50 ms: cheaper for short requests than a timer each. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #open = new Set<Bounded>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#open.size;
  }

  add(one: Bounded): void {
    this.#open.add(one);
    this.#cancel ??= this.#clock.after(TICK_MS, () => this.#tick(), { background: true });
  }

  delete(one: Bounded): void {
    this.#open.delete(one);
  }

  #tick(): void {
    this.#cancel = undefined;
    const nowMs = this.#clock.monotonic();
    for (const one of this.#open) one.expire(nowMs);
    if (this.#open.size > 0) this.#cancel = this.#clock.after(TICK_MS, () => this.#tick(), { background: true });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
