import { BoundedQueue, type Clock, OrreryError } from "#/base/index.ts";
import { type Event, findKind, type Kind, type StoredObject } from "#/model/index.ts";
import type { EventInput, Store, WatchEvent } from "#/store/index.ts";
import { type Collection, READ_VERBS } from "./collection.ts";
import { badRequest } from "./status.ts";

const LOOK_EVERY_MS = 1_000;
const QUEUE_ITEMS_MAX = 5_000;

export interface EventsOptions {
  readonly store: Store;
  readonly kinds: readonly Kind[];
  readonly clock: Clock;
}

/** core/v1 Event, to be read, and made by agents and gateways. The store tells no changes of Events (they are written a second late, by and by); while someone watches they are compared each second. */
export function events(options: EventsOptions): Collection {
  const { store, kinds, clock } = options;
  const version = async (): Promise<string> => {
    const [kind] = kinds;
    return kind === undefined ? "1" : (await store.list(kind, { limit: 1 })).resourceVersion;
  };
  // Version 0: not written yet; it will be seen when it has its version.
  const written = async (selection: { readonly namespace?: string; readonly fieldSelector?: string }): Promise<readonly Event[]> =>
    (await store.events(selection)).filter((event) => event.metadata.resourceVersion !== "0");
  return {
    group: "",
    version: "v1",
    kind: "Event",
    plural: "events",
    singular: "event",
    shortNames: ["ev"],
    isNamespaced: true,
    description: "What a part of Orrery tells about an object; kept for an hour.",
    columns: [
      { name: "Last Seen", type: "date", jsonPath: ".lastTimestamp", description: "When it was last seen" },
      { name: "Type", type: "string", jsonPath: ".type", description: "Normal or Warning" },
      { name: "Reason", type: "string", jsonPath: ".reason", description: "Why, in one word" },
      { name: "Object", type: "string", jsonPath: ".involvedObject.name", description: "The object it tells about" },
      { name: "Message", type: "string", jsonPath: ".message", description: "What happened" },
      { name: "Kind", type: "string", jsonPath: ".involvedObject.kind", description: "The object's kind", priority: 1 },
      { name: "Source", type: "string", jsonPath: ".source.component", description: "Who says it", priority: 1 },
      { name: "Count", type: "integer", jsonPath: ".count", description: "How often", priority: 1 },
    ],
    verbs: [...READ_VERBS, "create"],
    categories: [],
    get: async (_user, { name, namespace }) =>
      (await store.events({ ...(namespace !== undefined && { namespace }), fieldSelector: `metadata.name=${name}` }))[0],
    async list(_user, { namespace, fieldSelector }) {
      const resourceVersion = await version();
      const items = await store.events({ ...(namespace !== undefined && { namespace }), ...(fieldSelector !== undefined && { fieldSelector }) });
      return { items, resourceVersion };
    },
    async *watch(_user, { namespace, fieldSelector, resourceVersion, signal }): AsyncGenerator<WatchEvent<Event>, void, undefined> {
      const selection = { ...(namespace !== undefined && { namespace }), ...(fieldSelector !== undefined && { fieldSelector }) };
      const known = new Map<string, Event>();
      const isNew = (event: Event): boolean => resourceVersion === undefined || Number(event.metadata.resourceVersion) > Number(resourceVersion);
      const queue = new BoundedQueue<WatchEvent<Event>>(QUEUE_ITEMS_MAX);
      const put = (event: WatchEvent<Event>): void => {
        if (!queue.offer(event)) queue.fail(new OrreryError("store/gone", "the watcher lags too far behind; list again", { retry: "after-reread" }));
      };
      for (const event of await written(selection)) {
        known.set(event.metadata.name, event);
        if (isNew(event)) put({ type: "ADDED", object: event });
      }
      put({ type: "BOOKMARK", resourceVersion: await version() });
      let cancel = (): void => {};
      const look = async (): Promise<void> => {
        const present = await written(selection);
        const names = new Set(present.map((event) => event.metadata.name));
        for (const [name, event] of known) {
          if (names.has(name)) continue;
          known.delete(name);
          put({ type: "DELETED", object: event });
        }
        for (const event of present) {
          const before = known.get(event.metadata.name);
          if (before?.metadata.resourceVersion === event.metadata.resourceVersion) continue;
          known.set(event.metadata.name, event);
          put({ type: before === undefined ? "ADDED" : "MODIFIED", object: event });
        }
      };
      const lookLater = (): void => {
        cancel = clock.after(LOOK_EVERY_MS, () => void look().then(lookLater, (error: unknown) => queue.fail(error)), { background: true });
      };
      const onAbort = (): void => queue.end();
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) queue.end();
      lookLater();
      try {
        yield* queue;
      } finally {
        signal.removeEventListener("abort", onAbort);
        queue.end();
        lookNoMore();
      }
      function lookNoMore(): void {
        cancel();
      }
    },
  };
}

/** What the store is told for a posted core/v1 Event.
 *  @throws api/bad-request: something is missing or about an unknown kind */
export function eventInput(body: Readonly<Record<string, unknown>>): EventInput {
  const { involvedObject, type, reason, message, source, reportingComponent } = body as {
    readonly involvedObject?: Readonly<Record<string, unknown>>;
    readonly type?: unknown;
    readonly reason?: unknown;
    readonly message?: unknown;
    readonly source?: { readonly component?: unknown };
    readonly reportingComponent?: unknown;
  };
  const { kind: kindName, name, namespace, uid, apiVersion } = involvedObject ?? {};
  const kind = typeof kindName === "string" ? findKind(kindName) : undefined;
  if (kind === undefined) throw badRequest("involvedObject.kind: give the name of a kind");
  const component = source?.component ?? reportingComponent;
  if (
    typeof name !== "string" ||
    typeof uid !== "string" ||
    typeof reason !== "string" ||
    typeof message !== "string" ||
    typeof component !== "string"
  ) {
    throw badRequest("an Event needs involvedObject.name, involvedObject.uid, reason, message and source.component");
  }
  if (type !== "Normal" && type !== "Warning") throw badRequest("type: give Normal or Warning");
  const object: StoredObject = {
    apiVersion: String(apiVersion),
    kind: kind.kind,
    metadata: { name, uid, ...(typeof namespace === "string" && { namespace }), resourceVersion: "", generation: 0, creationTimestamp: "" },
    spec: {},
  };
  return { kind, object, type, reason, message, component };
}
