import { Worker } from "node:worker_threads";
import { type Clock, describeError, type Log, OrreryError } from "#/base/index.ts";
import type { CallQuery, CallsFound } from "../core/query.ts";
import type { CallSettings } from "../core/settings.ts";
import type { FromRecorder, RecorderData, RecorderFigures, ToRecorder } from "./messages.ts";

const HEAP_MB = 128;
const YOUNG_MB = 8;
const ASK_MS_MAX = 10_000;
const ASKED_MAX = 8;
const BEGIN_ANEW_MS = 5_000;
/** Lines on their way to the thread; beyond, chunks are lost to it, and counted. They stand in the access log. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;
const END_MS = 3_000;
const LF = 10;

export interface RecorderOptions extends RecorderData {
  readonly clock: Clock;
  readonly log: Log;
  /** Traces of which other gateways are to keep everything. */
  readonly onNews: (traceIds: readonly string[]) => void;
}

/** What records calls, in a thread of its own, that begins with the first call or question. One that fails is begun anew. */
export class RecorderThread {
  readonly #options: RecorderOptions;
  #settings: CallSettings;
  #worker: Worker | undefined;
  #waitingBytes = 0;
  #lost = 0;
  #figures: RecorderFigures | undefined;
  #isEnding = false;
  #isFailed = false;
  #lastAsk = 0;
  readonly #asked = new Map<number, { readonly resolve: (found: CallsFound) => void; readonly reject: (error: Error) => void }>();

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#settings = options.settings;
  }

  /** Takes whole lines, as bytes that may change afterwards. */
  take(lines: Uint8Array): void {
    const worker = this.#begin();
    if (worker === undefined || this.#waitingBytes > WAITING_BYTES_MAX) {
      this.#lost += countLines(lines);
      return;
    }
    const copy = new Uint8Array(lines);
    this.#waitingBytes += copy.length;
    const message: ToRecorder = { lines: copy };
    worker.postMessage(message, [copy.buffer]);
  }

  set settings(settings: CallSettings) {
    this.#settings = settings;
    this.#post({ settings });
  }

  want(traceIds: readonly string[]): void {
    this.#post({ want: traceIds });
  }

  /** @throws calls/busy (backoff) */
  find(query: CallQuery): Promise<CallsFound> {
    const worker = this.#begin();
    const { clock } = this.#options;
    if (worker === undefined || this.#asked.size >= ASKED_MAX)
      return Promise.reject(
        new OrreryError("calls/busy", "what records calls has too much to do, or has just begun anew: ask again in a moment", { retry: "backoff" }),
      );
    this.#lastAsk += 1;
    const ask = this.#lastAsk;
    return new Promise((resolve, reject) => {
      const cancel = clock.after(
        ASK_MS_MAX,
        () => {
          this.#asked.delete(ask);
          reject(new OrreryError("calls/busy", "calls were looked through for too long: ask for a shorter time", { retry: "backoff" }));
        },
        { background: true },
      );
      this.#asked.set(ask, {
        resolve: (found) => {
          cancel();
          resolve(found);
        },
        reject: (error) => {
          cancel();
          reject(error);
        },
      });
      this.#post({ ask, find: query });
    });
  }

  figures(): RecorderFigures | undefined {
    return this.#figures === undefined ? undefined : { ...this.#figures, lost: this.#figures.lost + this.#lost };
  }

  /** Seals what is in memory, and ends. */
  async close(): Promise<void> {
    this.#isEnding = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    this.#post({ end: true });
    const cancel = this.#options.clock.after(END_MS, () => void worker.terminate(), { background: true });
    await ended;
    cancel();
  }

  #begin(): Worker | undefined {
    if (this.#worker !== undefined || this.#isEnding || this.#isFailed) return this.#worker;
    const { folder, accessLogFile, host, log, clock } = this.#options;
    const workerData: RecorderData = { folder, accessLogFile, host, settings: this.#settings };
    const worker = new Worker(new URL("./recorder-worker.ts", import.meta.url), {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: YOUNG_MB },
    });
    worker.on("message", (message: FromRecorder) => this.#take(message));
    worker.on("error", (error) => log.error(`what records calls has failed and is begun anew: ${describeError(error)}`));
    worker.on("exit", () => {
      this.#worker = undefined;
      this.#waitingBytes = 0;
      for (const { reject } of this.#asked.values())
        reject(new OrreryError("calls/busy", "what records calls has just ended: ask again in a moment", { retry: "backoff" }));
      this.#asked.clear();
      // What failed once begins anew, but not with each call.
      this.#isFailed = true;
      clock.after(
        BEGIN_ANEW_MS,
        () => {
          this.#isFailed = false;
        },
        { background: true },
      );
    });
    this.#worker = worker;
    return worker;
  }

  #post(message: ToRecorder): void {
    this.#worker?.postMessage(message);
  }

  #take(message: FromRecorder): void {
    if ("taken" in message) this.#waitingBytes -= message.taken;
    else if ("log" in message) this.#options.log[message.log.level](message.log.message);
    else if ("figures" in message) this.#figures = message.figures;
    else if ("news" in message) this.#options.onNews(message.news);
    else {
      const asked = this.#asked.get(message.answer);
      this.#asked.delete(message.answer);
      if ("failure" in message) asked?.reject(new OrreryError("calls/busy", message.failure, { retry: "backoff" }));
      else asked?.resolve(message.found);
    }
  }
}

function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === LF) count++;
  return count;
}
