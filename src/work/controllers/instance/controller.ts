import type { Clock, Log, Random } from "#/base/index.ts";
import { type Instance, instance, TRAFFIC_FINALIZER } from "#/model/index.ts";
import { type CachesOf, Controller, objectKey, type ReconcileResult } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";

/** What it looks at. */
export const INSTANCE_READS = { instances: instance };

export interface InstanceControllerOptions {
  readonly store: Store;
  readonly caches: CachesOf<typeof INSTANCE_READS>;
  /** Why gateways may still send calls to the instance, or have some open there; `undefined` when all have forgotten it. */
  readonly trafficOf: (instance: Instance) => string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** How often an Instance that gateways still hold is looked at. */
const LOOK_AGAIN_MS = 100;

/** Lets the agent stop an Instance that is being deleted, or asked to begin again, as soon as no gateway can send it calls. Key: namespace/name. */
export function createInstanceController(options: InstanceControllerOptions): Controller {
  const { store, caches, trafficOf, clock, random, log } = options;
  const reconcile = async (key: string): Promise<ReconcileResult | undefined> => {
    const one = caches.instances.get(key);
    if (one === undefined || !isWaiting(one)) return undefined;
    if (trafficOf(one) !== undefined) return { requeueAfterMs: LOOK_AGAIN_MS };
    if (one.metadata.deletionTimestamp === undefined) {
      const { resourceVersion } = one.metadata;
      await store.patch(instance, one.metadata, { type: "merge", body: { metadata: { resourceVersion }, spec: { restart: { isFree: true } } } });
      return undefined;
    }
    const finalizers = (one.metadata.finalizers ?? []).filter((finalizer) => finalizer !== TRAFFIC_FINALIZER);
    await store.patch(instance, one.metadata, { type: "merge", body: { metadata: { resourceVersion: one.metadata.resourceVersion, finalizers } } });
    return undefined;
  };
  const controller = new Controller({ name: "instance-controller", clock, random, log, concurrency: 8, reconcile });
  caches.instances.listen((before, after) => {
    if (after === undefined && before !== undefined) controller.forget(objectKey(before));
    else if (after !== undefined && isWaiting(after)) controller.enqueue(objectKey(after));
  });
  return controller;
}

/** True if gateways have to forget it first: it is being deleted, or is to begin again. */
function isWaiting({ metadata, spec, status }: Instance): boolean {
  if (metadata.deletionTimestamp !== undefined) return metadata.finalizers?.includes(TRAFFIC_FINALIZER) === true;
  return spec.restart !== undefined && spec.restart.isFree !== true && status?.restartedAt !== spec.restart.at;
}
