import { OrreryError } from "#/base/index.ts";
import { type AlarmState, isOver, withHappening } from "./state.ts";

export const OPERATIONS = ["acknowledge", "shelve", "unshelve", "close"] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Longest and shortest time for which one may be shelved: what is put away for good is out of service, and says so. */
export const SHELVE_MS_MAX = 7 * 86_400_000;
export const SHELVE_MS_MIN = 60_000;

export interface Operating {
  readonly operation: Operation;
  readonly by: string;
  readonly message: string;
  /** Of shelve. */
  readonly forMs?: number | undefined;
  /** What the person has seen: that is what is acknowledged, and nothing that came since. Absent: whatever there is. */
  readonly seen?: { readonly occurrence: number; readonly severity: string } | undefined;
}

/** What a person makes of an alarm; the same state where somebody was quicker and it is done.
 *  @throws alarms/not-now: it makes no sense as it stands; alarms/changed: it is another occurrence or worse than the person has seen */
export function operate(state: AlarmState, given: Operating, nowMs: number): AlarmState {
  const { operation, by, message, seen } = given;
  if (seen !== undefined && (seen.occurrence !== state.occurrence || (seen.severity !== state.severity && state.condition === "raised")))
    throw new OrreryError(
      "alarms/changed",
      `it was raised again, or got worse, since you looked: it is ${state.severity} now, raised ${state.occurrence} times; look again, then repeat`,
      {
        details: { occurrence: state.occurrence, severity: state.severity },
      },
    );
  const note = { atMs: nowMs, by, ...(message !== "" && { message }) };
  switch (operation) {
    case "acknowledge":
      if (state.operator.state === "acknowledged") return state;
      if (isOver(state)) throw notNow("it is over: there is nothing to acknowledge");
      return withHappening({ ...state, operator: { state: "acknowledged", by, atMs: nowMs, message } }, { ...note, what: "acknowledged" });
    case "shelve": {
      const { forMs = 0 } = given;
      if (!(forMs >= SHELVE_MS_MIN && forMs <= SHELVE_MS_MAX))
        throw notNow("give a time from 1m to 7d; for longer put it out of service: a Maintenance without an end");
      const untilMs = nowMs + forMs;
      return withHappening(
        { ...state, shelved: { untilMs, by, atMs: nowMs, message } },
        { ...note, what: "shelved", message: `${message} (until ${new Date(untilMs).toISOString()})` },
      );
    }
    case "unshelve": {
      if (state.shelved === undefined) return state;
      return withHappening({ ...state, shelved: undefined }, { ...note, what: "unshelved" });
    }
    case "close":
      if (state.operator.state === "closed") return state;
      if (state.condition === "none") throw notNow("it was never raised: there is nothing to close");
      return withHappening({ ...state, operator: { state: "closed", by, atMs: nowMs, message } }, { ...note, what: "closed" });
  }
}

function notNow(message: string): OrreryError {
  return new OrreryError("alarms/not-now", message);
}
