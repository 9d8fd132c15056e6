import type { host, instance } from "#/model/index.ts";
import type { CachesOf } from "#/state/reconcile/index.ts";

/** A host on which instances may be placed. */
export interface Placeable {
  readonly name: string;
  /** Instances that it has now, without runs of jobs that are over. */
  readonly load: number;
  readonly instancesMax?: number;
}

/** Hosts that can take instances now, by name. */
export function placeableHosts(
  caches: CachesOf<{ readonly hosts: typeof host; readonly instances: typeof instance }>,
  isHostKnown: (host: string) => boolean,
): readonly Placeable[] {
  const usable = [...caches.hosts.values()].filter(
    (one) => !one.spec.cordoned && one.metadata.deletionTimestamp === undefined && isHostKnown(one.metadata.name),
  );
  usable.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  return usable.map(({ metadata: { name }, spec: { instancesMax } }) => ({
    name,
    load: caches.instances.byIndex("host", name).size - caches.instances.byIndex("over", name).size,
    ...(instancesMax === undefined ? {} : { instancesMax }),
  }));
}

/** The host with the fewest instances; of equals the first by name. Counts the one that is placed. */
export function chooseHost(hosts: readonly Placeable[], load: Map<string, number>): string | undefined {
  let best: Placeable | undefined;
  for (const host of hosts) {
    const present = load.get(host.name) ?? 0;
    if (host.instancesMax !== undefined && present >= host.instancesMax) continue;
    if (best === undefined || present < (load.get(best.name) ?? 0)) best = host;
  }
  if (best !== undefined) load.set(best.name, (load.get(best.name) ?? 0) + 1);
  return best?.name;
}
