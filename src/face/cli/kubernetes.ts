import { DEFAULT_NAMESPACE } from "#/model/index.ts";
import type { ServedKind } from "./served-kinds.ts";

/** Media type under which the API answers lists as tables. */
export const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

/** meta.k8s.io/v1 Table, as far as it is shown. */
export interface Table {
  readonly kind: "Table";
  readonly columnDefinitions: readonly { readonly name: string; readonly type: string; readonly priority?: number }[];
  readonly rows: readonly { readonly cells: readonly unknown[]; readonly object?: { readonly metadata?: Partial<ObjectMark> } }[];
}

/** Which object it is, and in which state. */
export interface ObjectMark {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** Path of a kind's collection, of one object, or of a part of it. */
export function objectPath(kind: Pick<ServedKind, "group" | "apiVersion" | "scope" | "plural">, name?: string, ...parts: readonly string[]): string {
  const scope = kind.scope === "Namespaced" ? ["namespaces", DEFAULT_NAMESPACE] : [];
  return [
    "",
    kind.group === "" ? "api" : "apis",
    ...kind.apiVersion.split("/"),
    ...scope,
    kind.plural,
    ...(name === undefined ? [] : [encodeURIComponent(name)]),
    ...parts.map(encodeURIComponent),
  ].join("/");
}

/** A field selector: the field has this value, whatever stands in it. */
export function fieldIs(path: string, value: string): string {
  return `${path}=${value.replace(/[\\,=]/g, "\\$&")}`;
}

/** Path of the Events about one object, with the query that selects them. */
export function eventsOf(kind: ServedKind, name: string): { readonly path: string; readonly query: Readonly<Record<string, string>> } {
  return {
    path: `/api/v1/namespaces/${DEFAULT_NAMESPACE}/events`,
    query: { fieldSelector: `${fieldIs("involvedObject.kind", kind.kind)},${fieldIs("involvedObject.name", name)}` },
  };
}
