/** Ways of edges from box to box, so that none runs behind a box. Pure. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface BoxSize {
  readonly width: number;
  readonly height: number;
}

/** A cubic curve: its start, its two control points, its end. */
export type Curve = readonly [Point, Point, Point, Point];

export interface EdgePath {
  readonly curves: readonly Curve[];
  /** Where its name stands. */
  readonly middle: Point;
}

/** Between an edge and a box that it passes. */
const CLEAR_PX = 6;
/** Edges that pass a column in the same gap lie so far apart, as far as there is room. */
const APART_PX = 4;
const TURN_PX = 36;

/** Finds ways among boxes, given by their upper left corners. Boxes of one column have the same x, and are further apart than twice the room that an edge keeps. */
export class EdgePaths {
  readonly #size: BoxSize;
  /** Tops of the boxes of each column, from above; columns from the left. */
  readonly #columns: readonly { readonly x: number; readonly tops: readonly number[] }[];
  readonly #used = new Map<string, number>();

  constructor(corners: Iterable<Point>, size: BoxSize) {
    this.#size = size;
    const byX = Map.groupBy(corners, ({ x }) => x);
    this.#columns = [...byX].map(([x, all]) => ({ x, tops: all.map(({ y }) => y).sort((a, b) => a - b) })).sort((a, b) => a.x - b.x);
  }

  /** From the right side of one box to the left side of another: straight ahead where nothing stands in between, else through the gaps of the columns; what leads back turns round beside the boxes. */
  find(from: Point, to: Point): EdgePath {
    if (to.x > from.x) {
      const simple: Curve = ahead(from, to);
      if (this.#isFree(simple)) return { curves: [simple], middle: between(from, to) };
      return this.#through(
        from,
        to,
        this.#columns.filter(({ x }) => x >= from.x && x + this.#size.width <= to.x),
        1,
      );
    }
    return this.#through(from, to, this.#columns.filter(({ x }) => x < from.x && x >= to.x).toReversed(), -1);
  }

  /** Beside a box that calls itself. */
  loop({ x, y }: Point): EdgePath {
    const side = x + this.#size.width;
    const middle = y + this.#size.height / 2;
    const [start, end] = [
      { x: side, y: middle - 8 },
      { x: side, y: middle + 8 },
    ];
    return {
      curves: [[start, { x: side + TURN_PX, y: start.y - 14 }, { x: side + TURN_PX, y: end.y + 14 }, end]],
      middle: { x: side + TURN_PX - 4, y: middle - 16 },
    };
  }

  /** `way` 1: columns are passed to the right; -1: to the left, with a turn before and after. */
  #through(from: Point, to: Point, columns: readonly { readonly x: number; readonly tops: readonly number[] }[], way: 1 | -1): EdgePath {
    const curves: Curve[] = [];
    let at = from;
    for (const { x, tops } of columns) {
      const [near, far] = way === 1 ? [x - 2, x + this.#size.width + 2] : [x + this.#size.width + 2, x - 2];
      const share = Math.min(1, Math.max(0, (near - at.x) / (to.x - at.x || 1)));
      const y = this.#gap(x, tops, at.y + (to.y - at.y) * (way === 1 ? share : 0.5));
      const [begin, end] = [
        { x: near, y },
        { x: far, y },
      ];
      curves.push(way === -1 && at === from ? turn(at, begin, 1) : way === 1 ? ahead(at, begin) : back(at, begin), straight(begin, end));
      at = end;
    }
    const passed = curves.filter((_, index) => index % 2 === 1);
    const middle = passed[Math.floor((passed.length - 1) / 2)];
    curves.push(way === 1 ? ahead(at, to) : turn(at, to, -1));
    return { curves, middle: middle === undefined ? between(from, to) : between(middle[0], middle[3]) };
  }

  /** Where a column can be passed, as near to `wished` as may be. */
  #gap(x: number, tops: readonly number[], wished: number): number {
    const { height } = this.#size;
    const edges = [Number.NEGATIVE_INFINITY, ...tops.flatMap((top) => [top - CLEAR_PX, top + height + CLEAR_PX]), Number.POSITIVE_INFINITY];
    let best: { readonly low: number; readonly high: number; readonly y: number } | undefined;
    for (let index = 0; index < edges.length; index += 2) {
      const [low = 0, high = 0] = [edges[index], edges[index + 1]];
      if (low > high) continue;
      const y = Math.min(high, Math.max(low, wished));
      if (best === undefined || Math.abs(y - wished) < Math.abs(best.y - wished)) best = { low, high, y };
    }
    if (best === undefined) return wished;
    const key = `${x} ${best.low}`;
    const others = this.#used.get(key) ?? 0;
    this.#used.set(key, others + 1);
    // Away from the box that is nearest, on the sides in turn.
    const aside = Math.ceil(others / 2) * APART_PX * (others % 2 === 0 ? 1 : -1);
    const room = Number.isFinite(best.low) && Number.isFinite(best.high) ? aside : Math.abs(aside) * (Number.isFinite(best.low) ? 1 : -1);
    return Math.min(best.high, Math.max(best.low, best.y + (room % 24)));
  }

  #isFree(curve: Curve): boolean {
    const { width, height } = this.#size;
    const [start, , , end] = curve;
    const passed = this.#columns.filter(({ x }) => x > start.x && x + width < end.x);
    if (passed.length === 0) return true;
    for (let step = 1; step < SAMPLES; step++) {
      const { x, y } = pointOf(curve, step / SAMPLES);
      for (const column of passed)
        if (
          x >= column.x - CLEAR_PX &&
          x <= column.x + width + CLEAR_PX &&
          column.tops.some((top) => y > top - CLEAR_PX && y < top + height + CLEAR_PX)
        )
          return false;
    }
    return true;
  }
}

const SAMPLES = 48;

/** At `share` of its way. */
export function pointOf([a, b, c, d]: Curve, share: number): Point {
  const rest = 1 - share;
  const of = (key: "x" | "y"): number => rest ** 3 * a[key] + 3 * rest ** 2 * share * b[key] + 3 * rest * share ** 2 * c[key] + share ** 3 * d[key];
  return { x: of("x"), y: of("y") };
}

/** As SVG draws it. */
export function textOf(curves: readonly Curve[]): string {
  return curves
    .map(([start, one, two, end], index) => `${index === 0 ? `M${start.x} ${start.y}` : ""}C${one.x} ${one.y} ${two.x} ${two.y} ${end.x} ${end.y}`)
    .join("");
}

/** To the right all the way: it stays between both in x. */
function ahead(from: Point, to: Point): Curve {
  const bend = Math.max(0, (to.x - from.x) / 2);
  return [from, { x: from.x + bend, y: from.y }, { x: to.x - bend, y: to.y }, to];
}

function back(from: Point, to: Point): Curve {
  const bend = Math.max(0, (from.x - to.x) / 2);
  return [from, { x: from.x - bend, y: from.y }, { x: to.x + bend, y: to.y }, to];
}

/** Goes on to the right (1) or left (-1), and comes back. */
function turn(from: Point, to: Point, way: 1 | -1): Curve {
  return [from, { x: from.x + TURN_PX * way, y: from.y }, { x: to.x + TURN_PX * way, y: to.y }, to];
}

function straight(from: Point, to: Point): Curve {
  return from.x <= to.x ? ahead(from, to) : back(from, to);
}

function between(a: Point, b: Point): Point {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}
