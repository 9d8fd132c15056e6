import { type BlockList, isIP } from "node:net";
import { type Clock, describeError, type Log } from "#/base/index.ts";
import { type Alarm, type AlarmRule, DEFAULT_NAMESPACE, durationMs, type Resource } from "#/model/index.ts";
import { networksOf, type TrapFeed, type TrapRecord } from "#/watch/snmp/index.ts";
import type { AlarmBook } from "./book.ts";
import { adviceOf, fill, settingsOf } from "./core/evaluate.ts";
import type { AlarmIdentity } from "./core/state.ts";
import { isKnown, type TrapEvent, trapEvent } from "./core/trap-event.ts";
import { alarmName } from "./identity.ts";
import { decodeAlarm } from "./stored.ts";

/** Alarms of one rule; more, and something makes up devices or keys. */
const ALARMS_MAX = 5_000;
/** So far back a new leader looks for traps of which its predecessor may have made nothing. */
const REPLAY_MS = 3_600_000;
const REPLAYED_MAX = 1_000;

export interface TrapRulesOptions {
  readonly book: AlarmBook;
  readonly feed: TrapFeed;
  readonly alarms: { values(): Iterable<Alarm> };
  readonly resources: { values(): Iterable<Resource>; get(key: string): Resource | undefined };
  readonly enqueue: (name: string) => void;
  readonly note: (rule: string, failure: string | undefined) => void;
  readonly clock: Clock;
  readonly log: Log;
}

interface Rule {
  readonly name: string;
  readonly spec: AlarmRule["spec"];
  readonly trap: NonNullable<AlarmRule["spec"]["trap"]>;
  readonly text: string;
  readonly networks: BlockList | undefined;
  /** Alarms that it has made, and when those end that only last. */
  readonly alarms: Map<string, number | undefined>;
  isFull: boolean;
}

/** Rules about traps: one raises, its counterpart clears. A trap is told once; so what it raised holds until another word, a person's, or the end of its time, also over a change of leader. */
export class TrapRules {
  readonly #options: TrapRulesOptions;
  readonly #rules = new Map<string, Rule>();
  #devices: ReadonlyMap<string, Resource> | undefined;
  #cancel: () => void = () => {};
  #isReplaying = false;

  constructor(options: TrapRulesOptions) {
    this.#options = options;
    options.feed.listen({ onTraps: (traps) => this.#take(traps), onGap: () => void this.#replay([...this.#rules.values()], REPLAY_MS) });
  }

  /** Takes a rule as it is now; absent: it is gone. `madeMs`: when it was made: traps before that are none of its. */
  put(name: string, spec: AlarmRule["spec"] | undefined, madeMs: number): void {
    const text = JSON.stringify(spec?.disabled === true ? undefined : spec);
    const former = this.#rules.get(name);
    if (former?.text === text) return;
    this.#rules.delete(name);
    if (former !== undefined) this.#leave(former);
    const { trap } = spec ?? {};
    if (spec !== undefined && trap !== undefined && !spec.disabled) {
      const rule = {
        name,
        spec,
        trap,
        text,
        networks: trap.from === undefined ? undefined : networksOf(trap.from),
        alarms: new Map(),
        isFull: false,
      };
      this.#rules.set(name, rule);
      this.#remember(rule);
      this.#options.note(name, undefined);
      void this.#replay([rule], Math.min(REPLAY_MS, this.#options.clock.now() - madeMs));
    }
    this.#options.feed.follow([...new Set([...this.#rules.values()].flatMap((one) => [...one.trap.raise, ...one.trap.clear]))]);
  }

  /** Resources have changed: which device is whose. */
  devicesChanged(): void {
    this.#devices = undefined;
  }

  /** A person has removed an alarm that is over. */
  forget(name: string): void {
    for (const rule of this.#rules.values()) rule.alarms.delete(name);
  }

  close(): void {
    this.#cancel();
  }

  /** What the leader before has raised holds on. */
  #remember(rule: Rule): void {
    const { alarms, book, clock } = this.#options;
    for (const one of alarms.values()) {
      const { metadata, spec, status } = one;
      if (spec.type !== rule.name || status === undefined) continue;
      const { raisedAtMs = 0, condition } = decodeAlarm(one);
      if (condition !== "raised" || book.sightOf(metadata.name)?.observation.isEvent === true) continue;
      this.#see(rule, spec, { isRaised: true, device: spec.resource.name, key: "", values: "", atMs: raisedAtMs }, status.text ?? "");
    }
    this.#expireLater(clock.now());
  }

  async #replay(rules: readonly Rule[], overMs: number): Promise<void> {
    const { feed, clock, log, book } = this.#options;
    if (this.#isReplaying && rules.length > 1) return;
    this.#isReplaying = true;
    try {
      const oids = rules.flatMap(({ trap }) => [...trap.raise, ...trap.clear]);
      const since = new Date(clock.now() - overMs).toISOString();
      const traps = await feed.traps({ limit: REPLAYED_MAX, oids, since });
      for (const trap of traps.toReversed())
        for (const rule of rules) {
          const event = this.#eventOf(rule, trap);
          if (event === undefined) continue;
          const name = alarmName(this.#identityOf(rule, event));
          const stored = book.stateOf(name) ?? this.#stored(name);
          if (!isKnown(stored, event.atMs)) this.#see(rule, this.#identityOf(rule, event), event);
        }
      this.#expireLater(clock.now());
    } catch (error) {
      log.warn(`traps that came before cannot be read: ${describeError(error)}`);
    } finally {
      this.#isReplaying = false;
    }
  }

  #stored(name: string) {
    for (const one of this.#options.alarms.values()) if (one.metadata.name === name) return decodeAlarm(one);
    return undefined;
  }

  #take(traps: readonly TrapRecord[]): void {
    for (const trap of traps)
      for (const rule of this.#rules.values()) {
        const event = this.#eventOf(rule, trap);
        if (event !== undefined) this.#see(rule, this.#identityOf(rule, event), event);
      }
    this.#expireLater(this.#options.clock.now());
  }

  #eventOf({ trap: spec, networks }: Rule, trap: TrapRecord): TrapEvent | undefined {
    if (networks?.check(trap.from, isIP(trap.from) === 6 ? "ipv6" : "ipv4") === false) return undefined;
    return trapEvent(spec, trap);
  }

  #identityOf({ name }: Rule, { device, key }: TrapEvent): AlarmIdentity {
    const found = this.#deviceAt(device);
    const resource =
      found === undefined
        ? { kind: "Device", name: device }
        : { kind: found.kind, namespace: found.metadata.namespace ?? DEFAULT_NAMESPACE, name: found.metadata.name };
    return { resource, type: name, ...(key !== "" && { qualifier: key }) };
  }

  #see(rule: Rule, identity: AlarmIdentity, event: TrapEvent, told?: string): void {
    const { book, clock, enqueue, note } = this.#options;
    const { spec, trap } = rule;
    const name = alarmName(identity);
    if (event.isRaised && !rule.alarms.has(name) && rule.alarms.size >= ALARMS_MAX) {
      if (!rule.isFull)
        note(rule.name, `it has ${ALARMS_MAX} alarms: further devices and keys raise none; let its key tell fewer apart, or give from`);
      rule.isFull = true;
      return;
    }
    const { device, key, values, isRaised, atMs } = event;
    const text =
      told ??
      fill(
        spec.text ?? "{values}",
        { kind: identity.resource.kind, metadata: { name: identity.resource.name } as never },
        { key, values, from: device },
      );
    const seen = book.see({
      identity,
      observation: { holds: isRaised, severity: spec.severity, text, atMs, isEvent: true, ...adviceOf(spec) },
      settings: settingsOf(spec),
      labels: { ...this.#labelsOf(identity), ...spec.labels },
      seenMs: clock.now(),
      suppresses: spec.suppresses,
    });
    if (seen === undefined) return;
    if (isRaised) rule.alarms.set(name, trap.lasts === undefined ? undefined : atMs + durationMs(trap.lasts));
    else rule.alarms.delete(name);
    enqueue(seen);
  }

  #labelsOf({ resource: { kind, namespace, name } }: AlarmIdentity): Readonly<Record<string, string>> {
    return (kind === "Resource" ? this.#options.resources.get(`${namespace}/${name}`)?.metadata.labels : undefined) ?? {};
  }

  #deviceAt(address: string): Resource | undefined {
    this.#devices ??= new Map(
      [...this.#options.resources.values()].flatMap((one) => {
        const found = hostOf(one.spec.access?.address ?? "");
        return found === undefined ? [] : [[found, one] as const];
      }),
    );
    return this.#devices.get(address);
  }

  /** Ends what has lasted its time, and looks again when the next one does. */
  #expireLater(nowMs: number): void {
    this.#cancel();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const rule of this.#rules.values())
      for (const [name, untilMs] of rule.alarms) {
        if (untilMs === undefined) continue;
        if (untilMs > nowMs) nextMs = Math.min(nextMs, untilMs);
        else this.#end(rule, name);
      }
    if (!Number.isFinite(nextMs)) return;
    this.#cancel = this.#options.clock.after(nextMs - nowMs + 1, () => this.#expireLater(this.#options.clock.now()), { background: true });
  }

  #end(rule: Rule, name: string): void {
    const { book, enqueue } = this.#options;
    rule.alarms.delete(name);
    const sight = book.sightOf(name);
    if (sight === undefined) return;
    book.see({ ...sight, observation: { ...sight.observation, holds: false, text: `none came for ${rule.trap.lasts}` } });
    enqueue(name);
  }

  /** A rule is gone, or another one: whether its alarms still hold nobody knows. */
  #leave({ alarms }: Rule): void {
    const { book, enqueue } = this.#options;
    for (const name of alarms.keys()) {
      const sight = book.sightOf(name);
      if (sight === undefined) continue;
      book.see({ ...sight, observation: { ...sight.observation, holds: undefined, isEvent: undefined } });
      enqueue(name);
    }
  }
}

/** `10.0.0.1`, `10.0.0.1:161`, `[::1]:161`, `udp://10.0.0.1`: the address in it. */
function hostOf(address: string): string | undefined {
  const bare = address.replace(/^[a-z0-9+.-]+:\/\//i, "").replace(/\/.*$/, "");
  const host = /^\[([^\]]+)\](?::\d+)?$/.exec(bare)?.[1] ?? (isIP(bare) !== 0 ? bare : bare.replace(/:\d+$/, ""));
  return isIP(host) === 0 ? undefined : host;
}
