import type { FieldTable } from "./field-table.ts";

/** How an argument of a method travels. */
export interface ArgumentTypes {
  readonly bit: boolean;
  readonly octet: number;
  readonly short: number;
  readonly long: number;
  readonly longlong: number;
  readonly shortstr: string;
  readonly longstr: Buffer;
  readonly table: FieldTable;
}

/** All methods of AMQP 0-9-1 with RabbitMQ's extensions (confirms, nack, blocked, update-secret, exchange-to-exchange bindings, consumer cancellation by the server).
 *  Arguments stand in the order in which they travel; those named `reserved…` are written as nothing and not looked at. */
export const METHODS = {
  "connection.start": [
    10,
    10,
    { versionMajor: "octet", versionMinor: "octet", serverProperties: "table", mechanisms: "longstr", locales: "longstr" },
  ],
  "connection.startOk": [10, 11, { clientProperties: "table", mechanism: "shortstr", response: "longstr", locale: "shortstr" }],
  "connection.secure": [10, 20, { challenge: "longstr" }],
  "connection.secureOk": [10, 21, { response: "longstr" }],
  "connection.tune": [10, 30, { channelMax: "short", frameMax: "long", heartbeat: "short" }],
  "connection.tuneOk": [10, 31, { channelMax: "short", frameMax: "long", heartbeat: "short" }],
  "connection.open": [10, 40, { virtualHost: "shortstr", reserved1: "shortstr", reserved2: "bit" }],
  "connection.openOk": [10, 41, { reserved1: "shortstr" }],
  "connection.close": [10, 50, { replyCode: "short", replyText: "shortstr", classId: "short", methodId: "short" }],
  "connection.closeOk": [10, 51, {}],
  "connection.blocked": [10, 60, { reason: "shortstr" }],
  "connection.unblocked": [10, 61, {}],
  "connection.updateSecret": [10, 70, { newSecret: "longstr", reason: "shortstr" }],
  "connection.updateSecretOk": [10, 71, {}],
  "channel.open": [20, 10, { reserved1: "shortstr" }],
  "channel.openOk": [20, 11, { reserved1: "longstr" }],
  "channel.flow": [20, 20, { active: "bit" }],
  "channel.flowOk": [20, 21, { active: "bit" }],
  "channel.close": [20, 40, { replyCode: "short", replyText: "shortstr", classId: "short", methodId: "short" }],
  "channel.closeOk": [20, 41, {}],
  "exchange.declare": [
    40,
    10,
    {
      reserved1: "short",
      exchange: "shortstr",
      type: "shortstr",
      passive: "bit",
      durable: "bit",
      autoDelete: "bit",
      internal: "bit",
      noWait: "bit",
      arguments: "table",
    },
  ],
  "exchange.declareOk": [40, 11, {}],
  "exchange.delete": [40, 20, { reserved1: "short", exchange: "shortstr", ifUnused: "bit", noWait: "bit" }],
  "exchange.deleteOk": [40, 21, {}],
  "exchange.bind": [
    40,
    30,
    { reserved1: "short", destination: "shortstr", source: "shortstr", routingKey: "shortstr", noWait: "bit", arguments: "table" },
  ],
  "exchange.bindOk": [40, 31, {}],
  "exchange.unbind": [
    40,
    40,
    { reserved1: "short", destination: "shortstr", source: "shortstr", routingKey: "shortstr", noWait: "bit", arguments: "table" },
  ],
  "exchange.unbindOk": [40, 51, {}],
  "queue.declare": [
    50,
    10,
    {
      reserved1: "short",
      queue: "shortstr",
      passive: "bit",
      durable: "bit",
      exclusive: "bit",
      autoDelete: "bit",
      noWait: "bit",
      arguments: "table",
    },
  ],
  "queue.declareOk": [50, 11, { queue: "shortstr", messageCount: "long", consumerCount: "long" }],
  "queue.bind": [50, 20, { reserved1: "short", queue: "shortstr", exchange: "shortstr", routingKey: "shortstr", noWait: "bit", arguments: "table" }],
  "queue.bindOk": [50, 21, {}],
  "queue.purge": [50, 30, { reserved1: "short", queue: "shortstr", noWait: "bit" }],
  "queue.purgeOk": [50, 31, { messageCount: "long" }],
  "queue.delete": [50, 40, { reserved1: "short", queue: "shortstr", ifUnused: "bit", ifEmpty: "bit", noWait: "bit" }],
  "queue.deleteOk": [50, 41, { messageCount: "long" }],
  "queue.unbind": [50, 50, { reserved1: "short", queue: "shortstr", exchange: "shortstr", routingKey: "shortstr", arguments: "table" }],
  "queue.unbindOk": [50, 51, {}],
  "basic.qos": [60, 10, { prefetchSize: "long", prefetchCount: "short", global: "bit" }],
  "basic.qosOk": [60, 11, {}],
  "basic.consume": [
    60,
    20,
    {
      reserved1: "short",
      queue: "shortstr",
      consumerTag: "shortstr",
      noLocal: "bit",
      noAck: "bit",
      exclusive: "bit",
      noWait: "bit",
      arguments: "table",
    },
  ],
  "basic.consumeOk": [60, 21, { consumerTag: "shortstr" }],
  "basic.cancel": [60, 30, { consumerTag: "shortstr", noWait: "bit" }],
  "basic.cancelOk": [60, 31, { consumerTag: "shortstr" }],
  "basic.publish": [60, 40, { reserved1: "short", exchange: "shortstr", routingKey: "shortstr", mandatory: "bit", immediate: "bit" }],
  "basic.return": [60, 50, { replyCode: "short", replyText: "shortstr", exchange: "shortstr", routingKey: "shortstr" }],
  "basic.deliver": [60, 60, { consumerTag: "shortstr", deliveryTag: "longlong", redelivered: "bit", exchange: "shortstr", routingKey: "shortstr" }],
  "basic.get": [60, 70, { reserved1: "short", queue: "shortstr", noAck: "bit" }],
  "basic.getOk": [60, 71, { deliveryTag: "longlong", redelivered: "bit", exchange: "shortstr", routingKey: "shortstr", messageCount: "long" }],
  "basic.getEmpty": [60, 72, { reserved1: "shortstr" }],
  "basic.ack": [60, 80, { deliveryTag: "longlong", multiple: "bit" }],
  "basic.reject": [60, 90, { deliveryTag: "longlong", requeue: "bit" }],
  "basic.recoverAsync": [60, 100, { requeue: "bit" }],
  "basic.recover": [60, 110, { requeue: "bit" }],
  "basic.recoverOk": [60, 111, {}],
  "basic.nack": [60, 120, { deliveryTag: "longlong", multiple: "bit", requeue: "bit" }],
  "confirm.select": [85, 10, { noWait: "bit" }],
  "confirm.selectOk": [85, 11, {}],
  "tx.select": [90, 10, {}],
  "tx.selectOk": [90, 11, {}],
  "tx.commit": [90, 20, {}],
  "tx.commitOk": [90, 21, {}],
  "tx.rollback": [90, 30, {}],
  "tx.rollbackOk": [90, 31, {}],
} as const;

type Table = typeof METHODS;
export type MethodName = keyof Table;

type Arguments<N extends MethodName> = {
  readonly [A in keyof Table[N][2] as A extends `reserved${string}` ? never : A]: Table[N][2][A] extends keyof ArgumentTypes
    ? ArgumentTypes[Table[N][2][A]]
    : never;
};

/** A method with its arguments, as plain data. */
export type MethodOf<N extends MethodName> = { readonly method: N } & Arguments<N>;
export type Method = { readonly [N in MethodName]: MethodOf<N> }[MethodName];

/** Those that a content (header and bodies) follows. */
export const CONTENT_METHODS: ReadonlySet<MethodName> = new Set<MethodName>(["basic.publish", "basic.return", "basic.deliver", "basic.getOk"]);
