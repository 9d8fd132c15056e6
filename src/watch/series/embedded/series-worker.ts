/** The thread of the embedded store: takes, seals, merges and answers, so that no other thread waits for it. Started by `SeriesThread`. */
import { setImmediate } from "node:timers";
import { parentPort, workerData } from "node:worker_threads";
import { describeError, isOrreryError, type Log, type LogFields, OrreryError, systemClock } from "#/base/index.ts";
import type { Labels } from "../contract.ts";
import { EmbeddedSeries } from "./embedded-series.ts";
import type { FromThread, PackedBatch, ThreadAnswer, ThreadData, ThreadWish, ToThread } from "./thread-messages.ts";

/** Questions that are worked on at once; others wait. */
const QUERIES_MAX = 4;
const WAITING_MAX = 200;
const SYNC_MS = 2_000;
const MAINTAIN_MS = 10_000;

const port = parentPort;
if (port === null) throw new Error("series-worker.ts is started as a thread");
const { folder, retention, limits } = workerData as ThreadData;
const clock = systemClock;
const tell = (message: FromThread): void => port.postMessage(message);
const log: Log = {
  debug() {},
  info: (message, fields) => logLine("info", message, fields),
  warn: (message, fields) => logLine("warn", message, fields),
  error: (message, fields) => logLine("error", message, fields),
  child: () => log,
};
const store = EmbeddedSeries.open({ folder, retention, limits, clock, log, turn: () => new Promise((resolve) => setImmediate(resolve)) });
const cancelled = new Map<number, AbortController>();
const waiting: (() => void)[] = [];
let running = 0;
let labels: Labels[] = [];

const syncing = setInterval(() => {
  try {
    store.sync();
  } catch (error) {
    log.error(`series: the log cannot be put on disk: ${describeError(error)}`);
  }
  tell({ figures: store.figures() });
}, SYNC_MS);
const maintaining = setInterval(() => void store.maintain(), MAINTAIN_MS);
void store.maintain();
tell({ figures: store.figures() });

port.on("message", (message: ToThread) => {
  if ("cancel" in message) cancelled.get(message.cancel)?.abort();
  else if (message.wish.do === "append") tell({ id: message.id, told: append(message.wish.batch) });
  else if (message.wish.do === "close") void close(message.id);
  else void answer(message.id, message.wish);
});

function append({ source, labels: more, isReset, ids, times, values, metadata }: PackedBatch): ThreadAnswer {
  if (isReset) labels = [];
  labels.push(...more);
  try {
    const samples = Array.from(ids, (id, index) => ({ labels: labels[id] as Labels, atMs: times[index] as number, value: values[index] as number }));
    const appended = store.take({ source, samples, ...(metadata !== undefined && { metadata }) });
    if (store.wantsSealing) void store.maintain();
    return { appended };
  } catch (error) {
    return { error: errorOf(error) };
  }
}

async function answer(id: number, wish: Exclude<ThreadWish, { readonly do: "append" | "close" }>): Promise<void> {
  if (running >= QUERIES_MAX) {
    if (waiting.length >= WAITING_MAX)
      return tell({ id, told: { error: errorOf(new OrreryError("series/busy", `${WAITING_MAX} questions wait already`, { retry: "backoff" })) } });
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else running += 1;
  const controller = new AbortController();
  cancelled.set(id, controller);
  try {
    tell({ id, told: await carryOut(wish, controller.signal) });
  } catch (error) {
    tell({ id, told: { error: errorOf(error) } });
  } finally {
    cancelled.delete(id);
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

async function carryOut(wish: Exclude<ThreadWish, { readonly do: "append" | "close" }>, signal: AbortSignal): Promise<ThreadAnswer> {
  switch (wish.do) {
    case "query":
      return { answer: await store.query({ ...wish.query, signal }) };
    case "queryRange":
      return { answer: await store.queryRange({ ...wish.query, signal }) };
    case "series":
      return { labels: await store.series({ ...wish.selection, signal }) };
    case "labelNames":
      return { names: await store.labelNames({ ...wish.selection, signal }) };
    case "labelValues":
      return { names: await store.labelValues(wish.name, { ...wish.selection, signal }) };
    default:
      return { metadata: await store.metadata() };
  }
}

async function close(id: number): Promise<void> {
  clearInterval(syncing);
  clearInterval(maintaining);
  await store.close();
  tell({ id, told: { done: true } });
  port?.close();
}

function errorOf(error: unknown): { code: string; message: string; retry: string; details: Readonly<Record<string, unknown>> } {
  if (isOrreryError(error)) return { code: error.code, message: error.message, retry: error.retry, details: error.details };
  log.error(`series: a question failed in a way that nobody expected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return {
    code: "series/failed",
    message: "the store of series failed in a way that it did not expect; the centre's log says more",
    retry: "never",
    details: {},
  };
}

function logLine(level: "info" | "warn" | "error", message: string, fields?: LogFields): void {
  tell({ log: level, message, ...(fields !== undefined && { fields }) });
}
