import { OrreryError } from "#/base/index.ts";
import type { SampleBudget } from "../promql/sample-source.ts";

export interface QueryBudgetOptions {
  readonly samplesMax: number;
  readonly deadlineMs: number;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  readonly signal?: AbortSignal | undefined;
  /** Resolves when others had their turn. */
  readonly turn: () => Promise<void>;
}

/** So long a question works before others have a turn. */
const SLICE_MS = 10;
/** The clock is looked at once in so many calls. */
const CALLS = 32;
const WARNINGS_MAX = 20;

/** What one question may cost: samples, time, and how long at a stretch. */
export class QueryBudget implements SampleBudget {
  readonly #options: QueryBudgetOptions;
  readonly warnings: string[] = [];
  #samples = 0;
  #calls = 0;
  #sliceEndMs: number;

  constructor(options: QueryBudgetOptions) {
    this.#options = options;
    this.#sliceEndMs = options.nowMs() + SLICE_MS;
  }

  get samples(): number {
    return this.#samples;
  }

  take(samples: number): void {
    this.#samples += samples;
    const { samplesMax } = this.#options;
    if (this.#samples > samplesMax)
      throw new OrreryError(
        "series/too-large",
        `the question reads more than ${samplesMax} samples: ask for a shorter time, fewer series, or a coarser resolution`,
        {
          details: { samplesMax },
        },
      );
  }

  warn(text: string): void {
    if (this.warnings.length < WARNINGS_MAX && !this.warnings.includes(text)) this.warnings.push(text);
  }

  pause(): Promise<void> | undefined {
    this.#calls += 1;
    if (this.#calls % CALLS !== 0) return undefined;
    const { nowMs, deadlineMs, signal, turn } = this.#options;
    const now = nowMs();
    if (now < this.#sliceEndMs && signal?.aborted !== true) return undefined;
    if (signal?.aborted === true) throw new OrreryError("series/cancelled", "the question was given up by who asked it");
    if (now > deadlineMs)
      throw new OrreryError("series/timeout", "the question took longer than it may: ask for a shorter time, fewer series, or a coarser resolution");
    return turn().then(() => {
      this.#sliceEndMs = nowMs() + SLICE_MS;
    });
  }
}
