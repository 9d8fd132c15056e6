/** Where the boxes of a call graph stand: callers left of whom they call, and nothing moves that stood there before. Pure. */

/** In columns and rows; both may be fractions. */
export interface Place {
  readonly column: number;
  readonly row: number;
}

export interface LayoutWish {
  /** The ones that go first where there is a choice come first. */
  readonly ids: readonly string[];
  readonly edges: readonly (readonly [from: string, to: string])[];
  /** Places of before; a box that has one keeps it. */
  readonly kept: Readonly<Record<string, Place>>;
}

export type Layout = Readonly<Record<string, Place>>;

/** More in one column are set in several beside each other. */
const ROWS_MAX = 14;
const SWEEPS = 6;

/** Every box gets a place, at least one row from the next in its column. */
export function placeBoxes({ ids, edges, kept }: LayoutWish): Layout {
  const among = new Set(ids);
  const calls = edges.filter(([from, to]) => from !== to && among.has(from) && among.has(to));
  const places = new Map<string, Place>();
  for (const id of ids) if (Object.hasOwn(kept, id)) places.set(id, kept[id] as Place);
  if (places.size === 0) arrange(ids, calls, places);
  else for (const id of ids) if (!places.has(id)) places.set(id, findPlace(id, calls, places));
  return Object.fromEntries(places);
}

function arrange(ids: readonly string[], calls: readonly (readonly [string, string])[], places: Map<string, Place>): void {
  const linked = new Set(calls.flat());
  const columns = columnsOf(
    ids.filter((id) => linked.has(id)),
    calls,
  );
  const neighbours = neighboursOf(calls);
  const rows = new Map<string, number>();
  for (const column of columns) for (const [index, id] of column.entries()) rows.set(id, index - (column.length - 1) / 2);
  for (let sweep = 0; sweep < SWEEPS; sweep++)
    for (const column of sweep % 2 === 0 ? columns : columns.toReversed()) {
      const wished = column.map((id) => ({ id, row: mean((neighbours.get(id) ?? []).map((one) => rows.get(one) ?? 0)) ?? rows.get(id) ?? 0 }));
      wished.sort((a, b) => a.row - b.row || column.indexOf(a.id) - column.indexOf(b.id));
      for (const [index, row] of spread(wished.map((one) => one.row)).entries()) rows.set((wished[index] as { id: string }).id, row);
      column.splice(0, column.length, ...wished.map((one) => one.id));
    }
  const top = Math.min(0, ...rows.values());
  for (const [index, column] of columns.entries()) for (const id of column) places.set(id, { column: index, row: round((rows.get(id) ?? 0) - top) });
  // Who neither calls nor is called stands below the rest.
  const idle = ids.filter((id) => !linked.has(id));
  const width = Math.max(4, columns.length);
  const below = rows.size === 0 ? 0 : Math.ceil(Math.max(...rows.values()) - top) + 2;
  for (const [index, id] of idle.entries()) places.set(id, { column: index % width, row: below + Math.floor(index / width) });
}

/** Each as far right as the longest chain of calls that leads to it; calls that lead back count for nothing. */
function columnsOf(ids: readonly string[], calls: readonly (readonly [string, string])[]): string[][] {
  const callees = Map.groupBy(calls, ([from]) => from);
  const called = new Set(calls.map(([, to]) => to));
  const state = new Map<string, "open" | "done">();
  const order: string[] = [];
  const isBack = new Set<string>();
  const visit = (start: string): void => {
    const path: { readonly id: string; next: number }[] = [{ id: start, next: 0 }];
    state.set(start, "open");
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const call = (callees.get(top.id) ?? [])[top.next++];
      if (call === undefined) {
        state.set(top.id, "done");
        order.push(top.id);
        path.pop();
      } else if (state.get(call[1]) === "open") isBack.add(`${call[0]} ${call[1]}`);
      else if (!state.has(call[1])) {
        state.set(call[1], "open");
        path.push({ id: call[1], next: 0 });
      }
    }
  };
  for (const id of [...ids.filter((one) => !called.has(one)), ...ids]) if (!state.has(id)) visit(id);
  const depth = new Map<string, number>();
  for (const id of order.toReversed()) {
    const own = depth.get(id) ?? 0;
    depth.set(id, own);
    for (const [from, to] of callees.get(id) ?? []) if (!isBack.has(`${from} ${to}`)) depth.set(to, Math.max(depth.get(to) ?? 0, own + 1));
  }
  const columns: string[][] = [];
  const byDepth = Map.groupBy(ids, (id) => depth.get(id) ?? 0);
  for (const at of [...byDepth.keys()].sort((a, b) => a - b)) {
    const all = byDepth.get(at) ?? [];
    const parts = Math.ceil(all.length / ROWS_MAX);
    for (let part = 0; part < parts; part++) columns.push(all.filter((_, index) => index % parts === part));
  }
  return columns;
}

/** Beside those that it calls or is called by, in the nearest gap. */
function findPlace(id: string, calls: readonly (readonly [string, string])[], places: ReadonlyMap<string, Place>): Place {
  const of = (list: readonly (readonly [string, string])[], end: 0 | 1): Place[] => list.flatMap((call) => places.get(call[end]) ?? []);
  const callers = of(
    calls.filter(([, to]) => to === id),
    0,
  );
  const callees = of(
    calls.filter(([from]) => from === id),
    1,
  );
  const near = [...callers, ...callees];
  const all = [...places.values()];
  if (near.length === 0) {
    const bottom = Math.max(...all.map(({ row }) => row));
    return { column: Math.min(...all.map(({ column }) => column)), row: Math.ceil(bottom) + 1 };
  }
  const column =
    callers.length > 0 ? Math.max(...callers.map((one) => one.column)) + 1 : Math.max(0, Math.min(...callees.map((one) => one.column)) - 1);
  const wished = mean(near.map((one) => one.row)) ?? 0;
  const taken = all.filter((one) => Math.abs(one.column - column) < 1).map((one) => one.row);
  const isFree = (row: number): boolean => taken.every((one) => Math.abs(one - row) >= 1);
  const rows = [wished, ...taken.flatMap((one) => [one - 1, one + 1])].filter(isFree);
  const row = rows.reduce((best, one) => (Math.abs(one - wished) < Math.abs(best - wished) ? one : best), Number.POSITIVE_INFINITY);
  return { column, row: Number.isFinite(row) ? row : Math.max(...taken) + 1 };
}

/** The nearest rows to those wished for (rising) that are one apart each: of neighbours that are too near, the mean stays. */
function spread(wished: readonly number[]): number[] {
  const blocks: { sum: number; count: number }[] = [];
  for (const [index, row] of wished.entries()) {
    blocks.push({ sum: row - index, count: 1 });
    for (let last = blocks.at(-1), before = blocks.at(-2); last !== undefined && before !== undefined; last = blocks.at(-1), before = blocks.at(-2)) {
      if (before.sum / before.count <= last.sum / last.count) break;
      blocks.splice(-2, 2, { sum: before.sum + last.sum, count: before.count + last.count });
    }
  }
  return blocks.flatMap(({ sum, count }) => new Array<number>(count).fill(sum / count)).map((row, index) => row + index);
}

function neighboursOf(calls: readonly (readonly [string, string])[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const add = (id: string, other: string): void => {
    const known = found.get(id);
    if (known === undefined) found.set(id, [other]);
    else known.push(other);
  };
  for (const [from, to] of calls) {
    add(from, to);
    add(to, from);
  }
  return found;
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, one) => sum + one, 0) / values.length;
}

/** To a thousandth, upwards never: neighbours stay one apart. */
function round(value: number): number {
  return Math.round(value * 1_000_000) / 1_000_000;
}
