import { OrreryError } from "#/base/index.ts";
import type { StoredObject } from "#/model/index.ts";
import type { Store } from "#/store/index.ts";
import { mediaType, readObject } from "./body.ts";
import { type Exchange, jsonReply, type Reply } from "./exchange.ts";
import { compileJsonPath } from "./json-path.ts";
import { missing } from "./reads.ts";
import { badRequest } from "./status.ts";
import { keyOf, type Target, writeOptions } from "./writes.ts";

/** GET, PUT, PATCH of the subresource `scale`: autoscaling/v1 Scale, as `kubectl scale` speaks it. */
export async function serveScale(exchange: Exchange, store: Store, target: Target, name: string): Promise<Reply> {
  const { kind, collection } = target;
  if (kind.scale === undefined) throw new OrreryError("api/missing", `${kind.plural} cannot be scaled`);
  const key = keyOf(target, name);
  if (exchange.method === "GET") {
    const object = await store.get(kind, key);
    if (object === undefined) throw missing(collection, name);
    return jsonReply(scaleOf(object, target));
  }
  if (exchange.method === "PATCH" && mediaType(exchange.request) !== "application/merge-patch+json")
    throw new OrreryError("api/media-type", "patch the scale with application/merge-patch+json");
  const { spec, metadata } = (await readObject(exchange)) as {
    readonly spec?: { readonly replicas?: unknown };
    readonly metadata?: { readonly resourceVersion?: unknown };
  };
  const replicas = spec?.replicas ?? 0;
  if (!Number.isSafeInteger(replicas)) throw badRequest("spec.replicas: give a whole number");
  const resourceVersion = metadata?.resourceVersion;
  const body = {
    ...(typeof resourceVersion === "string" && resourceVersion !== "" && { metadata: { resourceVersion } }),
    ...nested(kind.scale.specPath, replicas),
  };
  return jsonReply(scaleOf(await store.patch(kind, key, { type: "merge", body }, writeOptions(exchange, kind)), target));
}

function scaleOf(object: StoredObject, { kind }: Target): object {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const read = (path: string | undefined): unknown => (path === undefined ? undefined : compileJsonPath(path)(object));
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: read(kind.scale?.specPath) ?? 0 },
    status: { replicas: read(kind.scale?.statusPath) ?? 0 },
  };
}

/** `{spec: {replicas: value}}` for `.spec.replicas`. */
function nested(path: string, value: unknown): object {
  return path
    .split(".")
    .slice(1)
    .reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object;
}
