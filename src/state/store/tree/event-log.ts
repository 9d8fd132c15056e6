import { type Clock, describeError, type Log, OrreryError, type Random } from "#/base/index.ts";
import { DEFAULT_NAMESPACE, type Event, type GivenEvent } from "#/model/index.ts";
import type { Tree, TreeOperation } from "#/state/tree/index.ts";
import type { DeleteOptions, EventInput, ObjectKey } from "../contract.ts";
import { EVENT_FIELDS, parseFieldSelector } from "../selector.ts";
import { invalid } from "../store-error.ts";
import { EVENTS } from "./layout.ts";
import { translateTreeError } from "./tree-error.ts";
import { Turns } from "./turns.ts";

const KEPT_MS = 3_600_000;
const KEPT_MAX = 5_000;
/** Equal Events are counted together while the last is not older than this. */
const GATHERED_MS = 600_000;
/** Of these, those that clients recorded: they cannot push out what Orrery itself tells. */
const RECORDED_MAX = 2_000;
/** JSON of one that a client records. */
const RECORDED_CHARACTERS_MAX = 16 * 1024;
const FLUSH_MS = 1_000;
/** New Events between two flushes; more are dropped and counted. */
const WAITING_MAX = 1_000;

interface Entry {
  event: Event;
  readonly sameness: string;
  /** By a client, under its own name: never counted together with others. */
  readonly isRecorded: boolean;
  isStored: boolean;
  /** When it came or was changed, by our own clock: the times in an Event that a client recorded are the client's. */
  changedMs: number;
}

const RECORDED = "recorded\u0000";

/** Events of the last hour: in memory, and written to the tree a second later, so that they outlive the process without costing each emitter a commit. */
export class EventLog {
  readonly #tree: Tree;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  /** By name, the longest unchanged first. */
  readonly #entries = new Map<string, Entry>();
  readonly #bySameness = new Map<string, Entry>();
  /** Those that clients recorded, the longest unchanged first. */
  readonly #recorded = new Set<Entry>();
  readonly #unsaved = new Set<Entry>();
  readonly #expired = new Set<Entry>();
  readonly #turns = new Turns();
  #isClosed = false;
  #cancelFlush: (() => void) | undefined;
  #flushing: Promise<void> = Promise.resolve();
  #dropped = 0;

  constructor(options: { readonly tree: Tree; readonly clock: Clock; readonly random: Random; readonly log: Log }) {
    this.#tree = options.tree;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#log = options.log;
  }

  /** Events lost because too many came at once. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Reads what former processes wrote. */
  async start(): Promise<void> {
    const { nodes } = await this.#tree.list(EVENTS);
    const nowMs = this.#clock.now();
    const entries = nodes.flatMap(({ value, version }): readonly Entry[] => {
      try {
        const event = JSON.parse(value) as Event;
        return [
          {
            event: { ...event, metadata: { ...event.metadata, resourceVersion: String(version) } },
            sameness: isRecorded(event) ? RECORDED + event.metadata.name : samenessOf(event),
            isRecorded: isRecorded(event),
            isStored: true,
            changedMs: Math.min(Date.parse(event.lastTimestamp) || nowMs, nowMs),
          },
        ];
      } catch (error) {
        // Not worth stopping for: it would be gone within the hour.
        this.#log.warn("an Event cannot be read", { error: describeError(error) });
        return [];
      }
    });
    for (const entry of entries.sort((a, b) => a.changedMs - b.changedMs)) this.#put(entry);
  }

  emit(input: EventInput): void {
    if (this.#isClosed) return;
    const now = new Date(this.#clock.now()).toISOString();
    const fresh = this.#build(input, now);
    const sameness = samenessOf(fresh);
    const known = this.#bySameness.get(sameness);
    if (known !== undefined && this.#clock.now() - Date.parse(known.event.lastTimestamp) <= GATHERED_MS) {
      known.event = { ...known.event, count: known.event.count + 1, lastTimestamp: now };
      known.changedMs = this.#clock.now();
      this.#put(known);
      this.#unsaved.add(known);
    } else {
      if (this.#unsaved.size >= WAITING_MAX) {
        this.#dropped++;
        return;
      }
      const entry: Entry = { event: fresh, sameness, isRecorded: false, isStored: false, changedMs: this.#clock.now() };
      this.#put(entry);
      this.#unsaved.add(entry);
    }
    this.#flushLater();
  }

  /** As `Store.recordEvent`; resolves when it is written. */
  async record(given: GivenEvent, { isNew }: { readonly isNew: boolean }): Promise<Event> {
    const { name } = given.metadata;
    const title = `Event ${name}`;
    const size = JSON.stringify(given).length;
    if (size > RECORDED_CHARACTERS_MAX)
      throw invalid(title, [{ field: "", message: `it has ${size} characters as JSON; allowed: at most ${RECORDED_CHARACTERS_MAX}` }]);
    if (this.#isClosed) throw new OrreryError("store/unavailable", "the store is closed", { retry: "backoff" });
    this.#expire();
    const known = this.#entries.get(name);
    const details = { kind: "Event", name };
    if (isNew && known !== undefined) throw new OrreryError("store/exists", `${title} exists already`, { details });
    if (!isNew && known === undefined) throw new OrreryError("store/missing", `events "${name}" not found`, { details });
    const { resourceVersion } = given.metadata;
    const present = known?.event.metadata.resourceVersion;
    if (resourceVersion !== undefined && resourceVersion !== "" && present !== undefined && resourceVersion !== present)
      throw new OrreryError("store/conflict", `${title} is at resourceVersion ${present}, not ${resourceVersion}; read it again, then retry`, {
        retry: "after-reread",
        details,
      });
    const event = this.#complete(given, known?.event);
    const entry = known ?? this.#revived(name) ?? { event, sameness: RECORDED + name, isRecorded: true, isStored: false, changedMs: 0 };
    entry.event = event;
    entry.changedMs = this.#clock.now();
    this.#put(entry);
    try {
      await this.#store(entry, "set");
    } catch (error) {
      // Nothing was promised of one that could not be written.
      if (known === undefined) this.#forget(entry);
      throw translateTreeError(title, error);
    }
    this.#flushLater();
    return entry.event;
  }

  /** As `Store.deleteEvent`; resolves when it is gone from the tree, too. */
  async delete(
    { name, namespace = DEFAULT_NAMESPACE }: ObjectKey,
    options: Pick<DeleteOptions, "dryRun" | "preconditions">,
  ): Promise<Event | undefined> {
    if (this.#isClosed) throw new OrreryError("store/unavailable", "the store is closed", { retry: "backoff" });
    this.#expire();
    const entry = this.#entries.get(name);
    if (entry === undefined || entry.event.metadata.namespace !== namespace) return undefined;
    const { event } = entry;
    for (const field of ["uid", "resourceVersion"] as const) {
      const wanted = options.preconditions?.[field];
      if (wanted !== undefined && wanted !== event.metadata[field])
        throw new OrreryError("store/conflict", `Event ${name}: its ${field} is ${event.metadata[field]}, not ${wanted}`, {
          retry: "after-reread",
          details: { kind: "Event", name },
        });
    }
    if (options.dryRun === true) return event;
    this.#forget(entry);
    try {
      // In its turn: it may be being written just now.
      await this.#turns.run(name, async () => {
        if (!entry.isStored) return;
        await this.#storeNow(entry, "delete");
        this.#expired.delete(entry);
      });
    } catch (error) {
      // The tree still has it: nobody is told that it is gone.
      this.#expired.delete(entry);
      if (this.#entries.get(name) === undefined) this.#put(entry);
      throw translateTreeError(`Event ${name}`, error);
    }
    return event;
  }

  /** The oldest first. */
  list({ namespace, fieldSelector }: { readonly namespace?: string; readonly fieldSelector?: string }): readonly Event[] {
    this.#expire();
    const selector = parseFieldSelector(fieldSelector ?? "", EVENT_FIELDS);
    return [...this.#entries.values()]
      .map((entry) => entry.event)
      .filter(
        (event) =>
          (namespace === undefined || event.metadata.namespace === namespace) &&
          (selector === undefined ||
            selector({ ...event, source: event.source.component, reportingComponent: event.reportingComponent ?? event.source.component })),
      );
  }

  /** Writes what is waiting; nothing is taken afterwards. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelFlush?.();
    await this.#flushing;
    await this.#flush();
  }

  #build({ kind, object, type, reason, message, component }: EventInput, now: string): Event {
    const { name, namespace, uid } = object.metadata;
    const inNamespace = namespace ?? DEFAULT_NAMESPACE;
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: {
        name: `${name.slice(0, 230)}.${Buffer.from(this.#random.bytes(8)).toString("hex")}`,
        namespace: inNamespace,
        uid: this.#random.uuid(),
        resourceVersion: "0",
        creationTimestamp: `${now.slice(0, 19)}Z`,
      },
      involvedObject: { apiVersion: kind.apiVersion, kind: kind.kind, ...(namespace !== undefined && { namespace }), name, uid },
      type,
      reason,
      message: message.slice(0, 1_024),
      source: { component },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
  }

  /** Puts `entry` last, and lets go of what is too old or too much. */
  #put(entry: Entry): void {
    const { name } = entry.event.metadata;
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    this.#bySameness.set(entry.sameness, entry);
    if (entry.isRecorded) {
      this.#recorded.delete(entry);
      this.#recorded.add(entry);
      for (const oldest of this.#recorded) {
        if (this.#recorded.size <= RECORDED_MAX) break;
        this.#forget(oldest);
      }
    }
    this.#expire();
  }

  /** One of that name that was forgotten and is still to be deleted. */
  #revived(name: string): Entry | undefined {
    for (const entry of this.#expired)
      if (entry.event.metadata.name === name) {
        this.#expired.delete(entry);
        return entry;
      }
    return undefined;
  }

  /** What a client gave, with what the store keeps itself. */
  #complete({ metadata, ...given }: GivenEvent, before: Event | undefined): Event {
    const now = new Date(this.#clock.now()).toISOString();
    const { name, namespace = DEFAULT_NAMESPACE, labels, annotations } = metadata;
    const first = given.firstTimestamp ?? given.eventTime ?? before?.firstTimestamp ?? now;
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: {
        name,
        namespace,
        uid: before?.metadata.uid ?? this.#random.uuid(),
        resourceVersion: before?.metadata.resourceVersion ?? "0",
        creationTimestamp: before?.metadata.creationTimestamp ?? `${now.slice(0, 19)}Z`,
        ...(labels !== undefined && { labels }),
        ...(annotations !== undefined && { annotations }),
      },
      ...given,
      reportingComponent: given.reportingComponent ?? given.source.component ?? "",
      source: { ...given.source, ...(given.source.component === undefined && { component: given.reportingComponent ?? "" }) },
      firstTimestamp: first,
      lastTimestamp: given.lastTimestamp ?? given.series?.lastObservedTime ?? first,
      count: given.count ?? given.series?.count ?? 1,
    };
  }

  #expire(): void {
    const untilMs = this.#clock.now() - KEPT_MS;
    for (const entry of this.#entries.values()) {
      if (this.#entries.size <= KEPT_MAX && entry.changedMs > untilMs) return;
      this.#forget(entry);
    }
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.event.metadata.name);
    if (this.#bySameness.get(entry.sameness) === entry) this.#bySameness.delete(entry.sameness);
    this.#recorded.delete(entry);
    this.#unsaved.delete(entry);
    if (entry.isStored) this.#expired.add(entry);
  }

  #flushLater(): void {
    this.#cancelFlush ??= this.#clock.after(
      FLUSH_MS,
      () => {
        this.#cancelFlush = undefined;
        this.#flushing = this.#flush();
      },
      { background: true },
    );
  }

  async #flush(): Promise<void> {
    const saved = [...this.#unsaved];
    const expired = [...this.#expired];
    this.#unsaved.clear();
    this.#expired.clear();
    await Promise.all([...saved.map((entry) => this.#write(entry, "set")), ...expired.map((entry) => this.#write(entry, "delete"))]);
  }

  async #write(entry: Entry, op: "set" | "delete"): Promise<void> {
    try {
      await this.#store(entry, op);
    } catch (error) {
      // It stays readable here; losing it with the process is better than holding up whoever emits.
      this.#log.warn("an Event was not written", { event: entry.event.metadata.name, error: describeError(error) });
    }
  }

  /** Writes the entry as it is when its turn comes: one write of it after the other, also after the deletion of one of the same name. */
  async #store(entry: Entry, op: "set" | "delete"): Promise<void> {
    const { name } = entry.event.metadata;
    await this.#turns.run(name, () => this.#storeNow(entry, op));
  }

  async #storeNow(entry: Entry, op: "set" | "delete"): Promise<void> {
    const { resourceVersion: _, ...metadata } = entry.event.metadata;
    const path = `${EVENTS}/${metadata.namespace}/${metadata.name}`;
    const value = JSON.stringify({ ...entry.event, metadata });
    const operation: TreeOperation = op === "delete" ? { op, path } : { op: entry.isStored ? "set" : "create", path, value };
    const version = await this.#tree.multi([operation]);
    entry.isStored = op !== "delete";
    if (op === "delete") return;
    // Forgotten while it was being written.
    if (this.#entries.get(metadata.name) !== entry) this.#expired.add(entry);
    entry.event = { ...entry.event, metadata: { ...entry.event.metadata, resourceVersion: String(version) } };
  }
}

/** Our own have no more than this. */
function isRecorded({ reportingComponent }: Event): boolean {
  return reportingComponent !== undefined;
}

/** Events with the same text about the same object by the same component are counted together. */
function samenessOf({ involvedObject, type, reason, message, source }: Event): string {
  return [involvedObject.uid, involvedObject.kind, type, reason, source.component, message].join("\u0000");
}
