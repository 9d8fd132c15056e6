import type { Entry } from "./entry.ts";

/** Who takes from a queue. */
export interface QueueConsumer {
  /** Higher ones are served first. */
  readonly priority: number;
  /** What it is given is done with. */
  readonly isNoAck: boolean;
  readonly isExclusive: boolean;
  /** True if it takes one more now. Whoever says no says so to the queue when that changes (`wake`). */
  canTake(): boolean;
  /** One is on its way to it. */
  reserve(): void;
  /** False if it has gone meanwhile. */
  deliver(entry: Entry): boolean;
  /** The queue has gone. */
  cancelled(): void;
}

/** The consumers of one queue, and whose turn it is: of those with the highest priority that can take, one after the other. */
export class QueueConsumers {
  /** By priority, highest first; in each in the order of their coming, turned at each turn. */
  readonly #groups: { readonly priority: number; readonly members: QueueConsumer[] }[] = [];
  #count = 0;
  /** Nobody could take when last asked. */
  #areAllBusy = false;
  /** The only one that takes, where one shall. */
  #active: QueueConsumer | undefined;
  hasSingleActive = false;

  get count(): number {
    return this.#count;
  }

  get hasExclusive(): boolean {
    return this.#groups.some(({ members }) => members.some(({ isExclusive }) => isExclusive));
  }

  add(consumer: QueueConsumer): void {
    let group = this.#groups.find(({ priority }) => priority === consumer.priority);
    if (group === undefined) {
      group = { priority: consumer.priority, members: [] };
      this.#groups.push(group);
      this.#groups.sort((a, b) => b.priority - a.priority);
    }
    group.members.push(consumer);
    this.#count += 1;
    this.#active ??= consumer;
    this.#areAllBusy = false;
  }

  remove(consumer: QueueConsumer): void {
    const index = this.#groups.findIndex(({ members }) => members.includes(consumer));
    const group = this.#groups[index];
    if (group === undefined) return;
    group.members.splice(group.members.indexOf(consumer), 1);
    if (group.members.length === 0) this.#groups.splice(index, 1);
    this.#count -= 1;
    if (this.#active === consumer) this.#active = this.#groups[0]?.members[0];
    this.#areAllBusy = false;
  }

  /** Somebody may take again. */
  wake(): void {
    this.#areAllBusy = false;
  }

  /** Who takes the next one. */
  next(): QueueConsumer | undefined {
    if (this.#areAllBusy) return undefined;
    if (this.hasSingleActive) {
      if (this.#active?.canTake() === true) return this.#active;
    } else
      for (const { members } of this.#groups)
        for (let tries = members.length; tries > 0; tries--) {
          const consumer = members[0] as QueueConsumer;
          if (members.length > 1) members.push(members.shift() as QueueConsumer);
          if (consumer.canTake()) return consumer;
        }
    this.#areAllBusy = true;
    return undefined;
  }

  /** Everybody, who is told that the queue has gone. */
  cancelAll(): void {
    const all = this.#groups.flatMap(({ members }) => members);
    this.#groups.length = 0;
    this.#count = 0;
    this.#active = undefined;
    for (const consumer of all) consumer.cancelled();
  }
}
