import { OrreryError } from "#/base/index.ts";
import { OID_PARTS_MAX, type Oid } from "./oid.ts";
import { TAG, type Value } from "./value.ts";

/** BER as SNMP uses it (X.690, RFC 3417): definite lengths, one byte for a tag. Whatever is given, reading ends: each step takes at least two bytes of what is left. */

/** @throws snmp/malformed */
export function malformed(what: string): OrreryError {
  return new OrreryError("snmp/malformed", `this is no SNMP message: ${what}`);
}

/** Reads values one after the other from `bytes`, never beyond `end`. */
export class BerReader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  get isDone(): boolean {
    return this.#at >= this.#end;
  }

  /** Of the next value's contents, in the bytes that were given. */
  get at(): number {
    return this.#at;
  }

  /** The tag of the next value; -1 at the end. */
  peek(): number {
    return this.#at < this.#end ? (this.#bytes[this.#at] ?? -1) : -1;
  }

  /** The contents of the next value, which must have `tag`. The bytes are those that were given, not a copy. */
  contents(tag: number): Uint8Array {
    const [from, to] = this.#take(tag);
    return this.#bytes.subarray(from, to);
  }

  /** A reader for the contents of the next value. */
  inside(tag: number): BerReader {
    const [from, to] = this.#take(tag);
    return new BerReader(this.#bytes, from, to);
  }

  /** A reader of what follows, wherever it ends. */
  rest(): BerReader {
    return new BerReader(this.#bytes, this.#at, this.#end);
  }

  /** An INTEGER of at most 32 bits, with its sign. */
  integer(tag: number = TAG.integer): number {
    const contents = this.contents(tag);
    if (contents.length < 1 || contents.length > 5) throw malformed(`an INTEGER of ${contents.length} bytes`);
    let value = (contents[0] ?? 0) > 0x7f ? -1 : 0;
    for (const byte of contents) value = value * 256 + byte;
    if (value < -0x8000_0000 || value > 0x7fff_ffff) throw malformed("an INTEGER of more than 32 bits");
    return value;
  }

  /** An INTEGER from 0 on. */
  count(): number {
    const value = this.integer();
    if (value < 0) throw malformed(`${value} where a number from 0 on is expected`);
    return value;
  }

  oid(): Oid {
    return readOid(this.contents(TAG.oid));
  }

  value(): Value {
    const tag = this.peek();
    switch (tag) {
      case TAG.integer:
        return { tag, value: this.integer() };
      case TAG.octets:
      case TAG.opaque:
        return { tag, value: this.contents(tag) };
      case TAG.ipAddress: {
        const value = this.contents(tag);
        if (value.length !== 4) throw malformed(`an IpAddress of ${value.length} bytes`);
        return { tag, value };
      }
      case TAG.oid:
        return { tag, value: this.oid() };
      case TAG.counter32:
      case TAG.gauge32:
      case TAG.timeTicks:
        return { tag, value: Number(readUnsigned(this.contents(tag), 4)) };
      case TAG.counter64:
        return { tag, value: readUnsigned(this.contents(tag), 8) };
      case TAG.null:
      case TAG.noSuchObject:
      case TAG.noSuchInstance:
      case TAG.endOfMibView:
        if (this.contents(tag).length > 0) throw malformed("a NULL with contents");
        return { tag };
      default:
        throw malformed(tag < 0 ? "it ends where a value is expected" : `a value of tag ${tag}`);
    }
  }

  #take(tag: number): readonly [number, number] {
    const found = this.#byte();
    if (found !== tag) throw malformed(`tag ${found} where ${tag} is expected`);
    const first = this.#byte();
    let length = first;
    if (first > 0x7f) {
      const bytes = first & 0x7f;
      if (bytes < 1 || bytes > 4) throw malformed(`a length of ${bytes} bytes`);
      length = 0;
      for (let at = 0; at < bytes; at++) length = length * 256 + this.#byte();
    }
    const from = this.#at;
    if (length > this.#end - from) throw malformed(`a value of ${length} bytes where ${this.#end - from} are left`);
    this.#at = from + length;
    return [from, this.#at];
  }

  #byte(): number {
    if (this.#at >= this.#end) throw malformed("it is cut off");
    return this.#bytes[this.#at++] ?? 0;
  }
}

function readUnsigned(contents: Uint8Array, bytesMax: number): bigint {
  const isLong = contents.length === bytesMax + 1 && contents[0] === 0;
  if (contents.length < 1 || (contents.length > bytesMax && !isLong)) throw malformed(`a number of ${contents.length} bytes`);
  let value = 0n;
  for (const byte of contents) value = value * 256n + BigInt(byte);
  return value;
}

function readOid(contents: Uint8Array): Oid {
  if (contents.length === 0) throw malformed("an empty object identifier");
  const parts: number[] = [];
  let value = 0;
  let isOpen = false;
  for (const byte of contents) {
    value = value * 128 + (byte & 0x7f);
    if (value > 0xffff_ffff + 80) throw malformed("a number above 2^32 in an object identifier");
    isOpen = byte > 0x7f;
    if (isOpen) continue;
    if (parts.length === 0) {
      const first = value < 40 ? 0 : value < 80 ? 1 : 2;
      parts.push(first, value - 40 * first);
    } else parts.push(value);
    value = 0;
    if (parts.length > OID_PARTS_MAX) throw malformed(`an object identifier of more than ${OID_PARTS_MAX} numbers`);
  }
  if (isOpen) throw malformed("an object identifier that is cut off");
  return parts;
}

/** Writes backwards, from the end of its room to its beginning, so that lengths are known when they are written. It grows as needed. */
export class BerWriter {
  #bytes: Buffer;
  /** Where what was written last begins. */
  #at: number;

  constructor(size = 2048) {
    this.#bytes = Buffer.allocUnsafe(size);
    this.#at = size;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#bytes.length - this.#at;
  }

  /** A copy of what was written. */
  take(): Buffer {
    return Buffer.from(this.#bytes.subarray(this.#at));
  }

  /** Puts tag and length before what was written since `length` was `since`. */
  wrap(tag: number, since: number): void {
    const length = this.length - since;
    this.#need(6);
    if (length < 0x80) this.#put(length);
    else {
      let bytes = 0;
      for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) {
        this.#put(rest & 0xff);
        bytes += 1;
      }
      this.#put(0x80 | bytes);
    }
    this.#put(tag);
  }

  raw(bytes: Uint8Array): void {
    this.#need(bytes.length);
    this.#at -= bytes.length;
    this.#bytes.set(bytes, this.#at);
  }

  octets(bytes: Uint8Array, tag: number = TAG.octets): void {
    const since = this.length;
    this.raw(bytes);
    this.wrap(tag, since);
  }

  /** A number of 32 bits, with its sign or without. */
  integer(value: number, tag: number = TAG.integer): void {
    const since = this.length;
    this.#need(6);
    let rest = value;
    do {
      this.#put(rest & 0xff);
      rest = Math.floor(rest / 256);
    } while (rest !== 0 && rest !== -1);
    // The first bit is the sign.
    const isSet = (this.#bytes[this.#at] ?? 0) > 0x7f;
    if (value >= 0 && isSet) this.#put(0);
    else if (value < 0 && !isSet) this.#put(0xff);
    this.wrap(tag, since);
  }

  oid(oid: Oid): void {
    const since = this.length;
    this.#need(5 * oid.length + 6);
    for (let at = oid.length - 1; at >= 2; at--) this.#sevens(oid[at] ?? 0);
    this.#sevens((oid[0] ?? 0) * 40 + (oid[1] ?? 0));
    this.wrap(TAG.oid, since);
  }

  value(value: Value): void {
    switch (value.tag) {
      case TAG.integer:
      case TAG.counter32:
      case TAG.gauge32:
      case TAG.timeTicks:
        return this.integer(value.value, value.tag);
      case TAG.octets:
      case TAG.ipAddress:
      case TAG.opaque:
        return this.octets(value.value, value.tag);
      case TAG.oid:
        return this.oid(value.value);
      case TAG.counter64:
        return this.#wide(value.value);
      case TAG.null:
      case TAG.noSuchObject:
      case TAG.noSuchInstance:
      case TAG.endOfMibView: {
        const since = this.length;
        return this.wrap(value.tag, since);
      }
    }
  }

  #wide(value: bigint): void {
    const since = this.length;
    this.#need(9);
    let rest = value;
    do {
      this.#put(Number(rest & 0xffn));
      rest >>= 8n;
    } while (rest !== 0n);
    if ((this.#bytes[this.#at] ?? 0) > 0x7f) this.#put(0);
    this.wrap(TAG.counter64, since);
  }

  #sevens(value: number): void {
    this.#put(value % 128);
    for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) this.#put(0x80 | (rest % 128));
  }

  #put(byte: number): void {
    this.#at -= 1;
    this.#bytes[this.#at] = byte;
  }

  #need(bytes: number): void {
    if (this.#at >= bytes) return;
    const length = this.length;
    const grown = Buffer.allocUnsafe(2 * (this.#bytes.length + bytes));
    this.#bytes.copy(grown, grown.length - length, this.#at);
    this.#at = grown.length - length;
    this.#bytes = grown;
  }
}
