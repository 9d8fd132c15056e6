import type { Clock, Log, Random } from "#/base/index.ts";
import { host, VOLUME_FINALIZER, volume } from "#/model/index.ts";
import { type CachesOf, Controller, objectKey } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";

/** What it looks at. */
export const VOLUME_READS = { volumes: volume, hosts: host };

export interface VolumeControllerOptions {
  readonly store: Store;
  readonly caches: CachesOf<typeof VOLUME_READS>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Lets a Volume go that a person has deleted and whose Host is deleted, too: nobody is there to remove its folder, and what was on that host is given up. Key: namespace/name. */
export function createVolumeController({ store, caches, clock, random, log }: VolumeControllerOptions): Controller {
  const controller = new Controller({
    name: "volume-controller",
    clock,
    random,
    log,
    async reconcile(key) {
      const one = caches.volumes.get(key);
      const { deletionTimestamp, finalizers = [], resourceVersion } = one?.metadata ?? {};
      if (one === undefined || deletionTimestamp === undefined || !finalizers.includes(VOLUME_FINALIZER)) return undefined;
      // Read, not looked up: a host that the cache does not know yet is none that is gone.
      if ((await store.get(caches.hosts.kind, { name: one.spec.host })) !== undefined) return undefined;
      const left = finalizers.filter((finalizer) => finalizer !== VOLUME_FINALIZER);
      await store.patch(volume, one.metadata, { type: "merge", body: { metadata: { resourceVersion, finalizers: left } } });
      return undefined;
    },
  });
  caches.volumes.listen((before, after) => {
    if (after === undefined && before !== undefined) controller.forget(objectKey(before));
    else if (after?.metadata.deletionTimestamp !== undefined) controller.enqueue(objectKey(after));
  });
  caches.hosts.listen((before, after) => {
    if (before !== undefined && after === undefined) for (const one of caches.volumes.values()) controller.enqueue(objectKey(one));
  });
  return controller;
}
