import type { AlarmStatus } from "#/model/index.ts";
import { type AlarmState, isOver, type Suppressed, withHappening } from "./state.ts";

export type Standing = NonNullable<AlarmStatus["stands"]>;

/** How long what hung on a cause waits for its own next observation once the cause is over. */
export const SETTLE_MS = 60_000;

/** Where it stands for an operator. */
export function standingOf(state: AlarmState, nowMs: number): Standing {
  if (state.condition === "none") return "Pending";
  if (state.operator.state === "closed") return "Closed";
  if (isOver(state)) return "Over";
  if (state.suppressed !== undefined) return state.suppressed.why === "out-of-service" ? "OutOfService" : "Suppressed";
  if (state.shelved !== undefined && state.shelved.untilMs > nowMs) return "Shelved";
  if (state.condition === "cleared") return "Cleared";
  return state.operator.state === "acknowledged" ? "Acknowledged" : "Unacknowledged";
}

/** True: neither shown among the active ones nor told to anybody, for now. */
export function isSilent(state: AlarmState, nowMs: number): boolean {
  return ["Pending", "Shelved", "Suppressed", "OutOfService"].includes(standingOf(state, nowMs));
}

export interface Silencing extends Omit<Suppressed, "sinceMs" | "endedMs"> {}

/** The alarm with what silences it now: `by` absent, nothing does. What was a consequence stays silent until it has been observed after its cause was over, or for a minute: only what is still wrong is told. `observedMs`: when it was last observed. */
export function suppress(
  state: AlarmState,
  by: Silencing | undefined,
  observedMs: number | undefined,
  nowMs: number,
): { readonly state: AlarmState; readonly wakeMs?: number } {
  const { suppressed } = state;
  if (by !== undefined) {
    if (
      suppressed !== undefined &&
      suppressed.why === by.why &&
      suppressed.by === by.by &&
      suppressed.untilMs === by.untilMs &&
      suppressed.endedMs === undefined
    )
      return { state };
    const next = { ...state, suppressed: { ...by, sinceMs: suppressed?.sinceMs ?? nowMs } };
    return {
      state:
        suppressed === undefined && state.condition === "raised"
          ? withHappening(next, { atMs: nowMs, what: "suppressed", message: by.message })
          : next,
    };
  }
  if (suppressed === undefined) return { state };
  if (suppressed.why === "cause" && state.condition === "raised") {
    const endedMs = suppressed.endedMs ?? nowMs;
    const isFresh = observedMs !== undefined && observedMs > endedMs && state.unobservedSinceMs === undefined;
    if (!isFresh && nowMs < endedMs + SETTLE_MS)
      return { state: suppressed.endedMs === undefined ? { ...state, suppressed: { ...suppressed, endedMs } } : state, wakeMs: endedMs + SETTLE_MS };
  }
  return { state: released(state, suppressed, nowMs) };
}

/** What began and ended while its cause lasted needs nobody any more; what is still wrong does. */
function released(state: AlarmState, { why, by, sinceMs }: Suppressed, nowMs: number): AlarmState {
  const next = { ...state, suppressed: undefined };
  if (state.condition === "raised") return withHappening(next, { atMs: nowMs, what: "unsuppressed" });
  const isItsOwn = (state.raisedAtMs ?? 0) < sinceMs || why !== "cause";
  if (state.condition !== "cleared" || state.operator.state !== "unacknowledged" || isItsOwn) return next;
  return withHappening(
    { ...next, operator: { state: "acknowledged", by: "orrery", atMs: nowMs, message: `a consequence of ${by}` } },
    { atMs: nowMs, what: "over", message: `it came and went with ${by}` },
  );
}

/** The end of a shelving that is over. */
export function unshelve(state: AlarmState, nowMs: number): { readonly state: AlarmState; readonly wakeMs?: number } {
  if (state.shelved === undefined) return { state };
  if (state.shelved.untilMs > nowMs) return { state, wakeMs: state.shelved.untilMs };
  return { state: withHappening({ ...state, shelved: undefined }, { atMs: nowMs, what: "unshelved", message: "its time is over" }) };
}
