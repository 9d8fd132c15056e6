import { OrreryError } from "#/base/index.ts";
import { type Microservice, microservice, type ServiceDomain, serviceDomain } from "#/model/index.ts";
import type { PathCaller } from "#/state/reconcile/index.ts";
import { parseLabelSelector } from "#/state/store/index.ts";

/** What there is to be seen of. */
export interface ReachSight {
  readonly services: Iterable<Microservice>;
  readonly domain: (name: string) => ServiceDomain | undefined;
}

/** What somebody may be told of calls. */
export interface Reach {
  /** Calls to these services are asked for; absent: to all, and those that met none. */
  readonly services?: ReadonlySet<string>;
  /** Services that they see, or see the calls of; absent: all of them. Others are hidden. */
  readonly seen?: ReadonlySet<string>;
}

/** Who sees everything is told of all calls, or of those to the services of `domain`. Somebody else is told of calls to the services that they see; whoever sees a domain and asks for it, of those to its services.
 *  @throws store/missing: there is no such domain, or they do not see it */
export function reachOf(sight: ReachSight, caller: Pick<PathCaller, "sees" | "seesAll">, domain: string | undefined): Reach {
  const seesAll = caller.seesAll("*");
  if (domain === undefined) {
    if (seesAll) return {};
    const seen = new Set([...sight.services].filter((one) => caller.sees(microservice, one)).map((one) => one.metadata.name));
    return { services: seen, seen };
  }
  const found = sight.domain(domain);
  if (found === undefined || !caller.sees(serviceDomain, found))
    throw new OrreryError("store/missing", `there is no ServiceDomain ${domain.slice(0, 253)}`);
  const services = servicesOf(found, sight.services);
  return { services, ...(!seesAll && { seen: services }) };
}

/** The services that are in it now. */
export function servicesOf({ spec }: ServiceDomain, services: Iterable<Microservice>): ReadonlySet<string> {
  const selects = spec.selector === undefined ? undefined : parseLabelSelector(spec.selector);
  const selected = selects === undefined ? [] : [...services].filter(({ metadata }) => selects(metadata.labels ?? {}));
  return new Set([...(spec.services ?? []), ...selected.map(({ metadata }) => metadata.name)]);
}
