import { backoffDelayMs, type Clock, describeError, isOrreryError, type Log, type Random, sleep } from "#/base/index.ts";
import type { Kind } from "#/model/index.ts";
import type { ListOptions, Store } from "#/state/store/index.ts";

export interface ReflectorOptions<K extends Kind> {
  readonly store: Store;
  readonly kind: K;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly selection?: Pick<ListOptions, "namespace" | "labelSelector" | "fieldSelector">;
}

/** What changed: `before` is missing for a new object, `after` for a deleted one. */
export type CacheListener<T> = (before: T | undefined, after: T | undefined) => void;

/** A local copy of objects as who only looks needs it. Objects are shared: never change them. */
export interface LocalCopy<T> {
  /** The object, or `undefined`. `key` as `objectKey` makes it. */
  get(key: string): T | undefined;
  values(): Iterable<T>;
  /** The objects of which the index `name` says `key`. */
  byIndex(name: string, key: string): Iterable<T>;
  /** Calls `listener` at each change from now on, and at once for each object that is there. */
  listen(listener: CacheListener<T>): void;
}

/** A local copy of all objects of a kind, kept by list and watch. Lists again when the watch's version is gone. Objects are shared: never change them. */
export class Reflector<K extends Kind> implements LocalCopy<K["$object"]> {
  readonly kind: K;
  readonly #options: ReflectorOptions<K>;
  readonly #objects = new Map<string, K["$object"]>();
  readonly #listeners: CacheListener<K["$object"]>[] = [];
  readonly #indexes = new Map<
    string,
    { readonly keyOf: (object: K["$object"]) => string | undefined; readonly sets: Map<string, Set<K["$object"]>> }
  >();
  #markSynced: () => void = () => {};
  /** Resolves after the first complete list. */
  readonly synced: Promise<void> = new Promise((resolve) => {
    this.#markSynced = resolve;
  });

  constructor(options: ReflectorOptions<K>) {
    this.kind = options.kind;
    this.#options = options;
  }

  /** The object, or `undefined`. `key` as `objectKey` makes it. */
  get(key: string): K["$object"] | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<K["$object"]> {
    return this.#objects.values();
  }

  get size(): number {
    return this.#objects.size;
  }

  /** Adds an index before `run`: objects by what `keyOf` says of them. */
  addIndex(name: string, keyOf: (object: K["$object"]) => string | undefined): void {
    this.#indexes.set(name, { keyOf, sets: new Map() });
  }

  /** The objects of which the index `name` says `key`. */
  byIndex(name: string, key: string): ReadonlySet<K["$object"]> {
    return this.#indexes.get(name)?.sets.get(key) ?? new Set();
  }

  /** Calls `listener` at each change from now on, and at once for each object that is there. */
  listen(listener: CacheListener<K["$object"]>): void {
    this.#listeners.push(listener);
    for (const object of this.#objects.values()) listener(undefined, object);
  }

  /** Keeps the copy until `signal` aborts. Failures are logged and tried again with backoff; what is already known stays. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#listAndWatch(signal, () => {
          failures = 0;
        });
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        if (!isOrreryError(error, "store/gone")) log.warn(`watching ${this.kind.plural} failed: ${describeError(error)}`, { kind: this.kind.kind });
      }
      if (!signal.aborted)
        await sleep(clock, backoffDelayMs({ firstMs: 20, maxMs: 5000, jitter: 0.5 }, failures + 1, random), signal).catch(() => {});
    }
  }

  async #listAndWatch(signal: AbortSignal, onProgress: () => void): Promise<void> {
    const { store, selection } = this.#options;
    const list = await store.list(this.kind, selection);
    const present = new Set<string>();
    for (const object of list.items) {
      const key = objectKey(object);
      present.add(key);
      this.#put(key, object);
    }
    for (const key of [...this.#objects.keys()]) if (!present.has(key)) this.#remove(key);
    this.#markSynced();
    onProgress();
    for await (const event of store.watch(this.kind, { ...selection, resourceVersion: list.resourceVersion, signal })) {
      onProgress();
      if (event.type === "BOOKMARK") continue;
      if (event.type === "DELETED") this.#remove(objectKey(event.object));
      else this.#put(objectKey(event.object), event.object);
    }
  }

  #put(key: string, after: K["$object"]): void {
    const before = this.#objects.get(key);
    if (before !== undefined && before.metadata.resourceVersion === after.metadata.resourceVersion) return;
    this.#objects.set(key, after);
    this.#changed(before, after);
  }

  #remove(key: string): void {
    const before = this.#objects.get(key);
    if (before === undefined) return;
    this.#objects.delete(key);
    this.#changed(before, undefined);
  }

  #changed(before: K["$object"] | undefined, after: K["$object"] | undefined): void {
    for (const { keyOf, sets } of this.#indexes.values()) {
      const former = before === undefined ? undefined : keyOf(before);
      const present = after === undefined ? undefined : keyOf(after);
      if (before !== undefined && former !== undefined) {
        const set = sets.get(former);
        set?.delete(before);
        if (set?.size === 0) sets.delete(former);
      }
      if (after !== undefined && present !== undefined) {
        const set = sets.get(present);
        if (set === undefined) sets.set(present, new Set([after]));
        else set.add(after);
      }
    }
    for (const listener of this.#listeners) listener(before, after);
  }
}

/** `namespace/name`, or `name` for cluster-scoped objects. */
export function objectKey(object: { readonly metadata: { readonly name: string; readonly namespace?: string } }): string {
  const { name, namespace } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}
