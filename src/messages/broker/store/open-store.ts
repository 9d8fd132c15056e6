import type { Clock, Log, Random } from "#/base/index.ts";
import { Broker, type Definition, type Queue } from "../model/index.ts";
import { readFacts } from "../model/message.ts";
import { SegmentJournal, type SegmentJournalOptions } from "./segment-journal.ts";

export interface OpenStore {
  readonly broker: Broker;
  readonly journal: SegmentJournal;
  /** For people: what could not be put back, and why. */
  readonly damaged: readonly string[];
}

/** A broker as it was when a former one ended, in whatever way, and keeps on keeping what is made to last. What is damaged costs itself alone.
 *  @throws what the system says: the folder cannot be read or written */
export function openStore(options: SegmentJournalOptions & { readonly clock: Clock; readonly random: Random; readonly log: Log }): OpenStore {
  const { clock, random, log } = options;
  const journal = new SegmentJournal(options);
  const { definitions, messages, queueIdMax, damaged } = journal.load();
  const broker = new Broker({ clock, random, journal });
  broker.skipQueueIds(queueIdMax);
  const faults = damaged.map((file) => `parts of the messages that were kept cannot be read; the file is kept as ${file}`);
  const queues = new Map<number, Queue>();
  const restore = (what: string, run: () => void): void => {
    try {
      run();
    } catch (error) {
      faults.push(`${what} could not be put back: ${String(error instanceof Error ? error.message : error)}`);
    }
  };
  // Exchanges and queues before what binds them.
  for (const one of definitions) if (one.is !== "binding") restore(`${one.is} '${one.name}'`, () => restoreEnd(broker, one, queues));
  for (const one of definitions)
    if (one.is === "binding") restore(`the binding of ${one.to} '${one.destination}' to exchange '${one.source}'`, () => broker.bind(one, undefined));
  journal.begin();
  for (const [id, kept] of messages) {
    const queue = queues.get(id);
    for (const { place, message, deliveries } of kept)
      restore(`a message of queue '${queue?.name ?? id}'`, () => {
        const { priority } = readFacts(message.properties);
        const entry = { ...place, message, isStored: true, deliveries };
        queue?.restore({ ...entry, priority: Math.min(priority, queue.options.settings.priorityMax) });
      });
  }
  for (const fault of faults) log.error(fault);
  return { broker, journal, damaged: faults };
}

function restoreEnd(broker: Broker, one: Exclude<Definition, { readonly is: "binding" }>, queues: Map<number, Queue>): void {
  if (one.is === "queue") queues.set(one.id, broker.restoreQueue(one));
  else broker.declareExchange({ ...one, isDurable: true });
}
