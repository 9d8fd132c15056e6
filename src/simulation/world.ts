import { type Instance, route, SITE_NAME, type Site, site } from "#/model/index.ts";
import { CallRules } from "./call-rules.ts";
import { collectGarbage } from "./collector.ts";
import { Dice } from "./dice.ts";
import { type CentrePort, GatewayProcess } from "./gateway-process.ts";
import { HostAgent } from "./host-agent.ts";
import { Judge } from "./judge.ts";
import { Leader } from "./leader.ts";
import type { LinkDelay } from "./link.ts";
import { Person } from "./person.ts";
import { type Fault, type Forwarding, longestTransactionMs, type Moment, type RootPlan, type Scenario, WAIT_MAX_MS } from "./scenario.ts";
import { Scheduler } from "./scheduler.ts";
import type { ServiceProcess } from "./service-process.ts";
import { SiteRules } from "./site-rules.ts";
import { type Backup, SimulatedStore } from "./store.ts";
import type { Transaction } from "./transaction.ts";

const SERVICE_PORT_FIRST = 10_000;
/** Without faults, a service that is recreated is back so long after the last transaction that its former instances may still have. */
const RECREATE_MS = 1500;
/** Every instance of the first generation has had the time to start. */
const STARTED_MS = 1300;
/** Until a change has been seen by every leader and gateway, where watches and links are slow. */
const SEEN_MS = 400;
const STARTED_LATE_MS = 2000;
/** After the store was put back: until everything runs that it says, and every gateway has heard of that. */
const PUT_BACK_MS = 4000;
/** That a host is free again reaches gateways that are slow, or were cut off, so late. */
const FREED_LATE_MS = 1000;

/** A site with everything in it. */
export class World {
  readonly scenario: Scenario;
  readonly scheduler = new Scheduler();
  readonly store: SimulatedStore;
  readonly judge: Judge;
  readonly calls: CallRules;
  readonly rules: SiteRules;
  readonly person: Person;
  readonly #dice: Dice;
  readonly gateways: readonly GatewayProcess[];
  readonly #agents = new Map<string, HostAgent>();
  readonly #delays = new Map<string, LinkDelay>();
  #leaders: Leader[] = [];
  #leaderCount = 0;
  /** When each instance was stopped by its agent. */
  readonly stops: { readonly revision: string; readonly atMs: number }[] = [];
  #readyMs: number | undefined;
  #onLook: (() => void) | undefined;
  readonly lostTables = new Set<string>();
  /** The store's own id, as a file beside its objects has it. */
  history = "simulated";
  #histories = 1;
  #backup: Backup | undefined;
  /** Until then much is missing that the store speaks of. */
  #unsteadyUntilMs = 0;
  /** Until then somebody stands still, or is away. */
  #awayUntilMs = 0;
  /** What leaky services keep of requests, in a place that all their revisions share. */
  readonly leaks = new Map<string, { readonly tx: Transaction; readonly headers: readonly string[] }>();

  constructor(scenario: Scenario, keepsHistory: boolean) {
    this.scenario = scenario;
    this.#dice = new Dice(scenario.seed ^ 0x5eed_0001);
    this.store = new SimulatedStore(this.scheduler, this.#dice.fork());
    this.judge = new Judge(
      this.scheduler,
      this.store,
      keepsHistory,
      scenario.faults.length > 0 ? Number.POSITIVE_INFINITY : 2 * longestTransactionMs(scenario) + RECREATE_MS,
    );
    this.calls = new CallRules(this);
    this.rules = new SiteRules(this);
    this.judge.canReach = (entry, services, generation) => this.canReach(entry, services, generation);
    this.person = new Person(this);
    collectGarbage(this.store, this.scheduler, this.#dice.fork());
    this.#makeObjects();
    for (const host of scenario.hosts) this.#agents.set(host, new HostAgent(this, host, this.#dice.fork()));
    for (const { name } of scenario.gateways) this.#delays.set(name, { minMs: 0.1, maxMs: scenario.linkMaxMs });
    this.gateways = scenario.gateways.map((plan) => new GatewayProcess(this, plan, this.#dice.fork()));
    this.#startLeader();
    for (const one of this.gateways) this.scheduler.after(one.plan.atMs, () => one.start());
    for (const wish of scenario.wishes) this.scheduler.after(wish.atMs, () => this.person.wish(wish));
    for (const fault of scenario.faults) this.scheduler.after(fault.atMs, () => this.#inflict(fault));
    for (const fault of scenario.faults)
      if (fault.what === "put-back")
        this.scheduler.after(fault.backupAtMs, () => {
          this.#backup = this.store.backup();
        });
    for (const root of scenario.roots) this.scheduler.after(root.atMs, () => this.#begin(root));
    this.scheduler.after(scenario.calmFromMs, () => this.person.letGo());
  }

  #makeObjects(): void {
    const { services, lingerMs, settleMs, maxTransactionMs, longRoute, readyWithinMs, holdMs, maxOpen } = this.scenario;
    const ms = (value: number): string => `${value}ms`;
    const spec = site.spec.parse({
      linger: ms(lingerMs),
      settle: ms(settleMs),
      maxTransaction: ms(maxTransactionMs),
      readyWithin: ms(readyWithinMs),
      hold: ms(holdMs),
      maxOpen,
    });
    this.store.create("Site", { metadata: { name: SITE_NAME }, spec });
    for (const one of services) this.person.createService(one.name, "v1");
    for (const { name } of services) {
      const own = longRoute?.service === name ? { maxTransaction: ms(longRoute.maxTransactionMs) } : {};
      this.store.create("Route", { metadata: { name }, spec: route.spec.parse({ path: { prefix: `/${name}` }, service: name, ...own }) });
    }
  }

  /** The first generation is in service, and all its instances have been ready for so long that everybody has seen it. */
  get hasStarted(): boolean {
    if (this.scheduler.elapsedMs < STARTED_MS) return false;
    if (this.#readyMs === undefined && this.store.list("Instance").every((one) => one.status?.ready === true))
      this.#readyMs = this.scheduler.elapsedMs;
    return this.scheduler.elapsedMs >= Math.min((this.#readyMs ?? Number.POSITIVE_INFINITY) + SEEN_MS, STARTED_LATE_MS);
  }

  // ---- looking things up

  forwardingOf(service: string): Forwarding {
    return this.scenario.services.find((one) => one.name === service)?.forwarding ?? "everything";
  }

  callsOf(service: string): readonly string[] | undefined {
    return this.scenario.services.find((one) => one.name === service)?.calls;
  }

  isExclusive(service: string): boolean {
    return this.scenario.services.some((one) => one.name === service && one.isExclusive);
  }

  /** True if a transaction of `generation` that begins at `entry` may call one of `services`. */
  canReach(entry: string, services: readonly string[], generation: number): boolean {
    const present = Object.keys(this.judge.mapOf(generation) ?? {});
    const reached = new Set(present.filter((one) => one === entry));
    for (const one of reached) for (const next of this.callsOf(one) ?? present) if (present.includes(next)) reached.add(next);
    return services.some((one) => reached.has(one));
  }

  servicePort(service: string): number {
    return SERVICE_PORT_FIRST + this.scenario.services.findIndex((one) => one.name === service);
  }

  delayOf(gateway: string): LinkDelay {
    return this.#delays.get(gateway) as LinkDelay;
  }

  /** One of the services that the transaction's generation has, and that `caller` declares, if it is given and declares any. */
  pickService(tx: Transaction, caller: string | undefined): string | undefined {
    const calls = caller === undefined ? undefined : this.callsOf(caller);
    const services = Object.keys(this.judge.mapOf(tx.generation) ?? {}).filter((name) => calls?.includes(name) !== false);
    return services.length === 0 ? undefined : tx.dice.pick(services);
  }

  hostGateway(host: string): GatewayProcess | undefined {
    const found = this.gateways.find((one) => one.plan.host === host && one.plan.roles.includes("host"));
    return found?.isOpen === true ? found : undefined;
  }

  listenerAt(host: string, port: number): ServiceProcess | undefined {
    return this.#agents.get(host)?.listenerAt(port);
  }

  /** What an instance answers when it is asked whether it has work that no call shows. */
  askBusy(host: string, instance: string): "busy" | "idle" | "unknown" {
    const state = this.#agents.get(host)?.askBusy(instance) ?? "unknown";
    this.judge.note(() => `${instance} says that it is ${state}`);
    if (state === "busy") this.judge.busy++;
    return state;
  }

  tellsBusy(service: string): boolean {
    return this.scenario.services.some((one) => one.name === service && one.tellsBusy === true);
  }

  // ---- leaders

  #startLeader(): void {
    this.#leaders = [...this.#leaders.filter((one) => one.program.isAlive), new Leader(this, this.#dice.fork(), `centre${++this.#leaderCount}`)];
  }

  get newest(): Leader | undefined {
    return this.#leaders.filter((one) => one.program.isAlive).at(-1);
  }

  /** The centre that a gateway reaches: mostly the newest. */
  leaderToDial(dice: Dice, preferred: CentrePort | undefined): Leader | undefined {
    const open = this.#leaders.filter((one) => one.isLeading && one.program.isRunning);
    return open.find((one) => one === preferred) ?? (open.length > 1 && dice.chance(0.3) ? dice.pick(open) : open.at(-1));
  }

  /** A leader has found that it leads no longer. */
  deposed(leader: Leader): void {
    leader.kill();
    if (this.newest === undefined) this.#startLeader();
  }

  // ---- what happens

  #begin(root: RootPlan): void {
    const edges = this.gateways.filter((one) => one.isEdge);
    const edge = edges[root.edge % edges.length];
    if (edge?.isOpen === true) edge.edgeRequest(root);
  }

  #inflict(fault: Fault): void {
    this.judge.note(() => `fault: ${JSON.stringify(fault)}`);
    // Who stands still, or is away, hears later that the store was put back.
    this.#awayUntilMs = Math.max(this.#awayUntilMs, this.scheduler.elapsedMs + fault.forMs + WAIT_MAX_MS);
    if (this.isUnsteady) this.#unsteadyFor(fault.forMs + WAIT_MAX_MS + PUT_BACK_MS / 2);
    const gateway = "gateway" in fault ? this.gateways.find((one) => one.plan.name === fault.gateway) : undefined;
    switch (fault.what) {
      case "kill-gateway":
        return this.#at(fault.when, () => {
          gateway?.kill();
          this.scheduler.after(fault.forMs, () => gateway?.start());
        });
      case "restart-gateway":
        gateway?.stop();
        this.scheduler.after(fault.forMs + WAIT_MAX_MS, () => gateway?.start());
        return;
      case "lose-table":
        gateway?.kill();
        gateway?.loseTable();
        this.lostTables.add(fault.gateway);
        this.scheduler.after(fault.forMs, () => gateway?.start());
        return;
      case "end-gateway":
        gateway?.kill("its gateway was declared dead");
        if (gateway !== undefined) gateway.hasEnded = true;
        this.#forget(fault.gateway, fault.forMs);
        return;
      case "cut-link":
        return gateway?.cutLink(fault.forMs);
      case "hang-link":
        return gateway?.hangLink(fault.forMs);
      case "slow-link": {
        const delay = this.delayOf(fault.gateway);
        delay.maxMs = fault.delayMs;
        this.scheduler.after(fault.forMs, () => {
          delay.maxMs = this.scenario.linkMaxMs;
        });
        return;
      }
      case "vanish":
        if (gateway === undefined) return;
        gateway.onTable = () => {
          gateway.onTable = () => {};
          gateway.cutLink(fault.forMs);
          this.#killLeader(10);
        };
        return;
      case "kill-leader":
        return this.#at(fault.when, () => this.#killLeader(fault.forMs));
      case "pause-leader":
        return this.#at(fault.when, () => this.#pauseLeader(fault.forMs));
      case "second-leader":
        return this.#startLeader();
      case "put-back":
        return this.#putBack(fault);
      case "pause-agent": {
        const agent = this.#agents.get(fault.host);
        agent?.pause();
        this.scheduler.after(fault.forMs, () => agent?.resume());
        return;
      }
      case "starve-host":
        return this.#agents.get(fault.host)?.starve(fault.forMs);
      case "break-watch":
        return this.newest?.breakWatch(fault.kind, fault.forMs);
      case "stall-store":
        this.store.stalledUntilMs = this.scheduler.elapsedMs + fault.forMs;
        return;
      case "crash-instance":
        return this.#crash(fault.service, fault.index, fault.forMs);
    }
  }

  /** Acts at a certain moment; at once if it does not come about soon. */
  #at(when: Moment, act: () => void): void {
    if (when === "now") return act();
    let isOver = false;
    let unlisten = (): void => {};
    const once = (): void => {
      if (isOver) return;
      isOver = true;
      unlisten();
      act();
    };
    if (when === "look") {
      this.#onLook = once;
      this.scheduler.after(WAIT_MAX_MS, once);
      return;
    }
    unlisten = this.store.listen((kind, before, after) => {
      const isMarked = kind === "Instance" && before?.metadata.deletionTimestamp === undefined && after?.metadata.deletionTimestamp !== undefined;
      const isClosed = kind === "Site" && isOneLess(before as Site | undefined, after as Site | undefined);
      const moments: Record<Exclude<Moment, "now" | "look">, boolean> = {
        issue: kind === "Generation" && before === undefined,
        decision: kind === "Site",
        closing: isClosed,
        deletion: isMarked,
      };
      const isIt = moments[when];
      // The answer of the write is still on its way to whoever made it.
      if (isIt) this.scheduler.after(0, once);
    });
    this.scheduler.after(WAIT_MAX_MS, once);
  }

  /** The leader has looked whether it leads, and is about to change instances. */
  looked(leader: Leader): void {
    if (leader !== this.newest) return;
    const act = this.#onLook;
    this.#onLook = undefined;
    act?.();
  }

  #killLeader(forMs: number): void {
    this.newest?.kill();
    this.#startLeaderAfter(forMs);
  }

  /** If none is there then. */
  #startLeaderAfter(forMs: number): void {
    this.scheduler.after(forMs, () => {
      if (this.newest === undefined) this.#startLeader();
    });
  }

  /** The leader stops as a process does under SIGSTOP; another one is elected; then the former one goes on, and finds out in its own time. */
  #pauseLeader(forMs: number): void {
    const leader = this.newest;
    if (leader === undefined || leader.program.isPaused) return;
    leader.program.pause();
    for (const link of leader.links)
      if (this.#dice.chance(0.8)) this.scheduler.after(this.#dice.between(10, Math.max(20, forMs)), () => link.cut(10));
    this.scheduler.after(this.#dice.between(10, Math.max(20, forMs)), () => {
      if (this.newest === leader) this.#startLeader();
    });
    this.scheduler.after(forMs, () => {
      this.judge.note(() => `${leader.program.name} goes on`);
      leader.program.resume();
      for (const gateway of this.gateways) if (gateway.isUp && this.#dice.chance(0.5)) gateway.preferNext(leader);
    });
  }

  /** The centre stops, an older store takes the place of its own, and the centre starts again. */
  #putBack({ how, isWhole, forMs }: Fault & { readonly what: "put-back" }): void {
    if (this.#backup === undefined) return;
    for (const leader of this.#leaders) leader.kill();
    const gateways = isWhole ? this.gateways.filter((one) => one.isUp) : [];
    for (const one of gateways) one.kill();
    this.store.putBack(this.#backup, forMs);
    if (how === "restored") this.#beginHistory();
    const { Site: sites, Generation: generations } = this.#backup;
    this.judge.putBack(how, this.history, sites[0], generations);
    if (isWhole) for (const agent of this.#agents.values()) agent.stopAll(forMs);
    this.#unsteadyFor(Math.max(forMs, this.#awayUntilMs - this.scheduler.elapsedMs) + PUT_BACK_MS);
    for (const one of gateways) this.scheduler.after(forMs + this.#dice.between(0, 100), () => one.start());
    this.scheduler.after(forMs, () => {
      if (this.newest === undefined) this.#startLeader();
    });
    // Who was declared dead since then is in the register again.
    for (const { plan, hasEnded } of this.gateways)
      if (hasEnded && this.store.get("Gateway", plan.name) !== undefined) this.#forget(plan.name, forMs + SEEN_MS);
  }

  /** Where links fail, too, nobody knows when all have heard. */
  #unsteadyFor(forMs: number): void {
    const isHeard = !this.scenario.faults.some((one) => one.what.endsWith("-link") || one.what === "vanish");
    this.#unsteadyUntilMs = isHeard ? Math.max(this.#unsteadyUntilMs, this.scheduler.elapsedMs + forMs) : Number.POSITIVE_INFINITY;
  }

  #beginHistory(): void {
    this.history = `simulated-${++this.#histories}`;
  }

  /** A gateway has shown `leader` that its store was put back: it begins a new history, and starts again. */
  foundBehind(leader: Leader, gateway: string): void {
    // A store that more than one centre can write begins a history by a write that names the epoch.
    if (leader.epoch !== this.judge.site?.epoch || leader.isEnding) return;
    leader.isEnding = true;
    if (this.judge.era === 0) this.judge.violate("M", `by gateway ${gateway} a store that was never put back is taken for one that was`);
    this.judge.note(() => `${leader.program.name} finds by gateway ${gateway} that the store was put back`);
    this.#beginHistory();
    this.judge.noticed(this.history);
    this.#unsteadyFor(PUT_BACK_MS);
    leader.program.after(this.#dice.between(0, 20), () => {
      leader.kill();
      this.#startLeaderAfter(this.#dice.between(10, 150));
    });
  }

  /** A gateway other than `heard` may yet show that a file was copied back. */
  canStillShow(heard: GatewayProcess): boolean {
    return this.judge.isPutBackUnnoticed && this.gateways.some((one) => one !== heard && !one.hasEnded && one.hasFormerTable);
  }

  /** A person declares a gateway dead, and once more if a slow request has registered it afterwards. */
  #forget(gateway: string, afterMs: number): void {
    const forget = (): void => {
      this.scheduler.after(afterMs, () => this.store.delete("Gateway", gateway));
    };
    forget();
    this.store.listen((kind, before, after) => {
      if (kind === "Gateway" && before === undefined && after?.metadata.name === gateway) forget();
    });
  }

  #crash(service: string, index: number, forMs: number): void {
    const running = [...this.#agents.values()].flatMap((agent) =>
      agent.processes.filter((one) => one.service === service).map((process) => ({ agent, process })),
    );
    const chosen = running[index % Math.max(1, running.length)];
    chosen?.agent.crash(chosen.process, forMs);
  }

  stopped(instance: Instance): void {
    this.stops.push({ revision: instance.spec.revision ?? "", atMs: this.scheduler.elapsedMs });
  }

  isExcused(tx: Transaction, host: string, service: string): boolean {
    if (!tx.isFromEdge || tx.touchedBy !== undefined || tx.excusedBy !== undefined) return true;
    return this.isShaken(host, service, tx.generation);
  }

  isShaken(host: string, service: string, generation: number): boolean {
    // The first generation of a site comes into service as it is.
    if (!this.hasStarted || this.isUnsteady) return true;
    if (this.judge.isFenced(host, generation, FREED_LATE_MS) || this.judge.isRecreated(service)) return true;
    for (const revision of this.judge.revisionsOf(generation, service)) if (this.judge.crashed.has(`${host}/${revision}`)) return true;
    return false;
  }

  /** The store was put back a moment ago. */
  get isUnsteady(): boolean {
    return this.scheduler.elapsedMs < this.#unsteadyUntilMs;
  }

  /** A file was copied back a moment ago, and who leads does not know it, or has just found it out and ends for that: it works by what was. */
  get isUnaware(): boolean {
    return this.isUnsteady && (this.judge.isPutBackUnnoticed || this.#leaders.some((one) => one.isLeading && one.isEnding));
  }

  processesOf(service: string): ServiceProcess[] {
    return [...this.#agents.values()].flatMap((agent) => agent.processes.filter((one) => one.service === service && one.isAlive));
  }
}

function isOneLess(before: Site | undefined, after: Site | undefined): boolean {
  return (after?.status?.generations?.length ?? 0) < (before?.status?.generations?.length ?? 0);
}
