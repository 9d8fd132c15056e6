import type { Call, Refusal, RequestHead } from "./core/index.ts";
import { pathOf } from "./core/request-target.ts";
import { faultOf } from "./fault.ts";
import type { ProxyContext } from "./proxy-context.ts";

/** Writes the line of something that has ended: an exchange, a TCP connection, a tunnel. */
export function logAccess(
  context: ProxyContext,
  about: {
    readonly role: "edge" | "host";
    readonly client: string;
    readonly method: string;
    readonly head?: RequestHead | undefined;
    readonly host?: string | undefined;
    readonly call?: Call | undefined;
    readonly refusal?: Refusal | undefined;
    readonly startedMs: number;
    readonly status: number;
    readonly bytesIn?: number | undefined;
    readonly bytesOut: number;
    readonly error?: string | undefined;
    /** Default: whose it is by `refusal`. */
    readonly fault?: string | undefined;
    /** Until the instance's answer began. */
    readonly answerMs?: number | undefined;
    /** When it ended; default now. */
    readonly nowMs?: number | undefined;
  },
): void {
  const { call, refusal } = about;
  const durationMs = (about.nowMs ?? context.clock.monotonic()) - about.startedMs;
  context.accessLog.add({
    startedMs: about.startedMs,
    role: about.role,
    client: about.client,
    method: about.method,
    host: about.head?.host ?? about.host ?? "",
    path: about.head === undefined ? "" : pathOf(about.head.target),
    status: about.status,
    durationMs,
    answerMs: about.answerMs,
    bytesIn: about.bytesIn,
    bytesOut: about.bytesOut,
    traceId: call?.traceId ?? refusal?.traceId,
    span: call?.spanId,
    hasBegunTrace: call?.hasBegunTrace === true,
    generation: call?.generation ?? refusal?.generation,
    callerService: call?.callerInstance === undefined ? undefined : call.caller,
    caller: call?.callerInstance ?? call?.caller,
    service: call?.service,
    revision: call?.revision.name,
    instance: call?.endpoint.instance,
    route: call?.route?.entry.name,
    tries: 1 + (call?.tried?.length ?? 0),
    error: about.error ?? refusal?.code,
    fault: about.fault ?? (refusal === undefined ? undefined : faultOf(refusal.code, call)),
  });
}
