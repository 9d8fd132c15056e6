import { type LineScan, scanLine } from "../core/record.ts";
import { TraceFilter } from "./trace-filter.ts";

/** Bytes of lines that are compressed and looked through together. */
export const BLOCK_BYTES: number = 256 * 1024;
const LF = 10;

/** What a block says of its lines. */
export interface BlockSummary {
  /** First and last moment in which a call of it began. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly calls: number;
  readonly errors: number;
  readonly slowestMs: number;
}

/** Lines that gather. */
export class OpenBlock {
  #bytes: Buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  #length = 0;
  readonly filter = new TraceFilter();
  summary: { -readonly [K in keyof BlockSummary]: BlockSummary[K] } = {
    fromMs: Number.POSITIVE_INFINITY,
    toMs: Number.NEGATIVE_INFINITY,
    calls: 0,
    errors: 0,
    slowestMs: 0,
  };

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  get isFull(): boolean {
    return this.#length >= BLOCK_BYTES;
  }

  add(line: Uint8Array, scan: LineScan): void {
    if (this.#length + line.length + 1 > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + line.length + 1));
      grown.set(this.bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(line, this.#length);
    this.#length += line.length;
    this.#bytes[this.#length++] = LF;
    const { summary } = this;
    if (scan.startMs < summary.fromMs) summary.fromMs = scan.startMs;
    if (scan.startMs > summary.toMs) summary.toMs = scan.startMs;
    if (scan.durationMs > summary.slowestMs) summary.slowestMs = scan.durationMs;
    if (scan.isError) summary.errors++;
    summary.calls++;
    if (scan.traceId !== "") this.filter.add(scan.traceId);
  }
}

/** Calls `take` with each line of ours in `bytes`, as bytes and as what it says. In one piece as text of one character a byte, since that is searched many times faster. */
export function eachLine(bytes: Uint8Array, take: (line: Uint8Array, scan: LineScan, text: string) => void): void {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  for (let begin = 0; begin < text.length; ) {
    const found = text.indexOf("\n", begin);
    const end = found < 0 ? text.length : found;
    const line = text.slice(begin, end);
    const scan = scanLine(line);
    if (scan !== undefined) take(bytes.subarray(begin, end), scan, line);
    begin = end + 1;
  }
}
