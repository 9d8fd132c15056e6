import { type Maintenance, type StoredObject, timestamp } from "#/model/index.ts";
import { parseLabelSelector } from "#/state/store/index.ts";
import { findCause, type ObjectLook, type ObjectRef, refKey } from "./core/graph.ts";
import type { Silencing } from "./core/standing.ts";
import type { AlarmIdentity } from "./core/state.ts";

/** What silences alarms now: causes that are raised, by the object graph, and maintenance. */
export class Silence {
  readonly #look: ObjectLook;
  readonly #isSuppressing: (alarm: string, type: string) => boolean;
  /** By resource, the raised alarms. */
  readonly #raised = new Map<string, Map<string, string>>();
  #maintenances: readonly Active[] = [];
  #text = "";

  constructor(options: { readonly look: ObjectLook; readonly isSuppressing: (alarm: string, type: string) => boolean }) {
    this.#look = options.look;
    this.#isSuppressing = options.isSuppressing;
  }

  /** Returns true if what hangs on its resource has to be looked at anew. */
  note(name: string, { resource, type }: AlarmIdentity, isRaised: boolean): boolean {
    const key = refKey(resource);
    const present = this.#raised.get(key);
    if (isRaised === (present?.has(name) === true)) return false;
    if (isRaised) this.#raised.set(key, new Map(present).set(name, type));
    else if (present !== undefined) {
      present.delete(name);
      if (present.size === 0) this.#raised.delete(key);
    }
    return this.#isSuppressing(name, type);
  }

  /** Those that are active now. Returns when the next one begins or ends, and whether others are active than before. */
  maintain(all: Iterable<Maintenance>, nowMs: number): { readonly nextMs: number | undefined; readonly isChanged: boolean } {
    const active: Active[] = [];
    const texts: string[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const one of all) {
      const [fromMs, untilMs] = [one.spec.from, one.spec.until].map((text) => (text === undefined ? undefined : Date.parse(text)));
      if (fromMs !== undefined && fromMs > nowMs) next = Math.min(next, fromMs);
      else if (untilMs === undefined || untilMs > nowMs) {
        active.push(compile(one));
        texts.push(JSON.stringify([one.metadata.name, one.spec]));
        next = Math.min(next, untilMs ?? next);
      }
    }
    this.#maintenances = active;
    const text = texts.join("\n");
    const isChanged = text !== this.#text;
    this.#text = text;
    return { nextMs: Number.isFinite(next) ? next : undefined, isChanged };
  }

  /** What silences an alarm; `undefined`: nothing. Maintenance goes before causes: it is wished. */
  of(identity: AlarmIdentity, labels: Readonly<Record<string, string>>): Silencing | undefined {
    const object = this.#look.get(identity.resource);
    return this.#byMaintenance(identity, labels, object) ?? this.#byCause(object);
  }

  #byMaintenance(
    { resource, type }: AlarmIdentity,
    labels: Readonly<Record<string, string>>,
    object: StoredObject | undefined,
  ): Silencing | undefined {
    if (this.#maintenances.length === 0) return undefined;
    const below = (isWorkedOn: (ref: ObjectRef, labels: Readonly<Record<string, string>>) => boolean): boolean =>
      isWorkedOn(resource, labels) ||
      (object !== undefined && findCause(object, this.#look, (ref) => isWorkedOn(ref, this.#look.get(ref)?.metadata.labels ?? {})) !== undefined);
    const found = this.#maintenances.find(({ covers, types }) => types?.has(type) !== false && below(covers));
    if (found === undefined) return undefined;
    const { name, reason, until } = found;
    if (until === undefined) return { why: "out-of-service", by: name, message: `out of service: ${reason}` };
    return { why: "maintenance", by: name, message: `maintenance until ${until}: ${reason}`, untilMs: Date.parse(until) };
  }

  #byCause(object: StoredObject | undefined): Silencing | undefined {
    if (object === undefined) return undefined;
    const cause = findCause(object, this.#look, (ref) => this.#causeAt(ref) !== undefined);
    const alarm = cause === undefined ? undefined : this.#causeAt(cause);
    if (cause === undefined || alarm === undefined) return undefined;
    return { why: "cause", by: alarm, message: `a consequence of ${alarm}: ${cause.kind} ${cause.name} is down` };
  }

  #causeAt(ref: ObjectRef): string | undefined {
    for (const [name, type] of this.#raised.get(refKey(ref)) ?? []) if (this.#isSuppressing(name, type)) return name;
    return undefined;
  }
}

interface Active {
  readonly name: string;
  readonly reason: string;
  readonly until: string | undefined;
  readonly types: ReadonlySet<string> | undefined;
  readonly covers: (ref: ObjectRef, labels: Readonly<Record<string, string>>) => boolean;
}

function compile({ metadata, spec }: Maintenance): Active {
  const targets = spec.of.map(({ kind, labels, names }) => ({
    kind,
    names: names === undefined ? undefined : new Set(names),
    labels: labels === undefined ? undefined : parseLabelSelector(labels),
  }));
  return {
    name: metadata.name,
    reason: spec.reason,
    until: spec.until === undefined ? undefined : timestamp(Date.parse(spec.until)),
    types: spec.types === undefined ? undefined : new Set(spec.types),
    covers: (ref, labels) => targets.some((one) => one.kind === ref.kind && one.names?.has(ref.name) !== false && one.labels?.(labels) !== false),
  };
}
