import type { Clock } from "#/base/index.ts";
import type { Asked } from "../asked.ts";
import { CountsAnswer } from "../counts-answer.ts";
import type { ViewedKind } from "../followed.ts";
import type { PlatformRow } from "../protocol.ts";
import type { Rights } from "../rights.ts";
import type { Sources } from "../sources.ts";
import { OVERVIEW_FILTERS, OVERVIEW_KINDS, OverviewAnswer, PROBLEM_STATES, UNDER_WAY } from "./overview-answer.ts";

export interface OverviewSurroundings {
  /** How the centre itself is. */
  readonly platform: () => PlatformRow;
  readonly clock: Clock;
}

/** What is wrong with what the reader may see. */
export function askOverview(limit: number, rights: Rights, sources: Sources, { platform, clock }: OverviewSurroundings): Asked {
  const isListed = ({ group, plural }: ViewedKind): boolean => rights.may({ verb: "list", group, resource: plural });
  // A layer of which nothing may be seen is not there: nothing that nobody sees is said to be well.
  const judged = Object.keys(OVERVIEW_KINDS)
    .flatMap((resource) => sources.find(resource) ?? [])
    .filter(isListed);
  const updates = [sources.find("updates")].find((one) => one !== undefined && isListed(one));
  const all = updates === undefined ? judged : [...judged, updates];
  return {
    rights: rights.nameOf(all),
    objects: all.map((one) => one.resource),
    topics: [],
    answer({ objects, queries }) {
      const services = sources.find("microservices");
      const isService = services === undefined ? undefined : rights.visible(services);
      const scope = (resource: string) => rights.scope(sources.kind(resource));
      const followed = new Map(all.map((one) => [one.resource, objects(one.resource)]));
      const query = (resource: string, filter: Record<string, string[]>, sort: { by: string; descending: boolean }) =>
        queries.acquire(objects(resource), { resource, filter, sort }, scope(resource));
      return new OverviewAnswer({
        limit,
        problems: new Map(
          judged.map(({ resource }) => [
            resource,
            query(resource, { state: [...PROBLEM_STATES], ...OVERVIEW_FILTERS[resource] }, { by: "state", descending: false }),
          ]),
        ),
        counts: new Map(
          judged.map(({ resource }) => [
            resource,
            new CountsAnswer(objects(resource), { of: "counts", resource, by: "state", limit: 10, ...filterOf(resource) }, scope(resource)),
          ]),
        ),
        updates: updates === undefined ? undefined : query("updates", { phase: [...UNDER_WAY] }, { by: "created", descending: true }),
        findService(key) {
          const service = followed.get("microservices")?.source.get(key);
          return service === undefined || isService?.(service) === false ? undefined : service;
        },
        platform,
        clock,
        silence: () => [...followed.values()].find(({ source }) => source.silence !== undefined)?.source.silence,
      });
    },
  };
}

/** Those that are well again are no part of a layer. */
function filterOf(resource: string): { readonly filter?: Record<string, string[]> } {
  const filter = OVERVIEW_FILTERS[resource];
  return filter === undefined ? {} : { filter: { state: [...PROBLEM_STATES], ...filter } };
}
