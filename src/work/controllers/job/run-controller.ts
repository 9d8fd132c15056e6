import { type Clock, describeError, isOrreryError, type Log, type Random } from "#/base/index.ts";
import { type FileMapping, host, type Instance, instance, isOver, type JobRun, job, jobRun } from "#/model/index.ts";
import { type CachesOf, Controller, objectKey, type ReconcileResult } from "#/state/reconcile/index.ts";
import type { ObjectInput, Store } from "#/state/store/index.ts";
import { readLedSite } from "#/traffic/update/index.ts";
import { type BelievedHosts, believeHosts } from "../believed-hosts.ts";
import { chooseHost, placeableHosts } from "../placement.ts";
import { writeStatus } from "../status-writer.ts";
import { firstTry, furtherTry, pending, planRun, type RunPlan, tryName } from "./run-plan.ts";
import { byAge } from "./status.ts";

/** What it looks at. */
export const JOB_RUN_READS = { jobRuns: jobRun, jobs: job, instances: instance, hosts: host };

export interface JobRunControllerOptions {
  readonly store: Store;
  readonly caches: CachesOf<typeof JOB_RUN_READS>;
  readonly keepFiles: (files: readonly FileMapping[]) => Promise<string | undefined>;
  readonly isHostKnown: (host: string) => boolean;
  /** This leader's term. */
  readonly epoch: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What cannot be begun yet is looked at again so often. */
const WAIT_MS = 5000;
/** So often, while hosts come back to a new leader. */
const AWAIT_MS = 500;

/** A JobRun's tries become Instances, one after the other; what came of them becomes its status. Key: namespace/name. */
export function createJobRunController(options: JobRunControllerOptions): Controller {
  const { caches, clock, random, log } = options;
  const context = { ...options, believed: believeHosts(options) };
  const controller = new Controller({ name: "job-run-controller", clock, random, log, concurrency: 4, reconcile: (key) => reconcile(context, key) });
  const enqueueOpen = (job: string, but: string): void => {
    for (const one of caches.jobRuns.byIndex("job", job)) if (one.metadata.name !== but && !isOver(one)) controller.enqueue(objectKey(one));
  };
  caches.jobRuns.listen((before, after) => {
    if (after === undefined && before !== undefined) controller.forget(objectKey(before));
    else if (after !== undefined) controller.enqueue(objectKey(after));
    // Others may have waited for its end.
    const one = after ?? before;
    if (one !== undefined && (after === undefined || isOver(after))) enqueueOpen(`${one.metadata.namespace}/${one.spec.job}`, one.metadata.name);
  });
  caches.instances.listen((before, after) => {
    const one = after ?? before;
    if (one?.spec.jobRun !== undefined) controller.enqueue(`${one.metadata.namespace}/${one.spec.jobRun}`);
  });
  caches.jobs.listen((before, after) => {
    const one = after ?? before;
    if (one !== undefined) enqueueOpen(objectKey(one), "");
  });
  caches.hosts.listen((before, after) => {
    if (before?.status?.conditions === after?.status?.conditions && before?.spec === after?.spec) return;
    for (const one of caches.jobRuns.values()) if (!isOver(one)) controller.enqueue(objectKey(one), 50);
  });
  return controller;
}

type Context = JobRunControllerOptions & { readonly believed: BelievedHosts };

async function reconcile(options: Context, key: string): Promise<ReconcileResult | undefined> {
  const { store, caches, clock, believed } = options;
  const run = caches.jobRuns.get(key);
  if (run === undefined || run.metadata.deletionTimestamp !== undefined || isOver(run)) return undefined;
  const jobKey = `${run.metadata.namespace}/${run.spec.job}`;
  const job = caches.jobs.get(jobKey);
  if (job !== undefined && job.metadata.deletionTimestamp === undefined && (run.metadata.ownerReferences ?? []).length === 0)
    return await own(options, run, job);
  const before = [...caches.jobRuns.byIndex("job", jobKey)].filter((one) => !isOver(one) && goesBefore(one, run));
  const newest = await findNewest(options, run);
  const plan = planRun({ run, job, newest, before, isHostKnown: believed.isBelieved, nowMs: clock.now() });
  await carryOut(options, plan);
  if (plan.start !== undefined) return await start(options, { run, newest, number: plan.start });
  if (await writeStatus(store, jobRun, run, plan.status)) tell(store, run, plan);
  return plan.requeueAfterMs === undefined ? undefined : { requeueAfterMs: Math.max(1, plan.requeueAfterMs) };
}

/** A run that was asked for by hand belongs to its Job: it is deleted with it. */
async function own(
  { store }: JobRunControllerOptions,
  run: JobRun,
  job: { readonly apiVersion: string; readonly kind: string; readonly metadata: { readonly name: string; readonly uid: string } },
): Promise<undefined> {
  const { name, uid } = job.metadata;
  const ownerReferences = [{ apiVersion: job.apiVersion, kind: job.kind, name, uid, controller: true }];
  const labels = { "orrery.dev/job": name };
  await store.patch(jobRun, run.metadata, {
    type: "merge",
    body: { metadata: { resourceVersion: run.metadata.resourceVersion, ownerReferences, labels } },
  });
  return undefined;
}

/** True if `one` goes before `run`: it was begun, or is older. */
function goesBefore(one: JobRun, run: JobRun): boolean {
  if (one.metadata.uid === run.metadata.uid) return false;
  const [begun, isBegun] = [(one.status?.tries ?? 0) > 0, (run.status?.tries ?? 0) > 0];
  return begun === isBegun ? byAge(one, run) < 0 : begun;
}

/** The Instance of the newest try. What the cache has not seen yet is read: one that is missing there only because it is new must not count as deleted. */
async function findNewest({ store, caches }: JobRunControllerOptions, run: JobRun): Promise<Instance | undefined> {
  let newest: Instance | undefined;
  for (const one of caches.instances.byIndex("jobRun", objectKey(run)))
    if (isOf(one, run) && (newest === undefined || one.spec.slot > newest.spec.slot)) newest = one;
  const tries = run.status?.tries ?? 0;
  if (tries === 0 || (newest !== undefined && newest.spec.slot + 1 >= tries)) return newest;
  const { name, namespace = "default" } = run.metadata;
  const read = await store.get(instance, { name: tryName(name, tries - 1), namespace });
  return read !== undefined && isOf(read, run) ? read : undefined;
}

function isOf({ metadata }: Instance, run: JobRun): boolean {
  return metadata.ownerReferences?.some((owner) => owner.uid === run.metadata.uid) === true;
}

async function carryOut({ store }: JobRunControllerOptions, { cancel, replace }: RunPlan): Promise<void> {
  if (cancel !== undefined) {
    const { resourceVersion } = cancel.metadata;
    await store.patch(instance, cancel.metadata, { type: "merge", body: { metadata: { resourceVersion }, spec: { once: { isCancelled: true } } } });
  }
  for (const one of replace ?? []) await store.patch(jobRun, one.metadata, { type: "merge", body: { spec: { stopped: true } } });
}

/** Begins a try. Its Instance is made before the status says so: what was made and not noted is found by its name. */
async function start(
  options: Context,
  { run, newest, number }: { readonly run: JobRun; readonly newest: Instance | undefined; readonly number: number },
): Promise<ReconcileResult | undefined> {
  const { store, caches, clock, isHostKnown, believed, epoch } = options;
  const { namespace = "default" } = run.metadata;
  const wait = async (reason: string, message: string): Promise<ReconcileResult> => {
    await writeStatus(store, jobRun, run, pending({ run, nowMs: clock.now() }, reason, message));
    return { requeueAfterMs: WAIT_MS };
  };
  const hosts = placeableHosts(caches, isHostKnown);
  const host = chooseHost(hosts, new Map(hosts.map((one) => [one.name, one.load])));
  if (host === undefined && believed.isAwaiting()) return { requeueAfterMs: AWAIT_MS };
  if (host === undefined) return await wait("NoHost", "no host can take it now: each is full, cordoned, or away");
  let made: ObjectInput;
  try {
    const { stamp } = await readLedSite(store, namespace, epoch);
    made = await buildTry(options, run, newest, { number, host, generation: stamp?.generation });
  } catch (error) {
    if (!isOrreryError(error) || !error.code.startsWith("artifacts/")) throw error;
    return await wait("FilesMissing", describeError(error));
  }
  // Made before, not yet seen, or of a run of this name that was deleted: it is looked at again.
  const isMade = await store.create(instance, made).then(
    () => true,
    (error: unknown) => {
      if (!isOrreryError(error, "store/exists")) throw error;
      return false;
    },
  );
  if (!isMade) return { requeueAfterMs: 1000 };
  const status = pending({ run, nowMs: clock.now() }, "Starting", `try ${number + 1} was given to ${host}`);
  await writeStatus(store, jobRun, run, { ...status, tries: number + 1, instance: made.metadata.name as string, host });
  return undefined;
}

async function buildTry(
  { caches, keepFiles }: JobRunControllerOptions,
  run: JobRun,
  newest: Instance | undefined,
  place: Parameters<typeof firstTry>[3],
): Promise<ObjectInput> {
  if (newest !== undefined) return furtherTry(run, newest, place);
  const job = caches.jobs.get(`${run.metadata.namespace}/${run.spec.job}`);
  if (job === undefined) throw new Error(`Job ${run.spec.job} has gone meanwhile`);
  return firstTry(run, job, await keepFiles(job.spec.template.files), place);
}

/** An Event for the end of a run. */
function tell(store: Store, run: JobRun, { status }: RunPlan): void {
  const complete = status.conditions?.find((one) => one.type === "Complete");
  if (complete === undefined) return;
  const before = run.status?.conditions?.find((one) => one.type === "Complete");
  if (before?.reason === complete.reason && before.status === complete.status) return;
  const isGood = status.phase === "Succeeded" || status.phase === "Stopped" || complete.status === "False";
  store.emit({
    kind: jobRun,
    object: run,
    type: isGood && complete.reason !== "Retrying" ? "Normal" : "Warning",
    reason: complete.reason,
    message: complete.message,
    component: "job-run-controller",
  });
}
