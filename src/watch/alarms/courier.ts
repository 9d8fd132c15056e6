import { backoffDelayMs, type Clock, describeError, type Log, type Random } from "#/base/index.ts";
import { type AlarmChannel, durationMs } from "#/model/index.ts";
import { parseLabelSelector } from "#/state/store/index.ts";
import type { AlarmBook } from "./book.ts";
import { type ChannelRule, dueOf, withTold } from "./core/delivery.ts";
import type { AlarmIdentity, AlarmState } from "./core/state.ts";
import { type Entry, LISTED_MAX, type Message, messageOf } from "./delivery/message.ts";
import type { Send } from "./delivery/sender.ts";

/** What happens at once is told in one message. */
const GATHER_MS = 500;
/** Alarms of one message that are remembered while it is sent. */
const SENDING_MAX = 500;
const BACKOFF = { firstMs: 1_000, maxMs: 300_000, jitter: 0.2 };

export interface Outcome {
  readonly atMs: number;
  /** Absent: it was delivered. */
  readonly error?: string;
  readonly alarms: number;
  /** Of the message. */
  readonly id: string;
  /** It was a heartbeat, and no message. */
  readonly isBeat?: boolean;
}

export interface CourierOptions {
  readonly book: Pick<AlarmBook, "change" | "stateOf">;
  readonly send: Send;
  /** Tells a heartbeat. */
  readonly beat: Send;
  /** False: alarms are not looked after now, so that no heartbeat says that they are. */
  readonly isWatching: () => boolean;
  /** Keeps what is about to be told, before it is. */
  readonly remember: (channel: string, sending: Sending) => Promise<void>;
  /** Records what came of a message. */
  readonly record: (channel: string, outcome: Outcome) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** A message that is on its way. */
export type Sending = NonNullable<NonNullable<AlarmChannel["status"]>["sending"]>;

interface Channel {
  readonly spec: AlarmChannel["spec"];
  readonly text: string;
  readonly rule: ChannelRule;
  readonly waiting: Map<string, Pick<Entry, "identity" | "labels">>;
  readonly ending: AbortController;
  cancel: () => void;
  /** Of the process before: what it may have told. */
  unsure: Sending | undefined;
  isPlanned: boolean;
  isSending: boolean;
  failures: number;
  lastMs: number;
}

/** Brings each channel to the present state: what it was told last is stored with each alarm, and what differs is told, worst first, in one message. So a crash repeats at most what was not recorded yet, and after an outage of a day one message tells how it is now. */
export class Courier {
  readonly #options: CourierOptions;
  readonly #channels = new Map<string, Channel>();
  #isOver = false;

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  /** Takes a channel as it is now; `undefined`: it is gone. `unsure`: what a process before may have told by it. Returns true if all alarms must be considered anew. */
  put(name: string, spec: AlarmChannel["spec"] | undefined, unsure?: Sending): boolean {
    const former = this.#channels.get(name);
    const text = JSON.stringify(spec);
    if (former?.text === text) return false;
    if (former !== undefined) this.#end(former);
    this.#channels.delete(name);
    if (spec === undefined || spec.disabled || this.#isOver) return false;
    const labels = spec.labels === undefined ? undefined : parseLabelSelector(spec.labels);
    const channel: Channel = {
      spec,
      text,
      rule: { name, severities: spec.severities, selects: labels ?? (() => true), afterMs: durationMs(spec.after) },
      waiting: new Map(),
      ending: new AbortController(),
      cancel: () => {},
      unsure: unsure ?? former?.unsure,
      isPlanned: false,
      isSending: false,
      failures: 0,
      lastMs: Number.NEGATIVE_INFINITY,
    };
    this.#channels.set(name, channel);
    if (spec.heartbeat !== undefined) this.#beat(channel, durationMs(spec.heartbeat));
    return true;
  }

  /** An alarm as it is now. Returns when it has to be considered again, though nothing happens to it. */
  consider(name: string, state: AlarmState, labels: Readonly<Record<string, string>>, identity: AlarmIdentity): number | undefined {
    let wakeMs: number | undefined;
    for (const channel of this.#channels.values()) {
      const { due, wakeMs: atMs } = dueOf(state, labels, channel.rule, this.#options.clock.now());
      if (atMs !== undefined) wakeMs = Math.min(wakeMs ?? atMs, atMs);
      if (due === undefined) channel.waiting.delete(name);
      else {
        channel.waiting.set(name, { identity, labels });
        this.#plan(channel);
      }
    }
    return wakeMs;
  }

  /** Alarms that wait to be told, over all channels. */
  get waiting(): number {
    let sum = 0;
    for (const { waiting } of this.#channels.values()) sum += waiting.size;
    return sum;
  }

  close(): void {
    this.#isOver = true;
    for (const channel of this.#channels.values()) this.#end(channel);
    this.#channels.clear();
  }

  #end(channel: Channel): void {
    channel.cancel();
    channel.ending.abort();
  }

  #plan(channel: Channel): void {
    if (channel.isPlanned || channel.isSending || this.#isOver) return;
    const { clock, random } = this.#options;
    const nowMs = clock.now();
    const afterMs =
      channel.failures > 0
        ? backoffDelayMs(BACKOFF, channel.failures, random)
        : Math.max(GATHER_MS, channel.lastMs + durationMs(channel.spec.every) - nowMs);
    channel.isPlanned = true;
    const cancel = clock.after(afterMs, () => {
      channel.isPlanned = false;
      void this.#deliver(channel);
    });
    channel.cancel = () => {
      cancel();
      channel.isPlanned = false;
    };
  }

  async #deliver(channel: Channel): Promise<void> {
    const { book, send, record, clock, log } = this.#options;
    const nowMs = clock.now();
    const due = this.#entriesOf(channel, nowMs);
    if (due.length === 0 || channel.ending.signal.aborted) return;
    const whole = messageOf(channel.rule.name, due, nowMs);
    const message =
      due.length <= LISTED_MAX || isForPeople(channel.spec) ? whole : messageOf(channel.rule.name, whole.entries.slice(0, LISTED_MAX), nowMs);
    const { entries } = message;
    channel.isSending = true;
    channel.lastMs = nowMs;
    try {
      await this.#remember(channel, message);
      await this.#inTime(channel, (signal) => send(channel.spec, message, signal));
      // From here on what it was told stands with each alarm.
      channel.failures = 0;
      await Promise.all(
        entries.map(async ({ name, due }) => await book.change(name, (state) => withTold(state, { ...due.told, atMs: clock.now() }))),
      );
      channel.unsure = undefined;
      for (const { name } of entries) {
        const state = book.stateOf(name);
        const waits = channel.waiting.get(name);
        if (state === undefined || waits === undefined) continue;
        if (dueOf(state, waits.labels, channel.rule, clock.now()).due === undefined) channel.waiting.delete(name);
      }
      record(channel.rule.name, { atMs: clock.now(), alarms: entries.length, id: message.id });
    } catch (error) {
      channel.failures++;
      if (channel.ending.signal.aborted) return;
      log.warn(`alarm channel ${channel.rule.name}: ${describeError(error)}`, { failures: channel.failures, alarms: entries.length });
      record(channel.rule.name, { atMs: clock.now(), alarms: entries.length, id: message.id, error: describeError(error) });
    } finally {
      channel.isSending = false;
      if (channel.waiting.size > 0) this.#plan(channel);
    }
  }

  #entriesOf(channel: Channel, nowMs: number): readonly Entry[] {
    const { waiting, rule } = channel;
    const entries: Entry[] = [];
    for (const [name, { identity, labels }] of waiting) {
      const state = this.#options.book.stateOf(name);
      const due = state === undefined ? undefined : dueOf(state, labels, rule, nowMs).due;
      if (state === undefined || due === undefined) waiting.delete(name);
      else entries.push({ name, identity, labels, state, due });
    }
    return this.#asBefore(channel, entries);
  }

  /** What a process before was about to tell, and is still so, goes as it was: the same message has the same id. */
  #asBefore(channel: Channel, entries: readonly Entry[]): readonly Entry[] {
    const { unsure, rule } = channel;
    if (unsure === undefined) return entries;
    const due = new Map(entries.map((one) => [one.name, one]));
    const again = unsure.alarms.flatMap(({ name, occurrence, severity, condition }) => {
      const told = due.get(name)?.due.told;
      return told?.occurrence === occurrence && told.severity === severity && told.condition === condition ? (due.get(name) ?? []) : [];
    });
    if (again.length === unsure.alarms.length && messageOf(rule.name, again, 0).id === unsure.id) return again;
    return entries;
  }

  async #remember(channel: Channel, { id, entries }: Message): Promise<void> {
    if (channel.unsure?.id === id || entries.length > SENDING_MAX) return;
    const alarms = entries.map(({ name, due: { told } }) => ({
      name,
      occurrence: told.occurrence,
      severity: told.severity,
      condition: told.condition,
    }));
    channel.unsure = { id, alarms };
    await this.#options.remember(channel.rule.name, channel.unsure);
  }

  /** What hangs holds nobody up longer than the channel's timeout. */
  async #inTime(channel: Channel, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const timing = new AbortController();
    const stop = (): void => timing.abort();
    const cancel = this.#options.clock.after(durationMs(channel.spec.timeout), stop);
    channel.ending.signal.addEventListener("abort", stop, { once: true });
    try {
      await work(timing.signal);
    } finally {
      cancel();
      channel.ending.signal.removeEventListener("abort", stop);
    }
  }

  /** By its own way, past all that waits: it stays away when the centre does, and when nobody looks after alarms. */
  #beat(channel: Channel, everyMs: number): void {
    const { clock, beat, log, isWatching, record } = this.#options;
    let failed = false;
    const tell = async (): Promise<void> => {
      const nowMs = clock.now();
      const id = `heartbeat-${nowMs}`;
      const outcome = { alarms: 0, id, isBeat: true };
      try {
        await this.#inTime(channel, (signal) => beat(channel.spec, { channel: channel.rule.name, id, entries: [], atMs: nowMs }, signal));
        if (failed && channel.failures === 0) record(channel.rule.name, { atMs: clock.now(), ...outcome });
        failed = false;
      } catch (error) {
        if (channel.ending.signal.aborted) return;
        log.warn(`alarm channel ${channel.rule.name}: heartbeat: ${describeError(error)}`);
        if (!failed) record(channel.rule.name, { atMs: clock.now(), ...outcome, error: `heartbeat: ${describeError(error)}` });
        failed = true;
      }
    };
    const turn = async (): Promise<void> => {
      if (channel.ending.signal.aborted) return;
      if (isWatching()) await tell();
      else log.error(`alarm channel ${channel.rule.name}: no heartbeat, as alarms are not looked after now`);
      if (channel.ending.signal.aborted) return;
      const cancel = clock.after(everyMs, () => void turn(), { background: true });
      channel.ending.signal.addEventListener("abort", cancel, { once: true });
    };
    void turn();
  }
}

/** A person reads the first ones and how many more there are; a program has to have them all. */
function isForPeople({ email, webhook }: AlarmChannel["spec"]): boolean {
  return email !== undefined || webhook?.body !== undefined;
}
