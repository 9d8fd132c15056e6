import { OrreryError } from "#/base/index.ts";
import type { Kind } from "#/model/index.ts";
import type { ObjectKey } from "./contract.ts";

/** One reason why an object is refused. `field` as people write it: `spec.template.run.command`. */
export interface Cause {
  readonly field: string;
  readonly message: string;
}

/** `Microservice auth`, with the namespace where it is not the usual one. */
export function titleOf(kind: { readonly kind: string }, key: ObjectKey): string {
  // What a client gives is not checked yet when it is refused.
  const shown = (part: unknown): string => (typeof part === "string" ? part.slice(0, 253) : "");
  const name = shown(key.name);
  if (name === "") return kind.kind;
  return key.namespace === undefined || key.namespace === "default" ? `${kind.kind} ${name}` : `${kind.kind} ${shown(key.namespace)}/${name}`;
}

/** store/invalid: mend the object. `count`: of all causes, where not all are given. */
export function invalid(title: string, causes: readonly Cause[], count = causes.length): OrreryError {
  const text = causes.slice(0, 10).map(({ field, message }) => (field === "" ? message : `${field}: ${message}`));
  if (count > 10) text.push(`and ${count - 10} more`);
  return new OrreryError("store/invalid", `${title} is not valid: ${text.join("; ")}`, { details: { causes } });
}

/** store/missing: there is no such object. */
export function missing(kind: Kind, key: ObjectKey): OrreryError {
  return new OrreryError("store/missing", `${titleOf(kind, key)} does not exist`, { details: { kind: kind.kind, ...key } });
}

/** store/conflict: read again, then retry. */
export function conflict(kind: Kind, key: ObjectKey, what: string): OrreryError {
  return new OrreryError("store/conflict", `${titleOf(kind, key)} has changed meanwhile: ${what}; read it again, then retry`, {
    retry: "after-reread",
    details: { kind: kind.kind, ...key },
  });
}

/** store/gone: list again. */
export function gone(what: string): OrreryError {
  return new OrreryError("store/gone", `${what}; list again`, { retry: "after-reread" });
}

/** An object of a kind whose objects are never deleted. */
export function permanent(kind: Kind, key: ObjectKey): OrreryError {
  return new OrreryError("store/immutable", `${titleOf(kind, key)} is not deleted: ${kind.permanent}`, { details: { kind: kind.kind, ...key } });
}
