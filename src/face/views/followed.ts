import type { Column, Kind, StoredObject } from "#/model/index.ts";
import type { Facets } from "./facets.ts";
import type { Search } from "./search.ts";
import type { ObjectFeed, Source } from "./source.ts";

/** Objects that can be looked at, under the name that a view gives them. */
export interface ViewedKind {
  /** `microservices`; of another group than Orrery's and the core one `events.events.k8s.io`. */
  readonly resource: string;
  readonly kind: string;
  readonly group: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
  readonly columns: readonly Column[];
  readonly feed: ObjectFeed;
  /** Absent: not one of the store's kinds; what it tells of is `involvedObject` or `regarding`, or it has no owner that rights could tell of. */
  readonly stored?: Kind;
}

/** What is told at each flush which keys have changed. */
export interface Consumer {
  apply(changed: ReadonlySet<string>): void;
}

/** A source that somebody looks at, with all who do. */
export interface Followed<T> {
  readonly source: Source<T>;
  readonly consumers: Set<Consumer>;
  /** Ends this use; the source ends some time after the last one. */
  release(): void;
}

/** Objects of a kind, all or a part of them. */
export type SeenObjects = Followed<StoredObject> & { readonly viewed: ViewedKind; readonly facets: Facets; readonly search: Search };

/** All objects of a kind. */
export type FollowedObjects = SeenObjects & {
  /** The part of them that `isShown` lets through, which answers from the object alone, and the same each time. */
  within(isShown: (object: StoredObject) => boolean): SeenObjects;
};
