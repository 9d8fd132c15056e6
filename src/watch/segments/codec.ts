/** Columns of numbers as bytes. Times, and values that are decimals with few digits, become whole numbers, of which the differences, or the differences of those, are written as few bytes; what is no such decimal keeps its eight bytes, ordered so that equal ones stand together. A compressor does the rest. */

/** Writes bytes and whole numbers of any length. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #length = 0;

  constructor(capacity = 4_096) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** A view of what was written, until the next write. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** A whole number from 0 to 2^53, seven bits in each byte. */
  unsigned(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x8000_0000) {
      this.#bytes[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest >= 128) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** A whole number from -2^52 to 2^52. */
  signed(value: number): void {
    this.unsigned(value < 0 ? -2 * value - 1 : 2 * value);
  }

  float(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Reads what `ByteWriter` wrote. Reading beyond the end gives zeros: whoever reads checks the length. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  /** Made when the first is read: most columns have no such numbers. */
  #view: DataView | undefined;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  unsigned(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#at++] ?? 0;
    if (byte < 128) return byte;
    let value = byte & 0x7f;
    let shift = 7;
    do {
      byte = bytes[this.#at++] ?? 0;
      // Within 31 bits by shifts, above them by multiplication.
      value = shift < 28 ? value | ((byte & 0x7f) << shift) : value + (byte & 0x7f) * 2 ** shift;
      shift += 7;
    } while (byte >= 128 && shift < 63);
    return value;
  }

  signed(): number {
    const value = this.unsigned();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** Adds up `count` differences (`isSecond`: differences of those) from `start` on, into `target` from `at` on, each divided by `power`. In one piece, as all columns come through here. */
  sums(target: Float64Array, at: number, count: number, start: number, power: number, isSecond: boolean): void {
    const bytes = this.#bytes;
    let position = this.#at;
    let whole = start;
    let delta = 0;
    for (let index = 0; index < count; index++) {
      const byte = bytes[position] ?? 0;
      let value: number;
      if (byte < 128) {
        position += 1;
        value = (byte & 1) === 0 ? byte >> 1 : -((byte + 1) >> 1);
      } else {
        this.#at = position;
        value = this.signed();
        position = this.#at;
      }
      delta = isSecond ? delta + value : value;
      whole += delta;
      target[at + index] = power === 1 ? whole : whole / power;
    }
    this.#at = position;
  }

  float(): number {
    this.#view ??= new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  skip(count: number): void {
    this.#at += count;
  }
}

const DELTAS = 0;
const DELTAS_OF_DELTAS = 1;
const RAW = 2;
const CONSTANT = 3;
/** In the first byte, beside the mode and the decimal places: all differences are the same; some values stand apart. */
const EVEN = 0x40;
const HAS_EXCEPTIONS = 0x80;
const DIGITS_MAX = 9;
/** Whole numbers up to here have differences of differences that are exact. */
const WHOLE_MAX = 2 ** 50;
const POWERS: readonly number[] = Array.from({ length: DIGITS_MAX + 1 }, (_, digits) => 10 ** digits);

/** Writes `values[from..to)`; any number may be among them. */
export function encodeColumn(out: ByteWriter, values: ArrayLike<number>, from = 0, to: number = values.length): void {
  const count = to - from;
  if (count === 0) return;
  const digits = digitsOf(values, from, to);
  if (digits === undefined) return encodeRaw(out, values, from, to);
  const power = POWERS[digits] ?? 1;
  const whole = wholes(count);
  const exceptions: number[] = [];
  let before = 0;
  for (let index = 0; index < count; index++) {
    const value = values[from + index] as number;
    const number = Math.round(value * power);
    if (isWhole(value, number, power)) before = number;
    else exceptions.push(index);
    whole[index] = before;
  }
  let isConstant = true;
  let isEven = count > 2;
  let deltaBits = 0;
  let secondBits = 0;
  let delta = 0;
  for (let index = 1; index < count; index++) {
    const next = (whole[index] as number) - (whole[index - 1] as number);
    if (next !== 0) isConstant = false;
    if (index > 1 && next !== delta) isEven = false;
    deltaBits += bitsOf(next);
    secondBits += bitsOf(next - delta);
    delta = next;
  }
  const mode = isConstant ? CONSTANT : secondBits < deltaBits ? DELTAS_OF_DELTAS : DELTAS;
  out.byte(mode | (digits << 2) | (isEven ? EVEN : 0) | (exceptions.length > 0 ? HAS_EXCEPTIONS : 0));
  if (exceptions.length > 0) {
    out.unsigned(exceptions.length);
    let last = 0;
    for (const index of exceptions) {
      out.unsigned(index - last);
      out.float(values[from + index] as number);
      last = index;
    }
  }
  out.signed(whole[0] as number);
  if (mode === CONSTANT) return;
  if (isEven) return out.signed(delta);
  delta = 0;
  for (let index = 1; index < count; index++) {
    const next = (whole[index] as number) - (whole[index - 1] as number);
    out.signed(mode === DELTAS ? next : next - delta);
    delta = next;
  }
}

/** Reads `count` values into `target` from `at` on. */
export function decodeColumn(reader: ByteReader, count: number, target: Float64Array, at = 0): void {
  if (count === 0) return;
  const head = reader.byte();
  const mode = head & 3;
  if (mode === RAW) return decodeRaw(reader, count, target, at);
  const power = POWERS[(head >> 2) & 0xf] ?? 1;
  let exceptions: (readonly [number, number])[] = [];
  if ((head & HAS_EXCEPTIONS) !== 0) {
    const found = Math.min(reader.unsigned(), count);
    let index = 0;
    exceptions = Array.from({ length: found }, () => {
      index += reader.unsigned();
      return [index, reader.float()] as const;
    });
  }
  const first = reader.signed();
  target[at] = first / power;
  if (mode === CONSTANT) target.fill(first / power, at, at + count);
  else if ((head & EVEN) !== 0) {
    const delta = reader.signed();
    for (let index = 1; index < count; index++) target[at + index] = (first + index * delta) / power;
  } else reader.sums(target, at + 1, count - 1, first, power, mode === DELTAS_OF_DELTAS);
  for (const [index, value] of exceptions) if (index < count) target[at + index] = value;
}

/** How many decimal places nearly all of the values have; `undefined`: too many have more. */
function digitsOf(values: ArrayLike<number>, from: number, to: number): number | undefined {
  let digits = 0;
  let strange = 0;
  const strangeMax = (to - from) / 4;
  for (let index = from; index < to; index++) {
    const value = values[index] as number;
    let own = digits;
    while (own <= DIGITS_MAX && !isWhole(value, Math.round(value * (POWERS[own] as number)), POWERS[own] as number)) own++;
    if (own <= DIGITS_MAX) digits = own;
    else if (++strange > strangeMax) return undefined;
  }
  // More places make large numbers too large.
  if (digits === 0) return 0;
  const power = POWERS[digits] as number;
  for (let index = from; index < to; index++) {
    const value = values[index] as number;
    if (Number.isFinite(value) && Math.abs(value * power) > WHOLE_MAX && ++strange > strangeMax) return undefined;
  }
  return digits;
}

function isWhole(value: number, number: number, power: number): boolean {
  return number / power === value && Math.abs(number) <= WHOLE_MAX && (number !== 0 || Object.is(value, 0));
}

function bitsOf(value: number): number {
  const size = Math.abs(value);
  return size < 64 ? 1 : size < 8_192 ? 2 : size < 1_048_576 ? 3 : 4 + Math.log2(size / 1_048_576) / 7;
}

/** Eight bytes of each, combined with the one before it by exclusive or; the first bytes of all, then the second ones, and so on. */
function encodeRaw(out: ByteWriter, values: ArrayLike<number>, from: number, to: number): void {
  const count = to - from;
  const floats = new Float64Array(count);
  for (let index = 0; index < count; index++) floats[index] = values[from + index] as number;
  const words = new BigUint64Array(floats.buffer);
  for (let index = count - 1; index > 0; index--) words[index] = (words[index] as bigint) ^ (words[index - 1] as bigint);
  const bytes = new Uint8Array(floats.buffer);
  const planes = new Uint8Array(count * 8);
  for (let plane = 0; plane < 8; plane++)
    for (let index = 0; index < count; index++) planes[plane * count + index] = bytes[index * 8 + plane] as number;
  out.byte(RAW);
  out.append(planes);
}

function decodeRaw(reader: ByteReader, count: number, target: Float64Array, at: number): void {
  const floats = new Float64Array(count);
  const bytes = new Uint8Array(floats.buffer);
  for (let plane = 0; plane < 8; plane++) for (let index = 0; index < count; index++) bytes[index * 8 + plane] = reader.byte();
  const words = new BigUint64Array(floats.buffer);
  for (let index = 1; index < count; index++) words[index] = (words[index] as bigint) ^ (words[index - 1] as bigint);
  target.set(floats, at);
}

let scratch = new Float64Array(1_024);

function wholes(count: number): Float64Array {
  if (scratch.length < count) scratch = new Float64Array(count * 2);
  return scratch;
}
