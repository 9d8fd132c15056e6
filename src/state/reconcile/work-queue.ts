import { type BackoffOptions, backoffDelayMs, type Clock, type Random } from "#/base/index.ts";

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Delay of a key that keeps failing; default 50 ms to 30 s. */
  readonly backoff?: BackoffOptions;
}

/** Keys that wait to be worked on. A key is in it at most once, and never handed out twice at the same time: added while it is worked on, it comes again afterwards. */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #backoff: BackoffOptions;
  readonly #waiting = new Set<string>();
  readonly #active = new Set<string>();
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, { atMs: number; cancel: () => void }>();
  #wake: (() => void)[] = [];
  #isClosed = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#backoff = options.backoff ?? { firstMs: 50, maxMs: 30_000 };
  }

  /** Keys that are ready, worked on, or wait for their time. */
  get size(): number {
    return this.#waiting.size + this.#active.size + this.#timers.size;
  }

  /** Makes `key` ready now. */
  add(key: string): void {
    if (this.#isClosed) return;
    this.#timers.get(key)?.cancel();
    this.#timers.delete(key);
    if (this.#active.has(key)) {
      this.#again.add(key);
      return;
    }
    this.#waiting.add(key);
    this.#wake.shift()?.();
  }

  /** Makes `key` ready after `delayMs`; an earlier time already set stays. */
  addAfter(key: string, delayMs: number): void {
    if (this.#isClosed || this.#waiting.has(key)) return;
    if (delayMs <= 0) return this.add(key);
    const atMs = this.#clock.monotonic() + delayMs;
    const former = this.#timers.get(key);
    if (former !== undefined && former.atMs <= atMs) return;
    former?.cancel();
    const cancel = this.#clock.after(
      delayMs,
      () => {
        this.#timers.delete(key);
        this.add(key);
      },
      { background: true },
    );
    this.#timers.set(key, { atMs, cancel });
  }

  /** The next ready key, waiting for one; `undefined` after `close`. Must be followed by `done` or `failed` for it. */
  async take(): Promise<string | undefined> {
    for (;;) {
      if (this.#isClosed) return undefined;
      const [key] = this.#waiting;
      if (key !== undefined) {
        this.#waiting.delete(key);
        this.#active.add(key);
        return key;
      }
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** The work on `key` succeeded: its failures are forgotten. */
  done(key: string): void {
    this.#failures.delete(key);
    this.#release(key);
  }

  /** The work on `key` failed: it comes again after a growing delay. Returns the failures in a row. */
  failed(key: string): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const again = this.#again.delete(key);
    this.#active.delete(key);
    // A change that came meanwhile does not skip the delay: a key that fails at each of many changes would spin.
    if (again || !this.#isClosed) this.addAfter(key, backoffDelayMs(this.#backoff, failures, this.#random));
    return failures;
  }

  close(): void {
    this.#isClosed = true;
    for (const { cancel } of this.#timers.values()) cancel();
    this.#timers.clear();
    for (const wake of this.#wake) wake();
    this.#wake = [];
  }

  #release(key: string): void {
    this.#active.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }
}
