/** The store: objects with versions, watch, finalizers, owners, events. Engines: `tree/` (over a tree), `remote/` (over the API), later Kubernetes. No multi: Kubernetes has none. */
import type { Event, GivenEvent, Kind, ObjectMeta, StoredObject } from "#/model/index.ts";

/** Which object: cluster-scoped kinds have no namespace; absent for namespaced kinds means `default`. */
export interface ObjectKey {
  readonly name: string;
  readonly namespace?: string;
}

/** What a writer gives: metadata as far as it knows it. */
export interface ObjectInput<Spec = unknown, Status = unknown> {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: Partial<ObjectMeta> & { readonly generateName?: string };
  readonly spec?: Spec;
  readonly status?: Status;
}

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  /** Kubernetes' syntax: `app=x,tier!=y,env in (a,b),!gone`. */
  readonly labelSelector?: string;
  /** `path=value`, `path!=value`, comma-joined; metadata.name, metadata.namespace and the kind's selectable fields. */
  readonly fieldSelector?: string;
  /** Only objects for which it is true, beside the selectors: what somebody may see. It is asked in the turn of each change, so it must be quick and do no I/O. A remote store does not take it: its server has its own. */
  readonly filter?: (object: StoredObject) => boolean;
  /** At most so many items (default all); `continue` then leads on, in the same reading or with `store/gone`. */
  readonly limit?: number;
  readonly continue?: string;
}

export interface ObjectList<T> {
  /** Ordered by namespace, name. Shared and deeply read-only. */
  readonly items: readonly T[];
  /** Watch from here misses nothing. */
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export interface WatchOptions extends Omit<ListOptions, "limit" | "continue"> {
  /** Events after this version; absent: first all present objects as ADDED, then a bookmark, then on. */
  readonly resourceVersion?: string;
  /** Bookmarks at least every minute, and one after the initial objects. Default true. */
  readonly bookmarks?: boolean;
  /** Ends the iteration without an error. */
  readonly signal: AbortSignal;
}

/** One that leaves what is selected is DELETED, as it was when it was selected last, at the version of the change. */
export type WatchEvent<T> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T }
  /** Nothing up to `resourceVersion` is missing. */
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string };

export interface WriteOptions {
  /** Everything is checked, nothing is written; the object as it would be is returned. */
  readonly dryRun?: boolean;
  /** Name under which changed fields are recorded; default `orrery`. */
  readonly fieldManager?: string;
  /** `status`: only `.status` is written, `.spec` and labels are left; absent: everything but `.status`. */
  readonly subresource?: "status";
  /** The fields that are written are recorded as written through this subresource, as Kubernetes records them. A remote store does not send it: its server knows the path. */
  readonly through?: "scale";
  /** Kept as the annotation `orrery.dev/changed-by`, whatever the draft says there: who made the `object`, or who last changed its `spec`. A dry run leaves the annotation as it is. A remote store does not send it: its server knows the user. */
  readonly author?: Author;
  readonly admit?: Admit;
}

/** Asked with what would be written, of the object as it is read: just before the compare-and-set of each attempt, also in a dry run; not where nothing would change. What it throws refuses the write, unchanged. So no way of writing goes round it, and nothing comes between what it has seen and what is written.
 *  `before` is absent where an object is created. `after` is absent where one is deleted, also if finalizers keep it for now. What is collected after its owner is not asked about. A remote store does not send it: its server asks. */
export type Admit = (before: StoredObject | undefined, after: StoredObject | undefined) => void | Promise<void>;

export interface Author {
  readonly user: string;
  readonly of: "object" | "spec";
}

export type Patch =
  /** RFC 7396. */
  | { readonly type: "merge"; readonly body: unknown }
  /** RFC 6902. */
  | { readonly type: "json"; readonly body: unknown }
  /** Kubernetes' server-side apply: `body` is the whole wish of `fieldManager`; creates the object when it is missing. `force` takes over fields of others. */
  | { readonly type: "apply"; readonly body: ObjectInput; readonly force?: boolean };

export interface DeleteOptions {
  readonly dryRun?: boolean;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  /** `Background` (default): owned objects are collected afterwards; `Foreground`: the object stays, with a deletionTimestamp, until they are gone; `Orphan`: they lose the owner reference. */
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  /** Of an object that is marked, and whose `spec` has an author: who deletes it is kept as the last to have changed it. A dry run, and a remote store, as in `WriteOptions`. */
  readonly author?: Author;
  readonly admit?: Admit;
}

/** What someone tells about an object. Equal ones within ten minutes are counted, not repeated. */
export interface EventInput {
  readonly kind: Kind;
  readonly object: StoredObject;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  /** Component that says it, such as `microservice-controller`. */
  readonly component: string;
}

/** A port to the objects of a site. Unknown fields, wrong types and missing ones are refused with all causes at once; a cycle of owners is refused where it is written.
 *  `K` is a Kind of the model: `store.get(microservice, {name: "auth"})` is typed. Objects are validated and defaulted by their schema at each write.
 *  @throws store/invalid: `details.causes` is a list of {field, message}; mend the object
 *  @throws store/missing, store/exists, store/conflict (read again, then retry), store/immutable
 *  @throws store/duplicate: another object has the same unique field (a Resource's id); `details.holder` names it
 *  @throws store/apply-conflict: `details.conflicts` is a list of {manager, field}
 *  @throws store/gone: version compacted or page expired: list again
 *  @throws store/full, store/damaged, store/unavailable (backoff) */
export interface Store {
  get<K extends Kind>(kind: K, key: ObjectKey): Promise<K["$object"] | undefined>;
  list<K extends Kind>(kind: K, options?: ListOptions): Promise<ObjectList<K["$object"]>>;
  watch<K extends Kind>(kind: K, options: WatchOptions): AsyncIterable<WatchEvent<K["$object"]>>;
  /** `metadata.name`, or `generateName` + 5 random characters. `status` is dropped unless the kind's writer gives subresource status. */
  create<K extends Kind>(kind: K, object: ObjectInput, options?: WriteOptions): Promise<K["$object"]>;
  /** Replaces; `metadata.resourceVersion`, if given, must be current; `uid`, if given, must match. An unchanged object is not written. */
  update<K extends Kind>(kind: K, object: ObjectInput, options?: WriteOptions): Promise<K["$object"]>;
  patch<K extends Kind>(kind: K, key: ObjectKey, patch: Patch, options?: WriteOptions): Promise<K["$object"]>;
  /** Deletes, or, with finalizers, marks with a deletionTimestamp. Returns the last state; `undefined` if there was none. */
  delete<K extends Kind>(kind: K, key: ObjectKey, options?: DeleteOptions): Promise<K["$object"] | undefined>;
  /** Records an Event; never throws for a full buffer, drops and counts instead. */
  emit(event: EventInput): void;
  /** Keeps an Event that a client made under a name of its own, or, with `isNew` false, puts it in the place of the one of that name (where `metadata.resourceVersion` is given, only of that version). The oldest that clients made go first when there are too many.
   *  @throws store/exists, store/missing, store/conflict, store/invalid: it is too large */
  recordEvent(event: GivenEvent, options: { readonly isNew: boolean }): Promise<Event>;
  /** Lets an Event go before its hour is over. Returns it; `undefined` if there was none.
   *  @throws store/conflict: its uid or version is not the one that `preconditions` names */
  deleteEvent(key: ObjectKey, options?: Pick<DeleteOptions, "dryRun" | "preconditions">): Promise<Event | undefined>;
  events(options?: { readonly namespace?: string; readonly fieldSelector?: string }): Promise<readonly Event[]>;
}
