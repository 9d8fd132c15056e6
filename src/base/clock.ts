/** Time as an argument, so that tests and the simulation can drive it. */
export interface Clock {
  /** Wall time in milliseconds since 1970, UTC. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. */
  monotonic(): number;
  /** Calls `callback` once after `delayMs`; returns what cancels it. Does not keep the process alive if `background`. */
  after(delayMs: number, callback: () => void, options?: { readonly background?: boolean }): () => void;
}

/** Node.js takes a longer one for 1 ms. Some 25 days. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback, options) {
    const partMs = Math.min(Math.max(0, delayMs), TIMER_MS_MAX);
    let cancelRest = (): void => clearTimeout(timer);
    const timer = setTimeout(() => {
      if (partMs >= delayMs) callback();
      else cancelRest = systemClock.after(delayMs - partMs, callback, options);
    }, partMs);
    if (options?.background === true) timer.unref();
    return () => cancelRest();
  },
};

/** `clock` with a wall time that goes on evenly from what it is now, whatever is done to the machine's: nothing that is measured by it is cut short or lasts for ever. `offByMs`: how far the machine's wall time is ahead of it by now. */
export function steadyClock(clock: Clock): Clock & { offByMs(): number } {
  const startMs = clock.now() - clock.monotonic();
  const now = (): number => startMs + clock.monotonic();
  return { now, monotonic: () => clock.monotonic(), after: (...timer) => clock.after(...timer), offByMs: () => clock.now() - now() };
}

/** Waits `delayMs` on `clock`; rejects with the signal's reason when aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** A clock that moves only when told. Timers fire in order of their time, then of their making. */
export class ManualClock implements Clock {
  #nowMs: number;
  #sequence = 0;
  readonly #startMs: number;
  readonly #timers: { atMs: number; sequence: number; callback: () => void }[] = [];

  constructor(startMs = 1_800_000_000_000) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs - this.#startMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), sequence: this.#sequence++, callback };
    this.#timers.push(timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index >= 0) this.#timers.splice(index, 1);
    };
  }

  /** When the next timer is due (wall time in ms), if there is one. */
  nextTimer(): number | undefined {
    return this.#timers.length === 0 ? undefined : Math.min(...this.#timers.map((timer) => timer.atMs));
  }

  /** Moves `byMs` ahead and fires what falls due on the way, also what those callbacks add. */
  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    for (;;) {
      this.#timers.sort((a, b) => a.atMs - b.atMs || a.sequence - b.sequence);
      const next = this.#timers[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#timers.shift();
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
    this.#nowMs = endMs;
  }
}
