import { type Clock, describeError, type Log, type Random } from "#/base/index.ts";
import { API_VERSION, DEFAULT_NAMESPACE, type Event } from "#/model/index.ts";
import type { Tree, TreeOperation } from "#/tree/index.ts";
import type { EventInput } from "../contract.ts";
import { parseFieldSelector } from "../selector.ts";
import { EVENTS } from "./layout.ts";

const KEPT_MS = 3_600_000;
const KEPT_MAX = 5_000;
/** Equal Events are counted together while the last is not older than this. */
const GATHERED_MS = 600_000;
const FLUSH_MS = 1_000;
/** New Events between two flushes; more are dropped and counted. */
const WAITING_MAX = 1_000;

const FIELDS = [
  "metadata.name",
  "metadata.namespace",
  "involvedObject.kind",
  "involvedObject.namespace",
  "involvedObject.name",
  "involvedObject.uid",
  "involvedObject.apiVersion",
  "type",
  "reason",
  "source",
  "reportingComponent",
];

interface Entry {
  event: Event;
  readonly sameness: string;
  isStored: boolean;
}

/** Events of the last hour: in memory, and written to the tree a second later, so that they outlive the process without costing each emitter a commit. */
export class EventLog {
  readonly #tree: Tree;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  /** By name, the longest unchanged first. */
  readonly #entries = new Map<string, Entry>();
  readonly #bySameness = new Map<string, Entry>();
  readonly #unsaved = new Set<Entry>();
  readonly #expired = new Set<Entry>();
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
    const entries = nodes.flatMap(({ value, version }): readonly Entry[] => {
      try {
        const event = JSON.parse(value) as Event;
        return [
          { event: { ...event, metadata: { ...event.metadata, resourceVersion: String(version) } }, sameness: samenessOf(event), isStored: true },
        ];
      } catch (error) {
        // Not worth stopping for: it would be gone within the hour.
        this.#log.warn("an Event cannot be read", { error: describeError(error) });
        return [];
      }
    });
    for (const entry of entries.sort((a, b) => (a.event.lastTimestamp < b.event.lastTimestamp ? -1 : 1))) this.#put(entry);
  }

  emit(input: EventInput): void {
    if (this.#isClosed) return;
    const now = new Date(this.#clock.now()).toISOString();
    const fresh = this.#build(input, now);
    const sameness = samenessOf(fresh);
    const known = this.#bySameness.get(sameness);
    if (known !== undefined && this.#clock.now() - Date.parse(known.event.lastTimestamp) <= GATHERED_MS) {
      known.event = { ...known.event, count: known.event.count + 1, lastTimestamp: now };
      this.#put(known);
      this.#unsaved.add(known);
    } else {
      if (this.#unsaved.size >= WAITING_MAX) {
        this.#dropped++;
        return;
      }
      const entry: Entry = { event: fresh, sameness, isStored: false };
      this.#put(entry);
      this.#unsaved.add(entry);
    }
    this.#flushLater();
  }

  /** The oldest first. */
  list({ namespace, fieldSelector }: { readonly namespace?: string; readonly fieldSelector?: string }): readonly Event[] {
    this.#expire();
    const selector = parseFieldSelector(fieldSelector ?? "", FIELDS);
    return [...this.#entries.values()]
      .map((entry) => entry.event)
      .filter(
        (event) =>
          (namespace === undefined || event.metadata.namespace === namespace) &&
          (selector === undefined || selector({ ...event, source: event.source.component, reportingComponent: event.source.component })),
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
      involvedObject: { apiVersion: API_VERSION, kind: kind.kind, ...(namespace !== undefined && { namespace }), name, uid },
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
    this.#expire();
  }

  #expire(): void {
    const untilMs = this.#clock.now() - KEPT_MS;
    for (const [name, entry] of this.#entries) {
      if (this.#entries.size <= KEPT_MAX && Date.parse(entry.event.lastTimestamp) > untilMs) return;
      this.#entries.delete(name);
      if (this.#bySameness.get(entry.sameness) === entry) this.#bySameness.delete(entry.sameness);
      this.#unsaved.delete(entry);
      if (entry.isStored) this.#expired.add(entry);
    }
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
    await Promise.all([
      ...saved.map((entry) => this.#write(entry, entry.isStored ? "set" : "create")),
      ...expired.map((entry) => this.#write(entry, "delete")),
    ]);
  }

  async #write(entry: Entry, op: TreeOperation["op"]): Promise<void> {
    const { resourceVersion: _, ...metadata } = entry.event.metadata;
    const path = `${EVENTS}/${metadata.namespace}/${metadata.name}`;
    const value = JSON.stringify({ ...entry.event, metadata });
    try {
      const version = await this.#tree.multi([op === "delete" || op === "check" ? { op: "delete", path } : { op, path, value }]);
      if (op === "delete") return;
      entry.isStored = true;
      entry.event = { ...entry.event, metadata: { ...entry.event.metadata, resourceVersion: String(version) } };
    } catch (error) {
      // It stays readable here; losing it with the process is better than holding up whoever emits.
      this.#log.warn("an Event was not written", { path, error: describeError(error) });
    }
  }
}

/** Events with the same text about the same object by the same component are counted together. */
function samenessOf({ involvedObject, type, reason, message, source }: Event): string {
  return [involvedObject.uid, involvedObject.kind, type, reason, source.component, message].join("\u0000");
}
