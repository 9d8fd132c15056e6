import { z } from "zod";
import { gauge, type MetricFamily } from "#/base/index.ts";
import { DEFAULT_NAMESPACE, gateway, generation, instance, microservice, resource, revision, SITE_NAME, site, update } from "#/model/index.ts";
import { type CachesOf, type CentrePart, declareController, partKind, workerOf } from "#/state/reconcile/index.ts";
import { LATENCY_BUCKETS_MS } from "#/traffic/routing/index.ts";
import { createUpdateController } from "./controller.ts";
import { DrainLedger, judgeGate, readSiteState } from "./core/index.ts";
import { checkGenerations } from "./deletions.ts";
import { GenerationTally } from "./generation-tally.ts";
import { updateIntents } from "./intents.ts";
import { OFFERED_REVISIONS, TABLE, TRANSACTIONS } from "./ports.ts";
import { createUpdateRecordController } from "./record-controller.ts";
import { SiteSight } from "./site-sight.ts";
import { leftOf } from "./views.ts";

const SITE_KEY = `${DEFAULT_NAMESPACE}/${SITE_NAME}`;
const busyAnswer = z.looseObject({ state: z.enum(["busy", "idle", "unknown"]), message: z.string() });
/** An agent answers within the check's own timeout. */
const BUSY_MS_MAX = 30_000;

const READS = {
  sites: site,
  generations: generation,
  updates: update,
  microservices: microservice,
  revisions: revision,
  instances: instance,
  gateways: gateway,
  resources: resource,
};

/** Decides about traffic: which generation is stamped, which instances it needs, when it has ended. */
const siteController = declareController({
  name: "update-controller",
  reads: READS,
  writes: [site, generation],
  uses: [TABLE],
  gives: [TRANSACTIONS],
  start({ store, caches, peers, epoch, clock, random, log, use, give, depose }) {
    const table = use(TABLE);
    const { distribution } = table;
    const tally = new GenerationTally();
    const ledger = new DrainLedger(epoch);
    const sight = new SiteSight({
      caches,
      distribution,
      ledger,
      isHostKnown: peers.isHostKnown,
      incarnationOf: (name) => peers.gateway(name)?.incarnation,
      resourceOf: (name) => caches.resources.get(`${DEFAULT_NAMESPACE}/${name}`),
    });
    const state = () => readSiteState(caches.sites.get(SITE_KEY)?.status);
    caches.sites.listen((_, after) => tally.keepSamples(new Set(after?.status?.generations?.map((one) => one.number))));
    caches.updates.listen((before, after) => sight.putUpdate((after ?? before)?.metadata.name ?? "", after));
    const intents = updateIntents(caches.updates, DEFAULT_NAMESPACE, (name) => caches.microservices.get(`${DEFAULT_NAMESPACE}/${name}`)?.spec.update);
    give(TRANSACTIONS, (number) => tally.transactions(number));
    const controller = createUpdateController({
      store,
      sites: caches.sites,
      generations: caches.generations,
      updates: caches.updates,
      register: caches.gateways,
      sight,
      intents: {
        ...intents,
        gateOf: (fresh, old, sinceMs) => {
          const name = state()?.generations.find((one) => one.number === fresh)?.update;
          const gates = name === undefined ? undefined : intents.gatesOf(name);
          return gates === undefined ? undefined : judgeGate(tally.since(old, sinceMs), tally.since(fresh, sinceMs), LATENCY_BUCKETS_MS, gates);
        },
      },
      distribution,
      ledger,
      transactionsOf: (number) => tally.transactions(number),
      async askBusy(name) {
        const host = caches.instances.get(`${DEFAULT_NAMESPACE}/${name}`)?.spec.host;
        if (host === undefined) return { state: "idle", message: "it is gone" };
        const params = { namespace: DEFAULT_NAMESPACE, instance: name };
        return busyAnswer.parse(await peers.askAgent(host, "busy/ask", params, { timeoutMs: BUSY_MS_MAX }));
      },
      epoch,
      onDeposed: depose,
      clock,
      random,
      log,
    });
    table.onProgress(() => controller.enqueue(SITE_KEY, 5));
    table.onReport((report) => {
      ledger.report(report, clock.now());
      tally.add(report, clock.now());
      controller.enqueue(SITE_KEY, 5);
    });
    peers.listen(() => controller.enqueue(SITE_KEY));
    return workerOf(controller, {
      metrics: () => siteMetrics(caches),
    });
  },
});

function* siteMetrics({ sites }: Pick<CachesOf<typeof READS>, "sites">): Iterable<MetricFamily> {
  const status = sites.get(SITE_KEY)?.status;
  yield gauge("orrery_site_generation", "Generation that new transactions get", status?.stamp?.generation ?? 0);
  yield gauge("orrery_site_generations_open", "Generations that are open", status?.generations?.length ?? 0);
}

/** Follows each Update, and writes the templates that it asks for. */
const recordController = declareController({
  name: "update-record-controller",
  reads: {
    updates: update,
    sites: site,
    generations: generation,
    microservices: microservice,
    revisions: revision,
    instances: instance,
    gateways: gateway,
  },
  writes: [update, microservice],
  uses: [TABLE, OFFERED_REVISIONS, TRANSACTIONS],
  start({ store, caches, peers, clock, random, log, use }) {
    const sight = { caches, distribution: use(TABLE).distribution, isHostKnown: peers.isHostKnown };
    const offered = use(OFFERED_REVISIONS);
    return createUpdateRecordController({
      store,
      ...caches,
      leftOf: (namespace, name) => leftOf(sight, namespace, name),
      revisionsOf: (namespace, service) =>
        [...caches.revisions.byIndex("service", `${namespace}/${service}`)].sort(
          (a, b) => Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion),
        ),
      makeOffered: (_namespace, service, version) => offered.make(service, version),
      transactionsOf: use(TRANSACTIONS),
      clock,
      random,
      log,
    });
  },
});

/** Changes of services, without one transaction ever meeting two versions. */
export const updatesPart: CentrePart = {
  name: "updates",
  description: "Every change of services as a generation: issued, held to, drained; recorded as an Update.",
  isEssential: true,
  kinds: [
    // A store from elsewhere may hold others; they decide nothing.
    partKind(site, { selection: { fieldSelector: `metadata.name=${SITE_NAME}` } }),
    partKind(generation, { checkDeletion: (store, keys) => checkGenerations(store, keys) }),
    partKind(update),
  ],
  controllers: [siteController, recordController],
};
