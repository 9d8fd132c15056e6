import { OrreryError } from "#/base/index.ts";
import { parseFieldSelector, parseLabelSelector, type WatchEvent } from "#/state/store/index.ts";
import { type Collection, READ_VERBS, type ServedObject } from "./collection.ts";

export interface NamespacesOptions {
  readonly names: readonly string[];
  /** Since when they are there, as far as this process knows. */
  readonly createdMs: number;
}

/** core/v1 Namespace, to be read: each is a site, and which there are is fixed. */
export function namespaces({ names, createdMs }: NamespacesOptions): Collection {
  const all = names.map((name, index) => ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name,
      uid: `00000000-0000-4000-8000-${String(index + 1).padStart(12, "0")}`,
      resourceVersion: "1",
      creationTimestamp: `${new Date(createdMs).toISOString().slice(0, 19)}Z`,
      labels: { "kubernetes.io/metadata.name": name },
    },
    spec: { finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  }));
  const selected = (labelSelector: string | undefined, fieldSelector: string | undefined): readonly ServedObject[] => {
    const labels = parseLabelSelector(labelSelector ?? "");
    const fields = parseFieldSelector(fieldSelector ?? "", ["metadata.name", "status.phase"]);
    return all.filter((one) => (labels?.(one.metadata.labels) ?? true) && (fields?.(one) ?? true));
  };
  return {
    group: "",
    version: "v1",
    kind: "Namespace",
    plural: "namespaces",
    singular: "namespace",
    shortNames: ["ns"],
    isNamespaced: false,
    description: "A site; on this profile there is exactly one, default.",
    columns: [{ name: "Status", type: "string", jsonPath: ".status.phase", description: "The status of the namespace" }],
    verbs: READ_VERBS,
    categories: [],
    check: ({ labelSelector, fieldSelector }) => void selected(labelSelector, fieldSelector),
    get: async (_user, key) => all.find((one) => one.metadata.name === key.name),
    list: async (_user, { labelSelector, fieldSelector }) => ({ items: selected(labelSelector, fieldSelector), resourceVersion: "1" }),
    async *watch(_user, { labelSelector, fieldSelector, resourceVersion, signal }): AsyncGenerator<WatchEvent<ServedObject>, void, undefined> {
      if (resourceVersion === undefined) for (const object of selected(labelSelector, fieldSelector)) yield { type: "ADDED", object };
      yield { type: "BOOKMARK", resourceVersion: "1" };
      // They never change.
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
  };
}

/** A namespace that is not there cannot be written to.
 *  @throws store/missing */
export function checkNamespace(names: readonly string[], namespace: string | undefined): void {
  if (namespace === undefined || names.includes(namespace)) return;
  throw new OrreryError("store/missing", `namespaces "${namespace}" not found: there is ${names.join(", ")}`, {
    details: { kind: "Namespace", name: namespace },
  });
}
