import type { StoredObject } from "#/model/index.ts";
import type { Labels } from "./label-scope.ts";

/** Finds the labels of an object that others belong to; `undefined`: there is none of that name. */
export type FindLabels = (kind: "Microservice" | "Job" | "Resource", name: string, namespace: string | undefined) => Labels | undefined;

const NO_LABELS: Labels = Object.freeze({});

/** The labels by which `object` is judged: what belongs to a service, a job or a resource by those of that, so that a role over `team=a` reaches its instances, logs, revisions and updates, and what waits to be approved of them; and nobody moves one into their reach by a label of its own. Several for what belongs to several. */
export function judgedLabels(object: StoredObject, find: FindLabels): readonly Labels[] {
  const { metadata, kind, spec } = object;
  const own = metadata.labels ?? NO_LABELS;
  switch (kind) {
    case "Instance":
    case "Revision":
    case "Volume":
    case "JobRun": {
      const given = (spec ?? {}) as { readonly service?: string; readonly job?: string; readonly resource?: string };
      const owner =
        first(find, "Microservice", given.service ?? own["orrery.dev/service"], metadata.namespace) ??
        first(find, "Job", given.job ?? own["orrery.dev/job"], metadata.namespace) ??
        first(find, "Resource", given.resource ?? own["orrery.dev/resource"], metadata.namespace);
      return [owner ?? own];
    }
    case "Update": {
      const { services = [] } = (spec ?? {}) as { readonly services?: readonly { readonly name: string }[] };
      return services.length === 0 ? [own] : services.map(({ name }) => find("Microservice", name, metadata.namespace) ?? NO_LABELS);
    }
    case "Approval":
      return (spec as { readonly labels?: readonly Labels[] } | undefined)?.labels ?? [own];
    default:
      return [own];
  }
}

function first(find: FindLabels, kind: Parameters<FindLabels>[0], name: string | undefined, namespace: string | undefined): Labels | undefined {
  return name === undefined ? undefined : find(kind, name, namespace);
}
