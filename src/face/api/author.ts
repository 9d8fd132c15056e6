import { CHANGED_BY_ANNOTATION, type Kind, microservice, update } from "#/model/index.ts";
import type { Identity } from "#/people/access/index.ts";
import type { Author, ObjectInput } from "#/state/store/index.ts";

/** What is recorded of a user who writes: that they made an Update, and that they were the last to change the spec of a Microservice. */
export function authorOf(kind: Kind, user: Identity): { readonly author?: Author } {
  const of = WHOSE.get(kind.kind);
  return of === undefined ? {} : { author: { user: user.name, of } };
}

/** `metadata` without what only the server says. In a server-side apply it would be a field that its manager owns, and others conflict with. */
export function withoutAuthor(kind: Kind, metadata: ObjectInput["metadata"]): ObjectInput["metadata"] {
  const { annotations } = metadata;
  if (!WHOSE.has(kind.kind) || typeof annotations !== "object" || annotations === null || !(CHANGED_BY_ANNOTATION in annotations)) return metadata;
  const { [CHANGED_BY_ANNOTATION]: _, ...others } = annotations;
  return { ...metadata, annotations: others };
}

const WHOSE: ReadonlyMap<string, Author["of"]> = new Map([
  [update.kind, "object"],
  [microservice.kind, "spec"],
]);
