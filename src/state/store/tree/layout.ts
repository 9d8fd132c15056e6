import { createHash } from "node:crypto";
import type { Kind, StoredObject } from "#/model/index.ts";
import type { ObjectKey } from "../contract.ts";
import { remember } from "../json.ts";
import { textAt } from "../selector.ts";

/** Where things lie in the tree: `/objects/<plural>/<namespace>/<name>`, `/unique/<plural>/<namespace>/<field>/<value>`, `/events/<namespace>/<name>`. A cluster-scoped object's namespace is `-`, which is no name of one. */
export const OBJECTS = "/objects";
/** Holds the number of this layout. */
export const FORMAT = "/format";
export const EVENTS = "/events";
const NO_NAMESPACE = "-";

export function objectPath(kind: Kind, { namespace, name }: ObjectKey): string {
  return `${OBJECTS}/${kind.plural}/${namespace ?? NO_NAMESPACE}/${name}`;
}

/** Plural and key of an object's path; `undefined` for any other path. */
export function parseObjectPath(path: string): { readonly plural: string; readonly key: ObjectKey } | undefined {
  const [, root, plural, namespace, name, more] = path.split("/");
  if (`/${root}` !== OBJECTS || plural === undefined || namespace === undefined || name === undefined || more !== undefined) return undefined;
  return { plural, key: namespace === NO_NAMESPACE ? { name } : { name, namespace } };
}

/** The nodes that keep others from having the same unique fields as `object`. Their value is the object's name. */
export function uniquePaths(kind: Kind, object: StoredObject): readonly string[] {
  return (kind.unique ?? []).flatMap((field) => {
    const value = textAt(object, field.replace(/^\./, "").split("."));
    if (value === "") return [];
    const segment = encodeURIComponent(value);
    // A long value's hash stands for it: paths are bounded.
    const bounded =
      segment.length <= 300 && segment !== "." && segment !== ".." ? segment : `sha256-${createHash("sha256").update(value).digest("hex")}`;
    return [`/unique/${kind.plural}/${object.metadata.namespace ?? NO_NAMESPACE}/${field.replace(/^\./, "")}/${bounded}`];
  });
}

/** The field and value in a unique node's path, for people. */
export function describeUniquePath(path: string): { readonly field: string; readonly value: string } {
  const [, , , , field = "", value = ""] = path.split("/");
  return { field, value: value.startsWith("sha256-") ? "this value" : decodeURIComponent(value) };
}

/** What is stored: the object without its resourceVersion, which is the node's version and not known before. */
export function encodeObject(object: StoredObject): string {
  const { resourceVersion: _, ...metadata } = object.metadata;
  const { spec, status } = object;
  return `${head(object)}${JSON.stringify(metadata).slice(1)},"spec":${JSON.stringify(spec)}${status === undefined ? "" : `,"status":${JSON.stringify(status)}`}}`;
}

/** The object as of `version`, frozen, its JSON text being made from `value` by putting the version in. */
export function withVersion(object: StoredObject, version: number, value: string): StoredObject {
  const resourceVersion = String(version);
  const versioned = Object.freeze({ ...object, metadata: Object.freeze({ ...object.metadata, resourceVersion }) });
  const start = head(object);
  if (value.startsWith(start)) remember(versioned, `${start}"resourceVersion":"${resourceVersion}",${value.slice(start.length)}`);
  return versioned;
}

function head({ apiVersion, kind }: Pick<StoredObject, "apiVersion" | "kind">): string {
  return `{"apiVersion":"${apiVersion}","kind":"${kind}","metadata":{`;
}
