import { LogSource, readLogLines, readTimeNotes, type TimeNote } from "#/work/process/index.ts";
import { cleanText } from "../core/clean-text.ts";
import { type JoinedRecord, RecordJoiner } from "../core/joining.ts";
import { recogniseTime } from "../core/level.ts";
import type { Masker } from "../core/mask.ts";

/** A log that is written to. */
export interface LiveSource {
  /** That of the Instance, or the name of a process of the platform. */
  readonly uid: string;
  readonly instance: string;
  readonly logPath: string;
  /** Nobody notes its times: its lines tell them themselves. */
  readonly hasOwnTimes?: boolean;
  /** Nobody writes to it any more: its last line is whole, too. */
  readonly isOver?: boolean;
  /** Values that must not be seen. */
  readonly secrets?: readonly string[];
}

/** A line without an end is a record when so many bytes of it have come: the rest is another. */
const OPEN_LINE_BYTES_MAX = 1024 * 1024;

export interface ReadOptions {
  readonly from: number;
  /** At most about so many bytes. */
  readonly bytesMax: number;
  readonly nowMs: number;
  readonly masker: Masker;
  /** True: also what is not whole yet. */
  readonly hasOpen: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The records of a log from a place on, in batches. What belongs to a record that may still grow is left for the next time, unless it is asked for.
 *  Where the log was emptied or replaced it begins at what is there. */
export async function* readRecords(source: LiveSource, options: ReadOptions): AsyncGenerator<readonly JoinedRecord[], void, undefined> {
  const { from, bytesMax, nowMs, masker, hasOpen, signal } = options;
  const isWhole = hasOpen || source.isOver === true;
  const notes: readonly TimeNote[] = source.hasOwnTimes === true ? [] : readTimeNotes(source.logPath);
  const end = await new LogSource(source.logPath).end();
  const to = Math.min(end, from + bytesMax);
  const joiner = new RecordJoiner();
  const times = { note: () => end, list: () => notes };
  let formerMs = 0;
  const finish = (record: JoinedRecord): JoinedRecord => ({ ...record, text: masker.mask(record.text) });
  for await (const lines of readLogLines(source.logPath, times, { from, to, hasPlaces: true, signal })) {
    const records: JoinedRecord[] = [];
    for (const line of lines) {
      const place = line.end ?? to;
      // The end of what is read, not of the line.
      const isCutHere = line.isOpen === true && place < end;
      const isEndless = line.bytes.length + (line.cut ?? 0) >= OPEN_LINE_BYTES_MAX;
      if (line.isOpen === true && !isEndless && (isCutHere || !isWhole)) continue;
      const text = cleanText(line.bytes.toString("utf8"));
      formerMs = Math.max(formerMs, line.atMs ?? (source.hasOwnTimes === true ? recogniseTime(text) : undefined) ?? formerMs);
      const whole = joiner.push({ text, atMs: formerMs === 0 ? nowMs : formerMs, end: place, ...(line.cut !== undefined && { cut: line.cut }) });
      if (whole !== undefined) records.push(finish(whole));
      const endless = line.isOpen === true && isEndless ? joiner.flush() : undefined;
      if (endless !== undefined) records.push(finish(endless));
    }
    if (records.length > 0) yield records;
  }
  // More stands behind: what is open may go on there.
  const last = to < end ? undefined : isWhole ? joiner.flush() : joiner.idle(nowMs);
  if (last !== undefined) yield [finish(last)];
}
