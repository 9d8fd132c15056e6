import { createHash } from "node:crypto";
import { isOrreryError, OrreryError } from "#/base/index.ts";
import { API_VERSION, type FileMapping, type Microservice, type Revision, revision, type Template } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";

/** Copies files into the artifacts folder by content and returns their digest; `undefined` for no files. */
export type FilesKeeper = (files: readonly FileMapping[]) => Promise<string | undefined>;

/** Objects of the store are shared and never change: a template that is the same object has the same hash. */
const hashes = new WeakMap<Template, string>();

/** Hash of a template as it is written, without looking at its files. */
export function templateHash(template: Template): string {
  const known = hashes.get(template);
  if (known !== undefined) return known;
  const hash = createHash("sha256").update(canonicalJson(template)).digest("hex");
  if (Object.isFrozen(template)) hashes.set(template, hash);
  return hash;
}

/** Makes the Revision of a Microservice's template (or of another one offered for it): `<service>-<version>-<first 8 characters of the hash of template and files>`. Made again, it is the same.
 *  @throws artifacts/...: a file is missing or too large; the message names it
 *  @throws store/conflict: one of that name is about to be collected; try again */
export async function makeRevision(
  store: Store,
  service: Microservice,
  keepFiles: FilesKeeper,
  template: Template = service.spec.template,
): Promise<Revision> {
  const artifact = await keepFiles(template.files);
  const hash = createHash("sha256")
    .update(templateHash(template))
    .update(artifact ?? "")
    .digest("hex")
    .slice(0, 8);
  const { name: serviceName, namespace = "default" } = service.metadata;
  const name = `${serviceName}-${template.version}-${hash}`;
  const existing = await store.get(revision, { name, namespace });
  if (existing !== undefined) return lasting(existing, service);
  try {
    return await store.create(revision, {
      apiVersion: API_VERSION,
      kind: revision.kind,
      metadata: {
        name,
        namespace,
        labels: { "orrery.dev/service": serviceName },
        ownerReferences: [{ apiVersion: API_VERSION, kind: service.kind, name: serviceName, uid: service.metadata.uid, controller: true }],
      },
      spec: { service: serviceName, template, hash, ...(artifact === undefined ? {} : { artifact }) },
    });
  } catch (error) {
    const found = isOrreryError(error, "store/exists") ? await store.get(revision, { name, namespace }) : undefined;
    if (found === undefined) throw error;
    return lasting(found, service);
  }
}

/** `found`, unless it belongs to a deleted Microservice of the same name: it is about to be collected, and everything that relies on it with it. */
function lasting(found: Revision, service: Microservice): Revision {
  const owners = found.metadata.ownerReferences ?? [];
  const isOurs = owners.length === 0 || owners.some((one) => one.uid === service.metadata.uid);
  if (isOurs && found.metadata.deletionTimestamp === undefined) return found;
  throw new OrreryError(
    "store/conflict",
    `Revision ${found.metadata.name} belongs to a ${service.metadata.name} that was deleted; it is made anew when that one is gone`,
    { retry: "after-reread" },
  );
}

/** JSON with ordered keys: equal values give equal text. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonicalJson(one)}`).join(",")}}`;
}
