import { formatField, type Kind } from "#/model/index.ts";
import { pruneUnknown } from "#/state/store/index.ts";
import type { FieldPath } from "#/text/index.ts";
import type { Exchange } from "./exchange.ts";
import { badRequest } from "./status.ts";

/** Unknown fields that the store is asked to say more of; more are refused here, by name alone. */
const EXPLAINED_MAX = 100;
const NAMED_MAX = 20;

type Told = Pick<Exchange, "query" | "warnings">;

/** Kubernetes' `fieldValidation`: what happens to fields that the kind does not know. `Warn` (default) drops and tells them, `Ignore` drops them; under `Strict` they stay, and the store refuses them.
 *  @throws api/bad-request: another word than these three; under Strict, more than a hundred unknown fields */
export function dropUnknownFields<T>(kind: Kind, object: T, { query, warnings }: Told): T {
  const mode = validationOf(query);
  const { object: pruned, removed, count } = pruneUnknown(kind, object);
  if (count === 0) return object;
  const told = removed.map((field) => `unknown field ${JSON.stringify(field)}`);
  if (mode === "Strict") {
    if (count <= EXPLAINED_MAX) return object;
    throw badRequest(`strict decoding error: ${firstOf(told, count)}`);
  }
  if (mode === "Warn") warn(told, count, warnings);
  return pruned as T;
}

/** The same for keys that stand in one map more than once: `Warn` and `Ignore` take the last.
 *  @throws api/bad-request: there are some, under Strict */
export function tellDuplicates(duplicates: readonly FieldPath[], { query, warnings }: Told): void {
  if (duplicates.length === 0) return;
  const mode = validationOf(query);
  const told = duplicates.map((path) => `duplicate field ${JSON.stringify(shorten(formatField(path)))}`);
  if (mode === "Strict") throw badRequest(`strict decoding error: ${firstOf(told, told.length)}`);
  if (mode === "Warn") warn(told, told.length, warnings);
}

/** @throws api/bad-request */
function validationOf(query: URLSearchParams): "Strict" | "Warn" | "Ignore" {
  const mode = query.get("fieldValidation") ?? "";
  if (mode === "Strict" || mode === "Warn" || mode === "Ignore") return mode;
  if (mode === "") return "Warn";
  throw badRequest(`fieldValidation: found ${JSON.stringify(shorten(mode))}; allowed: Strict, Warn, Ignore`);
}

function warn(told: readonly string[], count: number, warnings: string[]): void {
  warnings.push(...told.slice(0, NAMED_MAX - 1));
  if (count >= NAMED_MAX) warnings.push(`and ${count - NAMED_MAX + 1} more of these`);
}

function firstOf(told: readonly string[], count: number): string {
  return `${told.slice(0, NAMED_MAX).join(", ")}${count > NAMED_MAX ? `, and ${count - NAMED_MAX} more` : ""}`;
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
