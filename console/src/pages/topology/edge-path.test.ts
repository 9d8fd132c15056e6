import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Curve, type EdgePath, EdgePaths, type Point, pointOf, textOf } from "./edge-path.ts";
import { placeBoxes } from "./layout.ts";

const BOX = { width: 176, height: 44 };
const COLUMN = { width: 272, height: 60 };

function pointsOf(curves: readonly Curve[]): Point[] {
  return curves.flatMap((curve) => Array.from({ length: 33 }, (_, index) => pointOf(curve, index / 32)));
}

/** A box that the way runs behind. */
function hidden({ curves }: EdgePath, corners: ReadonlyMap<string, Point>): string | undefined {
  for (const { x, y } of pointsOf(curves))
    for (const [id, corner] of corners)
      if (x > corner.x + 0.5 && x < corner.x + BOX.width - 0.5 && y > corner.y + 0.5 && y < corner.y + BOX.height - 0.5) return id;
  return undefined;
}

test("a box in the way is passed beside it, a free way is one curve", () => {
  const middle = { x: 300, y: 30 };
  const [from, to] = [
    { x: 204, y: 50 },
    { x: 572, y: 50 },
  ];
  const free = new EdgePaths(
    [
      { x: 28, y: 28 },
      { x: 572, y: 28 },
    ],
    BOX,
  ).find(from, to);
  assert.equal(free.curves.length, 1);
  const corners = [{ x: 28, y: 28 }, middle, { x: 572, y: 28 }];
  const around = new EdgePaths(corners, BOX).find(from, to);
  assert.ok(around.curves.length > 1);
  assert.equal(hidden(around, new Map(corners.map((one, index) => [String(index), one]))), undefined);
  assert.match(textOf(around.curves), /^M204 50C[^M]* 572 50$/);
});

test("edges that pass in the same gap lie beside each other", () => {
  const corners = [0, 1, 2].map((column) => ({ x: 28 + column * 272, y: 28 }));
  const paths = new EdgePaths(corners, BOX);
  const [one, two] = [paths.find({ x: 204, y: 50 }, { x: 572, y: 50 }), paths.find({ x: 204, y: 50 }, { x: 572, y: 50 })];
  assert.notEqual(one.middle.y, two.middle.y);
});

test("no edge runs behind a box, wherever boxes stand and whoever calls whom, also oneself or back; each is one line from side to side", () => {
  const id = fc.integer({ min: 0, max: 60 }).map((number) => `s${number}`);
  const edges = fc.array(fc.tuple(id, id), { minLength: 1, maxLength: 120 });
  fc.assert(
    fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 60 }), edges, edges, (ids, calls, later) => {
      // As after a while: what stands there was placed by other calls.
      const layout = placeBoxes({ ids, edges: later, kept: placeBoxes({ ids: ids.slice(0, ids.length / 2), edges: calls, kept: {} }) });
      const corners = new Map(
        Object.entries(layout).map(([one, { column, row }]) => [
          one,
          { x: 28 + Math.round(column * COLUMN.width), y: 28 + Math.round(row * COLUMN.height) },
        ]),
      );
      const paths = new EdgePaths(corners.values(), BOX);
      for (const [from, to] of [...calls, ...later]) {
        const [a, b] = [corners.get(from), corners.get(to)];
        if (a === undefined || b === undefined) continue;
        const start = { x: a.x + BOX.width, y: a.y + BOX.height / 2 };
        const end = { x: b.x, y: b.y + BOX.height / 2 };
        const way = from === to ? paths.loop(a) : paths.find(start, end);
        assert.equal(hidden(way, corners), undefined, `${from} > ${to}`);
        for (const [index, curve] of way.curves.entries()) assert.deepEqual(curve[0], index === 0 ? curve[0] : way.curves[index - 1]?.[3]);
        if (from !== to) assert.deepEqual([way.curves[0]?.[0], way.curves.at(-1)?.[3]], [start, end]);
      }
    }),
    { numRuns: 150 },
  );
});
