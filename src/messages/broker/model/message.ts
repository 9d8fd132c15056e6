import { type FieldTable, type Properties, readProperties, writeProperties } from "#/messages/amqp/index.ts";

/** What was published. One message may stand in many queues; it is never changed. */
export interface Message {
  /** Where it was published to, or dead-lettered to. */
  readonly exchange: string;
  readonly routingKey: string;
  /** Flags and values as they travel. */
  readonly properties: Buffer;
  readonly body: Buffer;
}

/** What the broker itself looks at in a message's properties. */
export interface MessageFacts {
  readonly isPersistent: boolean;
  readonly priority: number;
  /** In ms; `undefined`: none. */
  readonly expirationMs: number | undefined;
  readonly headers: FieldTable | undefined;
  readonly replyTo: string | undefined;
  readonly userId: string | undefined;
}

/** Bytes that a message is counted with: its own, and what keeps it. */
export function messageBytes({ properties, body }: Message): number {
  return properties.length + body.length + MESSAGE_OVERHEAD;
}

const MESSAGE_OVERHEAD = 200;
const PERSISTENT = 2;

/** @throws amqp/malformed */
export function readFacts(properties: Buffer): MessageFacts {
  // Most messages say nothing but their mode, or nothing at all.
  if (properties.length === 2 && properties[0] === 0 && properties[1] === 0) return PLAIN;
  const { deliveryMode, priority = 0, expiration, headers, replyTo, userId } = readProperties(properties);
  return { isPersistent: deliveryMode === PERSISTENT, priority, expirationMs: readExpiration(expiration), headers, replyTo, userId };
}

const PLAIN: MessageFacts = { isPersistent: false, priority: 0, expirationMs: undefined, headers: undefined, replyTo: undefined, userId: undefined };

/** NaN where it is no number of ms. */
function readExpiration(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return value;
}

/** `message` with other properties. */
export function withProperties(message: Message, change: (properties: Properties) => Properties): Message {
  return { ...message, properties: writeProperties(change(readProperties(message.properties))) };
}
