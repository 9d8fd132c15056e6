import { type Clock, describeError, type Log, type MetricFamily, type Random } from "#/base/index.ts";
import {
  type Alarm,
  type AlarmChannel,
  type AlarmRule,
  alarm,
  alarmChannel,
  alarmRule,
  type ConditionInput,
  type Instance,
  type Maintenance,
  maintenance,
  type Resource,
  type StoredObject,
  setCondition,
  timestamp,
} from "#/model/index.ts";
import type { Board } from "#/state/link/hub/index.ts";
import { Controller, type LocalCopy } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import type { SeriesStore } from "#/watch/series/index.ts";
import type { TrapFeed, TrapHome } from "#/watch/snmp/index.ts";
import { AlarmBook } from "./book.ts";
import type { AlarmFact, AlarmFacts, PlatformSight } from "./contract.ts";
import { FLOOD_WINDOW_MS, type FloodFigures, floodFigures } from "./core/flood.ts";
import type { ObjectLook, ObjectRef } from "./core/graph.ts";
import { type AlarmIdentity, type AlarmState, isOver } from "./core/state.ts";
import { Courier, type Outcome } from "./courier.ts";
import { beat } from "./delivery/heartbeat.ts";
import { makeSend, type Send } from "./delivery/sender.ts";
import { HostFacts, type HostReport } from "./host-facts.ts";
import { alarmName } from "./identity.ts";
import { WATCHED_KINDS } from "./kinds.ts";
import { ObjectRules } from "./rules.ts";
import { SeriesRules } from "./series-rules.ts";
import { BUILT_IN_LABEL, OWN_FIELDS, SHIPPED_RULES } from "./shipped-rules.ts";
import { Silence } from "./silence.ts";
import { decodeAlarm } from "./stored.ts";
import type { TakenAlert } from "./taken-alerts.ts";
import { TrapFacts } from "./trap-facts.ts";
import { TrapRules } from "./trap-rules.ts";

/** Alarms that are over are kept so long, and no more than this. */
const HISTORY_MS = 30 * 86_400_000;
const HISTORY_MAX = 10_000;
const TIDY_MS = 600_000;
/** Over so long a time floods are looked for. */
const FLOOD_MS = 86_400_000;
const FLOOD_RAISES_MAX = 100_000;
const DEFAULTS = { delayMs: 0, clearDelayMs: 0 };
const MANAGER = { fieldManager: "orrery-alarms" } as const;

export interface WatcherOptions {
  readonly store: Store;
  /** By the plurals of kinds, as `ALARM_READS` names them. */
  readonly copies: Readonly<Record<string, LocalCopy<StoredObject>>>;
  /** Where agents' reports stand. */
  readonly board: Pick<Board, "list">;
  /** Absent: rules about series cannot be evaluated here. */
  readonly series?: Pick<SeriesStore, "query"> | undefined;
  readonly sight?: PlatformSight | undefined;
  /** Absent: rules about traps cannot be followed here. */
  readonly traps?: TrapFeed | undefined;
  readonly trapHome?: TrapHome | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly send?: Send;
}

/** The alarms of a site, in the leading centre: what is seen, by rules about objects and by facts, becomes alarms; what is not told is silenced by its cause or by maintenance; channels are told the rest. */
export class AlarmWatcher {
  readonly book: AlarmBook;
  readonly rules: ObjectRules;
  readonly controllers: readonly Controller[];
  readonly #options: WatcherOptions;
  readonly #alarms: Controller;
  readonly #house: Controller;
  readonly #silence: Silence;
  readonly #courier: Courier;
  readonly #series: SeriesRules | undefined;
  readonly #traps: TrapRules | undefined;
  readonly #hostFacts = new HostFacts();
  readonly #trapFacts = new TrapFacts();
  readonly #copies = new Map<string, LocalCopy<StoredObject>>();
  readonly #facts = new Map<string, ReadonlyMap<string, AlarmFact>>();
  readonly #outcomes = new Map<string, Outcome[]>();
  readonly #expiring = new Map<string, number>();
  #raisesMs: number[] = [];
  /** When it was last through with all that it looks at by itself. */
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(options: WatcherOptions) {
    this.#options = options;
    const { store, copies, clock, random, log } = options;
    for (const kind of WATCHED_KINDS) {
      const copy = copies[kind.plural];
      if (copy !== undefined) this.#copies.set(kind.kind, copy);
    }
    const stored = (name: string): Alarm | undefined => this.stored(name);
    this.#silence = new Silence({
      look: this.#look(),
      isSuppressing: (name, type) => this.book.sightOf(name)?.suppresses ?? this.rules.get(type)?.spec.suppresses === true,
    });
    this.book = new AlarmBook({
      store,
      stored,
      silencing: (_name, identity, labels) => this.#silence.of(identity, labels),
      onState: (name, state, labels, identity) => this.#onState(name, state, labels, identity),
      clock,
      log,
    });
    this.#courier = new Courier({
      book: this.book,
      send: options.send ?? makeSend({ home: options.trapHome, clock, random, log }),
      beat,
      isWatching: () => clock.now() - this.#lookedMs < LOOKED_MS_MAX,
      remember: async (name, sending) => {
        await store.patch(alarmChannel, { name }, { type: "merge", body: { status: { sending } } }, { ...MANAGER, subresource: "status" });
      },
      record: (channel, outcome) => this.#note(channel, outcome),
      clock,
      random,
      log,
    });
    this.rules = new ObjectRules({
      book: this.book,
      copies: this.#copies,
      alarms: { values: () => this.#values<Alarm>(alarm.plural) },
      enqueue: (name) => this.#alarms.enqueue(name),
      isUnseen: (object) => this.#isUnseen(object),
      clock,
    });
    if (options.series !== undefined)
      this.#series = new SeriesRules({
        book: this.book,
        series: options.series,
        enqueue: (name) => this.#alarms.enqueue(name),
        note: (rule, failure) => this.#noteRule(rule, failure),
        labelsOf: ({ resource }) => this.#look().get(resource)?.metadata.labels ?? {},
        clock,
        signal: options.signal,
      });
    if (options.traps !== undefined)
      this.#traps = new TrapRules({
        book: this.book,
        feed: options.traps,
        alarms: { values: () => this.#values<Alarm>(alarm.plural) },
        resources: { values: () => this.#values<Resource>("resources"), get: (key) => copies["resources"]?.get(key) as Resource | undefined },
        enqueue: (name) => this.#alarms.enqueue(name),
        note: (rule, failure) => this.#noteRule(rule, failure),
        clock,
        log,
      });
    const shared = { clock, random, log };
    this.#alarms = new Controller({ ...shared, name: "alarm-controller", concurrency: 64, resyncMs: 0, reconcile: (name) => this.#reconcile(name) });
    this.#house = new Controller({ ...shared, name: "alarm-house", reconcile: (key) => this.#keep(key) });
    this.controllers = [this.#alarms, this.#house];
  }

  /** Follows what is stored, from now on. */
  start(): void {
    const { copies, clock } = this.#options;
    const nowMs = clock.now();
    this.#lookedMs = nowMs;
    for (const one of this.#values<Alarm>(alarm.plural)) {
      this.#silence.note(one.metadata.name, one.spec, one.status?.condition === "raised");
      const raisedMs = one.status?.raisedAt === undefined ? Number.NaN : Date.parse(one.status.raisedAt);
      if (nowMs - raisedMs < FLOOD_MS) this.#raisesMs.push(raisedMs);
    }
    this.#raisesMs.sort((a, b) => a - b);
    copies[alarmRule.plural]?.listen((before, after) => this.#onRule(before as AlarmRule | undefined, after as AlarmRule | undefined));
    for (const [kind, copy] of this.#copies) {
      copy.listen((before, after) => {
        this.rules.object(before, after);
        if (kind === "Host") this.#onHost(after ?? before);
        if (kind === "Resource") this.#traps?.devicesChanged();
      });
    }
    copies[alarmChannel.plural]?.listen((before, after) => {
      const name = (after ?? before)?.metadata.name ?? "";
      const unsure = before === undefined ? (after as AlarmChannel | undefined)?.status?.sending : undefined;
      if (this.#courier.put(name, (after as AlarmChannel | undefined)?.spec, unsure)) this.#considerAll();
    });
    copies[maintenance.plural]?.listen(() => this.#house.enqueue(MAINTENANCE, 20));
    copies[alarm.plural]?.listen((before, after) => {
      const name = (after ?? before)?.metadata.name ?? "";
      if (after === undefined) {
        this.book.forget(name);
        this.#traps?.forget(name);
        const { holds, isEvent } = this.book.sightOf(name)?.observation ?? {};
        if (holds === true && isEvent !== true) this.#alarms.enqueue(name);
        else this.book.drop(name);
      } else if (before === undefined) this.#alarms.enqueue(name);
    });
    for (const name of SHIPPED_RULES.keys()) this.#house.enqueue(`${SHIPPED}${name}`);
    this.#house.enqueue(MAINTENANCE);
    this.#house.enqueue(TIDY, 1_000);
    this.#house.enqueue(FACTS, FACTS_MS);
  }

  stop(): void {
    this.#traps?.close();
    this.#courier.close();
  }

  stored(name: string): Alarm | undefined {
    return this.#options.copies[alarm.plural]?.get(name) as Alarm | undefined;
  }

  enqueue(name: string): void {
    this.#alarms.enqueue(name);
  }

  /** Where others tell what is not as it should be. */
  readonly facts: AlarmFacts = {
    report: (source, facts) => {
      const former = this.#facts.get(source) ?? new Map<string, AlarmFact>();
      const next = new Map(facts.map((fact) => [alarmName(fact), fact]));
      this.#facts.set(source, next);
      for (const fact of next.values()) this.#see(fact, source);
      for (const [name, fact] of former) if (!next.has(name)) this.#see({ ...fact, holds: false, text: "it is well" }, source);
      // Also those of the leader before: who tells all that it sees tells of them that they are well.
      for (const { spec, metadata } of this.#values<Alarm>(alarm.plural))
        if (metadata.labels?.[SOURCE_LABEL] === source && !next.has(metadata.name) && !former.has(metadata.name))
          this.#see({ ...spec, holds: false, severity: "warning", text: "" }, source);
    },
    blind: (source) => {
      for (const fact of this.#facts.get(source)?.values() ?? []) this.#see({ ...fact, holds: undefined }, source);
    },
  };

  /** Alerts of another Prometheus. */
  take(taken: readonly TakenAlert[]): void {
    for (const { sight, untilMs } of taken) {
      const name = this.book.see(sight);
      if (name === undefined) continue;
      if (untilMs === undefined) this.#expiring.delete(name);
      else {
        this.#expiring.set(name, untilMs);
        this.#house.enqueue(EXPIRY, Math.max(1, untilMs - this.#options.clock.now() + 1));
      }
      this.#alarms.enqueue(name);
    }
  }

  /** How many alarms people get. */
  flood(): FloodFigures {
    const nowMs = this.#options.clock.now();
    return floodFigures(this.#raisesMs, FLOOD_MS, nowMs);
  }

  figures(): object {
    const stands: Record<string, number> = {};
    const severities: Record<string, number> = {};
    for (const { status } of this.#values<Alarm>(alarm.plural)) {
      const word = status?.stands ?? "Pending";
      stands[word] = (stands[word] ?? 0) + 1;
      if (status?.severity !== undefined && (word === "Unacknowledged" || word === "Acknowledged"))
        severities[status.severity] = (severities[status.severity] ?? 0) + 1;
    }
    return { stands, severities, flood: this.flood(), waiting: this.#courier.waiting };
  }

  metrics(): readonly MetricFamily[] {
    const { stands } = this.figures() as { readonly stands: Readonly<Record<string, number>> };
    const { last10Min, inFlood } = this.flood();
    return [
      {
        name: "orrery_alarms",
        help: "Alarms by where they stand for an operator.",
        type: "gauge",
        samples: Object.entries(stands).map(([word, value]) => ({ labels: { stands: word }, value })),
      },
      { name: "orrery_alarms_raised_10min", help: "Alarms raised in the last ten minutes.", type: "gauge", samples: [{ value: last10Min }] },
      {
        name: "orrery_alarms_flood_ratio",
        help: "Share of the last day in which there were more alarms than a person can take.",
        type: "gauge",
        samples: [{ value: inFlood }],
      },
      {
        name: "orrery_alarms_waiting",
        help: "Alarms that channels have not been told yet.",
        type: "gauge",
        samples: [{ value: this.#courier.waiting }],
      },
    ];
  }

  async #reconcile(name: string): Promise<{ readonly requeueAfterMs?: number } | undefined> {
    const again = await this.book.reconcile(name);
    const state = this.book.stateOf(name);
    // It was on its way to be raised, and has turned back: nothing is left of it.
    if (state?.condition === "none" && state.turning === undefined && this.stored(name) !== undefined) {
      await this.#options.store.delete(alarm, { name });
      this.book.drop(name);
    }
    if (this.stored(name) === undefined && this.book.stateOf(name) === undefined) this.#alarms.forget(name);
    return again;
  }

  #onState(name: string, state: AlarmState, labels: Readonly<Record<string, string>>, identity: AlarmIdentity): number | undefined {
    const isRaised = state.condition === "raised";
    if (this.#silence.note(name, identity, isRaised)) this.#considerAll();
    if (isRaised && state.raisedAtMs !== undefined && state.raisedAtMs > (this.#raisesMs.at(-1) ?? 0) - FLOOD_WINDOW_MS)
      this.#noteRaise(name, state.raisedAtMs);
    return this.#courier.consider(name, state, labels, identity);
  }

  readonly #noted = new Map<string, number>();

  #noteRaise(name: string, atMs: number): void {
    if (this.#noted.get(name) === atMs) return;
    if (this.#noted.size > FLOOD_RAISES_MAX) this.#noted.clear();
    const wasKnown = this.#noted.get(name) === undefined && this.#raisesMs.includes(atMs);
    this.#noted.set(name, atMs);
    if (wasKnown) return;
    this.#raisesMs.push(atMs);
    const oldestMs = this.#options.clock.now() - FLOOD_MS;
    if (this.#raisesMs.length > FLOOD_RAISES_MAX || (this.#raisesMs[0] ?? 0) < oldestMs)
      this.#raisesMs = this.#raisesMs.filter((one) => one >= oldestMs).slice(-FLOOD_RAISES_MAX);
  }

  #see({ resource, type, qualifier, settings, labels, suppresses, ...observation }: AlarmFact, source: string): void {
    const seen = this.book.see({
      identity: { resource, type, ...(qualifier !== undefined && { qualifier }) },
      observation,
      settings: { ...DEFAULTS, ...settings },
      labels: { ...labels, [SOURCE_LABEL]: source },
      seenMs: this.#options.clock.now(),
      suppresses: suppresses === true,
    });
    if (seen !== undefined) this.#alarms.enqueue(seen);
  }

  #considerAll(): void {
    for (const { metadata } of this.#values<Alarm>(alarm.plural)) this.#alarms.enqueue(metadata.name);
    for (const name of this.book.names()) this.#alarms.enqueue(name);
  }

  #onRule(before: AlarmRule | undefined, after: AlarmRule | undefined): void {
    const name = (after ?? before)?.metadata.name ?? "";
    if (JSON.stringify(before?.spec) !== JSON.stringify(after?.spec)) {
      this.rules.put(name, after?.spec);
      this.#series?.put(name, after?.spec);
      this.#traps?.put(name, after?.spec, Date.parse((after ?? before)?.metadata.creationTimestamp ?? ""));
      if (this.#traps === undefined && after?.spec.trap !== undefined && !after.spec.disabled)
        this.#noteRule(name, "this site takes no traps: its Site does without the part snmp");
      if (this.#series === undefined && after?.spec.series !== undefined)
        this.#noteRule(name, "this site keeps no series: the rule cannot be evaluated here");
    }
    if (after === undefined) this.#house.forget(`${RULE}${name}`);
    else this.#house.enqueue(`${RULE}${name}`, 100);
    if (SHIPPED_RULES.has(name)) this.#house.enqueue(`${SHIPPED}${name}`);
  }

  /** What is on it is seen by its agent alone. */
  #onHost(host: StoredObject | undefined): void {
    if (host === undefined) return;
    for (const one of this.#values<Instance>("instances")) if (one.spec.host === host.metadata.name) this.rules.object(one, one);
    for (const one of this.#values<StoredObject>("volumes"))
      if ((one.spec as { readonly host?: string }).host === host.metadata.name) this.rules.object(one, one);
  }

  #isUnseen({ kind, spec }: StoredObject): boolean {
    if (kind !== "Instance" && kind !== "Volume") return false;
    const { host } = spec as { readonly host?: string };
    const found = host === undefined ? undefined : this.#copies.get("Host")?.get(host);
    const { conditions } = (found?.status ?? {}) as { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
    return conditions?.some(({ type, status }) => type === "Ready" && status !== "True") === true;
  }

  #look(): ObjectLook {
    const get = ({ kind, namespace, name }: ObjectRef): StoredObject | undefined =>
      this.#copies.get(kind)?.get(namespace === undefined ? name : `${namespace}/${name}`);
    return {
      get,
      instancesOf: ({ namespace, name }) =>
        [...this.#values<Instance>("instances")].filter((one) => one.spec.service === name && one.metadata.namespace === namespace),
    };
  }

  #values<T>(plural: string): Iterable<T> {
    return (this.#options.copies[plural]?.values() ?? []) as Iterable<T>;
  }

  #note(channel: string, outcome: Outcome): void {
    this.#outcomes.set(channel, [...(this.#outcomes.get(channel) ?? []), outcome].slice(-1_000));
    this.#house.enqueue(`${CHANNEL}${channel}`);
  }

  /** What is not of one alarm. */
  async #keep(key: string): Promise<{ readonly requeueAfterMs?: number } | undefined> {
    const { clock } = this.#options;
    if (key === MAINTENANCE) {
      const { nextMs, isChanged } = this.#silence.maintain(this.#values<Maintenance>(maintenance.plural), clock.now());
      if (isChanged) this.#considerAll();
      await this.#tellMaintenances();
      return nextMs === undefined ? undefined : { requeueAfterMs: Math.max(1, nextMs - clock.now() + 1) };
    }
    if (key === FACTS) {
      await this.#lookAround();
      this.#lookedMs = clock.now();
      return { requeueAfterMs: FACTS_MS };
    }
    if (key === EXPIRY) return this.#expire();
    if (key === TIDY) {
      await this.#tidy();
      return { requeueAfterMs: TIDY_MS };
    }
    if (key.startsWith(SHIPPED)) await this.#ship(key.slice(SHIPPED.length));
    else if (key.startsWith(RULE)) await this.#tellRule(key.slice(RULE.length));
    else if (key.startsWith(CHANNEL)) await this.#tellChannel(key.slice(CHANNEL.length));
    return undefined;
  }

  #expire(): { readonly requeueAfterMs?: number } | undefined {
    const nowMs = this.#options.clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const [name, untilMs] of this.#expiring) {
      if (untilMs > nowMs) {
        next = Math.min(next, untilMs);
        continue;
      }
      this.#expiring.delete(name);
      const sight = this.book.sightOf(name);
      if (sight === undefined) continue;
      this.book.see({ ...sight, observation: { ...sight.observation, holds: undefined } });
      this.#alarms.enqueue(name);
    }
    return Number.isFinite(next) ? { requeueAfterMs: next - nowMs + 1 } : undefined;
  }

  /** A built-in rule is there, as it comes with this version; what is the site's own of it stays. */
  async #ship(name: string): Promise<void> {
    const shipped = SHIPPED_RULES.get(name);
    if (shipped === undefined) return;
    const { store } = this.#options;
    const found = await store.get(alarmRule, { name });
    const labels = { [BUILT_IN_LABEL]: "true" };
    if (found === undefined) {
      await store.create(alarmRule, { metadata: { name, labels }, spec: shipped }, MANAGER);
      return;
    }
    const own = Object.fromEntries(OWN_FIELDS.flatMap((field) => (found.spec[field] === undefined ? [] : [[field, found.spec[field]]])));
    await store.update(
      alarmRule,
      { metadata: { ...found.metadata, labels: { ...found.metadata.labels, ...labels } }, spec: { ...shipped, ...own } },
      MANAGER,
    );
  }

  async #tellRule(name: string): Promise<void> {
    const { store, clock } = this.#options;
    const one = await store.get(alarmRule, { name });
    if (one === undefined) return;
    const failure = this.rules.failures.get(name) ?? this.#seriesFailures.get(name);
    const told: ConditionInput =
      failure === undefined
        ? {
            type: "Evaluated",
            status: "True",
            reason: one.spec.disabled ? "Disabled" : "Evaluated",
            message: one.spec.disabled ? "nobody looks by it" : "it is looked at",
          }
        : { type: "Evaluated", status: "False", reason: "EvaluationFailed", message: failure };
    const conditions = setCondition(one.status?.conditions, told, clock.now());
    if (conditions === one.status?.conditions) return;
    await store.update(
      alarmRule,
      { metadata: one.metadata, spec: one.spec, status: { ...one.status, conditions: [...conditions] } },
      { ...MANAGER, subresource: "status" },
    );
  }

  /** Why rules about series cannot be evaluated. */
  readonly #seriesFailures = new Map<string, string>();

  /** A rule about series works, or does not. */
  #noteRule(name: string, failure: string | undefined): void {
    if (this.#seriesFailures.get(name) === failure) return;
    if (failure === undefined) this.#seriesFailures.delete(name);
    else this.#seriesFailures.set(name, failure);
    this.#house.enqueue(`${RULE}${name}`);
  }

  /** What no object tells: disks and clocks of hosts, and the centre itself. */
  async #lookAround(): Promise<void> {
    const { board, sight, clock, log } = this.#options;
    const nowMs = clock.now();
    const reports = new Map<string, HostReport>();
    for (const [host, { value, observedAtMs }] of board.list(HOSTS)) if (nowMs - observedAtMs < REPORT_MS_MAX) reports.set(host, value as HostReport);
    const known: AlarmIdentity[] = [];
    for (const { spec, metadata } of this.#values<Alarm>(alarm.plural)) if (metadata.labels?.[SOURCE_LABEL] === HOSTS) known.push(spec);
    const here = known.filter(({ resource }) => this.#copies.get("Host")?.get(resource.name) !== undefined);
    this.facts.report(HOSTS, this.#hostFacts.look(reports, here, nowMs));
    if (this.#options.traps !== undefined) this.facts.report(TRAPS, this.#trapFacts.look(this.#options.traps.figures(), nowMs));
    if (sight === undefined) return;
    try {
      this.facts.report(PLATFORM, await sight.facts());
    } catch (error) {
      log.warn(`what the centre knows of itself cannot be read: ${describeError(error)}`);
      this.facts.blind(PLATFORM);
    }
  }

  async #tellChannel(name: string): Promise<void> {
    const { store, clock } = this.#options;
    const outcomes = this.#outcomes.get(name) ?? [];
    this.#outcomes.delete(name);
    const last = outcomes.at(-1);
    const one = last === undefined ? undefined : await store.get(alarmChannel, { name });
    if (last === undefined || one === undefined) return;
    const { delivered = 0, failures = 0, failingSince, lastDeliveredAt, sending } = one.status ?? {};
    const good = outcomes.filter(({ error, isBeat }) => error === undefined && isBeat !== true);
    const told: ConditionInput =
      last.error === undefined
        ? { type: "Ready", status: "True", reason: "Delivers", message: "the last message was taken" }
        : { type: "Ready", status: "False", reason: "DeliveryFailed", message: last.error.slice(0, 1_000) };
    const status = {
      delivered: delivered + good.length,
      failures: failures + outcomes.filter(({ error }) => error !== undefined).length,
      ...(last.error !== undefined && { failingSince: failingSince ?? timestamp(last.atMs) }),
      ...(good.length > 0
        ? { lastDeliveredAt: timestamp(good.at(-1)?.atMs ?? last.atMs) }
        : lastDeliveredAt === undefined
          ? {}
          : { lastDeliveredAt }),
      ...(sending !== undefined && !good.some(({ id }) => id === sending.id) && { sending }),
      conditions: [...setCondition(one.status?.conditions, told, clock.now())],
    };
    try {
      await store.update(alarmChannel, { metadata: one.metadata, spec: one.spec, status }, { ...MANAGER, subresource: "status" });
    } catch (error) {
      this.#outcomes.set(name, [...outcomes, ...(this.#outcomes.get(name) ?? [])]);
      throw error;
    }
  }

  async #tellMaintenances(): Promise<void> {
    const { store, clock, log } = this.#options;
    const silenced = new Map<string, number>();
    for (const { status } of this.#values<Alarm>(alarm.plural))
      if (status?.suppressed !== undefined && status.suppressed.why !== "cause")
        silenced.set(status.suppressed.by, (silenced.get(status.suppressed.by) ?? 0) + 1);
    for (const one of [...this.#values<Maintenance>(maintenance.plural)]) {
      const { from, until } = one.spec;
      const nowMs = clock.now();
      const phase =
        from !== undefined && Date.parse(from) > nowMs ? "Planned" : until !== undefined && Date.parse(until) <= nowMs ? "Over" : "Active";
      const status = { phase, silenced: silenced.get(one.metadata.name) ?? 0 } as const;
      if (one.status?.phase === phase && one.status.silenced === status.silenced) continue;
      await store
        .update(maintenance, { metadata: one.metadata, spec: one.spec, status }, { ...MANAGER, subresource: "status" })
        .catch((error: unknown) => log.debug(`maintenance ${one.metadata.name}: ${describeError(error)}`));
    }
  }

  /** Keeps the history within its bounds. */
  async #tidy(): Promise<void> {
    const { store, clock } = this.#options;
    const over = [...this.#values<Alarm>(alarm.plural)]
      .filter(
        (one) =>
          one.status !== undefined &&
          isOver(decodeAlarm(one)) &&
          one.status.condition !== "none" &&
          (this.book.sightOf(one.metadata.name)?.observation.holds !== true || this.book.sightOf(one.metadata.name)?.observation.isEvent === true),
      )
      .map((one) => ({ name: one.metadata.name, atMs: Date.parse(one.status?.history?.at(-1)?.at ?? one.metadata.creationTimestamp) }))
      .sort((a, b) => b.atMs - a.atMs);
    for (const [index, { name, atMs }] of over.entries())
      if (index >= HISTORY_MAX || clock.now() - atMs > HISTORY_MS) await store.delete(alarm, { name });
    // What maintenances silence is counted anew; who is silent has not changed by that.
    await this.#tellMaintenances();
  }
}

const MAINTENANCE = "maintenance";
const TIDY = "tidy";
const EXPIRY = "expiry";
const FACTS = "facts";
const FACTS_MS = 5_000;
/** Nobody looks after alarms if it takes longer. */
const LOOKED_MS_MAX = 30_000;
/** A host's report that is older tells nothing of now. */
const REPORT_MS_MAX = 15_000;
/** Of the board, and as a source of facts. */
const HOSTS = "hosts";
const PLATFORM = "platform";
const TRAPS = "traps";
const SHIPPED = "shipped/";
const RULE = "rule/";
const CHANNEL = "channel/";
/** On alarms of facts: who tells them. */
const SOURCE_LABEL = "orrery.dev/alarm-source";
