import type { ViewChange, ViewRow, ViewWhole } from "./protocol.ts";

/** What a client keeps of a view: the window as it was told last. */
export interface ClientCopy<Row = unknown> {
  readonly rev: number;
  readonly total: number;
  readonly rows: readonly ViewRow<Row>[];
  readonly offset: number;
}

/** The copy that a whole window begins. */
export function takeWhole<Row>({ rev, total, offset, rows }: ViewWhole<Row>): ClientCopy<Row> {
  return { rev, total, offset, rows };
}

/** `copy` with `change` in it: what is gone or put is taken out, then what is put goes to its place. Rows that did not change stay the same objects, if their index did, too. Costs as much as the window is long. */
export function applyChange<Row>(copy: ClientCopy<Row>, change: ViewChange<Row>): ClientCopy<Row> {
  const { rev, total, put, gone } = change;
  const former = new Map(copy.rows.map((row) => [row.key, row]));
  const moved = new Set(gone);
  for (const one of put) moved.add(one.key);
  const stay = copy.rows.filter((row) => !moved.has(row.key));
  const rows: ViewRow<Row>[] = [];
  let next = 0;
  const take = (row: ViewRow<Row>): void => {
    const index = copy.offset + rows.length;
    rows.push(row.index === index ? row : { ...row, index });
  };
  for (const one of put) {
    while (copy.offset + rows.length < one.index && next < stay.length) take(stay[next++] as ViewRow<Row>);
    take("row" in one ? (one as ViewRow<Row>) : { ...(former.get(one.key) as ViewRow<Row>), index: one.index });
  }
  while (next < stay.length) take(stay[next++] as ViewRow<Row>);
  return { rev, total, offset: copy.offset, rows };
}
