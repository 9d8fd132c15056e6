/** Blocks that one index tells of: a bit for each. */
export const INDEXED_BLOCKS_MAX = 16;
/** A shorter needle may be everywhere. */
export const NEEDLE_BYTES_MIN = 4;
const ROW_BITS = 17;
const ROWS: number = 2 ** ROW_BITS;

/** For four bytes that follow each other, which blocks may hold them: one bit for each block in the row of their hash. A block of 256 KiB of a log has some 10,000 to 30,000 different ones, so that a row is set by chance for every fifth to tenth block, and a word of eight letters, which has five, for one block of some thousand or more.
 *  Why four: of three digits there are a thousand, and each block has them all, so that no number would be found by them.
 *  Small letters alone: capital ones are the same. Substrings are found, not words only. */
export class BlockIndex {
  readonly #rows: Uint16Array;

  constructor(rows: Uint16Array = new Uint16Array(ROWS)) {
    this.#rows = rows;
  }

  /** @throws RangeError: it is no index */
  static decode(bytes: Uint8Array): BlockIndex {
    if (bytes.length !== ROWS * 2) throw new RangeError(`an index has ${ROWS * 2} bytes, not ${bytes.length}`);
    if (bytes.byteOffset % 2 === 0) return new BlockIndex(new Uint16Array(bytes.buffer, bytes.byteOffset, ROWS));
    const copy = new Uint8Array(bytes);
    return new BlockIndex(new Uint16Array(copy.buffer));
  }

  encode(): Uint8Array {
    return new Uint8Array(this.#rows.buffer, this.#rows.byteOffset, this.#rows.byteLength);
  }

  /** `small`: the text of the block, in small letters. */
  add(block: number, small: Uint8Array): void {
    if (small.length < NEEDLE_BYTES_MIN) return;
    const rows = this.#rows;
    const bit = 1 << block;
    let four = ((small[0] as number) << 16) | ((small[1] as number) << 8) | (small[2] as number);
    for (let index = 3; index < small.length; index++) {
      four = (four << 8) | (small[index] as number);
      const row = rowOf(four);
      rows[row] = (rows[row] as number) | bit;
    }
  }

  /** Bits of the blocks that may hold all of `needles`. */
  find(needles: readonly Uint8Array[], blocks: number): number {
    let found = blocks >= INDEXED_BLOCKS_MAX ? 0xffff : (1 << blocks) - 1;
    for (const needle of needles) {
      let four = 0;
      for (let index = 0; index < needle.length && found !== 0; index++) {
        four = (four << 8) | (needle[index] as number);
        if (index >= NEEDLE_BYTES_MIN - 1) found &= this.#rows[rowOf(four)] as number;
      }
    }
    return found;
  }
}

function rowOf(four: number): number {
  return Math.imul(four, 0x9e37_79b1) >>> (32 - ROW_BITS);
}
