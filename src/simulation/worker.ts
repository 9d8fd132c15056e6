import { isOrreryError } from "#/base/index.ts";
import type { Program, Routine } from "./program.ts";

/** As `reconcile/`'s controllers work: one run at a time for a key, a burst becomes one run, a failure comes again after a growing delay. */
export class Worker {
  readonly #program: Program;
  readonly #reconcile: (key: string) => Routine<number | undefined>;
  readonly #running = new Set<string>();
  readonly #dirty = new Set<string>();
  readonly #due = new Map<string, { readonly atMs: number; readonly cancel: () => void }>();
  readonly #failures = new Map<string, number>();

  /** `reconcile` gives the milliseconds after which to come again without a change, if it must. */
  constructor(program: Program, reconcile: (key: string) => Routine<number | undefined>) {
    this.#program = program;
    this.#reconcile = reconcile;
  }

  enqueue(key: string, delayMs = 0): void {
    const atMs = this.#program.monotonic() + delayMs;
    const due = this.#due.get(key);
    if (due !== undefined) {
      if (due.atMs <= atMs) return;
      due.cancel();
    }
    const cancel = this.#program.after(delayMs, () => {
      this.#due.delete(key);
      this.#start(key);
    });
    this.#due.set(key, { atMs, cancel });
  }

  #start(key: string): void {
    if (this.#running.has(key)) {
      this.#dirty.add(key);
      return;
    }
    this.#running.add(key);
    this.#program.spawn(this.#run(key));
  }

  *#run(key: string): Routine {
    let againMs: number | undefined;
    try {
      againMs = yield* this.#reconcile(key);
      this.#failures.delete(key);
    } catch (error) {
      if (!isOrreryError(error)) throw error;
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      againMs = Math.min(2000, 10 * 2 ** failures);
    }
    this.#running.delete(key);
    if (this.#dirty.delete(key)) this.enqueue(key);
    else if (againMs !== undefined) this.enqueue(key, againMs);
  }
}
