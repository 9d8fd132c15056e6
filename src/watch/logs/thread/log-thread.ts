import { Worker } from "node:worker_threads";
import { type Clock, describeError, type ErrorCode, type Log, OrreryError, type Retry } from "#/base/index.ts";
import type { SearchedSource, SearchItem } from "../archive/search.ts";
import type { SearchQuestion } from "../core/question.ts";
import type { Passed } from "../forward/forwarder.ts";
import type { FromThread, Kept, Sealed, ThreadData, ThreadError, ThreadWish, ToThread } from "./messages.ts";

const HEAP_MB = 256;
const YOUNG_MB = 8;
/** Nobody has asked anything for so long: the thread ends, and what it takes of memory is free. */
const IDLE_MS = 30_000;
/** Searches at once on a host; one more is told to wait. */
export const SEARCHES_MAX = 8;

export interface LogThreadOptions extends ThreadData {
  readonly clock: Clock;
  readonly log: Log;
}

interface Asked {
  readonly take: (message: FromThread) => void;
  readonly fail: (error: OrreryError) => void;
}

/** The archive of a host's lines, in a thread of its own that is there while it is needed. One that fails is begun anew with the next wish; what it was asked fails. */
export class LogThread {
  readonly #options: LogThreadOptions;
  readonly #asked = new Map<number, Asked>();
  #worker: Worker | undefined;
  #lastId = 0;
  #searches = 0;
  #cancelIdle: () => void = () => {};
  #isClosed = false;

  constructor(options: LogThreadOptions) {
    this.#options = options;
  }

  /** @throws logs/unavailable, and what a disk says */
  async seal(wish: Omit<Extract<ThreadWish, { do: "seal" }>, "do">): Promise<Sealed> {
    const told = await this.#ask({ do: "seal", ...wish });
    return "sealed" in told ? told.sealed : unexpected();
  }

  /** Lets go what is older or more than is kept.
   *  @throws logs/unavailable */
  async keep(wish: Omit<Extract<ThreadWish, { do: "keep" }>, "do">): Promise<Kept> {
    const told = await this.#ask({ do: "keep", ...wish });
    return "kept" in told ? told.kept : unexpected();
  }

  /** Sends on what was written since the last time. One at a time.
   *  @throws logs/unavailable */
  async forward(wish: Omit<Extract<ThreadWish, { do: "forward" }>, "do">): Promise<Passed> {
    const told = await this.#ask({ do: "forward", ...wish });
    return "passed" in told ? told.passed : unexpected();
  }

  /** Items as they are found; the search goes on only as they are taken, and ends with the iteration or `signal`.
   *  @throws logs/busy, logs/invalid, logs/unavailable */
  async *search(question: SearchQuestion, sources: readonly SearchedSource[], signal: AbortSignal): AsyncGenerator<SearchItem, void, undefined> {
    if (this.#searches >= SEARCHES_MAX)
      throw new OrreryError("logs/busy", `${SEARCHES_MAX} searches run on this host; try again when one has ended`, { retry: "backoff" });
    this.#searches += 1;
    const items: SearchItem[] = [];
    let failure: OrreryError | undefined;
    let isOver = false;
    let wake = (): void => {};
    const id = this.#post(
      { do: "search", question, sources },
      {
        take(message) {
          if ("item" in message) items.push(message.item);
          if ("isOver" in message) isOver = true;
          wake();
        },
        fail(error) {
          failure = error;
          wake();
        },
      },
    );
    const cancel = (): void => this.#send({ cancel: id });
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      for (;;) {
        const item = items.shift();
        if (item !== undefined) {
          yield item;
          this.#send({ more: id });
        } else if (failure !== undefined) throw failure;
        else if (isOver) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      signal.removeEventListener("abort", cancel);
      if (!isOver && failure === undefined) cancel();
      this.#searches -= 1;
      this.#settle(id);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelIdle();
    const worker = this.#worker;
    this.#worker = undefined;
    this.#failAll("the agent ends");
    await worker?.terminate();
  }

  #ask(wish: ThreadWish): Promise<FromThread> {
    return new Promise((resolve, reject) => {
      const id = this.#post(wish, {
        take: (message) => {
          this.#settle(id);
          resolve(message);
        },
        fail: reject,
      });
    });
  }

  #post(wish: ThreadWish, asked: Asked): number {
    if (this.#isClosed) throw new OrreryError("logs/unavailable", "the agent ends", { retry: "backoff" });
    this.#cancelIdle();
    const id = ++this.#lastId;
    this.#asked.set(id, asked);
    this.#worker ??= this.#start();
    this.#send({ id, wish });
    return id;
  }

  #send(message: ToThread): void {
    this.#worker?.postMessage(message);
  }

  #settle(id: number): void {
    this.#asked.delete(id);
    if (this.#asked.size > 0 || this.#isClosed) return;
    this.#cancelIdle();
    this.#cancelIdle = this.#options.clock.after(
      IDLE_MS,
      () => {
        if (this.#asked.size > 0) return;
        const worker = this.#worker;
        this.#worker = undefined;
        void worker?.terminate();
      },
      { background: true },
    );
  }

  #start(): Worker {
    const { folder, forwardedFile, host, log } = this.#options;
    const workerData: ThreadData = { folder, forwardedFile, host };
    const worker = new Worker(new URL("./log-worker.ts", import.meta.url), {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: YOUNG_MB },
    });
    worker.unref();
    worker.on("message", (message: FromThread) => this.#take(message));
    const ended = (why: string): void => {
      if (worker !== this.#worker) return;
      this.#worker = undefined;
      log.error(`logs: the thread that seals and searches has ended: ${why}`);
      this.#failAll(`the thread that seals and searches lines has ended: ${why}`);
    };
    worker.on("error", (error) => ended(describeError(error)));
    worker.on("exit", (code) => ended(`status ${code}`));
    return worker;
  }

  #take(message: FromThread): void {
    if ("log" in message) return this.#options.log[message.log](message.message, message.fields);
    const asked = this.#asked.get(message.id);
    if (asked === undefined) return;
    if (!("error" in message)) return asked.take(message);
    this.#settle(message.id);
    asked.fail(errorOf(message.error));
  }

  #failAll(why: string): void {
    for (const [id, asked] of [...this.#asked]) {
      this.#asked.delete(id);
      asked.fail(new OrreryError("logs/unavailable", why, { retry: "backoff" }));
    }
  }
}

function errorOf({ code, message, retry }: ThreadError): OrreryError {
  return new OrreryError(code as ErrorCode, message, { retry: retry as Retry });
}

function unexpected(): never {
  throw new Error("the thread gave another answer than was asked for");
}
