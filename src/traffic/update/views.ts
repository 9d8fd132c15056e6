import { gateway, type Instance, type instance, type microservice, type revision, TRAFFIC_FINALIZER } from "#/model/index.ts";
import type { CopiesOf } from "#/state/reconcile/index.ts";
import type { TableDistribution } from "#/traffic/routing/distribution/index.ts";
import { type LeftWait, type Readiness, revisionReadiness, withdrawing } from "./core/index.ts";

/** What is seen of instances, and of who may call them. */
export interface InstanceSight {
  readonly caches: CopiesOf<{
    readonly microservices: typeof microservice;
    readonly revisions: typeof revision;
    readonly instances: typeof instance;
    readonly gateways: typeof gateway;
  }>;
  readonly isHostKnown: (host: string) => boolean;
  readonly distribution: TableDistribution;
}

/** How ready a revision is, by what is in the caches. */
export function readinessOf(sight: InstanceSight, namespace: string, revision: string, claim: number | undefined): Readiness {
  const { caches, isHostKnown } = sight;
  const object = caches.revisions.get(`${namespace}/${revision}`);
  const readiness = revisionReadiness({
    revision: object,
    serviceOf: (name) => caches.microservices.get(`${namespace}/${name}`),
    instances: caches.instances.byIndex("revision", `${namespace}/${revision}`),
    siblings: object === undefined ? [] : caches.instances.byIndex("service", `${namespace}/${object.spec.service}`),
    holderOf: (one) => (one.metadata.finalizers?.includes(TRAFFIC_FINALIZER) === true ? trafficOf(sight, one) : undefined),
    isHostKnown,
    claim,
  });
  const why = object === undefined ? whyMissing(sight, revision) : undefined;
  return why === undefined ? readiness : { ...readiness, reason: why };
}

/** A Revision that somebody has deleted is made again of the template and its files, if these are still there. */
function whyMissing({ caches }: InstanceSight, revision: string): string | undefined {
  for (const { status } of caches.microservices.values()) {
    const ready = status?.revision === revision ? status.conditions?.find((one) => one.type === "Ready") : undefined;
    if (ready?.reason === "RevisionFailed") return `its Revision is gone, and cannot be made again: ${ready.message}`;
  }
  return undefined;
}

/** Which gateway still knows, or calls, an instance that is being deleted; `undefined`: none. */
export function trafficOf({ caches, distribution }: TrafficSight, instance: Instance): string | undefined {
  return distribution.holders(
    instance.metadata.name,
    [...caches.gateways.values()].map((one) => one.metadata.name),
  );
}

/** What `trafficOf` looks at. */
export const TRAFFIC_READS = { gateways: gateway };

/** What is seen of those who may call instances. */
export interface TrafficSight {
  readonly caches: CopiesOf<typeof TRAFFIC_READS>;
  readonly distribution: TableDistribution;
}

/** Instances of a revision that nothing needs any more, and why each is still there. */
export function leftOf(sight: InstanceSight, namespace: string, revision: string): LeftWait[] {
  const { caches, isHostKnown } = sight;
  return [...caches.instances.byIndex("revision", `${namespace}/${revision}`)].map((one) => {
    const isRouted = one.metadata.finalizers?.includes(TRAFFIC_FINALIZER) === true;
    return withdrawing(one, { holder: isRouted ? trafficOf(sight, one) : undefined, isHostKnown: isHostKnown(one.spec.host) });
  });
}
