import { abort, movesToPlan, pause, refuse, replaced, switchOver, unmoved, WISH_CHANGED, withPhase } from "./changes.ts";
import { awaitGateways } from "./fences.ts";
import { beginHold, holdUntilQuiet, servicesToHold } from "./hold.ts";
import { INTERLOCK_AGAIN_MS, targetMap } from "./issue.ts";
import { NOT_LOOKED, type Observed, type Situation, type Step } from "./observed.ts";
import { behindPending, isAsideReady, isBeside, patienceEndMs, preparedSinceMs, SET_ASIDE, setAside, standingOf } from "./preparing.ts";
import { climb, takeRampStep } from "./ramp.ts";
import { awaitReadyAgain, refuseUnready, tellUnready, timeToBeReadyMs, type Unready, unreadyServices, unreadyWaits } from "./ready.ts";
import type { Move, OpenGeneration, SiteState, Wait } from "./state.ts";

/** Moves the pending generation on. */
export function advance(site: SiteState, pending: OpenGeneration, observed: Observed, nowMs: number, waits: Map<number, readonly Wait[]>): Step {
  const map = observed.mapOf(pending.number) ?? {};
  const target = targetMap(site, observed);
  const intent = pending.update === undefined ? undefined : observed.updateNamed(pending.update);
  const now: Situation = { site, pending, map, target, intent, observed, nowMs, waits };
  if (pending.phase === "Ramping") return climb(now);
  if (pending.phase === "Holding") return holdUntilQuiet(now);
  const { isWanted, others } = standingOf(now);
  if (!isWanted) return abort(site, pending, WISH_CHANGED, site.refused, nowMs);
  if (intent?.isAborted === true) return abort(site, pending, "given up on request", refuse(site, pending, map, "given up on request", nowMs), nowMs);
  if (others.length > 0) waits.set(0, [behindPending(now, others), ...observed.unsettled]);
  return pending.phase === "Preparing" ? prepare(now, others) : distribute(now);
}

/** Waits until the instances of the changed services are ready. `others`: what waits behind it. */
function prepare(now: Situation, others: readonly string[]): Step {
  const { site, pending, nowMs, waits } = now;
  if (pending.strategy === "rolling") {
    const halted = halt(now);
    if (halted !== undefined) return halted;
  }
  const unready = unreadyServices(now).map((one) => {
    const sinceMs = preparedSinceMs(now, one.service);
    return { ...one, sinceMs, withinMs: timeToBeReadyMs(now, [one]) };
  });
  if (unready.length === 0) {
    return {
      site: { ...withPhase(site, pending, "Distributing", nowMs), moves: [...site.moves, ...movesToPlan(now, heldOf(now).length > 0)] },
      happened: [{ what: "distributing", generation: pending.number, services: pending.changes ?? [] }],
      waits,
    };
  }
  const late = unready.filter((one) => nowMs >= one.sinceMs + one.withinMs);
  if (late.length > 0) {
    const refused = refuseUnready(now, late, Math.max(...late.map((one) => one.withinMs)));
    return abort(site, pending, tellUnready(refused, late), refused, nowMs);
  }
  const wakes = unready.map((one) => one.sinceMs + one.withinMs);
  const aside = isBeside(pending.strategy) ? goAside(now, unready, others) : undefined;
  if (aside !== undefined && nowMs >= aside.atMs) return abort(setAside(now, aside.services), pending, SET_ASIDE, site.refused, nowMs);
  waits.set(
    pending.number,
    unready.flatMap((one) => unreadyWaits([one], one.sinceMs, one.sinceMs + one.withinMs)),
  );
  return { site, happened: [], waits, wakeAtMs: Math.min(...wakes, ...(aside === undefined ? [] : [aside.atMs])) };
}

/** Who makes way, and when: all of it, for others that wait; or, where some of it is new and ready, the rest. What was never served protects nobody: it need not wait for what else is new. What was asked for as one stays one. */
function goAside(
  now: Situation,
  unready: readonly Unready[],
  others: readonly string[],
): { readonly services: readonly string[]; readonly atMs: number } | undefined {
  const { site, pending, intent, observed } = now;
  const changes = pending.changes ?? [];
  const patientMs = patienceEndMs(pending, observed);
  if (isAsideReady(now)) return { services: changes, atMs: patientMs };
  if (others.length > 0) return { services: changes, atMs: Math.max(patientMs, observed.wantedChangedMs + observed.policy.settleMs) };
  const served = observed.mapOf(site.stamp?.generation ?? 0) ?? {};
  const isAlone = (service: string): boolean => served[service] === undefined && !unready.some((one) => one.service === service);
  if (intent?.isWhole === true || !changes.some(isAlone)) return undefined;
  return { services: changes.filter((service) => !isAlone(service)), atMs: patientMs };
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
