import { createHash } from "node:crypto";
import type { CallRecord } from "../core/record.ts";

/** OpenTelemetry's numbers (trace.proto): a call as who serves it has it; its outcome. */
const KIND_SERVER = 2;
const STATUS_ERROR = 2;
/** Bits of a span's flags: sampled, and random, as the edge stamps them. */
const FLAGS = 0x03;

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue: string } | { readonly intValue: string };
}

/** Calls as one body of OTLP/HTTP in JSON (opentelemetry-proto 1.x): a resource for each called service and host, a span for each call, as the gateway of `host` saw it. What has no trace is left out. */
export function toOtlp(records: readonly CallRecord[], host: string): { readonly resourceSpans: readonly object[] } {
  const groups = Map.groupBy(
    records.filter((one) => one.traceId !== undefined),
    (one) => one.service ?? "orrery-gateway",
  );
  return {
    resourceSpans: [...groups].map(([service, own]) => ({
      resource: { attributes: [text("service.name", service), text("host.name", host)] },
      scopeSpans: [{ scope: { name: "orrery.gateway" }, spans: own.map(spanOf) }],
    })),
  };
}

function spanOf(record: CallRecord): object {
  const { traceId, span, parent, method, path, status, caller, callerInstance, instance, revision, generation, bytesIn, bytesOut, error } = record;
  const startMs = Date.parse(record.time);
  const isFailed = error !== undefined || status >= 500;
  return {
    traceId,
    spanId: span ?? spanIdOf(record),
    ...(span === undefined && parent !== undefined && { parentSpanId: parent }),
    flags: FLAGS,
    name: `${method} ${path}`.slice(0, 300),
    kind: KIND_SERVER,
    startTimeUnixNano: nanos(startMs, 0),
    endTimeUnixNano: nanos(startMs, record.durationMs),
    attributes: [
      text("http.request.method", method),
      text("url.path", path),
      text("server.address", record.host),
      ...(status === 0 ? [] : [whole("http.response.status_code", status)]),
      ...(bytesIn === undefined ? [] : [whole("http.request.body.size", bytesIn)]),
      whole("http.response.body.size", bytesOut),
      ...(error === undefined ? [] : [text("error.type", error)]),
      text("orrery.caller", caller === "" ? "(outside)" : caller),
      ...(callerInstance === undefined ? [] : [text("orrery.caller.instance", callerInstance)]),
      ...(instance === undefined ? [] : [text("service.instance.id", instance)]),
      ...(revision === undefined ? [] : [text("service.version", revision)]),
      ...(generation === undefined ? [] : [whole("orrery.generation", generation)]),
    ],
    status: isFailed ? { code: STATUS_ERROR, message: error ?? `answered ${status}` } : {},
  };
}

/** A call between services has no span of its own in what services pass on: it gets one that is the same whenever it is exported. */
function spanIdOf({ traceId, time, durationMs, instance, caller }: CallRecord): string {
  return createHash("sha256").update(`${traceId} ${time} ${durationMs} ${instance} ${caller}`).digest("hex").slice(0, 16);
}

/** Nanoseconds are too large for a number. */
function nanos(startMs: number, moreMs: number): string {
  return String(BigInt(startMs) * 1_000_000n + BigInt(Math.round(moreMs * 1e6)));
}

function text(key: string, value: string): Attribute {
  return { key, value: { stringValue: value } };
}

function whole(key: string, value: number): Attribute {
  return { key, value: { intValue: String(Math.round(value)) } };
}
