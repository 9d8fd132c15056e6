import type { Entry } from "./entry.ts";
import type { Queue } from "./queue.ts";
import type { QueueConsumer } from "./queue-consumers.ts";

/** What a consumer needs of its channel. */
export interface ConsumerHome {
  canTake(isNoAck: boolean): boolean;
  /** One more is held by a consumer; one less. */
  hold(): void;
  unhold(): void;
  deliver(consumer: ChannelConsumer, entry: Entry): void;
  consumerCancelled(consumer: ChannelConsumer): void;
}

export interface ChannelConsumerOptions {
  readonly channel: ConsumerHome;
  readonly queue: Queue;
  readonly tag: string;
  readonly isNoAck: boolean;
  readonly isExclusive: boolean;
  readonly priority: number;
  /** Messages that it may have unsettled; 0: any number. */
  readonly prefetchMax: number;
}

/** A consumer of a channel. */
export class ChannelConsumer implements QueueConsumer {
  readonly options: ChannelConsumerOptions;
  /** Handed out to it, or on their way. */
  #heldCount = 0;
  #isGone = false;

  constructor(options: ChannelConsumerOptions) {
    this.options = options;
  }

  get priority(): number {
    return this.options.priority;
  }

  get isNoAck(): boolean {
    return this.options.isNoAck;
  }

  get isExclusive(): boolean {
    return this.options.isExclusive;
  }

  canTake(): boolean {
    const { channel, isNoAck, prefetchMax } = this.options;
    if (this.#isGone || !channel.canTake(isNoAck)) return false;
    return isNoAck || prefetchMax === 0 || this.#heldCount < prefetchMax;
  }

  reserve(): void {
    if (this.options.isNoAck) return;
    this.#heldCount += 1;
    this.options.channel.hold();
  }

  deliver(entry: Entry): boolean {
    const { channel } = this.options;
    if (this.#isGone) {
      this.release();
      return false;
    }
    channel.deliver(this, entry);
    return true;
  }

  /** One that it held is settled, or given back. */
  release(): void {
    if (this.options.isNoAck) return;
    this.#heldCount -= 1;
    this.options.channel.unhold();
  }

  /** It takes nothing any longer. */
  leave(): void {
    this.#isGone = true;
    this.options.queue.consumers.remove(this);
  }

  cancelled(): void {
    this.#isGone = true;
    this.options.channel.consumerCancelled(this);
  }
}
