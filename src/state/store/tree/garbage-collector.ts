import { backoffDelayMs, type Clock, isOrreryError, type Log, type Random } from "#/base/index.ts";
import type { Kind, OwnerReference, StoredObject } from "#/model/index.ts";
import type { Tree } from "#/state/tree/index.ts";
import type { Store } from "../contract.ts";
import { objectPath } from "./layout.ts";
import type { Memories } from "./memories.ts";
import type { Change } from "./memory.ts";
import { FOREGROUND, ORPHAN } from "./writes.ts";

const AT_ONCE_MAX = 32;
const MANAGER = "garbage-collector";

export interface GarbageCollectorOptions {
  readonly store: Store;
  readonly tree: Tree;
  readonly memories: Memories;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

interface Item {
  readonly kind: Kind;
  readonly uid: string;
  readonly key: { readonly name: string; readonly namespace?: string };
}

/** Deletes what has lost all its owners, and ends deletions that wait for dependents. Level-triggered: an item is only a hint to look at an object; what is done follows from what is there. */
export class GarbageCollector {
  readonly #options: GarbageCollectorOptions;
  readonly #waiting = new Map<string, Item>();
  readonly #failures = new Map<string, number>();
  #running = 0;
  #signal: AbortSignal = AbortSignal.abort();

  constructor(options: GarbageCollectorOptions) {
    this.#options = options;
  }

  /** Looks at every object once, then at what changes touch, until `signal` aborts. */
  start(signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#signal = signal;
    const { memories } = this.#options;
    const stop = memories.listen((kind, change) => this.#onChange(kind, change));
    signal.addEventListener("abort", stop, { once: true });
    for (const { kind, memory } of memories.all()) for (const object of memory.items()) if (needsLook(object)) this.#add(kind, object);
    this.#pump();
  }

  #onChange(kind: Kind, { before, after }: Change): void {
    const { owners } = this.#options.memories;
    if (after !== undefined && needsLook(after) && hasMoved(before, after)) this.#add(kind, after);
    if (after === undefined && before !== undefined) {
      for (const dependent of owners.dependentsOf(before.metadata.uid)) this.#add(dependent.kind, dependent.object);
      // An owner that waits for this one may now go.
      for (const reference of before.metadata.ownerReferences ?? []) this.#addOwner(reference, before.metadata.namespace);
    }
    if (after !== undefined && before?.metadata.ownerReferences !== after.metadata.ownerReferences) {
      for (const reference of before?.metadata.ownerReferences ?? []) this.#addOwner(reference, after.metadata.namespace);
    }
    this.#pump();
  }

  #addOwner(reference: OwnerReference, namespace: string | undefined): void {
    const owner = this.#findOwner(reference, namespace);
    if (owner !== undefined && needsLook(owner.object)) this.#add(owner.kind, owner.object);
  }

  #add(kind: Kind, object: StoredObject): void {
    const { uid, name, namespace } = object.metadata;
    this.#waiting.set(uid, { kind, uid, key: { name, ...(namespace !== undefined && { namespace }) } });
  }

  /** Works on what waits, from a later turn on: changes are told in the middle of taking them in. */
  #pump(): void {
    while (this.#running < AT_ONCE_MAX && this.#waiting.size > 0 && !this.#signal.aborted) {
      const [uid, item] = this.#waiting.entries().next().value ?? [];
      if (uid === undefined || item === undefined) return;
      this.#waiting.delete(uid);
      this.#running++;
      void Promise.resolve()
        .then(() => this.#look(item))
        .then(
          () => this.#failures.delete(uid),
          (error: unknown) => this.#onFailure(item, error),
        )
        .finally(() => {
          this.#running--;
          this.#pump();
        });
    }
  }

  #onFailure(item: Item, error: unknown): void {
    if (this.#signal.aborted) return;
    const { clock, random, log } = this.#options;
    const failures = (this.#failures.get(item.uid) ?? 0) + 1;
    this.#failures.set(item.uid, failures);
    // A change in between is the usual case, and the next look's matter.
    if (!isOrreryError(error, "store/conflict"))
      log.warn("an object cannot be collected yet", { kind: item.kind.kind, ...item.key, error: String(error) });
    clock.after(
      backoffDelayMs({ firstMs: 100, maxMs: 60_000 }, failures, random),
      () => {
        this.#waiting.set(item.uid, item);
        this.#pump();
      },
      { background: true },
    );
  }

  async #look({ kind, key, uid }: Item): Promise<void> {
    const object = this.#options.memories.get(kind, key);
    if (object === undefined || object.metadata.uid !== uid) return;
    const { deletionTimestamp, finalizers = [], ownerReferences = [] } = object.metadata;
    if (deletionTimestamp !== undefined && finalizers.includes(ORPHAN)) await this.#letDependentsGo(kind, object);
    else if (deletionTimestamp !== undefined && finalizers.includes(FOREGROUND)) await this.#deleteDependents(kind, object);
    else if (deletionTimestamp === undefined && ownerReferences.length > 0) await this.#checkOwners(kind, object, ownerReferences);
  }

  async #checkOwners(kind: Kind, object: StoredObject, references: readonly OwnerReference[]): Promise<void> {
    const { store } = this.#options;
    const states = await Promise.all(
      references.map(async (reference) => ({ reference, state: await this.#stateOf(reference, object.metadata.namespace) })),
    );
    const alive = states.filter(({ state }) => state === "present" || state === "unknown");
    const waiting = states.filter(({ state }) => state === "waits");
    if (alive.length === 0) {
      // Dependents of its own go first if its owner waits to see all of them gone.
      const propagationPolicy = waiting.length > 0 && this.#hasIdleDependents(object) ? "Foreground" : "Background";
      await store.delete(kind, object.metadata, { preconditions: { uid: object.metadata.uid }, propagationPolicy });
    } else if (alive.length < references.length) {
      await this.#keepOwners(
        kind,
        object,
        alive.map(({ reference }) => reference),
      );
    }
  }

  /** False as well where the dependents themselves wait for something: in a cycle nobody would begin. */
  #hasIdleDependents(object: StoredObject): boolean {
    const dependents = this.#options.memories.owners.dependentsOf(object.metadata.uid);
    return dependents.length > 0 && dependents.every((dependent) => dependent.object.metadata.finalizers?.includes(FOREGROUND) !== true);
  }

  async #deleteDependents(kind: Kind, object: StoredObject): Promise<void> {
    const dependents = this.#options.memories.owners.dependentsOf(object.metadata.uid);
    if (dependents.length === 0) return await this.#removeFinalizer(kind, object, FOREGROUND);
    for (const dependent of dependents) this.#add(dependent.kind, dependent.object);
  }

  async #letDependentsGo(kind: Kind, object: StoredObject): Promise<void> {
    const { owners } = this.#options.memories;
    await Promise.all(
      owners.dependentsOf(object.metadata.uid).map((dependent) => {
        const kept = (dependent.object.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== object.metadata.uid);
        return this.#keepOwners(dependent.kind, dependent.object, kept);
      }),
    );
    await this.#removeFinalizer(kind, object, ORPHAN);
  }

  async #keepOwners(kind: Kind, object: StoredObject, kept: readonly OwnerReference[]): Promise<void> {
    const { resourceVersion, uid } = object.metadata;
    await this.#options.store.patch(
      kind,
      object.metadata,
      { type: "merge", body: { metadata: { resourceVersion, uid, ownerReferences: kept.length === 0 ? null : kept } } },
      { fieldManager: MANAGER },
    );
  }

  async #removeFinalizer(kind: Kind, object: StoredObject, finalizer: string): Promise<void> {
    const { resourceVersion, uid } = object.metadata;
    const finalizers = (object.metadata.finalizers ?? []).filter((one) => one !== finalizer);
    await this.#options.store.patch(
      kind,
      object.metadata,
      { type: "merge", body: { metadata: { resourceVersion, uid, finalizers: finalizers.length === 0 ? null : finalizers } } },
      { fieldManager: MANAGER },
    );
  }

  async #stateOf(reference: OwnerReference, namespace: string | undefined): Promise<"present" | "waits" | "absent" | "unknown"> {
    const kind = this.#kindOf(reference);
    // Another program's kind, or a later release's: not ours to judge.
    if (kind === undefined) return "unknown";
    const owner = this.#findOwner(reference, namespace);
    if (owner !== undefined)
      return owner.object.metadata.finalizers?.includes(FOREGROUND) === true && owner.object.metadata.deletionTimestamp !== undefined
        ? "waits"
        : "present";
    // The memory may lag behind another process that has just made the owner; the tree does not.
    const node = await this.#options.tree.get(objectPath(kind, keyOf(kind, reference, namespace)));
    return node?.value.includes(reference.uid) === true ? "present" : "absent";
  }

  #findOwner(reference: OwnerReference, namespace: string | undefined): { readonly kind: Kind; readonly object: StoredObject } | undefined {
    const kind = this.#kindOf(reference);
    if (kind === undefined) return undefined;
    const object = this.#options.memories.get(kind, keyOf(kind, reference, namespace));
    return object?.metadata.uid === reference.uid ? { kind, object } : undefined;
  }

  #kindOf({ apiVersion, kind }: OwnerReference): Kind | undefined {
    const [group] = apiVersion.split("/");
    for (const known of this.#options.memories.all()) if (known.kind.kind === kind && known.kind.group === group) return known.kind;
    return undefined;
  }
}

function keyOf(kind: Kind, { name }: OwnerReference, namespace: string | undefined) {
  return kind.scope === "Cluster" || namespace === undefined ? { name } : { name, namespace };
}

function needsLook({ metadata }: StoredObject): boolean {
  return (
    metadata.ownerReferences !== undefined ||
    (metadata.deletionTimestamp !== undefined && metadata.finalizers?.some((one) => one === FOREGROUND || one === ORPHAN) === true)
  );
}

/** False for the usual change, of status or spec, which cannot make an object ripe. */
function hasMoved(before: StoredObject | undefined, { metadata }: StoredObject): boolean {
  if (before === undefined) return true;
  const { ownerReferences, finalizers, deletionTimestamp } = before.metadata;
  return ownerReferences !== metadata.ownerReferences || finalizers !== metadata.finalizers || deletionTimestamp !== metadata.deletionTimestamp;
}
