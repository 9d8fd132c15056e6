import { isDeepStrictEqual } from "node:util";
import type { Kind, StoredObject } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";

/** Writes `status` unless the object already has it; compare-and-set on the object's version.
 *  @throws store/conflict: the object moved; the reconcile comes again with the newer one */
export async function writeStatus<K extends Kind>(store: Store, kind: K, object: StoredObject, status: K["$status"]): Promise<boolean> {
  const plain = withoutUndefined(status);
  if (isDeepStrictEqual(withoutUndefined(object.status ?? {}), plain)) return false;
  const { name, namespace, resourceVersion, uid } = object.metadata;
  await store.update(
    kind,
    { metadata: { name, ...(namespace === undefined ? {} : { namespace }), resourceVersion, uid }, spec: object.spec, status: plain },
    { subresource: "status", fieldManager: "orrery-centre" },
  );
  return true;
}

/** A copy without keys whose value is `undefined`, as JSON would leave them out. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .map(([key, one]) => [key, withoutUndefined(one)]),
  );
}
