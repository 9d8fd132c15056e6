import { formatDuration, formatShare, timestamp } from "#/model/index.ts";
import { goBack, pause, refuse, switchOver } from "./changes.ts";
import type { Situation, Step } from "./observed.ts";
import { standingOf } from "./preparing.ts";
import { awaitReadyAgain } from "./ready.ts";
import type { OpenGeneration, SiteState, Wait } from "./state.ts";

/** A ramp holds its step for its time, asks the gate, and goes on, back, or to a person. */
export function climb(now: Situation): Step {
  const { site, pending, map, intent, observed, nowMs, waits } = now;
  const old = site.stamp?.generation ?? 0;
  const stepSinceMs = Date.parse(pending.ramp?.stepSince ?? pending.since);
  if (intent?.isAborted === true)
    return goBack(site, pending, "gone back on request", refuse(site, pending, map, "gone back on request", nowMs), nowMs);
  const standing = standingOf(now);
  if (standing.isWishedBack) return goBack(site, pending, "the templates say the former revisions again", site.refused, nowMs);
  if (!standing.isWanted || standing.others.length > 0) {
    waits.set(0, [
      {
        reason: "RampRunning",
        object: `generation/g${pending.number}`,
        sinceMs: nowMs,
        message: `the next update waits until the ramp of generation ${pending.number} is over; promote or abort it to go on`,
      },
    ]);
  }
  if (intent?.isPromoted === true) return switchOver(now);
  const verdict = observed.gateOf(pending.number, old, stepSinceMs);
  if (verdict?.verdict === "fail")
    return goBack(site, pending, verdict.message, refuse(site, pending, map, `a gate failed: ${verdict.message}`, nowMs), nowMs);
  if (intent?.isPaused === true) return pause(now, intent);
  const index = pending.ramp?.step ?? 0;
  const steps = pending.ramp?.steps ?? [];
  const holdUntilMs = stepSinceMs + (steps[index]?.holdMs ?? 0);
  const share = `${formatShare(steps[index]?.share ?? 1)} of new transactions`;
  if (nowMs < holdUntilMs) {
    waits.set(pending.number, [
      {
        reason: "Holding",
        object: `generation/g${pending.number}`,
        sinceMs: stepSinceMs,
        message: `${share} have generation ${pending.number}; the next step comes at ${timestamp(holdUntilMs)} (in ${formatDuration(holdUntilMs - nowMs)}), or at once with: orrery update promote ${intent?.name ?? ""}`,
      },
    ]);
    return { site, happened: [], waits, wakeAtMs: holdUntilMs };
  }
  if (verdict?.verdict === "unknown") {
    waits.set(pending.number, [
      {
        reason: "GateUndecided",
        object: `generation/g${pending.number}`,
        sinceMs: holdUntilMs,
        message: `${share} have generation ${pending.number}; ${verdict.message}. It waits for more, or for a person: orrery update promote ${intent?.name ?? ""} or orrery update abort ${intent?.name ?? ""}`,
      },
    ]);
    return { site, happened: [], waits };
  }
  const again = awaitReadyAgain(now, (reason, refused) => goBack(site, pending, reason, refused, nowMs));
  if (again !== undefined) return again;
  return index + 1 < steps.length ? takeRampStep(site, pending, index + 1, nowMs, waits) : switchOver(now);
}

export function takeRampStep(site: SiteState, pending: OpenGeneration, index: number, nowMs: number, waits: Map<number, readonly Wait[]>): Step {
  const at = timestamp(nowMs);
  const ramp = pending.ramp ?? { steps: [] };
  const share = ramp.steps[index]?.share ?? 1;
  const old = site.stamp?.generation ?? pending.number;
  const generations = site.generations.map(
    (one): OpenGeneration =>
      one.number === pending.number
        ? { ...one, phase: "Ramping", since: one.phase === "Ramping" ? one.since : at, ramp: { ...ramp, step: index, stepSince: at } }
        : one,
  );
  return {
    site: {
      ...site,
      generations,
      stamp: { generation: old, ramp: { to: pending.number, share, ...(ramp.key === undefined ? {} : { key: ramp.key }) } },
    },
    happened: [{ what: "ramped", generation: pending.number, services: pending.changes ?? [] }],
    waits,
  };
}
