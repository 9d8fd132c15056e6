/** An object identifier: its numbers, each 0 to 2^32 - 1. */
export type Oid = readonly number[];

/** RFC 3416, 4.1: no more numbers than these. */
export const OID_PARTS_MAX = 128;

/** Negative, 0 or positive, as `one` comes before, is or comes after `other` in the order of SNMP. */
export function compareOids(one: Oid, other: Oid): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    const difference = (one[at] ?? 0) - (other[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

/** True if `oid` is `prefix` or stands below it. */
export function isWithin(oid: Oid, prefix: Oid): boolean {
  if (oid.length < prefix.length) return false;
  for (let at = 0; at < prefix.length; at++) if (oid[at] !== prefix[at]) return false;
  return true;
}

/** `1.3.6.1.2.1.1.1.0`. */
export function formatOid(oid: Oid): string {
  return oid.join(".");
}

/** The numbers of `1.3.6.1`, with or without a dot before; `undefined` if it is none. */
export function parseOid(text: string): Oid | undefined {
  const bare = text.startsWith(".") ? text.slice(1) : text;
  if (!/^\d{1,10}(?:\.\d{1,10})*$/.test(bare)) return undefined;
  const parts = bare.split(".").map(Number);
  const [first = 0, second = 0] = parts;
  if (parts.length < 2 || parts.length > OID_PARTS_MAX || parts.some((part) => part > 0xffff_ffff)) return undefined;
  return first > 2 || (first < 2 && second > 39) ? undefined : parts;
}

/** A constant of a program.
 *  @throws TypeError: it is none */
export function oid(text: string): Oid {
  const parsed = parseOid(text);
  if (parsed === undefined) throw new TypeError(`${text} is no object identifier`);
  return parsed;
}
