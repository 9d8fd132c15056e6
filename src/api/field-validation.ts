import type { Kind } from "#/model/index.ts";
import { pruneUnknown } from "#/store/index.ts";
import { badRequest } from "./status.ts";

/** Kubernetes' `fieldValidation`: what happens to fields that the kind does not know. `Strict` refuses them, `Warn` (default) drops and tells them, `Ignore` drops them.
 *  @throws api/bad-request: unknown fields under `Strict`, or another word than these three */
export function dropUnknownFields<T extends object>(kind: Kind, object: T, query: URLSearchParams, warnings: string[]): T {
  const mode = query.get("fieldValidation") ?? "Warn";
  if (mode !== "Strict" && mode !== "Warn" && mode !== "Ignore")
    throw badRequest(`fieldValidation: found ${JSON.stringify(mode)}; allowed: Strict, Warn, Ignore`);
  const { object: pruned, removed } = pruneUnknown(kind, object);
  if (removed.length === 0) return object;
  const words = removed.map((field) => `unknown field ${JSON.stringify(field)}`);
  if (mode === "Strict")
    throw badRequest(`${kind.kind} in version "v1" cannot be handled as a ${kind.kind}: strict decoding error: ${words.join(", ")}`);
  if (mode === "Warn") warnings.push(...words);
  return pruned as T;
}
