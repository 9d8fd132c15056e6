/** Bits of one filter: a block has some 800 calls, of fewer traces; then one of ten lookups in vain reads the block. */
const BITS = 8_192;
export const FILTER_BYTES: number = BITS / 8;

/** A Bloom filter of trace ids. Three parts of their random digits are the hashes. */
export class TraceFilter {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array = new Uint8Array(FILTER_BYTES)) {
    this.bytes = bytes;
  }

  add(traceId: string): void {
    for (const bit of bitsOf(traceId)) this.bytes[bit >> 3] = (this.bytes[bit >> 3] ?? 0) | (1 << (bit & 7));
  }

  /** False: it is certainly not there. */
  mayHave(traceId: string): boolean {
    return bitsOf(traceId).every((bit) => ((this.bytes[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0);
  }
}

function bitsOf(traceId: string): readonly number[] {
  return [18, 22, 26].map((at) => Number.parseInt(traceId.slice(at, at + 4), 16) % BITS);
}
