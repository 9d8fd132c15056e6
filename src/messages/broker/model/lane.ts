/** Anything with a place in the order of a queue. */
export interface Placed {
  readonly seq: number;
}

const ITEMS_START = 16;

/** First in, first out; what was taken and is given back returns to its old place. */
export class Lane<T extends Placed> {
  /** A ring. */
  #items: (T | undefined)[] = new Array(ITEMS_START);
  #head = 0;
  #count = 0;
  /** What was given back: a heap by `seq`. All of it comes before what was never taken. */
  readonly #back: T[] = [];

  get size(): number {
    return this.#count + this.#back.length;
  }

  push(item: T): void {
    if (this.#count === this.#items.length) this.#resize(this.#count * 2);
    this.#items[(this.#head + this.#count) & (this.#items.length - 1)] = item;
    this.#count += 1;
  }

  /** The first one, which stays. */
  peek(): T | undefined {
    return this.#back[0] ?? this.#items[this.#head];
  }

  shift(): T | undefined {
    if (this.#back.length > 0) return this.#popBack();
    if (this.#count === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.#count -= 1;
    // What a burst has needed is given up again.
    if (this.#items.length > ITEMS_START && this.#count * 4 < this.#items.length) this.#resize(this.#items.length / 2);
    return item;
  }

  /** Gives back what `shift` has given. */
  unshift(item: T): void {
    const heap = this.#back;
    let at = heap.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heap[parent] as T).seq <= item.seq) break;
      heap[at] = heap[parent] as T;
      at = parent;
    }
    heap[at] = item;
  }

  #popBack(): T {
    const heap = this.#back;
    const first = heap[0] as T;
    const last = heap.pop() as T;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as T).seq < (heap[child] as T).seq) child += 1;
      if ((heap[child] as T).seq >= last.seq) break;
      heap[at] = heap[child] as T;
      at = child;
    }
    heap[at] = last;
    return first;
  }

  #resize(length: number): void {
    const items: (T | undefined)[] = new Array(length);
    for (let index = 0; index < this.#count; index++) items[index] = this.#items[(this.#head + index) & (this.#items.length - 1)];
    this.#items = items;
    this.#head = 0;
  }
}
