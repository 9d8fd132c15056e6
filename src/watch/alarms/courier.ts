import { backoffDelayMs, type Clock, describeError, type Log, type Random } from "#/base/index.ts";
import { type AlarmChannel, durationMs } from "#/model/index.ts";
import { parseLabelSelector } from "#/state/store/index.ts";
import type { AlarmBook } from "./book.ts";
import { type ChannelRule, dueOf, withTold } from "./core/delivery.ts";
import type { AlarmIdentity, AlarmState } from "./core/state.ts";
import { type Entry, messageOf } from "./delivery/message.ts";
import type { Send } from "./delivery/sender.ts";

/** What happens at once is told in one message. */
const GATHER_MS = 500;
const BACKOFF = { firstMs: 1_000, maxMs: 300_000, jitter: 0.2 };

export interface Outcome {
  readonly atMs: number;
  /** Absent: it was delivered. */
  readonly error?: string;
  readonly alarms: number;
}

export interface CourierOptions {
  readonly book: Pick<AlarmBook, "change" | "stateOf">;
  readonly send: Send;
  /** Tells a heartbeat. */
  readonly beat: Send;
  /** Records what came of a message. */
  readonly record: (channel: string, outcome: Outcome) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

interface Channel {
  readonly spec: AlarmChannel["spec"];
  readonly text: string;
  readonly rule: ChannelRule;
  readonly waiting: Map<string, Pick<Entry, "identity" | "labels">>;
  readonly ending: AbortController;
  cancel: () => void;
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

  /** Takes a channel as it is now; `undefined`: it is gone. Returns true if all alarms must be considered anew. */
  put(name: string, spec: AlarmChannel["spec"] | undefined): boolean {
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
    const entries = this.#entriesOf(channel, nowMs);
    if (entries.length === 0 || channel.ending.signal.aborted) return;
    const message = messageOf(channel.rule.name, entries, nowMs);
    channel.isSending = true;
    channel.lastMs = nowMs;
    try {
      await this.#inTime(channel, (signal) => send(channel.spec, message, signal));
      channel.failures = 0;
      await Promise.all(
        entries.map(async ({ name, due }) => await book.change(name, (state) => withTold(state, { ...due.told, atMs: clock.now() }))),
      );
      for (const { name, due } of entries) {
        const state = book.stateOf(name);
        const waits = channel.waiting.get(name);
        if (state === undefined || waits === undefined) continue;
        if (dueOf(state, waits.labels, channel.rule, clock.now()).due === undefined) channel.waiting.delete(name);
        void due;
      }
      record(channel.rule.name, { atMs: clock.now(), alarms: entries.length });
    } catch (error) {
      channel.failures++;
      if (channel.ending.signal.aborted) return;
      log.warn(`alarm channel ${channel.rule.name}: ${describeError(error)}`, { failures: channel.failures, alarms: entries.length });
      record(channel.rule.name, { atMs: clock.now(), alarms: entries.length, error: describeError(error) });
    } finally {
      channel.isSending = false;
      if (channel.waiting.size > 0) this.#plan(channel);
    }
  }

  #entriesOf({ waiting, rule }: Channel, nowMs: number): readonly Entry[] {
    const entries: Entry[] = [];
    for (const [name, { identity, labels }] of waiting) {
      const state = this.#options.book.stateOf(name);
      const due = state === undefined ? undefined : dueOf(state, labels, rule, nowMs).due;
      if (state === undefined || due === undefined) waiting.delete(name);
      else entries.push({ name, identity, labels, state, due });
    }
    return entries;
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

  #beat(channel: Channel, everyMs: number): void {
    const { clock, beat, log } = this.#options;
    const turn = async (): Promise<void> => {
      if (channel.ending.signal.aborted) return;
      const nowMs = clock.now();
      try {
        await this.#inTime(channel, (signal) =>
          beat(channel.spec, { channel: channel.rule.name, id: `heartbeat-${nowMs}`, entries: [], atMs: nowMs }, signal),
        );
      } catch (error) {
        log.warn(`alarm channel ${channel.rule.name}: heartbeat: ${describeError(error)}`);
      }
      if (channel.ending.signal.aborted) return;
      const cancel = clock.after(everyMs, () => void turn(), { background: true });
      channel.ending.signal.addEventListener("abort", cancel, { once: true });
    };
    void turn();
  }
}
