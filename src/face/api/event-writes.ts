import { isOrreryError, OrreryError, type Random } from "#/base/index.ts";
import { DEFAULT_NAMESPACE, describeIssues, type Event, findKind, type GivenEvent, givenEvent, type Kind, type StoredObject } from "#/model/index.ts";
import { checkPatched, type EventInput, mergePatch, patchJson, type Store } from "#/state/store/index.ts";
import { type BodyOptions, readObject, SMALL_BODY_BYTES_MAX } from "./body.ts";
import { readDeleteOptions } from "./delete-options.ts";
import type { EventForm } from "./event-form.ts";
import { type Exchange, headerOf, jsonReply, type Reply } from "./exchange.ts";
import { checkNamespace } from "./namespaces.ts";
import { readPatch } from "./patch-body.ts";
import { decodeMessage } from "./protobuf-message.ts";
import { versionOf } from "./reads.ts";
import type { Rights } from "./rights.ts";
import { badRequest, deletedStatus } from "./status.ts";
import { keyOf } from "./writes.ts";

/** Somebody writes in between as often as this at most: a recorder alone patches its Event. */
const ATTEMPTS_MAX = 20;

/** Written in one go; others' writes come between. */
const DELETED_TOGETHER = 100;

export interface EventWritesOptions {
  readonly store: Store;
  readonly kinds: readonly Kind[];
  readonly namespaces: readonly string[];
  readonly random: Random;
  readonly rights: Rights;
}

/** What recorders of events do: they create Events and patch them when the same happens again; and what people do who tidy up. */
export class EventWrites {
  readonly #options: EventWritesOptions;

  constructor(options: EventWritesOptions) {
    this.#options = options;
  }

  /** An Event with a name (or generateName) is kept as it is; one without is told like our own: equal ones are counted together.
   *  @throws api/bad-request, store/invalid, store/exists */
  async create(exchange: Exchange, form: EventForm, namespace: string | undefined): Promise<Reply> {
    const body = form.read(withoutNulls(await readObject(exchange, bodyOptions(form))));
    const { metadata } = body as { readonly metadata?: { readonly name?: unknown; readonly generateName?: unknown } };
    if (metadata?.name === undefined && metadata?.generateName === undefined && form.group === "") {
      const input = eventInput(this.#options.kinds, body);
      const { name, namespace: of } = input.object.metadata;
      await this.#check(exchange, { involvedObject: { kind: input.kind.kind, name, ...(of !== undefined && { namespace: of }) } });
      this.#options.store.emit(input);
      return jsonReply({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 }, 201);
    }
    const suffix = Buffer.from(this.#options.random.bytes(8)).toString("hex");
    const name = metadata?.name ?? `${String(metadata?.generateName ?? "event.").slice(0, 230)}${suffix}`;
    const event = this.#parse(body, namespace, String(name));
    await this.#check(exchange, event);
    const { resourceVersion: _, ...rest } = event.metadata;
    return jsonReply(form.show(await this.#options.store.recordEvent({ ...event, metadata: rest }, { isNew: true })), 201);
  }

  async update(exchange: Exchange, form: EventForm, namespace: string | undefined, name: string): Promise<Reply> {
    const event = this.#parse(form.read(withoutNulls(await readObject(exchange, bodyOptions(form)))), namespace, name);
    await this.#check(exchange, await this.#get(namespace, name));
    await this.#check(exchange, event);
    return jsonReply(form.show(await this.#options.store.recordEvent(event, { isNew: false })));
  }

  async patch(exchange: Exchange, form: EventForm, namespace: string | undefined, name: string): Promise<Reply> {
    const patch = await readPatch(exchange, { takesStrategic: true, bytesMax: SMALL_BODY_BYTES_MAX });
    if (patch.type === "apply") throw new OrreryError("api/media-type", "Events are not applied; create or patch them");
    for (let attempt = 1; ; attempt++) {
      const present = await this.#get(namespace, name);
      await this.#check(exchange, present);
      const before = form.show(present);
      const { resourceVersion } = before.metadata;
      const after = patch.type === "merge" ? mergePatch(before, patch.body) : patchJson(`Event ${name}`, before, patch.body);
      const event = this.#parse(form.read(withoutNulls(checkPatched(`Event ${name}`, before, after))), namespace, name);
      await this.#check(exchange, event);
      try {
        return jsonReply(form.show(await this.#options.store.recordEvent(event, { isNew: false })));
      } catch (error) {
        const isOwn = event.metadata.resourceVersion === resourceVersion;
        if (!isOrreryError(error, "store/conflict") || !isOwn || attempt >= ATTEMPTS_MAX) throw error;
      }
    }
  }

  async delete(exchange: Exchange, form: EventForm, namespace: string | undefined, name: string): Promise<Reply> {
    await this.#check(exchange, await this.#get(namespace, name));
    const deleted = await this.#options.store.deleteEvent(keyOf({ namespace }, name), await readDeleteOptions(exchange));
    if (deleted === undefined) throw missing(name);
    if (headerOf(exchange.request, "prefer") === "return=representation") return jsonReply(form.show(deleted));
    return jsonReply(deletedStatus({ name, plural: "events", group: form.group, uid: deleted.metadata.uid }));
  }

  /** One that has gone by itself meanwhile is gone. */
  async deleteAll(exchange: Exchange, form: EventForm, events: readonly Event[]): Promise<Reply> {
    const options = await readDeleteOptions(exchange);
    for (let from = 0; from < events.length; from += DELETED_TOGETHER)
      await Promise.all(events.slice(from, from + DELETED_TOGETHER).map(({ metadata }) => this.#options.store.deleteEvent(metadata, options)));
    const apiVersion = versionOf({ group: form.group, version: "v1" });
    return jsonReply({ kind: "EventList", apiVersion, metadata: {}, items: events.map((event) => form.show(event)) });
  }

  /** Whoever tells of some objects alone tells of those.
   *  @throws api/forbidden */
  async #check({ user }: Exchange, event: Pick<GivenEvent, "involvedObject">): Promise<void> {
    if (await this.#options.rights.showsEvent(user, event as Event, "create")) return;
    const { kind = "what has no kind", name = "" } = event.involvedObject;
    throw new OrreryError("api/forbidden", `forbidden: user ${user.name} may not write Events about ${kind} ${name}`);
  }

  async #get(namespace: string | undefined, name: string): Promise<Event> {
    const [event] = await this.#options.store.events({ ...(namespace !== undefined && { namespace }), fieldSelector: `metadata.name=${name}` });
    if (event === undefined) throw missing(name);
    return event;
  }

  /** @throws store/invalid */
  #parse(body: Readonly<Record<string, unknown>>, namespace: string | undefined, name: string): GivenEvent {
    const metadata = (body["metadata"] ?? {}) as Readonly<Record<string, unknown>>;
    const given = metadata["name"];
    if (given !== undefined && given !== name)
      throw badRequest(`metadata.name: found ${JSON.stringify(given)}; allowed: ${JSON.stringify(name)}, as in the URL`);
    const inNamespace = namespace ?? metadata["namespace"] ?? DEFAULT_NAMESPACE;
    checkNamespace(this.#options.namespaces, String(inNamespace));
    const parsed = givenEvent.safeParse({ ...body, metadata: { ...metadata, name, namespace: inNamespace } });
    if (parsed.success) return parsed.data;
    const causes = describeIssues(givenEvent, body, parsed.error.issues).map(({ field, message }) => ({ field, message }));
    throw new OrreryError("store/invalid", `Event ${name} is not valid: ${causes.map(({ field, message }) => `${field}: ${message}`).join("; ")}`, {
      details: { causes },
    });
  }
}

function missing(name: string): OrreryError {
  return new OrreryError("store/missing", `events "${name}" not found`, { details: { kind: "Event", name } });
}

/** Go's typed clients send Kubernetes' own kinds as protobuf. */
function bodyOptions({ message }: EventForm): BodyOptions {
  return { bytesMax: SMALL_BODY_BYTES_MAX, protobuf: (bytes) => decodeMessage(message, bytes) };
}

/** Go writes `null` for a time that is not set. */
function withoutNulls(body: Readonly<Record<string, unknown>>, depth = 0): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(body).flatMap(([key, value]) => {
      if (value === null) return [];
      const isInner = depth < 2 && typeof value === "object" && !Array.isArray(value);
      return [[key, isInner ? withoutNulls(value as Readonly<Record<string, unknown>>, depth + 1) : value]];
    }),
  );
}

/** What the store is told for a posted core/v1 Event.
 *  @throws api/bad-request: something is missing or about an unknown kind */
function eventInput(kinds: readonly Kind[], body: Readonly<Record<string, unknown>>): EventInput {
  const { involvedObject, type, reason, message, source, reportingComponent } = body as {
    readonly involvedObject?: Readonly<Record<string, unknown>>;
    readonly type?: unknown;
    readonly reason?: unknown;
    readonly message?: unknown;
    readonly source?: { readonly component?: unknown };
    readonly reportingComponent?: unknown;
  };
  const { kind: kindName, name, namespace, uid, apiVersion } = involvedObject ?? {};
  const kind = typeof kindName === "string" ? findKind(kinds, kindName) : undefined;
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
