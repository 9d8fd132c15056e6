import { Worker } from "node:worker_threads";
import { type Clock, describeError, type ErrorCode, type Log, OrreryError, type Retry } from "#/base/index.ts";
import type {
  Answer,
  Appended,
  InstantQuery,
  Labels,
  MetricMetadata,
  QueryBounds,
  RangeQuery,
  SampleBatch,
  SeriesCapabilities,
  SeriesFigures,
  SeriesSelection,
  SeriesStore,
} from "../contract.ts";
import { keyOf } from "../promql/series-key.ts";
import { EMBEDDED_CAPABILITIES } from "./embedded-series.ts";
import type { SeriesLimits, SeriesRetention } from "./options.ts";
import type { FromThread, PackedBatch, ThreadAnswer, ThreadData, ThreadError, ThreadWish } from "./thread-messages.ts";

export interface EmbeddedOptions {
  readonly folder: string;
  /** What is left out is as by default. */
  readonly retention?: Partial<SeriesRetention>;
  readonly limits?: Partial<SeriesLimits>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Samples on their way to the thread. */
const PENDING_SAMPLES_MAX = 1_000_000;
/** Series whose labels went over: then they are given anew. */
const NUMBERS_MAX = 500_000;
const RESTART_MS = 1_000;
const HEAP_MB = 1_024;
const YOUNG_MB = 24;

interface Pending {
  readonly samples: number;
  resolve(told: ThreadAnswer): void;
  reject(error: unknown): void;
}

/** Opens the embedded store in a thread of its own. A thread that dies is started again, and takes up what was written; what it was asked then is refused. */
export function openEmbeddedSeries(options: EmbeddedOptions): SeriesStore {
  return new SeriesThread(options);
}

class SeriesThread implements SeriesStore {
  readonly capabilities: SeriesCapabilities = EMBEDDED_CAPABILITIES;
  readonly #options: EmbeddedOptions;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #nextId = 0;
  #pendingSamples = 0;
  #lost = 0;
  #numbers = new WeakMap<Labels, number>();
  #numbersByKey = new Map<string, number>();
  #isReset = true;
  #figures: SeriesFigures = {
    taken: 0,
    refused: { late: 0, future: 0, duplicate: 0, cardinality: 0, invalid: 0 },
    lost: 0,
    activeSeries: 0,
    bytes: 0,
    segments: 0,
  };
  #isClosed = false;
  #cancelRestart = (): void => {};

  constructor(options: EmbeddedOptions) {
    this.#options = options;
    this.#start();
  }

  async append(batch: SampleBatch): Promise<Appended> {
    const { length } = batch.samples;
    if (this.#pendingSamples + length > PENDING_SAMPLES_MAX) {
      this.#lost += length;
      throw new OrreryError("series/busy", `${this.#pendingSamples} samples are on their way into the store: send fewer, or later`, {
        retry: "backoff",
      });
    }
    const packed = this.#pack(batch);
    const told = await this.#ask(
      { do: "append", batch: packed },
      { samples: length, transfer: [packed.ids.buffer, packed.times.buffer, packed.values.buffer] },
    );
    return "appended" in told ? told.appended : unexpected();
  }

  async query(query: InstantQuery): Promise<Answer> {
    const { signal, ...rest } = query;
    const told = await this.#ask({ do: "query", query: rest }, { signal });
    return "answer" in told ? told.answer : unexpected();
  }

  async queryRange(query: RangeQuery): Promise<Answer> {
    const { signal, ...rest } = query;
    const told = await this.#ask({ do: "queryRange", query: rest }, { signal });
    return "answer" in told ? told.answer : unexpected();
  }

  async series({ signal, ...selection }: SeriesSelection): Promise<readonly Labels[]> {
    const told = await this.#ask({ do: "series", selection }, { signal });
    return "labels" in told ? told.labels : unexpected();
  }

  async labelNames({ signal, ...selection }: SeriesSelection): Promise<readonly string[]> {
    const told = await this.#ask({ do: "labelNames", selection }, { signal });
    return "names" in told ? told.names : unexpected();
  }

  async labelValues(name: string, { signal, ...selection }: SeriesSelection): Promise<readonly string[]> {
    const told = await this.#ask({ do: "labelValues", name, selection }, { signal });
    return "names" in told ? told.names : unexpected();
  }

  async metadata(): Promise<Readonly<Record<string, MetricMetadata>>> {
    const told = await this.#ask({ do: "metadata" });
    return "metadata" in told ? told.metadata : unexpected();
  }

  figures(): SeriesFigures {
    return { ...this.#figures, lost: this.#figures.lost + this.#lost };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelRestart();
    const worker = this.#worker;
    if (worker === undefined) return;
    await this.#ask({ do: "close" }).catch(() => undefined);
    this.#worker = undefined;
    await worker.terminate();
    this.#failAll("the store of series is closed");
  }

  #start(): void {
    const { folder, retention = {}, limits = {}, log, clock } = this.#options;
    const workerData: ThreadData = { folder, retention, limits };
    const worker = new Worker(new URL("./series-worker.ts", import.meta.url), {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#worker = worker;
    this.#forgetNumbers();
    worker.on("message", (message: FromThread) => this.#take(message));
    const ended = (why: string): void => {
      if (worker !== this.#worker) return;
      this.#worker = undefined;
      this.#failAll(`the thread of the series has ended: ${why}`);
      if (this.#isClosed) return;
      log.error(`series: their thread has ended and is started again: ${why}`);
      this.#cancelRestart = clock.after(RESTART_MS, () => this.#start(), { background: true });
    };
    worker.on("error", (error) => ended(describeError(error)));
    worker.on("exit", (code) => ended(`status ${code}`));
  }

  #take(message: FromThread): void {
    if ("log" in message) return this.#options.log[message.log](message.message, message.fields);
    if (message.figures !== undefined) this.#figures = message.figures;
    if (!("id" in message)) return;
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    this.#settle(message.id, pending);
    if ("error" in message.told) pending.reject(errorOf(message.told.error));
    else pending.resolve(message.told);
  }

  #ask(
    wish: ThreadWish,
    {
      samples = 0,
      transfer = [],
      signal,
    }: { readonly samples?: number; readonly transfer?: readonly ArrayBufferLike[]; readonly signal?: QueryBounds["signal"] | undefined } = {},
  ): Promise<ThreadAnswer> {
    const worker = this.#worker;
    if (worker === undefined || (this.#isClosed && wish.do !== "close"))
      return Promise.reject(new OrreryError("series/unavailable", "the store of series does not run now", { retry: "backoff" }));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const cancel = (): void => worker.postMessage({ cancel: id });
      const off = (): void => signal?.removeEventListener("abort", cancel);
      this.#pending.set(id, {
        samples,
        resolve: (told) => {
          off();
          resolve(told);
        },
        reject: (error) => {
          off();
          reject(error);
        },
      });
      this.#pendingSamples += samples;
      worker.postMessage({ id, wish }, transfer as ArrayBuffer[]);
      signal?.addEventListener("abort", cancel, { once: true });
      if (signal?.aborted === true) cancel();
    });
  }

  #settle(id: number, { samples }: Pending): void {
    this.#pending.delete(id);
    this.#pendingSamples -= samples;
  }

  #failAll(why: string): void {
    for (const [id, pending] of [...this.#pending]) {
      this.#settle(id, pending);
      this.#lost += pending.samples;
      pending.reject(new OrreryError("series/unavailable", why, { retry: "backoff" }));
    }
  }

  #pack({ source, samples, metadata }: SampleBatch): PackedBatch {
    if (this.#numbersByKey.size >= NUMBERS_MAX) this.#forgetNumbers();
    const isReset = this.#isReset;
    this.#isReset = false;
    const labels: Labels[] = [];
    const ids = new Uint32Array(samples.length);
    const times = new Float64Array(samples.length);
    const values = new Float64Array(samples.length);
    samples.forEach((sample, index) => {
      let number = this.#numbers.get(sample.labels);
      if (number === undefined) {
        const key = keyOf(sample.labels);
        number = this.#numbersByKey.get(key);
        if (number === undefined) {
          number = this.#numbersByKey.size;
          this.#numbersByKey.set(key, number);
          labels.push(sample.labels);
        }
        this.#numbers.set(sample.labels, number);
      }
      ids[index] = number;
      times[index] = sample.atMs;
      values[index] = sample.value;
    });
    return { source, labels, isReset, ids, times, values, ...(metadata !== undefined && { metadata }) };
  }

  #forgetNumbers(): void {
    this.#numbers = new WeakMap();
    this.#numbersByKey = new Map();
    this.#isReset = true;
  }
}

function errorOf({ code, message, retry, details }: ThreadError): OrreryError {
  return new OrreryError(code as ErrorCode, message, { retry: retry as Retry, details });
}

function unexpected(): never {
  throw new Error("the thread of the series gave another answer than was asked for");
}
