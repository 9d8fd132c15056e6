import type { Kind } from "#/model/index.ts";
import { pruneUnknown } from "#/store/index.ts";
import { badRequest } from "./status.ts";

/** Kubernetes' `fieldValidation`: what happens to fields that the kind does not know. `Warn` (default) drops and tells them, `Ignore` drops them; under `Strict` they stay, and the store refuses them.
 *  @throws api/bad-request: another word than these three */
export function dropUnknownFields<T>(kind: Kind, object: T, query: URLSearchParams, warnings: string[]): T {
  const mode = query.get("fieldValidation") ?? "Warn";
  if (mode === "Strict") return object;
  if (mode !== "Warn" && mode !== "Ignore") throw badRequest(`fieldValidation: found ${JSON.stringify(mode)}; allowed: Strict, Warn, Ignore`);
  const { object: pruned, removed } = pruneUnknown(kind, object);
  if (removed.length === 0) return object;
  if (mode === "Warn") warnings.push(...removed.map((field) => `unknown field ${JSON.stringify(field)}`));
  return pruned as T;
}
