import type { Clock } from "./clock.ts";
import { describeError } from "./errors.ts";
import type { Log } from "./log.ts";

export interface LastGuardOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the process: called once, when more was caught within a minute than `minuteMax` (default 100). Its parent starts it anew. */
  readonly giveUp: () => void;
  readonly minuteMax?: number;
  /** Told of each, once it is counted. */
  readonly onCaught?: () => void;
}

/** In a minute; further ones are counted. */
const LOGGED_MINUTE_MAX = 20;

/** Takes what a unit of work (one request, one watch, one message of a link, one reconcile) throws where nobody expects it: the unit ends, the process goes on. Each is logged with its stack and counted by unit. */
export class LastGuard {
  readonly #options: LastGuardOptions;
  readonly #counts = new Map<string, number>();
  #minuteBeganMs: number;
  #inMinute = 0;
  #hasGivenUp = false;
  #last: string | undefined;

  constructor(options: LastGuardOptions) {
    this.#options = options;
    this.#minuteBeganMs = options.clock.monotonic();
  }

  /** How often something was caught, by unit. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** For people: in which unit the last one was caught, and what. */
  get last(): string | undefined {
    return this.#last;
  }

  /** `unit` is one of a few words, such as `request`; `of`: which one. */
  caught(unit: string, error: unknown, of?: string): void {
    const { clock, log, giveUp, minuteMax = 100, onCaught } = this.#options;
    this.#counts.set(unit, (this.#counts.get(unit) ?? 0) + 1);
    this.#last = `${unit}${of === undefined ? "" : ` ${of}`}: ${describeError(error)}`;
    try {
      onCaught?.();
    } catch {
      // Whoever cannot be told is not told.
    }
    if (clock.monotonic() - this.#minuteBeganMs > 60_000) {
      this.#minuteBeganMs = clock.monotonic();
      this.#inMinute = 0;
    }
    this.#inMinute += 1;
    if (this.#inMinute > LOGGED_MINUTE_MAX && this.#inMinute <= minuteMax) return;
    log.error(`a ${unit} failed in a way that nobody expected; it alone was ended`, {
      unit,
      ...(of === undefined ? {} : { of }),
      error: describeError(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
    if (this.#inMinute <= minuteMax || this.#hasGivenUp) return;
    this.#hasGivenUp = true;
    log.error(`more than ${minuteMax} of these within a minute: the process ends, to begin again`);
    giveUp();
  }

  /** How often something was caught in all. */
  get count(): number {
    let count = 0;
    for (const one of this.#counts.values()) count += one;
    return count;
  }

  /** Runs `work`; what it throws is caught, and `end`, if there is one, ends what `work` was for. */
  run(unit: string, work: () => void, end?: () => void, of?: string): void {
    try {
      work();
    } catch (error) {
      this.caught(unit, error, of);
      if (end !== undefined) this.run(unit, end);
    }
  }

  /** From now on also takes what no unit has caught: exceptions of callbacks, promises that nobody waits for. Returns what ends it. */
  watchProcess(): () => void {
    const onException = (error: unknown): void => this.caught("callback", error);
    const onRejection = (error: unknown): void => this.caught("promise", error);
    process.on("uncaughtException", onException).on("unhandledRejection", onRejection);
    return () => {
      process.off("uncaughtException", onException).off("unhandledRejection", onRejection);
    };
  }
}
