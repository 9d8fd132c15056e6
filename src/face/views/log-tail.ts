import { type Clock, describeError } from "#/base/index.ts";
import type { LogRow } from "./protocol.ts";

/** Lines are told so often. */
const TELL_MS = 250;
const GATHER_MS = 50;
/** Lines that wait to be told; then the log is read no further. */
const WAITING_MAX = 2_000;
const MESSAGE_LINES_MAX = 1_000;

export interface LogTailOptions {
  readonly lines: AsyncIterable<readonly LogRow[]>;
  readonly clock: Clock;
  /** False: the client is behind; asked again later. */
  readonly mayTell: () => boolean;
  readonly tell: (message: { readonly rev: number; readonly fresh?: boolean; readonly lines: readonly LogRow[]; readonly isOver?: boolean }) => void;
}

/** Tells the lines of a log to one client, no faster than it takes them: what waits is bounded, and the rest stays where it is written. */
export class LogTail {
  readonly #options: LogTailOptions;
  readonly #waiting: LogRow[] = [];
  #wake: () => void = () => {};
  #cancel: () => void = () => {};
  #rev = 0;
  #isOver = false;
  #isToldOver = false;
  #isEnded = false;

  constructor(options: LogTailOptions) {
    this.#options = options;
    this.#tell();
    void this.#read();
  }

  get rev(): number {
    return this.#rev;
  }

  end(): void {
    this.#isEnded = true;
    this.#cancel();
    this.#wake();
  }

  async #read(): Promise<void> {
    try {
      for await (const lines of this.#options.lines) {
        if (this.#isEnded) return;
        this.#waiting.push(...lines);
        while (this.#waiting.length >= WAITING_MAX && !this.#isEnded) await new Promise<void>((resolve) => (this.#wake = resolve));
      }
      this.#isOver = true;
    } catch (error) {
      if (this.#isEnded) return;
      // What was read before it failed is told first.
      this.#waiting.push({ instance: "", text: `(cannot be read: ${describeError(error)})` });
      this.#isOver = true;
    }
  }

  #tell(): void {
    const { clock, mayTell, tell } = this.#options;
    if (this.#isEnded) return;
    this.#cancel = clock.after(this.#rev === 0 ? GATHER_MS : TELL_MS, () => this.#tell(), { background: true });
    if (!mayTell()) return;
    const lines = this.#waiting.splice(0, MESSAGE_LINES_MAX);
    const isOver = this.#isOver && this.#waiting.length === 0 && !this.#isToldOver;
    if (lines.length === 0 && !isOver && this.#rev > 0) return;
    this.#rev += 1;
    this.#isToldOver ||= isOver;
    tell({ rev: this.#rev, ...(this.#rev === 1 && { fresh: true }), lines, ...(isOver && { isOver }) });
    if (this.#isToldOver) this.#cancel();
    if (this.#waiting.length < WAITING_MAX) this.#wake();
  }
}
