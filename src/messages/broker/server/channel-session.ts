import { isOrreryError } from "#/base/index.ts";
import {
  type Content,
  ContentAssembler,
  type FieldTable,
  FRAME,
  type Frame,
  fieldText,
  type Method,
  type MethodName,
  type MethodOf,
  methodNumbers,
  REPLY,
} from "#/messages/amqp/index.ts";
import { accessRefused, Channel, checkReplyQueue, type Message, notFound, notImplemented, preconditionFailed, REPLY_TO } from "../model/index.ts";
import type { BusAction } from "./authority.ts";
import type { SessionHome } from "./session-home.ts";

/** Class 20, method 40. */
const CHANNEL_CLOSE = 20 * 0x1_0000 + 40;

/** One channel of a connection, as its frames come: puts them together, carries them out, answers. */
export class ChannelSession {
  readonly number: number;
  readonly #home: SessionHome;
  readonly #assembler: ContentAssembler;
  readonly #channel: Channel;
  #current: MethodName | undefined;
  #isConfirming = false;
  /** The queue that the empty name stands for. */
  #lastQueue = "";
  /** Messages that wait for an alarm to end, in order. */
  #held: { readonly message: Message; readonly isMandatory: boolean; readonly number: number }[] = [];

  constructor(number: number, home: SessionHome) {
    this.number = number;
    this.#home = home;
    this.#assembler = new ContentAssembler(home.limits.messageBytesMax);
    this.#channel = new Channel({
      broker: home.broker,
      owner: home.owner,
      user: home.user.name,
      port: {
        deliver: (consumerTag, { deliveryTag, isRedelivered, message }) => {
          const { exchange, routingKey, properties, body } = message;
          const method: Method = { method: "basic.deliver", consumerTag, deliveryTag, redelivered: isRedelivered, exchange, routingKey };
          home.sendContent(number, method, { properties, body });
        },
        consumerCancelled: (consumerTag) => {
          if (home.announces("consumer_cancel_notify")) this.#send({ method: "basic.cancel", consumerTag, noWait: true });
        },
        returned: (replyCode, replyText, { exchange, routingKey, properties, body }) =>
          home.sendContent(number, { method: "basic.return", replyCode, replyText, exchange, routingKey }, { properties, body }),
        confirm: (deliveryTag, multiple, isAck) =>
          this.#send(isAck ? { method: "basic.ack", deliveryTag, multiple } : { method: "basic.nack", deliveryTag, multiple, requeue: false }),
        canTake: () => home.canTake(),
      },
    });
  }

  /** Class and number of the method that is, or was last, carried out. */
  get currentNumbers(): { readonly classId: number; readonly methodId: number } {
    return this.#current === undefined ? { classId: 0, methodId: 0 } : methodNumbers(this.#current);
  }

  /** True if the frame closes the channel, out of whatever turn. */
  isClose({ type, payload }: Frame): boolean {
    return type === FRAME.method && payload.length >= 4 && payload.readUInt32BE(0) === CHANNEL_CLOSE;
  }

  /** @throws amqp/…, broker/…: what the client is told, by closing its channel or its connection */
  take(frame: Frame): void {
    const command = this.#assembler.take(frame);
    if (command === undefined) return;
    this.#current = command.method.method;
    if (command.content !== undefined) return this.#takeContent(command.method, command.content);
    this.#carryOut(command.method);
  }

  /** The client reads again. */
  wake(): void {
    this.#channel.wake();
  }

  /** The alarm is over. */
  publishHeld(): void {
    const held = this.#held;
    this.#held = [];
    for (const { message, isMandatory, number } of held) this.#channel.publish(message, isMandatory, number);
  }

  endConsuming(): void {
    this.#channel.endConsuming();
  }

  close(): void {
    this.#held = [];
    this.#channel.close();
  }

  #send(method: Method): void {
    this.#home.send(this.number, method);
  }

  /** Answers when what was said to the journal is on disk; `noWait`: not at all. */
  #answer(noWait: boolean, method: () => Method): void {
    if (noWait) return;
    this.#home.broker.journal.commit((error) => {
      if (error === undefined) this.#send(method());
    });
  }

  #takeContent(method: Method, { properties, body }: Content): void {
    if (method.method !== "basic.publish") throw preconditionFailed(`${method.method} is what a broker says, not a client`);
    const { exchange, routingKey, mandatory, immediate } = method;
    if (immediate) throw notImplemented("immediate=true");
    this.#allow("write", "exchange", exchange);
    const message = { exchange, routingKey, properties, body };
    const isHeld = this.#home.holdPublish(body.length + properties.length, this.#isConfirming);
    if (isHeld === "taken" && this.#held.length === 0) return this.#channel.publish(message, mandatory);
    if (isHeld === "refused") return this.#channel.refuse();
    this.#held.push({ message, isMandatory: mandatory, number: this.#channel.announce() });
  }

  #carryOut(method: Method): void {
    switch (method.method) {
      case "channel.flow":
        if (!method.active) throw notImplemented("active=false");
        return this.#send({ method: "channel.flowOk", active: true });
      case "exchange.declare":
        return this.#declareExchange(method);
      case "exchange.delete":
        this.#allow("configure", "exchange", method.exchange);
        this.#home.broker.deleteExchange(method.exchange, method.ifUnused);
        return this.#answer(method.noWait, () => ({ method: "exchange.deleteOk" }));
      case "exchange.bind":
      case "exchange.unbind": {
        const { destination, source, routingKey, arguments: args, noWait } = method;
        this.#allow("write", "exchange", destination);
        this.#allow("read", "exchange", source);
        const wish = { source, to: "exchange", destination, routingKey, args } as const;
        if (method.method === "exchange.bind") this.#home.broker.bind(wish, this.#home.owner);
        else this.#home.broker.unbind(wish, this.#home.owner);
        return this.#answer(noWait, () => ({ method: method.method === "exchange.bind" ? "exchange.bindOk" : "exchange.unbindOk" }));
      }
      case "queue.declare":
        return this.#declareQueue(method);
      case "queue.bind":
        this.#bindQueue(method, method.arguments, (wish) => this.#home.broker.bind(wish, this.#home.owner));
        return this.#answer(method.noWait, () => ({ method: "queue.bindOk" }));
      case "queue.unbind":
        this.#bindQueue(method, method.arguments, (wish) => this.#home.broker.unbind(wish, this.#home.owner));
        return this.#answer(false, () => ({ method: "queue.unbindOk" }));
      case "queue.purge": {
        const name = this.#named(method.queue);
        this.#allow("read", "queue", name);
        const messageCount = this.#home.broker.getQueue(name, this.#home.owner).purge();
        return this.#answer(method.noWait, () => ({ method: "queue.purgeOk", messageCount }));
      }
      case "queue.delete": {
        const name = this.#named(method.queue);
        this.#allow("configure", "queue", name);
        const messageCount = this.#home.broker.deleteQueue(name, this.#home.owner, method);
        return this.#answer(method.noWait, () => ({ method: "queue.deleteOk", messageCount }));
      }
      case "basic.qos":
        if (method.prefetchSize !== 0) throw notImplemented("prefetch_size!=0");
        this.#channel.limit(method.prefetchCount, method.global);
        return this.#send({ method: "basic.qosOk" });
      case "basic.consume":
        return this.#consume(method);
      case "basic.cancel":
        this.#channel.cancel(method.consumerTag);
        return method.noWait ? undefined : this.#send({ method: "basic.cancelOk", consumerTag: method.consumerTag });
      case "basic.get":
        return this.#get(method);
      case "basic.ack":
        return this.#channel.ack(method.deliveryTag, method.multiple);
      case "basic.nack":
        return this.#channel.nack(method.deliveryTag, method.multiple, method.requeue);
      case "basic.reject":
        return this.#channel.nack(method.deliveryTag, false, method.requeue);
      case "basic.recover":
      case "basic.recoverAsync":
        if (!method.requeue) throw notImplemented("requeue=false");
        this.#channel.recover();
        return method.method === "basic.recover" ? this.#send({ method: "basic.recoverOk" }) : undefined;
      case "confirm.select":
        this.#isConfirming = true;
        this.#channel.selectConfirms();
        return method.noWait ? undefined : this.#send({ method: "confirm.selectOk" });
      case "tx.select":
      case "tx.commit":
      case "tx.rollback":
        throw notImplemented("transactions (use publisher confirms)");
      case "channel.flowOk":
        return undefined;
      default:
        throw preconditionFailed(`${method.method} is not what a client says in a channel`);
    }
  }

  #declareExchange(method: MethodOf<"exchange.declare">): void {
    const { exchange: name, type, passive, durable, autoDelete, internal, noWait, arguments: args } = method;
    const { broker } = this.#home;
    if (passive) broker.getExchange(name);
    else {
      this.#allow("configure", "exchange", name);
      this.#allowTarget(args, "alternate-exchange");
      if (durable && broker.findExchange(name) === undefined) this.#home.checkDisk(`exchange '${name}'`);
      broker.declareExchange({ name, type, isDurable: durable, isAutoDelete: autoDelete, isInternal: internal, args });
    }
    this.#answer(noWait, () => ({ method: "exchange.declareOk" }));
  }

  #declareQueue(method: MethodOf<"queue.declare">): void {
    const { passive, durable, exclusive, autoDelete, noWait, arguments: args } = method;
    const { broker, owner } = this.#home;
    if (method.queue === REPLY_TO || method.queue.startsWith(`${REPLY_TO}.`)) {
      checkReplyQueue(broker, method.queue);
      return this.#send({ method: "queue.declareOk", queue: method.queue, messageCount: 0, consumerCount: 1 });
    }
    if (!passive) {
      this.#allow("configure", "queue", method.queue);
      this.#allowTarget(args, "x-dead-letter-exchange");
      if (durable && broker.findQueue(method.queue) === undefined) this.#home.checkDisk(`queue '${method.queue}'`);
    }
    const queue = passive
      ? broker.getQueue(this.#named(method.queue), owner)
      : broker.declareQueue({ name: method.queue, isDurable: durable, isExclusive: exclusive, isAutoDelete: autoDelete, args }, owner);
    this.#lastQueue = queue.name;
    const found = { queue: queue.name, messageCount: queue.readyCount, consumerCount: queue.consumers.count };
    this.#answer(noWait, () => ({ method: "queue.declareOk", ...found }));
  }

  #bindQueue(
    { queue, exchange, routingKey }: { readonly queue: string; readonly exchange: string; readonly routingKey: string },
    args: FieldTable,
    carryOut: (wish: {
      readonly source: string;
      readonly to: "queue";
      readonly destination: string;
      readonly routingKey: string;
      readonly args: FieldTable;
    }) => void,
  ): void {
    const destination = this.#named(queue);
    this.#allow("write", "queue", destination);
    this.#allow("read", "exchange", exchange);
    // Without a queue and a key, the key is that queue's name, as the protocol has it.
    carryOut({ source: exchange, to: "queue", destination, routingKey: queue === "" && routingKey === "" ? destination : routingKey, args });
  }

  #consume({ queue, consumerTag, noAck, exclusive, noWait, arguments: args }: MethodOf<"basic.consume">): void {
    const name = queue === REPLY_TO ? queue : this.#named(queue);
    if (name !== REPLY_TO) this.#allow("read", "queue", name);
    this.#channel.consume({ queue: name, consumerTag, isNoAck: noAck, isExclusive: exclusive, args }, (given) => {
      if (!noWait) this.#send({ method: "basic.consumeOk", consumerTag: given });
    });
  }

  #get({ queue, noAck }: MethodOf<"basic.get">): void {
    const name = this.#named(queue);
    this.#allow("read", "queue", name);
    this.#channel.get(name, noAck, (got) => {
      if (got === undefined) return this.#send({ method: "basic.getEmpty" });
      const { deliveryTag, isRedelivered, readyCount, message } = got;
      const { exchange, routingKey, properties, body } = message;
      const method: Method = { method: "basic.getOk", deliveryTag, redelivered: isRedelivered, exchange, routingKey, messageCount: readyCount };
      this.#home.sendContent(this.number, method, { properties, body });
    });
  }

  #named(queue: string): string {
    if (queue !== "") return queue;
    if (this.#lastQueue === "") throw notFound("previously declared queue in this channel, which the empty name would stand for");
    return this.#lastQueue;
  }

  #allow(action: BusAction, of: "queue" | "exchange", name: string): void {
    const { user } = this.#home;
    if (!user.may(action, of, name)) throw accessRefused(`user '${user.name}' may not ${action} ${of} '${name}'`);
  }

  /** Whoever lets a broker send messages on must be allowed to send them there. */
  #allowTarget(args: FieldTable, name: string): void {
    const target = fieldText(args.get(name));
    if (target !== undefined) this.#allow("write", "exchange", target);
  }
}

/** Why a channel or connection is closed, in AMQP's numbers; `undefined`: a fault of ours. */
export function replyOf(error: unknown): { readonly replyCode: number; readonly text: string } | undefined {
  if (!isOrreryError(error)) return undefined;
  const { code, message, details } = error;
  if (code === "amqp/too-large") return { replyCode: REPLY.preconditionFailed, text: message };
  const replyCode = details["replyCode"];
  return typeof replyCode === "number" ? { replyCode, text: message } : undefined;
}
