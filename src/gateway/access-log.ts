import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, write, writeSync } from "node:fs";
import path from "node:path";
import { describeError, type Log } from "#/base/index.ts";

/** One request or connection that has ended. Absent fields are left out of the line. */
export interface AccessEntry {
  /** Unix ms. */
  readonly atMs: number;
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
  readonly generation: number | undefined;
  readonly caller: string | undefined;
  readonly service: string | undefined;
  readonly revision: string | undefined;
  readonly instance: string | undefined;
  readonly route: string | undefined;
  readonly tries: number;
  readonly error: string | undefined;
}

export interface AccessLogOptions {
  readonly file: string;
  readonly log: Log;
  /** Rotated when it has grown beyond this; default 64 MiB. */
  readonly bytesMax?: number;
  /** Old files kept, `.1` the newest; default 4. */
  readonly filesKept?: number;
}

const FLUSH_MS = 200;
const FLUSH_BYTES = 64 * 1024;
/** What may wait for a slow disk; lines beyond are lost, and counted. */
const PENDING_BYTES_MAX = 8 * 1024 * 1024;

/** JSON lines, one for each request; written in batches off the request's path. */
export class AccessLog {
  readonly #options: AccessLogOptions;
  #descriptor: number | undefined;
  #fileBytes = 0;
  #pending = "";
  #isWriting = false;
  #lost = 0;
  #timer: NodeJS.Timeout | undefined;
  #hasFailed = false;
  #second = -1;
  #secondText = "";

  constructor(options: AccessLogOptions) {
    this.#options = options;
  }

  add(entry: AccessEntry): void {
    if (this.#pending.length > PENDING_BYTES_MAX) {
      this.#lost++;
      return;
    }
    this.#pending += this.#format(entry);
    if (this.#pending.length >= FLUSH_BYTES) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref();
  }

  #format(entry: AccessEntry): string {
    let line = `{"time":"${this.#time(entry.atMs)}","role":"${entry.role}","client":"${entry.client}","method":"${entry.method}","host":${JSON.stringify(entry.host)},"path":${JSON.stringify(entry.path)},"status":${entry.status},"durationMs":${entry.durationMs.toFixed(3)}`;
    if (entry.answerMs !== undefined) line += `,"answerMs":${entry.answerMs.toFixed(3)}`;
    if (entry.bytesIn !== undefined) line += `,"bytesIn":${entry.bytesIn}`;
    line += `,"bytesOut":${entry.bytesOut}`;
    if (entry.traceId !== undefined) line += `,"traceId":"${entry.traceId}"`;
    if (entry.generation !== undefined) line += `,"generation":${entry.generation}`;
    if (entry.caller !== undefined) line += `,"caller":"${entry.caller}"`;
    if (entry.service !== undefined) line += `,"service":"${entry.service}"`;
    if (entry.revision !== undefined) line += `,"revision":"${entry.revision}"`;
    if (entry.instance !== undefined) line += `,"instance":"${entry.instance}"`;
    if (entry.route !== undefined) line += `,"route":"${entry.route}"`;
    if (entry.tries > 1) line += `,"tries":${entry.tries}`;
    if (entry.error !== undefined) line += `,"error":${JSON.stringify(entry.error)}`;
    return `${line}}\n`;
  }

  /** RFC 3339; the part up to the seconds is kept, as most lines share it. */
  #time(atMs: number): string {
    const second = Math.floor(atMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = new Date(second * 1000).toISOString().slice(0, 20);
    }
    return `${this.#secondText}${String(Math.floor(atMs - second * 1000)).padStart(3, "0")}Z`;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isWriting || this.#pending === "") return;
    const descriptor = this.#open();
    if (descriptor === undefined) return;
    const chunk = Buffer.from(this.#pending, "utf8");
    this.#pending = "";
    this.#isWriting = true;
    this.#writeOn(descriptor, chunk, 0);
  }

  #writeOn(descriptor: number, chunk: Buffer, offset: number): void {
    write(descriptor, chunk, offset, chunk.length - offset, null, (error, written) => {
      if (error !== null && error !== undefined) this.#fail(error);
      else {
        this.#hasFailed = false;
        this.#fileBytes += written;
        if (offset + written < chunk.length) return this.#writeOn(descriptor, chunk, offset + written);
      }
      this.#isWriting = false;
      this.#rotate();
      if (this.#pending !== "") this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref();
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
    if (this.#descriptor === undefined || this.#fileBytes < (this.#options.bytesMax ?? 64 * 1024 * 1024)) return;
    const { file } = this.#options;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    const kept = this.#options.filesKept ?? 4;
    try {
      rmSync(`${file}.${kept}`, { force: true });
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

  /** Writes what is left. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    while (this.#isWriting) await new Promise<void>((resolve) => setImmediate(resolve));
    const descriptor = this.#pending === "" ? undefined : this.#open();
    if (descriptor !== undefined) {
      writeSync(descriptor, Buffer.from(this.#pending, "utf8"));
      this.#pending = "";
    }
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
    clearTimeout(this.#timer);
  }
}
