import { OrreryError } from "#/base/index.ts";

const BYTES_START = 256;

/** Writes AMQP's plain values one after the other. It grows as needed. */
export class OctetWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(size: number = BYTES_START) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** What was written; to be used before anything else is written. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A copy of what was written. */
  take(): Buffer {
    return Buffer.from(this.view());
  }

  /** Begins anew, in the same room. */
  clear(): void {
    this.#length = 0;
  }

  octet(value: number): void {
    const at = this.#need(1);
    this.#bytes.writeUInt8(value, at);
  }

  int8(value: number): void {
    const at = this.#need(1);
    this.#bytes.writeInt8(value, at);
  }

  short(value: number): void {
    const at = this.#need(2);
    this.#bytes.writeUInt16BE(value, at);
  }

  int16(value: number): void {
    const at = this.#need(2);
    this.#bytes.writeInt16BE(value, at);
  }

  long(value: number): void {
    const at = this.#need(4);
    this.#bytes.writeUInt32BE(value, at);
  }

  int32(value: number): void {
    const at = this.#need(4);
    this.#bytes.writeInt32BE(value, at);
  }

  /** A whole number from 0 to 2^53. */
  longlong(value: number): void {
    const at = this.#need(8);
    this.#bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at);
    this.#bytes.writeUInt32BE(value % 0x1_0000_0000, at + 4);
  }

  int64(value: bigint): void {
    const at = this.#need(8);
    this.#bytes.writeBigInt64BE(value, at);
  }

  uint64(value: bigint): void {
    const at = this.#need(8);
    this.#bytes.writeBigUInt64BE(value, at);
  }

  float(value: number): void {
    const at = this.#need(4);
    this.#bytes.writeFloatBE(value, at);
  }

  double(value: number): void {
    const at = this.#need(8);
    this.#bytes.writeDoubleBE(value, at);
  }

  /** @throws amqp/too-long: the text has more than 255 bytes of UTF-8 */
  shortstr(text: string): void {
    // A character has at most 3 bytes for each of its UTF-16 units.
    const at = this.#need(1 + text.length * 3);
    const length = this.#bytes.write(text, at + 1, "utf8");
    this.#length = at + 1 + length;
    if (length <= 255) return void this.#bytes.writeUInt8(length, at);
    this.#length = at;
    throw new OrreryError("amqp/too-long", `"${text.slice(0, 40)}…" has ${length} bytes; AMQP carries names and keys of at most 255`);
  }

  longstr(bytes: Uint8Array): void {
    this.long(bytes.length);
    this.bytes(bytes);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#need(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Puts the number of bytes that `write` writes before them, as a long. */
  sized(write: () => void): void {
    const at = this.#need(4);
    write();
    this.#bytes.writeUInt32BE(this.#length - at - 4, at);
  }

  #need(count: number): number {
    const at = this.#length;
    const end = at + count;
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#length = end;
    return at;
  }
}
