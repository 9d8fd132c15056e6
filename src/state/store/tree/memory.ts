import { BoundedQueue, OrreryError } from "#/base/index.ts";
import type { StoredObject } from "#/model/index.ts";
import type { WatchEvent } from "../contract.ts";
import { forget } from "../json.ts";
import type { Selector } from "../selector.ts";
import { gone } from "../store-error.ts";

export interface MemoryLimits {
  /** Changes of one kind that a watch may begin behind; default 4,000. */
  readonly historyChangesMax: number;
  /** Events that a watcher may lag behind; default 10,000. */
  readonly lagEventsMax: number;
}
const WATCHERS_MAX = 5_000;

type Event = WatchEvent<StoredObject>;

export interface Change {
  readonly version: number;
  readonly before: StoredObject | undefined;
  /** Absent: deleted. */
  readonly after: StoredObject | undefined;
  /** As a watcher without selector sees it; one object for all of them. */
  readonly event: Event;
}

export interface Subscription {
  readonly queue: BoundedQueue<Event>;
  readonly selector: Selector;
  readonly wantsBookmarks: boolean;
}

interface Entry {
  readonly id: string;
  object: StoredObject;
}

/** All objects of one kind, parsed, in order, with the latest changes and those who watch. */
export class KindMemory {
  readonly #limits: MemoryLimits;
  readonly #entries = new Map<string, Entry>();
  #order: Entry[] = [];
  #items: readonly StoredObject[] | undefined;
  #changes: Change[] = [];
  readonly #subscriptions = new Set<Subscription>();
  /** Changes after this version are all in `#changes`. */
  #historyFrom = 0;
  #changedVersion = 0;

  constructor(limits: MemoryLimits) {
    this.#limits = limits;
  }

  /** Version of the last change. */
  get changedVersion(): number {
    return this.#changedVersion;
  }

  get size(): number {
    return this.#order.length;
  }

  get(id: string): StoredObject | undefined {
    return this.#entries.get(id)?.object;
  }

  /** All objects by namespace and name; a snapshot that does not change. */
  items(): readonly StoredObject[] {
    this.#items ??= this.#order.map((entry) => entry.object);
    return this.#items;
  }

  /** Begins with `objects`, as of `version`. */
  load(objects: readonly StoredObject[], version: number): void {
    this.#order = objects.map((object) => ({ id: idOf(object.metadata), object })).sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const entry of this.#order) this.#entries.set(entry.id, entry);
    this.forget(version);
    this.#changedVersion = version;
  }

  /** Takes in `object`, or its absence, at `version`; the changes that this made. */
  apply(id: string, object: StoredObject | undefined, version: number): readonly Change[] {
    const entry = this.#entries.get(id);
    const before = entry?.object;
    if (object === undefined && before === undefined) return [];
    if (object === undefined) this.#remove(id);
    else if (entry === undefined) this.#insert(id, object);
    else entry.object = object;
    this.#items = undefined;
    this.#changedVersion = version;
    // Deleted and made anew between two looks.
    const isAnew = before !== undefined && object !== undefined && before.metadata.uid !== object.metadata.uid;
    const changes = isAnew ? [changeOf(before, undefined, version), changeOf(undefined, object, version)] : [changeOf(before, object, version)];
    for (const change of changes) this.#publish(change);
    return changes;
  }

  /** Changes after `version`, or `undefined` if they are no longer all known. */
  since(version: number): readonly Change[] | undefined {
    if (version < this.#historyFrom) return undefined;
    let low = 0;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle]?.version ?? 0) <= version) low = middle + 1;
      else high = middle;
    }
    return this.#changes.slice(low);
  }

  /** Forgets the changes up to `version`. */
  forget(version: number): void {
    this.#changes = [];
    this.#historyFrom = version;
  }

  /** Events from now on, until `unsubscribe`.
   *  @throws store/unavailable: too many watches */
  subscribe(selector: Selector, wantsBookmarks: boolean): Subscription {
    if (this.#subscriptions.size >= WATCHERS_MAX)
      throw new OrreryError("store/unavailable", `there are ${WATCHERS_MAX} watches of this kind already`, { retry: "backoff" });
    const subscription: Subscription = { queue: new BoundedQueue(this.#limits.lagEventsMax), selector, wantsBookmarks };
    this.#subscriptions.add(subscription);
    return subscription;
  }

  unsubscribe(subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
    subscription.queue.end();
  }

  /** Tells watchers that nothing up to `version` is missing. */
  bookmark(version: number): void {
    const event: Event = Object.freeze({ type: "BOOKMARK", resourceVersion: String(version) });
    for (const subscription of this.#subscriptions) if (subscription.wantsBookmarks) this.#offer(subscription, event);
  }

  /** Ends all watches, with `reason` if there is one. */
  end(reason?: unknown): void {
    for (const { queue } of this.#subscriptions) {
      if (reason === undefined) queue.end();
      else queue.fail(reason);
    }
    this.#subscriptions.clear();
  }

  #publish(change: Change): void {
    this.#changes.push(change);
    // Half of what the history would hold.
    if (change.before !== undefined) forget(change.before);
    // Cut by a fifth at a time, so that the cut costs little for each change.
    if (this.#changes.length > this.#limits.historyChangesMax * 1.25) {
      const dropped = this.#changes.length - this.#limits.historyChangesMax;
      this.#historyFrom = this.#changes[dropped - 1]?.version ?? this.#historyFrom;
      this.#changes = this.#changes.slice(dropped);
    }
    for (const subscription of this.#subscriptions) {
      this.#tell(subscription, change);
    }
  }

  /** A watch that fails ends alone. */
  #tell(subscription: Subscription, change: Change): void {
    try {
      const event = eventFor(change, subscription.selector);
      if (event !== undefined) this.#offer(subscription, event);
    } catch (error) {
      this.#subscriptions.delete(subscription);
      subscription.queue.fail(error);
    }
  }

  #offer(subscription: Subscription, event: Event): void {
    if (subscription.queue.offer(event)) return;
    this.#subscriptions.delete(subscription);
    subscription.queue.fail(gone(`the watcher lags by more than ${this.#limits.lagEventsMax} events`));
  }

  #insert(id: string, object: StoredObject): void {
    const entry = { id, object };
    this.#entries.set(id, entry);
    this.#order.splice(this.#position(id), 0, entry);
  }

  #remove(id: string): void {
    this.#entries.delete(id);
    this.#order.splice(this.#position(id), 1);
  }

  #position(id: string): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#order[middle]?.id ?? "") < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Orders by namespace, then name: the separator is less than any of their characters. */
export function idOf({ namespace, name }: { readonly namespace?: string; readonly name: string }): string {
  return `${namespace ?? ""}\u0000${name}`;
}

/** What a watcher with `selector` is told; `undefined` if nothing. An object that leaves the selection is deleted for it. */
export function eventFor(change: Change, selector: Selector): Event | undefined {
  const { before, after, event } = change;
  if (selector === undefined) return event;
  const wasSelected = before !== undefined && selector(before);
  const isSelected = after !== undefined && selector(after);
  if (!wasSelected && !isSelected) return undefined;
  // What it has become is none of the watcher's business.
  if (!isSelected && after !== undefined) return { type: "DELETED", object: buried(before, change.version) };
  const type = !wasSelected ? "ADDED" : !isSelected ? "DELETED" : "MODIFIED";
  return type === event.type || event.type === "BOOKMARK" ? event : { type, object: event.object };
}

function changeOf(before: StoredObject | undefined, after: StoredObject | undefined, version: number): Change {
  const object = after ?? buried(before, version);
  return {
    version,
    before,
    after,
    event: Object.freeze({ type: after === undefined ? "DELETED" : before === undefined ? "ADDED" : "MODIFIED", object }),
  };
}

/** A deleted object's last state, at the version of its deletion: a watcher resumes from there. */
export function buried(object: StoredObject | undefined, version: number): StoredObject {
  if (object === undefined) throw new Error("nothing was deleted");
  return Object.freeze({ ...object, metadata: Object.freeze({ ...object.metadata, resourceVersion: String(version) }) });
}
