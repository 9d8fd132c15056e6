import type { Clock, Log, Random } from "#/base/index.ts";
import type { Event, GivenEvent, Kind, StoredObject } from "#/model/index.ts";
import type { Tree } from "#/state/tree/index.ts";
import type {
  DeleteOptions,
  EventInput,
  ListOptions,
  ObjectInput,
  ObjectKey,
  ObjectList,
  Patch,
  Store,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from "../contract.ts";
import { parseSelection } from "../selector.ts";
import { gone, invalid } from "../store-error.ts";
import { completeKey } from "../validation.ts";
import { EventLog } from "./event-log.ts";
import { GarbageCollector } from "./garbage-collector.ts";
import { Memories } from "./memories.ts";
import { eventFor, type MemoryLimits } from "./memory.ts";
import { Pages } from "./pages.ts";
import { Writes } from "./writes.ts";

const BOOKMARK_MS = 30_000;

export interface TreeStoreOptions {
  readonly tree: Tree;
  readonly clock: Clock;
  readonly random: Random;
  /** The kinds that are kept. Objects of others are left alone in the tree. */
  readonly kinds: readonly Kind[];
  readonly log: Log;
  readonly limits?: Partial<MemoryLimits>;
  /** Called once if the tree can no longer be followed: from then on nothing can be written, and what is read is old. */
  readonly onStopped?: (failure: unknown) => void;
}

/** A store over a tree. Everything is read from memory; a write resolves when it is durable and can be read.
 *  It does not close the tree. */
export class TreeStore implements Store {
  readonly #options: TreeStoreOptions;
  readonly #memories: Memories;
  readonly #pages: Pages;
  readonly #writes: Writes;
  readonly #events: EventLog;
  #cancelBookmark: () => void = () => undefined;

  private constructor(options: TreeStoreOptions) {
    this.#options = options;
    const limits = { historyChangesMax: 4_000, lagEventsMax: 10_000, ...options.limits };
    this.#memories = new Memories(options.tree, options.kinds, options.log, limits, options.onStopped);
    this.#pages = new Pages(this.#memories, options.clock);
    this.#writes = new Writes({ ...options, memories: this.#memories });
    this.#events = new EventLog(options);
  }

  /** Reads everything that the tree has.
   *  @throws store/damaged: something there is no object; tree/damaged: the tree cannot be read */
  static async open(options: TreeStoreOptions): Promise<TreeStore> {
    const store = new TreeStore(options);
    await store.#memories.start();
    await store.#events.start();
    store.#bookmarkLater();
    return store;
  }

  async get<K extends Kind>(kind: K, key: ObjectKey): Promise<K["$object"] | undefined> {
    return this.#memories.get(kind, completeKey(kind, key));
  }

  async list<K extends Kind>(kind: K, options: ListOptions = {}): Promise<ObjectList<K["$object"]>> {
    return this.#pages.list(kind, options);
  }

  async *watch<K extends Kind>(kind: K, options: WatchOptions): AsyncGenerator<WatchEvent<K["$object"]>, void, undefined> {
    const { signal, resourceVersion, bookmarks = true } = options;
    if (signal.aborted) return;
    const memory = this.#memories.of(kind);
    const selector = parseSelection(kind, options);
    const isFromNothing = resourceVersion === undefined || resourceVersion === "" || resourceVersion === "0";
    const version = this.#memories.version;
    const missed = isFromNothing ? this.#initial(kind, options) : this.#since(kind, resourceVersion, options);
    // No change can come between: nothing was awaited since the reading.
    const subscription = memory.subscribe(selector, bookmarks);
    const onAbort = (): void => memory.unsubscribe(subscription);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      for (const event of missed) {
        yield event;
        if (signal.aborted) return;
      }
      if (isFromNothing && bookmarks) yield { type: "BOOKMARK", resourceVersion: String(version) };
      for (;;) {
        const event = await subscription.queue.take();
        if (event === undefined || signal.aborted) return;
        yield event;
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      memory.unsubscribe(subscription);
    }
  }

  async create<K extends Kind>(kind: K, object: ObjectInput, options: WriteOptions = {}): Promise<K["$object"]> {
    return await this.#writes.create(kind, object, options);
  }

  async update<K extends Kind>(kind: K, object: ObjectInput, options: WriteOptions = {}): Promise<K["$object"]> {
    return await this.#writes.update(kind, object, options);
  }

  async patch<K extends Kind>(kind: K, key: ObjectKey, patch: Patch, options: WriteOptions = {}): Promise<K["$object"]> {
    return await this.#writes.patch(kind, key, patch, options);
  }

  async delete<K extends Kind>(kind: K, key: ObjectKey, options: DeleteOptions = {}): Promise<K["$object"] | undefined> {
    return await this.#writes.delete(kind, key, options);
  }

  emit(event: EventInput): void {
    this.#events.emit(event);
  }

  async recordEvent(event: GivenEvent, options: { readonly isNew: boolean }): Promise<Event> {
    return await this.#events.record(event, options);
  }

  async deleteEvent(key: ObjectKey, options: Pick<DeleteOptions, "dryRun" | "preconditions"> = {}): Promise<Event | undefined> {
    return await this.#events.delete(key, options);
  }

  async events(options: { readonly namespace?: string; readonly fieldSelector?: string } = {}): Promise<readonly Event[]> {
    return this.#events.list(options);
  }

  /** Collects what lost its owners, until `signal` aborts. One process of a site does this: the leader. */
  startGarbageCollector(signal: AbortSignal): void {
    const { tree, clock, random, log } = this.#options;
    new GarbageCollector({ store: this, tree, memories: this.#memories, clock, random, log }).start(signal);
  }

  /** How many objects of each plural there are, and Events dropped because too many came at once. */
  counts(): { readonly objects: Readonly<Record<string, number>>; readonly eventsDropped: number } {
    const objects: Record<string, number> = {};
    for (const { kind, memory } of this.#memories.all()) objects[kind.plural] = memory.size;
    return { objects, eventsDropped: this.#events.dropped };
  }

  /** Writes waiting Events and ends all watches. The tree stays open. */
  async close(): Promise<void> {
    this.#cancelBookmark();
    await this.#events.close();
    await this.#memories.close();
  }

  #initial(kind: Kind, options: WatchOptions): readonly WatchEvent<StoredObject>[] {
    const { namespace, labelSelector, fieldSelector, filter } = options;
    const { items } = this.#pages.list(kind, {
      ...(filter !== undefined && { filter }),
      ...(namespace !== undefined && { namespace }),
      ...(labelSelector !== undefined && { labelSelector }),
      ...(fieldSelector !== undefined && { fieldSelector }),
    });
    return items.map((object) => ({ type: "ADDED", object }));
  }

  #since(kind: Kind, resourceVersion: string, options: WatchOptions): readonly WatchEvent<StoredObject>[] {
    if (!/^\d+$/.test(resourceVersion))
      throw invalid(`the watch of ${kind.plural}`, [
        {
          field: "resourceVersion",
          message: `found ${JSON.stringify(resourceVersion)}; allowed: the resourceVersion of a list, of an event or of a bookmark`,
        },
      ]);
    const version = Number(resourceVersion);
    if (version > this.#memories.version)
      throw gone(`resourceVersion ${resourceVersion.slice(0, 100)} lies in the future (now ${this.#memories.version})`);
    const changes = this.#memories.of(kind).since(version);
    if (changes === undefined) throw gone(`the changes of ${kind.plural} since resourceVersion ${version} are no longer known`);
    const selector = parseSelection(kind, options);
    return changes.flatMap((change) => eventFor(change, selector) ?? []);
  }

  #bookmarkLater(): void {
    this.#cancelBookmark = this.#options.clock.after(
      BOOKMARK_MS,
      () => {
        this.#memories.bookmark();
        this.#bookmarkLater();
      },
      { background: true },
    );
  }
}
