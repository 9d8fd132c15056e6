import type { Call, Refusal } from "#/gateway/core/index.ts";
import { type Instance, route, SITE_NAME, type Site, type StampPlan, site } from "#/model/index.ts";
import { type Observed, readSiteState, type SiteState, type Step } from "#/update/core/index.ts";
import { collectGarbage } from "./collector.ts";
import { Dice } from "./dice.ts";
import { type CentrePort, GatewayProcess, type HostRequest } from "./gateway-process.ts";
import { HostAgent } from "./host-agent.ts";
import { Judge } from "./judge.ts";
import { Leader } from "./leader.ts";
import type { LinkDelay } from "./link.ts";
import { Person } from "./person.ts";
import { type Fault, type Forwarding, longestTransactionMs, type Moment, type RootPlan, type Scenario, WAIT_MAX_MS } from "./scenario.ts";
import { Scheduler, START_MS } from "./scheduler.ts";
import type { ServiceProcess } from "./service-process.ts";
import { type Backup, SimulatedStore } from "./store.ts";
import type { Transaction } from "./transaction.ts";

const SERVICE_PORT_FIRST = 10_000;
/** Without faults, a service that is recreated is back so long after the last transaction that its former instances may still have. */
const RECREATE_MS = 1500;
/** How long a decision may take until it is carried out. */
const LATE_MAKING_MS = 400;
/** What a hold may last longer than twice `hold`, until that is noticed and written. */
const HOLD_LATE_MS = 400;
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
  readonly person: Person;
  readonly #dice: Dice;
  readonly #gateways: readonly GatewayProcess[];
  readonly #agents = new Map<string, HostAgent>();
  readonly #delays = new Map<string, LinkDelay>();
  #leaders: Leader[] = [];
  #leaderCount = 0;
  /** When each instance was stopped by its agent. */
  readonly stops: { readonly revision: string; readonly atMs: number }[] = [];
  #readyMs: number | undefined;
  #onLook: (() => void) | undefined;
  readonly #lostTables = new Set<string>();
  /** The store's own id, as a file beside its objects has it. */
  history = "simulated";
  #histories = 1;
  #backup: Backup | undefined;
  /** Until then much is missing that the store speaks of. */
  #unsteadyUntilMs = 0;
  /** Exclusive services whose new revision was not active in time. */
  readonly #lateHandovers = new Set<string>();
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
    this.judge.canReach = (entry, services, generation) => this.#canReach(entry, services, generation);
    this.person = new Person(this);
    collectGarbage(this.store, this.scheduler, this.#dice.fork());
    this.#makeObjects();
    for (const host of scenario.hosts) this.#agents.set(host, new HostAgent(this, host, this.#dice.fork()));
    for (const { name } of scenario.gateways) this.#delays.set(name, { minMs: 0.1, maxMs: scenario.linkMaxMs });
    this.#gateways = scenario.gateways.map((plan) => new GatewayProcess(this, plan, this.#dice.fork()));
    this.judge.onReleased = (services, generation, switchedMs) => this.#judgeRelease(services, generation, switchedMs);
    this.judge.onStamped = (generation) => this.#judgeStamp(generation);
    this.judge.onFenced = () => {
      if (this.scenario.hosts.every((host) => this.judge.isFenced(host, Number.POSITIVE_INFINITY))) this.judge.violate("A", "every host is fenced");
    };
    this.judge.onFreed = (host) => this.#judgeFreed(host);
    this.#startLeader();
    for (const one of this.#gateways) this.scheduler.after(one.plan.atMs, () => one.start());
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

  #callsOf(service: string): readonly string[] | undefined {
    return this.scenario.services.find((one) => one.name === service)?.calls;
  }

  #isExclusive(service: string): boolean {
    return this.scenario.services.some((one) => one.name === service && one.isExclusive);
  }

  /** True if a transaction of `generation` that begins at `entry` may call one of `services`. */
  #canReach(entry: string, services: readonly string[], generation: number): boolean {
    const present = Object.keys(this.judge.mapOf(generation) ?? {});
    const reached = new Set(present.filter((one) => one === entry));
    for (const one of reached) for (const next of this.#callsOf(one) ?? present) if (present.includes(next)) reached.add(next);
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
    const calls = caller === undefined ? undefined : this.#callsOf(caller);
    const services = Object.keys(this.judge.mapOf(tx.generation) ?? {}).filter((name) => calls?.includes(name) !== false);
    return services.length === 0 ? undefined : tx.dice.pick(services);
  }

  hostGateway(host: string): GatewayProcess | undefined {
    const found = this.#gateways.find((one) => one.plan.host === host && one.plan.roles.includes("host"));
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

  get #newest(): Leader | undefined {
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
    if (this.#newest === undefined) this.#startLeader();
  }

  // ---- what happens

  #begin(root: RootPlan): void {
    const edges = this.#gateways.filter((one) => one.isEdge);
    const edge = edges[root.edge % edges.length];
    if (edge?.isOpen === true) edge.edgeRequest(root);
  }

  #inflict(fault: Fault): void {
    this.judge.note(() => `fault: ${JSON.stringify(fault)}`);
    const gateway = "gateway" in fault ? this.#gateways.find((one) => one.plan.name === fault.gateway) : undefined;
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
        this.#lostTables.add(fault.gateway);
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
        // A leader that stands still tells nobody meanwhile.
        if (this.#isUnsteadyNow) this.#unsteadyFor(fault.forMs + PUT_BACK_MS / 2);
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
      case "break-watch":
        return this.#newest?.breakWatch(fault.kind, fault.forMs);
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
    if (leader !== this.#newest) return;
    const act = this.#onLook;
    this.#onLook = undefined;
    act?.();
  }

  #killLeader(forMs: number): void {
    this.#newest?.kill();
    this.scheduler.after(forMs, () => {
      if (this.#newest === undefined) this.#startLeader();
    });
  }

  /** The leader stops as a process does under SIGSTOP; another one is elected; then the former one goes on, and finds out in its own time. */
  #pauseLeader(forMs: number): void {
    const leader = this.#newest;
    if (leader === undefined || leader.program.isPaused) return;
    leader.program.pause();
    for (const link of leader.links)
      if (this.#dice.chance(0.8)) this.scheduler.after(this.#dice.between(10, Math.max(20, forMs)), () => link.cut(10));
    this.scheduler.after(this.#dice.between(10, Math.max(20, forMs)), () => {
      if (this.#newest === leader) this.#startLeader();
    });
    this.scheduler.after(forMs, () => {
      this.judge.note(() => `${leader.program.name} goes on`);
      leader.program.resume();
      for (const gateway of this.#gateways) if (gateway.isUp && this.#dice.chance(0.5)) gateway.preferNext(leader);
    });
  }

  /** The centre stops, an older store takes the place of its own, and the centre starts again. */
  #putBack({ how, isWhole, forMs }: Fault & { readonly what: "put-back" }): void {
    if (this.#backup === undefined) return;
    for (const leader of this.#leaders) leader.kill();
    const gateways = isWhole ? this.#gateways.filter((one) => one.isUp) : [];
    for (const one of gateways) one.kill();
    this.store.putBack(this.#backup, forMs);
    if (how === "restored") this.#beginHistory();
    const { Site: sites, Generation: generations } = this.#backup;
    this.judge.putBack(how, this.history, sites[0], generations);
    if (isWhole) for (const agent of this.#agents.values()) agent.stopAll(forMs);
    this.#unsteadyFor(forMs + PUT_BACK_MS);
    for (const one of gateways) this.scheduler.after(forMs + this.#dice.between(0, 100), () => one.start());
    this.scheduler.after(forMs, () => {
      if (this.#newest === undefined) this.#startLeader();
    });
    // Who was declared dead since then is in the register again.
    for (const { plan, hasEnded } of this.#gateways)
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
    if (leader !== this.#newest || leader.isEnding) return;
    leader.isEnding = true;
    if (this.judge.era === 0) this.judge.violate("M", `by gateway ${gateway} a store that was never put back is taken for one that was`);
    this.judge.note(() => `${leader.program.name} finds by gateway ${gateway} that the store was put back`);
    this.#beginHistory();
    this.judge.noticed(this.history);
    this.#unsteadyFor(PUT_BACK_MS);
    leader.program.after(this.#dice.between(0, 20), () => this.#killLeader(this.#dice.between(10, 150)));
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

  // ---- judging

  /** The transaction that an admitted call of an instance belongs to. */
  transactionOf(gateway: GatewayProcess, request: HostRequest, call: Call): Transaction {
    const { tx, caller } = request;
    if (request.leakedFrom !== undefined) return this.#leakedCall(gateway, request, request.leakedFrom, call);
    if (request.headers.length > 0 && tx.era !== gateway.era) return this.#formerCall(gateway, request, tx, call);
    if (request.headers.length > 0) {
      if (call.generation !== tx.generation)
        this.judge.violate("C", `a call of transaction ${tx.id} of generation ${tx.generation} was given generation ${call.generation}`);
      return tx;
    }
    if (!this.judge.revisionsOf(call.generation, caller.service, gateway.era).has(caller.revision))
      this.judge.violate("C", `a call of ${caller.instance} without a context was given generation ${call.generation}, which does not have it`);
    return this.#unlabelled(gateway, tx, call);
  }

  #unlabelled(gateway: GatewayProcess, tx: Transaction, { generation }: Call): Transaction {
    const [seed, budget] = [tx.dice.whole(0, 0x7fff_ffff), Math.min(tx.budget, 3)];
    return this.judge.transaction({ generation, era: gateway.era, isFromEdge: false, seed, budget });
  }

  /** A call of a transaction that began before the store was put back, or by a gateway that has not heard of that. */
  #formerCall(gateway: GatewayProcess, { service }: HostRequest, tx: Transaction, call: Call): Transaction {
    const [then, now] = [this.judge.mapOf(tx.generation, tx.era), this.judge.mapOf(call.generation, gateway.era)];
    // One in 256 ids has the check of another history, too: that does no harm where the number means the same.
    if (call.generation !== tx.generation || JSON.stringify(then) !== JSON.stringify(now))
      this.judge.violate(
        "C",
        `a call of transaction ${tx.id} to ${service}, which began in generation ${tx.generation} of another history, was given generation ${call.generation}`,
      );
    return tx;
  }

  /** A call in the name of another transaction: whatever becomes of it, no revision may act in a generation that has another one. */
  #leakedCall(gateway: GatewayProcess, request: HostRequest, from: Transaction, call: Call): Transaction {
    const { tx, caller } = request;
    if (from.era !== gateway.era) return this.#formerCall(gateway, request, from, call);
    if (call.generation !== from.generation)
      this.judge.violate("C", `a leaked context of generation ${from.generation} was given generation ${call.generation}`);
    else if (!this.judge.revisionsPlanned(call.generation, caller.service, gateway.era).has(caller.revision))
      this.judge.violate(
        "C",
        `${caller.instance} has made a call in generation ${call.generation}, which does not have it: its context came from another transaction`,
      );
    return this.#unlabelled(gateway, tx, call);
  }

  /** A gateway has dialled what should be an instance of the right revision. */
  dialled(about: { readonly call: Call; readonly tx: Transaction; readonly process: ServiceProcess | undefined; readonly port: number }): void {
    const { call, tx, process, port } = about;
    if (process === undefined) return;
    if (tx.era === this.judge.era) this.#judgeHeld(call, tx, process);
    if (tx.isFromEdge && tx.era === this.judge.era && this.judge.isFenced(process.host, call.generation))
      this.judge.violate("A", `transaction ${tx.id} of generation ${call.generation} met ${process.instance}, whose host serves nothing so new`);
    const right = this.judge.revisionsOf(call.generation, call.service, tx.era);
    if (right.has(process.revision)) return;
    this.judge.violate(
      "C",
      `transaction ${tx.id} of generation ${call.generation} called ${call.service} at port ${port} and met ${process.instance}, not ${[...right].join(" or ") || "nothing"}`,
    );
  }

  #isExcused(tx: Transaction, host: string, service: string): boolean {
    if (!tx.isFromEdge || tx.touchedBy !== undefined || tx.excusedBy !== undefined) return true;
    return this.#isShaken(host, service, tx.generation);
  }

  #isShaken(host: string, service: string, generation: number): boolean {
    // The first generation of a site comes into service as it is.
    if (!this.hasStarted || this.#isUnsteadyNow) return true;
    if (this.judge.isFenced(host, generation, FREED_LATE_MS) || this.judge.isRecreated(service)) return true;
    for (const revision of this.judge.revisionsOf(generation, service)) if (this.judge.crashed.has(`${host}/${revision}`)) return true;
    return false;
  }

  /** The store was put back a moment ago. */
  get #isUnsteadyNow(): boolean {
    return this.scheduler.elapsedMs < this.#unsteadyUntilMs;
  }

  /** A file was copied back a moment ago, and who leads does not know it, or has just found it out and ends for that: it works by what was. */
  get isUnaware(): boolean {
    return this.#isUnsteadyNow && (this.judge.isPutBackUnnoticed || this.#newest?.isEnding === true);
  }

  refused(gateway: GatewayProcess, request: HostRequest, decision: Refusal): void {
    const { tx, service, caller } = request;
    const why = `${decision.code}: ${decision.detail}`;
    this.judge.note(() => `${gateway.plan.name} refuses transaction ${tx.id}, ${caller.instance} → ${service}: ${why}`);
    this.judge.refusals++;
    if (decision.code === "gateway/not-declared" && this.#callsOf(caller.service)?.includes(service) === false) return;
    // An instance that a person has added may be called through an edge before its host's own gateway listens for it.
    if (decision.code === "gateway/connect" && this.person.hasChangedInstances) return tx.touch("its instance had just been added");
    // So it is where instances are replaced under the calls.
    const isNew = decision.code === "gateway/connect" || !gateway.admits(tx.generation, caller.service, caller.revision);
    if (isNew && this.judge.movedBy(caller.service, caller.revision).some((strategy) => strategy === "rolling" || strategy === "recreate"))
      return tx.touch("its instance had just been replaced");
    if (
      request.headers.length === 0 ||
      request.leakedFrom !== undefined ||
      gateway.isFenced(service, tx.generation) ||
      this.#isExcused(tx, gateway.plan.host, service) ||
      this.#isMisled(gateway, tx.generation, service) ||
      this.#lostTables.has(gateway.plan.name)
    )
      return;
    this.judge.violate(
      "A",
      `a call of transaction ${tx.id} of generation ${tx.generation} to ${service} was refused by ${gateway.plan.name}: ${why}`,
    );
    tx.touch("it was refused before");
  }

  /** It still hears a former leader, whose view of what was moved is as old and uneven as its caches: a strategy that keeps no versions has nothing else to go by. */
  #isMisled(gateway: GatewayProcess, generation: number, service: string): boolean {
    return gateway.epoch < (this.judge.site?.epoch ?? 0) && this.judge.revisionsOf(generation, service).size > 1;
  }

  refusedRoot(gateway: GatewayProcess, { entry }: RootPlan, refusal: Refusal): void {
    this.judge.refusals++;
    this.judge.note(() => `${gateway.plan.name} refuses a request from outside: ${refusal.code}: ${refusal.detail}`);
    if (refusal.generation === undefined || this.#lostTables.has(gateway.plan.name) || gateway.era !== this.judge.era) return;
    if (this.judge.mapOf(refusal.generation)?.[entry] === undefined || this.#isShaken(gateway.plan.host, entry, refusal.generation)) return;
    if (gateway.isFenced(entry, refusal.generation) || this.#isMisled(gateway, refusal.generation, entry)) return;
    this.judge.violate("A", `a request from outside was refused by ${gateway.plan.name}: ${refusal.detail}`);
  }

  unanswered(about: { readonly call: Call; readonly tx: Transaction; readonly wasSent: boolean }): void {
    const { call, tx } = about;
    this.judge.note(() => `transaction ${tx.id}: ${call.service} does not answer`);
    const excused = this.#isExcused(tx, call.endpoint.host, call.service);
    if (!excused) this.judge.violate("A", `a call of transaction ${tx.id} of generation ${call.generation} to ${call.endpoint.instance} failed`);
  }

  /** A new transaction waits at an edge. */
  held(gateway: GatewayProcess, { entry }: RootPlan, hold: StampPlan["hold"]): void {
    this.judge.held++;
    if (gateway.era !== this.judge.era) return;
    if (hold === undefined || !this.#canReach(entry, hold.services, hold.to))
      this.judge.violate("A", `a request to ${entry} is held at ${gateway.plan.name}, and cannot reach ${hold?.services.join(", ")}`);
  }

  /** A new transaction passes while others wait. */
  passed(gateway: GatewayProcess, { entry }: RootPlan, hold: NonNullable<StampPlan["hold"]>, generation: number): void {
    this.judge.passed++;
    if (gateway.era !== this.judge.era) return;
    if (generation !== hold.to) this.judge.violate("P", `a request to ${entry} joins generation ${generation}, for whose end others are held`);
    if (this.#canReach(entry, hold.services, hold.to))
      this.judge.violate("S", `a request to ${entry} passes, and can reach ${hold.services.join(", ")}, which is held`);
  }

  /** Nobody meets the new revision of what is held before all others have gone. */
  #judgeHeld(call: Call, tx: Transaction, process: ServiceProcess): void {
    const { stamp, generations = [] } = this.judge.site ?? {};
    const isHolding = generations.some((one) => one.number === stamp?.hold?.to && one.phase === "Holding");
    if (isHolding && stamp?.hold?.to === call.generation && stamp.hold.services.includes(call.service))
      this.judge.violate("S", `transaction ${tx.id} of generation ${call.generation} met ${process.instance} while ${call.service} is held`);
  }

  /** Held transactions are let go when the new revisions of exclusive services are active, or when that has taken too long. */
  #judgeRelease(services: readonly string[], generation: number, switchedMs: number): void {
    const isLate = this.scheduler.nowMs >= switchedMs + this.scenario.holdMs;
    const map = this.judge.mapOf(generation) ?? {};
    for (const service of services.filter((one) => this.#isExclusive(one) && !this.scenario.compatible.includes(map[one] ?? ""))) {
      const wanted = this.store.get("Microservice", service)?.spec.replicas ?? 0;
      const active = this.#processesOf(service).filter((one) => one.revision === map[service] && one.duty === "active").length;
      if (isLate) this.#lateHandovers.add(service);
      else if (active < wanted && !this.#isUnsteady(service, generation))
        this.judge.violate("E", `held transactions go on, and ${active} of ${wanted} instances of ${map[service]} are active`);
    }
  }

  /** Instances of the service come and go for other reasons. */
  #isUnsteady(service: string, generation: number): boolean {
    return this.person.hasChangedInstances || this.scenario.hosts.some((host) => this.#isShaken(host, service, generation));
  }

  #processesOf(service: string): ServiceProcess[] {
    return [...this.#agents.values()].flatMap((agent) => agent.processes.filter((one) => one.service === service && one.isAlive));
  }

  /** A process has begun, or was told what it may do: no two revisions use a thing that only one may use. */
  judgeDuty(process: ServiceProcess): void {
    if (process.duty !== "active" || !this.#isExclusive(process.service)) return;
    // Until every agent has heard that the store was put back, each knows only what runs on its own host.
    const isSeen = ({ host }: ServiceProcess): boolean => host === process.host || !this.#isUnsteadyNow;
    const other = this.#processesOf(process.service).find((one) => one.revision !== process.revision && one.duty !== "passive" && isSeen(one));
    if (other !== undefined) this.judge.violate("E", `${process.instance} is active, and ${other.instance} is still ${other.duty}`);
  }

  /** The store says that an instance may use what only one revision may use, and its agent has kept that from it: only what the store does not tell of can be the reason. */
  judgeRival({ metadata }: Pick<Instance, "metadata">, other: Pick<Instance, "metadata">): void {
    if (!this.#isUnsteadyNow)
      this.judge.violate("E", `${metadata.name} may be active, and ${other.metadata.name} has not been told that it is passive`);
  }

  judgeStart(process: ServiceProcess): void {
    this.judgeDuty(process);
    if (this.#isUnsteadyNow) return;
    const { moves = [], generations = [] } = this.judge.site ?? {};
    for (const { service, before, from, to } of moves) {
      const isRecreated = generations.some((one) => one.number === before && one.strategy === "recreate");
      if (!isRecreated || service !== process.service || to !== process.revision) continue;
      // One that was there before is on its way out, or serves older transactions.
      const { metadata, spec } = this.store.get("Instance", process.instance) ?? {};
      const movedAtMs = this.judge.movedAtMs(service, before, to);
      const isOld = Date.parse(metadata?.creationTimestamp ?? "") < START_MS + movedAtMs;
      if (isOld || (spec?.neededBy ?? 0) < before || this.judge.wasServed(service, to, before, movedAtMs)) continue;
      // What was made by a decision that was on its way when the update began is taken away again.
      const wasThere = (name: string): boolean =>
        Date.parse(this.store.get("Instance", name)?.metadata.creationTimestamp ?? "") < START_MS + movedAtMs - LATE_MAKING_MS;
      const former = this.#processesOf(service).find((one) => one.revision === from && one.host === process.host && wasThere(one.instance));
      if (former !== undefined)
        this.judge.violate("E", `${process.instance} begins while ${former.instance} is still there, although ${service} is recreated`);
    }
  }

  /** A call has come in: what a passive instance of an exclusive service cannot serve must not reach it. */
  judgeRequest(process: ServiceProcess, tx: Transaction): void {
    const { service } = process;
    if (process.duty !== "passive" || !this.#isExclusive(service) || this.#lateHandovers.has(service)) return;
    // A service that is new is not handed over; another declares that it can wait for the thing, or the strategy does not care.
    if (!this.judge.heldRevisions.has(process.revision)) return;
    if (this.scenario.compatible.includes(process.revision) || this.judge.movedBy(service, process.revision).length > 0) return;
    if (this.person.hasChangedInstances || this.#isExcused(tx, process.host, service)) return;
    this.judge.violate("E", `transaction ${tx.id} of generation ${tx.generation} met ${process.instance}, which is passive`);
  }

  /** Nothing is updated while that is forbidden. */
  judgeInterlock(state: SiteState, { happened, site: after }: Step): void {
    if (!this.person.isInterlocked || state.stamp === undefined) return;
    for (const one of happened) {
      const before = state.generations.find((open) => open.number === one.generation);
      const { strategy } = after.generations.find((open) => open.number === one.generation) ?? {};
      const isBegunAtIssue = strategy === "rolling" || strategy === "recreate";
      const isBegun = isBegunAtIssue ? one.what === "issued" : one.what === "held" || (one.what === "switched" && before?.phase !== "Ramping");
      if (!isBegun) continue;
      const locked = one.services.find((name) => this.scenario.services.some((other) => other.name === name && other.isInterlocked));
      if (locked !== undefined)
        this.judge.violate("E", `${locked} is updated by generation ${one.generation} (${one.what}) while its interlock forbids it`);
    }
  }

  /** Nobody may be sent where a gateway does not know the way, also when its host serves newer generations again. */
  #judgeFreed(host: string): void {
    const { stamp } = readSiteState(this.store.get("Site", SITE_NAME)?.status) ?? {};
    const registered = new Set(this.store.list("Gateway").map((one) => one.metadata.name));
    for (const one of this.#gateways) {
      if (one.plan.host !== host || one.hasEnded || !registered.has(one.plan.name)) continue;
      for (const generation of [stamp?.generation, stamp?.ramp?.to])
        if (generation !== undefined && !one.knows(generation))
          this.judge.violate("A", `host ${host} is free again, and gateway ${one.plan.name} does not know generation ${generation}`);
    }
  }

  /** Nobody may be sent where a gateway does not know the way. */
  #judgeStamp(generation: number): void {
    if (this.isUnaware) return;
    const { stamp } = readSiteState(this.store.get("Site", SITE_NAME)?.status) ?? {};
    const [served, ramped] = [stamp?.generation, stamp?.ramp?.to].map((number) => (number === undefined ? undefined : this.judge.mapOf(number)));
    const shared = Object.keys(served ?? {}).find((one) => ramped?.[one] !== undefined && ramped[one] !== served?.[one] && this.#isExclusive(one));
    if (shared !== undefined) this.judge.violate("E", `${shared} is ramped: ${served?.[shared]} and ${ramped?.[shared]} would use the same thing`);
    // One that has just been registered, as seen by a leader whose caches lag, waits for its first tables and lets calls wait, too.
    const isSeen = (at: string): boolean => Date.parse(at) + 500 < this.scheduler.nowMs;
    const registered = new Set(this.store.list("Gateway").flatMap((one) => (isSeen(one.metadata.creationTimestamp) ? [one.metadata.name] : [])));
    for (const one of this.#gateways) {
      if (!registered.has(one.plan.name) || one.hasEnded || this.judge.isFenced(one.plan.host, generation) || one.knows(generation)) continue;
      this.judge.violate("A", `generation ${generation} is stamped, and gateway ${one.plan.name} does not know it`);
    }
  }

  /** Whatever does not go on has a reason that can be read. */
  judgeWaits(state: SiteState, observed: Observed, result: Step): void {
    for (const one of state.generations) {
      const isOpenEnded = one.phase !== "Active";
      if (isOpenEnded && (result.waits.get(one.number)?.length ?? 0) === 0)
        this.judge.violate("V", `generation ${one.number} is ${one.phase} and nobody says why`);
    }
    const pending = state.generations.some((one) => one.phase !== "Active" && one.phase !== "Draining");
    const served = state.stamp === undefined ? undefined : observed.mapOf(state.stamp.generation);
    const isMissing = [...observed.wanted].some(
      ([service, revision]) => served?.[service] !== revision && !state.refused.some((one) => one.service === service && one.revision === revision),
    );
    if (!pending && isMissing && result.wakeAtMs === undefined && (result.waits.get(0)?.length ?? 0) === 0)
      this.judge.violate("V", "something is wanted, nothing is under way, and nobody says why");
  }

  /** What is still missing to the end: everything wanted is served and nothing else is left. `undefined`: nothing. */
  unfinished(): string | undefined {
    const state = readSiteState(this.store.get("Site", SITE_NAME)?.status);
    const [only] = state?.generations ?? [];
    if (state === undefined || only === undefined || state.stamp === undefined) return "no generation is served";
    if (state.stamp.hold !== undefined) return `new transactions are held for ${state.stamp.hold.services.join(", ")}`;
    if (state.generations.length > 1 || only.phase !== "Active")
      return `open: ${state.generations.map((one) => `${one.number}:${one.phase}`).join(" ")}`;
    const served = this.judge.mapOf(state.stamp.generation) ?? {};
    const services = this.store.list("Microservice");
    for (const one of services) {
      const { name } = one.metadata;
      if (one.metadata.deletionTimestamp !== undefined) return `${name} is still being deleted`;
      const revision = `${name}-${one.spec.template.version}`;
      if (served[name] !== revision && !state.refused.some((refusal) => refusal.service === name && refusal.revision === revision))
        return `${revision} is wanted, ${served[name] ?? "nothing"} is served`;
    }
    for (const name of Object.keys(served)) if (!services.some((one) => one.metadata.name === name)) return `${name} is served and was deleted`;
    return this.#unfinishedInstances(served);
  }

  #unfinishedInstances(served: Readonly<Record<string, string>>): string | undefined {
    const instances = this.store.list("Instance");
    for (const one of instances) {
      if (one.metadata.deletionTimestamp !== undefined)
        return `${one.metadata.name} is still being stopped: ${this.#newest?.holders(one.metadata.name) ?? one.metadata.finalizers?.join(", ")}`;
      if (served[one.spec.service ?? ""] !== one.spec.revision) return `${one.metadata.name} is still there`;
      if (one.status?.ready !== true) return `${one.metadata.name} is not ready`;
      if (one.status.duty !== "active") return `${one.metadata.name} is ${one.status.duty}`;
    }
    const wanted = Object.keys(served).reduce((sum, name) => sum + (this.store.get("Microservice", name)?.spec.replicas ?? 0), 0);
    return instances.length === wanted ? undefined : `${instances.length} of ${wanted} instances are there`;
  }

  /** Without faults, nothing may be kept for longer than it must. */
  judgeDelays(): void {
    const { lingerMs, holdMs, faults, lagMaxMs, linkMaxMs, slowDiskShare } = this.scenario;
    if (faults.length > 0 || lagMaxMs > 5 || linkMaxMs > 5 || slowDiskShare > 0.1) return;
    // What serves a newer generation, too, says that it is busy for that one.
    if (this.scenario.services.some((one) => one.tellsBusy === true)) return;
    const limitMs = lingerMs + 1000;
    const freeMs = new Map<string, number>();
    for (const [number, record] of this.judge.records) {
      const emptyMs = Math.max(
        record.drainingMs ?? 0,
        record.lastEndMs,
        record.drainingMs === undefined ? (record.endedMs ?? Number.POSITIVE_INFINITY) : 0,
      );
      const revisions = Object.keys(this.judge.mapOf(number) ?? {}).flatMap((service) => [...this.judge.revisionsOf(number, service)]);
      for (const revision of revisions) freeMs.set(revision, Math.max(freeMs.get(revision) ?? 0, emptyMs));
      if (record.drainingMs === undefined || record.endedMs === undefined) continue;
      const lateMs = record.endedMs - emptyMs;
      if (lateMs > limitMs) this.judge.violate("P", `generation ${number} was closed ${Math.round(lateMs)} ms after its last transaction`);
    }
    const { longestHoldMs } = this.judge;
    if (longestHoldMs > 2 * holdMs + HOLD_LATE_MS) this.judge.violate("P", `new transactions were held for ${Math.round(longestHoldMs)} ms`);
    for (const { revision, atMs } of this.stops) {
      const lateMs = atMs - (freeMs.get(revision) ?? Number.POSITIVE_INFINITY);
      if (lateMs > limitMs)
        this.judge.violate("P", `an instance of ${revision} was stopped ${Math.round(lateMs)} ms after the last transaction that could reach it`);
    }
  }
}

function isOneLess(before: Site | undefined, after: Site | undefined): boolean {
  return (after?.status?.generations?.length ?? 0) < (before?.status?.generations?.length ?? 0);
}
