import { z } from "zod";
import type { Kind } from "./kind.ts";
import { findKind } from "./kinds.ts";
import { API_VERSION, objectMeta } from "./metadata.ts";
import { DEFAULT_NAMESPACE, subdomain } from "./names.ts";
import { withoutNulls } from "./nulls.ts";
import { findOversize } from "./size.ts";
import { describeIssues, findNearest, formatField, type Violation } from "./violation.ts";

/** An object as someone wrote it, after a check: `violations` is empty if and only if the model allows it. */
export interface CheckedManifest {
  /** Absent when the kind is unknown. */
  readonly kind?: Kind;
  /** Name for messages: `Microservice auth`. */
  readonly title: string;
  readonly violations: readonly Violation[];
}

/** Checks a whole object (apiVersion, kind, metadata, spec) of one of `kinds` against the model, without a server. A status is allowed and not looked at: nobody applies it. */
export function checkManifest(kinds: readonly Kind[], object: unknown): CheckedManifest {
  if (typeof object !== "object" || object === null || Array.isArray(object)) {
    const found = object === null || object === undefined ? "nothing" : Array.isArray(object) ? "a list" : typeof object;
    return { title: "object", violations: [plain([], found, "a map with apiVersion, kind, metadata, spec")] };
  }
  const { apiVersion, kind: kindName } = object as Record<string, unknown>;
  const kind = typeof kindName === "string" ? kinds.find((one) => one.kind === kindName) : undefined;
  const violations: Violation[] = [];
  if (apiVersion !== API_VERSION) violations.push(plain(["apiVersion"], show(apiVersion), API_VERSION));
  if (kind === undefined) violations.push(unknownKind(kinds, kindName));
  const envelope = z.strictObject({
    apiVersion: z.unknown().optional(),
    kind: z.unknown().optional(),
    metadata: metadataSchema(kind),
    spec: kind?.spec ?? z.unknown().optional(),
    status: z.unknown().optional(),
  });
  const { metadata, spec, ...rest } = withoutNulls(envelope, object) as Record<string, unknown>;
  const wish = { ...rest, metadata: metadata ?? {}, ...(spec !== undefined ? { spec } : kind === undefined ? {} : { spec: {} }) };
  const oversize = findOversize(envelope, wish);
  const result = oversize === undefined ? envelope.safeParse(wish) : undefined;
  if (oversize !== undefined) violations.push(plain(oversize.path, "more", oversize.allowed));
  if (result?.success === false) violations.push(...describeIssues(envelope, wish, result.error.issues));
  const name = (metadata as { readonly name?: unknown } | undefined)?.name;
  return {
    ...(kind === undefined ? {} : { kind }),
    title: [typeof kindName === "string" ? kindName : "object", typeof name === "string" ? name : ""].join(" ").trim(),
    violations,
  };
}

function metadataSchema(kind: Kind | undefined) {
  const name = (kind?.name ?? subdomain).optional();
  const namespace =
    kind?.scope === "Namespaced"
      ? z.literal(["", DEFAULT_NAMESPACE], `${DEFAULT_NAMESPACE}, the one namespace of a site; leave it out`).optional()
      : z.literal("", `no namespace: a ${kind?.kind ?? "cluster-wide object"} belongs to none; leave it out`).optional();
  const fields = kind === undefined ? { name } : { name, namespace };
  return objectMeta.extend(fields).refine((one) => one.name !== undefined || one.generateName !== undefined, {
    path: ["name"],
    message: "missing: give the object's name (or generateName)",
  });
}

function unknownKind(kinds: readonly Kind[], found: unknown): Violation {
  const names = kinds.map((one) => one.kind);
  const nearest = typeof found === "string" ? (findKind(kinds, found)?.kind ?? findNearest(found, names)) : undefined;
  const base = plain(["kind"], show(found), names.join(", "));
  return nearest === undefined ? base : { ...base, message: `found ${base.found}; did you mean ${nearest}? allowed: ${base.allowed}` };
}

function plain(path: readonly (string | number)[], found: string, allowed: string): Violation {
  return { path, field: formatField(path), found, allowed, message: `found ${found}; allowed: ${allowed}` };
}

function show(value: unknown): string {
  return value === undefined ? "nothing" : (JSON.stringify(value)?.slice(0, 60) ?? "nothing");
}
