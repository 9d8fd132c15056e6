import { appendFileSync, type FSWatcher, readFileSync, statSync, watch } from "node:fs";
import { replaceFile } from "./durable-file.ts";
import { listLogParts } from "./log-file.ts";

/** What is known of a moment: up to `offset`, and after the note before, the log was written between `sinceMs` and `atMs` (Unix milliseconds). `sinceMs` is 0 where nobody knows. */
export interface TimeNote {
  readonly offset: number;
  readonly atMs: number;
  readonly sinceMs: number;
}

/** While the file is watched its growth is seen at once: normally within some milliseconds, and surely within this, as long as the agent's own loop turns. */
export const WATCHED_MS = 1000;
/** At most one note in this time: a chatty service costs no more. */
const NOTE_EVERY_MS = 50;
const FLUSH_MS = 1000;
/** Above so many notes the older half is thinned: times there become ranges twice as long. Some 1.2 MiB of file. */
const NOTES_MAX = 40_000;
const PENDING_MAX = 4000;

/** Where a log's notes are kept. */
export function timesPath(logPath: string): string {
  return `${logPath}.times`;
}

/** Notes when a log grows, so that each of its lines has a time. A process writes into its log itself and goes on without the agent; so the agent looks at the file: it is woken by the system (inotify), notes length and time, and where it was away or stood still it says since when it does not know.
 *  One line for each note: `<offset> <at>` or, where it is no better known, `<offset> <at> <since>`. */
export class LogTimes {
  readonly #logPath: string;
  readonly #nowMs: () => number;
  #pending: TimeNote[] = [];
  #kept = 0;
  #offset = 0;
  #lookedMs = 0;
  #notedMs = 0;
  #watcher: FSWatcher | undefined;
  #noteTimer: NodeJS.Timeout | undefined;
  #flushTimer: NodeJS.Timeout | undefined;

  /** Takes up what was noted before; the first look tells that nobody has looked since. */
  constructor(logPath: string, nowMs: () => number) {
    this.#logPath = logPath;
    this.#nowMs = nowMs;
    const notes = this.#read();
    this.#kept = notes.length;
    this.#offset = notes.at(-1)?.offset ?? 0;
    this.#lookedMs = notes.at(-1)?.atMs ?? 0;
  }

  /** The place up to which the log was noted. */
  get knownEnd(): number {
    return this.#offset;
  }

  /** Watches the file as it is now (a start may put another one in its place). */
  watch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.note();
    pulse.begin(this.#nowMs);
    try {
      this.#watcher = watch(this.#logPath, { persistent: false }, () => this.#grown());
      this.#watcher.on("error", () => this.#unwatch());
    } catch {
      // No watches left: who calls `note` now and then gives the times that there are.
    }
  }

  /** Looks at the file now. Returns its noted length. */
  note(): number {
    const nowMs = this.#nowMs();
    const length = lengthOf(this.#logPath);
    if (length > this.#offset) {
      const watchedSinceMs = this.#watcher === undefined ? 0 : pulse.beforeLastMs;
      this.#put({ offset: length, atMs: nowMs, sinceMs: Math.min(nowMs, Math.max(this.#lookedMs, watchedSinceMs)) });
      this.#offset = length;
    }
    // Shorter than it was: whoever rotates it mends that, and its places go on.
    if (length >= this.#offset) this.#lookedMs = nowMs;
    return this.#offset;
  }

  /** The notes that are kept, oldest first. */
  list(): readonly TimeNote[] {
    return [...this.#read(), ...this.#pending];
  }

  /** Writes what is not written yet. Call it now and then, too: it thins what has become too much. */
  flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    if (this.#pending.length === 0) return;
    try {
      appendFileSync(timesPath(this.#logPath), this.#pending.map(encode).join(""), { mode: 0o600 });
      this.#kept += this.#pending.length;
      this.#pending = [];
    } catch {
      // A full disk: kept in memory, coarser if it takes long.
      if (this.#pending.length > PENDING_MAX) this.#pending = thin(this.#pending, this.#pending.length);
      this.#planFlush();
    }
  }

  /** Forgets notes of what rotation has taken away, and thins what is too much. */
  async tidy(): Promise<void> {
    if (this.#kept <= NOTES_MAX) return;
    this.flush();
    const begin = (await listLogParts(this.#logPath))[0]?.from ?? 0;
    const notes = this.#read();
    // The last one before the begin says since when.
    const first = notes.findIndex((one) => one.offset > begin);
    const kept = notes.slice(Math.max(0, first - 1));
    const thinned = kept.length > NOTES_MAX / 2 ? thin(kept, Math.ceil(kept.length / 2)) : kept;
    try {
      replaceFile(timesPath(this.#logPath), thinned.map(encode).join(""));
      this.#kept = thinned.length;
    } catch {
      // A full disk: the next time.
    }
  }

  end(): void {
    this.#unwatch();
    clearTimeout(this.#noteTimer);
    this.#noteTimer = undefined;
    this.flush();
    clearTimeout(this.#flushTimer);
  }

  #grown(): void {
    if (this.#noteTimer !== undefined) return;
    const waitMs = this.#notedMs + NOTE_EVERY_MS - performance.now();
    if (waitMs <= 0) return void this.note();
    this.#noteTimer = setTimeout(() => {
      this.#noteTimer = undefined;
      this.note();
    }, waitMs).unref();
  }

  #put(note: TimeNote): void {
    this.#notedMs = performance.now();
    this.#pending.push(note);
    this.#planFlush();
  }

  #planFlush(): void {
    this.#flushTimer ??= setTimeout(() => this.flush(), FLUSH_MS).unref();
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #read(): TimeNote[] {
    return readTimeNotes(this.#logPath);
  }
}

/** The notes of a log that are on disk, for who does not note them. */
export function readTimeNotes(logPath: string): TimeNote[] {
  try {
    return decode(readFileSync(timesPath(logPath), "latin1"));
  } catch {
    // Not there, or not readable: times are lost, lines are not.
    return [];
  }
}

function encode({ offset, atMs, sinceMs }: TimeNote): string {
  return sinceMs > 0 && atMs - sinceMs <= WATCHED_MS ? `${offset} ${atMs}\n` : `${offset} ${atMs} ${sinceMs}\n`;
}

/** Lines that are no notes (a crash in the middle of a write) are left out, and so is what does not go on from before. */
function decode(text: string): TimeNote[] {
  const notes: TimeNote[] = [];
  for (const line of text.split("\n")) {
    const found = /^(\d{1,15}) (\d{1,15})(?: (\d{1,15}))?$/.exec(line);
    if (found === null) continue;
    const [offset, atMs] = [Number(found[1]), Number(found[2])];
    const former = notes.at(-1);
    if (offset <= (former?.offset ?? -1)) continue;
    // The note before tells that it was not there then.
    const sinceMs = found[3] === undefined ? Math.min(atMs, Math.max(former?.atMs ?? 0, atMs - WATCHED_MS)) : Number(found[3]);
    notes.push({ offset, atMs, sinceMs });
  }
  return notes;
}

/** Of the first `count` notes each pair becomes one: what was written in either was written in the time of both. */
function thin(notes: readonly TimeNote[], count: number): TimeNote[] {
  const thinned: TimeNote[] = [];
  for (let index = 0; index + 1 < count; index += 2) {
    const [first, second] = [notes[index] as TimeNote, notes[index + 1] as TimeNote];
    thinned.push({ ...second, sinceMs: Math.min(first.sinceMs, second.sinceMs) });
  }
  return [...thinned, ...notes.slice(count - (count % 2))];
}

/** Tells that this process' loop has turned: a file's growth that is told now came after the beat before the last. */
class Pulse {
  beforeLastMs = 0;
  #lastMs = 0;
  #isBeating = false;

  begin(nowMs: () => number): void {
    if (this.#isBeating) return;
    this.#isBeating = true;
    setInterval(() => {
      this.beforeLastMs = this.#lastMs;
      this.#lastMs = nowMs();
    }, WATCHED_MS / 2).unref();
  }
}

const pulse = new Pulse();

function lengthOf(file: string): number {
  try {
    return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return 0;
  }
}
