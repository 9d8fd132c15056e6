import { OrreryError } from "#/base/index.ts";
import { type BodyOptions, mediaType, readBody, readObject } from "./body.ts";
import type { Exchange } from "./exchange.ts";
import { isTrue } from "./status.ts";

/** A patch as it was sent: nothing of it is checked against a kind. */
export type SentPatch =
  | { readonly type: "merge" | "json"; readonly body: unknown }
  | { readonly type: "apply"; readonly body: Readonly<Record<string, unknown>>; readonly force: boolean };

const TYPES: Readonly<Record<string, SentPatch["type"]>> = {
  "application/merge-patch+json": "merge",
  "application/json-patch+json": "json",
  "application/apply-patch+yaml": "apply",
};
const STRATEGIC = "application/strategic-merge-patch+json";

/** The patch in the body of a request, by its media type: one reading for every object and every part of one.
 *  With `takesStrategic` (Kubernetes' own kinds, which its clients patch so) a strategic merge patch is read as a merge patch where both mean the same.
 *  @throws api/media-type, api/bad-request
 *  @throws store/invalid: `force` where nothing is applied, no `fieldManager` where something is */
export async function readPatch(
  exchange: Exchange,
  { takesStrategic = false, ...options }: BodyOptions & { readonly takesStrategic?: boolean } = {},
): Promise<SentPatch> {
  const mediaTypeSent = mediaType(exchange.request);
  if (takesStrategic && mediaTypeSent === STRATEGIC) {
    refuseForce(exchange.query);
    return { type: "merge", body: asMergePatch(await readBody(exchange, options)) };
  }
  const type = Object.hasOwn(TYPES, mediaTypeSent) ? TYPES[mediaTypeSent] : undefined;
  if (type === undefined)
    throw new OrreryError("api/media-type", `patches of type ${mediaTypeSent.slice(0, 100)} are not served; send ${Object.keys(TYPES).join(", ")}`);
  const { query } = exchange;
  if (type !== "apply") {
    refuseForce(query);
    return { type, body: await readBody(exchange, options) };
  }
  if ((query.get("fieldManager") ?? "") === "") throw invalidOption("fieldManager", "is required for apply patch");
  const force = isTrue(query, "force");
  return { type, body: await readObject(exchange, options), force };
}

/** Who says so means to win over other managers, which other patches do unasked: as a kube-apiserver, it is not taken in silence.
 *  @throws store/invalid */
function refuseForce(query: URLSearchParams): void {
  if (query.has("force")) throw invalidOption("force", "may not be specified for non-apply patch");
}

/** In the words, and with the status, of Kubernetes' PatchOptions. */
function invalidOption(field: string, message: string): OrreryError {
  return new OrreryError("store/invalid", `the options of the patch are not valid: ${field}: ${message}`, {
    details: { causes: [{ field, message }] },
  });
}

/** The lists of Kubernetes' own kinds that are served here which a strategic patch adds to instead of replacing them. */
const MERGED_LISTS: readonly string[] = ["finalizers", "ownerReferences"];

/** @throws api/media-type: the patch says more than a merge patch can */
function asMergePatch(body: unknown): unknown {
  const { metadata } = (typeof body === "object" && body !== null ? body : {}) as { readonly metadata?: unknown };
  const isAdding =
    typeof metadata === "object" && metadata !== null && MERGED_LISTS.some((name) => Array.isArray((metadata as Record<string, unknown>)[name]));
  if (isAdding || hasDirective(body))
    throw new OrreryError(
      "api/media-type",
      "a strategic merge patch with directives ($patch, …) or with finalizers or ownerReferences is not served; send application/merge-patch+json",
    );
  return body;
}

function hasDirective(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([key, inner]) => key.startsWith("$") || hasDirective(inner));
}
