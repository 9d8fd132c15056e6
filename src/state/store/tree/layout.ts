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
  return uniqueFields(kind).flatMap(({ name, path }) => {
    const value = textAt(object, path);
    return value === "" ? [] : [`/unique/${kind.plural}/${object.metadata.namespace ?? NO_NAMESPACE}/${name}/${boundedSegment(value)}`];
  });
}

/** True if both have the same value in each field that is unique: nothing has to be written for it. */
export function areUniquesEqual(kind: Kind, one: StoredObject, other: StoredObject): boolean {
  return uniqueFields(kind).every(({ path }) => textAt(one, path) === textAt(other, path));
}

interface UniqueField {
  readonly name: string;
  readonly path: readonly string[];
}

const fieldsOfKind = new WeakMap<Kind, readonly UniqueField[]>();

function uniqueFields(kind: Kind): readonly UniqueField[] {
  const known = fieldsOfKind.get(kind);
  if (known !== undefined) return known;
  const fields = (kind.unique ?? []).map((field) => {
    const name = field.replace(/^\./, "");
    return { name, path: name.split(".") };
  });
  fieldsOfKind.set(kind, fields);
  return fields;
}

/** A long value's hash stands for it: paths are bounded. */
function boundedSegment(value: string): string {
  const segment = encodeURIComponent(value);
  return segment.length <= 300 && segment !== "." && segment !== ".." ? segment : `sha256-${createHash("sha256").update(value).digest("hex")}`;
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
