import type { Instance } from "#/model/index.ts";

/** What an agent writes of `one`, as it was seen last. With its uid: never of another Instance of the same name. With its version: where a connection breaks, a write may be carried out after the next one, and an instance would be what it is no longer. */
export function statusInput<S>({ metadata }: Pick<Instance, "metadata">, status: S) {
  const { name, namespace, uid, resourceVersion } = metadata;
  return { metadata: { name, uid, resourceVersion, ...(namespace === undefined ? {} : { namespace }) }, status };
}
