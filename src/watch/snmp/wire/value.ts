import type { Oid } from "./oid.ts";

/** Tags of values on the wire (RFC 3416). */
export const TAG = Object.freeze({
  integer: 0x02,
  octets: 0x04,
  null: 0x05,
  oid: 0x06,
  ipAddress: 0x40,
  counter32: 0x41,
  gauge32: 0x42,
  timeTicks: 0x43,
  opaque: 0x44,
  counter64: 0x46,
  noSuchObject: 0x80,
  noSuchInstance: 0x81,
  endOfMibView: 0x82,
});

/** A value as it goes over the wire: exact, whatever its size. */
export type Value =
  | { readonly tag: 0x02; readonly value: number }
  | { readonly tag: 0x04 | 0x40 | 0x44; readonly value: Uint8Array }
  | { readonly tag: 0x05 | 0x80 | 0x81 | 0x82 }
  | { readonly tag: 0x06; readonly value: Oid }
  | { readonly tag: 0x41 | 0x42 | 0x43; readonly value: number }
  | { readonly tag: 0x46; readonly value: bigint };

export interface VarBind {
  readonly oid: Oid;
  readonly value: Value;
}

export const NULL: Value = Object.freeze({ tag: TAG.null });
export const NO_SUCH_OBJECT: Value = Object.freeze({ tag: TAG.noSuchObject });
export const NO_SUCH_INSTANCE: Value = Object.freeze({ tag: TAG.noSuchInstance });
export const END_OF_MIB_VIEW: Value = Object.freeze({ tag: TAG.endOfMibView });

const UINT32_MAX = 0xffff_ffff;

/** INTEGER; what does not fit is cut to what fits. */
export function integer(value: number): Value {
  return { tag: TAG.integer, value: Math.max(-0x8000_0000, Math.min(0x7fff_ffff, Math.round(value))) };
}

/** OCTET STRING; a text as UTF-8. */
export function octets(value: string | Uint8Array): Value {
  return { tag: TAG.octets, value: typeof value === "string" ? Buffer.from(value, "utf8") : value };
}

export function oidValue(value: Oid): Value {
  return { tag: TAG.oid, value };
}

/** Gauge32: it stays at its ends (RFC 2578, 7.1.7). */
export function gauge(value: number): Value {
  return { tag: TAG.gauge32, value: Math.max(0, Math.min(UINT32_MAX, Math.round(value))) };
}

/** Counter32: it begins anew after its end. */
export function counter(value: number | bigint): Value {
  return { tag: TAG.counter32, value: Number(BigInt.asUintN(32, BigInt(value))) };
}

/** Counter64, exact. */
export function counter64(value: number | bigint): Value {
  return { tag: TAG.counter64, value: BigInt.asUintN(64, BigInt(value)) };
}

/** TimeTicks: hundredths of a second; it begins anew after 497 days. */
export function ticks(value: number): Value {
  return { tag: TAG.timeTicks, value: Number(BigInt.asUintN(32, BigInt(Math.floor(value)))) };
}

/** TruthValue of SNMPv2-TC. */
export function truth(value: boolean): Value {
  return integer(value ? 1 : 2);
}

/** DateAndTime of SNMPv2-TC, in UTC. */
export function dateAndTime(atMs: number): Value {
  const at = new Date(atMs);
  const bytes = Buffer.alloc(11);
  bytes.writeUInt16BE(at.getUTCFullYear(), 0);
  const rest = [
    at.getUTCMonth() + 1,
    at.getUTCDate(),
    at.getUTCHours(),
    at.getUTCMinutes(),
    at.getUTCSeconds(),
    Math.floor(at.getUTCMilliseconds() / 100),
  ];
  bytes.set([...rest, 0x2b, 0, 0], 2);
  return octets(bytes);
}

/** A DisplayString or SnmpAdminString of at most 255 bytes; what is longer is cut between two characters. */
export function text(value: string): Value {
  const bytes = Buffer.from(value, "utf8");
  if (bytes.length <= 255) return octets(bytes);
  let end = 255;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return octets(bytes.subarray(0, end));
}
