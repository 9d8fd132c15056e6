import { type Clock, describeError, isOrreryError, OrreryError } from "#/base/index.ts";
import { formatDuration } from "#/model/index.ts";
import type { Terminal } from "./terminal.ts";

/** A centre that is away for longer does not come back by itself. */
export const AWAY_MS = 60_000;

/** Asks a centre that may be away for a while: one that ends is started again by its supervisor. */
export class Patience {
  readonly #terminal: Pick<Terminal, "progress">;
  readonly #clock: Clock;
  readonly #awayMs: number;
  #awaySinceMs: number | undefined;

  /** `awayMs`: after so long it is given up. */
  constructor({ terminal, clock }: { readonly terminal: Pick<Terminal, "progress">; readonly clock: Clock }, awayMs: number) {
    this.#terminal = terminal;
    this.#clock = clock;
    this.#awayMs = awayMs;
  }

  /** What `read` gives; `undefined` while the centre does not answer: it is said, in place, and the caller asks again later. Every other failure is passed on. `read` must be free to be done twice.
   *  @throws client/unavailable: the centre has been away for too long */
  async ask<T extends object>(read: () => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await read();
      if (this.#awaySinceMs !== undefined) this.#terminal.progress("the centre answers again");
      this.#awaySinceMs = undefined;
      return answer;
    } catch (error) {
      if (!isOrreryError(error) || error.retry !== "backoff") throw error;
      this.#awaySinceMs ??= this.#clock.monotonic();
      if (this.#clock.monotonic() - this.#awaySinceMs >= this.#awayMs)
        throw new OrreryError("client/unavailable", `the centre has not answered for ${formatDuration(this.#awayMs)}: ${describeError(error)}`, {
          retry: "backoff",
          cause: error,
        });
      const limit = Number.isFinite(this.#awayMs) ? `, ${formatDuration(this.#awayMs)} at most` : "; Ctrl-C ends";
      this.#terminal.progress(`the centre does not answer; trying again${limit}`);
      return undefined;
    }
  }
}
