import { setImmediate } from "node:timers/promises";
import type { Clock } from "#/base/index.ts";
import type { LogLine } from "#/state/link/index.ts";

/** A line and whose it is. */
export interface OwnedLine<O> {
  readonly owner: O;
  readonly line: LogLine;
}

/** A source that is quiet is waited for this long: what is written at one time on two hosts comes in its order. */
const QUIET_MS = 250;
/** While following: so long for a source's first word. */
const FIRST_WORD_MS = 5000;
const BATCH_LINES = 256;
/** While following, a source is read ahead as long as less than this waits of it: what is held back for the others must not hold back what comes behind it. */
const AHEAD_CHARACTERS = 64 * 1024;
/** What a line takes beside its text. */
const LINE_CHARACTERS = 64;

interface Batch {
  readonly lines: readonly LogLine[];
  readonly arrivedMs: number;
}

interface Source<O> {
  readonly owner: O;
  readonly order: number;
  lines: readonly LogLine[];
  index: number;
  /** When `lines` came; before the first ones, when it was added. */
  arrivedMs: number;
  /** What came behind `lines`, oldest first. */
  readonly behind: Batch[];
  /** In `lines` and `behind`. */
  characters: number;
  /** Time of the line before, for those that have none. */
  timeMs: number;
  isCaughtUp: boolean;
  isDone: boolean;
  taken: () => void;
}

/** Merges the lines of several instances into one stream in the order of their times; those of one instance keep their own order. Holds one batch of each source, and reads a source on only when that was taken; while following, some more if they are small. Sources may be added while it runs; what ends with an error gives that as its last line. */
export class LogMerge<O> implements AsyncIterable<OwnedLine<O>[]> {
  readonly #clock: Clock;
  readonly #isFollowing: boolean;
  readonly #sources = new Set<Source<O>>();
  #order = 0;
  #isSealed = false;
  #isLeft = false;
  #wake: () => void = () => {};

  constructor(clock: Clock, isFollowing: boolean) {
    this.#clock = clock;
    this.#isFollowing = isFollowing;
  }

  add(owner: O, batches: AsyncIterable<readonly LogLine[]>): void {
    const source: Source<O> = {
      owner,
      order: this.#order++,
      lines: [],
      index: 0,
      arrivedMs: this.#clock.monotonic(),
      behind: [],
      characters: 0,
      timeMs: 0,
      isCaughtUp: false,
      isDone: false,
      taken: () => {},
    };
    this.#sources.add(source);
    void this.#pump(source, batches);
  }

  /** No more sources will be added: the merge ends with the last of them. */
  seal(): void {
    this.#isSealed = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<OwnedLine<O>[], void, undefined> {
    try {
      for (;;) {
        const batch = this.#take();
        if (batch.length > 0) {
          yield batch;
          // Links and health have their turn between two batches.
          await setImmediate();
        } else if (this.#isSealed && this.#sources.size === 0) return;
        else await this.#wait();
      }
    } finally {
      // Who reads has left: what is held back may go.
      this.#isLeft = true;
      for (const source of this.#sources) source.taken();
    }
  }

  /** What can be given now. */
  #take(): OwnedLine<O>[] {
    const batch: OwnedLine<O>[] = [];
    const heads = [...this.#sources].filter(hasHead).sort(byTime);
    const silent = [...this.#sources].filter((one) => !hasHead(one) && !one.isDone);
    while (batch.length < BATCH_LINES) {
      const [first] = heads;
      if (first === undefined || !this.#mayGive(first, silent)) break;
      const line = first.lines[first.index++] as LogLine;
      batch.push({ owner: first.owner, line });
      first.timeMs = timeOf(line, first.timeMs);
      heads.shift();
      if (!hasHead(first)) this.#moveUp(first);
      if (hasHead(first)) insert(heads, first);
      // It may have more of the same time.
      else break;
    }
    for (const source of this.#sources) if (source.isDone && !hasHead(source)) this.#sources.delete(source);
    return batch;
  }

  /** True if no other source can have an earlier line, as far as is waited for that. */
  #mayGive(first: Source<O>, silent: readonly Source<O>[]): boolean {
    if (silent.length === 0) return true;
    const nowMs = this.#clock.monotonic();
    return silent.every((source) => nowMs >= this.#patienceEndsMs(source, first));
  }

  #patienceEndsMs(silent: Source<O>, first: Source<O>): number {
    if (!this.#isFollowing) return Number.POSITIVE_INFINITY;
    return silent.isCaughtUp ? first.arrivedMs + QUIET_MS : silent.arrivedMs + FIRST_WORD_MS;
  }

  async #wait(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const isAnyHead = [...this.#sources].some(hasHead);
    const cancel = isAnyHead && this.#isFollowing ? this.#clock.after(QUIET_MS / 5, resolve, { background: true }) : (): void => {};
    await promise;
    cancel();
  }

  async #pump(source: Source<O>, batches: AsyncIterable<readonly LogLine[]>): Promise<void> {
    try {
      for await (const lines of batches) {
        if (lines.length === 0) {
          source.isCaughtUp = true;
          this.#wake();
        } else await this.#put(source, lines);
        if (this.#isLeft) break;
      }
    } catch (error) {
      await this.#put(source, [{ text: `(cannot be read: ${error instanceof Error ? error.message : String(error)})` }]);
    }
    source.isDone = true;
    this.#wake();
    // Gone from the set when its last line is taken; without any, now.
    if (!hasHead(source)) this.#sources.delete(source);
  }

  /** Resolves when more of the source may be read. */
  #put(source: Source<O>, lines: readonly LogLine[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    source.behind.push({ lines, arrivedMs: this.#clock.monotonic() });
    source.characters += lengthOf(lines);
    source.taken = resolve;
    if (!hasHead(source)) this.#moveUp(source);
    else if (this.#mayReadAhead(source)) resolve();
    this.#wake();
    return promise;
  }

  /** All of `lines` was taken: what came behind them stands in their place. */
  #moveUp(source: Source<O>): void {
    source.characters -= lengthOf(source.lines);
    const next = source.behind.shift();
    source.lines = next?.lines ?? [];
    source.index = 0;
    if (next !== undefined) source.arrivedMs = next.arrivedMs;
    if (next === undefined || this.#mayReadAhead(source)) source.taken();
  }

  #mayReadAhead(source: Source<O>): boolean {
    return this.#isFollowing && source.characters < AHEAD_CHARACTERS;
  }
}

function hasHead<O>(source: Source<O>): boolean {
  return source.index < source.lines.length;
}

function lengthOf(lines: readonly LogLine[]): number {
  return lines.reduce((sum, { text }) => sum + text.length + LINE_CHARACTERS, 0);
}

/** One that has no time comes right after the line before it. */
function timeOf(line: LogLine | undefined, formerMs: number): number {
  return Math.max(formerMs, line?.atMs ?? 0);
}

function byTime<O>(a: Source<O>, b: Source<O>): number {
  return timeOf(a.lines[a.index], a.timeMs) - timeOf(b.lines[b.index], b.timeMs) || a.order - b.order;
}

/** `list` is ordered, and stays so. */
function insert<O>(list: Source<O>[], source: Source<O>): void {
  let low = 0;
  for (let high = list.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if (byTime(list[middle] as Source<O>, source) <= 0) low = middle + 1;
    else high = middle;
  }
  list.splice(low, 0, source);
}
