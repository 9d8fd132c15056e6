import { timestamp } from "#/model/index.ts";
import { advance } from "./advance.ts";
import { movesBack } from "./changes.ts";
import { giveExclusive } from "./exclusive.ts";
import { liftFences } from "./fences.ts";
import { releaseHold } from "./hold.ts";
import { issueNext, targetMap } from "./issue.ts";
import { hearHistory } from "./new-history.ts";
import { NOT_LOOKED, type Observed, type Step } from "./observed.ts";
import { forgetPrepared, watchAside, withPreparing } from "./preparing.ts";
import { differingServices, isPending, type Move, type SiteState, type Wait } from "./state.ts";

/** One step of the update protocol (docs/update.md): from the state and what is seen to the next state. Level-triggered and idempotent: call it again until it returns its argument.
 *  At most one transition of the pending generation is made in a step, so that each is one compare-and-set. */
export function step(site: SiteState, observed: Observed, nowMs: number): Step {
  const closed =
    closeDrained(site, observed) ??
    leaveServices(site, observed) ??
    forgetMoves(site) ??
    forgetPrepared(site, observed) ??
    forgetStreamEnds(site) ??
    giveExclusive(site, observed, nowMs);
  if (closed !== undefined) return closed;
  const waits = new Map<number, readonly Wait[]>();
  for (const one of site.generations) if (one.phase === "Draining") waits.set(one.number, observed.drainOf(one.number).waits);
  const pending = site.generations.find(isPending);
  const unfenced = liftFences(site, pending, observed);
  if (unfenced !== undefined) return unfenced;
  const unheard = hearHistory(site, observed, nowMs, waits);
  if (unheard !== undefined) return unheard;
  const forgotten = forgetRefusals(site, observed);
  if (forgotten !== undefined) return forgotten;
  const aside = watchAside(site, targetMap(site, observed), observed, nowMs);
  if (aside.refused !== undefined) return aside.refused;
  const next =
    releaseHold(site, observed, nowMs, waits) ??
    (pending === undefined ? awaitMovesBack(site, observed, nowMs, waits) : undefined) ??
    (pending === undefined ? issueNext(site, observed, nowMs, waits) : advance(site, pending, observed, nowMs, waits));
  return withAside(next, aside);
}

/** What was set aside is told beside what goes first. */
function withAside(next: Step, { waits, wakeAtMs }: ReturnType<typeof watchAside>): Step {
  if (next.waits === NOT_LOOKED || waits.length === 0) return next;
  return {
    ...next,
    waits: new Map([...next.waits, [0, [...(next.waits.get(0) ?? []), ...waits]]]),
    ...(wakeAtMs === undefined ? {} : { wakeAtMs: Math.min(wakeAtMs, next.wakeAtMs ?? wakeAtMs) }),
  };
}

/** Closes every generation that is shown to be empty, in any order. */
function closeDrained(site: SiteState, observed: Observed): Step | undefined {
  const empty = site.generations.filter((one) => one.phase === "Draining" && observed.drainOf(one.number).isEmpty);
  if (empty.length === 0) return undefined;
  return {
    site: { ...site, generations: site.generations.filter((one) => !empty.includes(one)) },
    happened: empty.map((one) => ({ what: "closed", generation: one.number, services: one.changes ?? [] })),
    waits: NOT_LOOKED,
  };
}

/** A refusal lasts as long as the template says the refused revision, unless a person asks for it by hand: then it is tried again. */
function forgetRefusals(site: SiteState, observed: Observed): Step | undefined {
  const refused = site.refused.filter((one) => observed.wanted.get(one.service) === one.revision && !observed.isAskedAgain(one));
  return refused.length === site.refused.length ? undefined : { site: { ...site, refused }, happened: [], waits: NOT_LOOKED };
}

/** A rolling update that was given up is over when the former instances are ready again. The next update waits for that; where it takes too long, only what needs these instances. */
function awaitMovesBack(site: SiteState, observed: Observed, nowMs: number, waits: Map<number, readonly Wait[]>): Step | undefined {
  const back = movesBack(site);
  const readiness = back.map((move) => ({ move, ...observed.readinessOf(move.to, move.before) }));
  const over = readiness.filter((one) => one.ready >= one.wanted).map((one) => one.move);
  if (over.length > 0) {
    // The move back, and what it takes back.
    const isOver = ({ service, before }: Move): boolean =>
      over.some(
        (one) =>
          one.service === service &&
          (one.before === before || (before < one.before && !site.generations.some((open) => open.number === before && open.returned === undefined))),
      );
    // What has the generation that was given up finishes where it was moved back to: the instances of its own are gone.
    const moves = site.moves.map((one): Move => {
      if (!isOver(one)) return one;
      const { service, before, from, to } = one;
      return { service, before, from, to, ...(over.includes(one) ? {} : { isIdle: true }) };
    });
    return { site: { ...site, moves }, happened: [], waits };
  }
  const target = targetMap(site, observed);
  const waiting = readiness.flatMap((one) => {
    const sinceMs = Date.parse(one.move.since ?? "");
    const untilMs = sinceMs + observed.policy.readyWithinMs * one.wanted;
    return nowMs < untilMs || target[one.move.service] === one.move.to ? [{ ...one, sinceMs, untilMs }] : [];
  });
  if (waiting.length === 0) return undefined;
  // What waits for its turn may have the room that the former instances need.
  if ((site.preparing ?? []).length > 0 && waiting.some((one) => nowMs >= one.untilMs))
    return { site: withPreparing(site, []), happened: [], waits: NOT_LOOKED };
  waits.set(
    0,
    waiting.map(({ move, wanted, ready, reason, sinceMs, untilMs }) => ({
      reason: "MovingBack",
      object: `revision/${move.to}`,
      sinceMs,
      message: `the rolling update of ${move.service} was given up; ${ready} of ${wanted} instances of ${move.to} are ready again${reason === undefined ? "" : `: ${reason}`}; the next update waits for them, one of ${move.service} to another revision until ${timestamp(untilMs)}. What they say: orrery logs ${move.service}`,
    })),
  );
  const deadlines = waiting.map((one) => one.untilMs).filter((untilMs) => nowMs < untilMs);
  return { site, happened: [], waits, ...(deadlines.length === 0 ? {} : { wakeAtMs: Math.min(...deadlines) }) };
}

/** A move is over when every generation that it concerns is closed. */
function forgetMoves(site: SiteState): Step | undefined {
  const oldest = site.generations[0]?.number ?? Number.POSITIVE_INFINITY;
  const moves = site.moves.filter((one) => oldest < one.before);
  return moves.length === site.moves.length ? undefined : { site: { ...site, moves }, happened: [], waits: NOT_LOOKED };
}

/** Nothing is left of what an Update has said about streams when every generation that it concerns is closed. */
function forgetStreamEnds({ streamEnds = [], ...site }: SiteState): Step | undefined {
  const oldest = site.generations[0]?.number ?? Number.POSITIVE_INFINITY;
  const kept = streamEnds.filter((one) => oldest < one.before);
  if (kept.length === streamEnds.length) return undefined;
  return { site: kept.length === 0 ? site : { ...site, streamEnds: kept }, happened: [], waits: NOT_LOOKED };
}

/** Lets a generation leave the services that it assigns differently than what is stamped, as soon as nothing of it can reach them any more: their former revisions need not wait for the rest of it. */
function leaveServices(site: SiteState, observed: Observed): Step | undefined {
  const stamped = site.stamp === undefined ? undefined : observed.mapOf(site.stamp.generation);
  let hasLeft = false;
  const generations = site.generations.map((one) => {
    const map = one.phase === "Draining" ? observed.mapOf(one.number) : undefined;
    if (map === undefined || stamped === undefined) return one;
    const gone = differingServices(map, stamped).filter(
      (service) => map[service] !== undefined && one.left?.includes(service) !== true && observed.drainOf(one.number, service).isEmpty,
    );
    if (gone.length === 0) return one;
    hasLeft = true;
    return { ...one, left: [...(one.left ?? []), ...gone].sort() };
  });
  return hasLeft ? { site: { ...site, generations }, happened: [], waits: NOT_LOOKED } : undefined;
}
