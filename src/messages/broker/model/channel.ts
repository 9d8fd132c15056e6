import { type FieldTable, fieldNumber, longField, REPLY } from "#/messages/amqp/index.ts";
import { type Broker, REPLY_TO } from "./broker.ts";
import { ChannelConsumer, type ConsumerHome } from "./channel-consumer.ts";
import { Confirms, type ConfirmTeller } from "./confirms.ts";
import type { Entry } from "./entry.ts";
import { accessRefused, notAllowed, notFound, preconditionFailed } from "./faults.ts";
import { type Message, readFacts, withProperties } from "./message.ts";
import type { Queue } from "./queue.ts";
import { DEFAULT_EXCHANGE } from "./routing.ts";

export interface Delivery {
  readonly deliveryTag: number;
  readonly isRedelivered: boolean;
  readonly message: Message;
}

/** What a channel tells its client. */
export interface ChannelPort {
  deliver(consumerTag: string, delivery: Delivery): void;
  /** A consumer's queue has gone. */
  consumerCancelled(consumerTag: string): void;
  /** Nobody takes a message that was published as mandatory. */
  returned(replyCode: number, replyText: string, message: Message): void;
  confirm: ConfirmTeller;
  /** False while the client reads too slowly; `wake` says when that is over. */
  canTake(): boolean;
}

export interface ChannelOptions {
  readonly broker: Broker;
  readonly port: ChannelPort;
  /** The connection: exclusive queues are its own. */
  readonly owner: object;
  /** Who is at the other end. */
  readonly user: string;
}

export interface ConsumeWish {
  readonly queue: string;
  /** Empty: the broker finds one. */
  readonly consumerTag: string;
  readonly isNoAck: boolean;
  readonly isExclusive: boolean;
  readonly args: FieldTable;
}

export interface Got extends Delivery {
  /** Messages that are still ready. */
  readonly readyCount: number;
}

interface Unsettled {
  readonly queue: Queue;
  readonly entry: Entry;
  readonly consumer: ChannelConsumer | undefined;
}

/** One channel of a connection: what it publishes, what it consumes, what it has not settled yet. */
export class Channel implements ConsumerHome {
  readonly #options: ChannelOptions;
  readonly #consumers = new Map<string, ChannelConsumer>();
  /** In the order of their tags. */
  readonly #unsettled = new Map<number, Unsettled>();
  #lastTag = 0;
  #confirms: Confirms | undefined;
  /** For consumers that come. */
  #prefetchMax = 0;
  /** For all consumers of the channel together. */
  #heldMax = 0;
  #heldCount = 0;
  #isClosed = false;
  #replies: { readonly consumerTag: string; readonly key: string } | undefined;

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  get unsettledCount(): number {
    return this.#unsettled.size;
  }

  get consumerCount(): number {
    return this.#consumers.size;
  }

  /** From now on each message that is published is confirmed. */
  selectConfirms(): void {
    const { broker, port } = this.#options;
    this.#confirms ??= new Confirms(broker.journal, (tag, isMultiple, isAck) => {
      if (!this.#isClosed) port.confirm(tag, isMultiple, isAck);
    });
  }

  /** A message has come, and is published later: the number under which it is confirmed. */
  announce(): number {
    return this.#confirms?.next() ?? 0;
  }

  /** `number`: as `announce` gave it, where the message had to wait.
   *  @throws broker/not-found: the exchange; broker/access-refused: it is internal; broker/precondition-failed: the message's properties cannot be meant */
  publish(message: Message, isMandatory: boolean, number: number = this.announce()): void {
    const { broker, port, user } = this.#options;
    const exchange = broker.getExchange(message.exchange);
    if (exchange.options.isInternal) throw accessRefused(`cannot publish to internal exchange '${exchange.name}'`);
    const facts = readFacts(message.properties);
    if (facts.userId !== undefined && facts.userId !== user)
      throw preconditionFailed(`user_id property set to '${facts.userId}' but authenticated user was '${user}'`);
    const sent = facts.replyTo === REPLY_TO ? this.#withReplyKey(message) : message;
    const taker = exchange.name === DEFAULT_EXCHANGE ? broker.findReplyTaker(message.routingKey) : undefined;
    taker?.(sent);
    const { isRouted, isRejected } = taker === undefined ? broker.publish(exchange, sent, facts) : { isRouted: true, isRejected: false };
    if (!isRouted && isMandatory) port.returned(REPLY.noRoute, "NO_ROUTE", sent);
    this.#confirms?.add(number, !isRejected);
  }

  /** A message was published that cannot be taken now: its publisher is told so, if it wants to know. */
  refuse(): void {
    this.#confirms?.add(this.announce(), false);
  }

  /** Begins to consume; `begin` is called with the consumer's tag before its first message comes.
   *  @throws broker/not-found, broker/locked; broker/not-allowed: the tag is taken; broker/access-refused: there is an exclusive consumer */
  consume(wish: ConsumeWish, begin: (consumerTag: string) => void): void {
    const { broker, owner } = this.#options;
    const tag = wish.consumerTag === "" ? this.#newTag() : wish.consumerTag;
    if (this.#consumers.has(tag) || this.#replies?.consumerTag === tag) throw notAllowed(`attempt to reuse consumer tag '${tag}'`);
    if (wish.queue === REPLY_TO) return this.#takeReplies(tag, wish, begin);
    const queue = broker.getQueue(wish.queue, owner);
    const { consumers } = queue;
    if (consumers.hasExclusive || (wish.isExclusive && consumers.count > 0))
      throw accessRefused(`queue '${queue.name}' in vhost '/' in exclusive use`);
    const priority = fieldNumber(wish.args.get("x-priority")) ?? 0;
    const { isNoAck, isExclusive } = wish;
    const consumer = new ChannelConsumer({ channel: this, queue, tag, isNoAck, isExclusive, priority, prefetchMax: this.#prefetchMax });
    this.#consumers.set(tag, consumer);
    consumers.add(consumer);
    broker.touch(queue);
    begin(tag);
    queue.dispatch();
  }

  /** What it holds stays unsettled. A consumer that is not there is as good as gone. */
  cancel(consumerTag: string): void {
    if (this.#replies?.consumerTag === consumerTag) return this.#endReplies();
    const consumer = this.#consumers.get(consumerTag);
    if (consumer === undefined) return;
    this.#consumers.delete(consumerTag);
    consumer.leave();
    const { queue } = consumer.options;
    queue.dispatch();
    this.#options.broker.consumerLeft(queue);
  }

  /** Takes one message; `done` hears of it, or of `undefined` where none is ready.
   *  @throws broker/not-found, broker/locked */
  get(queueName: string, isNoAck: boolean, done: (got: Got | undefined) => void): void {
    const { broker, owner } = this.#options;
    const queue = broker.getQueue(queueName, owner);
    broker.touch(queue);
    const entry = queue.take();
    if (entry === undefined) return done(undefined);
    queue.handOut(entry, !isNoAck, () => {
      if (this.#isClosed) {
        queue.giveBack(entry, false);
        queue.dispatch();
        return;
      }
      const delivery = this.#tagged(queue, entry, isNoAck ? "settled" : undefined);
      done({ ...delivery, readyCount: queue.readyCount });
      if (isNoAck) queue.settle(entry);
    });
  }

  /** @throws broker/precondition-failed: there is no such delivery, or it is settled already */
  ack(deliveryTag: number, isMultiple: boolean): void {
    this.#settle(deliveryTag, isMultiple, ({ queue, entry }) => queue.settle(entry));
  }

  /** @throws broker/precondition-failed: there is no such delivery, or it is settled already */
  nack(deliveryTag: number, isMultiple: boolean, isRequeued: boolean): void {
    this.#settle(deliveryTag, isMultiple, ({ queue, entry }) => (isRequeued ? queue.giveBack(entry, true) : queue.reject(entry)));
  }

  /** Gives back all that is unsettled. */
  recover(): void {
    if (this.#unsettled.size > 0) this.nack(0, true, true);
  }

  /** How many messages consumers that come may have unsettled each, or with `isGlobal` all of the channel together; 0: any number. */
  limit(count: number, isGlobal: boolean): void {
    if (isGlobal) {
      this.#heldMax = count;
      this.wake();
    } else this.#prefetchMax = count;
  }

  /** The client reads again. */
  wake(): void {
    for (const { options } of [...this.#consumers.values()]) {
      options.queue.consumers.wake();
      options.queue.dispatch();
    }
  }

  /** Takes nothing any longer; what is unsettled stays so. */
  endConsuming(): void {
    this.#endReplies();
    const queues = [...this.#consumers.values()].map((consumer) => {
      consumer.leave();
      return consumer.options.queue;
    });
    this.#consumers.clear();
    for (const queue of queues) {
      queue.dispatch();
      this.#options.broker.consumerLeft(queue);
    }
  }

  /** Ends it: what is unsettled is given back. */
  close(): void {
    if (this.#isClosed) return;
    this.endConsuming();
    this.recover();
    this.#isClosed = true;
  }

  /** For its consumers. */
  canTake(isNoAck: boolean): boolean {
    return (isNoAck || this.#heldMax === 0 || this.#heldCount < this.#heldMax) && this.#options.port.canTake();
  }

  hold(): void {
    this.#heldCount += 1;
  }

  unhold(): void {
    this.#heldCount -= 1;
  }

  deliver(consumer: ChannelConsumer, entry: Entry): void {
    const { queue, tag, isNoAck } = consumer.options;
    this.#options.port.deliver(tag, this.#tagged(queue, entry, isNoAck ? "settled" : consumer));
    if (isNoAck) queue.settle(entry);
  }

  consumerCancelled(consumer: ChannelConsumer): void {
    const { tag } = consumer.options;
    if (this.#consumers.delete(tag)) this.#options.port.consumerCancelled(tag);
  }

  #tagged(queue: Queue, entry: Entry, holder: ChannelConsumer | "settled" | undefined): Delivery {
    const deliveryTag = ++this.#lastTag;
    if (holder !== "settled") this.#unsettled.set(deliveryTag, { queue, entry, consumer: holder });
    const isRedelivered = entry.deliveries > 1;
    const message = isRedelivered && queue.options.settings.countsDeliveries ? withDeliveryCount(entry) : entry.message;
    return { deliveryTag, isRedelivered, message };
  }

  #settle(deliveryTag: number, isMultiple: boolean, end: (unsettled: Unsettled) => void): void {
    const isAll = deliveryTag === 0 && isMultiple;
    if (!isAll && !this.#unsettled.has(deliveryTag)) throw preconditionFailed(`unknown delivery tag ${deliveryTag}`);
    const upTo = isAll ? this.#lastTag : deliveryTag;
    const queues = new Set<Queue>();
    const settle = (tag: number, unsettled: Unsettled): void => {
      this.#unsettled.delete(tag);
      unsettled.consumer?.release();
      end(unsettled);
      queues.add(unsettled.queue);
    };
    if (!isMultiple) settle(deliveryTag, this.#unsettled.get(deliveryTag) as Unsettled);
    else
      for (const [tag, unsettled] of this.#unsettled) {
        // Settling one may bring others, with higher tags.
        if (tag > upTo) break;
        settle(tag, unsettled);
      }
    // With a bound for the whole channel, whatever it consumes from may go on.
    if (this.#heldMax > 0) for (const { options } of this.#consumers.values()) queues.add(options.queue);
    for (const queue of queues) {
      queue.consumers.wake();
      queue.dispatch();
    }
  }

  #takeReplies(tag: string, wish: ConsumeWish, begin: (consumerTag: string) => void): void {
    const { broker, port } = this.#options;
    if (!wish.isNoAck) throw preconditionFailed("reply consumer cannot acknowledge");
    if (this.#replies !== undefined) throw preconditionFailed("reply consumer already set");
    const key = broker.takeReplies((message) => port.deliver(tag, { deliveryTag: ++this.#lastTag, isRedelivered: false, message }));
    this.#replies = { consumerTag: tag, key };
    begin(tag);
  }

  #endReplies(): void {
    if (this.#replies !== undefined) this.#options.broker.endReplies(this.#replies.key);
    this.#replies = undefined;
  }

  #withReplyKey(message: Message): Message {
    const { key } = this.#replies ?? {};
    if (key === undefined) throw preconditionFailed("fast reply consumer does not exist");
    return withProperties(message, (properties) => ({ ...properties, replyTo: key }));
  }

  #newTag(): string {
    return `amq.ctag-${Buffer.from(this.#options.broker.random.bytes(16)).toString("base64url")}`;
  }
}

/** As quorum queues of RabbitMQ tell it. */
function withDeliveryCount({ message, deliveries }: Entry): Message {
  return withProperties(message, ({ headers, ...others }) => ({
    ...others,
    headers: new Map([...(headers ?? []), ["x-delivery-count", longField(deliveries - 1)]]),
  }));
}

/** @throws broker/not-found: nobody waits for answers there */
export function checkReplyQueue(broker: Broker, name: string): void {
  if (name !== REPLY_TO && broker.findReplyTaker(name) === undefined) throw notFound(`queue '${name}'`);
}
