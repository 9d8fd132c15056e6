import { createHash } from "node:crypto";
import { type FieldTable, writeProperties } from "#/messages/amqp/index.ts";
import type { Exchange } from "./exchange.ts";
import type { Queue } from "./queue.ts";

/** Equal for equal bindings of one source. Tables are equal whatever the order of their names; numbers of different widths are not. */
export function bindingKey(destination: Queue | Exchange, routingKey: string, args: FieldTable): string {
  const plain = `${destination.kind}\0${destination.name}\0${routingKey}`;
  if (args.size === 0) return plain;
  const headers = new Map([...args].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return `${plain}\0${createHash("sha256").update(writeProperties({ headers })).digest("base64")}`;
}

/** Keys of definitions in the journal. */
export const exchangeKey = (name: string): string => `exchange\0${name}`;
export const queueKey = (name: string): string => `queue\0${name}`;
export const keyOfBinding = (source: string, key: string): string => `binding\0${source}\0${key}`;
