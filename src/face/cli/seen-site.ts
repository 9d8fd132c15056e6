import { OrreryError } from "#/base/index.ts";
import {
  type Gateway,
  type Generation,
  gateway,
  generation,
  type Host,
  host,
  type Instance,
  instance,
  type Kind,
  type Microservice,
  microservice,
  type Resource,
  type Revision,
  type Route,
  resource,
  revision,
  route,
  type Site,
  site,
  type Update,
  update,
} from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { SeenSite } from "#/traffic/update/core/index.ts";
import { objectPath } from "./kubernetes.ts";

/** Everything that a forecast asks for, read in one go. */
export async function loadSeenSite(api: Client): Promise<SeenSite> {
  const list = async <T>(kind: Kind): Promise<readonly T[]> =>
    ((await api.request({ path: objectPath(kind) })).body as { readonly items: readonly T[] }).items;
  const [sites, microservices, revisions, generations, instances, routes, resources, hosts, gateways, updates] = await Promise.all([
    list<Site>(site),
    list<Microservice>(microservice),
    list<Revision>(revision),
    list<Generation>(generation),
    list<Instance>(instance),
    list<Route>(route),
    list<Resource>(resource),
    list<Host>(host),
    list<Gateway>(gateway),
    list<Update>(update),
  ]);
  const [one] = sites;
  if (one === undefined) throw new OrreryError("cli/missing", "there is no Site yet: its centre is just starting; try again");
  return { site: one, microservices, revisions, generations, instances, routes, resources, hosts, gateways, updates };
}
