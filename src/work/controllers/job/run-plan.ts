import {
  API_VERSION,
  type ConditionInput,
  durationMs,
  INSTANCE_FINALIZER,
  type Instance,
  isOver,
  type Job,
  type JobRun,
  type JobRunPhase,
  setCondition,
} from "#/model/index.ts";
import type { ObjectInput } from "#/state/store/index.ts";
import { renderedIn } from "../microservice/instance-plan.ts";

const RETRY_DELAY_MS_MAX = 600_000;
/** Runs of one job that go on at the same time under `concurrency: allow`. */
export const ACTIVE_RUNS_MAX = 100;

type RunStatus = NonNullable<JobRun["status"]>;

export interface RunPlanInput {
  readonly run: JobRun;
  /** `undefined`: there is none any more. */
  readonly job: Job | undefined;
  /** The Instance of the newest try that was ever made; `undefined`: none was, or somebody has deleted it. */
  readonly newest: Instance | undefined;
  /** Runs of the same job that go before this one and are not over. */
  readonly before: readonly JobRun[];
  readonly isHostKnown: (host: string) => boolean;
  readonly nowMs: number;
}

/** What is to be done for one JobRun now. */
export interface RunPlan {
  readonly status: RunStatus;
  /** A try is to be begun: its number from 0. Nothing else happens before it is. */
  readonly start?: number;
  /** This Instance is to be stopped. */
  readonly cancel?: Instance;
  /** These runs are to be stopped, as this one takes their place. */
  readonly replace?: readonly JobRun[];
  readonly requeueAfterMs?: number;
}

/** Decides what comes next of a run. Pure; computed from what is seen, so that it may be done again at any time. A try that may still run is never followed by another. */
export function planRun(input: RunPlanInput): RunPlan {
  const { run, newest } = input;
  if (isOver(run)) return { status: run.status ?? {} };
  if (newest !== undefined) return follow(input, newest);
  if ((run.status?.tries ?? 0) > 0)
    return end(
      input,
      run.spec.stopped === true ? "Stopped" : "Failed",
      "InstanceDeleted",
      `somebody has deleted its instance ${run.status?.instance ?? ""}: what came of it is not known`,
    );
  return begin(input);
}

/** A run of which nothing was started. */
function begin(input: RunPlanInput): RunPlan {
  const { run, job, before, nowMs } = input;
  if (run.spec.stopped === true) return end(input, "Stopped", "Stopped", "it was stopped before it was begun");
  if (job === undefined) return end(input, "Failed", "NoJob", `there is no Job ${run.spec.job}`);
  const { concurrency, startingDeadline } = job.spec;
  const [other] = before;
  if (other !== undefined && concurrency === "forbid")
    return end(input, "Skipped", "RunGoesOn", `${other.metadata.name} goes on, and the job's concurrency is forbid`);
  if (before.length >= ACTIVE_RUNS_MAX) return end(input, "Skipped", "TooManyRuns", `${before.length} runs of it go on, the most there may be`);
  const deadlineMs = Date.parse(run.metadata.creationTimestamp) + durationMs(startingDeadline);
  if (nowMs > deadlineMs) {
    const why = run.status?.conditions?.find((one) => one.type === "Complete")?.message ?? "nobody was there to begin it";
    return end(input, "Failed", "NotStarted", `it could not be begun within startingDeadline (${startingDeadline}): ${why}`);
  }
  if (other !== undefined && concurrency === "replace") {
    const replace = before.filter((one) => one.spec.stopped !== true);
    return {
      status: pending(input, "Replacing", `it takes the place of ${other.metadata.name}, and waits for its end`),
      ...(replace.length === 0 ? {} : { replace }),
      requeueAfterMs: deadlineMs - nowMs + 1,
    };
  }
  return { status: run.status ?? {}, start: 0 };
}

/** A run whose newest try is there. */
function follow(input: RunPlanInput, newest: Instance): RunPlan {
  const { run, job, isHostKnown, nowMs } = input;
  const { status: seen, spec, metadata } = newest;
  const outcome = seen?.outcome;
  const about = aboutTry(run, newest);
  if (outcome === undefined) {
    const isCancelling = run.spec.stopped === true;
    const cancel = isCancelling && spec.once?.isCancelled !== true ? { cancel: newest } : {};
    if (!isHostKnown(spec.host)) {
      const message = `the agent of ${spec.host} does not answer: whether ${metadata.name} still runs is not known, and it is not begun elsewhere`;
      return { status: build(input, { ...about, phase: "Running" }, { status: "Unknown", reason: "AgentLost", message }), ...cancel };
    }
    const ready = seen?.conditions?.find((one) => one.type === "Ready");
    const [phase, reason, message] = isCancelling
      ? (["Running", "Stopping", "it is being stopped"] as const)
      : seen?.startedAt === undefined
        ? (["Pending", "Starting", ready?.message ?? `its agent on ${spec.host} has not begun it yet`] as const)
        : (["Running", "Running", `it runs on ${spec.host}`] as const);
    return { status: build(input, { ...about, phase }, { status: "False", reason, message }), ...cancel };
  }
  const message = seen?.conditions?.find((one) => one.type === "Ready")?.message ?? "";
  if (outcome === "Succeeded") return end(input, "Succeeded", "Succeeded", message, about);
  if (outcome === "Cancelled" || run.spec.stopped === true) return end(input, "Stopped", "Stopped", message, about);
  const retries = job?.spec.retries ?? 0;
  const tries = spec.slot + 1;
  if (job === undefined || tries > retries)
    return end(input, "Failed", outcome, retries === 0 ? message : `${message} (try ${tries} of ${retries + 1}, the last)`, about);
  const endedMs = seen?.lastExit === undefined ? nowMs : Math.min(nowMs, Date.parse(seen.lastExit.at));
  const atMs = endedMs + Math.min(RETRY_DELAY_MS_MAX, durationMs(job.spec.retryDelay) * 2 ** (tries - 1));
  // When the run began is noted before its next try begins: afterwards nobody looks at this one any more.
  const isNoted = about.startedAt === run.status?.startedAt;
  if (nowMs >= atMs && isNoted) return { status: run.status ?? {}, start: tries };
  const again = `${message}; try ${tries + 1} of ${retries + 1} begins at ${new Date(atMs).toISOString()}`;
  return {
    status: build(input, { ...about, phase: "Running" }, { status: "False", reason: "Retrying", message: again }),
    requeueAfterMs: atMs - nowMs,
  };
}

/** What the status says of a run whose newest try this is. */
function aboutTry(run: JobRun, { metadata, spec, status }: Instance): Omit<RunStatus, "phase" | "conditions"> {
  const { lastExit } = status ?? {};
  const startedAt = run.status?.startedAt ?? status?.startedAt;
  return {
    tries: spec.slot + 1,
    instance: metadata.name,
    host: spec.host,
    ...(spec.version === undefined ? {} : { version: spec.version }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(lastExit?.code === undefined ? {} : { exitCode: lastExit.code }),
    ...(lastExit?.signal === undefined ? {} : { signal: lastExit.signal }),
    ...(lastExit?.lines === undefined ? {} : { lines: [...lastExit.lines] }),
  };
}

/** The status of a run of which nothing has been started yet. */
export function pending(input: Pick<RunPlanInput, "run" | "nowMs">, reason: string, message: string): RunStatus {
  return build(input, { ...input.run.status, phase: "Pending" }, { status: "False", reason, message });
}

function end(input: RunPlanInput, phase: JobRunPhase, reason: string, message: string, about: Omit<RunStatus, "phase" | "conditions"> = {}): RunPlan {
  const exitMs = input.newest?.status?.lastExit === undefined ? input.nowMs : Date.parse(input.newest.status.lastExit.at);
  const finishedAt = new Date(Math.min(input.nowMs, exitMs)).toISOString();
  return { status: build(input, { ...input.run.status, ...about, phase, finishedAt }, { status: "True", reason, message }) };
}

function build(
  { run, nowMs }: Pick<RunPlanInput, "run" | "nowMs">,
  about: Omit<RunStatus, "conditions">,
  fact: Omit<ConditionInput, "type">,
): RunStatus {
  return { ...about, conditions: [...setCondition(run.status?.conditions, { type: "Complete", ...fact }, nowMs)] };
}

/** `<run>.<try>`: known beforehand, so that making it twice makes one. No instance of a service ends with a dot and a number. */
export function tryName(run: string, number: number): string {
  return `${run}.${number}`;
}

/** Where a try runs, and in which generation. */
export interface TryPlace {
  readonly number: number;
  readonly host: string;
  readonly generation: number | undefined;
}

/** The Instance of the first try: what the Job says now. */
export function firstTry(run: JobRun, { metadata, spec }: Job, artifact: string | undefined, place: TryPlace): ObjectInput {
  const { template } = spec;
  return instanceOf(run, place, {
    job: metadata.name,
    version: template.version,
    run: template.run,
    ...(artifact === undefined ? {} : { artifact }),
    ...renderedIn(template.files),
    env: template.env,
    ports: [],
    scripts: template.scripts,
    grace: template.grace,
    ...(template.calls === undefined ? {} : { calls: template.calls }),
    once: { timeout: spec.timeout, ...(run.spec.scheduledAt === undefined ? {} : { scheduledAt: run.spec.scheduledAt }) },
  });
}

/** The Instance of a further try: what the run was when it began, whatever the Job says now. */
export function furtherTry(run: JobRun, { spec }: Instance, place: TryPlace): ObjectInput {
  const { once = {}, generation: _generation, ...rest } = spec;
  const { isCancelled: _cancelled, ...kept } = once;
  return instanceOf(run, place, { ...rest, once: kept });
}

function instanceOf(run: JobRun, { number, host, generation }: TryPlace, spec: object): ObjectInput {
  const { name, namespace = "default", uid } = run.metadata;
  return {
    apiVersion: API_VERSION,
    kind: "Instance",
    metadata: {
      name: tryName(name, number),
      namespace,
      labels: { "orrery.dev/job": run.spec.job },
      finalizers: [INSTANCE_FINALIZER],
      ownerReferences: [{ apiVersion: API_VERSION, kind: run.kind, name, uid, controller: true }],
    },
    spec: { ...spec, host, slot: number, jobRun: name, ...(generation === undefined ? {} : { generation }) },
  };
}
