import { generation, instance, isLeaving, microservice, revision, route, site } from "#/model/index.ts";
import type { Peers } from "#/state/link/hub/index.ts";
import type { CopiesOf } from "#/state/reconcile/index.ts";
import type { TableDistribution } from "#/traffic/routing/distribution/index.ts";
import type { TableBuilder } from "#/traffic/routing/table/index.ts";
import type { ConnectedGateway } from "./controller.ts";

/** What the routing table is made of. */
export const TABLE_READS = {
  sites: site,
  generations: generation,
  revisions: revision,
  instances: instance,
  microservices: microservice,
  routes: route,
};

/** Keeps the table's builder in step with the caches. */
export function fillTable(caches: CopiesOf<typeof TABLE_READS>, builder: TableBuilder, distribution: TableDistribution): void {
  const changed = (): void => distribution.touch();
  const name = (before: { metadata: { name: string } } | undefined): string => before?.metadata.name ?? "";
  caches.sites.listen((before, after) => {
    if (after === undefined) builder.remove("Site", name(before));
    else builder.put("Site", after);
    changed();
  });
  caches.generations.listen((before, after) => {
    if (after === undefined) builder.remove("Generation", name(before));
    else builder.put("Generation", after);
    changed();
  });
  caches.revisions.listen((before, after) => {
    if (after === undefined) builder.remove("Revision", name(before));
    else builder.put("Revision", after);
    changed();
  });
  caches.instances.listen((before, after) => {
    // One that is made again under its name may come without its end having been heard.
    const isBack = before !== undefined && after !== undefined && isLeaving(before) && !isLeaving(after);
    if (before !== undefined && (before.metadata.uid !== after?.metadata.uid || isBack)) distribution.forgetInstance(name(before));
    if (after === undefined) builder.remove("Instance", name(before));
    else builder.put("Instance", after);
    changed();
  });
  caches.microservices.listen((before, after) => {
    if (after === undefined) builder.remove("Microservice", name(before));
    else builder.put("Microservice", after);
    changed();
  });
  caches.routes.listen((before, after) => {
    if (after === undefined) builder.remove("Route", name(before));
    else builder.put("Route", after);
    changed();
  });
}

/** What is known of a gateway that is connected. */
export function connectionOf(peers: Peers, distribution: TableDistribution, name: string): ConnectedGateway | undefined {
  const peer = peers.gateway(name);
  if (peer === undefined || !distribution.isConnected(name)) return undefined;
  const report = distribution.reportOf(name);
  const acknowledged = distribution.acknowledged(name);
  const silentSinceMs = peers.silentSinceMs("gateway", name);
  return {
    host: peer.host,
    roles: report?.roles ?? ["edge", "host"],
    incarnation: peer.incarnation,
    ...(peer.formerUncleanMs === undefined ? {} : { formerUncleanMs: peer.formerUncleanMs }),
    ...(report?.edgeAddress === undefined ? {} : { edgeAddress: report.edgeAddress }),
    isCurrent: acknowledged !== undefined && acknowledged.version >= distribution.position.version,
    listenFailures: report?.listenFailures ?? [],
    ...(report?.tableFailure === undefined ? {} : { tableFailure: report.tableFailure }),
    ...(silentSinceMs === undefined ? {} : { silentSinceMs }),
  };
}
