import { compareKeys, type SortKey } from "./sort-key.ts";

/** A row at its place. */
export interface Placed<T> {
  readonly key: string;
  readonly rank: SortKey;
  readonly row: T;
}

/** A block is cut in two above this; two neighbours that together fill half of one become one. */
const BLOCK_ROWS_MAX = 512;
/** Rows that are compared to find one of about the middle. */
const PIVOT_LOOKS = 9;
/** A part that is smaller than one of so many is no half. */
const PARTS_MAX = 16;

/** A stretch of the order. Its first row is its least, but in the first block of all. */
interface Block<T> {
  rows: Placed<T>[];
  /** False: behind its first row in any order. */
  isSorted: boolean;
}

/** Rows in order of their ranks, equal ones by key. What nobody has looked at is not sorted: the first window costs a few looks at each row, not the sorting of all. Putting in, taking out and finding a place cost a search, and the moving of at most one block of 512 places; a window costs its length and a look at each block before it. */
export class OrderedRows<T> {
  readonly #isDescending: boolean;
  #blocks: Block<T>[] = [];
  #size = 0;

  constructor(isDescending: boolean, rows: Iterable<Placed<T>> = []) {
    this.#isDescending = isDescending;
    const all = [...rows];
    this.#size = all.length;
    if (all.length > 0) this.#blocks.push({ rows: all, isSorted: false });
  }

  get size(): number {
    return this.#size;
  }

  /** Puts in a row whose key is not there. */
  add(placed: Placed<T>): void {
    this.#size += 1;
    const at = Math.max(0, this.#settle(placed));
    const rows = this.#blocks[at]?.rows;
    if (rows === undefined) {
      this.#blocks.push({ rows: [placed], isSorted: true });
      return;
    }
    rows.splice(this.#placeIn(rows, placed), 0, placed);
    if (rows.length > BLOCK_ROWS_MAX) this.#blocks.splice(at + 1, 0, { rows: rows.splice(BLOCK_ROWS_MAX / 2), isSorted: true });
  }

  /** Takes out the row of this rank and key; false if it is not there. */
  delete(placed: Pick<Placed<T>, "key" | "rank">): boolean {
    const at = this.#settle(placed);
    const rows = this.#blocks[at]?.rows;
    if (rows === undefined) return false;
    const index = this.#placeIn(rows, placed);
    if (rows[index]?.key !== placed.key) return false;
    rows.splice(index, 1);
    this.#size -= 1;
    this.#shrink(at);
    return true;
  }

  /** Puts `placed` where the row of the same rank and key is. */
  replace(placed: Placed<T>): void {
    const rows = this.#blocks[this.#settle(placed)]?.rows;
    const index = rows === undefined ? -1 : this.#placeIn(rows, placed);
    if (rows?.[index]?.key === placed.key) rows[index] = placed;
  }

  /** At most `limit` rows from the one at `offset` on. */
  window(offset: number, limit: number): Placed<T>[] {
    const taken: Placed<T>[] = [];
    let skip = offset;
    for (let at = 0; at < this.#blocks.length && taken.length < limit; ) {
      const block = this.#blocks[at] as Block<T>;
      if (skip >= block.rows.length) {
        skip -= block.rows.length;
        at += 1;
      } else if (!block.isSorted) this.#refine(at);
      else {
        for (let index = skip; index < block.rows.length && taken.length < limit; index++) taken.push(block.rows[index] as Placed<T>);
        skip = 0;
        at += 1;
      }
    }
    return taken;
  }

  /** The block of `placed`, sorted now; -1 before all. */
  #settle(placed: Pick<Placed<T>, "key" | "rank">): number {
    for (;;) {
      const at = this.#blockOf(placed);
      // The first row of the first block is not its least yet.
      const looked = this.#blocks[Math.max(0, at)];
      if (looked === undefined || looked.isSorted) return at;
      this.#refine(Math.max(0, at));
    }
  }

  /** Sorts a block, or, if it is long, parts it in two, of which the second begins with its least row. */
  #refine(at: number): void {
    const block = this.#blocks[at] as Block<T>;
    const { rows } = block;
    if (rows.length <= BLOCK_ROWS_MAX / 2) {
      rows.sort((a, b) => this.#compare(a, b));
      block.isSorted = true;
      return;
    }
    const pivot = this.#pivotOf(rows);
    const [before, after]: [Placed<T>[], Placed<T>[]] = [[], [pivot]];
    for (const row of rows) if (row !== pivot) (this.#compare(row, pivot) < 0 ? before : after).push(row);
    if (Math.min(before.length, after.length) < rows.length / PARTS_MAX) return this.#sortWhole(at);
    block.rows = before;
    this.#blocks.splice(at + 1, 0, { rows: after, isSorted: false });
  }

  /** Where parting does not help, as whoever chose the order may have wished, it costs a sort and no more. */
  #sortWhole(at: number): void {
    const sorted = (this.#blocks[at] as Block<T>).rows.sort((a, b) => this.#compare(a, b));
    const parts: Block<T>[] = [];
    for (let from = 0; from < sorted.length; from += BLOCK_ROWS_MAX / 2)
      parts.push({ rows: sorted.slice(from, from + BLOCK_ROWS_MAX / 2), isSorted: true });
    this.#blocks.splice(at, 1, ...parts);
  }

  /** A row of about the middle, and never the least: the median of nine. */
  #pivotOf(rows: readonly Placed<T>[]): Placed<T> {
    const step = Math.floor(rows.length / PIVOT_LOOKS);
    const looked = Array.from({ length: PIVOT_LOOKS }, (_, index) => rows[index * step] as Placed<T>);
    return looked.sort((a, b) => this.#compare(a, b))[PIVOT_LOOKS >> 1] as Placed<T>;
  }

  #shrink(at: number): void {
    const block = this.#blocks[at];
    if (block === undefined) return;
    if (block.rows.length === 0) this.#blocks.splice(at, 1);
    else
      for (const left of [at, at - 1]) {
        const [one, two] = [this.#blocks[left], this.#blocks[left + 1]];
        if (one === undefined || two === undefined || !one.isSorted || !two.isSorted) continue;
        if (one.rows.length + two.rows.length > BLOCK_ROWS_MAX / 2) continue;
        this.#blocks.splice(left, 2, { rows: [...one.rows, ...two.rows], isSorted: true });
        return;
      }
  }

  /** The last block that begins at or before `placed`; -1 before all. */
  #blockOf(placed: Pick<Placed<T>, "key" | "rank">): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(this.#blocks[middle]?.rows[0] as Placed<T>, placed) <= 0) low = middle + 1;
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
