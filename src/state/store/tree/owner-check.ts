import type { Kind, StoredObject } from "#/model/index.ts";
import { type Cause, invalid, titleOf } from "../store-error.ts";
import type { Memories } from "./memories.ts";

const DEPTH_MAX = 100;

/** Refuses owners that could never let `object` go: itself, an owner of a namespace for an object without one, and a cycle.
 *  Two objects that own each other would keep each other for ever; it is refused where it is written, because only there someone reads the reason.
 *  @throws store/invalid */
export function checkOwners(kind: Kind, object: StoredObject, memories: Memories): void {
  const causes: Cause[] = [];
  (object.metadata.ownerReferences ?? []).forEach((reference, index) => {
    const field = `metadata.ownerReferences[${index}]`;
    const owner = [...memories.all()].find((one) => one.kind.kind === reference.kind)?.kind;
    if (owner?.scope === "Namespaced" && kind.scope === "Cluster")
      causes.push({
        field: `${field}.kind`,
        message: `found ${reference.kind}, which belongs to a namespace; allowed for a ${kind.kind}: kinds without namespace`,
      });
    const cycle = findCycle(object, reference.uid, memories, titleOf(kind, object.metadata));
    if (cycle !== undefined) causes.push({ field, message: `makes a cycle of owners: ${cycle.join(" is owned by ")}; leave this owner out` });
  });
  if (causes.length > 0) throw invalid(titleOf(kind, object.metadata), causes);
}

/** The way from `object` over the owner `uid` back to it, if there is one: looked for downwards, among what `object` owns. */
function findCycle(object: StoredObject, uid: string, memories: Memories, title: string): readonly string[] | undefined {
  if (uid === object.metadata.uid) return [title, title];
  const seen = new Set<string>();
  const visit = (owner: string, way: readonly string[]): readonly string[] | undefined => {
    if (way.length > DEPTH_MAX) return undefined;
    for (const dependent of memories.owners.dependentsOf(owner)) {
      const { metadata } = dependent.object;
      if (seen.has(metadata.uid)) continue;
      seen.add(metadata.uid);
      const further = [titleOf(dependent.kind, metadata), ...way];
      if (metadata.uid === uid) return [title, ...further];
      const found = visit(metadata.uid, further);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return visit(object.metadata.uid, [title]);
}
