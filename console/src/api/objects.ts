/** Addresses and changes of Orrery's objects. */
import { type ApiRequest, send } from "./request.ts";

const GROUP = "/apis/orrery.dev/v1";

export interface ObjectName {
  /** Plural: `microservices`. */
  readonly resource: string;
  /** Absent: `default`; empty: its kind belongs to no namespace. */
  readonly namespace?: string;
  readonly name: string;
}

export function objectPath({ resource, namespace = "default", name }: ObjectName, subresource?: string): string {
  return `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}${subresource === undefined ? "" : `/${subresource}`}`;
}

export function collectionPath(resource: string, namespace = "default"): string {
  return namespace === "" ? `${GROUP}/${resource}` : `${GROUP}/namespaces/${encodeURIComponent(namespace)}/${resource}`;
}

/** Changes these fields and no others. `reason` goes into the audit. */
export async function patchObject<T>(object: ObjectName, change: unknown, reason: string, subresource?: string): Promise<T> {
  return await send<T>({ method: "PATCH", path: objectPath(object, subresource), contentType: "application/merge-patch+json", body: change, reason });
}

export async function createObject<T>(resource: string, body: unknown, reason: string, namespace = "default"): Promise<T> {
  return await send<T>({ method: "POST", path: collectionPath(resource, namespace), body, reason });
}

export async function deleteObject(object: ObjectName, reason: string): Promise<void> {
  await send({ method: "DELETE", path: objectPath(object), reason });
}

/** The two halves of a row's key or of `?open=`: `default/portal`. */
export function splitKey(key: string): { readonly namespace: string; readonly name: string } {
  const at = key.indexOf("/");
  return at < 0 ? { namespace: "default", name: key } : { namespace: key.slice(0, at), name: key.slice(at + 1) };
}

/** What would come of a change, without doing it: what the API warns of.
 *  @throws ApiError: why it would be refused */
export async function tryChange(request: ApiRequest): Promise<readonly string[]> {
  const warnings: string[] = [];
  await send({ ...request, path: `${request.path}?dryRun=All`, onWarning: (text) => warnings.push(text) });
  return warnings;
}
