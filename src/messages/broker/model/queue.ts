import type { Clock } from "#/base/index.ts";
import type { FieldTable } from "#/messages/amqp/index.ts";
import type { DeathReason } from "./dead-letter.ts";
import type { Entry } from "./entry.ts";
import type { Journal } from "./journal.ts";
import { Lane } from "./lane.ts";
import { type Message, type MessageFacts, messageBytes } from "./message.ts";
import type { QueueSettings } from "./queue-arguments.ts";
import { QueueConsumers } from "./queue-consumers.ts";

export interface QueueOptions {
  /** Never used before. */
  readonly id: number;
  readonly name: string;
  /** True if it is there again after a restart. */
  readonly isDurable: boolean;
  /** As its declaration said; one that goes with its connection is not made to last. */
  readonly isDeclaredDurable: boolean;
  readonly isAutoDelete: boolean;
  /** The connection that alone may use it, and with which it goes. */
  readonly owner: object | undefined;
  readonly args: FieldTable;
  readonly settings: QueueSettings;
  readonly clock: Clock;
  readonly journal: Journal;
  /** An entry has died. It stays in the journal until `forget`. */
  readonly onDead: (queue: Queue, entry: Entry, reason: DeathReason) => void;
  /** Bytes of messages that it holds more (or less) than before. */
  readonly onBytes: (bytes: number) => void;
}

/** A queue: what waits in it, in order, and who takes it. An entry is either ready, or handed out until it is settled or given back. */
export class Queue {
  readonly kind = "queue";
  readonly options: QueueOptions;
  readonly consumers: QueueConsumers = new QueueConsumers();
  /** By priority. */
  readonly #lanes: readonly Lane<Entry>[];
  #nextSeq = 1;
  #readyCount = 0;
  #readyBytes = 0;
  #unackedCount = 0;
  #unackedBytes = 0;
  #isDeleted = false;
  #expiry: { readonly atMs: number; readonly cancel: () => void } | undefined;

  constructor(options: QueueOptions) {
    this.options = options;
    this.#lanes = Array.from({ length: options.settings.priorityMax + 1 }, () => new Lane<Entry>());
  }

  get name(): string {
    return this.options.name;
  }

  get isDeleted(): boolean {
    return this.#isDeleted;
  }

  get readyCount(): number {
    return this.#readyCount;
  }

  get unackedCount(): number {
    return this.#unackedCount;
  }

  /** True if one that is full sends what comes back to its publisher. */
  get isFull(): boolean {
    const { overflow, lengthMax = Number.POSITIVE_INFINITY, bytesMax = Number.POSITIVE_INFINITY } = this.options.settings;
    return overflow !== "drop-head" && (this.#readyCount >= lengthMax || this.#readyBytes >= bytesMax);
  }

  /** The entry that a message will be; `put` puts it in. In between the journal is told. */
  newEntry(message: Message, { isPersistent, priority, expirationMs }: MessageFacts): Entry {
    const { clock, isDurable, settings } = this.options;
    const ttlMs = Math.min(expirationMs ?? Number.POSITIVE_INFINITY, settings.messageTtlMs ?? Number.POSITIVE_INFINITY);
    return {
      seq: this.#nextSeq++,
      message,
      priority: Math.min(priority, settings.priorityMax),
      expiresAtMs: ttlMs === Number.POSITIVE_INFINITY ? ttlMs : clock.now() + ttlMs,
      isStored: isDurable && isPersistent,
      deliveries: 0,
    };
  }

  /** Puts a new entry at the end, hands out what can be, and lets go of what is too much. */
  put(entry: Entry): void {
    this.#toReady(entry, (lane) => lane.push(entry));
    this.dispatch();
    this.#trim();
  }

  /** Puts back what the journal has kept, in the order of `seq`. */
  restore(entry: Entry): void {
    this.#nextSeq = Math.max(this.#nextSeq, entry.seq + 1);
    const { deliveryLimit } = this.options.settings;
    if (deliveryLimit === undefined || entry.deliveries < deliveryLimit) return this.#toReady(entry, (lane) => lane.push(entry));
    this.options.onBytes(messageBytes(entry.message));
    this.options.onDead(this, entry, "delivery_limit");
  }

  /** Takes the first one that has not expired; it is handed out from now on. */
  take(): Entry | undefined {
    this.#expire();
    for (let priority = this.#lanes.length - 1; priority >= 0; priority--) {
      const entry = (this.#lanes[priority] as Lane<Entry>).shift();
      if (entry === undefined) continue;
      const bytes = messageBytes(entry.message);
      this.#readyCount -= 1;
      this.#readyBytes -= bytes;
      this.#unackedCount += 1;
      this.#unackedBytes += bytes;
      entry.deliveries += 1;
      return entry;
    }
    return undefined;
  }

  /** Hands out what is ready to whoever can take it. */
  dispatch(): void {
    while (this.#readyCount > 0) {
      const consumer = this.consumers.next();
      if (consumer === undefined) return;
      const entry = this.take();
      if (entry === undefined) return;
      consumer.reserve();
      this.handOut(entry, !consumer.isNoAck, () => {
        if (consumer.deliver(entry)) return;
        this.giveBack(entry, false);
        this.dispatch();
      });
    }
  }

  /** Calls `send` when `entry` may leave: where deliveries are counted up to a limit, a kill must not undo the count. */
  handOut(entry: Entry, isAcked: boolean, send: () => void): void {
    const { id, journal, settings } = this.options;
    if (entry.isStored && isAcked) journal.delivered(id, entry.seq, entry.deliveries);
    if (settings.deliveryLimit === undefined || !entry.isStored || !isAcked) return send();
    journal.commit((error) => {
      if (error === undefined) send();
    });
  }

  /** What was handed out is done with. */
  settle(entry: Entry): void {
    if (!this.#endUnacked(entry)) return;
    this.forget(entry);
  }

  /** What was handed out returns to its place; `isCounted`: as a delivery that failed. */
  giveBack(entry: Entry, isCounted: boolean): void {
    if (!this.#endUnacked(entry)) return;
    if (!isCounted) entry.deliveries -= 1;
    const { deliveryLimit = Number.POSITIVE_INFINITY } = this.options.settings;
    if (entry.deliveries >= deliveryLimit) return this.options.onDead(this, entry, "delivery_limit");
    this.#toReady(entry, (lane) => lane.unshift(entry));
    this.options.onBytes(-messageBytes(entry.message));
    this.#trim();
  }

  /** What was handed out is not wanted. */
  reject(entry: Entry): void {
    if (this.#endUnacked(entry)) this.options.onDead(this, entry, "rejected");
  }

  /** An entry that is neither ready nor handed out is forgotten. */
  forget(entry: Entry): void {
    const { id, journal, onBytes } = this.options;
    onBytes(-messageBytes(entry.message));
    if (entry.isStored && !this.#isDeleted) journal.remove(id, entry.seq);
  }

  /** Forgets all that is ready; returns how many. */
  purge(): number {
    const count = this.#readyCount;
    for (const lane of this.#lanes)
      for (let entry = lane.shift(); entry !== undefined; entry = lane.shift()) {
        this.#leaveReady(entry);
        this.forget(entry);
      }
    return count;
  }

  /** Nothing comes or goes any longer; what is handed out may still be settled, to no effect. */
  delete(): number {
    this.#isDeleted = true;
    this.#expiry?.cancel();
    this.options.onBytes(-this.#unackedBytes);
    this.#unackedBytes = 0;
    return this.purge();
  }

  /** Nothing expires any longer. */
  stop(): void {
    this.#expiry?.cancel();
  }

  /** False if the queue has gone meanwhile. */
  #endUnacked(entry: Entry): boolean {
    if (this.#isDeleted) return false;
    this.#unackedCount -= 1;
    this.#unackedBytes -= messageBytes(entry.message);
    return true;
  }

  #toReady(entry: Entry, place: (lane: Lane<Entry>) => void): void {
    place(this.#lanes[entry.priority] as Lane<Entry>);
    const bytes = messageBytes(entry.message);
    this.#readyCount += 1;
    this.#readyBytes += bytes;
    this.options.onBytes(bytes);
    if (entry.expiresAtMs !== Number.POSITIVE_INFINITY) this.#watchExpiry();
  }

  #leaveReady(entry: Entry): void {
    this.#readyCount -= 1;
    this.#readyBytes -= messageBytes(entry.message);
  }

  /** Lets those at the heads go whose time is over. */
  #expire(): void {
    let nowMs: number | undefined;
    for (const lane of this.#lanes)
      for (let head = lane.peek(); head !== undefined && head.expiresAtMs !== Number.POSITIVE_INFINITY; head = lane.peek()) {
        nowMs ??= this.options.clock.now();
        if (head.expiresAtMs > nowMs) break;
        lane.shift();
        this.#leaveReady(head);
        this.options.onDead(this, head, "expired");
      }
  }

  #watchExpiry(): void {
    let atMs = Number.POSITIVE_INFINITY;
    for (const lane of this.#lanes) atMs = Math.min(atMs, lane.peek()?.expiresAtMs ?? atMs);
    if (atMs === Number.POSITIVE_INFINITY || (this.#expiry !== undefined && this.#expiry.atMs <= atMs)) return;
    this.#expiry?.cancel();
    const { clock } = this.options;
    const cancel = clock.after(atMs - clock.now(), () => {
      this.#expiry = undefined;
      this.#expire();
      this.#watchExpiry();
    });
    this.#expiry = { atMs, cancel };
  }

  /** Lets the first ones go while there are too many. */
  #trim(): void {
    const { overflow, lengthMax = Number.POSITIVE_INFINITY, bytesMax = Number.POSITIVE_INFINITY } = this.options.settings;
    if (overflow !== "drop-head") return;
    while (this.#readyCount > lengthMax || (this.#readyBytes > bytesMax && this.#readyCount > 0)) {
      const lane = this.#lanes.find(({ size }) => size > 0) as Lane<Entry>;
      const entry = lane.shift() as Entry;
      this.#leaveReady(entry);
      this.options.onDead(this, entry, "maxlen");
    }
  }
}
