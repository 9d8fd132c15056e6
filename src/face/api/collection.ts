import { API_GROUP, type Column, type Kind, type StoredObject } from "#/model/index.ts";
import type { Identity } from "#/people/access/index.ts";
import {
  type ListOptions,
  type ObjectKey,
  type ObjectList,
  parseSelection,
  redact,
  type Store,
  type WatchEvent,
  type WatchOptions,
} from "#/state/store/index.ts";
import type { Exchange, Reply } from "./exchange.ts";
import type { Rights } from "./rights.ts";

/** Any served object: ours, Event, Namespace. */
export interface ServedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
}

/** A collection of objects of one kind, to be read. What can be written, too, has a `stored` kind. */
export interface Collection {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly isNamespaced: boolean;
  readonly description: string;
  readonly columns: readonly Column[];
  /** What the API lets anyone with the right do. */
  readonly verbs: readonly string[];
  readonly categories: readonly string[];
  /** Present where objects can be written: the store keeps them. */
  readonly stored?: Kind;
  /** How objects that are no stored kind are written, where they can be. */
  readonly writes?: {
    create(exchange: Exchange, namespace: string | undefined): Promise<Reply>;
    update(exchange: Exchange, namespace: string | undefined, name: string): Promise<Reply>;
    patch(exchange: Exchange, namespace: string | undefined, name: string): Promise<Reply>;
    delete(exchange: Exchange, namespace: string | undefined, name: string): Promise<Reply>;
    /** Deletes all that the query selects. */
    deleteCollection(exchange: Exchange, namespace: string | undefined): Promise<Reply>;
  };
  /** @throws store/invalid: what a list or watch would not take either */
  check(selection: Pick<ListOptions, "namespace" | "labelSelector" | "fieldSelector">): void;
  get(user: Identity, key: ObjectKey): Promise<ServedObject | undefined>;
  list(user: Identity, options: ListOptions): Promise<ObjectList<ServedObject>>;
  watch(user: Identity, options: WatchOptions): AsyncIterable<WatchEvent<ServedObject>>;
}

export const READ_VERBS: readonly string[] = ["get", "list", "watch"];

/** The collection of one of our kinds. Secrets are hidden from all but agents; what somebody may not see is not there for them. */
export function storedCollection(kind: Kind, store: Store, rights: Rights): Collection {
  return {
    group: kind.group,
    version: "v1",
    kind: kind.kind,
    plural: kind.plural,
    singular: kind.singular,
    shortNames: kind.shortNames ?? [],
    isNamespaced: kind.scope === "Namespaced",
    description: kind.description,
    columns: kind.columns,
    verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    categories: kind.group === API_GROUP ? ["orrery"] : [],
    stored: kind,
    check: (selection) => void parseSelection(kind, selection),
    async get(user, key) {
      const object = await rights.find(user, kind, key);
      return object === undefined ? undefined : shownTo(user, object);
    },
    async list(user, options) {
      const list = await store.list(kind, { ...options, ...rights.filtering(user, kind) });
      return maySeeSecrets(user) ? list : { ...list, items: list.items.map(redact) };
    },
    watch: (user, options) => (maySeeSecrets(user) ? rights.watch(user, kind, options) : redactedEvents(rights.watch(user, kind, options))),
  };
}

/** Agents alone are shown secrets with every object: they start the processes. People ask for them: `…/secrets`. */
function maySeeSecrets(user: Identity): boolean {
  return user.groups.includes("orrery:agents");
}

/** `object` as `user` may see it. */
export function shownTo<T extends StoredObject>(user: Identity, object: T): T {
  return maySeeSecrets(user) ? object : redact(object);
}

async function* redactedEvents(events: AsyncIterable<WatchEvent<StoredObject>>): AsyncGenerator<WatchEvent<StoredObject>, void, undefined> {
  for await (const event of events) {
    if (event.type === "BOOKMARK") yield event;
    else {
      const object = redact(event.object);
      yield object === event.object ? event : { type: event.type, object };
    }
  }
}
