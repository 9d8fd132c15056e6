import { Worker } from "node:worker_threads";
import { type Clock, describeError, type Log, OrreryError } from "#/base/index.ts";
import type { AllTrapFigures, FromThread, ThreadSettings, ToThread, TrapQuery, TrapThreadData } from "./messages.ts";
import type { TrapRecord } from "./trap-record.ts";

const HEAP_MB = 96;
const YOUNG_MB = 8;
const ASK_MS_MAX = 10_000;
const ASKED_MAX = 100;
const BEGIN_ANEW_MS = 1_000;

export interface TrapThreadOptions extends TrapThreadData {
  readonly clock: Clock;
  readonly log: Log;
  readonly onListening: (listening: Extract<FromThread, { readonly listening: unknown }>["listening"]) => void;
  /** Traps that are followed, as they are kept. */
  readonly onTraps: (traps: readonly TrapRecord[]) => void;
  /** It began anew: some that were kept just before may not have been told. */
  readonly onGap: () => void;
}

/** The trap receiver in a thread of its own; one that fails is begun anew with the same settings. */
export class TrapThread {
  readonly #options: TrapThreadOptions;
  #worker: Worker | undefined;
  #settings: ThreadSettings | undefined;
  #followed: readonly string[] = [];
  #isEnding = false;
  #lastAsk = 0;
  readonly #asked = new Map<number, { readonly resolve: (answer: FromThread) => void; readonly reject: (error: Error) => void }>();

  constructor(options: TrapThreadOptions) {
    this.#options = options;
    this.#begin();
  }

  configure(settings: ThreadSettings): void {
    this.#settings = settings;
    this.#post({ settings });
  }

  /** Traps of these names are told as they are kept, in place of those that were followed before. */
  follow(names: readonly string[]): void {
    this.#followed = names;
    this.#post({ follow: names });
  }

  /** The newest first.
   *  @throws snmp/receiver-busy */
  async traps(query: TrapQuery): Promise<readonly TrapRecord[]> {
    const answer = await this.#ask((ask) => ({ ask, query }));
    return "records" in answer ? answer.records : [];
  }

  /** @throws snmp/receiver-busy */
  async figures(): Promise<AllTrapFigures | undefined> {
    const answer = await this.#ask((ask) => ({ ask, figures: true }));
    return "figures" in answer ? answer.figures : undefined;
  }

  async close(): Promise<void> {
    this.#isEnding = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    this.#post({ end: true });
    const cancel = this.#options.clock.after(2_000, () => void worker.terminate(), { background: true });
    await ended;
    cancel();
  }

  #begin(): void {
    const { folder, identity, host, log, clock } = this.#options;
    const workerData: TrapThreadData = { folder, identity, host };
    const worker = new Worker(new URL("./trap-worker.ts", import.meta.url), {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: YOUNG_MB },
    });
    worker.on("message", (message: FromThread) => this.#take(message));
    worker.on("error", (error) => log.error(`the trap receiver failed and is begun anew: ${describeError(error)}`));
    worker.on("exit", () => {
      this.#worker = undefined;
      for (const { reject } of this.#asked.values())
        reject(new OrreryError("snmp/receiver-busy", "the trap receiver has just ended", { retry: "backoff" }));
      this.#asked.clear();
      if (this.#isEnding) return;
      const again = (): void => {
        if (this.#isEnding) return;
        this.#begin();
        this.#options.onGap();
      };
      clock.after(BEGIN_ANEW_MS, again, { background: true });
    });
    this.#worker = worker;
    if (this.#followed.length > 0) this.#post({ follow: this.#followed });
    if (this.#settings !== undefined) this.#post({ settings: this.#settings });
  }

  #post(message: ToThread): void {
    this.#worker?.postMessage(message);
  }

  #take(message: FromThread): void {
    if ("log" in message) return this.#options.log[message.log.level](message.log.message);
    if ("listening" in message) return this.#options.onListening(message.listening);
    if ("traps" in message) return this.#options.onTraps(message.traps);
    const asked = this.#asked.get(message.answer);
    this.#asked.delete(message.answer);
    if ("failure" in message) asked?.reject(new OrreryError("snmp/receiver-busy", message.failure, { retry: "backoff" }));
    else asked?.resolve(message);
  }

  #ask(make: (ask: number) => ToThread): Promise<FromThread> {
    const busy = (): OrreryError =>
      new OrreryError("snmp/receiver-busy", "the trap receiver does not answer now; ask again in a moment", { retry: "backoff" });
    if (this.#worker === undefined || this.#asked.size >= ASKED_MAX) return Promise.reject(busy());
    this.#lastAsk += 1;
    const ask = this.#lastAsk;
    return new Promise((resolve, reject) => {
      const cancel = this.#options.clock.after(
        ASK_MS_MAX,
        () => {
          this.#asked.delete(ask);
          reject(busy());
        },
        { background: true },
      );
      this.#asked.set(ask, {
        resolve: (answer) => {
          cancel();
          resolve(answer);
        },
        reject: (error) => {
          cancel();
          reject(error);
        },
      });
      this.#post(make(ask));
    });
  }
}
