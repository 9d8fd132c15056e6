/** When the simulated world begins, wall time. */
export const START_MS = 1_800_000_000_000;

interface Entry {
  readonly atMs: number;
  readonly sequence: number;
  callback: (() => void) | undefined;
}

/** All that will happen, in order of time, then of making. One thread, no other source of order: the same seed runs the same way. */
export class Scheduler {
  readonly #heap: Entry[] = [];
  #sequence = 0;
  /** Callbacks that have run. */
  events = 0;
  /** Milliseconds since the beginning. */
  elapsedMs = 0;

  /** Wall time. */
  get nowMs(): number {
    return START_MS + this.elapsedMs;
  }

  /** Calls `callback` after `delayMs`; returns what cancels it. */
  after(delayMs: number, callback: () => void): () => void {
    const entry: Entry = { atMs: this.elapsedMs + Math.max(0, delayMs), sequence: this.#sequence++, callback };
    this.#push(entry);
    return () => {
      entry.callback = undefined;
    };
  }

  /** Runs until `endMs` (since the beginning), at most `eventsMax` callbacks in all.
   *  @throws RangeError: more callbacks than that, something never comes to rest */
  runUntil(endMs: number, eventsMax: number): void {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#pop();
      if (next.callback === undefined) continue;
      if (++this.events > eventsMax)
        throw new RangeError(`more than ${eventsMax} events at ${Math.round(this.elapsedMs)} ms: something never comes to rest`);
      this.elapsedMs = next.atMs;
      next.callback();
    }
    this.elapsedMs = endMs;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(entry, heap[parent] as Entry)) break;
      heap[index] = heap[parent] as Entry;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    const count = heap.length;
    if (count === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= count) break;
      if (child + 1 < count && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child++;
      if (!isBefore(heap[child] as Entry, last)) break;
      heap[index] = heap[child] as Entry;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
}
