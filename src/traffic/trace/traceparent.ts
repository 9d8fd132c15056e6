import { isLowerHex } from "./trace-id.ts";

/** The two ids of a trace context. `traceId` has 32 hex digits, or 16 where B3 brought a short one; `spanId` has 16. */
export interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
  /** The caller's decision; absent where it left that open. */
  readonly isSampled?: boolean;
}

/** Reads a W3C `traceparent` (Level 2): version 00 strictly, later versions by their first four fields, version ff never. `undefined` if it is malformed. */
export function parseTraceparent(value: string): TraceIds | undefined {
  if (value.length < 55 || value.charCodeAt(2) !== DASH || value.charCodeAt(35) !== DASH || value.charCodeAt(52) !== DASH) return undefined;
  if (!value.startsWith("00")) {
    if (!/^[0-9a-f]{2}/.test(value) || value.startsWith("ff") || (value.length > 55 && value.charCodeAt(55) !== DASH)) return undefined;
  } else if (value.length !== 55) return undefined;
  const traceId = value.slice(3, 35);
  const spanId = value.slice(36, 52);
  const flags = value.slice(53, 55);
  if (!isLowerHex(traceId) || !isLowerHex(spanId) || !/^[0-9a-f]{2}$/.test(flags)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 };
}

/** A W3C `traceparent` with the random flag, as Level 2 asks of whoever makes the last 7 bytes random. */
export function formatTraceparent(ids: TraceIds): string {
  return `00-${ids.traceId}-${ids.spanId}-${ids.isSampled === false ? "02" : "03"}`;
}

/** The `tracestate` of a new trace that keeps the caller's trace as a link: one member, `orrery=<trace id>-<span id>` of the caller. */
export function formatLink(caller: TraceIds): string {
  return `orrery=${caller.traceId.padStart(32, "0")}-${caller.spanId}`;
}

/** The link in a `tracestate`, if it holds one of ours. */
export function parseLink(tracestate: string): TraceIds | undefined {
  for (const member of tracestate.split(",", 32)) {
    const match = /^[ \t]*orrery=([0-9a-f]{32})-([0-9a-f]{16})[ \t]*$/.exec(member);
    if (match?.[1] !== undefined && match[2] !== undefined && isLowerHex(match[1]) && isLowerHex(match[2]))
      return { traceId: match[1], spanId: match[2] };
  }
  return undefined;
}

const DASH = 45;
const SAMPLED = 1;
