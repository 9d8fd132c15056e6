import { BoundedQueue, describeError, isOrreryError, type Log, OrreryError } from "#/base/index.ts";
import { DEFAULT_NAMESPACE, type Event, type GivenEvent, type Kind, type StoredObject } from "#/model/index.ts";
import { type Client, type ClientRequest, statusError } from "#/state/client/index.ts";
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
import { invalid } from "../store-error.ts";
import { completeKey } from "../validation.ts";

const EVENTS_WAITING_MAX = 1_000;
/** As the API's own time limit for one request with a large list. */
const LIST_MS_MAX = 60_000;

export interface RemoteStoreOptions {
  /** Closed by whoever made it, after the store. */
  readonly client: Client;
  readonly log: Log;
}

/** The store of a centre, over its API. A watch that the server ends in time goes on where it was; a lost connection ends it with `store/unavailable`. */
export class RemoteStore implements Store {
  readonly #client: Client;
  readonly #log: Log;
  readonly #events = new BoundedQueue<EventInput>(EVENTS_WAITING_MAX);
  readonly #posting: Promise<void>;
  #eventsDropped = 0;

  constructor({ client, log }: RemoteStoreOptions) {
    this.#client = client;
    this.#log = log;
    this.#posting = this.#postEvents();
  }

  /** Events lost because too many came at once or the API did not take them. */
  get eventsDropped(): number {
    return this.#eventsDropped;
  }

  async get<K extends Kind>(kind: K, key: ObjectKey): Promise<K["$object"] | undefined> {
    try {
      return (await this.#request({ path: objectPath(kind, key) })) as K["$object"];
    } catch (error) {
      if (isOrreryError(error, "store/missing")) return undefined;
      throw error;
    }
  }

  async list<K extends Kind>(kind: K, options: ListOptions = {}): Promise<ObjectList<K["$object"]>> {
    const { limit, continue: next } = options;
    const { items, metadata } = (await this.#request({
      path: collectionPath(kind, options.namespace),
      query: { ...selectors(options), ...(limit !== undefined && { limit: String(limit) }), ...(next !== undefined && { continue: next }) },
      timeoutMs: LIST_MS_MAX,
    })) as { readonly items: readonly K["$object"][]; readonly metadata: Omit<ObjectList<never>, "items"> };
    return { items, ...metadata };
  }

  async *watch<K extends Kind>(kind: K, options: WatchOptions): AsyncGenerator<WatchEvent<K["$object"]>, void, undefined> {
    const { signal, bookmarks = true } = options;
    let { resourceVersion } = options;
    while (!signal.aborted) {
      let isResumable = resourceVersion !== undefined;
      try {
        for await (const event of this.#watchOnce<K>(kind, options, resourceVersion)) {
          if (signal.aborted) return;
          // Of the initial objects, only the bookmark behind the last says from where on nothing is missing.
          if (event.type === "BOOKMARK") isResumable = true;
          if (isResumable) resourceVersion = event.type === "BOOKMARK" ? event.resourceVersion : event.object.metadata.resourceVersion;
          if (event.type !== "BOOKMARK" || bookmarks) yield event;
        }
      } catch (error) {
        if (signal.aborted) return;
        throw translate(error);
      }
      if (signal.aborted) return;
      if (!isResumable) throw new OrreryError("store/unavailable", `the watch of ${kind.plural} ended before it was complete`, { retry: "backoff" });
    }
  }

  async create<K extends Kind>(kind: K, object: ObjectInput, options: WriteOptions = {}): Promise<K["$object"]> {
    const { name } = object.metadata;
    const { namespace } = completeKey(kind, { ...object.metadata, name: name ?? "" });
    const created = (await this.#request({
      method: "POST",
      path: collectionPath(kind, namespace),
      query: writing(options),
      body: withType(kind, object),
    })) as K["$object"];
    if (options.subresource !== "status" || object.status === undefined || options.dryRun === true) return created;
    // Kubernetes' way: a status is written by itself.
    return await this.update(kind, { ...created, status: object.status }, options);
  }

  async update<K extends Kind>(kind: K, object: ObjectInput, options: WriteOptions = {}): Promise<K["$object"]> {
    const { name } = object.metadata;
    if (name === undefined || name === "")
      throw invalid(kind.kind, [{ field: "metadata.name", message: "missing: give the name of the object to replace" }]);
    const path = objectPath(kind, { ...object.metadata, name }, options.subresource);
    return (await this.#request({ method: "PUT", path, query: writing(options), body: withType(kind, object) })) as K["$object"];
  }

  async patch<K extends Kind>(kind: K, key: ObjectKey, patch: Patch, options: WriteOptions = {}): Promise<K["$object"]> {
    const contentType = { merge: "application/merge-patch+json", json: "application/json-patch+json", apply: "application/apply-patch+yaml" }[
      patch.type
    ];
    const body = patch.type === "apply" ? withType(kind, patch.body) : patch.body;
    const query = { ...writing(options), ...(patch.type === "apply" && patch.force === true && { force: "true" }) };
    // JSON is YAML.
    return (await this.#request({
      method: "PATCH",
      path: objectPath(kind, key, options.subresource),
      query,
      contentType,
      body: JSON.stringify(body),
    })) as K["$object"];
  }

  async delete<K extends Kind>(kind: K, key: ObjectKey, options: DeleteOptions = {}): Promise<K["$object"] | undefined> {
    return (await this.#delete(objectPath(kind, key), options)) as K["$object"] | undefined;
  }

  /** Returns what was deleted. */
  async #delete(path: string, { dryRun, preconditions, propagationPolicy }: DeleteOptions): Promise<unknown> {
    const body = {
      kind: "DeleteOptions",
      apiVersion: "v1",
      ...(dryRun === true && { dryRun: ["All"] }),
      ...(preconditions !== undefined && { preconditions }),
      ...(propagationPolicy !== undefined && { propagationPolicy }),
    };
    try {
      return await this.#request({ method: "DELETE", path, body, headers: { prefer: "return=representation" } });
    } catch (error) {
      if (isOrreryError(error, "store/missing")) return undefined;
      throw error;
    }
  }

  emit(event: EventInput): void {
    if (!this.#events.offer(event)) this.#eventsDropped += 1;
  }

  async recordEvent(event: GivenEvent, { isNew }: { readonly isNew: boolean }): Promise<Event> {
    const { name, namespace = DEFAULT_NAMESPACE } = event.metadata;
    const collection = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
    const path = isNew ? collection : `${collection}/${encodeURIComponent(name)}`;
    return (await this.#request({ method: isNew ? "POST" : "PUT", path, body: { apiVersion: "v1", kind: "Event", ...event } })) as Event;
  }

  async deleteEvent(
    { name, namespace = DEFAULT_NAMESPACE }: ObjectKey,
    options: Pick<DeleteOptions, "dryRun" | "preconditions"> = {},
  ): Promise<Event | undefined> {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events/${encodeURIComponent(name)}`;
    return (await this.#delete(path, options)) as Event | undefined;
  }

  async events({ namespace, fieldSelector }: { readonly namespace?: string; readonly fieldSelector?: string } = {}): Promise<readonly Event[]> {
    const path = namespace === undefined ? "/api/v1/events" : `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
    const { items } = (await this.#request({ path, query: { fieldSelector } })) as { readonly items: readonly Event[] };
    return items;
  }

  /** Sends the Events that wait, and takes no more. */
  async close(): Promise<void> {
    this.#events.end();
    await this.#posting;
  }

  async *#watchOnce<K extends Kind>(
    kind: K,
    options: WatchOptions,
    resourceVersion: string | undefined,
  ): AsyncGenerator<WatchEvent<K["$object"]>, void, undefined> {
    const query = { ...selectors(options), watch: "true", allowWatchBookmarks: "true", resourceVersion };
    for await (const line of this.#client.lines({ path: collectionPath(kind, options.namespace), query, signal: options.signal })) {
      const event = JSON.parse(line) as {
        readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
        readonly object: StoredObject & { readonly code?: number };
      };
      if (event.type === "ERROR") throw statusError(event.object.code ?? 500, event.object);
      yield event.type === "BOOKMARK"
        ? { type: "BOOKMARK", resourceVersion: event.object.metadata.resourceVersion }
        : { type: event.type, object: event.object as K["$object"] };
    }
  }

  async #postEvents(): Promise<void> {
    for await (const event of this.#events) {
      try {
        const { metadata } = event.object;
        const namespace = metadata.namespace ?? DEFAULT_NAMESPACE;
        await this.#request({ method: "POST", path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`, body: eventBody(event) });
      } catch (error) {
        this.#eventsDropped += 1;
        this.#log.warn("store: an Event was not taken", { reason: event.reason, error: describeError(error) });
      }
    }
  }

  async #request(request: ClientRequest): Promise<unknown> {
    try {
      return (await this.#client.request(request)).body;
    } catch (error) {
      throw translate(error);
    }
  }
}

/** Where the centre cannot be reached the store cannot. */
function translate(error: unknown): unknown {
  if (!isOrreryError(error, "client/unavailable") && !isOrreryError(error, "client/timeout")) return error;
  return new OrreryError("store/unavailable", error.message, { retry: "backoff", cause: error });
}

function collectionPath(kind: Kind, namespace: string | undefined): string {
  return `/apis/${kind.apiVersion}${kind.scope === "Namespaced" && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : ""}/${kind.plural}`;
}

function objectPath(kind: Kind, key: ObjectKey, subresource?: "status"): string {
  const { name, namespace } = completeKey(kind, key);
  return `${collectionPath(kind, namespace)}/${encodeURIComponent(name)}${subresource === undefined ? "" : `/${subresource}`}`;
}

function selectors({
  labelSelector,
  fieldSelector,
}: Pick<ListOptions, "labelSelector" | "fieldSelector">): Readonly<Record<string, string | undefined>> {
  return { labelSelector, fieldSelector };
}

function writing({ dryRun, fieldManager = "orrery" }: WriteOptions): Readonly<Record<string, string>> {
  return { fieldManager, fieldValidation: "Strict", ...(dryRun === true && { dryRun: "All" }) };
}

function withType(kind: Kind, object: ObjectInput): ObjectInput {
  return { apiVersion: kind.apiVersion, kind: kind.kind, ...object };
}

function eventBody({ kind, object, type, reason, message, component }: EventInput): object {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  return {
    apiVersion: "v1",
    kind: "Event",
    // Without a name: equal ones are counted together.
    metadata: { namespace: namespace ?? DEFAULT_NAMESPACE },
    involvedObject: { apiVersion: kind.apiVersion, kind: kind.kind, name, ...(namespace !== undefined && { namespace }), uid, resourceVersion },
    type,
    reason,
    message,
    source: { component },
  };
}
