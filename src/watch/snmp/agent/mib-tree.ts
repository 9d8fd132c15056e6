import { compareOids, isWithin, NO_SUCH_INSTANCE, NO_SUCH_OBJECT, type Oid, type Value, type VarBind } from "../wire/index.ts";

/** A piece of the tree of names below `prefix`. It answers from memory. */
export interface MibNode {
  readonly prefix: Oid;
  /** The instance; `noSuchObject` or `noSuchInstance` where there is none. */
  get(oid: Oid): Value;
  /** The first instance behind `oid`, which may stand before `prefix`. */
  next(oid: Oid): VarBind | undefined;
}

/** All that an agent tells, in the order of names. A search takes as many steps as the logarithm of what there is. */
export class MibTree {
  readonly #nodes: readonly MibNode[];

  /** No node's prefix may stand below another's. */
  constructor(nodes: readonly MibNode[]) {
    this.#nodes = nodes.toSorted((a, b) => compareOids(a.prefix, b.prefix));
  }

  get(oid: Oid): Value {
    const node = this.#nodes[this.#before(oid)];
    return node === undefined || !isWithin(oid, node.prefix) ? NO_SUCH_OBJECT : node.get(oid);
  }

  next(oid: Oid): VarBind | undefined {
    for (let at = Math.max(0, this.#before(oid)); at < this.#nodes.length; at++) {
      const found = this.#nodes[at]?.next(oid);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The last node whose prefix is `oid` or stands before it; -1: none. */
  #before(oid: Oid): number {
    let [low, high] = [0, this.#nodes.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareOids(this.#nodes[middle]?.prefix ?? [], oid) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** A value now; `undefined`: it cannot be seen, and so is not there. */
export type Read = () => Value | undefined;

/** Single values: `[n]` is `prefix.n.0`. Each is a node of its own, as tables stand between them. */
export function scalars(prefix: Oid, values: Readonly<Record<number, Read>>): readonly MibNode[] {
  return Object.entries(values).map(([id, read]) => {
    const place = [...prefix, Number(id)];
    const name = [...place, 0];
    return {
      prefix: place,
      get: (oid) => (compareOids(oid, name) === 0 ? (read() ?? NO_SUCH_INSTANCE) : NO_SUCH_INSTANCE),
      next(oid) {
        if (compareOids(name, oid) <= 0) return undefined;
        const value = read();
        return value === undefined ? undefined : { oid: name, value };
      },
    };
  });
}

/** A row: its place in the table, and what it is made of. */
export interface Row<T> {
  readonly index: Oid;
  readonly of: T;
}

/** `rows` in the order of their indexes; of equal ones the first. */
export function sortRows<T>(rows: readonly Row<T>[]): readonly Row<T>[] {
  const sorted = rows.toSorted((a, b) => compareOids(a.index, b.index));
  return sorted.filter((row, at) => at === 0 || compareOids(row.index, sorted[at - 1]?.index ?? []) !== 0);
}

/** A column of a table; `undefined`: this row has no such value now. */
export type Cell<T> = (row: T) => Value | undefined;

/** A table: its cells are `entry.column.INDEX`. `rows` gives them sorted (`sortRows`): the same list as long as nothing has changed, as it is asked for each cell. */
export function table<T>(entry: Oid, columns: Readonly<Record<number, Cell<T>>>, rows: () => readonly Row<T>[]): MibNode {
  const ids = Object.keys(columns)
    .map(Number)
    .sort((a, b) => a - b);
  return {
    prefix: entry,
    get(oid) {
      const cell = columns[oid[entry.length] ?? -1];
      if (cell === undefined) return NO_SUCH_OBJECT;
      const index = oid.slice(entry.length + 1);
      const present = rows();
      const row = present[behind(present, index) - 1];
      return row === undefined || compareOids(row.index, index) !== 0 ? NO_SUCH_INSTANCE : (cell(row.of) ?? NO_SUCH_INSTANCE);
    },
    next(oid) {
      const present = rows();
      // Where `oid` stands in the table: before it, in a column, or behind all.
      const isInside = isWithin(oid, entry);
      if (!isInside && compareOids(oid, entry) > 0) return undefined;
      const column = isInside ? (oid[entry.length] ?? 0) : 0;
      for (const id of ids) {
        if (id < column) continue;
        const cell = columns[id];
        const from = id === column && oid.length > entry.length + 1 ? behind(present, oid.slice(entry.length + 1)) : 0;
        for (let at = from; at < present.length; at++) {
          const row = present[at];
          const value = row === undefined ? undefined : cell?.(row.of);
          if (row !== undefined && value !== undefined) return { oid: [...entry, id, ...row.index], value };
        }
      }
      return undefined;
    },
  };
}

/** How many of `rows` have an index that is `index` or stands before it. */
function behind(rows: readonly Row<unknown>[], index: Oid): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareOids(rows[middle]?.index ?? [], index) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
