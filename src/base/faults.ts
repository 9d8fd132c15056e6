import { describeError } from "./errors.ts";
import type { Log } from "./log.ts";

/** What was not foreseen: exceptions that came as far as the guard around a unit of work (a check, a script, a message, a turn of one instance). The unit ends; the process goes on. Each is logged with its stack, and counted. */
export class Faults {
  readonly #log: Log;
  readonly #onFault: () => void;
  #count = 0;
  #last: string | undefined;

  /** `onFault` is told of each, once it is counted. */
  constructor(log: Log, onFault: () => void = () => undefined) {
    this.#log = log;
    this.#onFault = onFault;
  }

  get count(): number {
    return this.#count;
  }

  /** For people: in which unit, and what. */
  get last(): string | undefined {
    return this.#last;
  }

  /** Notes an exception of `unit`. Never throws. */
  note(unit: string, error: unknown): void {
    this.#count++;
    this.#last = `${unit}: ${describeError(error)}`;
    try {
      this.#log.error(`a fault of Orrery's own in ${this.#last}; only that ends`, {
        count: this.#count,
        stack: error instanceof Error ? error.stack : undefined,
      });
      this.#onFault();
    } catch {
      // Whoever cannot be told is not told.
    }
  }

  /** Does `work`; an exception, also one of a promise, is noted, and `undefined` returned. */
  guard<T>(unit: string, work: () => T): T | undefined {
    try {
      const result = work();
      if (result instanceof Promise) return result.catch((error: unknown) => this.note(unit, error)) as T;
      return result;
    } catch (error) {
      this.note(unit, error);
      return undefined;
    }
  }
}
