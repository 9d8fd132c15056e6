import { isUtf8 } from "node:buffer";
import type { LogLine, LogQuestion } from "#/state/link/index.ts";
import { readLogLines, type TimedLine, type TimesOfLog } from "#/work/process/index.ts";

/** The lines of a log that `question` asks for, as they cross the link. `run`: places of the first byte of the run that is meant, and after its last. */
export async function* readLines(
  logPath: string,
  times: TimesOfLog,
  question: LogQuestion,
  run: { readonly from?: number; readonly to?: number; readonly signal: AbortSignal },
): AsyncGenerator<LogLine[], void, undefined> {
  const { follow, tailLines, sinceMs, untilMs, texts, ignoreCase } = question;
  const isWanted = texts === undefined || texts.length === 0 ? undefined : holding(texts, ignoreCase === true);
  for await (const lines of readLogLines(logPath, times, { follow, tailLines, sinceMs, untilMs, isWanted, ...run })) yield lines.map(crossing);
}

/** Looks for texts, not for patterns: what that costs grows with the line alone, whatever somebody looks for. */
function holding(texts: readonly string[], ignoreCase: boolean): (bytes: Buffer) => boolean {
  if (!ignoreCase) {
    const wanted = texts.map((text) => Buffer.from(text));
    return (bytes) => wanted.some((one) => bytes.includes(one));
  }
  const wanted = texts.map((text) => text.toLowerCase());
  return (bytes) => {
    const line = bytes.toString("utf8").toLowerCase();
    return wanted.some((one) => line.includes(one));
  };
}

function crossing({ bytes, atMs, sinceMs, cut, isOpen }: TimedLine): LogLine {
  // What was cut ends inside of a character, perhaps.
  const whole = cut === undefined ? bytes : bytes.subarray(0, wholeCharacters(bytes));
  const isText = isUtf8(whole);
  return {
    text: isText ? whole.toString("utf8") : bytes.toString("latin1"),
    ...(isText ? {} : { isBinary: true }),
    ...(atMs === undefined ? {} : { atMs }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(cut === undefined ? {} : { cut: cut + (isText ? bytes.length - whole.length : 0) }),
    ...(isOpen === true ? { isOpen } : {}),
  };
}

/** Length without the beginning of a character at the end (UTF-8). */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return bytes.length;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
