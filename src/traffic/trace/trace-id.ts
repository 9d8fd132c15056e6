import { OrreryError, type Random } from "#/base/index.ts";

/** First two bytes of every trace id that a root of ours has made. */
const MARK = "6f72";
const HEX_ID = /^[0-9a-f]{32}$/;
const GENERATION_MAX = 0xffff_ffff;

/** Key of the check byte, prepared by `parseTraceKey`. */
export type TraceKey = readonly [number, number, number, number];

/** What a trace id of ours says: the generation of its transaction, and the incarnation of the gateway that began it (16 bits of it). */
export interface TraceMark {
  readonly generation: number;
  readonly incarnation: number;
}

/** Why something is no trace id of ours: `malformed` breaks its format, `truncated` has 64 bits, `foreign` lacks the mark, `forged` has the mark but a wrong check or generation 0. */
export type NotOurs = "malformed" | "truncated" | "foreign" | "forged";

/** The key from 32 lower-case hex digits.
 *  @throws trace/key: not 32 hex digits */
export function parseTraceKey(hex: string): TraceKey {
  if (!HEX_ID.test(hex)) throw new OrreryError("trace/key", "the trace key must be 32 lower-case hex digits");
  const word = (index: number): number => Number.parseInt(hex.slice(index * 8, index * 8 + 8), 16) | 0;
  return [word(0), word(1), word(2), word(3)];
}

/** The check byte: a keyed mix of mark, generation and incarnation. It guards against accidents (an id of somebody else, a bit flipped); it is not a signature.
 *  Rounds of multiply, xor and shift over 32-bit words (constants of MurmurHash3's finaliser, Austin Appleby, public domain). */
export function traceCheck(key: TraceKey, mark: TraceMark): number {
  let hash = key[0];
  hash = mix(hash ^ (0x6f72_0000 | (mark.incarnation & 0xffff)), key[1]);
  hash = mix(hash ^ (mark.generation | 0), key[2]);
  return mix(hash, key[3]) >>> 24;
}

function mix(hash: number, key: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b) ^ key;
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}

/** The first 18 hex digits of every trace id with `mark`: mark, generation, incarnation, check. A root keeps it and adds `randomTail` for each transaction. */
export function traceIdPrefix(key: TraceKey, mark: TraceMark): string {
  return MARK + hex(mark.generation, 8) + hex(mark.incarnation & 0xffff, 4) + hex(traceCheck(key, mark), 2);
}

/** The last 14 hex digits of a trace id: 7 random bytes, as W3C Trace Context Level 2 asks of the right-most 7. */
export function randomTail(random: Random): string {
  return randomHex7(random) + randomHex7(random);
}

/** A new trace id, 32 hex digits. */
export function makeTraceId(key: TraceKey, mark: TraceMark, random: Random): string {
  return traceIdPrefix(key, mark) + randomTail(random);
}

/** A new span id: 16 hex digits, never all zero. */
export function makeSpanId(random: Random): string {
  return hex(1 + Math.floor(random.next() * 255), 2) + randomHex7(random) + randomHex7(random);
}

/** What `id` says, or why it is not ours. */
export function readTraceId(key: TraceKey, id: string): TraceMark | NotOurs {
  if (!isLowerHex(id)) return "malformed";
  if (id.length === 16) return "truncated";
  if (id.length !== 32) return "malformed";
  if (!id.startsWith(MARK)) return "foreign";
  const mark = { generation: Number.parseInt(id.slice(4, 12), 16), incarnation: Number.parseInt(id.slice(12, 16), 16) };
  const check = Number.parseInt(id.slice(16, 18), 16);
  return mark.generation === 0 || check !== traceCheck(key, mark) ? "forged" : mark;
}

/** The value of the second carrier, `x-orrery-generation`: `<generation>-<incarnation, 4 hex>-<check, 2 hex>`, as in `42-0001-a7`. */
export function formatGenerationHeader(key: TraceKey, mark: TraceMark): string {
  return `${mark.generation}-${hex(mark.incarnation & 0xffff, 4)}-${hex(traceCheck(key, mark), 2)}`;
}

/** Reads `x-orrery-generation`. */
export function readGenerationHeader(key: TraceKey, value: string): TraceMark | NotOurs {
  const match = /^([1-9][0-9]{0,9})-([0-9a-f]{4})-([0-9a-f]{2})$/.exec(value);
  if (match === null) return "malformed";
  const mark = { generation: Number(match[1]), incarnation: Number.parseInt(match[2] ?? "", 16) };
  if (mark.generation > GENERATION_MAX) return "malformed";
  return Number.parseInt(match[3] ?? "", 16) === traceCheck(key, mark) ? mark : "forged";
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** All texts of three hex digits: looked up, because numbers turned into text were a fiftieth of a proxied request's time. */
const HEX3: readonly string[] = Array.from({ length: 4096 }, (_, value) => hex(value, 3));
const HEX1 = "0123456789abcdef";

/** 28 random bits as 7 hex digits. */
function randomHex7(random: Random): string {
  const bits = Math.floor(random.next() * 0x1000_0000);
  return `${HEX3[bits >>> 16]}${HEX3[(bits >>> 4) & 0xfff]}${HEX1[bits & 0xf]}`;
}

/** Lower-case hex digits only, and not all of them zero. */
export function isLowerHex(text: string): boolean {
  let isZero = true;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (!((code >= 48 && code <= 57) || (code >= 97 && code <= 102))) return false;
    if (code !== 48) isZero = false;
  }
  return !isZero;
}
