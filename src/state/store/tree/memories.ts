import { describeError, isOrreryError, type Log, OrreryError } from "#/base/index.ts";
import type { Kind, StoredObject } from "#/model/index.ts";
import type { Tree, TreeEvent, TreeNode } from "#/state/tree/index.ts";
import type { ObjectKey } from "../contract.ts";
import { type FieldSet, intern } from "../fields/field-set.ts";
import { sealedCopy } from "../sealed-copy.ts";
import { gone } from "../store-error.ts";
import { FORMAT, OBJECTS, parseObjectPath, withVersion } from "./layout.ts";
import { type Change, idOf, KindMemory, type MemoryLimits } from "./memory.ts";
import { Owners } from "./owners.ts";

/** All objects, kept equal to the tree by watching it. Everything is read from here; a writer waits until it can read its own write. */
export class Memories {
  /** Objects by the uid of their owner. */
  readonly owners = new Owners();
  readonly #tree: Tree;
  readonly #onStopped: (failure: unknown) => void;
  readonly #log: Log;
  readonly #kinds: ReadonlyMap<string, { readonly kind: Kind; readonly memory: KindMemory }>;
  readonly #stop = new AbortController();
  readonly #pending = new Map<string, { readonly value: string; readonly object: StoredObject }>();
  readonly #waiters = new Map<number, PromiseWithResolvers<void>>();
  readonly #listeners = new Set<(kind: Kind, change: Change) => void>();
  #version = 0;
  #failure: unknown;
  #running: Promise<void> = Promise.resolve();

  constructor(tree: Tree, kinds: readonly Kind[], log: Log, limits: MemoryLimits, onStopped: (failure: unknown) => void = () => {}) {
    this.#tree = tree;
    this.#log = log;
    this.#onStopped = onStopped;
    this.#kinds = new Map(kinds.map((kind) => [kind.plural, { kind, memory: new KindMemory(limits) }]));
  }

  /** Nothing up to here is missing. */
  get version(): number {
    return this.#version;
  }

  of(kind: Kind): KindMemory {
    const found = this.#kinds.get(kind.plural);
    if (found === undefined)
      throw new OrreryError("store/invalid", `this store does not keep ${kind.plural}`, {
        details: { causes: [{ field: "kind", message: `unknown: ${kind.kind}` }] },
      });
    return found.memory;
  }

  all(): Iterable<{ readonly kind: Kind; readonly memory: KindMemory }> {
    return this.#kinds.values();
  }

  get(kind: Kind, key: ObjectKey): StoredObject | undefined {
    return this.of(kind).get(idOf(key));
  }

  /** Reads everything, then follows the tree until `close`.
   *  @throws store/damaged: an object in the tree cannot be read */
  async start(): Promise<void> {
    await this.#begin();
    const { nodes, version } = await this.#tree.list(OBJECTS);
    const objects = new Map<string, StoredObject[]>();
    for (const node of nodes) {
      const place = parseObjectPath(node.path);
      if (place === undefined || !this.#kinds.has(place.plural)) {
        this.#log.warn("an object of an unknown kind is left alone", { path: node.path });
        continue;
      }
      const object = decode(node);
      this.owners.change(undefined, object, this.#kinds.get(place.plural)?.kind);
      const list = objects.get(place.plural) ?? [];
      objects.set(place.plural, list);
      list.push(object);
    }
    for (const [plural, { memory }] of this.#kinds) memory.load(objects.get(plural) ?? [], version);
    this.#version = version;
    this.#running = this.#follow();
  }

  /** Says that `object` (without version) is what a coming event with `value` means, so that it need not be read again. Returns what forgets it. */
  expect(path: string, value: string, object: StoredObject): () => void {
    const pending = { value, object };
    this.#pending.set(path, pending);
    return () => {
      if (this.#pending.get(path) === pending) this.#pending.delete(path);
    };
  }

  /** Resolves when everything up to `version` can be read here.
   *  @throws store/unavailable: the tree is no longer followed */
  async shown(version: number): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (version <= this.#version) return;
    let waiter = this.#waiters.get(version);
    if (waiter === undefined) {
      waiter = Promise.withResolvers();
      this.#waiters.set(version, waiter);
    }
    await waiter.promise;
  }

  /** Calls `listener` at each change, before watchers read of it; returns what ends that. */
  listen(listener: (kind: Kind, change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  bookmark(): void {
    for (const { memory } of this.#kinds.values()) memory.bookmark(this.#version);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#fail(new OrreryError("store/unavailable", "the store is closed", { retry: "backoff" }));
    for (const { memory } of this.#kinds.values()) memory.end();
    await this.#running;
  }

  /** Writes a first node into a new tree: a list's version 0 would mean "any" to whoever watches from it, as it does in Kubernetes. */
  async #begin(): Promise<void> {
    try {
      if ((await this.#tree.get(FORMAT)) === undefined) await this.#tree.create(FORMAT, "1");
    } catch (error) {
      if (!isOrreryError(error, "tree/exists")) throw error;
    }
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    try {
      while (!signal.aborted) {
        try {
          for await (const event of this.#tree.watch(OBJECTS, this.#version, signal)) this.#take(event);
          if (!signal.aborted) throw new OrreryError("store/unavailable", "the tree was closed under the store", { retry: "backoff" });
        } catch (error) {
          if (!isOrreryError(error, "tree/gone")) throw error;
          await this.#readAgain();
        }
      }
    } catch (error) {
      const failure = isOrreryError(error, "store/damaged")
        ? error
        : new OrreryError("store/unavailable", `the tree can no longer be followed: ${describeError(error)}`, { retry: "backoff", cause: error });
      this.#log.error("the store stops", { error: failure.message });
      this.#fail(failure);
      this.#onStopped(failure);
      for (const { memory } of this.#kinds.values()) memory.end(failure);
    }
  }

  #fail(failure: unknown): void {
    this.#failure ??= failure;
    for (const { reject, promise } of this.#waiters.values()) {
      promise.catch(() => undefined);
      reject(failure);
    }
    this.#waiters.clear();
  }

  #take(event: TreeEvent): void {
    switch (event.type) {
      case "put":
        return this.#apply(event.node.path, event.node, event.node.version);
      case "deleted":
        return this.#apply(event.path, undefined, event.version);
      // Only such a mark says that nothing up to its version is missing.
      case "synced":
        return this.#advance(event.version);
    }
  }

  #apply(path: string, node: TreeNode | undefined, version: number): void {
    const place = parseObjectPath(path);
    const found = place === undefined ? undefined : this.#kinds.get(place.plural);
    if (place === undefined || found === undefined) return;
    const pending = this.#pending.get(path);
    const object = node === undefined ? undefined : pending?.value === node.value ? withVersion(pending.object, version, node.value) : decode(node);
    for (const change of found.memory.apply(idOf(place.key), object, version)) {
      this.owners.change(change.before, change.after, found.kind);
      for (const listener of this.#listeners) this.#tell(() => listener(found.kind, change));
    }
  }

  /** One that fails neither keeps others from hearing of it, nor the store from going on. */
  #tell(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#log.error("a listener of the store failed", { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  }

  #advance(version: number): void {
    if (version <= this.#version) return;
    const hasSkipped = version > this.#version + 1;
    this.#version = version;
    this.#waiters.get(version)?.resolve();
    this.#waiters.delete(version);
    if (!hasSkipped || this.#waiters.size === 0) return;
    for (const [waited, { resolve }] of this.#waiters) {
      if (waited > version) continue;
      resolve();
      this.#waiters.delete(waited);
    }
  }

  /** The tree's history was compacted under us. What lies between is not known in its order, so that watchers have to list again, too. */
  async #readAgain(): Promise<void> {
    for (const { memory } of this.#kinds.values()) memory.end(gone("changes were missed"));
    const { nodes, version } = await this.#tree.list(OBJECTS);
    const present = new Set(nodes.map((node) => node.path));
    for (const [plural, { memory }] of this.#kinds) {
      for (const { metadata } of memory.items()) {
        const path = `${OBJECTS}/${plural}/${metadata.namespace ?? "-"}/${metadata.name}`;
        if (!present.has(path)) this.#apply(path, undefined, version);
      }
    }
    const changed = nodes.filter((node) => {
      const place = parseObjectPath(node.path);
      const known = place === undefined ? undefined : this.#kinds.get(place.plural)?.memory.get(idOf(place.key));
      return known?.metadata.resourceVersion !== String(node.version);
    });
    for (const node of changed.sort((a, b) => a.version - b.version)) this.#apply(node.path, node, node.version);
    for (const { memory } of this.#kinds.values()) memory.forget(version);
    this.#advance(version);
  }
}

function decode(node: TreeNode): StoredObject {
  let parsed: StoredObject;
  try {
    parsed = JSON.parse(node.value) as StoredObject;
  } catch (error) {
    throw new OrreryError("store/damaged", `${node.path} holds no object (${describeError(error)}); restore a backup`, {
      details: { path: node.path },
      cause: error,
    });
  }
  const entries = parsed.metadata.managedFields?.map((entry) =>
    entry.fieldsV1 === undefined ? entry : { ...entry, fieldsV1: intern(sealedCopy<FieldSet>(entry.fieldsV1)) },
  );
  const object = sealedCopy<StoredObject>(entries === undefined ? parsed : { ...parsed, metadata: { ...parsed.metadata, managedFields: entries } });
  return withVersion(object, node.version, node.value);
}
