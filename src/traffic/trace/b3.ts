import { isLowerHex } from "./trace-id.ts";
import type { TraceIds } from "./traceparent.ts";

/** Reads the single `b3` header. A mere sampling decision (`0`, `1`, `d`) is `"sampling"`: no context, and nothing wrong with it. `undefined` if it is malformed. */
export function parseB3(value: string): TraceIds | "sampling" | undefined {
  if (value === "0" || value === "1" || value === "d") return "sampling";
  const [traceId = "", spanId = "", sampling, parent, ...rest] = value.split("-", 6);
  if (rest.length > 0 || (sampling !== undefined && !/^[01d]$/.test(sampling)) || (parent !== undefined && !isSpanId(parent))) return undefined;
  return readIds(traceId, spanId, sampling);
}

/** Reads `x-b3-traceid`, `x-b3-spanid`, `x-b3-sampled`. `undefined` if they are malformed. */
export function parseB3Multi(traceId: string, spanId: string | undefined, sampled: string | undefined): TraceIds | undefined {
  return readIds(traceId, spanId ?? "", sampled === "true" ? "1" : sampled === "false" ? "0" : sampled);
}

/** The single `b3` header. */
export function formatB3(ids: TraceIds): string {
  return `${ids.traceId}-${ids.spanId}-${ids.isSampled === false ? "0" : "1"}`;
}

function readIds(traceId: string, spanId: string, sampling: string | undefined): TraceIds | undefined {
  if ((traceId.length !== 32 && traceId.length !== 16) || !isLowerHex(traceId) || !isSpanId(spanId)) return undefined;
  return sampling === undefined ? { traceId, spanId } : { traceId, spanId, isSampled: sampling !== "0" };
}

function isSpanId(text: string): boolean {
  return text.length === 16 && isLowerHex(text);
}
