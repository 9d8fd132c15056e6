import { isOrreryError, OrreryError } from "#/base/index.ts";
import {
  API_VERSION,
  type Gateway,
  generationName,
  type Instance,
  type Microservice,
  SITE_NAME,
  type Site,
  TRAFFIC_FINALIZER,
} from "#/model/index.ts";
import { TableDistribution, type TableStream } from "#/traffic/routing/distribution/index.ts";
import type { GatewayReport, KnownTable, TableMessage, TablePosition } from "#/traffic/routing/index.ts";
import { TableBuilder } from "#/traffic/routing/table/index.ts";
import {
  type BusyDeclared,
  busyRevisions,
  DrainLedger,
  distributionMark,
  exclusiveServices,
  GatewayWatch,
  type GenerationMap,
  interlockOf,
  isBehind,
  type KnownGateway,
  longestTransactionMs,
  mapsToCompare,
  nextLookMs,
  nextTerm,
  type Observed,
  observe,
  prepareLedger,
  Reach,
  type Readiness,
  ROUND_INTERVAL_MS,
  readSiteState,
  revisionReadiness,
  type SiteState,
  type Step,
  siteUpdate,
  statusesToForget,
  step,
  WishWatch,
  wantedRevisions,
  withFormer,
} from "#/traffic/update/core/index.ts";
import { incarnationStatus, mayCarryOut, planInstances } from "#/work/controllers/index.ts";
import { Cache } from "./cache.ts";
import type { Dice } from "./dice.ts";
import type { CentrePort } from "./gateway-process.ts";
import { Link, type LinkDelay } from "./link.ts";
import { Program, type Routine } from "./program.ts";
import { KIND_NAMES, type KindName } from "./store.ts";
import { Worker } from "./worker.ts";
import type { World } from "./world.ts";

/** As in src/work/controllers/. */
const LOOK_AGAIN_MS = 100;
const STEPS_MAX = 50;
const WITHDRAW_FINALIZER = "orrery.dev/withdraw";

interface Peer {
  readonly link: Link;
  readonly host: string;
  readonly roles: readonly ("edge" | "host")[];
  readonly incarnation: number;
  readonly formerUncleanMs?: number;
}

type Caches = { readonly [K in KindName]: Cache<K> };

/** A centre that leads, or believes so: the real table builder, distribution, ledger, observation, step and instance plan, between caches that lag and writes that take their time. */
export class Leader implements CentrePort {
  readonly #world: World;
  readonly #dice: Dice;
  readonly program: Program;
  era: number;
  /** Connections of gateways, also those that have not said hello. */
  readonly links = new Set<Link>();
  readonly #peers = new Map<string, Peer>();
  readonly #streams = new Map<string, TableStream>();
  #ledger = new DrainLedger();
  readonly #builder = new TableBuilder();
  readonly #wish = new WishWatch();
  readonly #reach = new Reach((name) => {
    const revision = this.#seen.Revision.get(name);
    return revision === undefined ? undefined : (revision.spec.template.calls ?? "any");
  });
  readonly #watch = new GatewayWatch();
  #caches: Caches | undefined;
  #distribution: TableDistribution | undefined;
  #epoch = 0;
  #isDeposed = false;
  /** It is about to start again with a new history. */
  isEnding = false;
  readonly #updates: Worker;
  readonly #gateways: Worker;
  readonly #services: Worker;
  readonly #instances: Worker;

  constructor(world: World, dice: Dice, name: string) {
    this.#world = world;
    this.#dice = dice;
    this.program = new Program(world.scheduler, name);
    this.era = world.judge.era;
    this.#updates = new Worker(this.program, () => this.#reconcileSite());
    this.#gateways = new Worker(this.program, (key) => this.#reconcileGateway(key));
    this.#services = new Worker(this.program, (key) => this.#reconcileService(key));
    this.#instances = new Worker(this.program, (key) => this.#reconcileInstance(key));
    this.program.spawn(this.#takeLead());
  }

  /** True once it hands out tables. */
  get isLeading(): boolean {
    return this.#distribution !== undefined && this.program.isAlive;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Its watch of one kind breaks off for so long. */
  breakWatch(kind: KindName, forMs: number): void {
    this.#caches?.[kind].breakOff(this.#world.scheduler.elapsedMs + forMs);
  }

  /** It dies: its links break. */
  kill(): void {
    this.program.kill();
    for (const link of this.links) link.cut(30);
  }

  /** A request to the store; what is on its way when this process dies arrives or not. */
  #ask<T>(act: () => T): Routine<T> {
    return this.#world.store.request(act, () => !this.program.isAlive && this.#dice.chance(0.5));
  }

  // ---- beginning, as takeLead and startLeading do it

  *#takeLead(): Routine {
    const { store } = this.#world;
    for (;;) {
      try {
        const present = yield* this.#ask(() => store.get("Site", SITE_NAME) as Site);
        const { history } = this.#world;
        this.era = this.#world.judge.era;
        const instances = yield* this.#ask(() => store.list("Instance"));
        for (const { metadata } of statusesToForget(present.status, history, instances)) {
          const { name, uid } = metadata;
          yield* this.#unlessMissing(() => store.update("Instance", { metadata: { name, uid }, status: {} }, "status"));
        }
        const status = nextTerm(present.status, history, this.program.now());
        yield* this.#ask(() => store.update("Site", { metadata: present.metadata, status }, "status"));
        // Another centre has begun a history meanwhile: it is in the store, and is read with it.
        if (history !== this.#world.history) continue;
        this.#epoch = status.epoch;
        this.#ledger = new DrainLedger(status.epoch);
        break;
      } catch (error) {
        if (!isOrreryError(error, "store/conflict")) throw error;
        yield this.#dice.between(5, 20);
      }
    }
    yield* this.#fillCaches();
    this.#lead();
  }

  *#fillCaches(): Routine {
    const { store, scheduler, scenario } = this.#world;
    const { program } = this;
    const slow = scenario.isLaterLeaderLate && this.#epoch > 1 ? "Site" : this.#dice.pick(KIND_NAMES);
    const caches: Partial<Record<KindName, unknown>> = {};
    for (const kind of KIND_NAMES) {
      yield this.#dice.between(0.1, 3);
      const maxMs = kind === slow ? scenario.lagMaxMs : Math.min(5, scenario.lagMaxMs);
      caches[kind] = new Cache({
        kind,
        store,
        scheduler,
        program,
        lagMs: () => this.#dice.between(0.1, maxMs),
        relistMs: () => this.#dice.between(0, 300),
      });
    }
    this.#caches = caches as unknown as Caches;
  }

  get #seen(): Caches {
    return this.#caches as Caches;
  }

  #lead(): void {
    const caches = this.#seen;
    const site = (): SiteState | undefined => readSiteState(caches.Site.get(SITE_NAME)?.status);
    const distribution = new TableDistribution({
      history: site()?.history ?? "",
      epoch: this.#epoch,
      source: this.#builder,
      clock: this.program,
      mark: () => distributionMark(site(), (number, services) => this.#builder.isComplete(number, services)),
      onProgress: () => {
        this.#updates.enqueue(SITE_NAME, 5);
        for (const one of caches.Gateway.values()) this.#gateways.enqueue(one.metadata.name, 100);
      },
      onConnect: (name) => this.#gateways.enqueue(name),
      onReport: (report) => {
        this.#ledger.report(report, this.program.now());
        this.#updates.enqueue(SITE_NAME, 5);
      },
    });
    this.#distribution = distribution;
    this.#fillTable(distribution);
    distribution.flush();
    this.#listen();
    this.#world.judge.note(() => `${this.program.name} leads with epoch ${this.#epoch}`);
  }

  #fillTable(distribution: TableDistribution): void {
    for (const kind of ["Site", "Generation", "Revision", "Instance", "Microservice", "Route"] as const) {
      this.#seen[kind].listen((before, after) => {
        if (after !== undefined) this.#builder.put(kind, after as never);
        else {
          const name = before?.metadata.name ?? "";
          this.#builder.remove(kind, name);
          if (kind === "Instance") distribution.forgetInstance(name);
        }
        distribution.touch();
      });
    }
  }

  #listen(): void {
    const { Site, Generation, Revision, Microservice, Instance, Gateway } = this.#seen;
    Site.listen(() => {
      this.#updates.enqueue(SITE_NAME);
      for (const one of Microservice.values()) this.#services.enqueue(one.metadata.name);
    });
    Generation.listen((before, after) => {
      this.#updates.enqueue(SITE_NAME, 10);
      // What was decided without its map has to be decided again: also for services that it does not have.
      if (before === undefined && after !== undefined) for (const one of Microservice.values()) this.#services.enqueue(one.metadata.name);
    });
    Revision.listen((_, after) => this.#services.enqueue(after?.spec.service ?? ""));
    Microservice.listen((before, after) => {
      this.#services.enqueue((after ?? before)?.metadata.name ?? "");
      this.#updates.enqueue(SITE_NAME);
    });
    Instance.listen((before, after) => {
      const one = after ?? before;
      if (one?.spec.service !== undefined) this.#services.enqueue(one.spec.service, 20);
      if (after?.metadata.deletionTimestamp !== undefined) this.#instances.enqueue(after.metadata.name);
      this.#updates.enqueue(SITE_NAME, 5);
    });
    Gateway.listen((before, after) => {
      if (after === undefined) this.#distribution?.dismiss(before?.metadata.name ?? "");
      this.#gateways.enqueue((after ?? before)?.metadata.name ?? "");
      this.#updates.enqueue(SITE_NAME, 5);
    });
  }

  // ---- gateways, as the hub, the link's handlers and the gateway controller do it

  open(gateway: Program, delay: LinkDelay, dice: Dice): Link {
    const link = new Link({ scheduler: this.#world.scheduler, dice, delay, gateway, centre: this.program });
    this.links.add(link);
    return link;
  }

  hello(link: Link, { name, formerUncleanAgoMs, ...peer }: Parameters<CentrePort["hello"]>[1]): void {
    if (!this.isLeading) return link.closeFrom("centre");
    this.#peers.get(name)?.link.closeFrom("centre");
    this.#peers.set(name, {
      link,
      ...peer,
      ...(formerUncleanAgoMs === undefined ? {} : { formerUncleanMs: this.program.now() - formerUncleanAgoMs }),
    });
    link.onCentreClose = () => {
      if (this.#peers.get(name)?.link !== link) return;
      this.#peers.delete(name);
      this.#streams.get(name)?.close();
      this.#streams.delete(name);
      this.#peerChanged(name);
    };
    this.#peerChanged(name);
  }

  #peerChanged(name: string): void {
    this.#updates.enqueue(SITE_NAME);
    this.#gateways.enqueue(name);
  }

  subscribe(link: Link, name: string, known: KnownTable | undefined, receive: (message: TableMessage | undefined) => void): void {
    // The stream begins some turns after it was asked for.
    this.program.after(this.#dice.between(0, 3), () => {
      this.program.spawn(this.#answer(link, name, known, receive));
    });
  }

  *#answer(link: Link, name: string, known: KnownTable | undefined, receive: (message: TableMessage | undefined) => void): Routine {
    if (this.#distribution === undefined) return;
    if (known !== undefined && (yield* this.#isBehind(name, known))) {
      this.#world.foundBehind(this, name);
      return yield* this.#remember(known.position.history);
    }
    if (this.#peers.get(name)?.link !== link || this.#distribution === undefined) return;
    this.#streams.get(name)?.close();
    const stream = this.#distribution.open(name, known?.position, () => this.program.after(0, () => pump()));
    const pump = (): void => {
      for (let message = stream.take(); message !== undefined; message = stream.take()) receive(message);
      if (stream.isEnded && this.#streams.get(name) === stream) {
        this.#streams.delete(name);
        receive(undefined);
      }
    };
    this.#streams.set(name, stream);
    pump();
  }

  *#isBehind(name: string, known: KnownTable): Routine<boolean> {
    const { store } = this.#world;
    const mapOf = (number: number): GenerationMap | undefined => this.#seen.Generation.get(generationName(number))?.spec.map;
    const own = { mapOf, hasServed: this.#distribution?.hasServed(name) === true };
    const state = readSiteState((yield* this.#ask(() => store.get("Site", SITE_NAME)))?.status);
    if (state?.epoch !== this.#epoch) return false;
    const maps = new Map<number, GenerationMap | undefined>();
    for (const number of mapsToCompare(state, known))
      maps.set(number, own.mapOf(number) ?? (yield* this.#ask(() => store.get("Generation", generationName(number))))?.spec.map);
    return isBehind(state, known, { ...own, mapOf: (number) => maps.get(number) });
  }

  *#remember(history: string): Routine {
    const { store } = this.#world;
    const present = yield* this.#ask(() => store.get("Site", SITE_NAME));
    const state = readSiteState(present?.status);
    if (present === undefined || state === undefined || history === state.history) return;
    const status = { ...present.status, formerHistories: [...withFormer(state.formerHistories, history)] };
    try {
      yield* this.#ask(() => store.update("Site", { metadata: present.metadata, status }, "status"));
    } catch (error) {
      // It will be found out again.
      if (!isOrreryError(error, "store/conflict")) throw error;
    }
  }

  acknowledge(link: Link, name: string, position: TablePosition): void {
    if (this.#peers.get(name)?.link === link) this.#distribution?.acknowledge(name, position);
  }

  report(link: Link, name: string, report: GatewayReport): void {
    if (this.#peers.get(name)?.link === link) this.#distribution?.report(report);
  }

  #connectionOf(name: string): Peer | undefined {
    return this.#distribution?.isConnected(name) === true ? this.#peers.get(name) : undefined;
  }

  *#reconcileGateway(name: string): Routine<number | undefined> {
    const { store } = this.#world;
    const connection = this.#connectionOf(name);
    const one = this.#seen.Gateway.get(name);
    if (one === undefined) {
      if (connection === undefined) return undefined;
      const { host, roles } = connection;
      yield* this.#ask(() => store.create("Gateway", { metadata: { name }, spec: { host, roles } }));
      return undefined;
    }
    if (connection !== undefined && !(yield* this.#admit(name))) return undefined;
    const site = this.#seen.Site.get(SITE_NAME);
    const counter = site?.status?.counter;
    const fresh = incarnationStatus(one.status ?? {}, connection, counter, longestTransactionMs(site?.spec, this.#seen.Route.values()));
    if (Object.keys(fresh).length === 0) return undefined;
    const status: Gateway["status"] = { ...one.status, ...fresh };
    const { uid, resourceVersion } = one.metadata;
    yield* this.#ask(() => store.update("Gateway", { metadata: { name, uid, resourceVersion }, status }, "status"));
    return undefined;
  }

  /** False: it leads no longer. */
  *#admit(name: string): Routine<boolean> {
    const { store } = this.#world;
    if (this.#distribution?.isAdmitted(name) === true) return true;
    const present = yield* this.#ask(() => store.get("Site", SITE_NAME));
    if (present?.status?.epoch !== this.#epoch) return false;
    this.#distribution?.admit(name);
    return true;
  }

  #known(): KnownGateway[] {
    const connectedAs = (name: string): number | undefined => this.#connectionOf(name)?.incarnation;
    return this.#watch.known(this.#seen.Gateway.values(), connectedAs, this.program.now());
  }

  // ---- the Site, as the update controller does it

  *#reconcileSite(): Routine<number | undefined> {
    const { store } = this.#world;
    if (this.#distribution === undefined) return undefined;
    let object = yield* this.#ask(() => store.get("Site", SITE_NAME) as Site);
    let wakeAtMs: number | undefined;
    for (let count = 0; count < STEPS_MAX; count++) {
      const state = readSiteState(object.status);
      if (state === undefined) return undefined;
      if (state.epoch !== this.#epoch) {
        // It may take its time to end: the protocol must not count on it.
        if (this.#isDeposed) return undefined;
        this.#isDeposed = true;
        this.#world.judge.note(() => `${this.program.name} finds that it leads no longer`);
        this.program.after(this.#dice.pick([this.#dice.between(0, 50), this.#dice.between(0, 400), this.#dice.between(300, 2000)]), () =>
          this.#world.deposed(this),
        );
        return undefined;
      }
      const observed = yield* this.#observe(object, state);
      const result = step(state, observed, this.program.now());
      wakeAtMs = result.wakeAtMs;
      if (result.site === state) this.#world.rules.waits(state, observed, result);
      else this.#world.rules.interlock(state, result);
      if (result.issue !== undefined) yield* this.#issue(state.history, result.issue);
      const input = siteUpdate(object, result, this.program.now());
      // Much may happen between the look and the write.
      if (input !== undefined && this.#world.scenario.faults.length > 0 && this.#dice.chance(0.05)) yield this.#dice.between(0, 300);
      if (input !== undefined) object = yield* this.#ask(() => store.update("Site", input, "status"));
      if (result.site === state) break;
    }
    const round = this.#ledger.roundToAsk(this.program.now(), ROUND_INTERVAL_MS);
    if (round !== undefined) this.#distribution.askRound(round);
    for (const instance of this.#ledger.busyToAsk(this.program.now())) this.program.spawn(this.#askBusy(instance, this.program.now()));
    return nextLookMs(this.#ledger, wakeAtMs, this.program.now());
  }

  *#issue(history: string, issue: NonNullable<Step["issue"]>): Routine {
    const { store } = this.#world;
    const { number, map, cause } = issue;
    yield* this.#ask(() => store.create("Generation", { metadata: { name: generationName(number) }, spec: { number, map, cause, history } }));
  }

  *#observe(object: Site, state: SiteState): Routine<Observed> {
    const { store, person } = this.#world;
    const maps = new Map<number, GenerationMap>();
    for (const { number } of state.generations) {
      const name = generationName(number);
      const found = this.#seen.Generation.get(name) ?? (yield* this.#ask(() => store.get("Generation", name)));
      if (found !== undefined) maps.set(number, found.spec.map);
    }
    const nowMs = this.program.now();
    const gateways = this.#known();
    const distribution = this.#distribution as TableDistribution;
    this.#ledger.setBusyDeclared((number) => this.#busyDeclared(state, number, maps.get(number) ?? {}));
    prepareLedger(this.#ledger, { spec: object.spec, state, gateways, distribution, maps, reach: this.#reach }, nowMs);
    return observe(
      {
        spec: object.spec,
        history: state.history,
        ...this.#wish.look(wantedRevisions(this.#seen.Microservice.values()), maps.get(state.stamp?.generation ?? 0), object.spec, nowMs),
        maps,
        readinessOf: (revision, claim) => this.#readinessOf(revision, claim),
        exclusive: this.#exclusive(),
        generations: this.#seen.Generation.values(),
        gateways,
        distribution,
        ledger: this.#ledger,
        updateFor: (services) => person.updateFor(services, state),
        updateNamed: (name) => person.updateNamed(name),
        isAskedAgain: (refusal) => person.isAskedAgain(refusal),
        gateOf: (fresh) => person.gateOf(state, fresh),
        howOf: (service) => {
          const strategy = this.#seen.Microservice.get(service)?.spec.update?.strategy;
          return strategy === undefined ? undefined : { strategy };
        },
        handoverOf: (service, revision) =>
          this.#seen.Microservice.get(service)?.spec.exclusive === true
            ? (this.#seen.Revision.get(revision)?.spec.template.handover ?? "hold")
            : undefined,
        interlockOf: (services, atMs) =>
          interlockOf(
            services.map((name) => this.#seen.Microservice.get(name)),
            (name) => person.resourceOf(name),
            atMs,
          ),
      },
      nowMs,
    );
  }

  #busyDeclared(state: SiteState, generation: number, map: GenerationMap): BusyDeclared[] {
    const declared = [...this.#seen.Revision.values()].filter((one) => one.spec.template.drain.busy !== undefined);
    const named = declared.map((one) => ({ name: one.metadata.name, service: one.spec.service }));
    return busyRevisions(state, generation, map, named).flatMap(({ name, service }) =>
      [...this.#seen.Instance.values()].flatMap(({ metadata, spec }) =>
        spec.revision === name ? [{ instance: metadata.name, service, createdMs: Date.parse(metadata.creationTimestamp) }] : [],
      ),
    );
  }

  /** The way to the agent and to the process, and back; now and then it is lost. */
  *#askBusy(instance: string, askedAtMs: number): Routine {
    const host = this.#seen.Instance.get(instance)?.spec.host;
    const dice = this.#dice;
    yield dice.between(0.2, 15);
    const isLost = this.#world.scenario.faults.length > 0 && dice.chance(0.03);
    const state = host === undefined ? "idle" : isLost ? "unknown" : this.#world.askBusy(host, instance);
    yield isLost ? dice.between(50, 400) : dice.between(0.2, 15);
    this.#ledger.busyAnswered(instance, { askedAtMs, answeredAtMs: this.program.now(), state, message: state });
  }

  #exclusive(): Observed["exclusive"] {
    const services = [...this.#seen.Microservice.values()].filter((one) => one.spec.exclusive).map((one) => one.metadata.name);
    return exclusiveServices(services, (name) => [...this.#seen.Instance.values()].filter((one) => one.spec.service === name));
  }

  #readinessOf(revision: string, claim: number | undefined): Readiness {
    return revisionReadiness({
      revision: this.#seen.Revision.get(revision),
      serviceOf: (name) => this.#seen.Microservice.get(name),
      instances: [...this.#seen.Instance.values()].filter((one) => one.spec.revision === revision),
      isHostKnown: () => true,
      claim,
    });
  }

  // ---- services and instances, as their controllers do it

  *#reconcileService(name: string): Routine<number | undefined> {
    const service = this.#seen.Microservice.get(name);
    if (service === undefined) return undefined;
    const state = readSiteState(this.#seen.Site.get(SITE_NAME)?.status);
    const mapOf = (number: number): GenerationMap | undefined => this.#seen.Generation.get(generationName(number))?.spec.map;
    const instances = [...this.#seen.Instance.values()].filter((one) => one.spec.service === name);
    if (service.metadata.deletionTimestamp !== undefined) {
      const isServed = state?.generations.some((one) => (mapOf(one.number) ?? { [name]: "unknown" })[name] !== undefined) ?? true;
      if (!isServed && instances.length === 0) return yield* this.#setFinalizers(service, []);
    } else if (service.metadata.finalizers?.includes(WITHDRAW_FINALIZER) !== true) return yield* this.#setFinalizers(service, [WITHDRAW_FINALIZER]);
    else yield* this.#makeRevision(service);
    for (const host of this.#world.scenario.hosts) {
      const plan = this.#plan({ service, state, mapOf, instances, host });
      if (plan.create.length + plan.change.length + plan.remove.length > 0) yield* this.#confirm(service, state);
      yield* this.#carryOut(plan);
    }
    return undefined;
  }

  *#setFinalizers(service: Microservice, finalizers: readonly string[]): Routine<undefined> {
    const { store } = this.#world;
    const { name, uid, resourceVersion } = service.metadata;
    yield* this.#ask(() => store.update("Microservice", { metadata: { name, uid, resourceVersion, finalizers }, spec: service.spec }, "spec"));
    return undefined;
  }

  *#makeRevision(service: Microservice): Routine {
    const { store } = this.#world;
    const { name, uid, resourceVersion, generation } = service.metadata;
    const { template } = service.spec;
    const revision = `${name}-${template.version}`;
    const isKept = service.status?.observedGeneration === generation && service.status.revision === revision;
    if (isKept && this.#seen.Revision.get(revision) !== undefined) return;
    const existing = yield* this.#ask(() => store.get("Revision", revision));
    if (existing !== undefined && existing.metadata.ownerReferences?.[0]?.uid !== uid)
      throw new OrreryError("store/conflict", `${revision} is about to be collected`);
    if (existing === undefined) {
      const ownerReferences = [{ apiVersion: API_VERSION, kind: "Microservice", name, uid, controller: true }];
      const spec = { service: name, template, hash: template.version };
      yield* this.#unlessExists(() => store.create("Revision", { metadata: { name: revision, ownerReferences }, spec }));
    }
    if (isKept) return;
    const status = { ...service.status, observedGeneration: generation, revision, port: this.#world.servicePort(name) };
    yield* this.#ask(() => store.update("Microservice", { metadata: { name, uid, resourceVersion }, status }, "status"));
  }

  *#unlessExists(act: () => unknown): Routine {
    try {
      yield* this.#ask(act);
    } catch (error) {
      if (!isOrreryError(error, "store/exists")) throw error;
    }
  }

  *#unlessMissing(act: () => unknown): Routine {
    try {
      yield* this.#ask(act);
    } catch (error) {
      if (!isOrreryError(error, "store/missing")) throw error;
    }
  }

  /** The plan of one host: each host has every slot of its own, so that every revision is on each. */
  #plan(about: {
    readonly service: Microservice;
    readonly state: SiteState | undefined;
    readonly mapOf: (number: number) => GenerationMap | undefined;
    readonly instances: readonly Instance[];
    readonly host: string;
  }): ReturnType<typeof planInstances> {
    const { service, state, mapOf, instances, host } = about;
    const { hosts } = this.#world.scenario;
    const replicas = service.spec.replicas / hosts.length;
    const suffix = hosts.length > 1 ? `.${host}` : "";
    const rename = (one: Instance): Instance =>
      suffix === "" ? one : { ...one, metadata: { ...one.metadata, name: one.metadata.name.slice(0, -suffix.length) } };
    const plan = planInstances({
      service: { ...service, spec: { ...service.spec, replicas } },
      site: state,
      mapOf,
      revisionOf: (name) => this.#seen.Revision.get(name),
      instances: instances.filter((one) => one.spec.host === host).map(rename),
      hosts: [{ name: host, load: 0 }],
      minReady: `${this.#world.scenario.minReadyMs}ms`,
    });
    const named = (one: Instance): Instance =>
      suffix === "" ? one : { ...one, metadata: { ...one.metadata, name: `${one.metadata.name}${suffix}` } };
    return {
      ...plan,
      create: plan.create.map((input) => ({ ...input, metadata: { ...input.metadata, name: `${input.metadata.name}${suffix}` } })),
      change: plan.change.map((one) => ({ ...one, instance: named(one.instance) })),
      remove: plan.remove.map(named),
    };
  }

  *#confirm(service: Microservice, seen: SiteState | undefined): Routine {
    const { store } = this.#world;
    const { name } = service.metadata;
    const now = readSiteState((yield* this.#ask(() => store.get("Site", SITE_NAME)))?.status);
    if (!mayCarryOut(name, this.#epoch, seen, now))
      throw new OrreryError("store/conflict", "the Site has moved since it was seen", { retry: "after-reread" });
    this.#world.looked(this);
  }

  *#carryOut(plan: ReturnType<typeof planInstances>): Routine {
    const { store } = this.#world;
    const work: (() => unknown)[] = [
      ...plan.create.map((input) => () => store.create("Instance", { ...input, metadata: { ...input.metadata, name: input.metadata.name ?? "" } })),
      ...plan.change.map(({ instance: one, duty, neededBy }) => () => {
        const { name, resourceVersion } = one.metadata;
        store.update("Instance", { metadata: { name, resourceVersion }, spec: { ...one.spec, duty, neededBy } }, "spec");
      }),
      ...plan.remove.map(
        ({ metadata: { name, uid, resourceVersion } }) =>
          () =>
            store.delete("Instance", name, { uid, resourceVersion }),
      ),
    ];
    if (work.length === 0) return;
    const failures: unknown[] = [];
    let left = work.length;
    yield (resume) => {
      for (const act of work) {
        this.program.spawn(
          this.#attempt(act, (error) => {
            if (error !== undefined) failures.push(error);
            if (--left === 0) resume();
          }),
        );
      }
    };
    const failure = failures.find((error) => !isOrreryError(error, "store/exists") && !isOrreryError(error, "store/missing"));
    if (failure !== undefined) throw failure;
  }

  *#attempt(act: () => unknown, done: (error: unknown) => void): Routine {
    try {
      yield* this.#ask(act);
    } catch (error) {
      if (!isOrreryError(error)) throw error;
      return done(error);
    }
    done(undefined);
  }

  /** Why gateways hold the instance, if they do. */
  holders(instance: string): string | undefined {
    const registered = [...(this.#caches?.Gateway.values() ?? [])].map((gateway) => gateway.metadata.name);
    return this.#distribution?.holders(instance, registered);
  }

  *#reconcileInstance(name: string): Routine<number | undefined> {
    const { store } = this.#world;
    const one = this.#seen.Instance.get(name);
    if (one?.metadata.deletionTimestamp === undefined || one.metadata.finalizers?.includes(TRAFFIC_FINALIZER) !== true) return undefined;
    if (this.holders(name) !== undefined) return LOOK_AGAIN_MS;
    const finalizers = one.metadata.finalizers.filter((finalizer) => finalizer !== TRAFFIC_FINALIZER);
    const { uid, resourceVersion } = one.metadata;
    yield* this.#ask(() => store.update("Instance", { metadata: { name, uid, resourceVersion, finalizers } }, "spec"));
    return undefined;
  }
}
