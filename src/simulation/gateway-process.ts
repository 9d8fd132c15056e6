import { GatewayCore } from "#/traffic/gateway/core/index.ts";
import { isSameMap } from "#/traffic/update/core/index.ts";
import type { CentrePort } from "./centre-port.ts";
import type { Dice } from "./dice.ts";
import { type FeedSurroundings, formatPosition, type GatewayDisk, GatewayFeed, type GatewayWay } from "./gateway-feed.ts";
import { GatewayRequests, type RequestSurroundings } from "./gateway-requests.ts";
import type { HostInlet, HostRequest } from "./host-request.ts";
import type { GatewayPlan, RootPlan } from "./plan.ts";
import { Program } from "./program.ts";
import type { Setting } from "./setting.ts";
import type { SeenGateway } from "./sight.ts";

/** How long an orderly end lets running calls end. */
const STOP_MS = 600;

/** What is around a gateway. */
export interface GatewaySurroundings extends FeedSurroundings, RequestSurroundings {
  /** A gateway other than `heard` may yet show that a file was copied back. */
  canStillShow(heard: GatewayProcess): boolean;
}

/** From a start to an end. */
interface Run {
  readonly program: Program;
  readonly core: GatewayCore;
  readonly feed: GatewayFeed;
  readonly requests: GatewayRequests;
}

/** The gateway of a host, or another edge there: the real core, with the table file, reports and acknowledgements of `src/traffic/gateway/`, over links that fail and sockets that do not exist. It is started, stopped, killed, and started again with what its disk has. */
export class GatewayProcess implements SeenGateway, HostInlet {
  readonly #setting: Setting;
  readonly #surroundings: GatewaySurroundings;
  readonly plan: GatewayPlan;
  readonly #dice: Dice;
  readonly #disk: GatewayDisk = { incarnation: 0, isRunning: false, uncleanMs: undefined, table: undefined, era: 0 };
  readonly #way: GatewayWay = { unreachableUntilMs: 0, preferred: undefined };
  /** The last one. */
  #run: Run | undefined;
  #isStopping = false;
  hasEnded = false;
  /** Called after each table that is taken. */
  onTable: () => void = () => {};

  constructor(setting: Setting, surroundings: GatewaySurroundings, plan: GatewayPlan, dice: Dice) {
    this.#setting = setting;
    this.#surroundings = surroundings;
    this.plan = plan;
    this.#dice = dice;
  }

  get isUp(): boolean {
    return this.#run?.program.isAlive === true;
  }

  /** True if it takes requests. */
  get isOpen(): boolean {
    return this.isUp && !this.#isStopping;
  }

  get isEdge(): boolean {
    return this.plan.roles.includes("edge");
  }

  get era(): number {
    return this.#run?.feed.era ?? 0;
  }

  /** Its table is of a time before the store was put back. */
  get hasFormerTable(): boolean {
    return this.#disk.table !== undefined && this.#disk.era < this.#setting.judge.era;
  }

  get epoch(): number {
    return this.#run?.core.table.position?.epoch ?? 0;
  }

  knows(generation: number): boolean {
    const { judge } = this.#setting;
    const table = this.isUp ? this.#run?.core.table.table : this.#disk.table;
    if (table === undefined) return true;
    const assigned = table.entries.generation[String(generation)]?.assignments;
    return assigned !== undefined && table.position.history === judge.site?.history && isSameMap(assigned, judge.eras.mapOf(generation) ?? {});
  }

  isFenced(service: string, generation: number): boolean {
    const revisions = Object.values(this.#run?.core.table.table?.entries.revision ?? {});
    return revisions.some(
      (one) => one.service === service && one.endpoints.some(({ host, upTo }) => host === this.plan.host && upTo !== undefined && upTo < generation),
    );
  }

  admits(generation: number, service: string, revision: string): boolean {
    const table = this.#run?.core.table;
    const state = table?.generation(generation);
    return table !== undefined && state !== undefined && table.takesPart(state, service, revision);
  }

  start(): void {
    if (this.hasEnded || this.isUp) return;
    const { scheduler, judge } = this.#setting;
    this.#disk.incarnation++;
    if (this.#disk.isRunning) this.#disk.uncleanMs = scheduler.nowMs;
    this.#disk.isRunning = true;
    this.#isStopping = false;
    const run = this.#makeRun();
    this.#run = run;
    judge.note(() => `gateway ${this.plan.name} starts as incarnation ${this.#disk.incarnation}, table ${formatPosition(run.feed.durable)}`);
    run.feed.start();
  }

  #makeRun(): Run {
    const { name, host, roles } = this.plan;
    const setting = this.#setting;
    const surroundings = this.#surroundings;
    const program = new Program(setting.scheduler, name);
    const core = new GatewayCore({ name, host, roles, incarnation: this.#disk.incarnation, random: this.#dice.random });
    const requests = new GatewayRequests({ setting, surroundings, gateway: this, program, core });
    const feed = new GatewayFeed({
      setting,
      surroundings,
      plan: this.plan,
      dice: this.#dice,
      program,
      core,
      disk: this.#disk,
      way: this.#way,
      canOthersShow: () => surroundings.canStillShow(this),
      onTable: () => {
        this.onTable();
        requests.boundStreams();
        requests.tellWaiters();
      },
      onTick: () => requests.boundStreams(),
    });
    return { program, core, feed, requests };
  }

  /** SIGTERM: nothing new is taken, what is in flight comes to its end, within bounds. */
  stop(): void {
    const run = this.#run;
    if (run === undefined || !this.isOpen) return;
    const { scheduler, judge } = this.#setting;
    judge.note(() => `gateway ${this.plan.name} is stopping`);
    this.#isStopping = true;
    const endMs = scheduler.elapsedMs + STOP_MS;
    const look = (): void => {
      if (run.requests.open > 0 && scheduler.elapsedMs < endMs) {
        run.program.after(20, look);
        return;
      }
      if (run.core.open === 0) this.#disk.isRunning = false;
      this.kill();
    };
    look();
  }

  /** SIGKILL: what is in flight breaks off. */
  kill(excuse?: string): void {
    if (this.#run === undefined || !this.isUp) return;
    this.#setting.judge.note(() => `gateway ${this.plan.name} is killed`);
    this.#run.program.kill();
    this.#run.feed.end();
    this.#run.requests.breakOff(excuse);
  }

  /** Its table cannot be read any more. */
  loseTable(): void {
    this.#disk.table = undefined;
  }

  /** Its next link leads to this centre. */
  preferNext(centre: CentrePort | undefined): void {
    this.#way.preferred = centre;
    this.#run?.feed.cut(5);
  }

  /** The link breaks, and no other comes about for a while. */
  cutLink(forMs: number): void {
    this.#unreach(forMs, 30);
  }

  /** The link is silently dead: this end notices late, the other at its own time. */
  hangLink(forMs: number): void {
    this.#unreach(forMs, forMs);
  }

  #unreach(forMs: number, noticeMs: number): void {
    this.#way.unreachableUntilMs = this.#setting.scheduler.elapsedMs + forMs;
    this.#run?.feed.cut(noticeMs);
  }

  /** A request from outside. */
  edgeRequest(root: RootPlan): void {
    this.#run?.requests.fromOutside(root);
  }

  hostRequest(request: HostRequest): void {
    this.#run?.requests.fromInstance(request);
  }
}
