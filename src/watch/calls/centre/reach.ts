import { OrreryError } from "#/base/index.ts";
import { type Microservice, microservice, type ServiceDomain, serviceDomain } from "#/model/index.ts";
import type { PathCaller } from "#/state/reconcile/index.ts";
import { parseLabelSelector } from "#/state/store/index.ts";

/** What there is to be seen of. */
export interface ReachSight {
  readonly services: Iterable<Microservice>;
  readonly domain: (name: string) => ServiceDomain | undefined;
}

/** To which services somebody may see calls; `undefined`: to all, and those that met none. Whoever sees a domain and asks for it sees the calls to its services; else one sees those to services that one sees.
 *  @throws store/missing: there is no such domain, or they do not see it */
export function reachOf(
  sight: ReachSight,
  caller: Pick<PathCaller, "sees" | "seesAll">,
  domain: string | undefined,
): ReadonlySet<string> | undefined {
  if (domain === undefined) {
    if (caller.seesAll("*")) return undefined;
    return new Set([...sight.services].filter((one) => caller.sees(microservice, one)).map((one) => one.metadata.name));
  }
  const found = sight.domain(domain);
  if (found === undefined || !caller.sees(serviceDomain, found))
    throw new OrreryError("store/missing", `there is no ServiceDomain ${domain.slice(0, 253)}`);
  return servicesOf(found, sight.services);
}

/** The services that are in it now. */
export function servicesOf({ spec }: ServiceDomain, services: Iterable<Microservice>): ReadonlySet<string> {
  const selects = spec.selector === undefined ? undefined : parseLabelSelector(spec.selector);
  const selected = selects === undefined ? [] : [...services].filter(({ metadata }) => selects(metadata.labels ?? {}));
  return new Set([...(spec.services ?? []), ...selected.map(({ metadata }) => metadata.name)]);
}
