import type { MetricFamily } from "#/base/index.ts";
import { DEFAULT_NAMESPACE, instance, microservice, revision, volume } from "#/model/index.ts";
import { type CachesOf, type CentrePart, declareController, partKind, workerOf } from "#/state/reconcile/index.ts";
import { checkRevisions, LED_SITE_READS, OFFERED_REVISIONS, TABLE, TRAFFIC_READS, trafficOf } from "#/traffic/update/index.ts";
import { createInstanceController, INSTANCE_READS } from "../instance/controller.ts";
import { SITE_FILES } from "../ports.ts";
import { createVolumeController, VOLUME_READS } from "../volume/controller.ts";
import { createMicroserviceController, MICROSERVICE_READS, servicesOfHost } from "./controller.ts";
import { checkVolumes, warnOfCallers } from "./deletions.ts";
import { Propagation } from "./propagation.ts";
import { makeRevision } from "./revision-maker.ts";

const microserviceController = declareController({
  name: "microservice-controller",
  reads: { ...MICROSERVICE_READS, ...LED_SITE_READS },
  writes: [microservice, revision, instance, volume],
  uses: [SITE_FILES, TABLE],
  gives: [OFFERED_REVISIONS],
  start(context) {
    const { store, caches, peers, clock, use, give } = context;
    const files = use(SITE_FILES);
    const keepFiles = files.keep.bind(files);
    const propagation = new Propagation();
    const controller = createMicroserviceController({ ...context, keepFiles, isHostKnown: peers.isHostKnown, propagation });
    use(TABLE).onReport((report) => {
      for (const service of propagation.add(report, clock.now())) controller.enqueue(`${DEFAULT_NAMESPACE}/${service}`);
    });
    // What has no place, or waits for its host, may go on now.
    peers.listen((component, name) => {
      if (component === "agent") for (const key of servicesOfHost(caches, name)) controller.enqueue(key, 50);
    });
    give(OFFERED_REVISIONS, {
      async make(service, version) {
        const template = await files.offeredTemplate(service.metadata.name, version);
        return template === undefined ? undefined : await makeRevision(store, service, keepFiles, template);
      },
    });
    return workerOf(controller, {
      metrics: () => serviceMetrics(caches),
    });
  },
});

function* serviceMetrics({ microservices }: Pick<CachesOf<typeof MICROSERVICE_READS>, "microservices">): Iterable<MetricFamily> {
  const all = [...microservices.values()];
  yield {
    name: "orrery_instances_ready",
    help: "Ready instances by service",
    type: "gauge",
    samples: all.map((one) => ({ labels: { service: one.metadata.name }, value: one.status?.readyReplicas ?? 0 })),
  };
  yield {
    name: "orrery_instances_desired",
    help: "Wanted instances by service",
    type: "gauge",
    samples: all.map((one) => ({ labels: { service: one.metadata.name }, value: one.spec.suspended ? 0 : one.spec.replicas })),
  };
}

const instanceController = declareController({
  name: "instance-controller",
  reads: { ...INSTANCE_READS, ...TRAFFIC_READS },
  writes: [instance],
  uses: [TABLE],
  start(context) {
    const { caches, use } = context;
    const { distribution } = use(TABLE);
    return createInstanceController({ ...context, trafficOf: (one) => trafficOf({ caches, distribution }, one) });
  },
});

const volumeController = declareController({
  name: "volume-controller",
  reads: VOLUME_READS,
  writes: [volume],
  start: (context) => createVolumeController(context),
});

/** Services: their templates as revisions, their instances, their data. */
export const servicesPart: CentrePart = {
  name: "services",
  description: "Services: their templates as revisions, their instances, their data.",
  isEssential: true,
  kinds: [
    partKind(microservice, { checkDeletion: warnOfCallers }),
    partKind(volume, { indexes: { service: (one) => `${one.metadata.namespace}/${one.spec.service}` }, checkDeletion: checkVolumes }),
    partKind(revision, { indexes: { service: (one) => `${one.metadata.namespace}/${one.spec.service}` }, checkDeletion: checkRevisions }),
    partKind(instance, {
      indexes: {
        service: (one) => (one.spec.service === undefined ? undefined : `${one.metadata.namespace}/${one.spec.service}`),
        revision: (one) => (one.spec.revision === undefined ? undefined : `${one.metadata.namespace}/${one.spec.revision}`),
        jobRun: (one) => (one.spec.jobRun === undefined ? undefined : `${one.metadata.namespace}/${one.spec.jobRun}`),
        // The name of the host; `over`: only runs of jobs that are over.
        host: (one) => one.spec.host,
        over: (one) => (one.status?.outcome === undefined ? undefined : one.spec.host),
      },
    }),
  ],
  controllers: [microserviceController, instanceController, volumeController],
  rights: [{ who: "agents", verbs: ["update", "patch"], resources: ["instances", "instances/status", "volumes", "volumes/status"] }],
};
