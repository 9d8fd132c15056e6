import { crc32 } from "node:zlib";

/** Blocks that one index tells of: a bit for each. */
export const INDEXED_BLOCKS_MAX = 16;
/** A shorter needle may be everywhere. */
export const NEEDLE_BYTES_MIN = 4;
/** Rows of the index of a block that is full; one with less text has fewer. */
const ROW_BITS_MAX = 17;
const ROW_BITS_MIN = 10;
/** An index is read in pages: a question needs some few of its rows. Behind each stands its CRC-32. */
const PAGE_BYTES = 4_096;
const STORED_PAGE_BYTES: number = PAGE_BYTES + 4;

/** Where an index stands, not compressed, and its form. */
export interface IndexRef {
  readonly at: number;
  readonly rowBits: number;
  /** Bits of a row: 1, 2, 4, 8 or 16. */
  readonly width: number;
}

/** For four bytes that follow each other, which blocks may hold them: one bit for each block in the row of their hash. A block of 256 KiB of a log has some 10,000 to 30,000 different ones, so that a row is set by chance for every fifth to tenth block, and a word of eight letters, which has five, for one block of some thousand or more.
 *  Why four: of three digits there are a thousand, and each block has them all, so that no number would be found by them.
 *  Small letters alone: capital ones are the same. Substrings are found, not words only. */
export class BlockIndex {
  readonly #rows: Uint16Array;
  readonly #rowBits: number;

  /** `bytes`: of the longest block. */
  constructor(bytes: number) {
    this.#rowBits = Math.min(ROW_BITS_MAX, Math.max(ROW_BITS_MIN, Math.ceil(Math.log2(bytes / 2 + 1))));
    this.#rows = new Uint16Array(2 ** this.#rowBits);
  }

  /** `small`: the text of the block, in small letters. */
  add(block: number, small: Uint8Array): void {
    if (small.length < NEEDLE_BYTES_MIN) return;
    const rows = this.#rows;
    const shift = 32 - this.#rowBits;
    const bit = 1 << block;
    let four = ((small[0] as number) << 16) | ((small[1] as number) << 8) | (small[2] as number);
    for (let index = 3; index < small.length; index++) {
      four = (four << 8) | (small[index] as number);
      const row = rowOf(four, shift);
      rows[row] = (rows[row] as number) | bit;
    }
  }

  /** As it is stored: pages, of as few bits a row as there are blocks. */
  encode(blocks: number): { readonly bytes: Buffer } & Omit<IndexRef, "at"> {
    const width = [1, 2, 4, 8, 16].find((bits) => bits >= blocks) ?? 16;
    const packed = Buffer.alloc(Math.ceil((this.#rows.length * width) / 8 / PAGE_BYTES) * PAGE_BYTES);
    for (const [row, bits] of this.#rows.entries()) {
      const place = (row * width) >> 3;
      if (width === 16) packed.writeUInt16LE(bits, place);
      else packed[place] = (packed[place] as number) | (bits << ((row * width) & 7));
    }
    const pages: Buffer[] = [];
    for (let at = 0; at < packed.length; at += PAGE_BYTES) {
      const crc = Buffer.alloc(4);
      crc.writeUInt32LE(crc32(packed.subarray(at, at + PAGE_BYTES)));
      pages.push(packed.subarray(at, at + PAGE_BYTES), crc);
    }
    return { bytes: Buffer.concat(pages), rowBits: this.#rowBits, width };
  }
}

/** Bits of the blocks that may hold all of `needles`, by a stored index of which `read` gives bytes.
 *  @throws RangeError: it is not as it was written */
export function findBlocks(options: {
  readonly index: IndexRef;
  readonly blocks: number;
  readonly needles: readonly Uint8Array[];
  readonly read: (offset: number, length: number) => Buffer;
}): number {
  const { index, blocks, needles, read } = options;
  const pages = new Map<number, Buffer>();
  const pageOf = (number: number): Buffer => {
    const known = pages.get(number);
    if (known !== undefined) return known;
    const stored = read(index.at + number * STORED_PAGE_BYTES, STORED_PAGE_BYTES);
    const page = stored.subarray(0, PAGE_BYTES);
    if (crc32(page) !== stored.readUInt32LE(PAGE_BYTES)) throw new RangeError("a page of an index is not as it was written");
    pages.set(number, page);
    return page;
  };
  const shift = 32 - index.rowBits;
  const mask = 2 ** index.width - 1;
  let found = blocks >= INDEXED_BLOCKS_MAX ? 0xffff : (1 << blocks) - 1;
  for (const needle of needles) {
    let four = 0;
    for (let at = 0; at < needle.length && found !== 0; at++) {
      four = (four << 8) | (needle[at] as number);
      if (at < NEEDLE_BYTES_MIN - 1) continue;
      const bit = rowOf(four, shift) * index.width;
      const page = pageOf(Math.floor(bit / 8 / PAGE_BYTES));
      const place = (bit >> 3) % PAGE_BYTES;
      found &= index.width === 16 ? page.readUInt16LE(place) : ((page[place] as number) >> (bit & 7)) & mask;
    }
  }
  return found;
}

function rowOf(four: number, shift: number): number {
  return Math.imul(four, 0x9e37_79b1) >>> shift;
}
