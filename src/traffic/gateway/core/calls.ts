import type { Random } from "#/base/index.ts";
import type { ServiceEntry } from "#/traffic/routing/index.ts";
import { revisionsMet } from "#/traffic/routing/table/index.ts";
import type { Call, Caller, CallPolicy } from "./call.ts";
import type { CallLedger } from "./call-ledger.ts";
import type { Full } from "./decision.ts";
import { type EndpointState, hasRoom, type RevisionState, type Room } from "./endpoint.ts";
import type { FilteredRequest } from "./filters.ts";
import type { GenerationState, LiveTable } from "./live-table.ts";
import { type Refusal, refuse } from "./refusal.ts";
import type { CompiledRoute } from "./route-matcher.ts";
import type { CarriedTrace } from "./trace-headers.ts";

/** After a failed connection an instance is left alone this long, if there are others. */
const AVOID_MS = 1000;
/** Requests above this are counted as large (the size of a packet between services). */
const LARGE_BYTES = 24 * 1024;
const EVENT_STREAM = /^\s*text\/event-stream\s*(?:;|$)/i;
const DEFAULT_POLICY = { timeoutMs: 30_000, retries: 1, balancing: "roundRobin" } as const;
/** Of a service that says nothing: calls, and as many streams, of one gateway to one instance. */
const DEFAULT_CONCURRENCY = 1024;
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

/** What is known of a call that begins. */
export interface Beginning {
  readonly role: "edge" | "host";
  readonly service: string;
  readonly generation: GenerationState;
  readonly caller: Caller;
  readonly callerName: string;
  readonly route: CompiledRoute | undefined;
  readonly port: string | undefined;
  readonly trace: CarriedTrace;
  readonly isTcp?: boolean;
  readonly nowMs: number;
}

/** How a try ended. `status` 0: without an answer. `wasSent`: the instance may have seen the request. */
export interface Outcome {
  readonly status: number;
  readonly wasSent: boolean;
}

/** The calls of one gateway, from the choice of an instance on: tried again at another one, become streams. What `GatewayCore` has under the same name is promised there. */
export class Calls {
  readonly #table: LiveTable;
  readonly #ledger: CallLedger;
  readonly #random: Random;

  constructor(table: LiveTable, ledger: CallLedger, random: Random) {
    this.#table = table;
    this.#ledger = ledger;
    this.#random = random;
  }

  /** Begins a call, and its first try: at an instance of the revision that its generation has. */
  begin(options: Beginning): Call | Refusal | Full {
    const { role, service, generation, caller, route, trace, nowMs } = options;
    const about = { generation: generation.number, traceId: trace.traceId };
    const entry = this.#table.service(service);
    const revisionName = generation.assignments.get(service);
    const revision = revisionName === undefined ? undefined : this.#revisionOf(generation, revisionName, entry?.moves);
    if (revision === undefined) {
      const detail =
        revisionName === undefined ? `generation ${generation.number} has no service ${service}` : `revision ${revisionName} is not in the table`;
      return this.#refuseService(options, refuse("gateway/no-service", detail, about));
    }
    const balancing = entry?.balancing ?? DEFAULT_POLICY.balancing;
    const room = this.#room(entry, options.isTcp === true);
    const endpoint = revision.choose({ generation: generation.number, algorithm: balancing, tried: undefined, nowMs, random: this.#random, room });
    if (endpoint === "full") return { kind: "full", service, caller: options.callerName, refusal: refuseFull(revision.name, room, about) };
    if (endpoint === undefined)
      return this.#refuseService(
        options,
        refuse("gateway/no-instance", `no instance of ${revision.name} is ready on a way open to this gateway`, about),
      );
    if (Object.keys(endpoint.ports).length === 0)
      return this.#refuseService(
        options,
        refuse(
          "gateway/no-service",
          `${service} takes no calls: the template of ${revision.name} says \`ports: []\` (a worker); give it a port`,
          about,
        ),
      );
    const policy: CallPolicy = { timeoutMs: route?.entry.timeoutMs ?? entry?.timeoutMs ?? DEFAULT_POLICY.timeoutMs, balancing };
    const counts = this.#ledger.countsOf(generation.number);
    const call: Call = {
      kind: "call",
      role,
      service,
      revision,
      policy,
      port: options.port ?? entry?.ports[0]?.name ?? Object.keys(endpoint.ports)[0] ?? "",
      caller: options.callerName,
      callerInstance: caller?.instance,
      route,
      traceId: trace.traceId,
      spanId: trace.spanId,
      hasBegunTrace: trace.hasBegun,
      counts,
      serviceCounts: counts.ofService(service),
      callerCounts: caller === undefined ? undefined : counts.ofService(caller.service),
      generation: generation.number,
      isTcp: options.isTcp === true,
      traceHeaders: trace.headers,
      startedMs: nowMs,
      // Where it began is not known of an inner call: its edge ends it in time.
      deadlineMs: nowMs + (role === "host" ? this.#table.longestTransactionMs : (route?.entry.maxTransactionMs ?? this.#table.site.maxTransactionMs)),
      isStream: false,
      endsBy: undefined,
      endpoint,
      window: endpoint.window(options.callerName, generation.number),
      attemptStartedMs: nowMs,
      isInbound: false,
      retriesLeft: route?.entry.retries ?? entry?.retries ?? DEFAULT_POLICY.retries,
      tried: undefined,
      isOver: false,
    };
    this.#ledger.begin(call, nowMs);
    return call;
  }

  /** The revision that a call meets: what the generation's map says, unless a strategy keeps no versions. While instances are replaced one by one, each of those that are ready is as likely as any other. */
  #revisionOf(generation: GenerationState, mapped: string, moves: ServiceEntry["moves"]): RevisionState | undefined {
    if (moves === undefined) return this.#table.revision(mapped);
    const met = revisionsMet(moves, generation.number, mapped).flatMap((name) => this.#table.revision(name) ?? []);
    let left = this.#random.next() * met.reduce((sum, one) => sum + one.readyCount, 0);
    for (const one of met) {
      left -= one.readyCount;
      if (left < 0) return one;
    }
    return met.find((one) => one.isCallable) ?? met.at(-1);
  }

  #room(entry: ServiceEntry | undefined, isStream: boolean): Room {
    return { isStream, max: (isStream ? entry?.concurrentStreams : entry?.concurrency) ?? DEFAULT_CONCURRENCY };
  }

  refuseFull({ caller, service, refusal }: Full): Refusal {
    this.#ledger.refused(caller, "busy", service);
    return refusal;
  }

  #refuseService({ callerName, service }: { readonly callerName: string; readonly service: string }, refusal: Refusal): Refusal {
    this.#ledger.refused(callerName, refusal.code.slice(refusal.code.indexOf("/") + 1), service);
    return refusal;
  }

  retry(
    call: Call,
    outcome: Outcome,
    request: { readonly method: string; readonly isReplayable: boolean },
    nowMs: number,
  ): EndpointState | undefined {
    if (!outcome.wasSent) call.revision.avoid(call.endpoint, nowMs + AVOID_MS);
    const isAllowed = !call.isOver && call.retriesLeft > 0 && request.isReplayable && (!outcome.wasSent || IDEMPOTENT.has(request.method));
    if (!isAllowed) return undefined;
    // The newest state of the revision: the table may have changed since the call began.
    const revision: RevisionState = this.#table.revision(call.revision.name) ?? call.revision;
    const tried = [...(call.tried ?? []), call.endpoint];
    const room = this.#room(this.#table.service(call.service), call.isStream);
    const { generation } = call;
    const endpoint = revision.choose({ generation, algorithm: call.policy.balancing, tried, nowMs, random: this.#random, room });
    if (endpoint === undefined || endpoint === "full") return undefined;
    call.tried = tried;
    call.retriesLeft--;
    this.#ledger.retry(call, endpoint, nowMs);
    return endpoint;
  }

  isStream(call: Call, contentType: string): boolean {
    const named = this.#table.service(call.service)?.streams;
    const ofRoute = call.route?.entry.streams;
    if (named === undefined && ofRoute === undefined) return EVENT_STREAM.test(contentType);
    const end = contentType.indexOf(";");
    const type = (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
    return type === "text/event-stream" || isNamed(named, type) || isNamed(ofRoute, type);
  }

  stream(call: Call): boolean {
    if (!call.isStream && !hasRoom(call.endpoint, this.#room(this.#table.service(call.service), true))) return false;
    this.#ledger.stream(call);
    return true;
  }
}

/** Counts a request that is larger than a packet between services. */
export function noteSize(call: Call, { contentLength = 0 }: Pick<FilteredRequest, "contentLength">): void {
  if (contentLength > LARGE_BYTES) call.window.large++;
}

function refuseFull(revision: string, { isStream, max }: Room, about: { readonly generation: number; readonly traceId: string }): Refusal {
  const what = isStream ? "streams (concurrentStreams)" : "calls (concurrency)";
  return refuse(
    "gateway/busy",
    `every instance of ${revision} has ${max} ${what} under way from this gateway: try again, or start more instances`,
    about,
  );
}

function isNamed(ranges: readonly string[] | undefined, type: string): boolean {
  return ranges?.some((range) => range === type || range === "*" || (range.endsWith("/*") && type.startsWith(range.slice(0, -1)))) === true;
}
