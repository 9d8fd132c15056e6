// biome-ignore lint/style/noRestrictedImports: looks at what was written, and writes the rest.
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, write } from "node:fs";
import path from "node:path";
import { type Clock, describeError, type Log } from "#/base/index.ts";

/** One request or connection that has ended. Absent fields are left out of the line. */
export interface AccessEntry {
  /** When it began; monotonic ms of the log's clock. */
  readonly startedMs: number;
  readonly role: "edge" | "host";
  readonly client: string;
  readonly method: string;
  readonly host: string;
  /** Without the query, which may hold secrets. */
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  /** Until the instance's answer began. */
  readonly answerMs: number | undefined;
  readonly bytesIn: number | undefined;
  readonly bytesOut: number;
  readonly traceId: string | undefined;
  /** Of this call, where it has begun the trace; else of who calls. */
  readonly span?: string | undefined;
  readonly hasBegunTrace?: boolean;
  readonly generation: number | undefined;
  /** Service of the caller, where `caller` is an instance. */
  readonly callerService?: string | undefined;
  readonly caller: string | undefined;
  readonly service: string | undefined;
  readonly revision: string | undefined;
  readonly instance: string | undefined;
  readonly route: string | undefined;
  readonly tries: number;
  readonly error: string | undefined;
  /** Who had the fault, where there was an error. */
  readonly fault?: string | undefined;
}

export interface AccessLogBounds {
  readonly bytesMax: number;
  readonly filesKept: number;
}

export interface AccessLogOptions {
  readonly file: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Rotated when it has grown beyond this; default 64 MiB. */
  readonly bytesMax?: number;
  /** Old files kept, `.1` the newest; default 4. */
  readonly filesKept?: number;
  /** Told of lines that were gathered, whole ones, as bytes that change after it returns. */
  readonly onLines?: (lines: Uint8Array) => void;
}

const FLUSH_MS = 200;
const CHUNK_BYTES = 256 * 1024;
/** A line is never longer than the head of a request allows, and some fields of our own. */
const LINE_BYTES_MAX = 64 * 1024;
/** Chunks that may wait for a slow disk; lines beyond are lost, and counted. */
const WAITING_MAX = 32;
const LF = 10;
const LINE_END: Buffer = Buffer.from("\n");

/** JSON lines, one for each request; gathered in chunks that are written off the request's path. */
export class AccessLog {
  readonly #options: AccessLogOptions;
  #bounds: AccessLogBounds;
  #descriptor: number | undefined;
  #fileBytes = 0;
  #chunk: Buffer<ArrayBuffer> = Buffer.allocUnsafe(CHUNK_BYTES);
  #chunkBytes = 0;
  #spare: Buffer<ArrayBuffer> | undefined;
  readonly #waiting: Buffer<ArrayBuffer>[] = [];
  #isWriting = false;
  #lost = 0;
  #timer: NodeJS.Timeout | undefined;
  #hasFailed = false;
  /** The file ends in the middle of a line. */
  #isCut = false;
  #wallOffsetMs = 0;
  #second = -1;
  #secondText = "";

  constructor(options: AccessLogOptions) {
    this.#options = options;
    this.#bounds = { bytesMax: options.bytesMax ?? 64 * 1024 * 1024, filesKept: options.filesKept ?? 4 };
  }

  /** From now on. */
  setBounds(bounds: AccessLogBounds): void {
    this.#bounds = bounds;
  }

  add(entry: AccessEntry): void {
    if (this.#waiting.length >= WAITING_MAX) {
      this.#lost++;
      return;
    }
    const line = this.#format(entry);
    // Straight into bytes: strings put together and converted later cost three times as much.
    if (line.length * 3 > LINE_BYTES_MAX) return;
    if (this.#chunkBytes + line.length * 3 > CHUNK_BYTES) this.#turn();
    this.#chunkBytes += this.#chunk.write(line, this.#chunkBytes, "utf8");
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref();
  }

  #format(entry: AccessEntry): string {
    let line = `{"time":"${this.#time(entry.startedMs)}","role":"${entry.role}","client":${quote(entry.client)},"method":"${entry.method}","host":${quote(entry.host)},"path":${quote(entry.path)},"status":${entry.status},"durationMs":${round(entry.durationMs)}`;
    if (entry.answerMs !== undefined) line += `,"answerMs":${round(entry.answerMs)}`;
    if (entry.bytesIn !== undefined) line += `,"bytesIn":${entry.bytesIn}`;
    line += `,"bytesOut":${entry.bytesOut}`;
    if (entry.traceId !== undefined) line += `,"traceId":"${entry.traceId}","generation":${entry.generation}`;
    else if (entry.generation !== undefined) line += `,"generation":${entry.generation}`;
    if (entry.span !== undefined) line += entry.hasBegunTrace === true ? `,"span":"${entry.span}"` : `,"parent":"${entry.span}"`;
    if (entry.callerService !== undefined) line += `,"from":"${entry.callerService}"`;
    if (entry.service !== undefined)
      line += `,"caller":"${entry.caller ?? ""}","service":"${entry.service}","revision":"${entry.revision}","instance":"${entry.instance}"`;
    if (entry.route !== undefined) line += `,"route":"${entry.route}"`;
    if (entry.tries > 1) line += `,"tries":${entry.tries}`;
    if (entry.error !== undefined) line += `,"error":${JSON.stringify(entry.error)}`;
    if (entry.fault !== undefined) line += `,"fault":"${entry.fault}"`;
    return `${line}}\n`;
  }

  /** RFC 3339; the part up to the seconds is kept, as most lines share it. */
  #time(startedMs: number): string {
    // The wall clock may be set while we run: compared once in each chunk's life.
    if (this.#chunkBytes === 0) this.#wallOffsetMs = this.#options.clock.now() - this.#options.clock.monotonic();
    const atMs = startedMs + this.#wallOffsetMs;
    const second = Math.floor(atMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = new Date(second * 1000).toISOString().slice(0, 20);
    }
    const ms = Math.floor(atMs - second * 1000);
    return `${this.#secondText}${ms < 10 ? "00" : ms < 100 ? "0" : ""}${ms}Z`;
  }

  /** Puts the chunk into the row and begins another. */
  #turn(): void {
    if (this.#chunkBytes > 0) {
      const chunk = this.#chunk.subarray(0, this.#chunkBytes);
      this.#options.onLines?.(chunk);
      this.#waiting.push(chunk);
    }
    this.#chunk = this.#spare ?? Buffer.allocUnsafe(CHUNK_BYTES);
    this.#spare = undefined;
    this.#chunkBytes = 0;
    this.#writeNext();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length < WAITING_MAX) this.#turn();
    else this.#writeNext();
  }

  #writeNext(): void {
    const [chunk] = this.#waiting;
    if (this.#isWriting || chunk === undefined) return;
    const descriptor = this.#open();
    if (descriptor === undefined) {
      this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref();
      return;
    }
    this.#waiting.shift();
    this.#isWriting = true;
    if (!this.#isCut) return this.#writeOn(descriptor, chunk, 0);
    // Half a line stands at the end of the file: the next begins one of its own.
    write(descriptor, LINE_END, 0, 1, null, (error) => {
      this.#isCut = error !== null && error !== undefined;
      this.#writeOn(descriptor, chunk, 0);
    });
  }

  #writeOn(descriptor: number, chunk: Buffer<ArrayBuffer>, offset: number): void {
    write(descriptor, chunk, offset, chunk.length - offset, null, (error, written) => {
      if (error !== null && error !== undefined) {
        const rest = chunk.subarray(offset);
        this.#lost += rest.reduce((count, byte) => count + (byte === LF ? 1 : 0), 0);
        this.#isCut ||= offset > 0 && chunk[offset - 1] !== LF;
        this.#fail(error);
      } else {
        this.#hasFailed = false;
        this.#fileBytes += written;
        if (offset + written < chunk.length) return this.#writeOn(descriptor, chunk, offset + written);
      }
      this.#isWriting = false;
      this.#spare = Buffer.from(chunk.buffer, 0, CHUNK_BYTES);
      this.#rotate();
      this.#writeNext();
    });
  }

  #open(): number | undefined {
    if (this.#descriptor !== undefined) return this.#descriptor;
    try {
      mkdirSync(path.dirname(this.#options.file), { recursive: true });
      this.#descriptor = openSync(this.#options.file, "a", 0o640);
      this.#fileBytes = fstatSync(this.#descriptor).size;
    } catch (error) {
      this.#fail(error);
    }
    return this.#descriptor;
  }

  /** Said once for each time that it begins to fail. */
  #fail(error: unknown): void {
    if (!this.#hasFailed)
      this.#options.log.error("the access log cannot be written", { file: this.#options.file, error: describeError(error), linesLost: this.#lost });
    this.#hasFailed = true;
  }

  #rotate(): void {
    if (this.#descriptor === undefined || this.#fileBytes < this.#bounds.bytesMax) return;
    const { file } = this.#options;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    const kept = this.#bounds.filesKept;
    try {
      this.#removeBeyond(file, kept);
      for (let index = kept - 1; index >= 0; index--) {
        const from = index === 0 ? file : `${file}.${index}`;
        try {
          renameSync(from, `${file}.${index + 1}`);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        }
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Former files beyond those kept; more than one where fewer are kept than before. */
  #removeBeyond(file: string, kept: number): void {
    if (kept === 0) rmSync(file, { force: true });
    for (let index = Math.max(1, kept); ; index++) {
      const former = `${file}.${index}`;
      if (!existsSync(former)) return;
      rmSync(former, { force: true });
    }
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    this.#flush();
    while (this.#isWriting) await new Promise<void>((resolve) => setImmediate(resolve));
    clearTimeout(this.#timer);
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/** JSON text of a string; most have nothing to escape. */
function quote(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what JSON must escape.
const NEEDS_ESCAPE = /["\\\u0000-\u001f]/;

/** Milliseconds with three places. */
function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
