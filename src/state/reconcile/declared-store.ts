import { OrreryError } from "#/base/index.ts";
import type { Kind } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";

/** `store` for one controller: it reads the kinds that it declared, and writes those that it declared to write. Events may be of any object.
 *  @throws part/undeclared: at each other kind; a mistake of ours: declare it, so that the graph of parts stays true */
export function declaredStore(store: Store, controller: string, reads: readonly Kind[], writes: readonly Kind[]): Store {
  const readable = new Set([...reads, ...writes]);
  const writable = new Set(writes);
  const check = (allowed: ReadonlySet<Kind>, kind: Kind, what: string): void => {
    if (!allowed.has(kind)) throw new OrreryError("part/undeclared", `${controller} has not declared that it ${what} ${kind.plural}`);
  };
  return {
    get: async (kind, key) => {
      check(readable, kind, "reads");
      return await store.get(kind, key);
    },
    list: async (kind, options) => {
      check(readable, kind, "reads");
      return await store.list(kind, options);
    },
    watch: (kind, options) => {
      check(readable, kind, "reads");
      return store.watch(kind, options);
    },
    create: async (kind, object, options) => {
      check(writable, kind, "writes");
      return await store.create(kind, object, options);
    },
    update: async (kind, object, options) => {
      check(writable, kind, "writes");
      return await store.update(kind, object, options);
    },
    patch: async (kind, key, patch, options) => {
      check(writable, kind, "writes");
      return await store.patch(kind, key, patch, options);
    },
    delete: async (kind, key, options) => {
      check(writable, kind, "writes");
      return await store.delete(kind, key, options);
    },
    emit: (event) => store.emit(event),
    recordEvent: async (event, options) => await store.recordEvent(event, options),
    deleteEvent: async (...key) => await store.deleteEvent(...key),
    events: async (options) => await store.events(options),
  };
}
