import { crc32 } from "node:zlib";
import { type Clock, describeError, isOrreryError, type Log } from "#/base/index.ts";
import { type BlockRef, type Segment, SegmentFolder, type SegmentFooter } from "#/watch/segments/index.ts";
import { CALLS_MAX, type CallQuery, type CallsFound, compareCalls, matches, mayMatch } from "../core/query.ts";
import { type CallRecord, isSampled, type LineScan, parseLine } from "../core/record.ts";
import type { CallSettings } from "../core/settings.ts";
import { type BlockSummary, eachLine, OpenBlock } from "./block.ts";
import { type HeldLine, HeldTrees } from "./held-trees.ts";
import { FILTER_BYTES, TraceFilter } from "./trace-filter.ts";

/** Bytes of lines in memory, at which they are sealed. The access log, in which they stand as well, keeps more: after a crash they are read from there. */
export const SEALED_BYTES: number = 8 * 1024 * 1024;
/** So old they are sealed in any case. */
const SEAL_MS = 60 * 60_000;
/** Where sealing fails (a full disk), the oldest are given up above this. */
const UNSEALED_BYTES_MAX: number = 2 * SEALED_BYTES;
/** Bytes of lines that one question looks through, and its time. */
const SEARCHED_BYTES_MAX = 256 * 1024 * 1024;
const SEARCH_MS = 8_000;
const TELL_MS = 60_000;
const KIND = "calls";

interface CallFooter extends SegmentFooter {
  /** Checksum of the last line that was seen before it was sealed: from there on the access log is read after a crash. */
  readonly lastLine: number;
  /** Of all its blocks one after the other: which traces they may have. */
  readonly filters: BlockRef;
  readonly blocks: readonly (readonly [summary: BlockSummary, block: BlockRef])[];
}

/** A block, wherever it is. */
interface Candidate {
  readonly summary: BlockSummary;
  readonly mayHave: (traceId: string) => boolean;
  readonly read: () => Uint8Array;
}

export interface CallBookOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: CallSettings;
  /** Told of each line that is kept. */
  readonly onKept?: ((line: Uint8Array) => void) | undefined;
  /** Lets others have their turn between blocks of a search. */
  readonly turn?: () => Promise<void>;
}

export interface CallFigures {
  readonly seen: number;
  readonly kept: number;
  /** Left out, since their trace is not in the share. */
  readonly leftOut: number;
  /** Given up, as the disk was full or slow. */
  readonly lost: number;
  readonly bytes: number;
  readonly segments: number;
}

/** The calls that one gateway has recorded: the newest in memory, the others in sealed segments. Not for concurrent use from several threads. */
export class CallBook {
  readonly #options: CallBookOptions;
  readonly #folder: SegmentFolder<CallFooter>;
  #settings: CallSettings;
  #trees = new HeldTrees();
  #blocks: OpenBlock[] = [new OpenBlock()];
  #openedMs: number;
  #lastLine = 0;
  #seen = 0;
  #kept = 0;
  #lost = 0;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(options: CallBookOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#folder = SegmentFolder.open<CallFooter>(options.folder, options.log);
    this.#openedMs = options.clock.monotonic();
  }

  set settings(settings: CallSettings) {
    this.#settings = settings;
  }

  /** Takes what a former start had in memory when it ended: lines of the access log behind the last that was sealed. */
  recover(tail: Uint8Array): void {
    const last = this.#folder.segments.at(-1)?.file.footer.lastLine;
    let begin = 0;
    if (last !== undefined)
      eachLine(tail, (line) => {
        if (crc32(line) === last) begin = line.byteOffset - tail.byteOffset + line.length;
      });
    this.take(tail.subarray(begin));
  }

  /** Takes whole lines of the access log. */
  take(bytes: Uint8Array): void {
    const nowMs = this.#options.clock.monotonic();
    const { share, slowMs } = this.#settings;
    let last: Uint8Array | undefined;
    eachLine(bytes, (line, scan, text) => {
      last = line;
      this.#seen++;
      const { traceId } = scan;
      const isNotable = scan.isError || scan.durationMs >= slowMs;
      if (isNotable && share < 1 && traceId !== "") for (const held of this.#trees.want(traceId, nowMs, true)) this.#keepHeld(held);
      if (isNotable || traceId === "" || isSampled(traceId, share) || this.#trees.isWanted(traceId)) this.#keep(line, scan);
      else this.#trees.hold(traceId, { text, scan });
    });
    if (share < 1) this.#trees.looked(bytes.length, nowMs);
    if (last !== undefined) this.#lastLine = crc32(last);
    this.#sealIfWanted();
  }

  /** Another gateway has seen something notable of these traces. */
  want(traceIds: readonly string[]): void {
    const nowMs = this.#options.clock.monotonic();
    for (const traceId of traceIds) for (const held of this.#trees.want(traceId, nowMs, false)) this.#keepHeld(held);
  }

  /** Traces of which others are to keep everything. */
  takeNews(): readonly string[] {
    return this.#trees.takeNews();
  }

  #keepHeld({ text, scan }: HeldLine): void {
    this.#keep(Buffer.from(text, "latin1"), scan);
  }

  #keep(line: Uint8Array, scan: LineScan): void {
    this.#kept++;
    this.#options.onKept?.(line);
    let block = this.#blocks.at(-1) as OpenBlock;
    if (block.isFull) {
      block = new OpenBlock();
      this.#blocks.push(block);
    }
    block.add(line, scan);
  }

  /** Does what is due: call it every second or so. */
  tick(): void {
    this.#trees.tick(this.#options.clock.monotonic());
    this.#sealIfWanted();
    this.#forget();
  }

  get #unsealedBytes(): number {
    return this.#blocks.reduce((sum, block) => sum + block.bytes.length, 0);
  }

  #sealIfWanted(): void {
    const isOld = this.#options.clock.monotonic() - this.#openedMs >= SEAL_MS;
    if (isOld || this.#unsealedBytes >= SEALED_BYTES) this.seal();
  }

  /** Puts what is in memory into a segment. */
  seal(): void {
    const blocks = this.#blocks.filter((block) => block.summary.calls > 0);
    this.#openedMs = this.#options.clock.monotonic();
    if (blocks.length === 0) return;
    const fromMs = Math.min(...blocks.map(({ summary }) => summary.fromMs));
    const toMs = Math.max(...blocks.map(({ summary }) => summary.toMs));
    let writer: ReturnType<SegmentFolder<CallFooter>["begin"]>["writer"] | undefined;
    try {
      const begun = this.#folder.begin(KIND, Math.max(0, fromMs - 1), toMs);
      writer = begun.writer;
      const refs = blocks.map(({ bytes, summary }) => [{ ...summary }, begun.writer.add(bytes)] as const);
      const filters = writer.add(Buffer.concat(blocks.map(({ filter }) => filter.bytes)));
      begun.finish({ lastLine: this.#lastLine, filters, blocks: refs });
      this.#blocks = [new OpenBlock()];
    } catch (error) {
      try {
        writer?.abandon();
      } catch {
        // The disk that has failed fails again.
      }
      this.#tell(`what was recorded of calls cannot be written: ${describeError(error)}`);
      while (this.#unsealedBytes > UNSEALED_BYTES_MAX) this.#lost += this.#blocks.shift()?.summary.calls ?? 0;
      if (this.#blocks.length === 0) this.#blocks = [new OpenBlock()];
    }
  }

  /** Unlinks what is too old or too much, the oldest first. */
  #forget(): void {
    const { keepMs, bytesMax } = this.#settings;
    const beforeMs = this.#options.clock.now() - keepMs;
    const old = this.#folder.segments.filter((one) => one.toMs < beforeMs);
    if (old.length > 0) this.#folder.remove(old);
    while (this.#folder.bytes > bytesMax) this.#folder.remove(this.#folder.segments.slice(0, 1));
  }

  /** The newest calls that are wanted. */
  async find(query: CallQuery): Promise<CallsFound> {
    const { clock, turn } = this.#options;
    const endMs = clock.monotonic() + SEARCH_MS;
    const limit = Math.min(CALLS_MAX, query.limit);
    const services = query.services === undefined ? undefined : new Set(query.services);
    const segments = this.#folder.segments.filter((one) => one.toMs >= query.fromMs && one.fromMs < query.toMs);
    const unpins = segments.map(({ file }) => file.pin());
    let found: CallRecord[] = [];
    let isCut = false;
    let searched = 0;
    try {
      const candidates = [...this.#blocks.map(inMemory), ...segments.flatMap((one) => this.#candidatesOf(one))]
        .filter(({ summary }) => isCandidate(query, summary))
        .sort((a, b) => b.summary.toMs - a.summary.toMs);
      for (const { summary, mayHave, read } of candidates) {
        const oldest = found.length < limit ? undefined : found[limit - 1];
        if (oldest !== undefined && summary.toMs < Date.parse(oldest.time)) {
          isCut = true;
          break;
        }
        if (query.traceId !== undefined && !mayHave(query.traceId)) continue;
        if (searched > SEARCHED_BYTES_MAX || clock.monotonic() > endMs) {
          isCut = true;
          break;
        }
        const bytes = this.#read(read);
        searched += bytes.length;
        eachLine(bytes, (line, scan) => {
          if (!mayMatch(query, scan)) return;
          const record = parseLine(Buffer.from(line).toString("utf8"));
          if (record !== undefined && matches(query, services, record)) found.push(record);
        });
        found.sort(compareCalls);
        if (found.length > limit) {
          isCut = true;
          found = found.slice(0, limit);
        }
        await turn?.();
      }
      return { records: found, isCut };
    } finally {
      for (const unpin of unpins) unpin();
    }
  }

  #candidatesOf({ file }: Segment<CallFooter>): readonly Candidate[] {
    const { blocks, filters } = file.footer;
    let read: Uint8Array | undefined;
    return blocks.map(([summary, ref], index) => ({
      summary,
      mayHave: (traceId) => {
        read ??= this.#read(() => file.read(filters));
        const own = read.subarray(index * FILTER_BYTES, (index + 1) * FILTER_BYTES);
        // What is damaged cannot say no.
        return own.length < FILTER_BYTES || new TraceFilter(own).mayHave(traceId);
      },
      read: () => file.read(ref),
    }));
  }

  /** What is damaged is left out, and told. */
  #read(read: () => Uint8Array): Uint8Array {
    try {
      return read();
    } catch (error) {
      if (!isOrreryError(error, "segments/damaged")) throw error;
      this.#tell(describeError(error));
      return new Uint8Array();
    }
  }

  #tell(message: string): void {
    const nowMs = this.#options.clock.monotonic();
    if (nowMs - this.#toldMs < TELL_MS) return;
    this.#toldMs = nowMs;
    this.#options.log.error(message);
  }

  figures(): CallFigures {
    const { bytes, segments } = this.#folder;
    return { seen: this.#seen, kept: this.#kept, leftOut: this.#trees.dropped, lost: this.#lost, bytes, segments: segments.length };
  }

  /** Seals what is in memory. */
  close(): void {
    this.seal();
    this.#folder.close();
  }
}

function inMemory(block: OpenBlock): Candidate {
  // What comes meanwhile is not looked at: it may grow into another buffer.
  const { bytes } = block;
  return { summary: { ...block.summary }, mayHave: (traceId) => block.filter.mayHave(traceId), read: () => bytes };
}

function isCandidate(query: CallQuery, { fromMs, toMs, calls, errors, slowestMs }: BlockSummary): boolean {
  return (
    calls > 0 &&
    toMs >= query.fromMs &&
    fromMs <= query.toMs &&
    (query.isError !== true || errors > 0) &&
    (query.slowMs === undefined || slowestMs >= query.slowMs)
  );
}
