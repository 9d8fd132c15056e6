import { type Clock, isOrreryError, type Log, type Random } from "#/base/index.ts";
import { API_VERSION, type Job, type JobRun, job, jobRun } from "#/model/index.ts";
import { type CachesOf, Controller, objectKey, type ReconcileResult } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import { readLedSite } from "#/traffic/update/index.ts";
import { writeStatus } from "../status-writer.ts";
import { jobStatus, runsToForget, runWanted } from "./status.ts";
import { planTimes, type Times } from "./times.ts";

/** What it looks at. */
export const JOB_READS = { jobs: job, jobRuns: jobRun };

export interface JobControllerOptions {
  readonly store: Store;
  readonly caches: CachesOf<typeof JOB_READS>;
  /** This leader's term. */
  readonly epoch: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Looked at again at least so often: a timer of more than 24.8 days fires at once. */
const LOOK_AGAIN_MS_MAX = 3_600_000;
/** Versions that are remembered as having run. */
const RAN_VERSIONS_MAX = 100;

/** Makes the JobRuns that a Job's schedule asks for, each once, and forgets old ones. Key: namespace/name. */
export function createJobController(options: JobControllerOptions): Controller {
  const { caches, clock, random, log } = options;
  const controller = new Controller({ name: "job-controller", clock, random, log, concurrency: 4, reconcile: (key) => reconcile(options, key) });
  caches.jobs.listen((before, after) => {
    if (after === undefined && before !== undefined) controller.forget(objectKey(before));
    else if (after !== undefined) controller.enqueue(objectKey(after));
  });
  caches.jobRuns.listen((before, after) => {
    const one = after ?? before;
    if (one !== undefined) controller.enqueue(`${one.metadata.namespace}/${one.spec.job}`, 20);
  });
  return controller;
}

async function reconcile(options: JobControllerOptions, key: string): Promise<ReconcileResult | undefined> {
  const { store, caches, clock } = options;
  const one = caches.jobs.get(key);
  if (one === undefined || one.metadata.deletionTimestamp !== undefined) return undefined;
  const nowMs = clock.now();
  const runs = [...caches.jobRuns.byIndex("job", key)];
  const planned = planTimes(one, nowMs);
  const wanted = runWanted(one, planned);
  const isLeftOut =
    wanted?.scheduledAt !== undefined && one.spec.concurrency === "forbid" && runs.some((run) => run.metadata.name !== wanted.name && isActive(run));
  const times = isLeftOut ? leftOut(planned) : planned;
  if (wanted !== undefined && !isLeftOut) await makeRun(options, one, wanted);
  const status = jobStatus(one, runs, times, nowMs);
  const ran = wanted !== undefined && wanted.scheduledAt === undefined ? one.spec.template.version : undefined;
  const ranVersions = ran === undefined ? status.ranVersions : [...(status.ranVersions ?? []), ran].slice(-RAN_VERSIONS_MAX);
  // What was decided is written after it was done: done twice, it is the same.
  if (await writeStatus(store, job, one, { ...status, ...(ranVersions === undefined ? {} : { ranVersions }) })) tell(store, one, status, times);
  for (const run of runsToForget(one.spec, runs))
    await store.delete(jobRun, run.metadata, { preconditions: { uid: run.metadata.uid } }).catch(ignoreMissing);
  const waitMs = times?.nextMs === undefined ? undefined : times.nextMs - nowMs;
  return waitMs === undefined ? undefined : { requeueAfterMs: Math.max(1, Math.min(LOOK_AGAIN_MS_MAX, waitMs)) };
}

function isActive({ status, metadata }: JobRun): boolean {
  const phase = status?.phase ?? "Pending";
  return metadata.deletionTimestamp === undefined && (phase === "Pending" || phase === "Running");
}

/** A time for which nothing is made, since a run goes on. */
function leftOut(times: Times | undefined): Times | undefined {
  if (times === undefined) return undefined;
  const { dueMs: _due, ...rest } = times;
  return { ...rest, missed: rest.missed + 1, missedReason: rest.missedReason ?? "another run of it goes on, and its concurrency is forbid" };
}

/** @throws update/not-leading: another centre leads
 *  @throws store/conflict: a run of that name, of a Job that was deleted, is about to be collected; come again */
async function makeRun(
  { store, epoch }: JobControllerOptions,
  one: Job,
  { name, scheduledAt }: { readonly name: string; readonly scheduledAt?: string },
): Promise<void> {
  const { namespace = "default", uid } = one.metadata;
  const present = await store.get(jobRun, { name, namespace });
  if (present?.metadata.ownerReferences?.some((owner) => owner.uid === uid) === true) return;
  await readLedSite(store, namespace, epoch);
  // Where one of a former Job of this name is still there, this fails, and is tried again until that one is gone.
  await store.create(jobRun, {
    apiVersion: API_VERSION,
    kind: jobRun.kind,
    metadata: {
      name,
      namespace,
      labels: { "orrery.dev/job": one.metadata.name },
      ownerReferences: [{ apiVersion: API_VERSION, kind: one.kind, name: one.metadata.name, uid, controller: true }],
    },
    spec: { job: one.metadata.name, ...(scheduledAt === undefined ? {} : { scheduledAt }) },
  });
}

/** Events for what a person wants to know afterwards. */
function tell(store: Store, one: Job, status: NonNullable<Job["status"]>, times: Times | undefined): void {
  const emit = (type: "Normal" | "Warning", reason: string, message: string): void =>
    store.emit({ kind: job, object: one, type, reason, message, component: "job-controller" });
  if (times !== undefined && times.missed > 0)
    emit(
      "Warning",
      "TimesMissed",
      `${times.missed === 1 ? "1 time" : `${times.missed} times`} of its schedule left out: ${times.missedReason ?? ""}`,
    );
  if (times?.isClockBehind === true)
    emit("Warning", "ClockSetBack", "the clock stands more than a day before the last time that was decided: its schedule begins anew now");
  const now = status.conditions?.find((condition) => condition.type === "Ready");
  const before = one.status?.conditions?.find((condition) => condition.type === "Ready");
  if (now === undefined || (now.reason === before?.reason && now.status === before.status)) return;
  emit(now.status === "True" ? "Normal" : "Warning", now.reason, now.message);
}

function ignoreMissing(error: unknown): void {
  if (!isOrreryError(error, "store/missing")) throw error;
}
