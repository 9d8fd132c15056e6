import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { describeError, type Log } from "#/base/index.ts";
import type { LogForwarding } from "#/model/index.ts";
import { replaceFile } from "#/work/process/index.ts";

interface Present {
  readonly forwarding: LogForwarding;
  /** Since when it goes there. */
  readonly sinceMs: number;
}

/** Where lines go, as the centre said last: kept on disk, so that it goes on without the centre. */
export class ForwardSettings {
  readonly #file: string;
  readonly #log: Log;
  #present: Present | undefined;

  constructor(file: string, log: Log) {
    this.#file = file;
    this.#log = log;
    try {
      this.#present = (JSON.parse(readFileSync(file, "utf8")) as Present | null) ?? undefined;
    } catch {
      // Not there, or half: the centre says it again.
    }
  }

  get present(): Present | undefined {
    return this.#present;
  }

  set(forwarding: LogForwarding | undefined, nowMs: number): void {
    if (isDeepStrictEqual(forwarding, this.#present?.forwarding)) return;
    // Another place is told what comes; who was told before goes on.
    this.#present = forwarding === undefined ? undefined : { forwarding, sinceMs: this.#present?.sinceMs ?? nowMs };
    try {
      replaceFile(this.#file, `${JSON.stringify(this.#present ?? null)}\n`);
    } catch (error) {
      this.#log.warn(`logs: where lines are forwarded cannot be kept: ${describeError(error)}`);
    }
  }
}
