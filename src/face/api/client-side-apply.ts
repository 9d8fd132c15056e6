import type { OrreryError } from "#/base/index.ts";
import type { StoredObject } from "#/model/index.ts";
import { LAST_APPLIED } from "#/state/store/index.ts";

/** The manager under which `kubectl apply --server-side` writes unless told otherwise. */
const KUBECTL = "kubectl";

/** True if all that `error` (store/apply-conflict) names was set by kubectl's own client-side apply, as its annotation on `live` says: then kubectl may take it over, as kube-apiserver lets it, or nobody could go from one way of applying to the other. */
export function isOwnFormerApply(error: OrreryError, manager: string | undefined, live: StoredObject | undefined): boolean {
  const text = live?.metadata.annotations?.[LAST_APPLIED];
  const { conflicts } = error.details;
  if (manager !== KUBECTL || text === undefined || !Array.isArray(conflicts)) return false;
  try {
    const applied: unknown = JSON.parse(text);
    return (conflicts as readonly { readonly field: string }[]).every(({ field }) => holds(applied, field));
  } catch {
    // Not what kubectl writes: nothing is known of who set what.
    return false;
  }
}

/** Whether `value` has the field at `path`, written as `.spec.env[name="A"].value`. Keys may hold dots, so every key that fits is tried. */
function holds(value: unknown, path: string): boolean {
  if (path === "") return true;
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value))
    return value.some((item) => elementPaths(item).some((element) => path.startsWith(element) && holds(item, path.slice(element.length))));
  return Object.entries(value).some(
    ([key, inner]) => path.startsWith(`.${key}`) && /^(?:$|[.[])/.test(path.slice(key.length + 1)) && holds(inner, path.slice(key.length + 1)),
  );
}

/** How an element may be named: by one of its scalar fields, or by itself. */
function elementPaths(item: unknown): string[] {
  if (typeof item !== "object" || item === null) return [`[=${JSON.stringify(item)}]`];
  return Object.entries(item).map(([key, value]) => `[${key}=${JSON.stringify(value)}]`);
}
