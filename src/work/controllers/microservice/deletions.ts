import { OrreryError } from "#/base/index.ts";
import { DEFAULT_NAMESPACE, instance, microservice, volume, volumeName } from "#/model/index.ts";
import type { ObjectKey, Store } from "#/state/store/index.ts";

/** Data that an instance uses, or may, is not removed.
 *  @throws store/immutable: an instance uses one of them; what to do first */
export async function checkVolumes(store: Store, keys: readonly ObjectKey[]): Promise<readonly string[]> {
  const { items } = await store.list(instance);
  for (const { name, namespace = DEFAULT_NAMESPACE } of keys) {
    const user = items.find(
      ({ metadata, spec }) =>
        spec.service !== undefined &&
        (metadata.namespace ?? DEFAULT_NAMESPACE) === namespace &&
        spec.volumes?.some((one) => volumeName(spec.service ?? "", one.name, spec.slot) === name) === true,
    );
    if (user === undefined) continue;
    const service = user.spec.service ?? "";
    throw new OrreryError(
      "store/immutable",
      `volume ${name} is not removed: ${user.metadata.name} uses it. Stop the service first (orrery stop ${service}), or scale it down, or take the volume out of its template`,
      { details: { kind: volume.kind, name, namespace } },
    );
  }
  return keys.map(({ name }) => `volume ${name}: its data is removed for good`);
}

/** Who deletes a service is told who still says that he calls it. */
export async function warnOfCallers(store: Store, keys: readonly ObjectKey[]): Promise<readonly string[]> {
  const deleted = new Set(keys.map((one) => one.name));
  const { items } = await store.list(microservice);
  const staying = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined && !deleted.has(metadata.name));
  return [...deleted].flatMap((name) => {
    const callers = staying.filter(({ spec }) => spec.template.calls?.includes(name) === true).map(({ metadata }) => metadata.name);
    if (callers.length === 0) return [];
    return [`${callers.join(", ")} still ${callers.length === 1 ? "calls" : "call"} ${name}: from the switch on these calls are refused (503)`];
  });
}
