import { compareKeys, type SortKey } from "./sort-key.ts";

/** A row at its place. */
export interface Placed<T> {
  readonly key: string;
  readonly rank: SortKey;
  readonly row: T;
}

/** A block is cut in two above this; two neighbours that together fill half of one become one. */
const BLOCK_ROWS_MAX = 512;

/** Rows in order of their ranks, equal ones by key. Putting in, taking out and finding a place cost a search, and the moving of at most one block of 512 places; a window costs its length and a look at each block before it. */
export class OrderedRows<T> {
  readonly #isDescending: boolean;
  #blocks: Placed<T>[][] = [];
  #size = 0;

  constructor(isDescending: boolean, rows: Iterable<Placed<T>> = []) {
    this.#isDescending = isDescending;
    const sorted = [...rows].sort((a, b) => this.#compare(a, b));
    this.#size = sorted.length;
    for (let from = 0; from < sorted.length; from += BLOCK_ROWS_MAX / 2) this.#blocks.push(sorted.slice(from, from + BLOCK_ROWS_MAX / 2));
  }

  get size(): number {
    return this.#size;
  }

  /** Puts in a row whose key is not there. */
  add(placed: Placed<T>): void {
    const at = Math.max(0, this.#blockOf(placed));
    const block = this.#blocks[at];
    this.#size += 1;
    if (block === undefined) {
      this.#blocks.push([placed]);
      return;
    }
    block.splice(this.#placeIn(block, placed), 0, placed);
    if (block.length > BLOCK_ROWS_MAX) this.#blocks.splice(at + 1, 0, block.splice(BLOCK_ROWS_MAX / 2));
  }

  /** Takes out the row of this rank and key; false if it is not there. */
  delete(placed: Pick<Placed<T>, "key" | "rank">): boolean {
    const at = this.#blockOf(placed);
    const block = this.#blocks[at];
    if (block === undefined) return false;
    const index = this.#placeIn(block, placed);
    if (block[index]?.key !== placed.key) return false;
    block.splice(index, 1);
    this.#size -= 1;
    this.#shrink(at);
    return true;
  }

  /** Puts `placed` where the row of the same rank and key is. */
  replace(placed: Placed<T>): void {
    const block = this.#blocks[this.#blockOf(placed)];
    const index = block === undefined ? -1 : this.#placeIn(block, placed);
    if (block?.[index]?.key === placed.key) block[index] = placed;
  }

  /** At most `limit` rows from the one at `offset` on. */
  window(offset: number, limit: number): Placed<T>[] {
    const taken: Placed<T>[] = [];
    let skip = offset;
    for (const block of this.#blocks) {
      if (taken.length >= limit) break;
      if (skip >= block.length) skip -= block.length;
      else {
        for (let index = skip; index < block.length && taken.length < limit; index++) taken.push(block[index] as Placed<T>);
        skip = 0;
      }
    }
    return taken;
  }

  #shrink(at: number): void {
    const block = this.#blocks[at];
    if (block === undefined) return;
    if (block.length === 0) this.#blocks.splice(at, 1);
    else
      for (const left of [at, at - 1]) {
        const [one, two] = [this.#blocks[left], this.#blocks[left + 1]];
        if (one === undefined || two === undefined || one.length + two.length > BLOCK_ROWS_MAX / 2) continue;
        this.#blocks.splice(left, 2, [...one, ...two]);
        return;
      }
  }

  /** The last block that begins at or before `placed`; -1 before all. */
  #blockOf(placed: Pick<Placed<T>, "key" | "rank">): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(this.#blocks[middle]?.[0] as Placed<T>, placed) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Where `placed` is in `block`, or would be. */
  #placeIn(block: readonly Placed<T>[], placed: Pick<Placed<T>, "key" | "rank">): number {
    let low = 0;
    let high = block.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(block[middle] as Placed<T>, placed) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compare(a: Pick<Placed<T>, "key" | "rank">, b: Pick<Placed<T>, "key" | "rank">): number {
    const order = compareKeys(a.rank, b.rank, this.#isDescending);
    if (order !== 0) return order;
    return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
  }
}
