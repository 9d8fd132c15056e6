import { DEFAULT_NAMESPACE } from "#/model/index.ts";
import { parseFieldSelector, parseLabelSelector, type WatchEvent } from "#/store/index.ts";
import { type Collection, READ_VERBS, type ServedObject } from "./collection.ts";

export interface NamespacesOptions {
  /** Since when the site is there, as far as this process knows. */
  readonly createdMs: number;
}

/** core/v1 Namespace, to be read: there is one, `default`. */
export function namespaces({ createdMs }: NamespacesOptions): Collection {
  const one = {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: DEFAULT_NAMESPACE,
      uid: "00000000-0000-4000-8000-000000000001",
      resourceVersion: "1",
      creationTimestamp: `${new Date(createdMs).toISOString().slice(0, 19)}Z`,
      labels: { "kubernetes.io/metadata.name": DEFAULT_NAMESPACE },
    },
    spec: { finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  } as const;
  const selected = (labelSelector: string | undefined, fieldSelector: string | undefined): readonly ServedObject[] => {
    const labels = parseLabelSelector(labelSelector ?? "");
    const fields = parseFieldSelector(fieldSelector ?? "", ["metadata.name", "status.phase"]);
    return (labels?.(one.metadata.labels) ?? true) && (fields?.(one) ?? true) ? [one] : [];
  };
  return {
    group: "",
    version: "v1",
    kind: "Namespace",
    plural: "namespaces",
    singular: "namespace",
    shortNames: ["ns"],
    isNamespaced: false,
    description: "The site; there is exactly one, default.",
    columns: [{ name: "Status", type: "string", jsonPath: ".status.phase", description: "The status of the namespace" }],
    verbs: READ_VERBS,
    categories: [],
    get: async (_user, key) => (key.name === one.metadata.name ? one : undefined),
    list: async (_user, { labelSelector, fieldSelector }) => ({ items: selected(labelSelector, fieldSelector), resourceVersion: "1" }),
    async *watch(_user, { labelSelector, fieldSelector, resourceVersion, signal }): AsyncGenerator<WatchEvent<ServedObject>, void, undefined> {
      if (resourceVersion === undefined) for (const object of selected(labelSelector, fieldSelector)) yield { type: "ADDED", object };
      yield { type: "BOOKMARK", resourceVersion: "1" };
      // It never changes.
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
  };
}
