/** Which rows of a long list are asked for and drawn. Pure. */

export interface RowWindow {
  readonly offset: number;
  readonly limit: number;
}

/** Asked for before and behind what is seen, so that scrolling finds rows there. */
const MARGIN_ROWS = 20;
/** Windows begin at multiples: a step of the wheel asks for nothing new. */
const STEP_ROWS = 20;
const LIMIT_MAX = 400;
/** More than is wanted is kept so far. */
const SPARE_ROWS = 3 * STEP_ROWS;

/** Whether a window that was asked for does for the one that is wanted: asking anew costs a way to the server and back. */
export function serves(asked: RowWindow, wanted: RowWindow): boolean {
  const isThere = asked.offset === wanted.offset && asked.limit >= wanted.limit;
  return isThere && asked.limit <= wanted.limit + SPARE_ROWS;
}

/** The window for a list that is scrolled to `top` and is `height` high, its rows each `rowHeight`. */
export function windowAt(top: number, height: number, rowHeight: number): RowWindow {
  const first = Math.max(0, Math.floor(top / rowHeight) - MARGIN_ROWS);
  const offset = Math.floor(first / STEP_ROWS) * STEP_ROWS;
  const rows = Math.ceil(height / rowHeight) + 2 * MARGIN_ROWS + STEP_ROWS;
  return { offset, limit: Math.min(LIMIT_MAX, Math.ceil(rows / STEP_ROWS) * STEP_ROWS) };
}
