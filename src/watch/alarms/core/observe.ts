import { type AlarmSettings, type AlarmState, compareSeverity, type Observation, type Turning, withHappening } from "./state.ts";

/** Raised and cleared so often within this time, it comes and goes. */
export const FLAP_TURNS = 6;
export const FLAP_WINDOW_MS = 600_000;
/** It is held together until it has been the same for so long. */
export const CALM_MS = 300_000;
/** Closed by a person and still true, it comes back after so long. */
export const RETURN_MS = 60_000;

export interface Observed {
  readonly state: AlarmState;
  /** Look again at this time though nothing is observed until then. */
  readonly wakeMs?: number | undefined;
}

/** What `seen` makes of an alarm. Nothing but an observation raises or clears; what is unobserved stays as it is, with its timers. Called again with the same at a later time, it goes on from there. */
export function observe(former: AlarmState, seen: Observation, settings: AlarmSettings, nowMs: number): Observed {
  if (seen.holds === undefined) return { state: lost(former, nowMs) };
  const state = found(former, seen, nowMs);
  if (state.operator.state === "closed" && state.condition === "raised" && seen.holds) return closedStill(state, seen, nowMs);
  const target = targetOf(state, seen);
  if (target === undefined) return settled(state, seen, nowMs);
  const turning = turningOn(state, target, seen, nowMs);
  const leftMs = delayOf(state, target, settings) - turning.elapsedMs;
  if (leftMs > 0) return { state: { ...state, turning }, wakeMs: nowMs + leftMs };
  return { state: turn(withoutTurning(state), target, seen, nowMs), ...(state.flapping !== undefined && { wakeMs: nowMs + CALM_MS }) };
}

/** Nobody tells: said once, and counted no further. */
function lost(state: AlarmState, nowMs: number): AlarmState {
  if (state.condition === "none" && state.turning === undefined) return state;
  const { turning } = state;
  const held =
    turning?.asOfMs === undefined
      ? state
      : { ...state, turning: { ...turning, elapsedMs: turning.elapsedMs + Math.max(0, nowMs - turning.asOfMs), asOfMs: undefined } };
  if (held.unobservedSinceMs !== undefined) return held;
  const unobserved = { ...held, unobservedSinceMs: nowMs };
  return state.condition === "raised" ? withHappening(unobserved, { atMs: nowMs, what: "unobserved" }) : unobserved;
}

function found(state: AlarmState, seen: Observation, nowMs: number): AlarmState {
  const { unobservedSinceMs: _, ...rest } = state;
  const known = state.unobservedSinceMs === undefined ? state : rest;
  const told = seen.holds === true ? { ...known, text: seen.text, action: seen.action, response: seen.response, runbook: seen.runbook } : known;
  return state.unobservedSinceMs !== undefined && state.condition === "raised" ? withHappening(told, { atMs: nowMs, what: "observed" }) : told;
}

interface Target {
  readonly to: "raised" | "cleared";
  /** Of one that is raised already: another severity. */
  readonly severity?: Observation["severity"];
}

/** Where it goes; `undefined`: it is there. */
function targetOf(state: AlarmState, seen: Observation): Target | undefined {
  if (seen.holds !== true) return state.condition === "raised" || state.turning?.to === "raised" ? { to: "cleared" } : undefined;
  if (state.condition !== "raised") return { to: "raised" };
  return seen.severity === state.severity ? undefined : { to: "raised", severity: seen.severity };
}

/** Nothing to change: what was on its way back is forgotten; one that came and went is calm after a time. */
function settled(state: AlarmState, seen: Observation, nowMs: number): Observed {
  if (state.flapping === undefined) return { state: withoutTurning(state) };
  // It holds, and is held: the time since its last change is kept as a turning to where it is.
  const turning = state.turning?.to === "raised" ? advanced(state.turning, nowMs) : { to: "raised" as const, elapsedMs: 0, asOfMs: nowMs };
  const changes = state.flapping.changes + (state.turning !== undefined && state.turning.to !== "raised" ? 1 : 0);
  if (turning.elapsedMs < CALM_MS)
    return { state: { ...state, turning, flapping: { ...state.flapping, changes } }, wakeMs: nowMs + CALM_MS - turning.elapsedMs };
  const calm = withoutTurning({ ...state, flapping: undefined, turnsMs: [] });
  return { state: withHappening(calm, { atMs: nowMs, what: "calm", message: `it changed ${changes} times; ${seen.text}` }) };
}

function turningOn(state: AlarmState, target: Target, seen: Observation, nowMs: number): Turning {
  const { turning } = state;
  const isSame = turning?.to === target.to && turning.severity === target.severity;
  const claimedMs = seen.sinceMs === undefined || state.flapping !== undefined ? 0 : Math.max(0, nowMs - seen.sinceMs);
  if (isSame && turning !== undefined) {
    const on = advanced(turning, nowMs);
    return claimedMs > on.elapsedMs ? { ...on, elapsedMs: claimedMs } : on;
  }
  return { ...target, elapsedMs: claimedMs, asOfMs: nowMs };
}

function advanced(turning: Turning, nowMs: number): Turning {
  const { asOfMs = nowMs } = turning;
  return { ...turning, elapsedMs: turning.elapsedMs + Math.max(0, nowMs - asOfMs), asOfMs: Math.max(asOfMs, nowMs) };
}

function delayOf(state: AlarmState, target: Target, { delayMs, clearDelayMs }: AlarmSettings): number {
  if (target.to === "cleared") {
    if (state.condition !== "raised") return 0;
    return state.flapping === undefined ? clearDelayMs : Math.max(CALM_MS, clearDelayMs);
  }
  if (target.severity === undefined) return delayMs;
  return compareSeverity(target.severity, state.severity) > 0 ? 0 : clearDelayMs;
}

function turn(state: AlarmState, target: Target, seen: Observation, nowMs: number): AlarmState {
  if (target.severity !== undefined) return changeSeverity(state, target.severity, seen, nowMs);
  if (target.to === "cleared") return state.condition === "raised" ? clear(state, nowMs) : state;
  return raise(state, seen, nowMs);
}

function raise(state: AlarmState, seen: Observation, nowMs: number): AlarmState {
  const turnsMs = [...state.turnsMs.filter((atMs) => nowMs - atMs < FLAP_WINDOW_MS), nowMs].slice(-FLAP_TURNS - 1);
  const flaps = turnsMs.length > FLAP_TURNS;
  const raised: AlarmState = {
    ...state,
    condition: "raised",
    severity: seen.severity,
    occurrence: state.occurrence + 1,
    raisedAtMs: nowMs,
    severityAtMs: nowMs,
    clearedAtMs: undefined,
    operator: { state: "unacknowledged" },
    turnsMs,
    ...(flaps && { flapping: { sinceMs: turnsMs[0] ?? nowMs, changes: turnsMs.length } }),
  };
  const told = withHappening(raised, { atMs: nowMs, what: "raised", message: `${seen.severity}: ${seen.text}` });
  return flaps ? withHappening(told, { atMs: nowMs, what: "flapping", message: "it comes and goes: held as raised until it is calm" }) : told;
}

function clear(state: AlarmState, nowMs: number): AlarmState {
  const turnsMs = [...state.turnsMs.filter((atMs) => nowMs - atMs < FLAP_WINDOW_MS), nowMs].slice(-FLAP_TURNS - 1);
  const { flapping } = state;
  const cleared: AlarmState = {
    ...state,
    condition: "cleared",
    clearedAtMs: nowMs,
    flapping: undefined,
    turnsMs: flapping === undefined ? turnsMs : [],
  };
  return withHappening(cleared, {
    atMs: nowMs,
    what: "cleared",
    ...(flapping !== undefined && { message: `it came and went, ${flapping.changes} times since it was held together` }),
  });
}

function changeSeverity(state: AlarmState, severity: Observation["severity"], seen: Observation, nowMs: number): AlarmState {
  const isWorse = compareSeverity(severity, state.severity) > 0;
  const changed: AlarmState = {
    ...state,
    severity,
    severityAtMs: nowMs,
    ...(isWorse && { operator: { state: "unacknowledged" as const } }),
  };
  return withHappening(changed, { atMs: nowMs, what: isWorse ? "worse" : "better", message: `${severity}: ${seen.text}` });
}

/** A person has closed it, and it holds all the same. */
function closedStill(state: AlarmState, seen: Observation, nowMs: number): Observed {
  // What was told before it was closed is what was closed.
  if (seen.isEvent === true) return (seen.atMs ?? 0) > (state.operator.atMs ?? 0) ? { state: raise(withoutTurning(state), seen, nowMs) } : { state };
  const backMs = (state.operator.atMs ?? nowMs) + RETURN_MS;
  if (nowMs < backMs) return { state, wakeMs: backMs };
  return { state: raise(withoutTurning(state), seen, nowMs) };
}

function withoutTurning(state: AlarmState): AlarmState {
  if (state.turning === undefined) return state;
  const { turning: _, ...rest } = state;
  return rest;
}
