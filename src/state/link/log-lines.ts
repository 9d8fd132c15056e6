import { OrreryError } from "#/base/index.ts";

/** A line of an instance's output, as it crosses links. */
export interface LogLine {
  readonly text: string;
  /** It is no UTF-8: each character of `text` stands for one byte (latin1). */
  readonly isBinary?: true;
  /** Written until then, Unix milliseconds; absent: nobody knows. */
  readonly atMs?: number;
  /** Not written before that, where this is not the same; 0: nobody knows. */
  readonly sinceMs?: number;
  /** Bytes that are left out at its end. */
  readonly cut?: number;
  /** It has no newline. */
  readonly isOpen?: true;
}

/** Which lines of an instance are wanted; an agent reads the rest of its own method's parameters beside them. */
export interface LogQuestion {
  readonly follow: boolean;
  readonly previous: boolean;
  /** The last so many of those that are wanted otherwise. */
  readonly tailLines?: number;
  /** Unix milliseconds. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
  /** Only lines that hold one of these texts. */
  readonly texts?: readonly string[];
  readonly ignoreCase?: boolean;
}

type Wire = readonly [text: string, at: number | null, since?: number | null, flags?: number, cut?: number];
const BINARY = 1;
const OPEN = 2;

/** One item of the stream `log/lines`. No lines: what was there when it was asked has been given. */
export function encodeLines(lines: readonly LogLine[]): unknown {
  return lines.map(({ text, atMs, sinceMs, isBinary, isOpen, cut }): Wire => {
    const flags = (isBinary === true ? BINARY : 0) + (isOpen === true ? OPEN : 0);
    const since = sinceMs === atMs ? undefined : sinceMs;
    if (since === undefined && flags === 0 && cut === undefined) return [text, atMs ?? null];
    return [text, atMs ?? null, since ?? null, flags, cut ?? 0];
  });
}

/** @throws link/malformed: it is no item of `log/lines` */
export function decodeLines(item: unknown): LogLine[] {
  if (!Array.isArray(item)) throw new OrreryError("link/malformed", "lines of a log: not a list");
  return item.map((one: unknown): LogLine => {
    if (!Array.isArray(one) || typeof one[0] !== "string") throw new OrreryError("link/malformed", "a line of a log: not a text");
    const [text, at, since, flags, cut] = one as unknown as Wire;
    return {
      text,
      ...(typeof at === "number" ? { atMs: at } : {}),
      ...(typeof since === "number" ? { sinceMs: since } : {}),
      ...(((flags ?? 0) & BINARY) === 0 ? {} : { isBinary: true }),
      ...(((flags ?? 0) & OPEN) === 0 ? {} : { isOpen: true }),
      ...(typeof cut === "number" && cut > 0 ? { cut } : {}),
    };
  });
}
