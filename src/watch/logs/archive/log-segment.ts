import { crc32 } from "node:zlib";
import { type BlockRef, type SegmentFooter, SegmentWriter } from "#/watch/segments/index.ts";
import type { JoinedRecord } from "../core/joining.ts";
import { smallLetters } from "../core/matcher.ts";
import { BLOCK_BYTES, BlockWriter } from "./block.ts";
import { BlockIndex, INDEXED_BLOCKS_MAX, type IndexRef } from "./block-index.ts";

/** Whose lines a segment has, and up to which place of each log: what is before stands in it, or in one before it. */
export interface SegmentSource {
  /** By which its log is known: that of the Instance, or the name of a process of the platform. */
  readonly uid: string;
  readonly instance: string;
  /** Place after its last record here. */
  readonly to: number;
}

export interface SegmentBlock {
  readonly ref: BlockRef;
  readonly fromMs: number;
  readonly toMs: number;
  readonly records: number;
  /** Of its text. */
  readonly bytes: number;
  /** As `BlockWriter.levels`. */
  readonly levels: number;
}

/** What a sealed segment of a log says of itself. */
export interface LogFooter extends SegmentFooter {
  readonly sources: readonly SegmentSource[];
  readonly blocks: readonly SegmentBlock[];
  readonly index: IndexRef;
  readonly records: number;
  /** Of all texts. */
  readonly bytes: number;
}

/** A record that goes into a segment. */
export interface SealedRecord extends JoinedRecord {
  /** Its number among the sources. */
  readonly source: number;
}

export interface WrittenSegment {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly bytes: number;
  readonly footer: LogFooter;
}

/** Writes records, in the order of time, as segments of at most 16 blocks, each with its index; calls `written` for each when it is on disk under its name. `turn` lets others work between two blocks.
 *  @throws what the system says: ENOSPC */
export async function writeSegments(options: {
  readonly folder: string;
  readonly records: readonly SealedRecord[];
  readonly sources: readonly Omit<SegmentSource, "to">[];
  readonly nextSequence: () => number;
  readonly written: (segment: WrittenSegment) => void;
  readonly turn: () => Promise<void>;
}): Promise<void> {
  const { records, turn } = options;
  for (let at = 0; at < records.length; ) at = await writeOne(options, at, turn);
}

async function writeOne(
  { folder, records, sources, nextSequence, written }: Parameters<typeof writeSegments>[0],
  begin: number,
  turn: () => Promise<void>,
): Promise<number> {
  const blocks: BlockWriter[] = [];
  let at = begin;
  while (at < records.length) {
    const record = records[at] as SealedRecord;
    const present = blocks.at(-1);
    if (present === undefined || present.bytes + record.text.length > BLOCK_BYTES) {
      if (blocks.length === INDEXED_BLOCKS_MAX) break;
      blocks.push(new BlockWriter());
    }
    blocks.at(-1)?.add(record);
    at += 1;
  }
  const fromMs = Math.min(...blocks.map((one) => one.fromMs));
  const toMs = Math.max(...blocks.map((one) => one.toMs));
  const name = segmentName(fromMs, toMs, nextSequence());
  const writer = new SegmentWriter(`${folder}/${name}`);
  try {
    const index = new BlockIndex(Math.max(...blocks.map(({ bytes }) => bytes)));
    const kept: SegmentBlock[] = [];
    for (const [number, block] of blocks.entries()) {
      index.add(number, smallLetters(block.text()));
      const { fromMs, toMs, count, bytes, levels } = block;
      kept.push({ ref: writer.add(block.encode()), fromMs, toMs, records: count, bytes, levels });
      await turn();
    }
    const ends = new Map<number, number>();
    for (let one = begin; one < at; one++) {
      const { source, end } = records[one] as SealedRecord;
      ends.set(source, Math.max(end, ends.get(source) ?? 0));
    }
    const { bytes: packed, ...form } = index.encode(blocks.length);
    const footer: LogFooter = {
      sources: sources.map((source, number) => ({ ...source, to: ends.get(number) ?? 0 })),
      blocks: kept,
      index: { at: writer.addRaw(packed), ...form },
      records: at - begin,
      bytes: kept.reduce((sum, { bytes }) => sum + bytes, 0),
    };
    writer.finish(footer);
    written({ name, fromMs, toMs, bytes: writer.bytes, footer });
  } catch (error) {
    writer.abandon();
    throw error;
  }
  return at;
}

const NAME = /^log-(\d+)-(\d+)-(\d+)\.seg$/;

function segmentName(fromMs: number, toMs: number, sequence: number): string {
  return `log-${fromMs}-${toMs}-${sequence}.seg`;
}

/** Times and number of a segment by its name; `undefined`: it is none. */
export function parseSegmentName(name: string): { readonly fromMs: number; readonly toMs: number; readonly sequence: number } | undefined {
  const [, from, to, sequence] = NAME.exec(name) ?? [];
  return from === undefined ? undefined : { fromMs: Number(from), toMs: Number(to), sequence: Number(sequence) };
}

/** By which it is known whether the bytes before a place are still the same. */
export function fingerprint(bytes: Uint8Array): number {
  return crc32(bytes);
}
