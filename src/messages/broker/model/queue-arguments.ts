import { type FieldTable, fieldNumber, fieldText } from "#/messages/amqp/index.ts";
import { preconditionFailed } from "./faults.ts";

/** What a queue's `x-…` arguments ask of it. */
export interface QueueSettings {
  readonly messageTtlMs?: number;
  readonly expiresMs?: number;
  readonly lengthMax?: number;
  readonly bytesMax?: number;
  readonly overflow: "drop-head" | "reject-publish" | "reject-publish-dlx";
  readonly deadLetterExchange?: string;
  readonly deadLetterRoutingKey?: string;
  readonly priorityMax: number;
  readonly hasSingleActiveConsumer: boolean;
  /** How often a message is delivered before it is dead-lettered. */
  readonly deliveryLimit?: number;
  /** Consumers are told how often a message was handed out before. */
  readonly countsDeliveries: boolean;
}

const OVERFLOWS = ["drop-head", "reject-publish", "reject-publish-dlx"] as const;
/** Types of queues of RabbitMQ that a client may ask for: here there is one, which keeps what each of them keeps. Streams are another thing. */
const TYPES = ["classic", "quorum"] as const;
const PRIORITY_MAX = 255;

/** @throws broker/precondition-failed: an argument that is no such value. Unknown arguments are kept and mean nothing, as in RabbitMQ */
export function readQueueSettings(args: FieldTable): QueueSettings {
  const number = (name: string, min = 0, max = Number.MAX_SAFE_INTEGER): number | undefined => {
    const field = args.get(name);
    if (field === undefined) return undefined;
    const value = fieldNumber(field);
    if (value === undefined || value < min || value > max)
      throw preconditionFailed(`invalid arg '${name}': a whole number from ${min} to ${max} is expected`);
    return value;
  };
  const text = (name: string): string | undefined => {
    const field = args.get(name);
    if (field === undefined) return undefined;
    const value = fieldText(field);
    if (value === undefined) throw preconditionFailed(`invalid arg '${name}': a text is expected`);
    return value;
  };
  const choice = <T extends string>(name: string, choices: readonly T[]): T | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    const found = choices.find((one) => one === value);
    if (found === undefined) throw preconditionFailed(`invalid arg '${name}': '${value}' is none of ${choices.join(", ")}`);
    return found;
  };
  const type = choice("x-queue-type", TYPES);
  choice("x-queue-mode", ["default", "lazy"]);
  const single = args.get("x-single-active-consumer");
  if (single !== undefined && single.tag !== "t") throw preconditionFailed("invalid arg 'x-single-active-consumer': true or false is expected");
  const exchange = text("x-dead-letter-exchange");
  const key = text("x-dead-letter-routing-key");
  if (key !== undefined && exchange === undefined)
    throw preconditionFailed("invalid arg 'x-dead-letter-routing-key': it needs an 'x-dead-letter-exchange'");
  const given = {
    messageTtlMs: number("x-message-ttl"),
    expiresMs: number("x-expires", 1),
    lengthMax: number("x-max-length"),
    bytesMax: number("x-max-length-bytes"),
    deadLetterExchange: exchange,
    deadLetterRoutingKey: key,
    deliveryLimit: number("x-delivery-limit", 1),
  };
  return {
    ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<QueueSettings>),
    overflow: choice("x-overflow", OVERFLOWS) ?? "drop-head",
    priorityMax: number("x-max-priority", 0, PRIORITY_MAX) ?? 0,
    hasSingleActiveConsumer: single?.value === true,
    countsDeliveries: type === "quorum" || given.deliveryLimit !== undefined,
  };
}
