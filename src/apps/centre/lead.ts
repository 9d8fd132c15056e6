import type { Clock, Log, Random } from "#/base/index.ts";
import { DEFAULT_NAMESPACE, type FileMapping, generationName, isOver, type Microservice, SITE_NAME, type Template } from "#/model/index.ts";
import type { Controller } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import { TableDistribution } from "#/traffic/routing/distribution/index.ts";
import { type GatewayReport, type KnownTable, LATENCY_BUCKETS_MS } from "#/traffic/routing/index.ts";
import { TableBuilder } from "#/traffic/routing/table/index.ts";
import {
  busyRevisions,
  DrainLedger,
  distributionMark,
  exclusiveServices,
  GatewayWatch,
  interlockOf,
  judgeGate,
  type KnownGateway,
  Reach,
  readSiteState,
  WantedRevisions,
} from "#/traffic/update/core/index.ts";
import {
  createUpdateController,
  createUpdateRecordController,
  isStoreBehind,
  readLedSite,
  rememberHistory,
  takeLead,
  updateIntents,
} from "#/traffic/update/index.ts";
import {
  type Caches,
  createCaches,
  createGatewayController,
  createHostController,
  createInstanceController,
  createJobController,
  createJobRunController,
  createMicroserviceController,
  createResourceController,
  createRouteController,
  createVolumeController,
  makeRevision,
  Propagation,
  runCaches,
  servicesOfHost,
} from "#/work/controllers/index.ts";
import { GenerationTally } from "./generation-tally.ts";
import { connectionOf, fillTable, leftOf, type Peers, readinessOf, trafficOf } from "./lead-views.ts";
import { RunsByGeneration } from "./runs-by-generation.ts";

export interface LeadOptions {
  readonly store: Store;
  /** Id of the store's history: a restored one has another. */
  readonly history: string;
  readonly peers: Peers;
  readonly keepFiles: (files: readonly FileMapping[]) => Promise<string | undefined>;
  /** A version of a service that the site's folder offers. */
  readonly offeredTemplate: (service: string, version: string) => Promise<Template | undefined>;
  readonly onReport: (report: GatewayReport) => void;
  /** Another centre leads: this one must end. May be called more than once. */
  readonly onDeposed: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The leader's part of a centre: caches, controllers, the table. */
export interface Lead {
  readonly epoch: number;
  readonly history: string;
  readonly caches: Caches;
  readonly distribution: TableDistribution;
  /** True if the table of `gateway` tells of what the store has forgotten: it was put back to an earlier state. */
  isBehind(gateway: string, known: KnownTable): Promise<boolean>;
  /** Counts `history` as one that the store has come after, so that a gateway's table of it tells nothing new. */
  remember(history: string): Promise<void>;
  /** Someone connected, left, or was heard again. */
  peerChanged(component: "agent" | "gateway", name: string): void;
  /** A resource was observed (key namespace/name). */
  observed(resource: string): void;
  readonly ended: Promise<void>;
  /** Reconciles that threw something that nobody expected. */
  unexpected(): number;
}

/** Takes the lead and starts everything that a leader does; ends with `signal`. */
export async function startLeading(options: LeadOptions): Promise<Lead> {
  const { store, peers, clock, random, log, signal } = options;
  const epoch = await takeLead(store, DEFAULT_NAMESPACE, options.history, clock.now());
  const caches = createCaches({ store, clock, random, log });
  const running = runCaches(caches, signal);
  await running.ready;
  const site = () => caches.sites.get(`${DEFAULT_NAMESPACE}/${SITE_NAME}`);
  const history = site()?.status?.history ?? "";
  const tally = new GenerationTally();
  const propagation = new Propagation();
  const ledger = new DrainLedger(epoch);
  const builder = new TableBuilder();
  caches.sites.listen((_, after) => tally.keepSamples(new Set(after?.status?.generations?.map((one) => one.number))));
  const settled: { update?: Controller; gateway?: Controller; microservices?: Controller } = {};
  /** By gateway: what its object says of it, as last reported. */
  const shown = new Map<string, string>();
  const distribution = new TableDistribution({
    history,
    epoch,
    source: builder,
    clock,
    mark: () => distributionMark(readSiteState(site()?.status), (number, services) => builder.isComplete(number, services)),
    onProgress: () => {
      settled.update?.enqueue(`${DEFAULT_NAMESPACE}/${SITE_NAME}`, 5);
      for (const one of caches.gateways.values()) settled.gateway?.enqueue(one.metadata.name, 100);
    },
    onConnect: (name) => settled.gateway?.enqueue(name),
    onReport: (report) => {
      ledger.report(report, clock.now());
      tally.add(report, clock.now());
      options.onReport(report);
      const { edgeAddress, listenFailures, tableFailure } = report;
      const showing = JSON.stringify([edgeAddress, listenFailures, tableFailure]);
      if (shown.get(report.gateway) !== showing) settled.gateway?.enqueue(report.gateway);
      shown.set(report.gateway, showing);
      for (const service of propagation.add(report, clock.now())) settled.microservices?.enqueue(`${DEFAULT_NAMESPACE}/${service}`);
      settled.update?.enqueue(`${DEFAULT_NAMESPACE}/${SITE_NAME}`, 5);
    },
  });
  fillTable(caches, builder, distribution);
  distribution.flush();
  const shared = { store, caches, clock, random, log };
  // A host that this centre has not heard yet is unknown, whatever the store says of its instances from before.
  const isHostKnown = (host: string): boolean =>
    peers.isAgentConnected(host) || clock.now() - (peers.agentSeenMs(host) ?? Number.NEGATIVE_INFINITY) < 15_000;
  const watch = new GatewayWatch();
  const busyDeclared = new Map<string, { readonly name: string; readonly service: string }>();
  caches.revisions.listen((before, after) => {
    const { name = "" } = after?.metadata ?? {};
    if (after?.spec.template.drain.busy !== undefined) busyDeclared.set(name, { name, service: after.spec.service });
    else if (before !== undefined) busyDeclared.delete(before.metadata.name);
  });
  const runs = new RunsByGeneration();
  caches.instances.listen((before, after) => runs.put(before, after));
  const wanted = new WantedRevisions();
  const exclusive = new Set<string>();
  caches.microservices.listen((before, after) => {
    if (after?.spec.exclusive === true) exclusive.add(after.metadata.name);
    else if (before !== undefined) exclusive.delete(before.metadata.name);
    if (after !== undefined) wanted.put(after);
    else if (before !== undefined) wanted.remove(before.metadata.name);
  });
  caches.updates.listen((before, after) => wanted.putUpdate((after ?? before)?.metadata.name ?? "", after));
  const connectedAs = (name: string): number | undefined => (distribution.isConnected(name) ? peers.gateway(name)?.incarnation : undefined);
  const gateways = (): KnownGateway[] =>
    watch.known(caches.gateways.values(), connectedAs, clock.now()).map((one) => {
      const tableFailure = distribution.reportOf(one.name)?.tableFailure;
      return tableFailure === undefined ? one : { ...one, tableFailure };
    });
  const intents = updateIntents(caches.updates, DEFAULT_NAMESPACE, (name) => caches.microservices.get(`${DEFAULT_NAMESPACE}/${name}`)?.spec.update);
  settled.update = createUpdateController({
    store,
    sites: caches.sites,
    generations: caches.generations,
    updates: caches.updates,
    register: caches.gateways,
    wanted: () => wanted.now(),
    readinessOf: (namespace, revision, claim) => readinessOf({ caches, namespace, revision, claim, isHostKnown, distribution }),
    exclusive: () => exclusiveServices(exclusive, (service) => caches.instances.byIndex("service", `${DEFAULT_NAMESPACE}/${service}`)),
    intents: {
      ...intents,
      gateOf: (fresh, old, sinceMs) => {
        const name = readSiteState(site()?.status)?.generations.find((one) => one.number === fresh)?.update;
        const gates = name === undefined ? undefined : intents.gatesOf(name);
        return gates === undefined ? undefined : judgeGate(tally.since(old, sinceMs), tally.since(fresh, sinceMs), LATENCY_BUCKETS_MS, gates);
      },
      handoverOf(service, revision) {
        if (caches.microservices.get(`${DEFAULT_NAMESPACE}/${service}`)?.spec.exclusive !== true) return undefined;
        return caches.revisions.get(`${DEFAULT_NAMESPACE}/${revision}`)?.spec.template.handover ?? "hold";
      },
      interlockOf: (services, nowMs) =>
        interlockOf(
          services.map((service) => caches.microservices.get(`${DEFAULT_NAMESPACE}/${service}`)),
          (name) => caches.resources.get(`${DEFAULT_NAMESPACE}/${name}`),
          nowMs,
        ),
    },
    gateways,
    distribution,
    ledger,
    reach: new Reach((name) => {
      const revision = caches.revisions.get(`${DEFAULT_NAMESPACE}/${name}`);
      return revision === undefined ? undefined : (revision.spec.template.calls ?? "any");
    }),
    transactionsOf: (generation) => tally.transactions(generation),
    background: {
      instancesOf: (state, generation, map) => [
        ...busyRevisions(state, generation, map, busyDeclared.values()).flatMap(({ name, service }) =>
          [...caches.instances.byIndex("revision", `${DEFAULT_NAMESPACE}/${name}`)].map((one) => ({
            instance: one.metadata.name,
            service,
            createdMs: Date.parse(one.metadata.creationTimestamp),
          })),
        ),
        ...runs.of(generation, map),
      ],
      async ask(name) {
        const host = caches.instances.get(`${DEFAULT_NAMESPACE}/${name}`)?.spec.host;
        if (host === undefined) return { state: "idle", message: "it is gone" };
        return await peers.askBusy(host, DEFAULT_NAMESPACE, name);
      },
    },
    epoch,
    onDeposed: options.onDeposed,
    clock,
    random,
    log,
  });
  settled.gateway = createGatewayController({
    ...shared,
    connectionOf: (name) => connectionOf(peers, distribution, name),
    async admit(name) {
      if (distribution.isAdmitted(name)) return;
      // Read after the register was: whoever leads later reads the register after this.
      await readLedSite(store, DEFAULT_NAMESPACE, epoch);
      distribution.admit(name);
    },
    dismiss: (name) => distribution.dismiss(name),
  });
  const hosts = createHostController({
    ...shared,
    agentOf: (host) => {
      const lastSeenMs = peers.agentSeenMs(host);
      return lastSeenMs === undefined ? undefined : { isConnected: peers.isAgentConnected(host), lastSeenMs };
    },
  });
  const resources = createResourceController({
    ...shared,
    keepFiles: options.keepFiles,
    observationOf: (key) => peers.observationOf(key),
    isHostKnown,
  });
  const microservices = createMicroserviceController({ ...shared, keepFiles: options.keepFiles, isHostKnown, propagation, epoch });
  settled.microservices = microservices;
  const jobRuns = createJobRunController({ ...shared, keepFiles: options.keepFiles, isHostKnown, epoch });
  const controllers = [
    settled.update,
    settled.gateway,
    hosts,
    resources,
    microservices,
    createRouteController(shared),
    createVolumeController(shared),
    createJobController({ ...shared, epoch }),
    jobRuns,
    createInstanceController({ ...shared, trafficOf: (instance) => trafficOf(caches, distribution, instance) }),
    createUpdateRecordController({
      ...shared,
      updates: caches.updates,
      sites: caches.sites,
      generations: caches.generations,
      microservices: caches.microservices,
      instances: caches.instances,
      leftOf: (namespace, revision) => leftOf({ caches, distribution, namespace, revision, isHostKnown }),
      revisionsOf: (namespace, service) =>
        [...caches.revisions.byIndex("service", `${namespace}/${service}`)].sort(
          (a, b) => Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion),
        ),
      makeOffered: async (_namespace: string, service: Microservice, version: string) => {
        const template = await options.offeredTemplate(service.metadata.name, version);
        return template === undefined ? undefined : makeRevision(store, service, options.keepFiles, template);
      },
      transactionsOf: (generation) => tally.transactions(generation),
    }),
  ];
  const ended = Promise.all([running.ended, ...controllers.map((one) => one.run(signal))]).then(() => {});
  log.info("leading", { epoch, history });
  return {
    epoch,
    history,
    caches,
    distribution,
    peerChanged(component, name) {
      settled.update?.enqueue(`${DEFAULT_NAMESPACE}/${SITE_NAME}`);
      if (component === "gateway") return settled.gateway?.enqueue(name);
      hosts.enqueue(name);
      // What has no place, or waits for its host, may go on now.
      for (const key of servicesOfHost(caches, name)) microservices.enqueue(key, 50);
      for (const one of caches.resources.values()) resources.enqueue(`${one.metadata.namespace}/${one.metadata.name}`, 50);
      for (const one of caches.jobRuns.values()) if (!isOver(one)) jobRuns.enqueue(`${one.metadata.namespace}/${one.metadata.name}`, 50);
    },
    observed: (resource) => resources.enqueue(resource),
    async isBehind(gateway, known) {
      const mapOf = (number: number) => caches.generations.get(`${DEFAULT_NAMESPACE}/${generationName(number)}`)?.spec.map;
      const own = { mapOf, hasServed: distribution.hasServed(gateway) };
      return await isStoreBehind(store, DEFAULT_NAMESPACE, epoch, known, own);
    },
    remember: (history) => rememberHistory(store, DEFAULT_NAMESPACE, history),
    ended,
    unexpected: () => controllers.reduce((sum, one) => sum + one.unexpected, 0),
  };
}
