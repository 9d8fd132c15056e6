import { watch } from "node:fs";
import { open } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";
import { type LogPart, listLogParts } from "./log-file.ts";

export interface ReadLogOptions {
  /** Only the last so many lines; default all that is kept. */
  readonly tailLines?: number;
  /** Goes on with what is written later, until `signal` aborts. Default false. */
  readonly follow?: boolean;
  /** Place of the first byte; default the oldest that is kept. */
  readonly from?: number;
  /** Place after the last byte; default the end. Not with `follow`. */
  readonly to?: number;
  /** Ends the reading without an error. */
  readonly signal?: AbortSignal;
}

const CHUNK_BYTES = 64 * 1024;
/** Asked at least so often: not every file system tells of changes. */
const FOLLOW_MS = 500;

/** The text of a log over its rotated parts and its file, in order and without gaps, in chunks of at most 64 KiB that end at line ends where lines are shorter than that. A log that is not there is empty.
 *  Reads only as fast as it is asked. While following, a reader that falls behind the rotation goes on at the oldest byte that is kept. */
export async function* readLog(logPath: string, options: ReadLogOptions = {}): AsyncGenerator<string, void, undefined> {
  const { signal, follow = false } = options;
  const source = new LogSource(logPath);
  let position = Math.max(options.from ?? 0, await source.begin());
  const end = Math.max(position, Math.min(options.to ?? Number.POSITIVE_INFINITY, await source.end()));
  if (options.tailLines === 0) position = end;
  else if (options.tailLines !== undefined) position = await findTail(source, { from: position, to: end, count: options.tailLines });
  const lines = new LineChunks();
  while (signal?.aborted !== true) {
    const limit = follow ? Number.POSITIVE_INFINITY : end;
    const chunk = position < limit ? await source.read(position, Math.min(CHUNK_BYTES, limit - position)) : undefined;
    if (chunk !== undefined) {
      position = chunk.position + chunk.bytes.length;
      const text = lines.push(chunk.bytes);
      if (text !== "") yield text;
      continue;
    }
    if (!follow) break;
    await waitForChange(logPath, () => source.end().then((length) => length !== position), signal);
  }
  const rest = lines.rest();
  if (rest !== "") yield rest;
}

/** At the end of a log; lines that begin before that are cut at their beginning, too. */
const LAST_BYTES = 64 * 1024;

/** The last `count` lines, oldest first, without newlines; each cut at `lineCharsMax` (default 500). Looks at the last 64 KiB only. */
export async function readLastLines(
  logPath: string,
  count: number,
  options: { readonly from?: number; readonly lineCharsMax?: number } = {},
): Promise<string[]> {
  const end = await new LogSource(logPath).end();
  const from = Math.max(options.from ?? 0, end - LAST_BYTES);
  let text = "";
  for await (const chunk of readLog(logPath, { tailLines: count, from, to: end })) text += chunk;
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const charsMax = options.lineCharsMax ?? 500;
  return lines.slice(-count).map((line) => (line.length > charsMax ? `${line.slice(0, charsMax)}…` : line));
}

/** Bytes by their place, wherever rotation has put them. */
export class LogSource {
  readonly #logPath: string;

  constructor(logPath: string) {
    this.#logPath = logPath;
  }

  async begin(): Promise<number> {
    return (await listLogParts(this.#logPath))[0]?.from ?? 0;
  }

  async end(): Promise<number> {
    const parts = await listLogParts(this.#logPath);
    return Math.max(parts.at(-1)?.to ?? 0, await lengthOf(this.#logPath));
  }

  /** Up to `bytesMax` bytes at `position` or, where that is gone, at the next place that is kept; `undefined` at the end. */
  async read(position: number, bytesMax: number): Promise<{ readonly position: number; readonly bytes: Buffer } | undefined> {
    const before = await listLogParts(this.#logPath);
    if (position >= (before.at(-1)?.to ?? 0)) {
      const bytes = await readAt(this.#logPath, position, bytesMax);
      // A rotation in between may have made a hole here: then the bytes are zeros, and the true ones are in the new part.
      const after = await listLogParts(this.#logPath);
      if (position >= (after.at(-1)?.to ?? 0)) return bytes.length === 0 ? undefined : { position, bytes };
      return await this.#readPart(after, position, bytesMax);
    }
    return await this.#readPart(before, position, bytesMax);
  }

  async #readPart(
    parts: readonly LogPart[],
    position: number,
    bytesMax: number,
  ): Promise<{ readonly position: number; readonly bytes: Buffer } | undefined> {
    const part = parts.find((one) => position < one.to);
    if (part === undefined) return undefined;
    const at = Math.max(position, part.from);
    const bytes = await readAt(part.path, at - part.from, Math.min(bytesMax, part.to - at));
    // Empty: the part was removed just now; the next one follows it.
    return bytes.length === 0 ? { position: part.to, bytes } : { position: at, bytes };
  }
}

/** Place of the first of the last `count` lines between `from` and `to`; with 0, of the line that is not finished there. Looks back in steps, so a short tail of a large log is cheap. */
export async function findTail(
  source: LogSource,
  { from, to, count }: { readonly from: number; readonly to: number; readonly count: number },
): Promise<number> {
  // One newline more than lines, unless the last line is unfinished.
  let wanted = Math.max(1, count);
  let isAtEnd = true;
  for (let high = to; high > from; ) {
    const low = Math.max(from, high - CHUNK_BYTES);
    const block = await readBetween(source, low, high);
    // Where somebody has emptied the file there are places without bytes.
    if (isAtEnd && block.at(-1) === 10 && count > 0) wanted++;
    if (block.length > 0) isAtEnd = false;
    for (let index = block.lastIndexOf(10); index >= 0; index = index === 0 ? -1 : block.lastIndexOf(10, index - 1)) {
      wanted--;
      if (wanted === 0) return low + index + 1;
    }
    high = low;
  }
  return from;
}

async function readBetween(source: LogSource, low: number, high: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let position = low; position < high; ) {
    const chunk = await source.read(position, high - position);
    if (chunk === undefined) break;
    pieces.push(chunk.bytes);
    position = chunk.position + chunk.bytes.length;
  }
  return Buffer.concat(pieces);
}

/** Cuts text at line ends; what has no end yet waits, up to a chunk's size. */
class LineChunks {
  readonly #decoder = new StringDecoder("utf8");
  #waiting = "";

  push(bytes: Buffer): string {
    const text = this.#waiting + this.#decoder.write(bytes);
    const newline = text.lastIndexOf("\n");
    if (newline < 0 && text.length >= CHUNK_BYTES) {
      this.#waiting = "";
      return text;
    }
    this.#waiting = text.slice(newline + 1);
    return text.slice(0, newline + 1);
  }

  rest(): string {
    const text = this.#waiting + this.#decoder.end();
    this.#waiting = "";
    return text;
  }
}

async function readAt(file: string, position: number, bytesMax: number): Promise<Buffer> {
  try {
    const handle = await open(file, "r");
    try {
      const buffer = Buffer.alloc(bytesMax);
      const { bytesRead } = await handle.read(buffer, 0, bytesMax, position);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

async function lengthOf(file: string): Promise<number> {
  try {
    const handle = await open(file, "r");
    try {
      return (await handle.stat()).size;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}

/** Resolves when the file may have changed, after `FOLLOW_MS` at the latest, or when `signal` aborts. */
export async function waitForChange(file: string, isChanged: () => Promise<boolean>, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = (): void => resolve();
  const timer = setTimeout(wake, FOLLOW_MS);
  signal?.addEventListener("abort", wake, { once: true });
  let watcher: ReturnType<typeof watch> | undefined;
  try {
    watcher = watch(file, wake);
    watcher.on("error", wake);
  } catch {
    // Not there yet, or no watches left: the timer does.
  }
  try {
    // What was written between the last read and the watch would wake nobody.
    if (signal?.aborted !== true && !(await isChanged())) await promise;
  } finally {
    clearTimeout(timer);
    watcher?.close();
    signal?.removeEventListener("abort", wake);
  }
}
