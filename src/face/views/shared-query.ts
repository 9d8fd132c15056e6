import type { StoredObject } from "#/model/index.ts";
import type { Consumer, FollowedObjects, SeenObjects } from "./followed.ts";
import { LiveQuery } from "./live-query.ts";
import type { ObjectsView } from "./protocol.ts";
import type { ReaderScope } from "./rights.ts";
import { parseSelection, reach, type Selection } from "./selection.ts";
import type { SortKey } from "./sort-key.ts";

/** Queries over objects, each kept once for all who ask the same with the same rights, whatever part of the answer they look at. */
export class SharedQueries {
  readonly #queries = new Map<string, { readonly query: SharedQuery; uses: number }>();

  get size(): number {
    return this.#queries.size;
  }

  /** The query over `objects`, which must be filled. Release it when it is not asked any more.
   *  @throws views/bad-message, store/invalid: it cannot be asked so */
  acquire(
    objects: FollowedObjects,
    view: Selection & Pick<ObjectsView, "sort">,
    scope: ReaderScope,
  ): { readonly query: SharedQuery; release(): void } {
    const { resource, namespace, search, where, fields, filter = {}, sort } = view;
    const facets = Object.entries(filter).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify([resource, namespace, search, where, fields, facets, sort?.by, sort?.descending, scope.name]);
    let kept = this.#queries.get(key);
    if (kept === undefined) {
      kept = { query: new SharedQuery(objects, view, scope), uses: 0 };
      this.#queries.set(key, kept);
    }
    const found = kept;
    found.uses += 1;
    return {
      query: found.query,
      release: () => {
        found.uses -= 1;
        if (found.uses > 0) return;
        this.#queries.delete(key);
        found.query.close();
      },
    };
  }
}

/** A query over a kind. */
export class SharedQuery extends LiveQuery<StoredObject> implements Consumer {
  readonly #objects: SeenObjects;
  readonly #detach: () => void;

  constructor(all: FollowedObjects, view: Selection & Pick<ObjectsView, "sort">, reader: ReaderScope) {
    const { sort } = view;
    const { objects, scope } = reach(all, reader);
    const matches = parseSelection(objects, view, scope);
    const rankOf: ((object: StoredObject) => SortKey) | undefined = sort === undefined ? undefined : objects.facets.rankOf(sort.by);
    super({ matches, rankOf, isDescending: sort?.descending ?? false }, objects.source.entries());
    this.#objects = objects;
    this.#detach = scope.attach?.(() => this.#recheck()) ?? (() => {});
    objects.consumers.add(this);
  }

  apply(changed: ReadonlySet<string>): void {
    for (const key of changed) this.put(key, this.#objects.source.get(key));
  }

  close(): void {
    this.#objects.consumers.delete(this);
    this.#detach();
  }

  #recheck(): void {
    for (const [key, object] of this.#objects.source.entries()) this.put(key, object);
  }
}
