import { instance, isOver, job, jobRun } from "#/model/index.ts";
import { type CentrePart, declareController, objectKey, partKind } from "#/state/reconcile/index.ts";
import { LED_SITE_READS } from "#/traffic/update/index.ts";
import { SITE_FILES } from "../ports.ts";
import { createJobController, JOB_READS } from "./controller.ts";
import { createJobRunController, JOB_RUN_READS } from "./run-controller.ts";

const jobController = declareController({
  name: "job-controller",
  reads: { ...JOB_READS, ...LED_SITE_READS },
  writes: [job, jobRun],
  start: (context) => createJobController(context),
});

const jobRunController = declareController({
  name: "job-run-controller",
  reads: { ...JOB_RUN_READS, ...LED_SITE_READS },
  writes: [jobRun, instance],
  uses: [SITE_FILES],
  start(context) {
    const { caches, peers, use } = context;
    const controller = createJobRunController({ ...context, keepFiles: (files) => use(SITE_FILES).keep(files), isHostKnown: peers.isHostKnown });
    peers.listen((component) => {
      if (component === "agent") for (const one of caches.jobRuns.values()) if (!isOver(one)) controller.enqueue(objectKey(one), 50);
    });
    return controller;
  },
});

/** Programs that run once, or by the clock, each to its end. */
export const jobsPart: CentrePart = {
  name: "jobs",
  description: "Programs that run once, or by the clock, each to its end.",
  kinds: [partKind(job), partKind(jobRun, { indexes: { job: (one) => `${one.metadata.namespace}/${one.spec.job}` } })],
  controllers: [jobController, jobRunController],
};
