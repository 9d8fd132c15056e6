import { type Alarm, type AlarmStatus, alarmRank, timestamp } from "#/model/index.ts";
import { standingOf } from "./core/standing.ts";
import { type AlarmState, NEW_ALARM } from "./core/state.ts";

/** What is on its way is kept once it has lasted so long: a value that comes and goes more often costs no write. */
export const KEPT_TURNING_MS = 5_000;

/** The alarm as it is stored. */
export function encodeAlarm(state: AlarmState, nowMs: number): AlarmStatus {
  const { turning, flapping, operator, shelved, suppressed } = state;
  return plain({
    stands: standingOf(state, nowMs),
    rank: alarmRank(standingOf(state, nowMs), state.severity),
    severity: state.severity,
    condition: state.condition,
    occurrence: state.occurrence,
    text: state.text,
    action: state.action,
    response: state.response,
    runbook: state.runbook,
    raisedAt: at(state.raisedAtMs),
    clearedAt: at(state.clearedAtMs),
    severityAt: at(state.severityAtMs),
    unobservedSince: at(state.unobservedSinceMs),
    turning: turning === undefined ? undefined : { to: turning.to, severity: turning.severity, elapsedMs: Math.round(turning.elapsedMs) },
    flapping: flapping === undefined ? undefined : { since: timestamp(flapping.sinceMs), changes: flapping.changes },
    turns: state.turnsMs.length === 0 ? undefined : state.turnsMs.map(timestamp),
    operator: { state: operator.state, by: operator.by, at: at(operator.atMs), message: operator.message },
    shelved:
      shelved === undefined
        ? undefined
        : { until: timestamp(shelved.untilMs), by: shelved.by, at: timestamp(shelved.atMs), message: shelved.message },
    suppressed:
      suppressed === undefined
        ? undefined
        : {
            why: suppressed.why,
            by: suppressed.by,
            message: suppressed.message,
            since: timestamp(suppressed.sinceMs),
            until: at(suppressed.untilMs),
          },
    told: state.told.length === 0 ? undefined : state.told.map(({ atMs, ...one }) => ({ ...one, at: timestamp(atMs) })),
    history: state.history.map(({ atMs, ...one }) => ({ ...one, at: timestamp(atMs) })),
    expires: at(state.expiresMs),
  }) as AlarmStatus;
}

/** What was stored. A turning goes on from what it had: the time since then nobody observed. */
export function decodeAlarm({ status }: Alarm): AlarmState {
  if (status === undefined) return NEW_ALARM;
  const { turning, flapping, operator, shelved, suppressed, told = [], history = [] } = status;
  return {
    condition: status.condition ?? "none",
    severity: status.severity ?? "warning",
    occurrence: status.occurrence ?? 0,
    text: status.text ?? "",
    action: status.action,
    response: status.response,
    runbook: status.runbook,
    raisedAtMs: ms(status.raisedAt),
    clearedAtMs: ms(status.clearedAt),
    severityAtMs: ms(status.severityAt),
    unobservedSinceMs: ms(status.unobservedSince),
    ...(turning !== undefined && { turning: { to: turning.to, severity: turning.severity, elapsedMs: turning.elapsedMs } }),
    flapping: flapping === undefined ? undefined : { sinceMs: Date.parse(flapping.since), changes: flapping.changes },
    turnsMs: (status.turns ?? []).map((one) => Date.parse(one)),
    operator: { state: operator?.state ?? "unacknowledged", by: operator?.by, atMs: ms(operator?.at), message: operator?.message },
    shelved:
      shelved === undefined
        ? undefined
        : { untilMs: Date.parse(shelved.until), by: shelved.by, atMs: Date.parse(shelved.at), message: shelved.message },
    suppressed:
      suppressed === undefined
        ? undefined
        : {
            why: suppressed.why,
            by: suppressed.by,
            message: suppressed.message,
            sinceMs: Date.parse(suppressed.since),
            untilMs: ms(suppressed.until),
          },
    told: told.map(({ at: atText, ...one }) => ({ ...one, atMs: Date.parse(atText) })),
    history: history.map(({ at: atText, ...one }) => ({ ...one, atMs: Date.parse(atText) })),
    expiresMs: ms(status.expires),
  };
}

/** Texts with measured values in them change with each observation: they are written at most so often. */
const TEXT_EVERY_MS = 60_000;

/** Whether `next` has to be written where `written` (at `writtenMs`) is stored: not for what only memory needs, so that nothing is written for each flap, nor for each sample. */
export function differs(written: AlarmState | undefined, writtenMs: number, next: AlarmState, nowMs: number): boolean {
  if (written === undefined) return next.condition !== "none" || isKeptTurning(next);
  const isTextDue = nowMs - writtenMs >= TEXT_EVERY_MS;
  const had = turningOf(written);
  const has = turningOf(next);
  const isTurningSame = next.flapping !== undefined || had === has || (had === "" && !isKeptTurning(next));
  const reduce = (state: AlarmState): string =>
    JSON.stringify({
      ...encodeAlarm(state, nowMs),
      stands: standingOf(next, nowMs),
      rank: 0,
      turning: null,
      flapping: state.flapping === undefined ? null : 1,
      ...(isTextDue ? {} : { text: "" }),
    });
  return !isTurningSame || reduce(written) !== reduce(next);
}

function turningOf({ turning }: AlarmState): string {
  return turning === undefined ? "" : `${turning.to} ${turning.severity ?? ""}`;
}

function isKeptTurning({ turning, flapping }: AlarmState): boolean {
  return turning !== undefined && flapping === undefined && turning.elapsedMs >= KEPT_TURNING_MS;
}

function at(atMs: number | undefined): string | undefined {
  return atMs === undefined ? undefined : timestamp(atMs);
}

function ms(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}

function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
