import { backoffDelayMs, type Clock, type Random } from "#/base/index.ts";

const BACKOFF = { firstMs: 500, maxMs: 10_000 };

/** Writes what an agent must not forget of one instance. A full disk must not end what runs: what could not be written is tried again, with growing delays, until it is written or something newer takes its place. */
export class RecordWriter {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #onFailure: (what: string, error: unknown) => void;
  /** By record: what cancels the next try, and how many have failed in a row. */
  readonly #unwritten = new Map<string, { readonly cancel: () => void; readonly failures: number }>();

  /** `onFailure` is told of each try that failed. */
  constructor(options: { readonly clock: Clock; readonly random: Random; readonly onFailure: (what: string, error: unknown) => void }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#onFailure = options.onFailure;
  }

  /** Writes the record `what` at once if that can be done, else as soon as it can; then calls `onWritten`. A former write of it that is still tried is given up. */
  write(what: string, write: () => void, onWritten: () => void = () => {}): void {
    const before = this.#unwritten.get(what);
    before?.cancel();
    try {
      write();
    } catch (error) {
      const failures = (before?.failures ?? 0) + 1;
      const delayMs = backoffDelayMs(BACKOFF, failures, this.#random);
      const cancel = this.#clock.after(delayMs, () => this.write(what, write, onWritten), { background: true });
      this.#unwritten.set(what, { cancel, failures });
      return this.#onFailure(what, error);
    }
    this.#unwritten.delete(what);
    onWritten();
  }

  /** Nothing is tried any more. */
  end(): void {
    for (const one of this.#unwritten.values()) one.cancel();
    this.#unwritten.clear();
  }
}
