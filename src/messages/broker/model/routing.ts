import { type FieldTable, fieldText } from "#/messages/amqp/index.ts";
import type { Exchange } from "./exchange.ts";
import { preconditionFailed } from "./faults.ts";
import type { Queue } from "./queue.ts";

/** What routing asks of a broker. */
export interface Topology {
  findQueue(name: string): Queue | undefined;
  findExchange(name: string): Exchange | undefined;
}

/** The queues that a message reaches: through bindings, exchanges behind exchanges, and alternates of those where it goes nowhere. Each exchange is passed once, each queue is reached once. */
export function findQueues(
  topology: Topology,
  exchange: Exchange,
  routingKeys: readonly string[],
  headers: FieldTable | undefined,
): ReadonlySet<Queue> {
  const queues = new Set<Queue>();
  const seen = new Set<Exchange>([exchange]);
  for (const source of seen) {
    const found = new Set<Queue | Exchange>();
    for (const key of routingKeys) {
      if (source.name !== DEFAULT_EXCHANGE) source.match(key, headers, found);
      else {
        const queue = topology.findQueue(key);
        if (queue !== undefined) found.add(queue);
      }
    }
    const { alternate } = source.options;
    const next = found.size === 0 && alternate !== undefined ? topology.findExchange(alternate) : undefined;
    if (next !== undefined) found.add(next);
    // A set that grows while it is walked is walked to its new end.
    for (const one of found) {
      if (one.kind === "queue") queues.add(one);
      else seen.add(one);
    }
  }
  return queues;
}

/** To each queue by its name; nobody may bind anything to it. */
export const DEFAULT_EXCHANGE = "";

/** The keys that a publisher gives beside the message's own: `CC`, which stays readable, and `BCC`, which does not.
 *  @throws broker/precondition-failed: something else than lists of texts */
export function readCopies(headers: FieldTable | undefined): readonly string[] {
  if (headers === undefined) return [];
  return ["CC", BCC].flatMap((name) => {
    const field = headers.get(name);
    if (field === undefined) return [];
    if (field.tag !== "A" || field.value.some(({ tag }) => tag !== "S"))
      throw preconditionFailed(`invalid header '${name}': a list of texts is expected`);
    return field.value.map((one) => fieldText(one) ?? "");
  });
}

export const BCC = "BCC";
