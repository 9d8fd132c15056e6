import { type StampPlan, timestamp } from "#/model/index.ts";
import type { Observed, Situation, Step, UpdateIntent } from "./observed.ts";
import { type GenerationMap, type Move, mixes, type OpenGeneration, type SiteState, type Wait } from "./state.ts";

/** New transactions belong to the pending generation from now on. `hold`: those that can reach its services still wait, until its instances are active. */
export function switchOver(now: Situation, hold?: NonNullable<StampPlan["hold"]>): Step {
  const { site, pending, observed, nowMs, waits } = now;
  const switched = timestamp(nowMs);
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

/** All calls go to the new revision at the switch where the strategy, or a compatible handover, says so; what was moved instance by instance is moved. */
function movesAfterSwitch(now: Situation): SiteState["moves"] {
  const { site, pending, observed } = now;
  const kept = site.moves.map(
    (one): Move => (one.before === pending.number ? { service: one.service, before: one.before, from: one.from, to: one.to } : one),
  );
  const atOnce = replaced({ ...now, changes: pending.changes ?? [] }).filter(
    ({ service, to }) => pending.strategy === "blueGreen" || (!mixes(pending.strategy) && observed.handoverOf(service, to) === "compatible"),
  );
  return [...kept, ...atOnce.map((one) => ({ ...one, before: pending.number }))];
}

/** Nothing new gets the pending generation; what has it finishes there. */
export function goBack(site: SiteState, pending: OpenGeneration, reason: string, refused: SiteState["refused"], nowMs: number): Step {
  return {
    site: { ...withPhase(site, pending, "Draining", nowMs), stamp: { generation: site.stamp?.generation ?? 0 }, refused },
    happened: [{ what: "returned", generation: pending.number, services: pending.changes ?? [], reason }],
    waits: new Map(),
  };
}

/** Takes back a generation that nobody stamps yet. */
export function abort(site: SiteState, pending: OpenGeneration, reason: string, refused: SiteState["refused"]): Step {
  return {
    site: {
      ...site,
      generations: site.generations.filter((one) => one.number !== pending.number),
      moves: site.moves.filter((one) => one.before !== pending.number),
      refused,
    },
    happened: [{ what: "aborted", generation: pending.number, services: pending.changes ?? [], reason }],
    waits: new Map(),
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
export function pause(site: SiteState, pending: OpenGeneration, intent: UpdateIntent, waits: Map<number, readonly Wait[]>): Step {
  waits.set(pending.number, [
    {
      reason: "Paused",
      object: `update/${intent.name}`,
      sinceMs: Date.parse(pending.since),
      message: `update ${intent.name} is paused; go on with: orrery update pause ${intent.name} --off, or end it with: orrery update promote|abort ${intent.name}`,
    },
  ]);
  return { site, happened: [], waits };
}

/** `generation` in another phase. */
export function withPhase(site: SiteState, generation: OpenGeneration, phase: OpenGeneration["phase"], nowMs: number): SiteState {
  return {
    ...site,
    generations: site.generations.map((one) => (one.number === generation.number ? { ...one, phase, since: timestamp(nowMs) } : one)),
  };
}
