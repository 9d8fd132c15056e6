import type { Random } from "#/base/index.ts";
import type { GatewayReport, PublishedLoad, RouteEntry, TableUpdate } from "#/traffic/routing/index.ts";
import type { Authority } from "./authority.ts";
import type { Call } from "./call.ts";
import { CallLedger, type ReportContext } from "./call-ledger.ts";
import type { Totals } from "./call-totals.ts";
import { Calls, type Outcome } from "./calls.ts";
import type { Admitted, Full, Held, Undecided } from "./decision.ts";
import { Destinations, type HostTarget, type Inlet } from "./destination.ts";
import { EdgeCalls } from "./edge-calls.ts";
import type { EndpointState } from "./endpoint.ts";
import { GenerationChoice } from "./generation-choice.ts";
import { HostCalls } from "./host-calls.ts";
import { type Applied, LiveTable } from "./live-table.ts";
import { type Origin, readOrigin } from "./origin.ts";
import type { OwnHost } from "./own-places.ts";
import type { Refusal } from "./refusal.ts";
import type { RequestHead } from "./request-head.ts";

export interface GatewayCoreOptions {
  readonly name: string;
  readonly host: string;
  readonly roles: readonly ("edge" | "host")[];
  readonly incarnation: number;
  readonly random: Random;
  /** What is known of its host; default nothing. Asked for again for each look. */
  readonly ownHost?: () => OwnHost;
}

/** Decides about every request and call of one gateway and counts them: the table in force, and what each part makes of it. Deterministic: time and randomness are arguments, nothing is read or sent. Not for concurrent use from several threads. */
export class GatewayCore {
  readonly #table: LiveTable;
  readonly #ledger: CallLedger;
  readonly #calls: Calls;
  readonly #destinations: Destinations;
  readonly #edge: EdgeCalls;
  readonly #host: HostCalls;

  constructor(options: GatewayCoreOptions) {
    const { random } = options;
    const table = new LiveTable(options);
    const ledger = new CallLedger(options, table);
    const calls = new Calls(table, ledger, random);
    const destinations = new Destinations(table, ledger, options.ownHost ?? nothingKnown);
    const generations = new GenerationChoice(table, ledger, random);
    this.#table = table;
    this.#ledger = ledger;
    this.#calls = calls;
    this.#destinations = destinations;
    this.#edge = new EdgeCalls({ table, generations, calls, random });
    this.#host = new HostCalls({ table, ledger, destinations, generations, calls, random });
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
    return this.#edge.begin(head, client, nowMs);
  }

  /** Begins a transaction that is a TCP connection from outside: a stream. */
  edgeTcp(route: RouteEntry, client: string, nowMs: number): Call | Refusal | Held | Full {
    return this.#edge.beginTcp(route, client, nowMs);
  }

  /** What a request that came in on `inlet` is for: the service of the port, the service that a proxied request names, or a host outside the site. */
  target(inlet: Inlet, head: RequestHead): HostTarget {
    return this.#destinations.target(inlet, head);
  }

  /** What a proxied request or CONNECT for `authority` is for. */
  resolve(inlet: Inlet, authority: Authority, host: string, path: string): HostTarget {
    return this.#destinations.resolve(inlet, authority, host, path);
  }

  /** Why `address`, to which the name in `authority` leads, is not dialled; `undefined`: it may be. Whoever asked is told to `refusedDial`. */
  dial(authority: Authority, address: string): Refusal | undefined {
    return this.#destinations.dial(authority, address);
  }

  /** Counts a call past the gateway that was refused. `service` is whom it was for, as far as that is known. */
  refusedDial(inlet: Inlet, service?: string): void {
    this.#destinations.refusedDial(inlet, service);
  }

  /** Begins a call between services. */
  host(inlet: Inlet, target: HostTarget & { readonly kind: "service" }, head: RequestHead, nowMs: number): Admitted | Refusal | Undecided {
    return this.#host.begin(inlet, target, head, nowMs);
  }

  /** Which instance asks, and for which transaction, as far as both are known. */
  whoAsks(inlet: Inlet, head: RequestHead): { readonly callerInstance: string; readonly traceId: string } | undefined {
    return this.#host.whoAsks(inlet, head);
  }

  /** Begins a TCP connection between services: a stream without a context. */
  hostTcp(inlet: Inlet, service: string, nowMs: number): Call | Refusal | Undecided {
    return this.#host.beginTcp(inlet, service, nowMs);
  }

  /** Nothing came of waiting for a place. */
  refuseFull(full: Full): Refusal {
    return this.#calls.refuseFull(full);
  }

  /** After a failed try: the instance for the next one (same generation, same revision), already counted, or `undefined` if there must be none:
   *  the request may have been seen and is not idempotent, its body is gone, or the tries are used up. */
  retry(
    call: Call,
    outcome: Outcome,
    request: { readonly method: string; readonly isReplayable: boolean },
    nowMs: number,
  ): EndpointState | undefined {
    return this.#calls.retry(call, outcome, request, nowMs);
  }

  /** True if an answer of this Content-Type is a stream: text/event-stream, and what the service or the route names. Case and parameters do not count. */
  isStream(call: Call, contentType: string): boolean {
    return this.#calls.isStream(call, contentType);
  }

  /** The call has become a stream (WebSocket, SSE, TCP): outside `maxTransaction`. False: its instance has as many streams as it may have; end it. */
  stream(call: Call): boolean {
    return this.#calls.stream(call);
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

  /** What was counted since this gateway began, by caller and service. */
  totals(): Totals {
    return this.#ledger.totals();
  }

  /** The last `report` has been handed over: begin new sums. */
  reported(): void {
    this.#ledger.reported();
  }
}

function nothingKnown(): OwnHost {
  return { addresses: new Set(), edgePort: undefined };
}
