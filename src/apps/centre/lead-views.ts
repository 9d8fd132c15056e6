import { type Instance, isLeaving, TRAFFIC_FINALIZER } from "#/model/index.ts";
import type { TableDistribution } from "#/traffic/routing/distribution/index.ts";
import type { TableBuilder } from "#/traffic/routing/table/index.ts";
import { type LeftWait, type Readiness, revisionReadiness, withdrawing } from "#/traffic/update/core/index.ts";
import type { Caches, ConnectedGateway, Observation } from "#/work/controllers/index.ts";
import type { BusyAnswer } from "#/work/probes/index.ts";

/** What the leader asks about those who are connected to it. */
export interface Peers {
  isAgentConnected(host: string): boolean;
  /** When the host's agent was last heard; `undefined` if never by this centre. */
  agentSeenMs(host: string): number | undefined;
  gateway(
    name: string,
  ): { readonly host: string; readonly incarnation: number; readonly formerUncleanMs?: number; readonly formerLongestMs?: number } | undefined;
  observationOf(resource: string): Observation | undefined;
  /** Asks the host's agent whether an instance has work that no call shows.
   *  @throws link/...: the agent cannot be asked */
  askBusy(host: string, namespace: string, instance: string): Promise<BusyAnswer>;
}

/** Keeps the table's builder in step with the caches. */
export function fillTable(caches: Caches, builder: TableBuilder, distribution: TableDistribution): void {
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

/** How ready a revision is, by what is in the caches. */
export function readinessOf(about: {
  readonly caches: Caches;
  readonly namespace: string;
  readonly revision: string;
  readonly claim: number | undefined;
  readonly isHostKnown: (host: string) => boolean;
  readonly distribution: TableDistribution;
}): Readiness {
  const { caches, namespace, revision, claim, isHostKnown, distribution } = about;
  const object = caches.revisions.get(`${namespace}/${revision}`);
  const readiness = revisionReadiness({
    revision: object,
    serviceOf: (name) => caches.microservices.get(`${namespace}/${name}`),
    instances: caches.instances.byIndex("revision", `${namespace}/${revision}`),
    siblings: object === undefined ? [] : caches.instances.byIndex("service", `${namespace}/${object.spec.service}`),
    holderOf: (one) => (one.metadata.finalizers?.includes(TRAFFIC_FINALIZER) === true ? trafficOf(caches, distribution, one) : undefined),
    isHostKnown,
    claim,
  });
  const why = object === undefined ? whyMissing(caches, revision) : undefined;
  return why === undefined ? readiness : { ...readiness, reason: why };
}

/** A Revision that somebody has deleted is made again of the template and its files, if these are still there. */
function whyMissing(caches: Caches, revision: string): string | undefined {
  for (const { status } of caches.microservices.values()) {
    const ready = status?.revision === revision ? status.conditions?.find((one) => one.type === "Ready") : undefined;
    if (ready?.reason === "RevisionFailed") return `its Revision is gone, and cannot be made again: ${ready.message}`;
  }
  return undefined;
}

/** What is known of a gateway that is connected. */
export function connectionOf(peers: Peers, distribution: TableDistribution, name: string): ConnectedGateway | undefined {
  const peer = peers.gateway(name);
  if (peer === undefined || !distribution.isConnected(name)) return undefined;
  const report = distribution.reportOf(name);
  const acknowledged = distribution.acknowledged(name);
  return {
    host: peer.host,
    roles: report?.roles ?? ["edge", "host"],
    incarnation: peer.incarnation,
    ...(peer.formerUncleanMs === undefined ? {} : { formerUncleanMs: peer.formerUncleanMs }),
    ...(peer.formerLongestMs === undefined ? {} : { formerLongestMs: peer.formerLongestMs }),
    ...(report?.edgeAddress === undefined ? {} : { edgeAddress: report.edgeAddress }),
    isCurrent: acknowledged !== undefined && acknowledged.version >= distribution.position.version,
    listenFailures: report?.listenFailures ?? [],
    ...(report?.tableFailure === undefined ? {} : { tableFailure: report.tableFailure }),
  };
}

/** Which gateway still knows, or calls, an instance that is being deleted; `undefined`: none. */
export function trafficOf(caches: Caches, distribution: TableDistribution, instance: Instance): string | undefined {
  return distribution.holders(
    instance.metadata.name,
    [...caches.gateways.values()].map((one) => one.metadata.name),
  );
}

/** Instances of a revision that nothing needs any more, and why each is still there. */
export function leftOf(about: {
  readonly caches: Caches;
  readonly distribution: TableDistribution;
  readonly namespace: string;
  readonly revision: string;
  readonly isHostKnown: (host: string) => boolean;
}): LeftWait[] {
  const { caches, distribution, namespace, revision, isHostKnown } = about;
  return [...caches.instances.byIndex("revision", `${namespace}/${revision}`)].map((one) => {
    const isRouted = one.metadata.finalizers?.includes(TRAFFIC_FINALIZER) === true;
    return withdrawing(one, { holder: isRouted ? trafficOf(caches, distribution, one) : undefined, isHostKnown: isHostKnown(one.spec.host) });
  });
}
