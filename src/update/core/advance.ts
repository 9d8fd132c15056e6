import { abort, movesToPlan, pause, refuse, replaced, switchOver, unmoved, WISH_CHANGED, withPhase } from "./changes.ts";
import { awaitGateways } from "./fences.ts";
import { beginHold, holdUntilQuiet, servicesToHold } from "./hold.ts";
import { INTERLOCK_AGAIN_MS, targetMap } from "./issue.ts";
import { NOT_LOOKED, type Observed, type Situation, type Step } from "./observed.ts";
import { climb, takeRampStep } from "./ramp.ts";
import { awaitReadyAgain, refuseUnready, tellUnready, timeToBeReadyMs, unreadyServices, unreadyWaits } from "./ready.ts";
import { isSameMap, type Move, type OpenGeneration, type SiteState, type Wait } from "./state.ts";

/** Moves the pending generation on. */
export function advance(site: SiteState, pending: OpenGeneration, observed: Observed, nowMs: number, waits: Map<number, readonly Wait[]>): Step {
  const map = observed.mapOf(pending.number) ?? {};
  const target = targetMap(site, observed);
  const intent = pending.update === undefined ? undefined : observed.updateNamed(pending.update);
  const now: Situation = { site, pending, map, target, intent, observed, nowMs, waits };
  if (pending.phase === "Ramping") return climb(now);
  if (pending.phase === "Holding") return holdUntilQuiet(now);
  if (!isSameMap(map, target)) return abort(site, pending, WISH_CHANGED, site.refused, nowMs);
  if (intent?.isAborted === true) return abort(site, pending, "given up on request", refuse(site, pending, map, "given up on request", nowMs), nowMs);
  return pending.phase === "Preparing" ? prepare(now) : distribute(now);
}

/** Waits until the instances of the changed services are ready. */
function prepare(now: Situation): Step {
  const { site, pending, nowMs, waits } = now;
  if (pending.strategy === "rolling") {
    const halted = halt(now);
    if (halted !== undefined) return halted;
  }
  const sinceMs = Date.parse(pending.since);
  const unready = unreadyServices(now);
  if (unready.length === 0) {
    return {
      site: { ...withPhase(site, pending, "Distributing", nowMs), moves: [...site.moves, ...movesToPlan(now, heldOf(now).length > 0)] },
      happened: [{ what: "distributing", generation: pending.number, services: pending.changes ?? [] }],
      waits,
    };
  }
  const withinMs = timeToBeReadyMs(now, unready);
  const deadlineMs = sinceMs + withinMs;
  if (nowMs >= deadlineMs) {
    const refused = refuseUnready(now, unready, withinMs);
    return abort(site, pending, tellUnready(refused, unready), refused, nowMs);
  }
  waits.set(pending.number, unreadyWaits(unready, sinceMs, deadlineMs));
  return { site, happened: [], waits, wakeAtMs: deadlineMs };
}

/** Stops the replacing of instances where it stands while the update is paused, and lets it go on afterwards, with new time. */
function halt(now: Situation): Step | undefined {
  const { site, pending, intent, nowMs } = now;
  const isPaused = intent?.isPaused === true;
  const isOwn = (one: Move): boolean => one.before === pending.number && one.isPartial === true;
  if (site.moves.some((one) => isOwn(one) && (one.isPaused ?? false) !== isPaused)) {
    const moves = site.moves.map((one): Move => {
      if (!isOwn(one)) return one;
      const { isPaused: _, ...rest } = one;
      return isPaused ? { ...rest, isPaused } : rest;
    });
    return { site: { ...withPhase(site, pending, "Preparing", nowMs), moves }, happened: [], waits: NOT_LOOKED };
  }
  return isPaused ? pause(now, intent) : undefined;
}

/** Waits until every gateway knows the generation, then goes on as its strategy says. */
function distribute(now: Situation): Step {
  const { site, pending, intent, observed, nowMs, waits } = now;
  const awaited = { table: `the table with generation ${pending.number}`, sinceMs: Date.parse(pending.since) };
  const hearing = awaitGateways(site, pending, observed, nowMs, awaited);
  if (hearing?.fenced !== undefined) return { ...hearing.fenced, waits };
  if (hearing !== undefined) {
    waits.set(pending.number, hearing.waits);
    return { site, happened: [], waits, wakeAtMs: hearing.wakeAtMs };
  }
  if (intent?.isPaused === true) return pause(now, intent);
  // What is replaced before the switch asked before it began.
  const interlock = pending.strategy === "rolling" || pending.strategy === "recreate" ? undefined : interlockOf(now);
  if (interlock !== undefined) {
    waits.set(pending.number, [interlock]);
    return { site, happened: [], waits, wakeAtMs: nowMs + INTERLOCK_AGAIN_MS };
  }
  const again = awaitReadyAgain(now, (reason, refused) => abort(site, pending, reason, refused, nowMs));
  if (again !== undefined) return again;
  const held = heldOf(now);
  if (held.length > 0) return beginHold(now, held);
  // Two revisions never share what only one may use.
  const isExclusive = replaced({ ...now, changes: pending.changes ?? [] }).some(({ service, to }) => observed.handoverOf(service, to) !== undefined);
  if (pending.ramp !== undefined && site.stamp !== undefined && !isExclusive && intent?.isPromoted !== true)
    return takeRampStep(site, pending, 0, nowMs, waits);
  return switchOver(now);
}

function heldOf(now: Situation): readonly string[] {
  return servicesToHold(now.pending.strategy, unmoved(now), now.observed);
}

function interlockOf({ site, pending, observed, nowMs }: Situation): Wait | undefined {
  return site.stamp === undefined ? undefined : observed.interlockOf(pending.changes ?? [], nowMs);
}
