import { type FieldTable, type FieldValue, fieldNumber, fieldText, longField, type Properties, textField } from "#/messages/amqp/index.ts";
import { type Message, withProperties } from "./message.ts";

/** Why a message left a queue without having been taken. */
export type DeathReason = "rejected" | "expired" | "maxlen" | "delivery_limit";

export interface Death {
  readonly queue: string;
  readonly reason: DeathReason;
  readonly nowMs: number;
  /** Where it goes. */
  readonly exchange: string;
  /** `undefined`: its own. */
  readonly routingKey: string | undefined;
}

const DEATHS = "x-death";

/** `message` as it is dead-lettered: with its history in `x-death`, newest first, as RabbitMQ writes it. Its own expiration is taken off, so that it does not expire again at once. */
export function buildDeadLetter(message: Message, death: Death): Message {
  const { queue, reason, nowMs, exchange, routingKey = message.routingKey } = death;
  return {
    ...withProperties(message, (properties) => {
      const { expiration, headers = new Map<string, FieldValue>(), ...others } = properties;
      const former = readDeaths(headers);
      const known = former.find((one) => isOf(one, queue, reason));
      const entry = new Map<string, FieldValue>([
        ["count", longField((fieldNumber(known?.get("count")) ?? 0) + 1)],
        ["reason", textField(reason)],
        ["queue", textField(queue)],
        ["time", { tag: "T", value: BigInt(Math.floor(nowMs / 1000)) }],
        ["exchange", textField(message.exchange)],
        ["routing-keys", { tag: "A", value: [textField(message.routingKey), ...copyKeys(headers)] }],
        ...(expiration === undefined ? [] : ([["original-expiration", textField(expiration)]] as const)),
      ]);
      const deaths: FieldTable[] = [entry, ...former.filter((one) => one !== known)];
      const told = new Map(headers);
      // Sent again, the copies would get their copies again.
      if (routingKey !== message.routingKey) told.delete("CC");
      told.set(DEATHS, { tag: "A", value: deaths.map((value): FieldValue => ({ tag: "F", value })) });
      if (!told.has("x-first-death-queue")) {
        told.set("x-first-death-queue", textField(queue));
        told.set("x-first-death-reason", textField(reason));
        told.set("x-first-death-exchange", textField(message.exchange));
      }
      told.set("x-last-death-queue", textField(queue));
      told.set("x-last-death-reason", textField(reason));
      told.set("x-last-death-exchange", textField(message.exchange));
      return { ...others, headers: told } satisfies Properties;
    }),
    exchange,
    routingKey,
  };
}

/** True if nobody but the broker itself would bring a dead letter back into `queue`: it has died there before, and no client has rejected it since. Such a message would go round for ever. */
export function isCycle(headers: FieldTable | undefined, queue: string): boolean {
  for (const death of readDeaths(headers)) {
    if (fieldText(death.get("reason")) === "rejected") return false;
    if (fieldText(death.get("queue")) === queue) return true;
  }
  return false;
}

/** What a client has written there itself may be anything. */
function readDeaths(headers: FieldTable | undefined): readonly FieldTable[] {
  const field = headers?.get(DEATHS);
  return field?.tag === "A" ? field.value.flatMap((one) => (one.tag === "F" ? [one.value] : [])) : [];
}

function isOf(death: FieldTable, queue: string, reason: DeathReason): boolean {
  return fieldText(death.get("queue")) === queue && fieldText(death.get("reason")) === reason;
}

function copyKeys(headers: FieldTable): readonly FieldValue[] {
  const field = headers.get("CC");
  return field?.tag === "A" ? field.value.filter(({ tag }) => tag === "S") : [];
}
