import { Worker } from "node:worker_threads";
import { type Clock, OrreryError } from "#/base/index.ts";
import type { FieldPath, ReadText } from "./json.ts";

/** YAML costs fifty times as much to read as JSON: what is longer must come as JSON. */
export const YAML_BYTES_MAX: number = 1024 * 1024;

/** What the thread makes of a text. */
export type YamlAnswer = { readonly json: string; readonly duplicates: readonly FieldPath[] } | { readonly fault: string };

export interface YamlReaderOptions {
  readonly clock: Clock;
  /** For one text; default 15 s. */
  readonly timeoutMs?: number;
  /** Texts that may wait or be read at once; default 64, of one user 8. */
  readonly textsMax?: number;
  readonly textsOfOneMax?: number;
  /** Without work for so long, the thread ends; default a minute. */
  readonly idleMs?: number;
  /** The thread's program, for tests. */
  readonly program?: URL;
}

interface Job {
  readonly text: string;
  readonly user: string;
  resolve(answer: ReadText): void;
  reject(error: unknown): void;
}

/** Reads YAML in a thread of its own, one text after the other, so that no text holds up who shares the process. The thread starts with the first text; one that takes too long, or too much memory, is ended, and with it that text alone. */
export class YamlReader {
  readonly #options: Required<YamlReaderOptions>;
  readonly #waiting: Job[] = [];
  readonly #ofUser = new Map<string, number>();
  #worker: Worker | undefined;
  #job: Job | undefined;
  #cancelTimer: () => void = () => {};

  constructor(options: YamlReaderOptions) {
    this.#options = {
      timeoutMs: 15_000,
      textsMax: 64,
      textsOfOneMax: 8,
      idleMs: 60_000,
      program: new URL("./yaml-worker.ts", import.meta.url),
      ...options,
    };
  }

  /** The value of the one document in `text`, which `user` has sent; `null` where it is empty.
   *  @throws text/invalid: no YAML, more than one document, or what JSON cannot say
   *  @throws text/too-large: above 1 MiB, or it takes more time or memory than it may
   *  @throws text/busy (backoff): too many texts wait */
  read(text: string, user: string): Promise<ReadText> {
    const { textsMax, textsOfOneMax } = this.#options;
    if (Buffer.byteLength(text) > YAML_BYTES_MAX)
      return Promise.reject(new OrreryError("text/too-large", `it is YAML of more than ${YAML_BYTES_MAX} bytes (1 MiB); send it as JSON`));
    const own = this.#ofUser.get(user) ?? 0;
    if (own >= textsOfOneMax || this.#waiting.length >= textsMax)
      return Promise.reject(
        new OrreryError("text/busy", `${Math.max(own, this.#waiting.length)} YAML texts wait to be read already`, { retry: "backoff" }),
      );
    this.#ofUser.set(user, own + 1);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ text, user, resolve, reject });
      this.#next();
    });
  }

  /** Ends the thread; what waits is refused. */
  async close(): Promise<void> {
    const error = new OrreryError("text/busy", "the reader was closed", { retry: "backoff" });
    for (const job of this.#waiting.splice(0)) this.#settle(job, () => job.reject(error));
    const job = this.#job;
    this.#job = undefined;
    if (job !== undefined) this.#settle(job, () => job.reject(error));
    await this.#end();
  }

  #next(): void {
    if (this.#job !== undefined) return;
    this.#cancelTimer();
    const { clock, idleMs, timeoutMs } = this.#options;
    const job = this.#waiting.shift();
    if (job === undefined) {
      this.#cancelTimer = clock.after(idleMs, () => void this.#end(), { background: true });
      return;
    }
    this.#job = job;
    this.#worker ??= this.#start();
    this.#cancelTimer = clock.after(timeoutMs, () => this.#fail(`it takes longer than ${timeoutMs / 1_000} s to read as YAML; send it as JSON`), {
      background: true,
    });
    this.#worker.postMessage(job.text);
  }

  #start(): Worker {
    const worker = new Worker(this.#options.program, {
      resourceLimits: { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 },
    });
    worker.unref();
    worker.on("message", (answer: YamlAnswer) => {
      if (worker === this.#worker) this.#done(answer);
    });
    worker.on("error", (error: NodeJS.ErrnoException) => {
      if (worker !== this.#worker) return;
      this.#fail(
        error.code === "ERR_WORKER_OUT_OF_MEMORY"
          ? "it takes more memory to read as YAML than it may; send it as JSON"
          : `it cannot be read as YAML: ${error.message}`,
      );
    });
    return worker;
  }

  #done(answer: YamlAnswer): void {
    const job = this.#job;
    this.#job = undefined;
    if (job !== undefined)
      this.#settle(job, () => {
        if ("fault" in answer) job.reject(new OrreryError("text/invalid", `it is no YAML that can be kept: ${answer.fault}`));
        else job.resolve({ value: JSON.parse(answer.json), duplicates: answer.duplicates });
      });
    this.#next();
  }

  /** Gives up the text that is read, and the thread with it. */
  #fail(why: string): void {
    const job = this.#job;
    this.#job = undefined;
    void this.#end();
    if (job !== undefined) this.#settle(job, () => job.reject(new OrreryError("text/too-large", why)));
    this.#next();
  }

  #settle(job: Job, tell: () => void): void {
    const left = (this.#ofUser.get(job.user) ?? 1) - 1;
    if (left === 0) this.#ofUser.delete(job.user);
    else this.#ofUser.set(job.user, left);
    tell();
  }

  async #end(): Promise<void> {
    this.#cancelTimer();
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}
