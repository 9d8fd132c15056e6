import type { Clock, LastGuard } from "#/base/index.ts";
import type { Awaited } from "./silence.ts";

/** Something that must not last for ever. */
export interface Bounded {
  /** Looks whether its time is over at `nowMs` (monotonic), and acts. */
  expire(nowMs: number): void;
  /** Its place in the list; kept by `Deadlines`. */
  deadlineIndex?: number;
  /** Whose answer is waited for, where that has not begun. */
  readonly awaited?: Awaited | undefined;
}

const TICK_MS = 50;

/** Watches the time limits of all that is under way, by looking at each every 50 ms: cheaper for short requests than a timer each. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #guard: LastGuard;
  readonly #open: Bounded[] = [];
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, guard: LastGuard) {
    this.#clock = clock;
    this.#guard = guard;
  }

  get size(): number {
    return this.#open.length;
  }

  /** All that is under way. */
  get open(): readonly Bounded[] {
    return this.#open;
  }

  add(one: Bounded): void {
    one.deadlineIndex = this.#open.push(one) - 1;
    this.#cancel ??= this.#clock.after(TICK_MS, () => this.#tick(), { background: true });
  }

  /** Nothing happens if it is not in the list. */
  delete(one: Bounded): void {
    const index = one.deadlineIndex;
    if (index === undefined || this.#open[index] !== one) return;
    const last = this.#open.pop() as Bounded;
    if (last === one) return;
    this.#open[index] = last;
    last.deadlineIndex = index;
  }

  #tick(): void {
    this.#cancel = undefined;
    const nowMs = this.#clock.monotonic();
    // One whose look fails is looked at no more: it would fail again.
    for (const one of [...this.#open])
      this.#guard.run(
        "time limit",
        () => one.expire(nowMs),
        () => this.delete(one),
      );
    if (this.#open.length > 0) this.#cancel = this.#clock.after(TICK_MS, () => this.#tick(), { background: true });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
