import type { CallerEntry, ServiceEntry } from "#/traffic/routing/index.ts";
import type { GenerationCounts, ServiceCounts } from "./counts.ts";
import type { EndpointState, RevisionState, WindowCounts } from "./endpoint.ts";
import type { CompiledRoute } from "./route-matcher.ts";

/** One call under way: a transaction from outside (`edge`) or a call between services (`host`). Made and ended by `GatewayCore`; the others read it. */
export interface Call {
  readonly kind: "call";
  readonly role: "edge" | "host";
  readonly service: string;
  readonly revision: RevisionState;
  readonly policy: CallPolicy;
  /** Name of the port of the service that is called. */
  readonly port: string;
  /** Calling service; empty from outside, `?` unknown. */
  readonly caller: string;
  readonly callerInstance: string | undefined;
  readonly route: CompiledRoute | undefined;
  readonly traceId: string;
  /** See `CarriedTrace`. */
  readonly spanId: string;
  readonly hasBegunTrace: boolean;
  readonly counts: GenerationCounts;
  readonly serviceCounts: ServiceCounts;
  /** Of the calling service: what has answered already and works on is seen by the calls that it makes, whomever it calls. Absent: nobody known calls. */
  readonly callerCounts: ServiceCounts | undefined;
  readonly generation: number;
  /** A TCP connection: it has no place for a trace context. */
  readonly isTcp: boolean;
  /** Trace headers for the instance, names and values in turn. */
  readonly traceHeaders: readonly string[];
  readonly startedMs: number;
  /** When the transaction must have ended; infinite for streams that nothing ends yet. Monotonic ms. */
  deadlineMs: number;
  isStream: boolean;
  /** Whose word the end of a stream follows: `before` of the service's `streamEnds`, 0 its revision's; `undefined` while its generation is stamped and its instance stays. */
  endsBy: number | undefined;
  endpoint: EndpointState;
  window: WindowCounts;
  attemptStartedMs: number;
  /** True while `endpoint` is on this host, and counted as inbound. */
  isInbound: boolean;
  retriesLeft: number;
  tried: EndpointState[] | undefined;
  isOver: boolean;
}

export interface CallPolicy {
  readonly timeoutMs: number;
  readonly balancing: ServiceEntry["balancing"];
}

/** The number of the port that a call is for. */
export function portOf({ endpoint, port }: Call): number {
  return endpoint.ports[port] ?? Object.values(endpoint.ports)[0] ?? 0;
}

/** Who calls, as far as the gateway knows. */
export type Caller = CallerEntry | undefined;

/** The caller in windows and logs where nobody is known. */
const UNKNOWN_CALLER = "?";

/** In windows, logs, and counts. */
export function callerName(caller: Caller): string {
  return caller?.service ?? UNKNOWN_CALLER;
}

/** Of a service, or of somebody unknown; not of a probe, which begins transactions of its own. */
export function isOfService(caller: Caller): boolean {
  return caller === undefined || caller.revision !== "";
}
