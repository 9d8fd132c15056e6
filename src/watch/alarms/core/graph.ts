import type { Instance, Microservice, StoredObject } from "#/model/index.ts";

/** An object by name. */
export interface ObjectRef {
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
}

export function refKey({ kind, namespace, name }: ObjectRef): string {
  return `${kind}/${namespace ?? ""}/${name}`;
}

export function refOf({ kind, metadata }: Pick<StoredObject, "kind" | "metadata">): ObjectRef {
  return { kind, ...(metadata.namespace !== undefined && { namespace: metadata.namespace }), name: metadata.name };
}

/** What is known of other objects. */
export interface ObjectLook {
  get(ref: ObjectRef): StoredObject | undefined;
  instancesOf(service: ObjectRef): Iterable<Instance>;
}

/** What an object hangs on: it cannot be well while one of `any` is not, or while all of `all` are not. */
export interface Foundations {
  readonly any: readonly ObjectRef[];
  readonly all: readonly ObjectRef[];
}

const NOTHING: Foundations = { any: [], all: [] };

/** By the object graph: an instance, gateway or volume on its host; a thing on the host of its probe; an instance is part of its service; a service hangs on the hosts of those of its instances that are not ready, together. */
export function foundationsOf(object: StoredObject, look: ObjectLook): Foundations {
  const { namespace } = object.metadata;
  const spec = (object.spec ?? {}) as { readonly host?: unknown; readonly service?: unknown };
  const within = (kind: string, name: unknown): readonly ObjectRef[] =>
    typeof name === "string" && name !== "" ? [{ kind, ...(namespace !== undefined && { namespace }), name }] : [];
  const host = typeof spec.host === "string" ? [{ kind: "Host", name: spec.host }] : [];
  switch (object.kind) {
    case "Instance":
      return { any: [...host, ...within("Microservice", spec.service)], all: [] };
    case "Gateway":
    case "Volume":
      return { any: host, all: [] };
    case "Route":
      return { any: within("Microservice", spec.service), all: [] };
    case "Resource": {
      const { probeInstance } = (object.status ?? {}) as { readonly probeInstance?: string };
      return { any: within("Instance", probeInstance), all: [] };
    }
    case "Microservice":
      return ofService(object as Microservice, look);
    default:
      return NOTHING;
  }
}

function ofService(service: Microservice, look: ObjectLook): Foundations {
  const hosts = new Map<string, ObjectRef>();
  for (const one of look.instancesOf(refOf(service))) {
    if (one.metadata.deletionTimestamp !== undefined) continue;
    const host = { kind: "Host", name: one.spec.host };
    if (one.status?.ready !== true || isNotReady(look.get(host))) hosts.set(one.spec.host, host);
  }
  return { any: [], all: [...hosts.values()] };
}

function isNotReady(host: StoredObject | undefined): boolean {
  const { conditions } = (host?.status ?? {}) as { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  return conditions?.some(({ type, status }) => type === "Ready" && status !== "True") === true;
}

/** Steps that are looked down; deeper ones than there are. */
const DEPTH_MAX = 5;

/** The nearest of what `object` hangs on of which `isDown` says that it is down; `undefined`: none, so that what is wrong is its own. What hangs on itself in a circle ends. */
export function findCause(object: StoredObject, look: ObjectLook, isDown: (ref: ObjectRef) => boolean): ObjectRef | undefined {
  const seen = new Set([refKey(refOf(object))]);
  const search = (one: StoredObject, depth: number): ObjectRef | undefined => {
    if (depth >= DEPTH_MAX) return undefined;
    const { any, all } = foundationsOf(one, look);
    for (const ref of any) {
      if (seen.has(refKey(ref))) continue;
      seen.add(refKey(ref));
      if (isDown(ref)) return ref;
      const next = look.get(ref);
      const deeper = next === undefined ? undefined : search(next, depth + 1);
      if (deeper !== undefined) return deeper;
    }
    return all.length > 0 && all.every(isDown) ? all[0] : undefined;
  };
  return search(object, 0);
}
