import { OrderedRows, type Placed } from "./ordered-rows.ts";
import type { SortKey } from "./sort-key.ts";

/** Which rows of a collection, and in which order. Both functions answer from the row alone, and the same each time. */
export interface QueryRules<T> {
  /** Absent: all. */
  readonly matches?: ((row: T) => boolean) | undefined;
  /** Absent: by key. */
  readonly rankOf?: ((row: T) => SortKey) | undefined;
  readonly isDescending?: boolean;
}

/** The answer to a query over a keyed collection, kept up to date by its changes: a change costs a search, never a sort. */
export class LiveQuery<T> {
  readonly #rules: QueryRules<T>;
  readonly #placed = new Map<string, Placed<T>>();
  readonly #ordered: OrderedRows<T>;
  #version = 0;

  constructor(rules: QueryRules<T>, rows: Iterable<readonly [key: string, row: T]>) {
    this.#rules = rules;
    for (const [key, row] of rows) if (this.#matches(row)) this.#placed.set(key, this.#place(key, row));
    this.#ordered = new OrderedRows(rules.isDescending ?? false, this.#placed.values());
  }

  /** Rows that match. */
  get size(): number {
    return this.#ordered.size;
  }

  /** Rises whenever the answer may have changed. */
  get version(): number {
    return this.#version;
  }

  /** `key` is now `row`; absent: it is gone. */
  put(key: string, row: T | undefined): void {
    const former = this.#placed.get(key);
    if (row === undefined || !this.#matches(row)) {
      if (former === undefined) return;
      this.#placed.delete(key);
      this.#ordered.delete(former);
    } else {
      if (former?.row === row) return;
      const placed = this.#place(key, row);
      this.#placed.set(key, placed);
      if (former !== undefined && former.rank === placed.rank) this.#ordered.replace(placed);
      else {
        if (former !== undefined) this.#ordered.delete(former);
        this.#ordered.add(placed);
      }
    }
    this.#version += 1;
  }

  /** At most `limit` rows from the one at `offset` on. */
  window(offset: number, limit: number): readonly Placed<T>[] {
    return this.#ordered.window(offset, limit);
  }

  #matches(row: T): boolean {
    return this.#rules.matches === undefined || this.#rules.matches(row);
  }

  #place(key: string, row: T): Placed<T> {
    return { key, rank: this.#rules.rankOf?.(row), row };
  }
}
