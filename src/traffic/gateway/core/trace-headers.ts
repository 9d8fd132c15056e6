import type { Random } from "#/base/index.ts";
import {
  formatB3,
  formatGenerationHeader,
  formatLink,
  formatTraceparent,
  makeSpanId,
  parseB3,
  parseB3Multi,
  parseTraceparent,
  randomTail,
  readContext,
  type TraceContext,
  type TraceIds,
  type TraceKey,
} from "#/traffic/trace/index.ts";
import type { GenerationState } from "./live-table.ts";
import type { RequestHead } from "./request-head.ts";

/** The trace that a call carries on, as names and values in turn. */
export interface CarriedTrace {
  readonly traceId: string;
  /** The span that the instance is told as its parent: of this call, where it has begun the trace; else of who calls. */
  readonly spanId: string;
  readonly hasBegun: boolean;
  readonly headers: readonly string[];
}

/** What the request says of its trace, read strictly. */
export function readTrace(key: TraceKey, head: RequestHead): TraceContext {
  return readContext(key, head);
}

/** A new trace of `generation`: a root. `link` is the caller's own trace, kept in `tracestate`. */
export function rootTrace(generation: GenerationState, link: TraceIds | undefined, random: Random): CarriedTrace {
  const traceId = generation.tracePrefix + randomTail(random);
  const spanId = makeSpanId(random);
  const headers = [
    "traceparent",
    `00-${traceId}-${spanId}-03`,
    "b3",
    `${traceId}-${spanId}-1`,
    "x-b3-traceid",
    traceId,
    "x-b3-spanid",
    spanId,
    "x-b3-sampled",
    "1",
    "x-orrery-generation",
    generation.header,
  ];
  if (link !== undefined) headers.push("tracestate", formatLink(link));
  return { traceId, spanId, hasBegun: true, headers };
}

/** Carries on a labelled call's trace: what the caller wrote goes on as it is, and every carrier that is missing or foreign is written anew, so that the next service may forward whichever it knows.
 *  Where only the second carrier came through, a new trace of the same generation begins. */
export function carriedTrace(
  context: TraceContext & { readonly kind: "labelled" },
  head: RequestHead,
  generation: GenerationState,
  key: TraceKey,
  random: Random,
): CarriedTrace {
  const { ids, held } = context;
  if (ids === undefined) return rootTrace(generation, context.link, random);
  const headers = [
    "traceparent",
    held.traceparent ? (head.traceparent ?? "") : formatTraceparent(ids),
    "b3",
    held.b3 ? (head.b3 ?? "") : formatB3(ids),
  ];
  if (held.b3Multi) {
    headers.push("x-b3-traceid", head.b3TraceId ?? "", "x-b3-spanid", head.b3SpanId ?? "");
    if (head.b3Sampled !== undefined) headers.push("x-b3-sampled", head.b3Sampled);
    if (head.b3Other.length > 0) headers.push(...head.b3Other);
  } else headers.push("x-b3-traceid", ids.traceId, "x-b3-spanid", ids.spanId, "x-b3-sampled", ids.isSampled === false ? "0" : "1");
  headers.push(
    "x-orrery-generation",
    held.generation ? (head.generation ?? "") : formatGenerationHeader(key, { generation: context.generation, incarnation: context.incarnation }),
  );
  if (held.traceparent && head.tracestate !== undefined) headers.push("tracestate", head.tracestate);
  else if (context.link !== undefined) headers.push("tracestate", formatLink(context.link));
  return { traceId: ids.traceId, spanId: ids.spanId, hasBegun: false, headers };
}

/** The trace that a caller from outside sent along, whosever it is: never followed, only linked. */
export function foreignTrace(head: RequestHead): TraceIds | undefined {
  if (head.traceparent !== undefined) return parseTraceparent(head.traceparent);
  if (head.b3TraceId !== undefined) return parseB3Multi(head.b3TraceId, head.b3SpanId, head.b3Sampled);
  if (head.b3 === undefined) return undefined;
  const ids = parseB3(head.b3);
  return ids === "sampling" ? undefined : ids;
}
