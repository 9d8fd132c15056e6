import type { Clock, Random } from "#/base/index.ts";
import { EMPTY_TABLE, type FieldTable, fieldText, sameTable } from "#/messages/amqp/index.ts";
import { checkHeadersRule, EXCHANGE_TYPES, type ExchangeType } from "./bindings.ts";
import { buildDeadLetter, type DeathReason, isCycle } from "./dead-letter.ts";
import { bindingKey, exchangeKey, keyOfBinding, queueKey } from "./definitions.ts";
import type { Entry } from "./entry.ts";
import { type Binding, Exchange } from "./exchange.ts";
import { accessRefused, commandInvalid, locked, notFound, preconditionFailed } from "./faults.ts";
import type { Journal, Place } from "./journal.ts";
import { type Message, type MessageFacts, readFacts, withProperties } from "./message.ts";
import { Queue } from "./queue.ts";
import { readQueueSettings } from "./queue-arguments.ts";
import { BCC, DEFAULT_EXCHANGE, findQueues, readCopies, type Topology } from "./routing.ts";

export interface BrokerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly journal: Journal;
}

export interface ExchangeDeclaration {
  readonly name: string;
  readonly type: string;
  readonly isDurable: boolean;
  readonly isAutoDelete: boolean;
  readonly isInternal: boolean;
  readonly args: FieldTable;
}

export interface QueueDeclaration {
  /** Empty: the broker finds one. */
  readonly name: string;
  readonly isDurable: boolean;
  readonly isExclusive: boolean;
  readonly isAutoDelete: boolean;
  readonly args: FieldTable;
}

export interface BindingWish {
  readonly source: string;
  readonly to: "queue" | "exchange";
  readonly destination: string;
  readonly routingKey: string;
  readonly args: FieldTable;
}

/** Takes an answer at once, or it is lost. */
export type ReplyTaker = (message: Message) => void;

/** The queue that is none: answers go to the channel that asks, without a queue (RabbitMQ's direct reply-to). */
export const REPLY_TO = "amq.rabbitmq.reply-to";

/** What became of a message that was published. */
export interface Routed {
  /** False: no queue takes it. */
  readonly isRouted: boolean;
  /** True if a queue that is full has sent it back. */
  readonly isRejected: boolean;
}

const BUILT_IN: readonly (readonly [string, ExchangeType])[] = [
  [DEFAULT_EXCHANGE, "direct"],
  ["amq.direct", "direct"],
  ["amq.fanout", "fanout"],
  ["amq.topic", "topic"],
  ["amq.headers", "headers"],
  ["amq.match", "headers"],
];
const RESERVED = "amq.";

/** Exchanges, queues and bindings, and what is published through them: all of a broker but connections and disks. `owner` is the connection that asks: an exclusive queue is its own alone. */
export class Broker implements Topology {
  readonly #options: BrokerOptions;
  readonly #exchanges = new Map<string, Exchange>();
  readonly #queues = new Map<string, Queue>();
  readonly #unusedTimers = new Map<Queue, () => void>();
  /** Bindings by where they lead. */
  readonly #incoming = new Map<Queue | Exchange, Set<Binding>>();
  /** Who waits for answers to calls, by the word that callers were given. */
  readonly #replyTaking = new Map<string, ReplyTaker>();
  readonly #dead: { readonly queue: Queue; readonly entry: Entry; readonly reason: DeathReason }[] = [];
  #isBurying = false;
  #nextQueueId = 1;
  #bytes = 0;

  constructor(options: BrokerOptions) {
    this.#options = options;
    for (const [name, type] of BUILT_IN) {
      const common = { isDurable: true, isAutoDelete: false, isInternal: false, args: EMPTY_TABLE, alternate: undefined };
      this.#exchanges.set(name, new Exchange({ name, type, ...common }));
    }
  }

  get journal(): Journal {
    return this.#options.journal;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  get random(): Random {
    return this.#options.random;
  }

  /** Of all messages in all queues; one in three queues counts three times. */
  get bytes(): number {
    return this.#bytes;
  }

  get queues(): ReadonlyMap<string, Queue> {
    return this.#queues;
  }

  get exchanges(): ReadonlyMap<string, Exchange> {
    return this.#exchanges;
  }

  findQueue(name: string): Queue | undefined {
    return this.#queues.get(name);
  }

  findExchange(name: string): Exchange | undefined {
    return this.#exchanges.get(name);
  }

  /** @throws broker/not-found */
  getExchange(name: string): Exchange {
    const exchange = this.#exchanges.get(name);
    if (exchange === undefined) throw notFound(`exchange '${name}'`);
    return exchange;
  }

  /** @throws broker/not-found, broker/locked: it is exclusive, and another connection's */
  getQueue(name: string, owner: object | undefined): Queue {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw notFound(`queue '${name}'`);
    if (queue.options.owner !== undefined && queue.options.owner !== owner)
      throw locked(`queue '${name}' is exclusive: only the connection that declared it may use it`);
    return queue;
  }

  /** Makes the exchange, or finds that it is there as declared.
   *  @throws broker/precondition-failed: it is there, and otherwise; broker/access-refused: its name is the broker's; broker/command-invalid: unknown type */
  declareExchange(declaration: ExchangeDeclaration): Exchange {
    const { name, type, isDurable, isAutoDelete, isInternal, args } = declaration;
    const known = EXCHANGE_TYPES.find((one) => one === type);
    if (known === undefined) throw commandInvalid(`unknown exchange type '${type}': one of ${EXCHANGE_TYPES.join(", ")} is expected`);
    const before = this.#exchanges.get(name);
    if (before !== undefined) {
      const same = { type, isDurable, isAutoDelete, isInternal };
      checkSame(`exchange '${name}'`, before.options, same, args);
      return before;
    }
    if (name === DEFAULT_EXCHANGE || name.startsWith(RESERVED)) throw accessRefused(`exchange name '${name}' contains reserved prefix 'amq.*'`);
    const alternate = args.get("alternate-exchange");
    if (alternate !== undefined && fieldText(alternate) === undefined)
      throw preconditionFailed("invalid arg 'alternate-exchange': a text is expected");
    const exchange = new Exchange({ name, type: known, isDurable, isAutoDelete, isInternal, args, alternate: fieldText(alternate) });
    this.#exchanges.set(name, exchange);
    if (isDurable) this.journal.define(exchangeKey(name), { is: "exchange", name, type, isAutoDelete, isInternal, args });
    return exchange;
  }

  /** One that is not there is as good as deleted.
   *  @throws broker/precondition-failed: `ifUnused`, and it has bindings; broker/access-refused: it is the broker's own */
  deleteExchange(name: string, ifUnused: boolean): void {
    if (name === DEFAULT_EXCHANGE || name.startsWith(RESERVED)) throw accessRefused(`exchange '${name}' is the broker's own`);
    const exchange = this.#exchanges.get(name);
    if (exchange === undefined) return;
    if (ifUnused && exchange.outgoing.size > 0) throw preconditionFailed(`exchange '${name}' is in use`);
    this.#removeExchange(exchange);
  }

  /** Makes the queue, or finds that it is there as declared.
   *  @throws broker/precondition-failed: it is there, and otherwise, or an argument is wrong; broker/locked: another connection's; broker/access-refused: its name is the broker's */
  declareQueue(declaration: QueueDeclaration, owner: object): Queue {
    const { isDurable, isExclusive, isAutoDelete, args } = declaration;
    const name = declaration.name === "" ? this.#newName() : declaration.name;
    if (this.#queues.has(name)) {
      const before = this.getQueue(name, owner);
      const found = { ...before.options, isExclusive: before.options.owner !== undefined };
      checkSame(`queue '${name}'`, found, { isDurable, isExclusive, isAutoDelete }, args);
      this.#touch(before);
      return before;
    }
    if (declaration.name.startsWith(RESERVED)) throw accessRefused(`queue name '${name}' contains reserved prefix 'amq.*'`);
    // What goes with its connection is not there after a restart.
    const queue = this.#newQueue(
      { id: this.#nextQueueId++, name, isDurable: isDurable && !isExclusive, isAutoDelete, args },
      isExclusive ? owner : undefined,
      isDurable,
    );
    if (queue.options.isDurable) this.journal.define(queueKey(name), { is: "queue", id: queue.options.id, name, isAutoDelete, args });
    return queue;
  }

  /** Puts back a queue that the journal has kept. */
  restoreQueue(kept: { readonly id: number; readonly name: string; readonly isAutoDelete: boolean; readonly args: FieldTable }): Queue {
    this.#nextQueueId = Math.max(this.#nextQueueId, kept.id + 1);
    return this.#newQueue({ ...kept, isDurable: true }, undefined, true);
  }

  /** Numbers of queues begin above `id`. */
  skipQueueIds(id: number): void {
    this.#nextQueueId = Math.max(this.#nextQueueId, id + 1);
  }

  /** Returns how many messages were ready in it. One that is not there is as good as deleted.
   *  @throws broker/precondition-failed: `ifUnused` or `ifEmpty` do not hold; broker/locked */
  deleteQueue(name: string, owner: object | undefined, conditions: { readonly ifUnused?: boolean; readonly ifEmpty?: boolean } = {}): number {
    if (!this.#queues.has(name)) return 0;
    const queue = this.getQueue(name, owner);
    if (conditions.ifUnused === true && queue.consumers.count > 0) throw preconditionFailed(`queue '${name}' is in use`);
    if (conditions.ifEmpty === true && queue.readyCount > 0) throw preconditionFailed(`queue '${name}' is not empty`);
    return this.#removeQueue(queue);
  }

  /** @throws broker/not-found, broker/access-refused: the default exchange; broker/precondition-failed; broker/locked */
  bind(wish: BindingWish, owner: object | undefined): void {
    const { binding, source } = this.#bindingOf(wish, owner);
    if (source.options.type === "headers") checkHeadersRule(binding);
    if (!source.bind(binding)) return;
    const { destination } = binding;
    const incoming = this.#incoming.get(destination) ?? new Set();
    this.#incoming.set(destination, incoming.add(binding));
    if (source.options.isDurable && destination.options.isDurable)
      this.journal.define(keyOfBinding(source.name, binding.key), { is: "binding", ...wish });
  }

  /** A binding that is not there is as good as gone.
   *  @throws broker/not-found: source or destination; broker/access-refused; broker/locked */
  unbind(wish: BindingWish, owner: object | undefined): void {
    const { binding, source } = this.#bindingOf(wish, owner);
    const found = source.outgoing.get(binding.key);
    if (found !== undefined) this.#removeBinding(found);
  }

  /** Puts a message into the queues that it reaches, and into the journal where both are made to last.
   *  @throws broker/precondition-failed: its properties cannot be meant */
  publish(exchange: Exchange, message: Message, facts: MessageFacts): Routed {
    if (Number.isNaN(facts.expirationMs)) throw preconditionFailed("invalid expiration: a whole number of ms as text is expected");
    const copies = readCopies(facts.headers);
    const keys = copies.length === 0 ? [message.routingKey] : [message.routingKey, ...copies];
    const queues = findQueues(this, exchange, keys, facts.headers);
    const kept = facts.headers?.has(BCC) === true ? withoutBlindCopies(message) : message;
    return this.#put(queues, kept, facts);
  }

  /** Gives answers to `taker` that are published to the default exchange with the key that is returned. */
  takeReplies(taker: ReplyTaker): string {
    const key = `${REPLY_TO}.${Buffer.from(this.random.bytes(16)).toString("base64url")}`;
    this.#replyTaking.set(key, taker);
    return key;
  }

  endReplies(key: string): void {
    this.#replyTaking.delete(key);
  }

  findReplyTaker(key: string): ReplyTaker | undefined {
    return this.#replyTaking.get(key);
  }

  /** Everything that was this connection's alone goes. */
  forgetOwner(owner: object): void {
    for (const queue of [...this.#queues.values()]) if (queue.options.owner === owner) this.#removeQueue(queue);
  }

  /** A consumer has left; the last one takes with it a queue that is so declared. */
  consumerLeft(queue: Queue): void {
    if (queue.isDeleted || queue.consumers.count > 0) return;
    if (queue.options.isAutoDelete) this.#removeQueue(queue);
    else this.#touch(queue);
  }

  /** It is used now: the time after which an unused one goes begins anew. */
  touch(queue: Queue): void {
    this.#touch(queue);
  }

  /** Nothing happens by the clock any longer. */
  stop(): void {
    for (const queue of this.#queues.values()) queue.stop();
    for (const cancel of this.#unusedTimers.values()) cancel();
    this.#unusedTimers.clear();
  }

  #put(queues: ReadonlySet<Queue>, message: Message, facts: MessageFacts): Routed {
    let isRejected = false;
    const entries: (readonly [Queue, Entry])[] = [];
    const places: Place[] = [];
    for (const queue of queues) {
      const entry = queue.newEntry(message, facts);
      if (queue.isFull) {
        isRejected = true;
        if (queue.options.settings.overflow === "reject-publish-dlx") this.#sendDead(queue, entry, "maxlen");
        continue;
      }
      entries.push([queue, entry]);
      if (entry.isStored) places.push({ queue: queue.options.id, seq: entry.seq, expiresAtMs: entry.expiresAtMs });
    }
    // Before anybody is handed one of them, who might have done with it at once.
    if (places.length > 0) this.journal.add(message, places);
    for (const [queue, entry] of entries) queue.put(entry);
    return { isRouted: queues.size > 0, isRejected };
  }

  /** Dead letters are published one after the other, however many each causes. */
  #bury(queue: Queue, entry: Entry, reason: DeathReason): void {
    this.#dead.push({ queue, entry, reason });
    if (this.#isBurying) return;
    this.#isBurying = true;
    try {
      for (let next = this.#dead.shift(); next !== undefined; next = this.#dead.shift()) {
        // First there, then no longer here: a kill in between leaves two, never none.
        this.#sendDead(next.queue, next.entry, next.reason);
        next.queue.forget(next.entry);
      }
    } finally {
      this.#isBurying = false;
    }
  }

  #sendDead(queue: Queue, entry: Entry, reason: DeathReason): void {
    const { deadLetterExchange, deadLetterRoutingKey } = queue.options.settings;
    const exchange = deadLetterExchange === undefined ? undefined : this.#exchanges.get(deadLetterExchange);
    if (exchange === undefined) return;
    const message = buildDeadLetter(entry.message, {
      queue: queue.name,
      reason,
      nowMs: this.clock.now(),
      exchange: exchange.name,
      routingKey: deadLetterRoutingKey,
    });
    const facts = readFacts(message.properties);
    const queues = findQueues(this, exchange, [message.routingKey, ...readCopies(facts.headers)], facts.headers);
    this.#put(new Set([...queues].filter(({ name }) => !isCycle(facts.headers, name))), message, facts);
  }

  #newQueue(
    kept: { readonly id: number; readonly name: string; readonly isDurable: boolean; readonly isAutoDelete: boolean; readonly args: FieldTable },
    owner: object | undefined,
    isDeclaredDurable: boolean,
  ): Queue {
    const settings = readQueueSettings(kept.args);
    const queue = new Queue({
      ...kept,
      owner,
      isDeclaredDurable,
      settings,
      clock: this.clock,
      journal: this.journal,
      onDead: (of, entry, reason) => this.#bury(of, entry, reason),
      onBytes: (bytes) => {
        this.#bytes += bytes;
      },
    });
    queue.consumers.hasSingleActive = settings.hasSingleActiveConsumer;
    this.#queues.set(kept.name, queue);
    this.#touch(queue);
    return queue;
  }

  #touch(queue: Queue): void {
    const { expiresMs } = queue.options.settings;
    if (expiresMs === undefined) return;
    this.#unusedTimers.get(queue)?.();
    const cancel = this.clock.after(expiresMs, () => {
      this.#unusedTimers.delete(queue);
      if (queue.consumers.count === 0) this.#removeQueue(queue);
    });
    this.#unusedTimers.set(queue, cancel);
  }

  #newName(): string {
    for (;;) {
      const bytes = this.random.bytes(16);
      const name = `amq.gen-${Buffer.from(bytes).toString("base64url")}`;
      if (!this.#queues.has(name)) return name;
    }
  }

  #bindingOf(wish: BindingWish, owner: object | undefined): { readonly binding: Binding; readonly source: Exchange } {
    const { routingKey, args } = wish;
    const destination = wish.to === "queue" ? this.getQueue(wish.destination, owner) : this.getExchange(wish.destination);
    const source = this.getExchange(wish.source);
    if (source.name === DEFAULT_EXCHANGE || (wish.to === "exchange" && destination.name === DEFAULT_EXCHANGE))
      throw accessRefused("the default exchange has a binding to each queue by its name, and no others");
    return { binding: { source, destination, routingKey, args, key: bindingKey(destination, routingKey, args) }, source };
  }

  #incomingOf(destination: Queue | Exchange): readonly Binding[] {
    return [...(this.#incoming.get(destination) ?? [])];
  }

  #removeQueue(queue: Queue): number {
    this.#queues.delete(queue.name);
    this.#unusedTimers.get(queue)?.();
    this.#unusedTimers.delete(queue);
    const count = queue.delete();
    if (queue.options.isDurable) this.journal.define(queueKey(queue.name), undefined);
    for (const binding of this.#incomingOf(queue)) this.#removeBinding(binding);
    queue.consumers.cancelAll();
    return count;
  }

  #removeExchange(exchange: Exchange): void {
    this.#exchanges.delete(exchange.name);
    if (exchange.options.isDurable) this.journal.define(exchangeKey(exchange.name), undefined);
    for (const binding of [...exchange.outgoing.values(), ...this.#incomingOf(exchange)]) this.#removeBinding(binding);
  }

  /** The last binding takes with it an exchange that is so declared. */
  #removeBinding(binding: Binding): void {
    const { source, destination, key } = binding;
    if (source.outgoing.get(key) !== binding) return;
    source.unbind(binding);
    const incoming = this.#incoming.get(destination);
    incoming?.delete(binding);
    if (incoming?.size === 0) this.#incoming.delete(destination);
    if (source.options.isDurable && destination.options.isDurable) this.journal.define(keyOfBinding(source.name, key), undefined);
    if (source.options.isAutoDelete && source.outgoing.size === 0 && this.#exchanges.get(source.name) === source) this.#removeExchange(source);
  }
}

/** Whom it was sent to in secret stays secret. */
function withoutBlindCopies(message: Message): Message {
  return withProperties(message, ({ headers, ...others }) => ({
    ...others,
    headers: new Map([...(headers ?? [])].filter(([name]) => name !== BCC)),
  }));
}

const WORDS: Readonly<Record<string, string>> = {
  type: "type",
  isDurable: "durable",
  isExclusive: "exclusive",
  isAutoDelete: "auto_delete",
  isInternal: "internal",
};

function checkSame(what: string, before: { readonly args: FieldTable } & object, wanted: Readonly<Record<string, unknown>>, args: FieldTable): void {
  for (const [name, value] of Object.entries(wanted)) {
    const found = (before as Readonly<Record<string, unknown>>)[name === "isDurable" && "isDeclaredDurable" in before ? "isDeclaredDurable" : name];
    if (found !== value)
      throw preconditionFailed(`inequivalent arg '${WORDS[name]}' for ${what}: received '${String(value)}' but current is '${String(found)}'`);
  }
  if (sameTable(before.args, args)) return;
  const names = new Set([...before.args.keys(), ...args.keys()]);
  const different = [...names].find((name) => !sameTable(pick(before.args, name), pick(args, name)));
  throw preconditionFailed(`inequivalent arg '${different}' for ${what}: it is declared with another value, or without it`);
}

function pick(table: FieldTable, name: string): FieldTable {
  const field = table.get(name);
  return field === undefined ? EMPTY_TABLE : new Map([[name, field]]);
}
