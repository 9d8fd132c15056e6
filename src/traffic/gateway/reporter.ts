import type { Clock } from "#/base/index.ts";

const TICK_MS = 250;
/** Without news a report still comes this often: it is the sign of life of the counts. */
const QUIET_MS = 2000;

/** Decides when to report: every 250 ms while something changes, every 2 s otherwise, and at once when asked. `send` returns false when the report could not leave; it is then tried at the next tick, with the sums of both. */
export class Reporter {
  readonly #clock: Clock;
  readonly #hasNews: () => boolean;
  readonly #send: () => boolean;
  #lastMs = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(options: { readonly clock: Clock; readonly hasNews: () => boolean; readonly send: () => boolean }) {
    this.#clock = options.clock;
    this.#hasNews = options.hasNews;
    this.#send = options.send;
  }

  start(): void {
    this.#cancel = this.#clock.after(TICK_MS, () => this.#tick(), { background: true });
  }

  #tick(): void {
    if (this.#hasNews() || this.#clock.monotonic() - this.#lastMs >= QUIET_MS) this.now();
    this.start();
  }

  /** Reports at once. */
  now(): void {
    if (this.#send()) this.#lastMs = this.#clock.monotonic();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
