import type { Random } from "#/base/index.ts";
import { readPath } from "#/model/index.ts";
import type { GatewayReport, PublishedLoad, RouteEntry, ServiceEntry, TableUpdate } from "#/traffic/routing/index.ts";
import { revisionsMet } from "#/traffic/routing/table/index.ts";
import { addressOf, isLoopbackAddress } from "./address.ts";
import { type Authority, isLoopback, parseAuthority } from "./authority.ts";
import type { Call, Caller, CallPolicy } from "./call.ts";
import { CallLedger, type ReportContext } from "./call-ledger.ts";
import { type EndpointState, hasRoom, type RevisionState, type Room } from "./endpoint.ts";
import type { FilteredRequest } from "./filters.ts";
import { type Applied, type GenerationState, LiveTable } from "./live-table.ts";
import { type Origin, readOrigin } from "./origin.ts";
import { findOwnPlace, type OwnHost, type OwnPlace } from "./own-places.ts";
import { type Refusal, refuse } from "./refusal.ts";
import type { RequestHead } from "./request-head.ts";
import { parseTarget, pathOf } from "./request-target.ts";
import type { CompiledRoute } from "./route-matcher.ts";
import { stampedGeneration } from "./stamp.ts";
import { type CarriedTrace, carriedTrace, foreignTrace, readTrace, rootTrace } from "./trace-headers.ts";

/** The caller in windows and logs where nobody is known. */
const UNKNOWN_CALLER = "?";
/** After a failed connection an instance is left alone this long, if there are others. */
const AVOID_MS = 1000;
/** Requests above this are counted as large (the size of a packet between services). */
const LARGE_BYTES = 24 * 1024;
const EVENT_STREAM = /^\s*text\/event-stream\s*(?:;|$)/i;
const HTTP_PORT = 80;
const HTTPS_PORT = 443;
const LOOPBACK = "127.0.0.1";
const DEFAULT_POLICY = { timeoutMs: 30_000, retries: 1, balancing: "roundRobin" } as const;
/** Of a service that says nothing: calls, and as many streams, of one gateway to one instance. */
const DEFAULT_CONCURRENCY = 1024;
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

export interface GatewayCoreOptions {
  readonly name: string;
  readonly host: string;
  readonly roles: readonly ("edge" | "host")[];
  readonly incarnation: number;
  readonly random: Random;
  /** What is known of its host; default nothing. Asked for again for each look. */
  readonly ownHost?: () => OwnHost;
}

/** Where a connection came in: at the edge, on a caller's proxy port, or on a service's port (of a caller's address, or of 127.0.0.1, where the caller is unknown). */
export interface Inlet {
  readonly kind: "edge" | "proxy" | "service";
  readonly address: string;
  readonly port: number;
  /** After a CONNECT to a service: that service. */
  readonly connectedTo?: string;
  /** Set where the connection comes from no process of the instance whose address it uses: of whom it is, as far as that is known. */
  readonly borrowedBy?: string;
  /** The client speaks TLS. */
  readonly isTls?: boolean;
  /** The client speaks plain HTTP where TLS is spoken. */
  readonly lacksTls?: boolean;
}

/** What a request on an inlet is for. */
export type HostTarget =
  | { readonly kind: "service"; readonly service: string; readonly host: string; readonly path: string }
  | { readonly kind: "outside"; readonly authority: Authority; readonly host: string; readonly path: string }
  | Refusal;

/** A call that may go on, with the request as it goes to the instance. */
export interface Admitted {
  readonly kind: "admitted";
  readonly call: Call;
  readonly request: FilteredRequest;
}

/** A valid generation that this table does not know: fetch the table, then ask again; answer 503 if it stays unknown. */
export interface UnknownGeneration {
  readonly kind: "unknown-generation";
  readonly generation: number;
}

/** A new transaction that can reach a service which is being handed over: ask again when the table does not hold any more; answer 503 if that takes too long. */
export interface Held {
  readonly kind: "held";
  readonly services: readonly string[];
}

/** Every instance has as many calls as it may have: ask again when one has ended, or soon answer what `refusal` says (`GatewayCore.refuseFull`). */
export interface Full {
  readonly kind: "full";
  readonly service: string;
  readonly caller: string;
  readonly refusal: Refusal;
}

/** What cannot be decided now. */
export type Undecided = UnknownGeneration | Held | Full;

/** How a try ended. `status` 0: without an answer. `wasSent`: the instance may have seen the request. */
export interface Outcome {
  readonly status: number;
  readonly wasSent: boolean;
}

/** Decides about every request and call of one gateway and counts them. Deterministic: time and randomness are arguments, nothing is read or sent. Not for concurrent use from several threads. */
export class GatewayCore {
  readonly #random: Random;
  readonly #ownHost: () => OwnHost;
  readonly #table: LiveTable;
  readonly #ledger: CallLedger;

  constructor(options: GatewayCoreOptions) {
    this.#random = options.random;
    this.#ownHost = options.ownHost ?? nothingKnown;
    this.#table = new LiveTable(options);
    this.#ledger = new CallLedger(options, this.#table);
  }

  /** The table in force, for reading. */
  get table(): LiveTable {
    return this.#table;
  }

  /** Takes a table or a change; never an older one. */
  update(update: TableUpdate): Applied {
    const applied = this.#table.apply(update);
    if (applied === "applied") this.#ledger.tableChanged();
    return applied;
  }

  load(load: PublishedLoad): void {
    this.#table.setLoad(load);
  }

  /** Who asks: `peer` is the other end of the connection, or a proxy before the client. */
  origin(head: RequestHead, peer: string, isTls: boolean): Origin {
    return readOrigin({ peer, isTls, host: head.host, forwarded: head.forwarded, trusted: this.#table.trusted });
  }

  /** Begins a transaction: a request from outside. `client` is its address. */
  edge(head: RequestHead, client: string, nowMs: number): Admitted | Refusal | Held | Full {
    const target = parseTarget(head.method, head.target);
    const authority = head.host === undefined ? undefined : parseAuthority(head.host);
    const violation = head.violation ?? findViolation(head, target, authority);
    if (violation !== undefined || target.form === "bad") return refuse("gateway/bad-request", violation ?? "malformed");
    const key = readPath(pathOf(target.path));
    if (typeof key !== "string") return refuse("gateway/bad-request", key.fault);
    const route = this.#table.routes.find({ method: head.method, authority, key, headers: head.passed });
    if (route === undefined && this.#table.stamp === undefined) return this.#notInService();
    if (route === undefined) return refuseUnrouted(head, pathOf(target.path));
    const request: FilteredRequest = {
      method: head.method,
      path: target.path,
      host: head.host ?? route.entry.service,
      clientHost: head.origin?.host ?? head.host,
      scheme: head.origin?.scheme,
      // Filters work on their own copy: what is held is looked at again.
      headers: route.filters.isEmpty ? head.passed : [...head.passed],
      contentLength: head.isChunked ? undefined : Number(head.contentLength ?? 0),
      requestBytesMax: Number.POSITIVE_INFINITY,
    };
    const refusal = route.filters.isEmpty ? undefined : route.filters.request(request);
    if (refusal !== undefined) return refusal;
    const generation = this.#stamped(route.entry.service, head, client);
    if ("kind" in generation) return generation;
    const call = this.#begin({
      role: "edge",
      service: route.entry.service,
      generation,
      caller: undefined,
      callerName: "",
      route,
      port: route.entry.port,
      trace: rootTrace(generation, foreignTrace(head), this.#random),
      nowMs,
    });
    if (call.kind !== "call") return call;
    if ((request.contentLength ?? 0) > LARGE_BYTES) call.window.large++;
    return { kind: "admitted", call, request };
  }

  /** Begins a transaction that is a TCP connection from outside: a stream. */
  edgeTcp(route: RouteEntry, client: string, nowMs: number): Call | Refusal | Held | Full {
    const generation = this.#stamped(route.service, undefined, client);
    if ("kind" in generation) return generation;
    const call = this.#begin({
      role: "edge",
      service: route.service,
      generation,
      caller: undefined,
      callerName: "",
      route: undefined,
      port: route.port,
      trace: rootTrace(generation, undefined, this.#random),
      isTcp: true,
      nowMs,
    });
    if (call.kind === "call") this.stream(call);
    return call;
  }

  #notInService(): Refusal {
    return refuse(
      "gateway/no-generation",
      "no generation is in service yet: the site is starting, has no services, or its store was put back and not every gateway has heard of it yet",
    );
  }

  #stamped(service: string, head: RequestHead | undefined, client: string): GenerationState | Refusal | Held {
    const plan = this.#table.stamp;
    if (plan === undefined) return this.#notInService();
    if (plan.hold !== undefined && this.#table.isHeld(service)) return { kind: "held", services: plan.hold.services };
    const history = this.#table.position?.history ?? "";
    const number = stampedGeneration(plan, { history, head, client, random: this.#random });
    return (
      this.#table.generation(number) ??
      refuse("gateway/no-generation", `generation ${number} is to be stamped but is not in the table`, { generation: number })
    );
  }

  /** What a request that came in on `inlet` is for: the service of the port, the service that a proxied request names, or a host outside the site. */
  target(inlet: Inlet, head: RequestHead): HostTarget {
    if (inlet.borrowedBy !== undefined) return this.#refuseBorrowed(inlet, inlet.borrowedBy);
    const target = parseTarget(head.method, head.target);
    const authority = head.host === undefined ? undefined : parseAuthority(head.host);
    const violation = head.violation ?? findViolation(head, target, authority);
    if (violation !== undefined || target.form === "bad") return refuse("gateway/bad-request", violation ?? "malformed");
    const key = readPath(pathOf(target.path));
    if (inlet.kind !== "proxy" || inlet.connectedTo !== undefined) {
      if (typeof key !== "string") return refuse("gateway/bad-request", key.fault);
      const service = inlet.connectedTo ?? this.#table.serviceAt(inlet.port);
      if (service === undefined) return refuse("gateway/no-service", `port ${inlet.port} belongs to no service any more`);
      return { kind: "service", service, host: head.host ?? service, path: target.path };
    }
    if (target.form === "absolute" && target.isHttps)
      return refuse(
        "gateway/bad-request",
        `https is not proxied by its URL: use CONNECT for hosts outside the site, and http://${target.text}/ for services`,
      );
    if (target.form !== "absolute")
      return refuse(
        "gateway/bad-request",
        target.path === "*"
          ? "OPTIONS * asks about this proxy itself, which has nothing to tell: send the whole URL of what you mean, as in OPTIONS http://auth/"
          : "this is a proxy port: send the whole URL (HTTP_PROXY does), or use the service's own port",
      );
    const resolved = this.resolve(inlet, target.authority, target.text, target.path);
    // A host outside the site reads its paths as it likes.
    return resolved.kind === "service" && typeof key !== "string" ? refuse("gateway/bad-request", key.fault) : resolved;
  }

  /** What a proxied request or CONNECT for `authority` is for. */
  resolve(inlet: Inlet, authority: Authority, host: string, path: string): HostTarget {
    if (inlet.borrowedBy !== undefined) return this.#refuseBorrowed(inlet, inlet.borrowedBy);
    const { port = HTTP_PORT } = authority;
    // A service may be named 2024, which is an address to others.
    if (this.#table.isService(authority.host)) return { kind: "service", service: authority.host, host, path };
    const address = isLoopback(authority.host) ? LOOPBACK : addressOf(authority.host);
    // Where a name leads is seen when it is dialled.
    if (address === undefined) return { kind: "outside", authority, host, path };
    const place = findOwnPlace(this.#table, this.#ownHost(), address, port);
    const caller = this.#table.callers.get(inlet.address);
    if (place === undefined || (place.kind === "instance" && place.endpoint.instance === caller?.instance))
      // What has been looked at is what is dialled.
      return { kind: "outside", authority: { host: address.includes(":") ? `[${address}]` : address, port: authority.port }, host, path };
    if (place.kind === "service" && isLoopbackAddress(address)) return { kind: "service", service: place.service, host, path };
    this.refusedDial(inlet, place.kind === "instance" ? place.endpoint.service : "");
    return refusePlace(place, host);
  }

  #refuseBorrowed({ address }: Inlet, borrower: string): Refusal {
    const owner = this.#table.callers.get(address)?.instance ?? "nobody";
    const who = [...this.#table.callers.values()].find((one) => one.instance === borrower);
    this.#refuseCaller(who, "wrong-caller", "");
    return refuse(
      "gateway/wrong-caller",
      `${address} is the address of ${owner}, and this connection comes from ${borrower === "" ? "no process of it" : borrower}: call through your own, in HTTP_PROXY and SERVICE_<NAME>_URL`,
    );
  }

  /** Why `address`, to which the name in `authority` leads, is not dialled; `undefined`: it may be. Whoever asked is told to `refusedDial`. */
  dial({ host, port = HTTP_PORT }: Authority, address: string): Refusal | undefined {
    const place = findOwnPlace(this.#table, this.#ownHost(), address, port);
    return place === undefined ? undefined : refusePlace(place, `${host}:${port} (${address})`);
  }

  /** Counts a call past the gateway that was refused. `service` is whom it was for, as far as that is known. */
  refusedDial(inlet: Inlet, service = ""): void {
    this.#refuseCaller(this.#table.callers.get(inlet.address), "bypass", service);
  }

  /** Begins a call between services. */
  host(inlet: Inlet, target: HostTarget & { readonly kind: "service" }, head: RequestHead, nowMs: number): Admitted | Refusal | Undecided {
    const call = this.#hostCall(inlet, target.service, head, nowMs);
    if (call.kind !== "call") return call;
    const contentLength = head.isChunked ? undefined : Number(head.contentLength ?? 0);
    if ((contentLength ?? 0) > LARGE_BYTES) call.window.large++;
    const headers = head.forwarded.length === 0 ? head.passed : [...head.passed, ...head.forwarded];
    return {
      kind: "admitted",
      call,
      request: { method: head.method, path: target.path, host: target.host, headers, contentLength, requestBytesMax: Number.POSITIVE_INFINITY },
    };
  }

  /** Begins a TCP connection between services: a stream without a context. */
  hostTcp(inlet: Inlet, service: string, nowMs: number): Call | Refusal | Undecided {
    if (inlet.borrowedBy !== undefined) return this.#refuseBorrowed(inlet, inlet.borrowedBy);
    const call = this.#hostCall(inlet, service, undefined, nowMs);
    if (call.kind === "call") this.stream(call);
    return call;
  }

  #hostCall(inlet: Inlet, service: string, head: RequestHead | undefined, nowMs: number): Call | Refusal | Undecided {
    const caller: Caller = this.#table.callers.get(inlet.address);
    const context = head === undefined ? ({ kind: "none", reason: "absent" } as const) : readTrace(this.#table.traceKey, head);
    if (context.kind === "conflict") {
      this.#refuseCaller(caller, "conflict", service);
      return refuse(
        "gateway/conflict",
        `the trace headers name the generations ${context.generations.join(" and ")}: send those of the request that you serve, and no others`,
      );
    }
    let generation: GenerationState;
    let trace: CarriedTrace;
    if (context.kind === "labelled") {
      const known = this.#table.generation(context.generation);
      if (known === undefined) return { kind: "unknown-generation", generation: context.generation };
      const refusal = this.#guard(caller, known, context.ids?.traceId);
      if (refusal !== undefined) {
        this.#refuseCaller(caller, "revision", service);
        return refusal;
      }
      generation = known;
      trace = carriedTrace(context, head as RequestHead, known, this.#table.traceKey, this.#random);
    } else {
      const former = context.reason === "forged" ? this.#formerGeneration(head as RequestHead) : undefined;
      if (former !== undefined)
        return refuse("gateway/unknown-generation", `generation ${former} is of a time before the site's store was put back`, { generation: former });
      const found = this.#unlabelledGeneration({ caller, service, client: inlet.address, isTcp: head === undefined });
      if ("kind" in found) return found;
      generation = found;
      trace = rootTrace(found, context.link, this.#random);
    }
    // What is let pass while new transactions are held reaches nothing that is held, as far as services declare their calls. Nobody declares those of an unknown caller: they wait for the switch.
    const { hold, generation: stamped } = this.#table.stamp ?? {};
    if (caller === undefined && hold !== undefined && generation.number === hold.to && stamped !== hold.to && hold.services.includes(service))
      return { kind: "held", services: hold.services };
    const callerRevision = caller === undefined ? undefined : this.#table.revision(caller.revision);
    if (callerRevision?.calls?.has(service) === false || caller?.calls?.includes(service) === false) {
      this.#refuseCaller(caller, "not-declared", service);
      return refuse("gateway/not-declared", `${caller?.service} does not list ${service} under calls`, {
        generation: generation.number,
        traceId: trace.traceId,
      });
    }
    const call = this.#begin({
      role: "host",
      service,
      generation,
      caller,
      callerName: caller?.service ?? UNKNOWN_CALLER,
      route: undefined,
      port: undefined,
      trace,
      isTcp: head === undefined,
      nowMs,
    });
    if (call.kind === "call" && context.kind !== "labelled" && isOfService(caller)) call.window.unlabelled++;
    return call;
  }

  /** The generation that the headers name in a former history: to take such a call for one without a context would mix its transaction. */
  #formerGeneration(head: RequestHead): number | undefined {
    for (const key of this.#table.formerTraceKeys) {
      const context = readTrace(key, head);
      if (context.kind === "labelled") return context.generation;
    }
    return undefined;
  }

  /** A labelled call of a known caller is refused if the caller's revision does not belong to the generation: a leak or a forgery becomes a failure instead of a mix. */
  #guard(caller: Caller, generation: GenerationState, traceId: string | undefined): Refusal | undefined {
    if (caller?.generation !== undefined && caller.generation !== generation.number) {
      const detail = `${caller.instance} was started in generation ${caller.generation}, and the call names ${generation.number}: the trace context came from another transaction; send none, or that of its own calls`;
      return refuse("gateway/wrong-revision", detail, { generation: generation.number, traceId });
    }
    if (caller === undefined || caller.revision === "" || this.#table.takesPart(generation, caller.service, caller.revision)) return undefined;
    const assigned = generation.assignments.get(caller.service);
    const detail = `${caller.instance} is ${caller.revision}, but generation ${generation.number} has ${assigned ?? `no ${caller.service}`}: the trace context came from another transaction; send the trace headers of the request that you serve, and keep them for no other`;
    return refuse("gateway/wrong-revision", detail, { generation: generation.number, traceId });
  }

  /** The generation of a call without a context. */
  #unlabelledGeneration(call: {
    readonly caller: Caller;
    readonly service: string;
    readonly client: string;
    readonly isTcp: boolean;
  }): GenerationState | Refusal | Held {
    const { caller, service, client, isTcp } = call;
    const name = caller?.service ?? UNKNOWN_CALLER;
    if (isOfService(caller)) {
      this.#ledger.unlabelled(name, isTcp);
      // A TCP connection has no place for a context: rejecting it would forbid every `protocol: tcp`. Where the caller is known, it is bound to a generation of its own revision.
      if (this.#table.site.unlabelled === "reject" && !(isTcp && caller !== undefined)) {
        this.#refuseCaller(caller, "unlabelled", service);
        return refuse(
          "gateway/unlabelled",
          "the site's policy is unlabelled: reject; forward traceparent (or b3, or x-orrery-generation) from the request that you serve",
        );
      }
    }
    if (caller?.generation !== undefined) return this.#generationOfRun(caller, caller.generation, service);
    if (caller === undefined || caller.revision === "") return this.#stamped(service, undefined, client);
    const found = this.#newestOf(caller);
    if (found !== undefined) return found;
    this.#refuseCaller(caller, "no-generation", service);
    return refuse(
      "gateway/no-generation",
      `no generation in service has ${caller.revision}: it is not in use yet, or not any more; begin nothing while $ORRERY_STATE holds passive`,
    );
  }

  /** A run of a job is one transaction: all that it calls meets the generation of its start, which is kept open for it. */
  #generationOfRun(caller: NonNullable<Caller>, number: number, service: string): GenerationState | Refusal {
    const found = this.#table.generation(number);
    if (found !== undefined) return found;
    this.#refuseCaller(caller, "no-generation", service);
    return refuse(
      "gateway/no-generation",
      `${caller.instance} was started in generation ${number}, which is not open any more (was the store put back?): run the job again`,
      { generation: number },
    );
  }

  /** The newest open generation in service that maps the caller's own revision, or has been moved to it. Only if there is none, one that was gone back from, as long as it is open; or else the oldest that was moved to it once, or may be: what is only planned has nothing to do yet. One that is only being prepared is not in service: its instances are passive. */
  #newestOf(caller: NonNullable<Caller>): GenerationState | undefined {
    const plan = this.#table.stamp;
    if (plan === undefined) return undefined;
    const { ramp, hold, returned } = plan;
    // It may be part of a running transaction, so it is not held: what can reach a service that is handed over stays with the generation before.
    const newest = hold === undefined || this.#table.isHeld(caller.service) ? plan.generation : hold.to;
    const isRamped = ramp !== undefined && this.#random.next() < ramp.share;
    let rampOnly: GenerationState | undefined;
    let backFrom: GenerationState | undefined;
    let once: GenerationState | undefined;
    for (const one of this.#table.generations) {
      if (!this.#table.takesPart(one, caller.service, caller.revision)) continue;
      if (one.number === ramp?.to) {
        if (isRamped) return one;
        rampOnly = one;
      } else if (one.number > newest) {
        if (returned?.includes(one.number) === true && this.#table.meets(one, caller.service, caller.revision)) backFrom ??= one;
      } else if (this.#table.meets(one, caller.service, caller.revision)) return one;
      else once = one;
    }
    return rampOnly ?? backFrom ?? once;
  }

  #refuseCaller(caller: Caller, reason: string, called: string): void {
    this.#ledger.refused(caller?.service ?? UNKNOWN_CALLER, reason, called);
  }

  #begin(options: {
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
  }): Call | Refusal | Full {
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

  /** Nothing came of waiting for a place. */
  refuseFull({ caller, service, refusal }: Full): Refusal {
    this.#ledger.refused(caller, "busy", service);
    return refusal;
  }

  #refuseService({ callerName, service }: { readonly callerName: string; readonly service: string }, refusal: Refusal): Refusal {
    this.#ledger.refused(callerName, refusal.code.slice(refusal.code.indexOf("/") + 1), service);
    return refusal;
  }

  /** After a failed try: the instance for the next one (same generation, same revision), already counted, or `undefined` if there must be none:
   *  the request may have been seen and is not idempotent, its body is gone, or the tries are used up. */
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

  /** True if an answer of this Content-Type is a stream: text/event-stream, and what the service or the route names. Case and parameters do not count. */
  isStream(call: Call, contentType: string): boolean {
    const named = this.#table.service(call.service)?.streams;
    const ofRoute = call.route?.entry.streams;
    if (named === undefined && ofRoute === undefined) return EVENT_STREAM.test(contentType);
    const end = contentType.indexOf(";");
    const type = (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
    return type === "text/event-stream" || isNamed(named, type) || isNamed(ofRoute, type);
  }

  /** The call has become a stream (WebSocket, SSE, TCP): outside `maxTransaction`. False: its instance has as many streams as it may have; end it. */
  stream(call: Call): boolean {
    if (!call.isStream && !hasRoom(call.endpoint, this.#room(this.#table.service(call.service), true))) return false;
    this.#ledger.stream(call);
    return true;
  }

  /** A fault of the gateway has ended an exchange; `call`: if it had begun one. It is counted among the refused calls. */
  failed(call: Call | undefined): void {
    this.#ledger.refused(call?.caller ?? "", "internal", call?.service ?? "");
  }

  /** Nobody waits for the call's answer any more, or perhaps nobody: when its place is needed, `evict` is called, and must end it before it returns. */
  abandon(call: Call, evict: () => void): void {
    if (!call.isOver) call.endpoint.abandon(call, evict);
  }

  /** The call is over: its instance has answered or is not waited for any more. `status` 0: without an answer. Further calls do nothing. */
  end(call: Call, status: number, nowMs: number): void {
    this.#ledger.end(call, status, nowMs);
  }

  /** Gives an end to streams of generations that are no longer stamped, and to those whose instance is leaving, each as the table says. Ask after each table, and now and then: a call may become a stream later. */
  boundStreams(nowMs: number): void {
    this.#ledger.boundStreams(nowMs);
  }

  /** Gives every stream its end now: the gateway stops, and a stream would not end by itself. */
  endStreams(nowMs: number): void {
    this.#ledger.endStreams(nowMs);
  }

  /** A new transaction is held from now on. */
  beginHeld(): void {
    this.#ledger.beginHeld();
  }

  /** A transaction was held for `timeMs`, and is not any more. */
  endHeld(timeMs: number): void {
    this.#ledger.endHeld(timeMs);
  }

  /** True if something has happened since the report before. */
  get hasChanged(): boolean {
    return this.#ledger.hasChanged;
  }

  /** Transactions and calls open, of all generations. */
  get open(): number {
    return this.#ledger.open;
  }

  /** What has happened since the last `reported`. */
  report(about: ReportContext): GatewayReport {
    return this.#ledger.report(about);
  }

  /** The last `report` has been handed over: begin new sums. */
  reported(): void {
    this.#ledger.reported();
  }
}

function refuseUnrouted({ method, host }: RequestHead, path: string): Refusal {
  if (path !== "*") return refuse("gateway/no-route", `no Route matches ${method} ${host ?? ""}${path}`);
  return refuse(
    "gateway/no-route",
    `OPTIONS * asks about the server${host === undefined ? "" : ` ${host}`} as a whole, and Routes match paths: ask for one, as in OPTIONS /`,
  );
}

function refuseFull(revision: string, { isStream, max }: Room, about: { readonly generation: number; readonly traceId: string }): Refusal {
  const what = isStream ? "streams (concurrentStreams)" : "calls (concurrency)";
  return refuse(
    "gateway/busy",
    `every instance of ${revision} has ${max} ${what} under way from this gateway: try again, or start more instances`,
    about,
  );
}

function refusePlace(place: OwnPlace, written: string): Refusal {
  if (place.kind === "edge")
    return refuse(
      "gateway/bypass",
      `${written} is the edge, where another transaction would begin, perhaps of another generation: call the service by its name, as in http://auth/`,
    );
  if (place.kind === "proxy") return refuse("gateway/bypass", `${written} is a proxy port of this gateway: use your own, in HTTP_PROXY`);
  const service = place.kind === "service" ? place.service : place.endpoint.service;
  const what = place.kind === "service" ? `is the port of ${service}` : `belongs to an instance of ${service}`;
  return refuse("gateway/bypass", `${written} ${what}: call http://${service}/ instead`);
}

function nothingKnown(): OwnHost {
  return { addresses: new Set(), edgePort: undefined };
}

/** Of a service, or of somebody unknown; not of a probe, which begins transactions of its own. */
function isOfService(caller: Caller): boolean {
  return caller === undefined || caller.revision !== "";
}

function isNamed(ranges: readonly string[] | undefined, type: string): boolean {
  return ranges?.some((range) => range === type || range === "*" || (range.endsWith("/*") && type.startsWith(range.slice(0, -1)))) === true;
}

function findViolation(head: RequestHead, target: ReturnType<typeof parseTarget>, authority: Authority | undefined): string | undefined {
  if (target.form === "bad") return target.reason;
  if (head.host !== undefined && authority === undefined) return "the Host is malformed";
  if (target.form !== "absolute" || head.host === undefined) return undefined;
  const defaultPort = target.isHttps ? HTTPS_PORT : HTTP_PORT;
  const isSame = authority?.host === target.authority.host && (authority.port ?? defaultPort) === (target.authority.port ?? defaultPort);
  return isSame ? undefined : "the Host differs from the request target's";
}
