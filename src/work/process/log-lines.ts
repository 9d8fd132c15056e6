import { findTail, LogSource, waitForChange } from "./log-reader.ts";
import type { TimeNote } from "./log-times.ts";

/** A line of a log. */
export interface TimedLine {
  /** Without its newline. */
  readonly bytes: Buffer;
  /** It was written until then (Unix milliseconds); absent: nobody knows. */
  readonly atMs?: number;
  /** Not before that; 0: nobody knows. */
  readonly sinceMs?: number;
  /** Bytes of it that are left out at its end. */
  readonly cut?: number;
  /** It has no newline (yet). */
  readonly isOpen?: true;
  /** Place after it, and after its newline; where places were asked for. */
  readonly end?: number;
}

export interface LineOptions {
  /** Only the last so many that are wanted otherwise; default all that is kept. */
  readonly tailLines?: number | undefined;
  readonly follow?: boolean;
  /** Places of the first byte and after the last. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Only lines that may have been written then or later, then or before. */
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
  /** Only these; asked with the line as it is given. */
  readonly isWanted?: ((bytes: Buffer) => boolean) | undefined;
  /** Each line tells its place. Default false. */
  readonly hasPlaces?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Who knows the times of a log. */
export interface TimesOfLog {
  /** Looks now; returns the place up to which times are known. */
  note(): number;
  list(): readonly TimeNote[];
}

/** Of a longer line only the beginning is given. */
export const LINE_BYTES_MAX: number = 256 * 1024;
const CHUNK_BYTES = 64 * 1024;
const TAIL_LINES_MAX = 100_000;

/** The lines of a log over its rotated parts and its file, in order, each with its time, in batches that are at most a chunk of 64 KiB and one line long. An empty batch, once, while following: what was there before has been given.
 *  What it costs grows with the bytes that are read, whatever lines they are, and it holds one batch. Ends without an error when `signal` aborts. */
export async function* readLogLines(logPath: string, times: TimesOfLog, options: LineOptions = {}): AsyncGenerator<TimedLine[], void, undefined> {
  const source = new LogSource(logPath);
  times.note();
  const notes = times.list();
  const begin = Math.max(options.from ?? 0, await source.begin());
  const end = Math.max(begin, Math.min(options.to ?? Number.POSITIVE_INFINITY, await source.end()));
  const from = options.sinceMs === undefined ? begin : Math.max(begin, Math.min(end, placeAt(notes, options.sinceMs)));
  const start = await firstLine(source, begin, from);
  const position = await findStart({ source, times, start, end, options });
  const reader = new LineReader(source, new NoteCursor(times), options);
  yield* reader.read(position, end);
  if (options.follow !== true) return yield* nonEmpty(reader.rest());
  yield [];
  while (options.signal?.aborted !== true) {
    const known = times.note();
    // As far as it was looked at: every line has its time.
    if (known > reader.position) yield* reader.read(reader.position, known);
    else await waitForChange(logPath, async () => times.note() > reader.position, options.signal);
  }
}

function* nonEmpty(lines: TimedLine[]): Generator<TimedLine[], void, undefined> {
  if (lines.length > 0) yield lines;
}

/** Where what may have been written at `sinceMs` or later begins. */
function placeAt(notes: readonly TimeNote[], sinceMs: number): number {
  const index = notes.findIndex((one) => one.atMs >= sinceMs);
  if (index < 0) return notes.at(-1)?.offset ?? 0;
  return index === 0 ? 0 : (notes[index - 1] as TimeNote).offset;
}

/** The line that the byte before `from` belongs to was written later than that byte: it is read from its beginning. */
async function firstLine(source: LogSource, begin: number, from: number): Promise<number> {
  return from <= begin ? begin : await findTail(source, { from: begin, to: from, count: 0 });
}

/** Where the last `tailLines` of what is wanted begin. */
async function findStart(search: {
  readonly source: LogSource;
  readonly times: TimesOfLog;
  readonly start: number;
  readonly end: number;
  readonly options: LineOptions;
}): Promise<number> {
  const { source, times, start, end, options } = search;
  if (options.tailLines === undefined) return start;
  const count = Math.min(options.tailLines, TAIL_LINES_MAX);
  if (count === 0) return end;
  const isPlain = options.isWanted === undefined && options.untilMs === undefined && options.sinceMs === undefined;
  if (isPlain) return await findTail(source, { from: start, to: end, count });
  // The places of the last that are wanted, in a ring: the lines themselves may be long.
  const places: number[] = [];
  let found = 0;
  const reader = new LineReader(source, new NoteCursor(times), options, (place) => {
    places[found++ % count] = place;
  });
  for await (const _ of reader.read(start, end));
  reader.rest();
  return found === 0 ? end : (places[found <= count ? 0 : found % count] as number);
}

/** Finds the time of a place; places only rise. */
class NoteCursor {
  readonly #times: TimesOfLog;
  #notes: readonly TimeNote[];
  #index = 0;

  constructor(times: TimesOfLog) {
    this.#times = times;
    this.#notes = times.list();
  }

  timeOf(place: number): Pick<TimedLine, "atMs" | "sinceMs"> {
    this.#advance(place);
    if (this.#index >= this.#notes.length) {
      this.#notes = this.#times.list();
      this.#index = 0;
      this.#advance(place);
    }
    const note = this.#notes[this.#index];
    return note === undefined ? {} : { atMs: note.atMs, sinceMs: note.sinceMs };
  }

  #advance(place: number): void {
    while (this.#index < this.#notes.length && (this.#notes[this.#index] as TimeNote).offset < place) this.#index++;
  }
}

/** Cuts bytes into the lines that are wanted. */
class LineReader {
  readonly #source: LogSource;
  readonly #notes: NoteCursor;
  readonly #options: LineOptions;
  readonly #onWanted: ((place: number) => void) | undefined;
  #parts: Buffer[] = [];
  #kept = 0;
  #cut = 0;
  /** Place of the first byte of the line that is being read. */
  #lineFrom = 0;
  position = 0;

  constructor(source: LogSource, notes: NoteCursor, options: LineOptions, onWanted?: (place: number) => void) {
    this.#source = source;
    this.#notes = notes;
    this.#options = options;
    this.#onWanted = onWanted;
  }

  async *read(from: number, to: number): AsyncGenerator<TimedLine[], void, undefined> {
    this.position = from;
    if (this.#kept === 0 && this.#cut === 0) this.#lineFrom = from;
    while (this.position < to && this.#options.signal?.aborted !== true) {
      const chunk = await this.#source.read(this.position, Math.min(CHUNK_BYTES, to - this.position));
      if (chunk === undefined) return;
      // What was between is gone: the line that has begun there has no end.
      if (chunk.position > this.position && chunk.bytes.length > 0) this.#forget(chunk.position);
      this.position = chunk.position + chunk.bytes.length;
      const lines = this.#take(chunk.bytes, chunk.position);
      if (lines.length > 0) yield lines;
    }
  }

  /** The line that has no newline. */
  rest(): TimedLine[] {
    if (this.#kept === 0) return [];
    const line = this.#finish(this.position);
    return line === undefined ? [] : [{ ...line, isOpen: true }];
  }

  #forget(place: number): void {
    this.#parts = [];
    this.#kept = 0;
    this.#cut = 0;
    this.#lineFrom = place;
  }

  #take(bytes: Buffer, place: number): TimedLine[] {
    const lines: TimedLine[] = [];
    let start = 0;
    for (let newline = bytes.indexOf(10); newline >= 0; newline = bytes.indexOf(10, start)) {
      this.#keep(bytes.subarray(start, newline));
      const line = this.#finish(place + newline + 1);
      if (line !== undefined) lines.push(line);
      start = newline + 1;
    }
    if (start < bytes.length) this.#keep(bytes.subarray(start));
    return lines;
  }

  #keep(part: Buffer): void {
    const room = LINE_BYTES_MAX - this.#kept;
    if (room > 0 && part.length > 0) this.#parts.push(part.subarray(0, room));
    this.#kept += Math.min(room, part.length);
    this.#cut += Math.max(0, part.length - room);
  }

  /** `undefined`: it is not wanted. `end`: the place after its newline. */
  #finish(end: number): TimedLine | undefined {
    const { sinceMs, untilMs, isWanted } = this.#options;
    const bytes = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    const cut = this.#cut;
    const from = this.#lineFrom;
    this.#forget(end);
    const time = this.#notes.timeOf(end);
    if (sinceMs !== undefined && (time.atMs ?? 0) < sinceMs) return undefined;
    if (untilMs !== undefined && (time.sinceMs ?? 0) > untilMs) return undefined;
    if (isWanted !== undefined && !isWanted(bytes)) return undefined;
    this.#onWanted?.(from);
    return { bytes, ...time, ...(cut === 0 ? {} : { cut }), ...(this.#options.hasPlaces === true && { end }) };
  }
}
