import path from "node:path";
import { crc32 } from "node:zlib";
import { type Clock, describeError, isOrreryError, type Log } from "#/base/index.ts";
import { type BlockRef, type Segment, SegmentFolder, type SegmentFooter } from "#/watch/segments/index.ts";
import { type CallQuery, type CallsFound, compareCalls, matches, mayMatch, TRACE_CALLS_MAX } from "../core/query.ts";
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
/** An open file each: with more of them, so many small ones become one, while that stays below the size. */
const SEGMENTS_MAX = 96;
const MERGED = 8;
const MERGED_BYTES_MAX = 16 * 1024 * 1024;
/** After a failure, such as a full disk. */
const MERGE_AGAIN_MS = 60_000;

interface CallFooter extends SegmentFooter {
  /** Checksum of the last line that was seen before it was sealed: from there on the access log is read after a crash. */
  readonly lastLine: number;
  /** Rises with each sealing: the clock may have been set meanwhile. */
  readonly order: number;
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
  /** Damaged files, which are not put together with others. */
  readonly #alone = new Set<string>();
  #mergeAtMs = Number.NEGATIVE_INFINITY;

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
    const last = this.#newest?.lastLine;
    let begin = 0;
    if (last !== undefined)
      eachLine(tail, (line) => {
        if (crc32(line) === last) begin = line.byteOffset - tail.byteOffset + line.length;
      });
    this.take(tail.subarray(begin));
  }

  /** What was sealed last says of itself. */
  get #newest(): CallFooter | undefined {
    return this.#folder.segments
      .map(({ file }) => file.footer)
      .reduce<CallFooter | undefined>((a, b) => (a === undefined || b.order > a.order ? b : a), undefined);
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
    this.#mergeSome();
  }

  #mayMerge(some: readonly Segment<CallFooter>[]): boolean {
    const bytes = some.reduce((sum, { file }) => sum + file.bytes, 0);
    return some.length === MERGED && bytes <= MERGED_BYTES_MAX && !some.some(({ file }) => this.#alone.has(file.file));
  }

  /** Makes one of some small files that follow each other, if there are many. */
  #mergeSome(): void {
    const { segments } = this.#folder;
    if (segments.length <= SEGMENTS_MAX || this.#options.clock.monotonic() < this.#mergeAtMs) return;
    const from = segments.findIndex((_, index) => this.#mayMerge(segments.slice(index, index + MERGED)));
    if (from < 0) return;
    const merged = segments.slice(from, from + MERGED);
    const newest = merged.map(({ file }) => file.footer).reduce((a, b) => (b.order > a.order ? b : a));
    let writer: SegmentWriter | undefined;
    try {
      const begun = this.#folder.begin(KIND, Math.min(...merged.map(({ fromMs }) => fromMs)), Math.max(...merged.map(({ toMs }) => toMs)));
      writer = begun.writer;
      const refs = merged.flatMap(({ file }) => file.footer.blocks.map(([summary, ref]) => [summary, begun.writer.add(file.read(ref))] as const));
      const filters = writer.add(Buffer.concat(merged.map(({ file }) => file.read(file.footer.filters))));
      const { lastLine, order } = newest;
      begun.finish({ lastLine, order, filters, blocks: refs, replaces: merged.map(({ file }) => path.basename(file.file)) });
    } catch (error) {
      abandon(writer);
      // What cannot be read stays where it is, alone.
      for (const { file } of merged) if (isOrreryError(error, "segments/damaged") && isDamaged(file)) this.#alone.add(file.file);
      this.#mergeAtMs = this.#options.clock.monotonic() + MERGE_AGAIN_MS;
      this.#tell(`files of recorded calls cannot be put together: ${describeError(error)}`);
    }
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
    let writer: SegmentWriter | undefined;
    try {
      const begun = this.#folder.begin(KIND, Math.max(0, fromMs - 1), toMs);
      writer = begun.writer;
      const refs = blocks.map(({ bytes, summary }) => [{ ...summary }, begun.writer.add(bytes)] as const);
      const filters = writer.add(Buffer.concat(blocks.map(({ filter }) => filter.bytes)));
      begun.finish({ lastLine: this.#lastLine, order: (this.#newest?.order ?? 0) + 1, filters, blocks: refs });
      this.#blocks = [new OpenBlock()];
    } catch (error) {
      abandon(writer);
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
    const limit = Math.min(TRACE_CALLS_MAX, query.limit);
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

type SegmentWriter = ReturnType<SegmentFolder<CallFooter>["begin"]>["writer"];

function abandon(writer: SegmentWriter | undefined): void {
  try {
    writer?.abandon();
  } catch {
    // The disk that has failed fails again.
  }
}

function isDamaged(file: Segment<CallFooter>["file"]): boolean {
  try {
    for (const [, ref] of file.footer.blocks) file.read(ref);
    file.read(file.footer.filters);
    return false;
  } catch {
    return true;
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
