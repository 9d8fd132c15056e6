import { type Instance, SITE_NAME, type Site } from "#/model/index.ts";
import { type Observed, readSiteState, type SiteState, type Step } from "#/traffic/update/core/index.ts";
import type { Excuses } from "./excuses.ts";
import type { Judge } from "./judge.ts";
import type { Person } from "./person.ts";
import { START_MS } from "./scheduler.ts";
import type { SeenProcess, SeenSite } from "./sight.ts";
import type { Stage } from "./stage.ts";
import type { Transaction } from "./transaction.ts";

/** How long a decision may take until it is carried out. */
const LATE_MAKING_MS = 400;
/** Until a change has been taken, distributed and switched to, and so has the one before it, by a store that now and then takes its time. */
const SERVED_LATE_MS = 1000;
/** What a hold may last longer than twice `hold`, until that is noticed and written. */
const HOLD_LATE_MS = 400;

/** What must hold of the Site, of instances, and at the end. */
export class SiteRules {
  readonly #stage: Stage;
  readonly #judge: Judge;
  readonly #person: Person;
  readonly #excuses: Excuses;
  readonly #sight: SeenSite;
  /** Exclusive services whose new revision was not active in time. */
  readonly #lateHandovers = new Set<string>();

  /** Until when each revision was prepared, for whatever generation. */
  readonly #preparedMs = new Map<string, number>();
  /** When instances were stopped by their agents. */
  readonly #stops: { readonly revision: string; readonly atMs: number }[] = [];
  readonly #stamps: { readonly atMs: number; readonly generation: number }[] = [];

  constructor(stage: Stage, { person, excuses, sight }: { readonly person: Person; readonly excuses: Excuses; readonly sight: SeenSite }) {
    this.#stage = stage;
    this.#judge = stage.judge;
    this.#person = person;
    this.#excuses = excuses;
    this.#sight = sight;
    const { judge, scenario } = stage;
    stage.store.listen((kind, before) => {
      if (kind !== "Site") return;
      for (const one of readSiteState((before as Site | undefined)?.status)?.preparing ?? [])
        this.#preparedMs.set(one.revision, stage.scheduler.elapsedMs);
    });
    judge.onReleased = (services, generation, switchedMs) => this.#released(services, generation, switchedMs);
    judge.onStamped = (generation) => this.#stamped(generation);
    judge.onFenced = () => {
      if (scenario.hosts.every((host) => judge.isFenced(host, Number.POSITIVE_INFINITY))) judge.violate("A", "every host is fenced");
    };
    judge.onFreed = (host) => this.#freed(host);
  }

  /** Held transactions are let go when the new revisions of exclusive services are active, or when that has taken too long. */
  #released(services: readonly string[], generation: number, switchedMs: number): void {
    const isLate = this.#stage.scheduler.nowMs >= switchedMs + this.#stage.scenario.holdMs;
    const map = this.#judge.eras.mapOf(generation) ?? {};
    for (const service of services.filter(
      (one) => this.#stage.services.isExclusive(one) && !this.#stage.scenario.compatible.includes(map[one] ?? ""),
    )) {
      const wanted = this.#stage.store.get("Microservice", service)?.spec.replicas ?? 0;
      const active = this.#sight.processesOf(service).filter((one) => one.revision === map[service] && one.duty === "active").length;
      if (isLate) this.#lateHandovers.add(service);
      else if (active < wanted && !this.#isShakenAnywhere(service, generation))
        this.#judge.violate("E", `held transactions go on, and ${active} of ${wanted} instances of ${map[service]} are active`);
    }
  }

  /** Instances of the service come and go for other reasons. */
  #isShakenAnywhere(service: string, generation: number): boolean {
    return this.#person.hasChangedInstances || this.#stage.scenario.hosts.some((host) => this.#excuses.isShaken(host, service, generation));
  }

  /** A process has begun, or was told what it may do: no two revisions use a thing that only one may use. */
  duty(process: SeenProcess): void {
    if (process.duty !== "active" || !this.#stage.services.isExclusive(process.service)) return;
    // Until every agent has heard that the store was put back, each knows only what runs on its own host.
    const isSeen = ({ host }: SeenProcess): boolean => host === process.host || !this.#excuses.isUnsteady;
    const other = this.#sight.processesOf(process.service).find((one) => one.revision !== process.revision && one.duty !== "passive" && isSeen(one));
    if (other !== undefined) this.#judge.violate("E", `${process.instance} is active, and ${other.instance} is still ${other.duty}`);
  }

  /** The store says that an instance may use what only one revision may use, and its agent has kept that from it: only what the store does not tell of can be the reason. */
  rival({ metadata }: Pick<Instance, "metadata">, other: Pick<Instance, "metadata">): void {
    if (!this.#excuses.isUnsteady)
      this.#judge.violate("E", `${metadata.name} may be active, and ${other.metadata.name} has not been told that it is passive`);
  }

  /** An agent has stopped the process of an instance. */
  stopped(instance: Instance): void {
    this.#stops.push({ revision: instance.spec.revision ?? "", atMs: this.#stage.scheduler.elapsedMs });
  }

  started(process: SeenProcess): void {
    this.duty(process);
    if (this.#excuses.isUnsteady) return;
    const { moves = [], generations = [] } = this.#judge.site ?? {};
    for (const { service, before, from, to } of moves) {
      const isRecreated = generations.some((one) => one.number === before && one.strategy === "recreate");
      if (!isRecreated || service !== process.service || to !== process.revision) continue;
      // One that was there before is on its way out, or serves older transactions.
      const { metadata, spec } = this.#stage.store.get("Instance", process.instance) ?? {};
      const movedAtMs = this.#judge.eras.movedAtMs(service, before, to);
      const isOld = Date.parse(metadata?.creationTimestamp ?? "") < START_MS + movedAtMs;
      if (isOld || (spec?.neededBy ?? 0) < before || this.#judge.wasServed(service, to, before, movedAtMs)) continue;
      // What was made by a decision that was on its way when the update began is taken away again.
      const wasThere = (name: string): boolean =>
        Date.parse(this.#stage.store.get("Instance", name)?.metadata.creationTimestamp ?? "") < START_MS + movedAtMs - LATE_MAKING_MS;
      const former = this.#sight.processesOf(service).find((one) => one.revision === from && one.host === process.host && wasThere(one.instance));
      if (former !== undefined)
        this.#judge.violate("E", `${process.instance} begins while ${former.instance} is still there, although ${service} is recreated`);
    }
  }

  /** A call has come in: what a passive instance of an exclusive service cannot serve must not reach it. */
  request(process: SeenProcess, tx: Transaction): void {
    const { service } = process;
    if (process.duty !== "passive" || !this.#stage.services.isExclusive(service) || this.#lateHandovers.has(service)) return;
    // A service that is new is not handed over; another declares that it can wait for the thing, or the strategy does not care.
    if (!this.#judge.heldRevisions.has(process.revision)) return;
    if (this.#stage.scenario.compatible.includes(process.revision) || this.#judge.eras.movedBy(service, process.revision).length > 0) return;
    if (this.#person.hasChangedInstances || this.#excuses.isExcused(tx, process.host, service)) return;
    this.#judge.violate("E", `transaction ${tx.id} of generation ${tx.generation} met ${process.instance}, which is passive`);
  }

  /** Nothing is updated while that is forbidden. */
  interlock(state: SiteState, { happened, site: after }: Step): void {
    if (!this.#person.isInterlocked || state.stamp === undefined) return;
    for (const one of happened) {
      const before = state.generations.find((open) => open.number === one.generation);
      const { strategy } = after.generations.find((open) => open.number === one.generation) ?? {};
      const isBegunAtIssue = strategy === "rolling" || strategy === "recreate";
      const isBegun = isBegunAtIssue ? one.what === "issued" : one.what === "held" || (one.what === "switched" && before?.phase !== "Ramping");
      if (!isBegun) continue;
      const locked = one.services.find((name) => this.#stage.services.isInterlocked(name));
      if (locked !== undefined)
        this.#judge.violate("E", `${locked} is updated by generation ${one.generation} (${one.what}) while its interlock forbids it`);
    }
  }

  /** Nobody may be sent where a gateway does not know the way, also when its host serves newer generations again. */
  #freed(host: string): void {
    const { stamp } = readSiteState(this.#stage.store.get("Site", SITE_NAME)?.status) ?? {};
    const registered = new Set(this.#stage.store.list("Gateway").map((one) => one.metadata.name));
    for (const one of this.#sight.gateways) {
      if (one.plan.host !== host || one.hasEnded || !registered.has(one.plan.name)) continue;
      for (const generation of [stamp?.generation, stamp?.ramp?.to])
        if (generation !== undefined && !one.knows(generation))
          this.#judge.violate("A", `host ${host} is free again, and gateway ${one.plan.name} does not know generation ${generation}`);
    }
  }

  /** What ends soon after each start is never served in the place of what works. */
  #proven(generation: number): void {
    const { judge, scenario } = this.#stage;
    const flapping = Object.values(judge.eras.mapOf(generation) ?? {}).find((revision) => scenario.starts[revision]?.isFlapping === true);
    if (flapping !== undefined) judge.violate("A", `generation ${generation} is stamped, and ${flapping} ends before it has been ready for minReady`);
  }

  /** Nobody may be sent where a gateway does not know the way. */
  #stamped(generation: number): void {
    this.#proven(generation);
    this.#stamps.push({ atMs: this.#stage.scheduler.elapsedMs, generation });
    if (this.#excuses.isUnaware) return;
    const { stamp } = readSiteState(this.#stage.store.get("Site", SITE_NAME)?.status) ?? {};
    const [served, ramped] = [stamp?.generation, stamp?.ramp?.to].map((number) =>
      number === undefined ? undefined : this.#judge.eras.mapOf(number),
    );
    const shared = Object.keys(served ?? {}).find(
      (one) => ramped?.[one] !== undefined && ramped[one] !== served?.[one] && this.#stage.services.isExclusive(one),
    );
    if (shared !== undefined) this.#judge.violate("E", `${shared} is ramped: ${served?.[shared]} and ${ramped?.[shared]} would use the same thing`);
    // One that has just been registered, as seen by a leader whose caches lag, waits for its first tables and lets calls wait, too.
    const isSeen = (at: string): boolean => Date.parse(at) + 500 < this.#stage.scheduler.nowMs;
    const registered = new Set(
      this.#stage.store.list("Gateway").flatMap((one) => (isSeen(one.metadata.creationTimestamp) ? [one.metadata.name] : [])),
    );
    for (const one of this.#sight.gateways) {
      if (!registered.has(one.plan.name) || one.hasEnded || this.#judge.isFenced(one.plan.host, generation) || one.knows(generation)) continue;
      this.#judge.violate("A", `generation ${generation} is stamped, and gateway ${one.plan.name} does not know it`);
    }
  }

  /** Whatever does not go on has a reason that can be read. */
  waits(state: SiteState, observed: Observed, result: Step): void {
    for (const one of state.generations) {
      const isOpenEnded = one.phase !== "Active";
      if (isOpenEnded && (result.waits.get(one.number)?.length ?? 0) === 0)
        this.#judge.violate("V", `generation ${one.number} is ${one.phase} and nobody says why`);
    }
    const pending = state.generations.some((one) => one.phase !== "Active" && one.phase !== "Draining");
    const served = state.stamp === undefined ? undefined : observed.mapOf(state.stamp.generation);
    const isMissing = [...observed.wanted].some(
      ([service, revision]) => served?.[service] !== revision && !state.refused.some((one) => one.service === service && one.revision === revision),
    );
    if (!pending && isMissing && result.wakeAtMs === undefined && (result.waits.get(0)?.length ?? 0) === 0)
      this.#judge.violate("V", "something is wanted, nothing is under way, and nobody says why");
  }

  /** What is still missing to the end: everything wanted is served and nothing else is left. `undefined`: nothing. */
  unfinished(): string | undefined {
    const state = readSiteState(this.#stage.store.get("Site", SITE_NAME)?.status);
    const [only] = state?.generations ?? [];
    if (state === undefined || only === undefined || state.stamp === undefined) return "no generation is served";
    if (state.stamp.hold !== undefined) return `new transactions are held for ${state.stamp.hold.services.join(", ")}`;
    if (state.generations.length > 1 || only.phase !== "Active")
      return `open: ${state.generations.map((one) => `${one.number}:${one.phase}`).join(" ")}`;
    const served = this.#judge.eras.mapOf(state.stamp.generation) ?? {};
    const services = this.#stage.store.list("Microservice");
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
    const instances = this.#stage.store.list("Instance");
    for (const one of instances) {
      if (one.metadata.deletionTimestamp !== undefined)
        return `${one.metadata.name} is still being stopped: ${this.#sight.holders(one) ?? one.metadata.finalizers?.join(", ")}`;
      if (served[one.spec.service ?? ""] !== one.spec.revision) return `${one.metadata.name} is still there`;
      if (one.status?.ready !== true) return `${one.metadata.name} is not ready`;
      if (one.status.duty !== "active") return `${one.metadata.name} is ${one.status.duty}`;
    }
    const wanted = Object.keys(served).reduce((sum, name) => sum + (this.#stage.store.get("Microservice", name)?.spec.replicas ?? 0), 0);
    return instances.length === wanted ? undefined : `${instances.length} of ${wanted} instances are there`;
  }

  /** Each wish is served in a time of its own, in whatever rhythm others come. */
  #served(): void {
    const { scenario } = this.#stage;
    const wishes = scenario.wishes.flatMap((one) => (one.what === "template" ? [one] : []));
    for (const wish of wishes) {
      const revision = `${wish.service}-${wish.version}`;
      const { maxMs, isNever, isFlapping } = scenario.starts[revision] ?? { maxMs: 150 };
      if (isNever === true || isFlapping === true) continue;
      const limitMs = maxMs + scenario.minReadyMs + 2 * (scenario.readyWithinMs / 24) + 12 * scenario.settleMs + SERVED_LATE_MS;
      if (wishes.some((other) => other !== wish && other.service === wish.service && other.atMs >= wish.atMs && other.atMs < wish.atMs + limitMs))
        continue;
      const present = this.#stamps.findLast((one) => one.atMs < wish.atMs);
      if (present !== undefined && this.#judge.eras.mapOf(present.generation)?.[wish.service] === revision) continue;
      const served = this.#stamps.find((one) => one.atMs >= wish.atMs && this.#judge.eras.mapOf(one.generation)?.[wish.service] === revision);
      const tookMs = (served?.atMs ?? Number.POSITIVE_INFINITY) - wish.atMs;
      if (tookMs > limitMs)
        this.#judge.violate("P", `${revision} was served ${Math.round(tookMs)} ms after it was wished; ${Math.round(limitMs)} ms are enough`);
    }
  }

  /** Without faults, nothing may be kept for longer than it must. */
  delays(): void {
    if (this.#stage.scenario.isRhythm === true) this.#served();
    const { lingerMs, holdMs, faults, lagMaxMs, linkMaxMs, slowDiskShare } = this.#stage.scenario;
    if (faults.length > 0 || lagMaxMs > 5 || linkMaxMs > 5 || slowDiskShare > 0.1) return;
    // What serves a newer generation, too, says that it is busy for that one.
    if (this.#stage.scenario.services.some((one) => one.tellsBusy === true)) return;
    // One that comes in the middle of a drain has to be counted, too.
    const isLate = this.#stage.scenario.gateways.some((one) => one.atMs > 1000);
    const limitMs = (isLate ? 2 : 1) * lingerMs + 1000;
    const freeMs = new Map(this.#preparedMs);
    for (const [number, record] of this.#judge.records) {
      const emptyMs = Math.max(
        record.drainingMs ?? 0,
        record.lastEndMs,
        record.drainingMs === undefined ? (record.endedMs ?? Number.POSITIVE_INFINITY) : 0,
      );
      const revisions = Object.keys(this.#judge.eras.mapOf(number) ?? {}).flatMap((service) => [...this.#judge.eras.revisionsOf(number, service)]);
      for (const revision of revisions) freeMs.set(revision, Math.max(freeMs.get(revision) ?? 0, emptyMs));
      if (record.drainingMs === undefined || record.endedMs === undefined) continue;
      const lateMs = record.endedMs - emptyMs;
      if (lateMs > limitMs) this.#judge.violate("P", `generation ${number} was closed ${Math.round(lateMs)} ms after its last transaction`);
    }
    const { longestHoldMs } = this.#judge;
    if (longestHoldMs > 2 * holdMs + HOLD_LATE_MS) this.#judge.violate("P", `new transactions were held for ${Math.round(longestHoldMs)} ms`);
    for (const { revision, atMs } of this.#stops) {
      const lateMs = atMs - (freeMs.get(revision) ?? Number.POSITIVE_INFINITY);
      if (lateMs > limitMs)
        this.#judge.violate("P", `an instance of ${revision} was stopped ${Math.round(lateMs)} ms after the last transaction that could reach it`);
    }
  }
}
