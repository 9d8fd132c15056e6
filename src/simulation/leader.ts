import { isOrreryError } from "#/base/index.ts";
import { type Instance, SITE_NAME, type Site } from "#/model/index.ts";
import { TableDistribution } from "#/traffic/routing/distribution/index.ts";
import type { GatewayReport, KnownTable, TableMessage, TablePosition } from "#/traffic/routing/index.ts";
import { TableBuilder } from "#/traffic/routing/table/index.ts";
import { distributionMark, nextTerm, readSiteState, type SiteState, statusesToForget } from "#/traffic/update/core/index.ts";
import { fillTable } from "#/work/controllers/index.ts";
import { Cache } from "./cache.ts";
import type { CentrePort, GatewayHello } from "./centre-port.ts";
import { type Caches, copiesOf } from "./copies.ts";
import type { Dice } from "./dice.ts";
import { GatewayRegister } from "./gateway-register.ts";
import { Link, type LinkDelay } from "./link.ts";
import { Program, type Routine } from "./program.ts";
import { ServiceDriver } from "./service-driver.ts";
import type { Setting } from "./setting.ts";
import { SiteDriver } from "./site-driver.ts";
import { KIND_NAMES, type KindName } from "./store.ts";
import { type Term, tolerating } from "./term.ts";

/** What is around a leader. */
export interface LeaderSurroundings {
  /** The store's own id. */
  history(): string;
  askBusy(host: string, instance: string): "busy" | "idle" | "unknown";
  /** It has looked whether it leads, and is about to change instances. */
  looked(leader: Leader): void;
  /** It has found that it leads no longer. */
  deposed(leader: Leader): void;
  /** A gateway has shown it that its store was put back. */
  foundBehind(leader: Leader, gateway: string): void;
}

/** What works while it leads. */
interface Reign {
  readonly term: Term;
  readonly register: GatewayRegister;
  readonly site: SiteDriver;
  readonly services: ServiceDriver;
}

/** A centre that leads, or believes so: the real table builder, distribution, ledger, observation, step and instance plan, between caches that lag and writes that take their time. */
export class Leader implements CentrePort {
  readonly #setting: Setting;
  readonly #surroundings: LeaderSurroundings;
  readonly #dice: Dice;
  readonly program: Program;
  era: number;
  /** Connections of gateways, also those that have not said hello. */
  readonly links = new Set<Link>();
  #epoch = 0;
  #reign: Reign | undefined;
  /** It is about to start again with a new history. */
  isEnding = false;

  constructor(setting: Setting, surroundings: LeaderSurroundings, dice: Dice, name: string) {
    this.#setting = setting;
    this.#surroundings = surroundings;
    this.#dice = dice;
    this.program = new Program(setting.scheduler, name);
    this.era = setting.judge.era;
    this.program.spawn(this.#takeLead());
  }

  /** True once it hands out tables. */
  get isLeading(): boolean {
    return this.#reign !== undefined && this.program.isAlive;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Its watch of one kind breaks off for so long. */
  breakWatch(kind: KindName, forMs: number): void {
    this.#reign?.term.caches[kind].breakOff(this.#setting.scheduler.elapsedMs + forMs);
  }

  /** It dies: its links break. */
  kill(): void {
    this.program.kill();
    for (const link of this.links) link.cut(30);
  }

  /** Why gateways hold the instance, if they do. */
  holders(instance: Instance): string | undefined {
    return this.#reign?.register.holders(instance);
  }

  #ask<T>(act: () => T): Routine<T> {
    return this.#setting.store.request(act, () => !this.program.isAlive && this.#dice.chance(0.5));
  }

  // ---- beginning, as takeLead and startLeading do it

  *#takeLead(): Routine {
    const { store, judge } = this.#setting;
    for (;;) {
      try {
        const present = yield* this.#ask(() => store.get("Site", SITE_NAME) as Site);
        const history = this.#surroundings.history();
        this.era = judge.era;
        const instances = yield* this.#ask(() => store.list("Instance"));
        for (const { metadata } of statusesToForget(present.status, history, instances)) {
          const { name, uid } = metadata;
          yield* tolerating(
            "store/missing",
            this.#ask(() => store.update("Instance", { metadata: { name, uid }, status: {} }, "status")),
          );
        }
        const status = nextTerm(present.status, history, this.program.now());
        yield* this.#ask(() => store.update("Site", { metadata: present.metadata, status }, "status"));
        // Another centre has begun a history meanwhile: it is in the store, and is read with it.
        if (history !== this.#surroundings.history()) continue;
        this.#epoch = status.epoch;
        break;
      } catch (error) {
        if (!isOrreryError(error, "store/conflict")) throw error;
        yield this.#dice.between(5, 20);
      }
    }
    this.#lead(yield* this.#fillCaches());
  }

  *#fillCaches(): Routine<Caches> {
    const { store, scheduler, scenario } = this.#setting;
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
    return caches as unknown as Caches;
  }

  #lead(caches: Caches): void {
    const builder = new TableBuilder();
    const present = (): SiteState | undefined => readSiteState(caches.Site.get(SITE_NAME)?.status);
    const distribution = new TableDistribution({
      history: present()?.history ?? "",
      epoch: this.#epoch,
      source: builder,
      clock: this.program,
      mark: () => distributionMark(present(), (number, services) => builder.isComplete(number, services)),
      onProgress: () => {
        site.enqueue(5);
        for (const one of caches.Gateway.values()) register.enqueue(one.metadata.name, 100);
      },
      onConnect: (name) => register.enqueue(name),
      onReport: (report) => site.report(report),
    });
    const term: Term = {
      setting: this.#setting,
      program: this.program,
      dice: this.#dice,
      epoch: this.#epoch,
      caches,
      copies: copiesOf(caches),
      distribution,
      ask: (act) => this.#ask(act),
    };
    const register = new GatewayRegister(term, {
      onPeer: () => site.enqueue(),
      onBehind: (gateway) => this.#surroundings.foundBehind(this, gateway),
    });
    const site = new SiteDriver(term, {
      incarnationOf: (gateway) => register.incarnationOf(gateway),
      askBusy: (host, instance) => this.#surroundings.askBusy(host, instance),
      onDeposed: () => this.#surroundings.deposed(this),
    });
    const services = new ServiceDriver(term, {
      holders: (instance) => register.holders(instance),
      onLooked: () => this.#surroundings.looked(this),
    });
    this.#reign = { term, register, site, services };
    fillTable(term.copies, builder, distribution);
    distribution.flush();
    this.#listen(this.#reign);
    this.#setting.judge.note(() => `${this.program.name} leads with epoch ${this.#epoch}`);
  }

  #listen({ term, register, site, services }: Reign): void {
    const { Site, Generation, Revision, Microservice, Instance, Gateway } = term.caches;
    Site.listen(() => {
      site.enqueue();
      for (const one of Microservice.values()) services.enqueue(one.metadata.name);
    });
    Generation.listen((before, after) => {
      site.enqueue(10);
      // What was decided without its map has to be decided again: also for services that it does not have.
      if (before === undefined && after !== undefined) for (const one of Microservice.values()) services.enqueue(one.metadata.name);
    });
    Revision.listen((_, after) => services.enqueue(after?.spec.service ?? ""));
    Microservice.listen((before, after) => {
      services.enqueue((after ?? before)?.metadata.name ?? "");
      site.enqueue();
    });
    Instance.listen((before, after) => {
      const one = after ?? before;
      if (one?.spec.service !== undefined) services.enqueue(one.spec.service, 20);
      if (after?.metadata.deletionTimestamp !== undefined) services.enqueueInstance(after.metadata.name);
      site.enqueue(5);
    });
    Gateway.listen((before, after) => {
      if (after === undefined) term.distribution.dismiss(before?.metadata.name ?? "");
      register.enqueue((after ?? before)?.metadata.name ?? "");
      site.enqueue(5);
    });
  }

  // ---- what gateways hear and say, as the link brings it

  open(gateway: Program, delay: LinkDelay, dice: Dice): Link {
    const link = new Link({ scheduler: this.#setting.scheduler, dice, delay, gateway, centre: this.program });
    this.links.add(link);
    return link;
  }

  hello(link: Link, hello: GatewayHello): void {
    if (this.#reign === undefined) link.closeFrom("centre");
    else this.#reign.register.hello(link, hello);
  }

  subscribe(link: Link, name: string, known: KnownTable | undefined, receive: (message: TableMessage | undefined) => void): void {
    // The stream begins some turns after it was asked for.
    this.program.after(this.#dice.between(0, 3), () => {
      if (this.#reign !== undefined) this.program.spawn(this.#reign.register.answer(link, name, known, receive));
    });
  }

  acknowledge(link: Link, name: string, position: TablePosition): void {
    this.#reign?.register.acknowledge(link, name, position);
  }

  report(link: Link, name: string, report: GatewayReport): void {
    this.#reign?.register.report(link, name, report);
  }
}
