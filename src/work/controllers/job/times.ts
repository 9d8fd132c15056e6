import { durationMs, type Job, Schedule, timestamp } from "#/model/index.ts";

/** So far may the clock stand behind what was decided before a schedule goes on without waiting for it: somebody has set the clock back, or it was wrong. */
const BEHIND_MS_MAX = 24 * 3_600_000;

/** More missed times than this are not counted. */
export const MISSED_COUNT_MAX = 100;

/** What a schedule asks for now. */
export interface Times {
  /** A run is to be made for this time. */
  readonly dueMs?: number;
  /** Times that were left out since the last look, at most `MISSED_COUNT_MAX`, and why. */
  readonly missed: number;
  readonly missedReason?: string;
  /** All times until then are decided once this is carried out. */
  readonly decidedUntilMs: number;
  readonly nextMs?: number;
  /** The clock stands so far behind `decidedUntil` that it must have been set back. */
  readonly isClockBehind: boolean;
}

/** The times of a Job that are to be decided at `nowMs`: of those since `status.decidedUntil` the last, if it is not older than the starting deadline; the others are missed. A schedule that is new, changed, or no longer suspended begins now. Pure.
 *  A time that was decided never comes again, also where the clock is set back by less than a day. */
export function planTimes({ metadata, spec, status }: Job, nowMs: number): Times | undefined {
  if (spec.schedule === undefined) return undefined;
  const schedule = new Schedule(spec.schedule, spec.timeZone);
  const seen = status?.schedule;
  const isSame = seen === undefined || (seen.expression === spec.schedule && seen.timeZone === spec.timeZone && seen.suspended === spec.suspended);
  const knownMs = status?.decidedUntil === undefined ? Date.parse(metadata.creationTimestamp) : Date.parse(status.decidedUntil);
  const isClockBehind = knownMs > nowMs + BEHIND_MS_MAX;
  const fromMs = isSame && !isClockBehind ? knownMs : nowMs;
  const nextMs = spec.suspended ? undefined : schedule.next(Math.max(nowMs, fromMs));
  const common = { isClockBehind, ...(nextMs === undefined ? {} : { nextMs }) };
  const lastMs = spec.suspended ? undefined : schedule.last(nowMs);
  if (lastMs === undefined || lastMs <= fromMs) return { ...common, missed: 0, decidedUntilMs: fromMs };
  const skipped = countBetween(schedule, fromMs, lastMs);
  const isLate = nowMs - lastMs > durationMs(spec.startingDeadline);
  const missed = skipped + (isLate ? 1 : 0);
  return {
    ...common,
    missed,
    ...(missed === 0
      ? {}
      : {
          missedReason: `nobody was there to start a run${isLate ? `, and ${timestamp(lastMs)} is longer ago than startingDeadline (${spec.startingDeadline})` : ""}`,
        }),
    ...(isLate ? {} : { dueMs: lastMs }),
    decidedUntilMs: lastMs,
  };
}

/** Times after `fromMs` and before `untilMs`. */
function countBetween(schedule: Schedule, fromMs: number, untilMs: number): number {
  let count = 0;
  for (let next = schedule.next(fromMs); next !== undefined && next < untilMs && count < MISSED_COUNT_MAX; next = schedule.next(next)) count++;
  return count;
}

/** The name of the run for a time: known beforehand, so that two centres cannot make two. A Job's name has no dot, so that no other Job's run is called so. */
export function scheduledRunName(job: string, atMs: number): string {
  return `${job}.${timestamp(atMs).slice(0, 19).replaceAll(/[-:]/g, "").toLowerCase()}z`;
}
