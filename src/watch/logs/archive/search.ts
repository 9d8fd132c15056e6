import { isOrreryError } from "#/base/index.ts";
import { SegmentFile } from "#/watch/segments/index.ts";
import { recogniseTrace } from "../core/level.ts";
import { Masker } from "../core/mask.ts";
import { compileQuestion, hasLevel, type Matcher, smallLetters } from "../core/matcher.ts";
import { NewestFirst } from "../core/newest-first.ts";
import type { SearchQuestion } from "../core/question.ts";
import { type LogOwner, type LogRecord, ownerKey } from "../core/record.ts";
import type { ArchivedSegment, LogArchive } from "./archive.ts";
import { decodeBlock, levelBits } from "./block.ts";
import { findBlocks, NEEDLE_BYTES_MIN } from "./block-index.ts";
import type { LogFooter } from "./log-segment.ts";
import { type LiveSource, readRecords } from "./source-records.ts";

/** What a search has found: a record, and whose it is. */
export interface LogHit extends LogRecord {
  /** `ownerKey`. */
  readonly owner: string;
  readonly trace?: string;
}

/** Why a search ended. `complete`: all was looked at. */
export type SearchEnd = "complete" | "limit" | "bytes" | "time" | "cancelled";

export interface SearchSummary {
  readonly end: SearchEnd;
  /** Everything newer was looked at. */
  readonly reachedMs: number;
  readonly hits: number;
  /** Of text that was looked at, and of segments that were not, as their index had nothing of it. */
  readonly bytes: number;
  readonly segments: number;
  readonly skipped: number;
  /** Segments that are damaged: what is in them is left out. */
  readonly damaged: number;
  /** What quotas and age have taken of the time that was asked for. */
  readonly dropped: readonly { readonly owner: string; readonly untilMs: number; readonly records: number; readonly why: string }[];
}

/** Hits, newest first, or how far the search has come, or its end. */
export type SearchItem = { readonly hits: readonly LogHit[]; readonly reachedMs: number } | { readonly summary: SearchSummary };

/** A log that is not sealed to its end. */
export interface SearchedSource extends LiveSource {
  readonly owner: LogOwner;
  readonly sinceMs: number;
}

const BATCH_HITS = 200;
/** Between two words of how far it has come. */
const TELL_EVERY = 32;
/** Of logs that are not sealed yet. */
const LIVE_BYTES_MAX = 64 * 1024 ** 2;

interface OpenSegment {
  readonly segment: ArchivedSegment;
  readonly file: SegmentFile<LogFooter>;
  left: number;
}

type Work =
  | { readonly what: "segment"; readonly segment: ArchivedSegment }
  | { readonly what: "block"; readonly open: OpenSegment; readonly number: number }
  | { readonly what: "hit"; readonly hit: LogHit };

/** Looks through what is not sealed and then through sealed segments, the newest first: gives each hit as soon as nothing that was not looked at can be newer. What it costs is bounded by the question; it holds one block, and the hits that wait.
 *  @throws logs/invalid */
export async function* searchLogs(options: {
  readonly archive: LogArchive;
  readonly sources: readonly SearchedSource[];
  readonly question: SearchQuestion;
  readonly nowMs: () => number;
  readonly turn: () => Promise<void>;
  readonly signal: AbortSignal;
}): AsyncGenerator<SearchItem, void, undefined> {
  const { archive, sources, question, nowMs, turn, signal } = options;
  const matcher = compileQuestion(question);
  const beganMs = nowMs();
  const search = new Search(matcher);
  // At one moment: what is sealed from now on is looked at as it stands in its log.
  const segments = archive.segments(matcher.isOwned).filter(({ fromMs, toMs }) => toMs >= matcher.fromMs && fromMs <= matcher.toMs);
  const places = await Promise.all(
    sources.map((source) => (matcher.isOwned(source.owner) ? archive.placeOf(source.owner, source, source.sinceMs) : 0)),
  );
  for (const segment of segments) search.queue.push(segment.toMs, { what: "segment", segment });
  let end: SearchEnd = "complete";
  let given = 0;
  let batch: LogHit[] = [];
  try {
    for (const [index, source] of sources.entries()) {
      if (signal.aborted || !isAsked(source, matcher)) continue;
      await search.readLive(source, places[index] ?? 0, { nowMs: nowMs(), limit: question.limit, turn, signal });
    }
    for (let steps = 1; ; steps++) {
      const next = search.queue.pop();
      if (next === undefined) break;
      if (next.value.what === "hit") {
        batch.push(next.value.hit);
        given += 1;
        if (given >= question.limit) {
          end = search.queue.size === 0 ? "complete" : "limit";
          break;
        }
        if (batch.length >= BATCH_HITS) {
          yield { hits: batch, reachedMs: next.atMs };
          batch = [];
        }
        continue;
      }
      if (signal.aborted) end = "cancelled";
      else if (search.bytes >= question.bytesMax) end = "bytes";
      else if (nowMs() - beganMs >= question.timeoutMs) end = "time";
      if (end !== "complete") {
        search.queue.push(next.atMs, next.value);
        break;
      }
      if (batch.length > 0 || steps % TELL_EVERY === 0) {
        yield { hits: batch, reachedMs: next.atMs };
        batch = [];
      }
      search.work(next.value);
      await turn();
    }
    if (batch.length > 0) yield { hits: batch, reachedMs: batch.at(-1)?.atMs ?? matcher.fromMs };
    const reachedMs = end === "complete" ? matcher.fromMs : Math.max(matcher.fromMs, Math.min(matcher.toMs, search.queue.topMs ?? matcher.fromMs));
    const dropped = archive
      .dropped(matcher.isOwned)
      .flatMap(({ owner, dropped }) =>
        dropped.flatMap(({ untilMs, records, why }) => (untilMs >= matcher.fromMs ? [{ owner, untilMs, records, why }] : [])),
      );
    const { bytes, looked, skipped, damaged } = search;
    yield { summary: { end, reachedMs, hits: given, bytes, segments: looked, skipped, damaged, dropped } };
  } finally {
    search.close();
  }
}

function isAsked({ owner, instance }: SearchedSource, matcher: Matcher): boolean {
  return matcher.isOwned(owner) && (matcher.instance === undefined || matcher.instance === instance);
}

/** The state of one search. */
class Search {
  readonly #matcher: Matcher;
  readonly #levels: number;
  readonly queue: NewestFirst<Work> = new NewestFirst();
  readonly #open = new Set<OpenSegment>();
  bytes = 0;
  looked = 0;
  skipped = 0;
  damaged = 0;

  constructor(matcher: Matcher) {
    this.#matcher = matcher;
    this.#levels = levelBits(matcher.level);
  }

  /** What is in a log behind the place up to which it is sealed. Of many hits the newest are kept. */
  async readLive(
    source: SearchedSource,
    from: number,
    {
      nowMs,
      limit,
      turn,
      signal,
    }: { readonly nowMs: number; readonly limit: number; readonly turn: () => Promise<void>; readonly signal: AbortSignal },
  ): Promise<void> {
    const matcher = this.#matcher;
    const owner = ownerKey(source.owner);
    const hits: LogHit[] = [];
    const masker = new Masker(source.secrets);
    for await (const records of readRecords(source, { from, bytesMax: LIVE_BYTES_MAX, nowMs, masker, hasOpen: true, signal })) {
      for (const { atMs, text, level, cut } of records) {
        this.bytes += text.length;
        if (atMs < matcher.fromMs || atMs > matcher.toMs || !hasLevel(level, matcher.level)) continue;
        const bytes = Buffer.from(text);
        if (!matcher.matches(bytes, smallLetters(bytes))) continue;
        hits.push(hitOf({ owner, instance: source.instance, atMs, text, level, cut: cut ?? 0 }));
      }
      if (hits.length > 2 * limit) hits.splice(0, hits.length - limit);
      await turn();
    }
    for (const hit of hits.slice(-limit)) this.queue.push(hit.atMs, { what: "hit", hit }, true);
  }

  work(work: Exclude<Work, { what: "hit" }>): void {
    try {
      if (work.what === "segment") this.#openSegment(work.segment);
      else this.#readBlock(work.open, work.number);
    } catch (error) {
      // It was removed meanwhile, by its age or for room.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      if (!isOrreryError(error, "segments/damaged") && !(error instanceof RangeError)) throw error;
      this.damaged += 1;
      if (work.what === "block") this.#leave(work.open);
    }
  }

  close(): void {
    for (const { file } of this.#open) file.close();
  }

  #openSegment(segment: ArchivedSegment): void {
    const { needles, fromMs, toMs, instance } = this.#matcher;
    const file = new SegmentFile<LogFooter>(segment.path);
    let isKept = false;
    try {
      const { blocks, index, sources } = file.footer;
      this.looked += 1;
      if (instance !== undefined && !sources.some((one) => one.instance === instance)) return;
      const isIndexed = needles.some((one) => one.length >= NEEDLE_BYTES_MIN);
      const read = (offset: number, length: number): Buffer => file.readRaw(offset, length);
      const found = isIndexed ? findBlocks({ index, blocks: blocks.length, needles, read }) : -1;
      const open: OpenSegment = { segment, file, left: 0 };
      for (const [number, block] of blocks.entries()) {
        if ((found & (1 << number)) === 0 || block.toMs < fromMs || block.fromMs > toMs || (block.levels & this.#levels) === 0) continue;
        open.left += 1;
        this.queue.push(block.toMs, { what: "block", open, number });
      }
      if (open.left === 0) this.skipped += 1;
      else {
        this.#open.add(open);
        isKept = true;
      }
    } finally {
      if (!isKept) file.close();
    }
  }

  #readBlock(open: OpenSegment, number: number): void {
    const matcher = this.#matcher;
    const { file, segment } = open;
    const block = file.footer.blocks[number];
    if (block === undefined) return this.#leave(open);
    const { records, text } = decodeBlock(file.read(block.ref));
    const { sources } = file.footer;
    this.bytes += text.length;
    const small = smallLetters(text);
    const owner = ownerKey(segment.owner);
    for (const { atMs, source, level, cut, from, to } of candidates(records, small, matcher.needles)) {
      if (atMs < matcher.fromMs || atMs > matcher.toMs || !hasLevel(level, matcher.level)) continue;
      const instance = sources[source]?.instance ?? "";
      if (matcher.instance !== undefined && matcher.instance !== instance) continue;
      const bytes = text.subarray(from, to);
      if (!matcher.matches(bytes, small.subarray(from, to))) continue;
      this.queue.push(atMs, { what: "hit", hit: hitOf({ owner, instance, atMs, text: bytes.toString("utf8"), level, cut }) }, true);
    }
    this.#leave(open);
  }

  #leave(open: OpenSegment): void {
    open.left -= 1;
    if (open.left > 0) return;
    this.#open.delete(open);
    open.file.close();
  }
}

/** The records in which the rarest needle, taken for the longest, stands; all, where there is none. */
function* candidates<T extends { readonly from: number; readonly to: number }>(
  records: readonly T[],
  small: Buffer,
  needles: readonly Buffer[],
): Generator<T, void, undefined> {
  const longest = needles.reduce<Buffer | undefined>((most, one) => (one.length > (most?.length ?? 0) ? one : most), undefined);
  if (longest === undefined) return yield* records;
  let index = 0;
  for (let at = small.indexOf(longest); at >= 0; ) {
    while (index < records.length && (records[index] as T).to <= at) index++;
    const record = records[index];
    if (record === undefined) return;
    yield record;
    at = small.indexOf(longest, record.to);
    index += 1;
  }
}

function hitOf({
  owner,
  instance,
  atMs,
  text,
  level,
  cut,
}: {
  readonly owner: string;
  readonly instance: string;
  readonly atMs: number;
  readonly text: string;
  readonly level: LogRecord["level"] | undefined;
  readonly cut: number;
}): LogHit {
  const trace = recogniseTrace(text);
  return { owner, instance, atMs, text, ...(level !== undefined && { level }), ...(cut > 0 && { cut }), ...(trace !== undefined && { trace }) };
}
