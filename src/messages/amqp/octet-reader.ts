import { isUtf8 } from "node:buffer";
import { malformed, REPLY } from "./malformed.ts";

/** Reads AMQP's plain values one after the other, never beyond the bytes that were given. What it returns as bytes is a part of those, not a copy. */
export class OctetReader {
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;

  constructor(bytes: Buffer, at = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  get isDone(): boolean {
    return this.#at >= this.#end;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#end - this.#at;
  }

  octet(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  int8(): number {
    return this.#bytes.readInt8(this.#take(1));
  }

  short(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2));
  }

  long(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  /** From 0 on. Above 2^53 it is rounded: no delivery tag and no size of ours is as large. */
  longlong(): number {
    const at = this.#take(8);
    return this.#bytes.readUInt32BE(at) * 0x1_0000_0000 + this.#bytes.readUInt32BE(at + 4);
  }

  int64(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8));
  }

  uint64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8));
  }

  float(): number {
    return this.#bytes.readFloatBE(this.#take(4));
  }

  double(): number {
    return this.#bytes.readDoubleBE(this.#take(8));
  }

  /** A text of at most 255 bytes. Names and keys are compared as texts, so bytes that are no UTF-8 are refused: two of them would look the same. */
  shortstr(): string {
    const length = this.octet();
    const at = this.#take(length);
    const text = this.#bytes.toString("utf8", at, at + length);
    if (text.includes("\ufffd") && !isUtf8(this.#bytes.subarray(at, at + length)))
      throw malformed(REPLY.syntaxError, "a short string that is not UTF-8");
    return text;
  }

  longstr(): Buffer {
    return this.bytes(this.long());
  }

  bytes(length: number): Buffer {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A reader of the next `length` bytes. */
  inside(length: number): OctetReader {
    const at = this.#take(length);
    return new OctetReader(this.#bytes, at, at + length);
  }

  /** All that is left. */
  rest(): Buffer {
    return this.bytes(this.left);
  }

  /** Where the taken bytes begin. */
  #take(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) throw malformed(REPLY.syntaxError, `a value of ${length} bytes where ${this.#end - at} are left`);
    this.#at = at + length;
    return at;
  }
}
