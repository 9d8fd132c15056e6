import { type ConditionInput, isOver, type Job, type JobRun, setCondition, timestamp } from "#/model/index.ts";
import { scheduledRunName, type Times } from "./times.ts";

type JobStatus = NonNullable<Job["status"]>;

/** The status of a Job: what was decided by now, and what came of its runs. Pure. */
export function jobStatus(job: Job, runs: readonly JobRun[], times: Times | undefined, nowMs: number): JobStatus {
  const { spec, status: former = {}, metadata } = job;
  const told = runs.filter((one) => one.status?.phase !== "Skipped").toSorted(byAge);
  const last = told.at(-1);
  const count = (phase: string): number => runs.filter((one) => one.status?.phase === phase).length;
  const fact = readyCondition(job, told, times);
  return {
    observedGeneration: metadata.generation,
    ...(spec.schedule === undefined ? {} : { schedule: { expression: spec.schedule, timeZone: spec.timeZone, suspended: spec.suspended } }),
    ...(times === undefined ? {} : { decidedUntil: timestamp(times.decidedUntilMs) }),
    ...(times?.dueMs !== undefined
      ? { lastScheduledAt: timestamp(times.dueMs) }
      : former.lastScheduledAt === undefined
        ? {}
        : { lastScheduledAt: former.lastScheduledAt }),
    ...(times?.nextMs === undefined ? {} : { nextScheduledAt: timestamp(times.nextMs) }),
    ...(former.ranVersions === undefined ? {} : { ranVersions: former.ranVersions }),
    active: runs.filter((one) => !isOver(one)).length,
    succeeded: count("Succeeded"),
    failed: count("Failed"),
    missed: (former.missed ?? 0) + (times?.missed ?? 0),
    ...(last === undefined ? {} : { lastRun: last.metadata.name }),
    conditions: [...setCondition(former.conditions, { ...fact, observedGeneration: metadata.generation }, nowMs)],
  };
}

/** Older first. */
export function byAge(a: JobRun, b: JobRun): number {
  const [first, second] = [Date.parse(a.metadata.creationTimestamp), Date.parse(b.metadata.creationTimestamp)];
  if (first !== second) return first - second;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

function readyCondition({ spec, metadata }: Job, told: readonly JobRun[], times: Times | undefined): ConditionInput {
  const say = (status: ConditionInput["status"], reason: string, message: string): ConditionInput => ({ type: "Ready", status, reason, message });
  const completeOf = (one: JobRun) => one.status?.conditions?.find((condition) => condition.type === "Complete");
  const unknown = told.find((one) => !isOver(one) && completeOf(one)?.status === "Unknown");
  if (unknown !== undefined) return say("Unknown", "AgentLost", `${unknown.metadata.name}: ${completeOf(unknown)?.message ?? ""}`);
  const active = told.findLast((one) => !isOver(one));
  if (active !== undefined) {
    const complete = completeOf(active);
    return say("True", "Running", `${active.metadata.name}: ${complete?.message ?? "it has just been made"}`);
  }
  const last = told.at(-1);
  if (last?.status?.phase === "Failed")
    return say(
      "False",
      "LastRunFailed",
      `${last.metadata.name} has failed: ${completeOf(last)?.message ?? ""}; see: orrery logs ${last.metadata.name}`,
    );
  if (spec.suspended) return say("True", "Suspended", `it runs by hand only: orrery job run ${metadata.name}`);
  if (spec.schedule === undefined)
    return last === undefined ? say("True", "Starting", "its run is about to be made") : say("True", "Done", "it has run");
  if (times?.nextMs === undefined) return say("False", "NoMoreTimes", `${spec.schedule} has no time any more; give another schedule`);
  return say("True", "Scheduled", `next at ${timestamp(times.nextMs)}`);
}

/** Runs that are over and not kept any more, oldest first: of those that succeeded, and of all others, the newest stay. */
export function runsToForget(spec: Job["spec"], runs: readonly JobRun[]): readonly JobRun[] {
  const over = runs.filter((one) => isOver(one) && one.metadata.deletionTimestamp === undefined).toSorted(byAge);
  const [good, bad] = [over.filter((one) => one.status?.phase === "Succeeded"), over.filter((one) => one.status?.phase !== "Succeeded")];
  return [...good.slice(0, -spec.history.succeeded), ...bad.slice(0, -spec.history.failed)];
}

/** What is to be made now: the run for a time, or the one run of a version. */
export function runWanted(
  { metadata, spec, status }: Job,
  times: Times | undefined,
): { readonly name: string; readonly scheduledAt?: string } | undefined {
  if (times?.dueMs !== undefined) return { name: scheduledRunName(metadata.name, times.dueMs), scheduledAt: timestamp(times.dueMs) };
  if (spec.schedule !== undefined || spec.suspended || status?.ranVersions?.includes(spec.template.version) === true) return undefined;
  return { name: `${metadata.name}.${spec.template.version}` };
}
