/** The thread that records calls: takes lines, seals, looks through, exports, so that the thread which carries the calls does not. Started by `RecorderThread`. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { setImmediate } from "node:timers";
import { parentPort, workerData } from "node:worker_threads";
import { describeError, type Log, systemClock } from "#/base/index.ts";
import { CallBook, SEALED_BYTES } from "./call-book.ts";
import type { FromRecorder, RecorderData, ToRecorder } from "./messages.ts";
import { OtlpExporter } from "./otlp-exporter.ts";

const TICK_MS = 1_000;
const FIGURES_TICKS = 5;

const port = parentPort;
if (port === null) throw new Error("recorder-worker.ts is started as a thread");
const { folder, accessLogFile, host, ...given } = workerData as RecorderData;
let { settings } = given;
const clock = systemClock;
const tell = (message: FromRecorder): void => port.postMessage(message);
const logAt =
  (level: "info" | "warn" | "error" | "debug") =>
  (message: string): void =>
    tell({ log: { level, message } });
const log: Log = { debug: logAt("debug"), info: logAt("info"), warn: logAt("warn"), error: logAt("error"), child: () => log };

let exporter = makeExporter();
const book = new CallBook({
  folder,
  clock,
  log,
  settings,
  onKept: (line) => exporter?.add(line),
  turn: () => new Promise((resolve) => setImmediate(resolve)),
});
book.recover(readTail());
let ticks = 0;
let before = "";
const ticking = setInterval(() => {
  guarded(() => {
    book.tick();
    const news = book.takeNews();
    if (news.length > 0) tell({ news });
    ticks++;
    if (ticks % FIGURES_TICKS !== 0) return;
    const figures = { ...book.figures(), exports: exporter?.figures() };
    const text = JSON.stringify(figures);
    if (text !== before) tell({ figures });
    before = text;
  });
}, TICK_MS);

port.on("message", (message: ToRecorder) => {
  if ("lines" in message) {
    guarded(() => book.take(message.lines));
    tell({ taken: message.lines.length });
  } else if ("settings" in message) {
    const isElsewhere = message.settings.otlpUrl !== settings.otlpUrl;
    settings = message.settings;
    book.settings = settings;
    if (isElsewhere) {
      exporter?.close();
      exporter = makeExporter();
    }
  } else if ("want" in message) guarded(() => book.want(message.want));
  else if ("find" in message)
    book.find(message.find).then(
      (found) => tell({ answer: message.ask, found }),
      (error: unknown) => tell({ answer: message.ask, failure: describeError(error) }),
    );
  else {
    clearInterval(ticking);
    exporter?.close();
    guarded(() => book.close());
    port.close();
  }
});

function makeExporter(): OtlpExporter | undefined {
  return settings.otlpUrl === undefined ? undefined : new OtlpExporter({ url: settings.otlpUrl, host, clock, log });
}

/** What fails takes nothing else with it. */
function guarded(work: () => void): void {
  try {
    work();
  } catch (error) {
    log.error(`what records calls has failed: ${describeError(error)}`);
  }
}

/** The end of the access log, with the file before it where that is short: more than is ever in memory. From the first whole line on. */
function readTail(): Uint8Array {
  const bytes = Buffer.concat([readEnd(`${accessLogFile}.1`, SEALED_BYTES), readEnd(accessLogFile, 2 * SEALED_BYTES)]);
  return bytes.subarray(bytes.indexOf(10) + 1);
}

function readEnd(file: string, bytesMax: number): Buffer {
  try {
    const descriptor = openSync(file, "r");
    try {
      const { size } = fstatSync(descriptor);
      const bytes = Buffer.alloc(Math.min(size, bytesMax));
      const read = readSync(descriptor, bytes, 0, bytes.length, size - bytes.length);
      return bytes.subarray(0, read);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // There is none yet.
    return Buffer.alloc(0);
  }
}
