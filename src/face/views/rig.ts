import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { BoundedQueue, ManualClock, seededRandom, silentLog } from "#/base/index.ts";
import { alarm, instance, type Kind, microservice, resource, type StoredObject } from "#/model/index.ts";
import type { Authorizer, Identity, VisibleKind } from "#/people/access/index.ts";
import { Board } from "#/state/link/hub/index.ts";
import { objectKey } from "#/state/reconcile/index.ts";
import type { ObjectList, WatchEvent } from "#/state/store/index.ts";
import { applyChange, type ClientCopy, takeWhole } from "./client-copy.ts";
import type { ViewedKind } from "./followed.ts";
import type { ClientWish, ServerMessage, ViewChange, ViewWhole, ViewWish } from "./protocol.ts";
import type { ObjectFeed } from "./source.ts";
import type { StreamPort, ViewStream } from "./view-stream.ts";
import { Views, type ViewsOptions } from "./views.ts";

/** Objects of a kind in memory, with their watchers. */
export class MemoryFeed implements ObjectFeed {
  readonly #objects = new Map<string, StoredObject>();
  readonly #watchers = new Set<BoundedQueue<WatchEvent<StoredObject>>>();
  readonly #history: WatchEvent<StoredObject>[] = [];
  /** Thrown by the next list or watch. */
  failure: Error | undefined;
  version = 0;
  wordEveryMs?: number;

  get watchers(): number {
    return this.#watchers.size;
  }

  put(object: StoredObject): void {
    this.version += 1;
    const key = objectKey(object);
    const written = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.version) } };
    const type = this.#objects.has(key) ? "MODIFIED" : "ADDED";
    this.#objects.set(key, written);
    this.#tell({ type, object: written });
  }

  delete(key: string): void {
    const object = this.#objects.get(key);
    assert.ok(object !== undefined);
    this.#objects.delete(key);
    this.version += 1;
    this.#tell({ type: "DELETED", object });
  }

  /** All watches tell nothing any more, and do not end. */
  freeze(): void {
    this.#watchers.clear();
  }

  /** All watches fail now. */
  cut(error: Error): void {
    this.failure = error;
    for (const watcher of this.#watchers) watcher.fail(error);
  }

  async list(): Promise<ObjectList<StoredObject>> {
    if (this.failure !== undefined) throw this.failure;
    return { items: [...this.#objects.values()], resourceVersion: String(this.version) };
  }

  #tell(event: WatchEvent<StoredObject>): void {
    this.#history.push(event);
    for (const watcher of this.#watchers) watcher.offer(event);
  }

  async *watch({ resourceVersion, signal }: Parameters<ObjectFeed["watch"]>[0]): AsyncGenerator<WatchEvent<StoredObject>, void, undefined> {
    const queue = new BoundedQueue<WatchEvent<StoredObject>>(100_000);
    for (const event of this.#history.slice(Number(resourceVersion))) queue.offer(event);
    this.#watchers.add(queue);
    signal.addEventListener("abort", () => queue.end(), { once: true });
    try {
      yield* queue;
    } finally {
      this.#watchers.delete(queue);
    }
  }
}

export const READER: Identity = { name: "reader", groups: ["orrery:viewers"], via: "machine" };

/** Lets everybody read all, or what `visible` lets through; `rights` may be changed while it is in use. */
export class TestAuthorizer implements Pick<Authorizer, "decide" | "visible" | "onChange"> {
  readonly #listeners = new Set<() => void>();
  readonly hidden = new Map<string, (object: StoredObject) => boolean>();
  readonly denied = new Set<string>();

  decide(_who: Identity, wish: Parameters<Authorizer["decide"]>[1]): { readonly allowed: boolean; readonly reason: string } {
    const allowed = !this.denied.has("path" in wish ? wish.path : wish.resource);
    return { allowed, reason: allowed ? "a test" : "a test denies it" };
  }

  visible(who: Identity, kind: VisibleKind): ((object: StoredObject) => boolean) | undefined {
    return who === READER ? undefined : this.hidden.get(kind.plural);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tellChange(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** What a client has, kept by what it is told alone. */
export class TestClient implements StreamPort {
  readonly messages: ServerMessage[] = [];
  readonly copies = new Map<string, ClientCopy>();
  closedWith: { readonly code: number; readonly reason: string } | undefined;
  /** True: nothing is taken. */
  isStalled = false;
  unsentBytes = 0;
  bytes = 0;
  stream: ViewStream | undefined;

  send(message: string | Buffer): void {
    const text = message.toString();
    this.bytes += text.length;
    if (this.isStalled) this.unsentBytes += text.length;
    const told = JSON.parse(text) as ServerMessage;
    this.messages.push(told);
    if (!("id" in told)) return;
    if ("rows" in told) this.copies.set(told.id, takeWhole(told as ViewWhole));
    else if ("put" in told) {
      const copy = this.copies.get(told.id);
      assert.ok(copy !== undefined, `a change of ${told.id}, which was never told whole`);
      assert.equal(told.rev, copy.rev + 1, `${told.id}: a revision is missing`);
      this.copies.set(told.id, applyChange(copy, told as ViewChange));
    }
  }

  close(code: number, reason: string): void {
    this.closedWith = { code, reason };
  }

  say(wish: ClientWish): void {
    this.stream?.receive(JSON.stringify(wish));
  }

  open(id: string, view: ViewWish): void {
    this.say({ op: "open", id, view });
  }

  keys(id: string): readonly string[] {
    return this.copies.get(id)?.rows.map((row) => row.key) ?? [];
  }

  error(id: string): { readonly code: string; readonly message: string } | undefined {
    return this.messages.flatMap((one) => ("error" in one && one.id === id ? [one.error] : [])).at(-1);
  }

  takeAll(): void {
    this.isStalled = false;
    this.unsentBytes = 0;
  }
}

export interface Rig {
  readonly views: Views;
  readonly clock: ManualClock;
  readonly board: Board;
  readonly authorizer: TestAuthorizer;
  readonly feeds: {
    readonly microservices: MemoryFeed;
    readonly instances: MemoryFeed;
    readonly resources: MemoryFeed;
    readonly alarms: MemoryFeed;
    readonly events: MemoryFeed;
  };
  connect(who?: Identity): TestClient;
  /** Lets `ms` go by, and all that follows from it happen. */
  pass(ms?: number): Promise<void>;
}

const STEP_MS = 10;
const STEPS_MAX = 400;

/** Views over objects in memory, with a clock that is moved by hand. */
export function startRig(more: Partial<ViewsOptions> = {}): Rig {
  const clock = new ManualClock();
  const board = new Board(clock);
  const authorizer = new TestAuthorizer();
  const feeds = {
    microservices: new MemoryFeed(),
    instances: new MemoryFeed(),
    resources: new MemoryFeed(),
    alarms: new MemoryFeed(),
    events: new MemoryFeed(),
  };
  const kinds = [
    viewedKind(microservice, feeds.microservices),
    viewedKind(instance, feeds.instances),
    viewedKind(resource, feeds.resources),
    viewedKind(alarm, feeds.alarms),
    EVENTS(feeds.events),
  ];
  const views = new Views({
    kinds,
    board,
    authorizer: authorizer as unknown as Authorizer,
    clock,
    random: seededRandom(7),
    log: silentLog,
    ...more,
  });
  return {
    views,
    clock,
    board,
    authorizer,
    feeds,
    connect(who = READER) {
      const client = new TestClient();
      client.stream = views.connect(who, client);
      return client;
    },
    async pass(ms = 300) {
      const settle = async (): Promise<void> => {
        for (let turn = 0; turn < 8; turn++) await setImmediate();
      };
      await settle();
      // In steps: what takes no time must not seem to.
      const step = Math.max(STEP_MS, ms / STEPS_MAX);
      for (let left = ms; left > 0; left -= step) {
        clock.advance(Math.min(left, step));
        await settle();
      }
    },
  };
}

const EVENTS = (feed: ObjectFeed): ViewedKind => ({
  resource: "events",
  kind: "Event",
  group: "",
  plural: "events",
  isNamespaced: true,
  columns: [],
  feed,
});

export function viewedKind(kind: Kind, feed: ObjectFeed): ViewedKind {
  const { plural, group, columns } = kind;
  return { resource: plural, kind: kind.kind, group, plural, isNamespaced: kind.scope === "Namespaced", columns, feed, stored: kind };
}

/** An object as a store keeps it. */
export function stored(
  kind: Kind,
  name: string,
  more: { readonly labels?: Record<string, string>; readonly spec?: object; readonly status?: object } = {},
): StoredObject {
  return {
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    metadata: {
      name,
      ...(kind.scope === "Namespaced" && { namespace: "default" }),
      uid: `uid-${name}`,
      resourceVersion: "0",
      generation: 1,
      creationTimestamp: "2027-01-15T08:00:00Z",
      ...(more.labels !== undefined && { labels: more.labels }),
    },
    spec: more.spec ?? {},
    ...(more.status !== undefined && { status: more.status }),
  };
}

/** A status with the condition by which an object is judged. */
export function condition(reason: string, status: "True" | "False" | "Unknown" = "True"): object {
  return { conditions: [{ type: "Ready", status, reason, message: `${reason}: a test`, lastTransitionTime: "2027-01-15T08:00:00.000Z" }] };
}
