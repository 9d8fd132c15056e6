import assert from "node:assert/strict";
import type { Collection } from "./collection.ts";
import type { Exchange, Reply } from "./exchange.ts";
import type { Target } from "./writes.ts";

/** What a method does with a part of an object, in the words of Kubernetes. */
export type PartVerb = "get" | "create" | "update" | "patch" | "delete";

/** Answers one verb of a part; `argument` is what stands behind the part's name in the path. */
export type ServePart = (exchange: Exchange, target: Target, name: string, argument: string) => Promise<Reply>;

/** A subresource: `…/NAME/status`. */
export interface Part {
  readonly name: string;
  /** What it is shown as, where that is not the object itself. */
  readonly kind?: { readonly group: string; readonly version: string; readonly kind: string };
  /** Which collections have it. */
  isOf(collection: Collection): boolean;
  /** Whether a word follows the part's name: `scripts/NAME`. */
  readonly hasArgument: boolean;
  /** Its answers last: they take no place among the requests in flight. */
  readonly isStream: boolean;
  /** All that is served: a verb that is not here is answered 405. */
  readonly verbs: Partial<Record<PartVerb, ServePart>>;
}

/** The part that a path names; `undefined` where the collection has none of that name and form. */
export function findPart(parts: readonly Part[], collection: Collection, name: string, argument: string | undefined): Part | undefined {
  return parts.find((part) => part.name === name && part.isOf(collection) && part.hasArgument === (argument !== undefined));
}

/** What serves `verb`, which is one of the part's. */
export function servePart(part: Part, verb: string): ServePart {
  const serve = Object.hasOwn(part.verbs, verb) ? part.verbs[verb as PartVerb] : undefined;
  assert(serve !== undefined, `${verb} of ${part.name}`);
  return serve;
}
