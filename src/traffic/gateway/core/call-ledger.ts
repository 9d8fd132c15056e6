import type { GatewayReport, GenerationCount, TablePosition } from "#/traffic/routing/index.ts";
import { type Call, type Caller, callerName } from "./call.ts";
import { CallTotals, type Totals } from "./call-totals.ts";
import { GenerationCounts, Tally } from "./counts.ts";
import type { EndpointState } from "./endpoint.ts";
import type { LiveTable } from "./live-table.ts";

/** What a report says beside the counts. */
export interface ReportContext {
  /** The table that counts as in force. */
  readonly position: TablePosition;
  readonly round: number;
  /** Monotonic. */
  readonly nowMs: number;
  readonly listenFailures: GatewayReport["listenFailures"];
  readonly edgeAddress?: string | undefined;
  readonly tableFailure?: string | undefined;
}

const TCP = "tcp";

/** Counts what one gateway has begun and what is open of it, by generation, and what its calls took, by caller and instance; makes the reports by which generations are drained. */
export class CallLedger {
  readonly #gateway: Pick<GatewayReport, "host" | "roles" | "incarnation"> & { readonly name: string };
  readonly #table: LiveTable;
  readonly #counts = new Map<number, GenerationCounts>();
  /** Instances with windows. */
  readonly #active = new Set<EndpointState>();
  readonly #streams = new Set<Call>();
  readonly #unlabelled = new Tally();
  readonly #refused = new Tally();
  readonly #totals = new CallTotals();
  #held = { now: 0, total: 0, timeSumMs: 0, timeMaxMs: 0 };
  #hasChanged = true;
  #sequence = 0;

  constructor(gateway: Pick<GatewayReport, "host" | "roles" | "incarnation"> & { readonly name: string }, table: LiveTable) {
    this.#gateway = gateway;
    this.#table = table;
  }

  /** Another table is in force. */
  tableChanged(): void {
    this.#hasChanged = true;
    for (const [number, counts] of this.#counts) this.#forgetIfClosed(number, counts);
  }

  #forgetIfClosed(number: number, counts: GenerationCounts): void {
    if (counts.open === 0 && this.#table.generation(number) === undefined) this.#counts.delete(number);
  }

  countsOf(generation: number): GenerationCounts {
    let counts = this.#counts.get(generation);
    if (counts === undefined) {
      counts = new GenerationCounts(generation);
      this.#counts.set(generation, counts);
    }
    return counts;
  }

  /** A call of a service's instance without a context; `isTcp`: it has no place for one. */
  unlabelled(service: string, isTcp: boolean): void {
    this.#hasChanged = true;
    this.#unlabelled.add(service, isTcp ? TCP : "");
  }

  /** A new transaction is held. */
  beginHeld(): void {
    this.#hasChanged = true;
    this.#held.now++;
  }

  /** It is not held any more, after `timeMs`. */
  endHeld(timeMs: number): void {
    this.#hasChanged = true;
    this.#held.now--;
    this.#held.total++;
    this.#held.timeSumMs += timeMs;
    this.#held.timeMaxMs = Math.max(this.#held.timeMaxMs, timeMs);
  }

  /** A call of `service` to `called` that was refused. */
  refused(service: string, reason: string, called: string): void {
    this.#hasChanged = true;
    this.#refused.add(service, reason, called);
  }

  /** A call of `caller`, who may be unknown, that was refused. */
  refusedCall(caller: Caller, reason: string, called: string): void {
    this.refused(callerName(caller), reason, called);
  }

  /** A call begins, and its first try. */
  begin(call: Call, nowMs: number): void {
    const { counts, serviceCounts, callerCounts } = call;
    counts.started++;
    for (const one of [serviceCounts, callerCounts]) {
      if (one === undefined) continue;
      one.started++;
      one.open++;
    }
    if (call.role === "edge") {
      counts.edge++;
      counts.begun++;
    } else counts.outbound++;
    this.#beginTry(call, call.endpoint, nowMs);
  }

  /** A try has failed, and the next begins, at `endpoint`. */
  retry(call: Call, endpoint: EndpointState, nowMs: number): void {
    this.#endTry(call, 0, nowMs);
    this.#beginTry(call, endpoint, nowMs);
  }

  #beginTry(call: Call, endpoint: EndpointState, nowMs: number): void {
    this.#hasChanged = true;
    call.endpoint = endpoint;
    call.window = endpoint.window(call.caller, call.generation);
    call.attemptStartedMs = nowMs;
    call.window.inFlight++;
    endpoint.stats.begin(nowMs);
    if (call.isStream) endpoint.streams++;
    else endpoint.calls++;
    this.#active.add(endpoint);
    if (!call.isTcp) call.revision.labelledIn++;
    call.isInbound = endpoint.host === this.#gateway.host;
    if (call.isInbound) {
      call.counts.inbound++;
      call.counts.started++;
      call.serviceCounts.open++;
      call.serviceCounts.started++;
    }
  }

  #endTry(call: Call, status: number, nowMs: number): void {
    const timeMs = nowMs - call.attemptStartedMs;
    const isError = status === 0 || status >= 500;
    call.endpoint.stats.end(nowMs, timeMs, isError);
    call.endpoint.left(call);
    if (call.isStream) call.endpoint.streams--;
    else call.endpoint.calls--;
    call.window.end(timeMs, isError);
    if (call.isInbound) {
      call.counts.inbound--;
      call.serviceCounts.open--;
    }
    call.isInbound = false;
  }

  /** The call has become a stream (WebSocket, SSE, TCP): outside `maxTransaction`. */
  stream(call: Call): void {
    if (call.isStream || call.isOver) return;
    call.isStream = true;
    call.endpoint.calls--;
    call.endpoint.streams++;
    call.deadlineMs = Number.POSITIVE_INFINITY;
    this.#streams.add(call);
    if (call.role === "edge") call.counts.streams++;
    this.#hasChanged = true;
  }

  /** Gives an end to streams of generations that are no longer stamped, and to streams whose instance is leaving: as the last Update of their service says (`streamEnds`), else as their revision does (`streamsEndAfterMs`). The time begins when that is first known here, and again when another Update says something else. Ask after each table, and now and then: a call may become a stream later. */
  boundStreams(nowMs: number): void {
    const plan = this.#table.stamp;
    for (const call of this.#streams) {
      const isStamped = plan === undefined || [plan.generation, plan.ramp?.to, plan.hold?.to].includes(call.generation);
      if (isStamped && !call.endpoint.isLeaving) continue;
      const ends = this.#table.service(call.service)?.streamEnds;
      const isAsked = ends !== undefined && call.generation < ends.before;
      const endsBy = isAsked ? ends.before : 0;
      // What was said first stays when it is forgotten: no generation that it concerns is open then.
      if (call.endsBy !== undefined && call.endsBy >= endsBy) continue;
      call.endsBy = endsBy;
      const afterMs = isAsked ? ends.afterMs : call.revision.streamsEndAfterMs;
      call.deadlineMs = afterMs === undefined ? Number.POSITIVE_INFINITY : nowMs + afterMs;
    }
  }

  /** Gives every stream its end now: the gateway stops, and a stream would not end by itself. */
  endStreams(nowMs: number): void {
    for (const call of this.#streams) {
      call.deadlineMs = Math.min(call.deadlineMs, nowMs);
      // Nothing that is said later gives it more time.
      call.endsBy = Number.POSITIVE_INFINITY;
    }
  }

  /** The call is over: its instance has answered or is not waited for any more. `status` 0: without an answer. Further calls do nothing. */
  end(call: Call, status: number, nowMs: number): void {
    if (call.isOver) return;
    call.isOver = true;
    if (call.isStream) this.#streams.delete(call);
    this.#hasChanged = true;
    this.#endTry(call, status, nowMs);
    call.serviceCounts.open--;
    if (call.callerCounts !== undefined) call.callerCounts.open--;
    if (call.role === "edge") {
      call.counts.edge--;
      if (call.isStream) call.counts.streams--;
    } else call.counts.outbound--;
    this.#forgetIfClosed(call.generation, call.counts);
  }

  /** True if something has happened since the report before. */
  get hasChanged(): boolean {
    return this.#hasChanged;
  }

  /** Transactions and calls open, of all generations. */
  get open(): number {
    let open = 0;
    for (const counts of this.#counts.values()) open += counts.open;
    return open;
  }

  /** What has happened since the last `reported`. */
  report(about: ReportContext): GatewayReport {
    const labelled = new Map<string, number>();
    for (const revision of this.#table.revisions) labelled.set(revision.service, (labelled.get(revision.service) ?? 0) + revision.labelledIn);
    return {
      gateway: this.#gateway.name,
      host: this.#gateway.host,
      roles: this.#gateway.roles,
      incarnation: this.#gateway.incarnation,
      sequence: this.#sequence + 1,
      position: about.position,
      round: about.round,
      counts: this.#readCounts(about.nowMs),
      windows: this.#readWindows(),
      unlabelled: this.#unlabelled.read().map(({ service, calls, reason }) => ({
        service,
        calls,
        labelledIn: labelled.get(service) ?? 0,
        ...(reason === TCP ? { isTcp: true } : {}),
      })),
      refused: this.#refused.read(),
      held: { ...this.#held },
      listenFailures: about.listenFailures,
      ...(about.edgeAddress === undefined ? {} : { edgeAddress: about.edgeAddress }),
      ...(about.tableFailure === undefined ? {} : { tableFailure: about.tableFailure }),
    };
  }

  /** Every open generation of the table is told, also at zero: silence is not zero. */
  #readCounts(nowMs: number): GatewayReport["counts"] {
    const numbers = new Set([...this.#table.generations.map((one) => one.number), ...this.#counts.keys()]);
    const ends = this.#readStreamEnds(nowMs);
    return [...numbers]
      .sort((a, b) => a - b)
      .map((number) => {
        const streamEnds = ends.get(number);
        return { ...(this.#counts.get(number) ?? new GenerationCounts(number)).read(), ...(streamEnds === undefined ? {} : { streamEnds }) };
      });
  }

  #readStreamEnds(nowMs: number): ReadonlyMap<number, NonNullable<GenerationCount["streamEnds"]>> {
    const ends = new Map<number, NonNullable<GenerationCount["streamEnds"]>>();
    for (const { generation, endsBy, deadlineMs } of this.#streams) {
      if (endsBy === undefined) continue;
      const { ended, lastInMs, waited } = ends.get(generation) ?? { ended: 0, lastInMs: 0, waited: 0 };
      if (deadlineMs === Number.POSITIVE_INFINITY) ends.set(generation, { ended, lastInMs, waited: waited + 1 });
      else ends.set(generation, { ended: ended + 1, lastInMs: Math.max(lastInMs, deadlineMs - nowMs), waited });
    }
    return ends;
  }

  #readWindows(): GatewayReport["windows"] {
    return [...this.#active].flatMap((endpoint) =>
      endpoint.windows
        .filter((one) => one.calls > 0 || one.inFlight > 0)
        .map((one) => ({
          caller: one.caller,
          service: endpoint.service,
          revision: endpoint.revision,
          instance: endpoint.instance,
          host: endpoint.host,
          calls: one.calls,
          errors: one.errors,
          timeSumMs: one.timeSumMs,
          timeMaxMs: one.timeMaxMs,
          buckets: one.buckets,
          inFlight: one.inFlight,
          large: one.large,
          unlabelled: one.unlabelled,
          generation: one.generation,
        })),
    );
  }

  /** What was counted since this gateway began. */
  totals(): Totals {
    const windows = [...this.#active].flatMap(({ service, windows }) => windows.map((window) => ({ service, window })));
    const refused = this.#refused.read().map(({ service, called, reason, calls }) => ({ caller: service, service: called, reason, calls }));
    return this.#totals.read(windows, refused);
  }

  /** The last `report` has been handed over: begin new sums. */
  reported(): void {
    this.#sequence++;
    this.#hasChanged = false;
    this.#unlabelled.clear();
    for (const { service, called, reason, calls } of this.#refused.read()) this.#totals.refuse(service, called, reason, calls);
    this.#refused.clear();
    this.#held = { now: this.#held.now, total: 0, timeSumMs: 0, timeMaxMs: 0 };
    for (const revision of this.#table.revisions) revision.labelledIn = 0;
    for (const endpoint of this.#active) {
      for (const window of endpoint.windows) {
        this.#totals.add(endpoint.service, window);
        window.reset();
      }
      endpoint.sweepWindows();
      if (endpoint.windows.length === 0) this.#active.delete(endpoint);
    }
  }
}
