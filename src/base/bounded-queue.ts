/** A first-in, first-out buffer between one or more producers and one consumer that awaits. It never holds more than `itemsMax`. */
export class BoundedQueue<T> implements AsyncIterable<T> {
  readonly itemsMax: number;
  #items: T[] = [];
  #head = 0;
  #ended = false;
  #failure: unknown;
  #wake: (() => void) | undefined;

  constructor(itemsMax: number) {
    this.itemsMax = itemsMax;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** Adds `item`; false, and nothing added, when the queue is full or ended: the producer decides what is lost. */
  offer(item: T): boolean {
    if (this.#ended || this.size >= this.itemsMax) return false;
    this.#items.push(item);
    this.#wake?.();
    return true;
  }

  /** No more items; what is queued is still delivered. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Drops what is queued and makes the consumer throw `reason`. */
  fail(reason: unknown): void {
    if (this.#ended) return;
    this.#items = [];
    this.#head = 0;
    this.#failure = reason;
    this.end();
  }

  /** The next item, waiting for it; `undefined` after the end. One consumer at a time. */
  async take(): Promise<T | undefined> {
    while (this.size === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    const item = this.#items[this.#head] as T;
    // What was taken must not be kept alive by its place in the list.
    this.#items[this.#head++] = undefined as T;
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const item = await this.take();
      if (item === undefined && this.size === 0 && this.#ended) return;
      yield item as T;
    }
  }
}
