/** The thread that seals and searches the lines of a host, with a low priority, so that neither health nor links wait for it. Started by `LogThread`. */
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { setImmediate } from "node:timers";
import { parentPort, workerData } from "node:worker_threads";
import { describeError, isOrreryError, type Log, type LogFields, systemClock } from "#/base/index.ts";
import { KEEPING_DEFAULT, LogArchive } from "../archive/archive.ts";
import { searchLogs } from "../archive/search.ts";
import { type LogOwner, ownerKey } from "../core/record.ts";
import { LogForwarder } from "../forward/forwarder.ts";
import type { FromThread, ThreadData, ThreadWish, ToThread } from "./messages.ts";

/** Of 0 to 19, the last to get a turn. */
const NICE = 10;
/** Items of a search that its reader has not taken. */
const UNREAD_MAX = 4;
/** So long one piece of work goes on without a turn for others. */
const SLICE_MS = 10;

const port = parentPort;
if (port === null) throw new Error("log-worker.ts is started as a thread");
const tell = (message: FromThread): void => port.postMessage(message);
const logLine = (level: "info" | "warn" | "error", message: string, fields?: LogFields): void =>
  tell({ log: level, message, ...(fields !== undefined && { fields }) });
const log: Log = {
  debug() {},
  info: (message, fields) => logLine("info", message, fields),
  warn: (message, fields) => logLine("warn", message, fields),
  error: (message, fields) => logLine("error", message, fields),
  child: () => log,
};

try {
  // `<pid>/task/<tid>`: Linux has priorities of threads.
  setPriority(Number(readlinkSync("/proc/thread-self").split("/").at(-1)), NICE);
} catch {
  // Without /proc it has that of the process.
}

const { folder, forwardedFile, host } = workerData as ThreadData;
const archive = new LogArchive(folder, log);
const forwarder = new LogForwarder(forwardedFile, host);
const ending = new AbortController();
const searches = new Map<number, { readonly over: AbortController; unread: number; wake: () => void }>();
let lastTurnMs = performance.now();
/** One sealing at a time: two would read one log. */
let sealing: Promise<unknown> = Promise.resolve();

async function turn(): Promise<void> {
  if (performance.now() - lastTurnMs < SLICE_MS) return;
  await new Promise((resolve) => setImmediate(resolve));
  lastTurnMs = performance.now();
}

port.on("message", (message: ToThread) => {
  if ("cancel" in message) {
    const search = searches.get(message.cancel);
    search?.over.abort();
    search?.wake();
  } else if ("more" in message) {
    const search = searches.get(message.more);
    if (search === undefined) return;
    search.unread -= 1;
    search.wake();
  } else void answer(message.id, message.wish);
});

async function answer(id: number, wish: ThreadWish): Promise<void> {
  try {
    if (wish.do === "search") return await search(id, wish);
    if (wish.do === "forward") return tell({ id, passed: await forwarder.pass({ ...wish, turn, signal: ending.signal }) });
    const work = sealing.then(async () => (wish.do === "seal" ? tell({ id, sealed: await seal(wish) }) : tell({ id, kept: keep(wish) })));
    sealing = work.catch(() => undefined);
    await work;
  } catch (error) {
    const { code, retry } = isOrreryError(error) ? error : { code: "logs/failed", retry: "never" };
    tell({ id, error: { code, message: describeError(error), retry } });
  }
}

async function seal({ owner, sources, nowMs }: Extract<ThreadWish, { do: "seal" }>): Promise<{
  readonly bytes: number;
  readonly records: number;
  readonly places: Readonly<Record<string, number>>;
}> {
  const sealed = await archive.seal({ owner, sources, nowMs, turn });
  const places: Record<string, number> = {};
  for (const source of sources) places[source.uid] = await archive.placeOf(owner, source, source.sinceMs);
  return { ...sealed, places };
}

function keep({ keeping, live, nowMs }: Extract<ThreadWish, { do: "keep" }>): Extract<FromThread, { kept: unknown }>["kept"] {
  const isLive = (owner: LogOwner): boolean => live.includes(ownerKey(owner));
  const gone = archive.keepWithin((owner) => archive.keepingOf(owner, keeping[ownerKey(owner)]) ?? KEEPING_DEFAULT, nowMs, { isLive });
  const { user, system } = process.threadCpuUsage();
  return { bytes: archive.bytes, segments: archive.segments().length, gone, cpuMs: (user + system) / 1_000 };
}

async function search(id: number, { question, sources }: Extract<ThreadWish, { do: "search" }>): Promise<void> {
  const state = { over: new AbortController(), unread: 0, wake: () => {} };
  searches.set(id, state);
  try {
    const { signal } = state.over;
    for await (const item of searchLogs({ archive, sources, question, nowMs: () => systemClock.now(), turn, signal })) {
      state.unread += 1;
      tell({ id, item });
      while (state.unread >= UNREAD_MAX && !signal.aborted) await new Promise<void>((resolve) => (state.wake = resolve));
    }
    tell({ id, isOver: true });
  } finally {
    searches.delete(id);
  }
}
