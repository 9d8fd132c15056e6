import {
  type Admitted,
  type Call,
  GatewayCore,
  type Inlet,
  type Refusal,
  RequestHead,
  refuse,
  type Undecided,
} from "#/traffic/gateway/core/index.ts";
import {
  type GatewayReport,
  type KnownTable,
  PROXY_PORT,
  type Table,
  type TableMessage,
  type TablePosition,
  type TableUpdate,
} from "#/traffic/routing/index.ts";
import { isSameMap } from "#/traffic/update/core/index.ts";
import type { Dice } from "./dice.ts";
import type { Exchange } from "./exchange.ts";
import type { Link } from "./link.ts";
import { Program } from "./program.ts";
import type { GatewayPlan, RootPlan } from "./scenario.ts";
import type { ServiceProcess } from "./service-process.ts";
import type { Transaction } from "./transaction.ts";
import type { World } from "./world.ts";

/** As in src/traffic/gateway/. */
const TICK_MS = 250;
const QUIET_MS = 2000;
const TABLE_WAIT_MS = 1000;
const ACK_AGAIN_MS = 250;
const STREAM_AGAIN_MS = 500;
/** How long an orderly end lets running calls end. */
const STOP_MS = 600;
const CALL_BUDGET = 10;

export interface HostRequest {
  readonly tx: Transaction;
  readonly headers: readonly string[];
  readonly service: string;
  readonly depth: number;
  readonly endByMs: number;
  readonly caller: ServiceProcess;
  /** The transaction whose context it carries, if it is not its own. */
  readonly leakedFrom: Transaction | undefined;
  readonly onAnswer: (wasRefused: boolean) => void;
}

/** What a start of a gateway leaves behind for the next one. */
interface Disk {
  incarnation: number;
  /** A start has not ended orderly yet. */
  isRunning: boolean;
  uncleanMs: number | undefined;
  table: Table | undefined;
  /** How often the store had been put back when the centre of this table began. */
  era: number;
}

/** What the centre hears of a gateway. */
export interface CentrePort {
  /** How often the store had been put back when it began. */
  readonly era: number;
  hello(
    link: Link,
    hello: {
      readonly name: string;
      readonly host: string;
      readonly incarnation: number;
      readonly formerUncleanAgoMs: number | undefined;
      readonly roles: GatewayPlan["roles"];
    },
  ): void;
  /** `receive` is given every message, and `undefined` when the stream ends on an open link. */
  subscribe(link: Link, name: string, known: KnownTable | undefined, receive: (message: TableMessage | undefined) => void): void;
  acknowledge(link: Link, name: string, position: TablePosition): void;
  report(link: Link, name: string, report: GatewayReport): void;
}

/** The gateway of a host, or another edge there: the real core, with the table file, reports and acknowledgements of `src/traffic/gateway/`, over links that fail and sockets that do not exist. */
export class GatewayProcess {
  readonly #world: World;
  readonly plan: GatewayPlan;
  readonly #dice: Dice;
  readonly #disk: Disk = { incarnation: 0, isRunning: false, uncleanMs: undefined, table: undefined, era: 0 };
  #program: Program;
  #core: GatewayCore | undefined;
  #link: Link | undefined;
  #centre: CentrePort | undefined;
  #preferred: CentrePort | undefined;
  #subscription = 0;
  #durable: TablePosition | undefined;
  #acknowledged: TablePosition | undefined;
  #reported: TablePosition | undefined;
  #isWriting = false;
  #isStopping = false;
  #pending: { readonly table: Table; readonly era: number } | undefined;
  #era = 0;
  #round = 0;
  #lastReportMs = Number.NEGATIVE_INFINITY;
  #waiters: { readonly isOver: () => boolean; readonly tell: () => void }[] = [];
  readonly #open = new Set<OpenExchange>();
  /** No link comes about before this. */
  #unreachableUntilMs = 0;
  hasEnded = false;
  /** Called after each table that is taken. */
  onTable: () => void = () => {};

  constructor(world: World, plan: GatewayPlan, dice: Dice) {
    this.#world = world;
    this.plan = plan;
    this.#dice = dice;
    this.#program = new Program(world.scheduler, plan.name);
    this.#program.kill();
  }

  get isUp(): boolean {
    return this.#program.isAlive;
  }

  /** True if it takes requests. */
  get isOpen(): boolean {
    return this.isUp && !this.#isStopping;
  }

  get isEdge(): boolean {
    return this.plan.roles.includes("edge");
  }

  get incarnation(): number {
    return this.#disk.incarnation;
  }

  /** True if its next calls of `generation` could be routed: it runs or would start with a table that has it. A gateway without any table serves nothing, and knows enough. */
  knows(generation: number): boolean {
    const table = this.isUp ? this.#core?.table.table : this.#disk.table;
    if (table === undefined) return true;
    const assigned = table.entries.generation[String(generation)]?.assignments;
    return (
      assigned !== undefined &&
      table.position.history === this.#world.judge.site?.history &&
      isSameMap(assigned, this.#world.judge.mapOf(generation) ?? {})
    );
  }

  /** True if its table keeps `generation` from an instance of the service on its host. */
  isFenced(service: string, generation: number): boolean {
    const revisions = Object.values(this.#core?.table.table?.entries.revision ?? {});
    return revisions.some(
      (one) => one.service === service && one.endpoints.some(({ host, upTo }) => host === this.plan.host && upTo !== undefined && upTo < generation),
    );
  }

  start(): void {
    if (this.hasEnded || this.isUp) return;
    this.#disk.incarnation++;
    if (this.#disk.isRunning) this.#disk.uncleanMs = this.#world.scheduler.nowMs;
    this.#disk.isRunning = true;
    this.#isStopping = false;
    const { name, host, roles } = this.plan;
    this.#program = new Program(this.#world.scheduler, name);
    this.#core = new GatewayCore({ name, host, roles, incarnation: this.#disk.incarnation, random: this.#dice.random });
    this.#link = undefined;
    this.#durable = undefined;
    this.#acknowledged = undefined;
    this.#reported = undefined;
    this.#isWriting = false;
    this.#round = 0;
    this.#lastReportMs = Number.NEGATIVE_INFINITY;
    this.#era = this.#disk.era;
    if (this.#disk.table !== undefined) {
      this.#core.update({ table: this.#disk.table });
      this.#durable = this.#disk.table.position;
    }
    this.#world.judge.note(() => `gateway ${name} starts as incarnation ${this.#disk.incarnation}, table ${format(this.#durable)}`);
    this.#tick();
    this.#dialLater();
  }

  /** SIGTERM: nothing new is taken, what is in flight comes to its end, within bounds. */
  stop(): void {
    if (!this.isUp || this.#isStopping) return;
    this.#world.judge.note(() => `gateway ${this.plan.name} is stopping`);
    this.#isStopping = true;
    const endMs = this.#world.scheduler.elapsedMs + STOP_MS;
    const look = (): void => {
      if (this.#open.size > 0 && this.#world.scheduler.elapsedMs < endMs) {
        this.#program.after(20, look);
        return;
      }
      if (this.#core?.open === 0) this.#disk.isRunning = false;
      this.kill();
    };
    look();
  }

  /** SIGKILL: what is in flight breaks off. */
  kill(excuse?: string): void {
    if (!this.isUp) return;
    this.#world.judge.note(() => `gateway ${this.plan.name} is killed`);
    this.#program.kill();
    this.#link?.cut(5);
    this.#link = undefined;
    this.#waiters = [];
    for (const one of [...this.#open]) one.breakOff("a gateway that carried it was killed", excuse);
    this.#open.clear();
  }

  /** Its table cannot be read any more. */
  loseTable(): void {
    this.#disk.table = undefined;
  }

  // ---- the feed, as LinkFeed and Gateway do it

  #dialLater(): void {
    const waitMs = Math.max(this.#dice.between(5, 120), this.#unreachableUntilMs - this.#world.scheduler.elapsedMs);
    this.#program.after(waitMs, () => this.#dial());
  }

  #dial(): void {
    if (this.#link !== undefined) return;
    const leader = this.#world.leaderToDial(this.#dice, this.#preferred);
    this.#preferred = undefined;
    if (leader === undefined) return this.#dialLater();
    const link = leader.open(this.#program, this.#world.delayOf(this.plan.name), this.#dice.fork());
    this.#link = link;
    this.#centre = leader;
    link.onGatewayClose = () => {
      if (this.#link !== link) return;
      this.#link = undefined;
      this.#dialLater();
    };
    const { name, host, roles } = this.plan;
    const { incarnation, uncleanMs } = this.#disk;
    const hello = { name, host, roles, incarnation, formerUncleanAgoMs: uncleanMs === undefined ? undefined : this.#program.now() - uncleanMs };
    link.toCentre(() => leader.hello(link, hello));
    this.#subscribe();
    const again = (): void => {
      const position = this.#acknowledged;
      if (this.#link === link && position !== undefined) link.toCentre(() => leader.acknowledge(link, name, position));
    };
    again();
    this.#program.after(ACK_AGAIN_MS, again);
  }

  #subscribe(): void {
    const { centre, link } = { centre: this.#centre, link: this.#link };
    if (centre === undefined || link === undefined) return;
    const subscription = ++this.#subscription;
    const known = this.#core?.table.known;
    const isCurrent = (): boolean => this.#link === link && this.#subscription === subscription;
    const again = (): void => {
      if (isCurrent()) this.#subscribe();
    };
    const receive = (message: TableMessage | undefined): void => {
      link.toGateway(() => {
        if (!isCurrent()) return;
        if (message === undefined) this.#program.after(STREAM_AGAIN_MS, again);
        else this.#hear(message);
      });
    };
    // What was heard of rounds on another connection must not be taken for an answer on this one.
    this.#round = 0;
    this.#reportNow();
    link.toCentre(() => centre.subscribe(link, this.plan.name, known, receive));
  }

  #hear(message: TableMessage): void {
    if ("round" in message) {
      this.#round = message.round;
      this.#reportNow();
    } else if ("load" in message) this.#core?.load(message.load);
    else this.#update(message);
  }

  #update(update: TableUpdate): void {
    const core = this.#core as GatewayCore;
    const applied = core.update(update);
    if (applied === "gap") {
      this.#program.after(0, () => this.#subscribe());
      return;
    }
    const { table } = core.table;
    if ("table" in update) {
      const { position, entries } = update.table;
      this.#world.judge.note(
        () => `gateway ${this.plan.name} hears table ${format(position)}, which stamps ${entries.stamp[""]?.generation ?? "nothing"}: ${applied}`,
      );
    }
    if (applied === "older" || table === undefined) return;
    this.#era = this.#centre?.era ?? this.#era;
    // Where a file was copied back, one that has a table of before may show that yet.
    if (!this.#world.canStillShow(this)) this.#world.judge.believe(this.plan.name, table.position.history, table.entries.generation);
    this.onTable();
    this.#save(table);
    this.#boundStreams();
    this.#tellWaiters();
  }

  #save(table: Table): void {
    this.#pending = { table, era: this.#era };
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#write();
  }

  #write(): void {
    const pending = this.#pending as { readonly table: Table; readonly era: number };
    const { table, era } = pending;
    const { slowDiskShare } = this.#world.scenario;
    const isSlow = this.#dice.chance(slowDiskShare) && this.#world.hasStarted;
    const needsMs = isSlow ? this.#dice.between(10, slowDiskShare > 0.1 ? 600 : 150) : this.#dice.between(0.5, 8);
    this.#program.after(needsMs, () => {
      this.#disk.table = table;
      this.#disk.era = era;
      this.#durable = table.position;
      this.#acknowledged = table.position;
      const { position } = table;
      const { centre, link } = { centre: this.#centre, link: this.#link };
      if (centre !== undefined && link !== undefined) link.toCentre(() => centre.acknowledge(link, this.plan.name, position));
      if (pending === this.#pending) this.#isWriting = false;
      else this.#write();
    });
  }

  /** Streams of a generation that is no longer stamped end when their revision says so. */
  #boundStreams(): void {
    this.#core?.boundStreams(this.#program.monotonic());
    for (const one of this.#open) one.look();
  }

  #tick(): void {
    this.#program.after(TICK_MS, () => {
      this.#boundStreams();
      if (this.#core?.hasChanged === true || this.#durable !== this.#reported || this.#program.monotonic() - this.#lastReportMs >= QUIET_MS)
        this.#reportNow();
      this.#tick();
    });
  }

  #reportNow(): void {
    const core = this.#core as GatewayCore;
    const { centre, link } = { centre: this.#centre, link: this.#link };
    if (this.#durable === undefined || centre === undefined || link === undefined) return;
    const report = core.report({ position: this.#durable, round: this.#round, nowMs: this.#program.monotonic(), listenFailures: [] });
    link.toCentre(() => centre.report(link, this.plan.name, report));
    core.reported();
    this.#reported = report.position;
    this.#lastReportMs = this.#program.monotonic();
  }

  /** Its next link leads to this centre. */
  preferNext(centre: CentrePort | undefined): void {
    this.#preferred = centre;
    this.#link?.cut(5);
  }

  /** The link breaks, and no other comes about for a while. */
  cutLink(forMs: number): void {
    this.#unreachableUntilMs = this.#world.scheduler.elapsedMs + forMs;
    this.#link?.cut(30);
  }

  /** The link is silently dead: this end notices late, the other at its own time. */
  hangLink(forMs: number): void {
    this.#unreachableUntilMs = this.#world.scheduler.elapsedMs + forMs;
    this.#link?.cut(forMs);
  }

  // ---- requests, as HttpProxy and Exchange do it

  #wait(isOver: () => boolean, forMs: number, then: () => void): void {
    let isTold = false;
    const tell = (): void => {
      if (isTold) return;
      isTold = true;
      then();
    };
    this.#waiters.push({ isOver, tell });
    this.#program.after(forMs, () => {
      this.#waiters = this.#waiters.filter((one) => one.tell !== tell);
      tell();
    });
  }

  #tellWaiters(): void {
    const over = this.#waiters.filter((one) => one.isOver());
    if (over.length === 0) return;
    this.#waiters = this.#waiters.filter((one) => !over.includes(one));
    for (const one of over) one.tell();
  }

  /** Takes `decide`'s decision when there is one; what waited too long is refused. */
  #settle(
    decide: () => Admitted | Refusal | Undecided,
    untilMs: number,
    take: (decision: Admitted | Refusal) => void,
    onHeld: () => void = () => {},
  ): void {
    const core = this.#core as GatewayCore;
    const decision = decide();
    if (decision.kind === "admitted" || decision.kind === "refusal") return take(decision);
    if (decision.kind === "full") return take(core.refuseFull(decision));
    const nowMs = this.#program.monotonic();
    if (decision.kind === "unknown-generation") {
      const { generation } = decision;
      const refusal = refuse("gateway/unknown-generation", `generation ${generation} is not in the table`, { generation });
      if (nowMs >= untilMs) return take(refusal);
      const isKnown = (): boolean => core.table.generation(generation) !== undefined;
      return this.#wait(isKnown, TABLE_WAIT_MS, () => (isKnown() ? this.#settle(decide, untilMs, take, onHeld) : take(refusal)));
    }
    onHeld();
    if (nowMs >= untilMs) return take(refuse("gateway/held", `${decision.services.join(", ")} is being handed over`));
    const { hold } = core.table.stamp ?? {};
    this.#wait(
      () => core.table.stamp?.hold !== hold,
      untilMs - nowMs,
      () => this.#settle(decide, untilMs, take, onHeld),
    );
  }

  /** How often the store had been put back when the centre of its table began. */
  get era(): number {
    return this.#era;
  }

  /** Its table is of a time before the store was put back. */
  get hasFormerTable(): boolean {
    return this.#disk.table !== undefined && this.#disk.era < this.#world.judge.era;
  }

  /** The leader whose table it has. */
  get epoch(): number {
    return this.#core?.table.position?.epoch ?? 0;
  }

  /** True if its table says that instances of `revision` may take part in `generation`. */
  admits(generation: number, service: string, revision: string): boolean {
    const { table } = this.#core as GatewayCore;
    const state = table.generation(generation);
    return state !== undefined && table.takesPart(state, service, revision);
  }

  /** A request from outside. */
  edgeRequest(root: RootPlan): void {
    const core = this.#core as GatewayCore;
    const head = new RequestHead("GET", `/${root.entry}`, ["Host", "site.example", "Cookie", `session=s${root.seed % 50}`]);
    const sentMs = this.#program.monotonic();
    this.#settle(
      () => core.edge(head, "10.0.0.1", this.#program.monotonic()),
      sentMs + core.table.site.holdMs,
      (decision) => {
        if (decision.kind === "refusal") return this.#world.calls.refusedRoot(this, root, decision);
        const { hold } = core.table.stamp ?? {};
        if (hold !== undefined) this.#world.calls.passed(this, root, hold, decision.call.generation);
        this.#forwardRoot(root, decision.call);
      },
      () => this.#world.calls.held(this, root, core.table.stamp?.hold),
    );
  }

  #forwardRoot(root: RootPlan, call: Call): void {
    const { judge, scenario } = this.#world;
    const { table } = this.#core as GatewayCore;
    judge.begun(table.position?.history ?? "", call.generation, table.generation(call.generation)?.assignments ?? new Map());
    const tx = judge.transaction({ generation: call.generation, era: this.#era, isFromEdge: true, seed: root.seed, budget: CALL_BUDGET });
    const { longRoute, maxTransactionMs } = scenario;
    const longestMs = longRoute?.service === root.entry ? longRoute.maxTransactionMs : maxTransactionMs;
    const endByMs = this.#world.scheduler.elapsedMs + 0.5 * longestMs;
    this.#forward({ call, tx, depth: 0, endByMs, isStream: root.isStream, onAnswer: () => {} });
  }

  /** A call of an instance of this host. */
  hostRequest(request: HostRequest): void {
    const core = this.#core as GatewayCore;
    const release = this.#world.judge.begin(request.tx, request.service, `a call to ${request.service} at ${this.plan.name}`);
    const isProxied = request.tx.dice.chance(0.5);
    this.#world.judge.calls++;
    const decide = (): Admitted | Refusal | Undecided => {
      const { caller, service, headers } = request;
      // It listens on the addresses of the callers that it knows, and on no others.
      if (!core.table.callers.has(caller.callerAddress)) return refuse("gateway/connect", `nothing listens on the address of ${caller.instance} yet`);
      const head = new RequestHead("GET", isProxied ? `http://${service}/` : "/", ["Host", service, ...headers]);
      const inlet: Inlet = {
        kind: isProxied ? "proxy" : "service",
        address: caller.callerAddress,
        port: isProxied ? PROXY_PORT : this.#world.servicePort(service),
      };
      const target = core.target(inlet, head);
      if (target.kind === "outside") return refuse("gateway/no-service", `${service} is no service of the site's: the call would go outside`);
      return target.kind === "refusal" ? target : core.host(inlet, target, head, this.#program.monotonic());
    };
    // Killed while it waits: the caller's connection breaks.
    const cancel = this.#program.onDeath(() => {
      release();
      request.tx.touch("a gateway that it waited at was killed");
      this.#world.scheduler.after(1, () => request.onAnswer(true));
    });
    const take = (decision: Admitted | Refusal): void => {
      cancel();
      release();
      if (decision.kind === "admitted") return this.#forwardFrom(request, decision);
      this.#world.calls.refused(this, request, decision);
      this.#world.scheduler.after(0.2, () => request.onAnswer(true));
    };
    this.#settle(decide, this.#program.monotonic() + core.table.site.holdMs, take);
  }

  #forwardFrom(request: HostRequest, admitted: Admitted): void {
    const { call } = admitted;
    const tx = this.#world.calls.transactionOf(this, request, call);
    this.#forward({ call, tx, depth: request.depth, endByMs: request.endByMs, isStream: false, onAnswer: () => request.onAnswer(false) });
  }

  #forward(options: {
    readonly call: Call;
    readonly tx: Transaction;
    readonly depth: number;
    readonly endByMs: number;
    readonly isStream: boolean;
    readonly onAnswer: () => void;
  }): void {
    const exchange = new OpenExchange({
      ...options,
      world: this.#world,
      gateway: this,
      program: this.#program,
      core: this.#core as GatewayCore,
      onOver: (one) => this.#open.delete(one),
    });
    this.#open.add(exchange);
    exchange.dial();
  }
}

interface OpenExchangeOptions {
  readonly world: World;
  readonly gateway: GatewayProcess;
  readonly program: Program;
  readonly core: GatewayCore;
  readonly call: Call;
  readonly tx: Transaction;
  readonly depth: number;
  readonly endByMs: number;
  readonly isStream: boolean;
  readonly onAnswer: () => void;
  readonly onOver: (one: OpenExchange) => void;
}

/** A call on its way through a gateway. */
class OpenExchange {
  readonly #options: OpenExchangeOptions;
  readonly #release: () => void;
  readonly #cancelDeadline: () => void;
  #isOver = false;
  #attempt = 0;
  #isStreaming = false;

  constructor(options: OpenExchangeOptions) {
    this.#options = options;
    const { world, tx, call, program } = options;
    this.#release = world.judge.begin(tx, call.service, `a call to ${call.service} through ${options.gateway.plan.name}`);
    this.#cancelDeadline = program.after(call.deadlineMs - program.monotonic(), () => this.#expire());
    world.judge.note(
      () =>
        `${options.gateway.plan.name} ${call.role === "edge" ? "outside" : call.callerInstance} → ${call.service} in generation ${call.generation}, transaction ${tx.id}: ${call.endpoint.instance}`,
    );
  }

  get tx(): Transaction {
    return this.#options.tx;
  }

  get headers(): readonly string[] {
    return this.#options.call.traceHeaders;
  }

  get depth(): number {
    return this.#options.depth;
  }

  get endByMs(): number {
    return this.#options.endByMs;
  }

  get isStream(): boolean {
    return this.#options.isStream;
  }

  dial(): void {
    const { world, program, call, tx } = this.#options;
    const attempt = ++this.#attempt;
    const { endpoint } = call;
    const port = endpoint.ports[call.port] ?? 0;
    program.after(tx.dice.between(0.05, 2), () => {
      if (this.#isOver || attempt !== this.#attempt) return;
      const process = world.listenerAt(endpoint.host, port);
      world.calls.dialled({ call, tx, process, port });
      if (process !== undefined) return process.accept(new Attempt(this, attempt));
      this.#failed(false);
    });
  }

  #failed(wasSent: boolean): void {
    if (this.#isOver) return;
    const { core, call, program, world, tx } = this.#options;
    const next = core.retry(call, { status: 0, wasSent }, { method: "GET", isReplayable: !this.#isStreaming }, program.monotonic());
    if (next !== undefined) return this.dial();
    world.calls.unanswered({ call, tx, wasSent });
    this.#end(502);
  }

  resetAttempt(attempt: number): void {
    if (attempt !== this.#attempt) return;
    const { world, program, tx } = this.#options;
    world.scheduler.after(tx.dice.between(0, 2), () => program.deliver(() => this.#failed(true)));
  }

  answerAttempt(attempt: number, status: number): void {
    if (attempt !== this.#attempt) return;
    const { world, program, tx } = this.#options;
    world.scheduler.after(tx.dice.between(0.05, 1), () =>
      program.deliver(() => {
        if (attempt === this.#attempt) this.#end(status);
      }),
    );
  }

  isOpenAttempt(attempt: number): boolean {
    return !this.#isOver && attempt === this.#attempt;
  }

  becomeStream(): void {
    const { core, call } = this.#options;
    if (this.#isOver) return;
    core.stream(call);
    this.#isStreaming = true;
    this.#cancelDeadline();
  }

  /** Ends a stream whose time is over. */
  look(): void {
    const { call, program, tx } = this.#options;
    if (!this.#isStreaming || program.monotonic() < call.deadlineMs) return;
    tx.touch("its stream was ended");
    tx.excusedBy ??= "its stream was ended";
    this.#end(101);
  }

  #expire(): void {
    this.#options.tx.touch("it lasted longer than maxTransaction");
    this.#options.tx.excusedBy ??= "it lasted longer than maxTransaction";
    this.#end(504);
  }

  #end(status: number): void {
    if (this.#isOver) return;
    const { core, call, program, world, onAnswer } = this.#options;
    core.end(call, status, program.monotonic());
    this.#over();
    world.scheduler.after(0.2, onAnswer);
  }

  /** The gateway dies. */
  breakOff(why: string, excuse: string | undefined): void {
    const { tx, world, onAnswer, call, program } = this.#options;
    tx.touch(why);
    tx.excusedBy ??= excuse;
    // Nobody ends it in time any more: what it still does after that is awaited by nobody.
    if (call.role === "edge" && !this.#isStreaming)
      world.scheduler.after(call.deadlineMs - program.monotonic(), () => {
        tx.excusedBy ??= "it lasted longer than maxTransaction, and its edge was killed";
      });
    this.#over();
    world.scheduler.after(tx.dice.between(0, 2), onAnswer);
  }

  #over(): void {
    this.#isOver = true;
    this.#cancelDeadline();
    this.#release();
    this.#options.onOver(this);
  }
}

/** One try of a call: a process that was given up on answers into the void. */
class Attempt implements Exchange {
  readonly #exchange: OpenExchange;
  readonly #number: number;

  constructor(exchange: OpenExchange, number: number) {
    this.#exchange = exchange;
    this.#number = number;
  }

  get tx(): Transaction {
    return this.#exchange.tx;
  }

  get headers(): readonly string[] {
    return this.#exchange.headers;
  }

  get depth(): number {
    return this.#exchange.depth;
  }

  get endByMs(): number {
    return this.#exchange.endByMs;
  }

  get isStream(): boolean {
    return this.#exchange.isStream;
  }

  get isOpen(): boolean {
    return this.#exchange.isOpenAttempt(this.#number);
  }

  becomeStream(): void {
    if (this.isOpen) this.#exchange.becomeStream();
  }

  answer(status: number): void {
    this.#exchange.answerAttempt(this.#number, status);
  }

  reset(): void {
    this.#exchange.resetAttempt(this.#number);
  }
}

function format(position: TablePosition | undefined): string {
  return position === undefined ? "none" : `${position.epoch}/${position.version}`;
}
