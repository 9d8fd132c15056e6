import { type StampPlan, timestamp } from "#/model/index.ts";
import { NOT_LOOKED, type Observed, type Situation, type Step, type UpdateIntent } from "./observed.ts";
import type { GenerationMap, Move, OpenGeneration, SiteState, Wait } from "./state.ts";

/** New transactions belong to the pending generation from now on. `hold`: those that can reach its services still wait, until its instances are active. */
export function switchOver(now: Situation, hold?: NonNullable<StampPlan["hold"]>): Step {
  const { pending, observed, nowMs, waits } = now;
  const switched = timestamp(nowMs);
  const site = sayStreamEnds(unsayStreamEnds(now.site, pending.number), pending.number, pending.streamEnds);
  return {
    site: {
      ...site,
      generations: site.generations.map((one) => {
        if (one.number === pending.number) return { ...one, phase: "Active", since: switched };
        return one.phase === "Active" ? { ...one, phase: "Draining", since: switched } : one;
      }),
      stamp: { generation: pending.number, ...(hold === undefined ? {} : { hold }) },
      moves: movesAfterSwitch(now),
      // A refusal lasts as long as the template says the refused revision.
      refused: site.refused.filter((one) => observed.wanted.get(one.service) === one.revision),
    },
    happened: [{ what: "switched", generation: pending.number, services: pending.changes ?? [] }],
    waits,
  };
}

/** Services that the pending generation assigns differently than the one that is stamped, and the two revisions. What is new has none before. */
export function replaced(
  now: Pick<Situation, "site" | "map"> & { readonly observed: Pick<Observed, "mapOf">; readonly changes: readonly string[] },
): readonly Replacement[] {
  const served = now.site.stamp === undefined ? undefined : now.observed.mapOf(now.site.stamp.generation);
  return now.changes.flatMap((service) => {
    const [from, to] = [served?.[service], now.map[service]];
    return from === undefined || to === undefined || from === to ? [] : [{ service, from, to }];
  });
}

export interface Replacement {
  readonly service: string;
  readonly from: string;
  readonly to: string;
}

/** Where all calls will go to the new revision at the switch because it is handed over compatibly. Gateways have to know it before: a call of an instance that was moved may reach one that has not heard of the switch. */
export function movesToPlan(now: Situation, isHeld: boolean): SiteState["moves"] {
  const { pending, observed } = now;
  if (isHeld) return [];
  return unmoved(now)
    .filter(({ service, to }) => observed.handoverOf(service, to) === "compatible")
    .map((one) => ({ ...one, before: pending.number, isIdle: true }));
}

/** Services that the pending generation replaces, and whose calls do not go past it by its strategy. */
export function unmoved(now: Situation): readonly Replacement[] {
  const { site, pending } = now;
  const isMoved = (service: string): boolean => site.moves.some((one) => one.before === pending.number && one.service === service);
  return replaced({ ...now, changes: pending.changes ?? [] }).filter((one) => !isMoved(one.service));
}

/** What was planned, or moved instance by instance, is moved. */
function movesAfterSwitch({ site, pending }: Situation): SiteState["moves"] {
  return site.moves.map(
    (one): Move => (one.before === pending.number ? { service: one.service, before: one.before, from: one.from, to: one.to } : one),
  );
}

/** From now on streams of all generations before `before` end so. Of two that replace a service, the later one says. */
export function sayStreamEnds(site: SiteState, before: number, said: OpenGeneration["streamEnds"]): SiteState {
  if (said === undefined || said.services.length === 0) return site;
  const { services, ...end } = said;
  const others = (site.streamEnds ?? []).filter((one) => !services.includes(one.service));
  return { ...site, streamEnds: [...others, ...services.map((service) => ({ service, before, ...end }))] };
}

/** What was said for `before` holds no longer: it is given up, or was for the time until the switch. */
function unsayStreamEnds({ streamEnds = [], ...site }: SiteState, before: number): SiteState {
  const kept = streamEnds.filter((one) => one.before !== before);
  return kept.length === 0 ? site : { ...site, streamEnds: kept };
}

/** Calls go where they went before; what was moved already finishes what it has begun. What was moved instance by instance is moved back in the same way: some of the former ones are gone. That takes a number of its own, by which it claims instances: who knows only the update that was given up must not delete them. */
function takeBack(site: SiteState, { number }: OpenGeneration, nowMs: number): Pick<SiteState, "moves" | "counter"> {
  const isRolling = site.moves.some((one) => one.before === number && one.isPartial === true);
  const counter = site.counter + (isRolling ? 1 : 0);
  const moves = site.moves.flatMap((one): Move[] => {
    const { service, before, from, to, isPartial, isIdle } = one;
    if (before !== number) return [one];
    if (isIdle === true) return [];
    if (isPartial !== true) return [{ service, before, from, to, isIdle: true }];
    return [
      { service, before, from, to },
      { service, before: counter, from: to, to: from, isPartial: true, since: timestamp(nowMs) },
    ];
  });
  return { moves, counter };
}

/** Moves back of rolling updates that were given up. */
export function movesBack({ moves, generations }: SiteState): SiteState["moves"] {
  return moves.filter((one) => one.isPartial === true && !generations.some((open) => open.number === one.before));
}

/** Why something is taken back that nobody wants any more. */
export const WISH_CHANGED = "the wish has changed meanwhile; what is wanted now is updated by itself, nothing has to be done";

/** Nothing new gets the pending generation; what has it finishes there. */
export function goBack(site: SiteState, pending: OpenGeneration, reason: string, refused: SiteState["refused"], nowMs: number): Step {
  const drained = withPhase(site, pending, "Draining", nowMs);
  return {
    site: {
      ...unsayStreamEnds(drained, pending.number),
      generations: drained.generations.map((one) => (one.number === pending.number ? { ...one, returned: reason } : one)),
      stamp: { generation: site.stamp?.generation ?? 0 },
      ...takeBack(site, pending, nowMs),
      refused,
    },
    happened: [{ what: "returned", generation: pending.number, services: pending.changes ?? [], reason }],
    waits: NOT_LOOKED,
  };
}

/** Takes back a generation that nobody stamps yet. */
export function abort(site: SiteState, pending: OpenGeneration, reason: string, refused: SiteState["refused"], nowMs: number): Step {
  return {
    site: {
      ...unsayStreamEnds(site, pending.number),
      generations: site.generations.filter((one) => one.number !== pending.number),
      ...takeBack(site, pending, nowMs),
      refused,
    },
    happened: [{ what: "aborted", generation: pending.number, services: pending.changes ?? [], reason }],
    waits: NOT_LOOKED,
  };
}

/** The changed services' revisions are not tried again while their templates say them. */
export function refuse(site: SiteState, pending: OpenGeneration, map: GenerationMap, reason: string, nowMs: number): SiteState["refused"] {
  const fresh = (pending.changes ?? []).flatMap((service) =>
    map[service] === undefined ? [] : [{ service, revision: map[service], reason, at: timestamp(nowMs) }],
  );
  return [...site.refused.filter((old) => !fresh.some((one) => one.service === old.service)), ...fresh];
}

/** Waits for a person. */
export function pause({ site, pending, waits, nowMs }: Situation, intent: UpdateIntent): Step {
  waits.set(pending.number, [pausedWait(intent, nowMs)]);
  return { site, happened: [], waits };
}

/** As old as whoever keeps the waits has seen it: since when an Update is paused stands nowhere else. */
export function pausedWait({ name }: UpdateIntent, nowMs: number): Wait {
  return {
    reason: "Paused",
    object: `update/${name}`,
    sinceMs: nowMs,
    message: `update ${name} is paused; go on with: orrery update pause ${name} --off, or end it with: orrery update promote|abort ${name}`,
  };
}

/** `generation` in another phase. */
export function withPhase(site: SiteState, generation: OpenGeneration, phase: OpenGeneration["phase"], nowMs: number): SiteState {
  return {
    ...site,
    generations: site.generations.map((one) => (one.number === generation.number ? { ...one, phase, since: timestamp(nowMs) } : one)),
  };
}
