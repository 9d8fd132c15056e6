import { type Clock, isOrreryError, type Log } from "#/base/index.ts";
import { type Alarm, alarm } from "#/model/index.ts";
import type { ReconcileResult } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import { observe } from "./core/observe.ts";
import { type Silencing, suppress, unshelve } from "./core/standing.ts";
import { type AlarmIdentity, type AlarmSettings, type AlarmState, isOver, NEW_ALARM, type Observation } from "./core/state.ts";
import { alarmName } from "./identity.ts";
import { decodeAlarm, differs, encodeAlarm, KEPT_TURNING_MS } from "./stored.ts";

/** What somebody sees of one alarm's resource now. */
export interface Sight {
  readonly identity: AlarmIdentity;
  readonly observation: Observation;
  readonly settings: AlarmSettings;
  /** Of its object and its rule: put on the alarm. */
  readonly labels: Readonly<Record<string, string>>;
  /** When it was seen. */
  readonly seenMs: number;
  readonly suppresses: boolean;
}

export interface BookOptions {
  readonly store: Store;
  /** As stored, from the local copy. */
  readonly stored: (name: string) => Alarm | undefined;
  /** What silences an alarm now. */
  readonly silencing: (name: string, identity: AlarmIdentity, labels: Readonly<Record<string, string>>) => Silencing | undefined;
  /** Told of each alarm as it is now, and answered with when it has to be looked at again for that alone. */
  readonly onState: (name: string, state: AlarmState, labels: Readonly<Record<string, string>>, identity: AlarmIdentity) => number | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

interface Page {
  readonly state: AlarmState;
  /** As it was written last; absent: there is no object. */
  readonly written?: { readonly state: AlarmState; readonly atMs: number; readonly version: string; readonly labels: string };
}

const NO_LABELS: Readonly<Record<string, string>> = Object.freeze({});

/** All alarms that this leader knows, each with what is only in memory, and the one way in which they change: in turns for each, by compare-and-set on what is stored. So another centre, another operator and a crash between two steps are the same thing: read again, decide again. */
export class AlarmBook {
  readonly #options: BookOptions;
  readonly #sights = new Map<string, Sight>();
  readonly #pages = new Map<string, Page>();
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(options: BookOptions) {
    this.#options = options;
  }

  /** What is seen from now on. Returns the alarm's name; `undefined` where there is nothing to be kept: it is well, and was never otherwise. */
  see(sight: Sight): string | undefined {
    const name = alarmName(sight.identity);
    if (sight.observation.holds !== true && !this.#sights.has(name) && this.#options.stored(name) === undefined && !this.#pages.has(name))
      return undefined;
    this.#sights.set(name, sight);
    return name;
  }

  sightOf(name: string): Sight | undefined {
    return this.#sights.get(name);
  }

  names(): IterableIterator<string> {
    return this.#sights.keys();
  }

  /** As it is, also what is not written. */
  stateOf(name: string): AlarmState | undefined {
    return this.#pages.get(name)?.state;
  }

  /** True: raised, or on its way there. */
  isRaised(name: string): boolean {
    const state = this.#pages.get(name)?.state;
    if (state !== undefined) return state.condition === "raised";
    return this.#options.stored(name)?.status?.condition === "raised";
  }

  /** Somebody else has written or deleted it: it is read anew at its next turn. */
  forget(name: string): void {
    this.#pages.delete(name);
  }

  /** The version that was written here last. */
  versionOf(name: string): string | undefined {
    return this.#pages.get(name)?.written?.version;
  }

  /** Lets go of what is well and nobody needs: no object, nothing on its way. */
  drop(name: string): void {
    this.#sights.delete(name);
    this.#pages.delete(name);
  }

  /** Brings the alarm up to what is seen and to the time. */
  async reconcile(name: string): Promise<ReconcileResult | undefined> {
    const { clock } = this.#options;
    const wakes: number[] = [];
    const done = await this.change(name, (former) => {
      const nowMs = clock.now();
      wakes.length = 0;
      const sight = this.#sights.get(name);
      const silent: Observation = { holds: undefined, severity: former.severity, text: former.text };
      const seen = observe(former, sight?.observation ?? silent, sight?.settings ?? { delayMs: 0, clearDelayMs: 0 }, nowMs);
      if (seen.wakeMs !== undefined) wakes.push(seen.wakeMs);
      const { turning } = seen.state;
      if (turning !== undefined && turning.elapsedMs < KEPT_TURNING_MS && seen.state.flapping === undefined) wakes.push(nowMs + KEPT_TURNING_MS);
      const shelved = unshelve(seen.state, nowMs);
      if (shelved.wakeMs !== undefined) wakes.push(shelved.wakeMs);
      const identity = sight?.identity ?? this.#options.stored(name)?.spec;
      const by = identity === undefined ? undefined : this.#options.silencing(name, identity, sight?.labels ?? NO_LABELS);
      const standing = suppress(shelved.state, by, sight === undefined ? undefined : sight.seenMs, nowMs);
      if (standing.wakeMs !== undefined) wakes.push(standing.wakeMs);
      return standing.state;
    });
    if (done === undefined) return undefined;
    const toldMs = this.#options.onState(name, done.state, done.labels, done.identity);
    if (toldMs !== undefined) wakes.push(toldMs);
    if (done.isNew && this.#sights.get(name)?.observation.holds !== true) this.drop(name);
    if (wakes.length === 0) return undefined;
    return { requeueAfterMs: Math.max(1, Math.min(...wakes) - clock.now()) };
  }

  /** Changes one alarm in its turn. `decide` is asked again where somebody else was quicker.
   *  @throws what `decide` throws; store/... */
  async change(
    name: string,
    decide: (former: AlarmState) => AlarmState,
  ): Promise<
    | { readonly state: AlarmState; readonly labels: Readonly<Record<string, string>>; readonly identity: AlarmIdentity; readonly isNew: boolean }
    | undefined
  > {
    const before = this.#turns.get(name) ?? Promise.resolve();
    const mine = before.catch(() => {}).then(() => this.#change(name, decide));
    this.#turns.set(name, mine);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(name) === mine) this.#turns.delete(name);
    }
  }

  async #change(name: string, decide: (former: AlarmState) => AlarmState) {
    for (let attempt = 1; ; attempt++) {
      const page = this.#pages.get(name) ?? (await this.#read(name));
      const state = decide(page?.state ?? NEW_ALARM);
      try {
        return await this.#write(name, page, state);
      } catch (error) {
        const isOther = isOrreryError(error, "store/conflict") || isOrreryError(error, "store/exists") || isOrreryError(error, "store/missing");
        this.forget(name);
        if (!isOther || attempt >= ATTEMPTS_MAX) throw error;
      }
    }
  }

  async #read(name: string): Promise<Page | undefined> {
    const found = await this.#options.store.get(alarm, { name });
    if (found === undefined) return undefined;
    const state = decodeAlarm(found);
    return { state, written: { state, atMs: 0, version: found.metadata.resourceVersion, labels: labelsText(found.metadata.labels ?? {}) } };
  }

  async #write(name: string, page: Page | undefined, state: AlarmState) {
    const { store, clock } = this.#options;
    const nowMs = clock.now();
    const sight = this.#sights.get(name);
    const stored = this.#options.stored(name);
    const identity = sight?.identity ?? stored?.spec;
    if (identity === undefined) return undefined;
    const labels = sight?.labels ?? stored?.metadata.labels ?? NO_LABELS;
    const written = page?.written;
    if (!differs(written?.state, written?.atMs ?? 0, state, nowMs)) {
      this.#pages.set(name, { state, ...(written !== undefined && { written }) });
      await this.#relabel(name);
      return { state, labels, identity, isNew: written === undefined };
    }
    const status = encodeAlarm(state, nowMs);
    const metadata = { name, labels };
    const spec = plainIdentity(identity);
    const how = { subresource: "status", fieldManager: "orrery-alarms" } as const;
    const saved =
      written === undefined
        ? await store.create(alarm, { metadata, spec, status }, how)
        : await store.update(alarm, { metadata: { name, resourceVersion: written.version }, spec, status }, how);
    // A write of the status leaves the labels as they were.
    const kept = written?.labels ?? labelsText(labels);
    this.#pages.set(name, { state, written: { state, atMs: nowMs, version: saved.metadata.resourceVersion, labels: kept } });
    await this.#relabel(name);
    return { state, labels, identity, isNew: false };
  }

  /** Rights go by labels: those of the object and the rule as they are now. */
  async #relabel(name: string): Promise<void> {
    const written = this.#pages.get(name)?.written;
    const labels = this.#sights.get(name)?.labels;
    if (written === undefined || labels === undefined || written.labels === labelsText(labels)) return;
    const found = await this.#options.store.get(alarm, { name });
    if (found === undefined) return;
    const saved = await this.#options.store.update(
      alarm,
      { metadata: { name, labels, resourceVersion: written.version }, spec: found.spec },
      { fieldManager: "orrery-alarms" },
    );
    const page = this.#pages.get(name);
    if (page?.written !== undefined)
      this.#pages.set(name, { ...page, written: { ...page.written, version: saved.metadata.resourceVersion, labels: labelsText(labels) } });
  }
}

/** The same for the same labels, in whatever order. */
function labelsText(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const ATTEMPTS_MAX = 10;

function plainIdentity({ resource, type, qualifier }: AlarmIdentity) {
  const { kind, namespace, name } = resource;
  return { resource: { kind, name, ...(namespace !== undefined && { namespace }) }, type, ...(qualifier !== undefined && { qualifier }) };
}

/** True: nothing of it needs a person, and it is only history. */
export function isHistory({ status }: Alarm): boolean {
  return status === undefined || isOver(decodeAlarm({ status } as Alarm));
}
