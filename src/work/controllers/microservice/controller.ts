import { type Clock, describeError, isOrreryError, type Log, OrreryError, type Random } from "#/base/index.ts";
import { DEFAULT_NAMESPACE, generation, host, instance, type Microservice, microservice, revision, SITE_NAME, site, volume } from "#/model/index.ts";
import { type CachesOf, Controller, objectKey, type ReconcileResult } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import { type GenerationMap, readSiteState, type SiteState } from "#/traffic/update/core/index.ts";
import { REVISION_ANNOTATION, readLedSite } from "#/traffic/update/index.ts";
import { type BelievedHosts, believeHosts } from "../believed-hosts.ts";
import { placeableHosts } from "../placement.ts";
import { writeStatus } from "../status-writer.ts";
import { isEveryMapSeen, mayCarryOut, neededRevisions, planInstances } from "./instance-plan.ts";
import { choosePort, PortBook } from "./port-allocation.ts";
import type { Propagation } from "./propagation.ts";
import { type FilesKeeper, makeRevision, templateHash } from "./revision-maker.ts";
import { servicesTouched } from "./services-touched.ts";
import { serviceStatus } from "./status.ts";

/** Keeps a Microservice until no open transaction can reach it and its instances are gone. */
export const WITHDRAW_FINALIZER = "orrery.dev/withdraw";

/** What it looks at. */
export const MICROSERVICE_READS = {
  microservices: microservice,
  revisions: revision,
  instances: instance,
  volumes: volume,
  generations: generation,
  sites: site,
  hosts: host,
};

export interface MicroserviceControllerOptions {
  readonly store: Store;
  readonly caches: CachesOf<typeof MICROSERVICE_READS>;
  readonly keepFiles: FilesKeeper;
  /** True if the host's agent answers now. */
  readonly isHostKnown: (host: string) => boolean;
  readonly propagation: Propagation;
  /** This leader's term. */
  readonly epoch: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Templates become Revisions; what the Site decided becomes Instances; both become the Microservice's status. Key: namespace/name. */
export function createMicroserviceController(options: MicroserviceControllerOptions): Controller {
  const { caches, clock, random, log } = options;
  const worker = new MicroserviceWorker(options);
  // Several at once: making a revision copies files, and that must not hold back the others.
  const controller = new Controller({
    name: "microservice-controller",
    clock,
    random,
    log,
    concurrency: 4,
    reconcile: (key) => worker.reconcile(key),
  });
  caches.microservices.listen((before, after) => {
    const key = objectKey(after ?? (before as Microservice));
    worker.noteService(key, after);
    if (after === undefined) controller.forget(key);
    else controller.enqueue(key);
  });
  caches.instances.listen((before, after) => {
    const one = after ?? before;
    // Gathers the many small changes of an instance that starts.
    if (one?.spec.service !== undefined) controller.enqueue(`${one.metadata.namespace}/${one.spec.service}`, 20);
  });
  caches.sites.listen((before, after) => {
    const namespace = before?.metadata.namespace ?? after?.metadata.namespace ?? "default";
    const touched = servicesTouched(
      before === undefined ? undefined : readSiteState(before.status),
      after === undefined ? undefined : readSiteState(after.status),
      (number) => generationMap(caches, namespace, number),
    );
    for (const service of touched) controller.enqueue(`${namespace}/${service}`);
  });
  caches.revisions.listen((before, after) => {
    // It may be seen after the Generation that names it; and what somebody has deleted is made again, if it is wanted.
    const one = before === undefined ? after : after === undefined ? before : undefined;
    if (one !== undefined) controller.enqueue(`${one.metadata.namespace}/${one.spec.service}`);
  });
  caches.generations.listen((before, after) => {
    if (before !== undefined || after === undefined) return;
    // Normally seen before the Site names it. If not, what was decided meanwhile was decided without its map.
    const state = readSiteState(caches.sites.get(`${after.metadata.namespace}/${SITE_NAME}`)?.status);
    if (state?.generations.some((one) => one.number === after.spec.number) === true)
      for (const one of caches.microservices.values()) controller.enqueue(objectKey(one));
  });
  caches.volumes.listen((before, after) => {
    // Gone, its data is placed anew; come, what was placed with it may go on.
    const one = after ?? before;
    if (one !== undefined) controller.enqueue(`${one.metadata.namespace}/${one.spec.service}`, 20);
  });
  caches.hosts.listen((before, after) => {
    // A host that appears, or changes whether it can be used, may take what had no place.
    if (before?.spec.cordoned === after?.spec.cordoned && before?.status?.conditions === after?.status?.conditions && before !== undefined) return;
    const one = after ?? before;
    if (one !== undefined) for (const key of servicesOfHost(caches, one.metadata.name)) controller.enqueue(key, 50);
  });
  return controller;
}

/** Keys of the services that a change of a host may concern: those with instances there, and those that are not simply ready, since they may wait for a place. */
export function servicesOfHost(
  caches: Pick<MicroserviceControllerOptions["caches"], "instances" | "microservices">,
  host: string,
): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const { metadata, spec } of caches.instances.byIndex("host", host))
    if (spec.service !== undefined) keys.add(`${metadata.namespace}/${spec.service}`);
  for (const one of caches.microservices.values()) {
    const isReady = one.status?.conditions?.some((condition) => condition.type === "Ready" && condition.reason === "Ready") === true;
    if (!isReady) keys.add(objectKey(one));
  }
  return keys;
}

/** The map of an issued generation, from the cache. */
export function generationMap(
  caches: Pick<MicroserviceControllerOptions["caches"], "generations">,
  namespace: string,
  number: number,
): GenerationMap | undefined {
  return caches.generations.get(`${namespace}/g${number}`)?.spec.map;
}

/** Why a service is not ready where all goes as somebody has asked for it: started, stopped, restarted, updated. What ends or fails by itself has other reasons. */
const WANTED: ReadonlySet<string> = new Set(["Preparing", "Starting", "Stopping", "HandingOver", "Suspended", "Deleting"]);

class MicroserviceWorker {
  readonly #options: MicroserviceControllerOptions;
  readonly #ports = new PortBook();
  readonly #believed: BelievedHosts;

  constructor(options: MicroserviceControllerOptions) {
    this.#options = options;
    this.#believed = believeHosts(options);
  }

  /** A service has come, changed or gone in the cache. */
  noteService(key: string, after: Microservice | undefined): void {
    this.#ports.note(key, after === undefined ? undefined : [after.spec.port, after.status?.port]);
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    const { store, caches, clock } = this.#options;
    const service = caches.microservices.get(key);
    if (service === undefined) return undefined;
    const namespace = service.metadata.namespace ?? "default";
    const siteObject = caches.sites.get(`${namespace}/${SITE_NAME}`);
    const site = readSiteState(siteObject?.status);
    const mapOf = (number: number): GenerationMap | undefined => generationMap(caches, namespace, number);
    if (service.metadata.deletionTimestamp !== undefined) await this.#withdraw(service, site, mapOf);
    else if (service.metadata.finalizers?.includes(WITHDRAW_FINALIZER) !== true)
      return this.#setFinalizers(service, [...(service.metadata.finalizers ?? []), WITHDRAW_FINALIZER]);
    const made = await this.#makeRevision(service);
    const revisionOf = (name: string) => caches.revisions.get(`${namespace}/${name}`);
    const instances = [...caches.instances.byIndex("service", key)];
    const plan = planInstances({
      service,
      site,
      mapOf,
      revisionOf,
      instances,
      hosts: placeableHosts(caches, this.#options.isHostKnown),
      volumes: [...caches.volumes.byIndex("service", key)],
      minReady: siteObject?.spec.minReady ?? "0s",
    });
    if (plan.create.length + plan.change.length + plan.remove.length > 0) await this.#confirm(service, site);
    const failures = await this.#carryOut(plan);
    const hasToBePlaced = !this.#believed.isAwaiting();
    const status = serviceStatus(
      {
        service,
        site,
        servedMap: site?.stamp === undefined ? undefined : mapOf(site.stamp.generation),
        revisionOf,
        instances,
        isHostKnown: this.#believed.isBelieved,
        unplaced: hasToBePlaced ? plan.unplaced : 0,
        unplacedWhy: hasToBePlaced ? plan.unplacedWhy : undefined,
        port: this.#port(key, service),
        made: made.ok,
        propagation: this.#options.propagation.conditionOf(service.metadata.name, clock.now()),
        revisionError: made.error,
        instanceError: failures.map(refusalOf).find((one) => one !== undefined),
      },
      clock.now(),
    );
    const isShown = service.metadata.deletionTimestamp === undefined || instances.length > 0;
    if (isShown && (await writeStatus(store, microservice, service, status))) this.#tell(service, status);
    if (failures.length > 0) throw failures[0];
    await this.#prune(service, site, mapOf);
    // A revision that could not be made is tried again, since files may come; slowly, since that reads them all.
    return made.error === undefined ? undefined : { requeueAfterMs: 5000 };
  }

  /** An Event for each condition whose meaning has changed. */
  #tell(service: Microservice, status: NonNullable<Microservice["status"]>): void {
    for (const now of status.conditions ?? []) {
      const before = service.status?.conditions?.find((one) => one.type === now.type);
      const isQuiet = before === undefined && now.type !== "Ready" && now.status !== "False";
      if (isQuiet || (before?.status === now.status && before.reason === now.reason)) continue;
      const isGood = now.type === "Diverged" ? now.status === "False" : now.status === "True" || WANTED.has(now.reason);
      if (now.type === "Diverged" && before === undefined) continue;
      this.#options.store.emit({
        kind: microservice,
        object: service,
        type: isGood ? "Normal" : "Warning",
        reason: now.reason,
        message: now.message,
        component: "microservice-controller",
      });
    }
  }

  async #makeRevision(service: Microservice): Promise<{ ok: { revision: string; templateHash: string } | undefined; error: string | undefined }> {
    const { store, caches, keepFiles } = this.#options;
    const hash = templateHash(service.spec.template);
    const { status } = service;
    if (service.metadata.deletionTimestamp !== undefined) return { ok: undefined, error: undefined };
    const annotated = service.metadata.annotations?.[REVISION_ANNOTATION];
    const isKept = annotated === undefined || annotated === status?.revision;
    if (
      isKept &&
      status?.templateHash === hash &&
      status.revision !== undefined &&
      caches.revisions.get(`${service.metadata.namespace}/${status.revision}`) !== undefined
    ) {
      return { ok: { revision: status.revision, templateHash: hash }, error: undefined };
    }
    const chosen = caches.revisions.get(`${service.metadata.namespace}/${annotated ?? ""}`);
    if (chosen !== undefined && chosen.spec.service === service.metadata.name && templateHash(chosen.spec.template) === hash) {
      return { ok: { revision: chosen.metadata.name, templateHash: hash }, error: undefined };
    }
    try {
      const made = await makeRevision(store, service, keepFiles);
      return { ok: { revision: made.metadata.name, templateHash: hash }, error: undefined };
    } catch (error) {
      if (!isOrreryError(error) || !(error.code.startsWith("artifacts/") || error.code === "store/invalid")) throw error;
      store.emit({
        kind: microservice,
        object: service,
        type: "Warning",
        reason: "RevisionFailed",
        message: describeError(error),
        component: "microservice-controller",
      });
      return { ok: undefined, error: describeError(error) };
    }
  }

  /** Looked up right before instances are made, told or deleted.
   *  @throws update/not-leading: another centre leads
   *  @throws store/conflict: another revision may use what only one may use; come again */
  async #confirm(service: Microservice, seen: SiteState | undefined): Promise<void> {
    const { store, epoch } = this.#options;
    const { namespace = DEFAULT_NAMESPACE, name } = service.metadata;
    if (!mayCarryOut(name, epoch, seen, await readLedSite(store, namespace, epoch)))
      throw new OrreryError("store/conflict", `another revision of ${name} may use what only one may use: its instances are planned again`, {
        retry: "after-reread",
      });
  }

  async #carryOut(plan: ReturnType<typeof planInstances>): Promise<unknown[]> {
    const { store } = this.#options;
    // One that is there already was placed by another centre, or is not seen yet: the conflict lets all be planned again.
    for (const input of plan.createVolumes)
      await store.create(volume, input).catch((error: unknown) => {
        if (!isOrreryError(error, "store/exists")) throw error;
        throw new OrreryError("store/conflict", `volume ${input.metadata.name} has been placed meanwhile: its instance is placed again`, {
          retry: "after-reread",
        });
      });
    const work = [
      ...plan.create.map((input) => async () => {
        await store.create(instance, input).catch((error: unknown) => {
          // Made before, not yet seen: the watch will tell.
          if (!isOrreryError(error, "store/exists")) throw error;
        });
      }),
      ...plan.change.map(({ instance: one, duty, neededBy, restart, logs }) => async () => {
        const { resourceVersion } = one.metadata;
        const told = { ...(restart === undefined ? {} : { restart: { at: restart, isFree: null } }), ...(logs === undefined ? {} : { logs }) };
        await store.patch(instance, one.metadata, { type: "merge", body: { metadata: { resourceVersion }, spec: { duty, neededBy, ...told } } });
      }),
      ...plan.remove.map((one) => async () => {
        const { uid, resourceVersion } = one.metadata;
        await store.delete(instance, one.metadata, { preconditions: { uid, resourceVersion } });
      }),
    ];
    const results = await Promise.allSettled(work.map((one) => one()));
    return results.flatMap((result) => (result.status === "rejected" && !isOrreryError(result.reason, "store/missing") ? [result.reason] : []));
  }

  /** Deletes Revisions beyond `revisionHistoryLimit` that nothing serves or wants, oldest first. */
  async #prune(service: Microservice, site: SiteState | undefined, mapOf: (generation: number) => GenerationMap | undefined): Promise<void> {
    const { caches, store } = this.#options;
    const all = [...caches.revisions.byIndex("service", objectKey(service))];
    if (all.length <= service.spec.revisionHistoryLimit || !isEveryMapSeen(site, mapOf)) return;
    const kept = new Set([...neededRevisions(service.metadata.name, site, mapOf).keys(), service.status?.revision]);
    const idle = all.filter((one) => !kept.has(one.metadata.name) && one.metadata.deletionTimestamp === undefined);
    idle.sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion));
    for (const one of idle.slice(0, all.length - service.spec.revisionHistoryLimit)) await store.delete(revision, one.metadata);
  }

  /** Lets the Microservice go when nothing can reach it any more. */
  async #withdraw(service: Microservice, site: SiteState | undefined, mapOf: (generation: number) => GenerationMap | undefined): Promise<void> {
    const { finalizers = [], name, namespace } = service.metadata;
    if (!finalizers.includes(WITHDRAW_FINALIZER)) return;
    const isServed = !isEveryMapSeen(site, mapOf) || neededRevisions(name, site, mapOf).size > 0;
    if (isServed || this.#options.caches.instances.byIndex("service", `${namespace}/${name}`).size > 0) return;
    await this.#setFinalizers(
      service,
      finalizers.filter((one) => one !== WITHDRAW_FINALIZER),
    );
  }

  async #setFinalizers(service: Microservice, finalizers: readonly string[]): Promise<undefined> {
    const { resourceVersion } = service.metadata;
    await this.#options.store.patch(microservice, service.metadata, { type: "merge", body: { metadata: { resourceVersion, finalizers } } });
    return undefined;
  }

  /** The service's loopback port: as wished, as given before, or a new one that no other service has. */
  #port(key: string, service: Microservice): number | undefined {
    if (service.spec.port !== undefined) return service.spec.port;
    const history = this.#options.caches.sites.get(`${service.metadata.namespace}/${SITE_NAME}`)?.status?.history ?? "";
    return this.#ports.give(key, service.status?.port, (isTaken) => choosePort(history, service.metadata.name, isTaken));
  }
}

/** Why the store can never take what was to be written; `undefined` where it may the next time. */
function refusalOf(error: unknown): string | undefined {
  return isOrreryError(error, "store/invalid") ? error.message : undefined;
}
