import { ByteReader, ByteWriter } from "#/watch/segments/index.ts";
import { LEVELS, type Level, type LogRecord } from "../core/record.ts";

/** Text of one block; a record stands in one. */
export const BLOCK_BYTES: number = 256 * 1024;

/** A record as it stands in a block: whose it is, by its number among the segment's instances. */
export interface BlockRecord extends Omit<LogRecord, "instance"> {
  readonly source: number;
}

/** A block that is being filled, in the order of time. */
export class BlockWriter {
  readonly #heads: ByteWriter = new ByteWriter();
  #texts: Buffer[] = [];
  #formerMs = 0;
  #bytes = 0;
  count = 0;
  fromMs: number = Number.POSITIVE_INFINITY;
  toMs: number = Number.NEGATIVE_INFINITY;
  /** Bits of the levels that are in it. */
  levels = 0;

  /** Of its texts. */
  get bytes(): number {
    return this.#bytes;
  }

  add({ atMs, source, level, text, cut = 0 }: BlockRecord): void {
    const bytes = Buffer.from(text);
    const whole = Math.round(atMs);
    const number = level === undefined ? 0 : LEVELS.indexOf(level) + 1;
    this.#heads.signed(whole - this.#formerMs);
    this.#heads.byte(number);
    this.#heads.unsigned(source);
    this.#heads.unsigned(cut);
    this.#heads.unsigned(bytes.length);
    this.#texts.push(bytes);
    this.#formerMs = whole;
    this.#bytes += bytes.length;
    this.count += 1;
    this.fromMs = Math.min(this.fromMs, whole);
    this.toMs = Math.max(this.toMs, whole);
    this.levels |= 1 << number;
  }

  /** The text of all records, one after the other. */
  text(): Buffer {
    return Buffer.concat(this.#texts);
  }

  encode(): Buffer {
    const head = Buffer.alloc(8);
    head.writeUInt32LE(this.#heads.length, 0);
    head.writeUInt32LE(this.count, 4);
    return Buffer.concat([head, this.#heads.bytes, ...this.#texts]);
  }
}

/** Bits of the levels that are as grave as `least`, or graver, in `BlockWriter.levels`. */
export function levelBits(least: Level | undefined): number {
  return least === undefined ? -1 : LEVELS.reduce((bits, _, index) => (index >= LEVELS.indexOf(least) ? bits | (1 << (index + 1)) : bits), 0);
}

/** A record of a block that is read: its text is a part of the block's. */
export interface FoundRecord {
  readonly atMs: number;
  readonly source: number;
  readonly level: Level | undefined;
  readonly cut: number;
  /** Place of its text in that of the block. */
  readonly from: number;
  readonly to: number;
}

/** Heads and text of an encoded block. */
export function decodeBlock(block: Buffer): { readonly records: readonly FoundRecord[]; readonly text: Buffer } {
  const headBytes = block.readUInt32LE(0);
  const count = block.readUInt32LE(4);
  const reader = new ByteReader(block.subarray(8, 8 + headBytes));
  const records: FoundRecord[] = [];
  let atMs = 0;
  let from = 0;
  for (let index = 0; index < count; index++) {
    atMs += reader.signed();
    const level = LEVELS[reader.byte() - 1];
    const source = reader.unsigned();
    const cut = reader.unsigned();
    const to = from + reader.unsigned();
    records.push({ atMs, source, level, cut, from, to });
    from = to;
  }
  return { records, text: block.subarray(8 + headBytes) };
}
