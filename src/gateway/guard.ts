import { describeError, type Log } from "#/base/index.ts";

/** After so many in one minute further faults are counted, but not logged with their stacks. */
const LOGGED_MAX = 20;

/** The last guard: what throws where nothing should ends its own exchange, connection or check, never the process. It is logged with its stack and counted. */
export class Guard {
  readonly #log: Log;
  readonly #now: () => number;
  #count = 0;
  #minute = -1;
  #inMinute = 0;

  /** `now`: monotonic ms. */
  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** Faults since the start. */
  get count(): number {
    return this.#count;
  }

  /** `what` was being done when `error` was thrown. */
  note(what: string, error: unknown): void {
    this.#count++;
    const minute = Math.floor(this.#now() / 60_000);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#inMinute = 0;
    }
    if (++this.#inMinute > LOGGED_MAX) return;
    this.#log.error("a fault of this program; what it met is ended, everything else goes on", {
      what,
      error: describeError(error),
      stack: error instanceof Error ? error.stack : undefined,
      faults: this.#count,
    });
  }

  /** Runs `work`; what it throws is noted, then given to `end`, which ends what `work` was for. */
  run(what: string, work: () => void, end?: (error: unknown) => void): void {
    try {
      work();
    } catch (error) {
      this.note(what, error);
      if (end === undefined) return;
      try {
        end(error);
      } catch (second) {
        this.note(`${what}: its end`, second);
      }
    }
  }
}
