interface Entry<T> {
  readonly atMs: number;
  readonly isGiven: boolean;
  readonly order: number;
  readonly value: T;
}

/** A queue from which the newest comes first. Of one time: first what has to be looked into (it may hold more of that time), then what can be given, the last pushed first. Pure. */
export class NewestFirst<T> {
  readonly #heap: Entry<T>[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** Time of what comes next. */
  get topMs(): number | undefined {
    return this.#heap[0]?.atMs;
  }

  /** `isGiven`: there is nothing to look into. */
  push(atMs: number, value: T, isGiven: boolean = false): void {
    const heap = this.#heap;
    heap.push({ atMs, isGiven, order: this.#order++, value });
    for (let child = heap.length - 1; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (!isBefore(heap[child] as Entry<T>, heap[parent] as Entry<T>)) return;
      swap(heap, child, parent);
      child = parent;
    }
  }

  pop(): { readonly atMs: number; readonly value: T } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || first === last) return first;
    heap[0] = last;
    for (let parent = 0; ; ) {
      let best = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2])
        if (child < heap.length && isBefore(heap[child] as Entry<T>, heap[best] as Entry<T>)) best = child;
      if (best === parent) return first;
      swap(heap, best, parent);
      parent = best;
    }
  }
}

function isBefore<T>(a: Entry<T>, b: Entry<T>): boolean {
  if (a.atMs !== b.atMs) return a.atMs > b.atMs;
  if (a.isGiven !== b.isGiven) return !a.isGiven;
  return a.order > b.order;
}

function swap<T>(heap: Entry<T>[], one: number, other: number): void {
  [heap[one], heap[other]] = [heap[other] as Entry<T>, heap[one] as Entry<T>];
}
