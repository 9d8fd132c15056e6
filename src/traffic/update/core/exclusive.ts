import { type Instance, timestamp } from "#/model/index.ts";
import { revisionsMet } from "#/traffic/routing/table/index.ts";
import { NOT_LOOKED, type Observed, type Step } from "./observed.ts";
import { type ExclusiveUse, movesOf, type SiteState } from "./state.ts";

/** Decides which revision of an exclusive service may use what only one revision may use: the one that new transactions meet, as soon as no instance is left that uses it, or that may still be told to. Decided in the Site, so that two leaders never decide differently; what is told to instances follows from it.
 *  In two steps, each a write of its own: first nobody may use it, and who is about to tell an instance finds that out; then, after another look, the next one may. In one step an instance could be made, and told, between the look and the write. */
export function giveExclusive(site: SiteState, observed: Pick<Observed, "exclusive" | "mapOf">, nowMs: number): Step | undefined {
  const exclusive: ExclusiveUse[] = [];
  const given: ExclusiveUse[] = [];
  for (const [service, present] of [...observed.exclusive].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const entry = site.exclusive.find((one) => one.service === service);
    const next = nextUser(site, service, observed);
    const isStaying = next === undefined || next === entry?.revision || isUsed(present, entry?.revision, next);
    if (entry !== undefined && isStaying) exclusive.push(entry);
    else if (entry === undefined && !isStaying) given.push({ service, revision: next, since: timestamp(nowMs) });
  }
  if (given.length === 0 && exclusive.length === site.exclusive.length) return undefined;
  return {
    site: { ...site, exclusive: [...exclusive, ...given].sort((a, b) => (a.service < b.service ? -1 : 1)) },
    happened: given.map(({ service, revision }) => ({
      what: "given",
      generation: site.stamp?.generation ?? site.counter,
      services: [service],
      revision,
    })),
    waits: NOT_LOOKED,
  };
}

/** Revisions of `instances` by the service that they belong to; `true`: one of them may be more than passive. */
export function exclusiveServices(
  services: Iterable<string>,
  instancesOf: (service: string) => Iterable<Instance>,
): ReadonlyMap<string, ReadonlyMap<string, boolean>> {
  const seen = new Map<string, ReadonlyMap<string, boolean>>();
  for (const service of services) {
    const present = new Map<string, boolean>();
    for (const { spec } of instancesOf(service)) {
      const revision = spec.revision ?? "";
      present.set(revision, present.get(revision) === true || spec.duty !== "passive");
    }
    seen.set(service, present);
  }
  return seen;
}

/** True if another revision than `next` uses the thing, or may: even of instances that are passive one may be told otherwise by who has not heard yet that `user` is no longer the user, or, while nothing was decided, that the service is exclusive. */
function isUsed(present: ReadonlyMap<string, boolean>, user: string | undefined, next: string): boolean {
  return [...present].some(([revision, isMoreThanPassive]) => revision !== next && (isMoreThanPassive || user === undefined || revision === user));
}

/** The revision that new transactions meet; before the service was ever served, the newest that is to come. */
function nextUser(site: SiteState, service: string, observed: Pick<Observed, "mapOf">): string | undefined {
  const stamped = site.stamp?.generation;
  const served = stamped === undefined ? undefined : observed.mapOf(stamped)?.[service];
  if (stamped !== undefined && served !== undefined) return revisionsMet(movesOf(site, service), stamped, served).at(-1);
  return site.generations.map((one) => observed.mapOf(one.number)?.[service]).findLast((revision) => revision !== undefined);
}
