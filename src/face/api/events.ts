import { BoundedQueue, type Clock, OrreryError } from "#/base/index.ts";
import type { Column, Event, Kind } from "#/model/index.ts";
import type { Identity } from "#/people/access/index.ts";
import { EVENT_FIELDS, type ListOptions, parseFieldSelector, parseLabelSelector, type Store, type WatchEvent } from "#/state/store/index.ts";
import { type Collection, READ_VERBS, type ServedObject } from "./collection.ts";
import { coreEvents, type EventForm } from "./event-form.ts";
import type { EventWrites } from "./event-writes.ts";
import { selection } from "./reads.ts";
import type { Rights } from "./rights.ts";

const LOOK_EVERY_MS = 1_000;
const QUEUE_ITEMS_MAX = 5_000;

export interface EventsOptions {
  readonly store: Store;
  readonly kinds: readonly Kind[];
  readonly clock: Clock;
  readonly writes: EventWrites;
  readonly rights: Rights;
  /** Default core/v1. */
  readonly form?: EventForm;
}

type EventSelection = Pick<ListOptions, "namespace" | "labelSelector" | "fieldSelector">;

/** Events of one group, to be read, made, patched and deleted. The store tells no changes of Events (they are written a second late, by and by); while someone watches they are compared each second. */
export function events(options: EventsOptions): Collection {
  const { store, kinds, clock, writes, rights, form = coreEvents } = options;
  const version = async (): Promise<string> => {
    const [kind] = kinds;
    return kind === undefined ? "1" : (await store.list(kind, { limit: 1 })).resourceVersion;
  };
  // Version 0: not written yet; it will be seen when it has its version.
  const written = async (who: Identity, selection: EventSelection): Promise<readonly Event[]> =>
    await rights.eventsFor(
      who,
      (await selected(selection)).filter((event) => event.metadata.resourceVersion !== "0"),
      "watch",
    );
  const selected = async ({ labelSelector, ...rest }: EventSelection): Promise<readonly Event[]> => {
    const labels = parseLabelSelector(labelSelector ?? "");
    const all = await store.events(rest);
    return labels === undefined ? all : all.filter(({ metadata }) => labels(metadata.labels ?? {}));
  };
  const selectionOf = ({ namespace, labelSelector, fieldSelector }: EventSelection): EventSelection => ({
    ...(namespace !== undefined && { namespace }),
    ...(labelSelector !== undefined && { labelSelector }),
    ...(fieldSelector !== undefined && { fieldSelector: form.selector(fieldSelector) }),
  });
  const inForm = (path: string): string =>
    form.group === ""
      ? path
      : path
          .replace(".involvedObject", ".regarding")
          .replace(/^\.(source|lastTimestamp|count)/, (_, name: string) => `.deprecated${name.charAt(0).toUpperCase()}${name.slice(1)}`)
          .replace(".message", ".note");
  return {
    group: form.group,
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
    ].map((column) => ({ ...column, jsonPath: inForm(column.jsonPath) }) as Column),
    verbs: ["create", "delete", "deletecollection", ...READ_VERBS, "patch", "update"],
    categories: [],
    writes: {
      create: (exchange, namespace) => writes.create(exchange, form, namespace),
      update: (exchange, namespace, name) => writes.update(exchange, form, namespace, name),
      patch: (exchange, namespace, name) => writes.patch(exchange, form, namespace, name),
      delete: (exchange, namespace, name) => writes.delete(exchange, form, namespace, name),
      deleteCollection: async (exchange, namespace) =>
        writes.deleteAll(exchange, form, await rights.eventsFor(exchange.user, await selected(selectionOf(selection(exchange.query, namespace))))),
    },
    check({ labelSelector, fieldSelector }) {
      parseLabelSelector(labelSelector ?? "");
      parseFieldSelector(form.selector(fieldSelector ?? ""), EVENT_FIELDS);
    },
    async get(user, { name, namespace }) {
      const [event] = await store.events({ ...(namespace !== undefined && { namespace }), fieldSelector: `metadata.name=${name}` });
      return event === undefined || !(await rights.showsEvent(user, event, "get")) ? undefined : form.show(event);
    },
    async list(user, options) {
      const resourceVersion = await version();
      const items = (await rights.eventsFor(user, await selected(selectionOf(options)))).map((event) => form.show(event));
      return { items, resourceVersion };
    },
    async *watch(user, { resourceVersion, signal, ...options }): AsyncGenerator<WatchEvent<ServedObject>, void, undefined> {
      const wish = selectionOf(options);
      const known = new Map<string, Event>();
      const isNew = (event: Event): boolean => resourceVersion === undefined || Number(event.metadata.resourceVersion) > Number(resourceVersion);
      const queue = new BoundedQueue<WatchEvent<ServedObject>>(QUEUE_ITEMS_MAX);
      const put = (event: WatchEvent<ServedObject>): void => {
        if (!queue.offer(event)) queue.fail(new OrreryError("store/gone", "the watcher lags too far behind; list again", { retry: "after-reread" }));
      };
      for (const event of await written(user, wish)) {
        known.set(event.metadata.name, event);
        if (isNew(event)) put({ type: "ADDED", object: form.show(event) });
      }
      put({ type: "BOOKMARK", resourceVersion: await version() });
      let cancel = (): void => {};
      const look = async (): Promise<void> => {
        const present = await written(user, wish);
        const names = new Set(present.map((event) => event.metadata.name));
        for (const [name, event] of known) {
          if (names.has(name)) continue;
          known.delete(name);
          put({ type: "DELETED", object: form.show(event) });
        }
        for (const event of present) {
          const before = known.get(event.metadata.name);
          if (before?.metadata.resourceVersion === event.metadata.resourceVersion) continue;
          known.set(event.metadata.name, event);
          put({ type: before === undefined ? "ADDED" : "MODIFIED", object: form.show(event) });
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
