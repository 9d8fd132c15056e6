import { buildUpdateView, type UpdateView } from "#/face/views/lanes/index.ts";
import {
  type Gateway,
  type Generation,
  gateway,
  generation,
  type Instance,
  instance,
  type Kind,
  type Revision,
  revision,
  type Site,
  site,
  type Update,
  update,
} from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { GatewayReport } from "#/traffic/routing/index.ts";
import { objectPath } from "./kubernetes.ts";
import { loadLive } from "./live.ts";

/** Everything about the updates of a site, read in one go. `name`: only that Update, and the lanes of its services. */
export async function loadUpdateView(api: Client, name: string | undefined, nowMs: number): Promise<UpdateView> {
  const list = async <T>(kind: Kind): Promise<readonly T[]> =>
    ((await api.request({ path: objectPath(kind) })).body as { readonly items: readonly T[] }).items;
  const [sites, generations, revisions, instances, gateways, updates, reports] = await Promise.all([
    list<Site>(site),
    list<Generation>(generation),
    list<Revision>(revision),
    list<Instance>(instance),
    list<Gateway>(gateway),
    name === undefined ? list<Update>(update) : api.request({ path: objectPath(update, name) }).then((answer) => [answer.body as Update]),
    loadLive(api, "gateways"),
  ]);
  const reportOf = new Map(reports.map((one) => [one.key, one.value as unknown as GatewayReport]));
  return buildUpdateView({ site: sites[0], generations, revisions, instances, gateways, updates, reportOf }, name, nowMs);
}
