/** The lines that a page of logs holds: bounded, in order, and still while somebody reads. Pure. */
import type { LogRow } from "../../../../src/face/views/protocol.ts";

export const LINES_MAX = 20_000;

export interface BookLine extends LogRow {
  /** Counts on, so that a line keeps its name while others go. */
  readonly number: number;
}

export interface Book {
  readonly shown: readonly BookLine[];
  /** Came while somebody was reading. */
  readonly waiting: readonly BookLine[];
  readonly isPaused: boolean;
  /** Lines that had to go, the oldest first. */
  readonly dropped: number;
  readonly next: number;
}

export const EMPTY_BOOK: Book = { shown: [], waiting: [], isPaused: false, dropped: 0, next: 0 };

/** `isFresh`: they are all that there is; what stood there before is of another question. */
export function takeLines(book: Book, came: readonly LogRow[], isFresh: boolean): Book {
  const lines = came.map((line, index) => ({ ...line, number: book.next + index }));
  const next = book.next + lines.length;
  if (isFresh) return bounded({ ...EMPTY_BOOK, isPaused: book.isPaused, next, shown: lines });
  return bounded(book.isPaused ? { ...book, next, waiting: book.waiting.concat(lines) } : { ...book, next, shown: book.shown.concat(lines) });
}

export function pauseBook(book: Book): Book {
  return book.isPaused ? book : { ...book, isPaused: true };
}

/** What waited is shown. */
export function resumeBook(book: Book): Book {
  if (!book.isPaused) return book;
  return bounded({ ...book, isPaused: false, shown: book.shown.concat(book.waiting), waiting: [] });
}

function bounded(book: Book): Book {
  const shown = book.shown.length > LINES_MAX ? book.shown.slice(-LINES_MAX) : book.shown;
  const waiting = book.waiting.length > LINES_MAX ? book.waiting.slice(-LINES_MAX) : book.waiting;
  const gone = book.shown.length - shown.length + book.waiting.length - waiting.length;
  return gone === 0 ? book : { ...book, shown, waiting, dropped: book.dropped + gone };
}

const HUES = 8;

/** The colour of an instance: the same on every page and every day. */
export function hueOf(instance: string): number {
  let sum = 0;
  for (let index = 0; index < instance.length; index += 1) sum = (sum * 31 + instance.charCodeAt(index)) % 1_000_003;
  return sum % HUES;
}

const TRACE = /(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])/i;
const TRACEPARENT = /(?<![0-9a-f])[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?![0-9a-f])/i;

/** The trace id in a text: a `traceparent`, or 32 hexadecimal digits; one of zeros is none. */
export function traceIn(text: string): string | undefined {
  const found = (TRACEPARENT.exec(text)?.[1] ?? TRACE.exec(text)?.[0])?.toLowerCase();
  return found === undefined || /^0+$/.test(found) ? undefined : found;
}

/** `2026-11-30T19:50` of an input, as UTC, for the API; undefined: no time. */
export function utcTime(text: string): string | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?$/.test(text)) return undefined;
  const ms = Date.parse(`${text}Z`);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}

interface JsonLine {
  readonly instance?: string;
  readonly service?: string;
  readonly time?: string;
  readonly text?: string;
  readonly base64?: string;
}

/** Lines of `/logs?format=json`; what cannot be read is shown as it came. */
export function readJsonLines(body: unknown): readonly LogRow[] {
  // An answer of one line has been read as JSON already.
  const values =
    typeof body === "string"
      ? body
          .split("\n")
          .filter((line) => line !== "")
          .map(parse)
      : body === undefined || body === null
        ? []
        : [body];
  return values.map((value) => {
    const {
      instance = "",
      service,
      time,
      text,
      base64,
    } = (typeof value === "object" && value !== null ? value : { text: String(value) }) as JsonLine;
    return {
      instance,
      text: text ?? (base64 === undefined ? JSON.stringify(value) : decode(base64)),
      ...(service !== undefined && { service }),
      ...(time !== undefined && { at: time }),
      ...(base64 !== undefined && { isBinary: true }),
    };
  });
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}

function decode(base64: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (one) => one.charCodeAt(0)));
  } catch {
    return base64;
  }
}
