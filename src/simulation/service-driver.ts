import { isOrreryError, OrreryError } from "#/base/index.ts";
import { API_VERSION, generationName, type Instance, type Microservice, SITE_NAME, TRAFFIC_FINALIZER } from "#/model/index.ts";
import { type GenerationMap, readSiteState, type SiteState } from "#/traffic/update/core/index.ts";
import { mayCarryOut, planInstances } from "#/work/controllers/index.ts";
import type { Caches } from "./copies.ts";
import type { Program, Routine } from "./program.ts";
import type { Setting } from "./setting.ts";
import { type Term, tolerating } from "./term.ts";
import { Worker } from "./worker.ts";

/** As in src/work/controllers/. */
const LOOK_AGAIN_MS = 100;
const WITHDRAW_FINALIZER = "orrery.dev/withdraw";

/** What a change of instances looks at besides the store. */
export interface PlanSurroundings {
  /** Why gateways hold an instance, if they do. */
  holders(instance: Instance): string | undefined;
  /** It was looked whether this centre leads, and instances are about to be changed. */
  onLooked(): void;
}

/** Makes revisions of templates, and instances of what the Site needs, by the real instance plan, as the controllers of services and instances do it. */
export class ServiceDriver {
  readonly #term: Term;
  readonly #setting: Setting;
  readonly #program: Program;
  readonly #caches: Caches;
  readonly #epoch: number;
  readonly #surroundings: PlanSurroundings;
  readonly #services: Worker;
  readonly #instances: Worker;

  constructor(term: Term, surroundings: PlanSurroundings) {
    this.#term = term;
    this.#setting = term.setting;
    this.#program = term.program;
    this.#caches = term.caches;
    this.#epoch = term.epoch;
    this.#surroundings = surroundings;
    this.#services = new Worker(term.program, (name) => this.#reconcileService(name));
    this.#instances = new Worker(term.program, (name) => this.#reconcileInstance(name));
  }

  enqueue(service: string, delayMs = 0): void {
    this.#services.enqueue(service, delayMs);
  }

  enqueueInstance(name: string): void {
    this.#instances.enqueue(name);
  }

  *#reconcileService(name: string): Routine<number | undefined> {
    const service = this.#caches.Microservice.get(name);
    if (service === undefined) return undefined;
    const state = readSiteState(this.#caches.Site.get(SITE_NAME)?.status);
    const mapOf = (number: number): GenerationMap | undefined => this.#caches.Generation.get(generationName(number))?.spec.map;
    const instances = [...this.#caches.Instance.values()].filter((one) => one.spec.service === name);
    if (service.metadata.deletionTimestamp !== undefined) {
      const isServed = state?.generations.some((one) => (mapOf(one.number) ?? { [name]: "unknown" })[name] !== undefined) ?? true;
      if (!isServed && instances.length === 0) return yield* this.#setFinalizers(service, []);
    } else if (service.metadata.finalizers?.includes(WITHDRAW_FINALIZER) !== true) return yield* this.#setFinalizers(service, [WITHDRAW_FINALIZER]);
    else yield* this.#makeRevision(service);
    for (const host of this.#setting.scenario.hosts) {
      const plan = this.#plan({ service, state, mapOf, instances, host });
      if (plan.create.length + plan.change.length + plan.remove.length > 0) yield* this.#confirm(service, state);
      yield* this.#carryOut(plan);
    }
    return undefined;
  }

  *#setFinalizers(service: Microservice, finalizers: readonly string[]): Routine<undefined> {
    const { store } = this.#setting;
    const { name, uid, resourceVersion } = service.metadata;
    yield* this.#term.ask(() => store.update("Microservice", { metadata: { name, uid, resourceVersion, finalizers }, spec: service.spec }, "spec"));
    return undefined;
  }

  *#makeRevision(service: Microservice): Routine {
    const { store, services } = this.#setting;
    const { name, uid, resourceVersion, generation } = service.metadata;
    const { template } = service.spec;
    const revision = `${name}-${template.version}`;
    const isKept = service.status?.observedGeneration === generation && service.status.revision === revision;
    if (isKept && this.#caches.Revision.get(revision) !== undefined) return;
    const existing = yield* this.#term.ask(() => store.get("Revision", revision));
    if (existing !== undefined && existing.metadata.ownerReferences?.[0]?.uid !== uid)
      throw new OrreryError("store/conflict", `${revision} is about to be collected`);
    if (existing === undefined) {
      const ownerReferences = [{ apiVersion: API_VERSION, kind: "Microservice", name, uid, controller: true }];
      const spec = { service: name, template, hash: template.version };
      yield* tolerating(
        "store/exists",
        this.#term.ask(() => store.create("Revision", { metadata: { name: revision, ownerReferences }, spec })),
      );
    }
    if (isKept) return;
    const status = { ...service.status, observedGeneration: generation, revision, port: services.portOf(name) };
    yield* this.#term.ask(() => store.update("Microservice", { metadata: { name, uid, resourceVersion }, status }, "status"));
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
    const { hosts } = this.#setting.scenario;
    const replicas = service.spec.replicas / hosts.length;
    const suffix = hosts.length > 1 ? `.${host}` : "";
    const rename = (one: Instance): Instance =>
      suffix === "" ? one : { ...one, metadata: { ...one.metadata, name: one.metadata.name.slice(0, -suffix.length) } };
    const plan = planInstances({
      service: { ...service, spec: { ...service.spec, replicas } },
      site: state,
      mapOf,
      revisionOf: (name) => this.#caches.Revision.get(name),
      instances: instances.filter((one) => one.spec.host === host).map(rename),
      hosts: [{ name: host, load: 0 }],
      minReady: `${this.#setting.scenario.minReadyMs}ms`,
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
    const { store } = this.#setting;
    const { name } = service.metadata;
    const now = readSiteState((yield* this.#term.ask(() => store.get("Site", SITE_NAME)))?.status);
    if (!mayCarryOut(name, this.#epoch, seen, now))
      throw new OrreryError("store/conflict", "the Site has moved since it was seen", { retry: "after-reread" });
    this.#surroundings.onLooked();
  }

  *#carryOut(plan: ReturnType<typeof planInstances>): Routine {
    const { store } = this.#setting;
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
        this.#program.spawn(
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
      yield* this.#term.ask(act);
    } catch (error) {
      if (!isOrreryError(error)) throw error;
      return done(error);
    }
    done(undefined);
  }

  *#reconcileInstance(name: string): Routine<number | undefined> {
    const { store } = this.#setting;
    const one = this.#caches.Instance.get(name);
    if (one?.metadata.deletionTimestamp === undefined || one.metadata.finalizers?.includes(TRAFFIC_FINALIZER) !== true) return undefined;
    if (this.#surroundings.holders(one) !== undefined) return LOOK_AGAIN_MS;
    const finalizers = one.metadata.finalizers.filter((finalizer) => finalizer !== TRAFFIC_FINALIZER);
    const { uid, resourceVersion } = one.metadata;
    yield* this.#term.ask(() => store.update("Instance", { metadata: { name, uid, resourceVersion, finalizers } }, "spec"));
    return undefined;
  }
}
