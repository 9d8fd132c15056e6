import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Layout, placeBoxes } from "./layout.ts";

const edge = (text: string): readonly [string, string] => {
  const [from = "", to = ""] = text.split(">");
  return [from, to];
};
const place = (ids: string, edges: string, kept: Layout = {}): Layout =>
  placeBoxes({ ids: ids.split(" "), edges: edges === "" ? [] : edges.split(" ").map(edge), kept });

test("callers stand left of whom they call, also where calls lead back", () => {
  const layout = place("outside portal auth archive", "outside>portal portal>auth auth>archive portal>archive archive>portal");
  assert.deepEqual(
    ["outside", "portal", "auth", "archive"].map((id) => layout[id]?.column),
    [0, 1, 2, 3],
  );
});

test("a chain is straight, and who has no calls stands below", () => {
  const layout = place("a b c idle", "a>b b>c");
  assert.deepEqual(new Set([layout["a"]?.row, layout["b"]?.row, layout["c"]?.row]).size, 1);
  assert.ok((layout["idle"]?.row ?? 0) >= 2);
});

test("what stood there stays, what comes is set beside its neighbours", () => {
  const before = place("a b c", "a>b a>c");
  const after = place("a b c d", "a>b a>c a>d", before);
  for (const id of ["a", "b", "c"]) assert.deepEqual(after[id], before[id]);
  assert.equal(after["d"]?.column, 1);
});

test("no two boxes are nearer than a row, whatever calls whom and whatever was there; all that are asked for have a place", () => {
  const id = fc.integer({ min: 0, max: 70 }).map((number) => `s${number}`);
  const set = fc.uniqueArray(id, { minLength: 1, maxLength: 60 });
  const edges = fc.array(fc.tuple(id, id), { maxLength: 150 });
  fc.assert(
    fc.property(set, edges, set, edges, (ids, calls, laterIds, laterCalls) => {
      const before = placeBoxes({ ids, edges: calls, kept: {} });
      const after = placeBoxes({ ids: laterIds, edges: laterCalls, kept: before });
      for (const [layout, asked] of [
        [before, ids],
        [after, laterIds],
      ] as const) {
        assert.deepEqual(Object.keys(layout).sort(), asked.toSorted());
        const places = Object.values(layout);
        for (const [index, one] of places.entries())
          for (const two of places.slice(index + 1))
            assert.ok(
              Math.abs(one.column - two.column) >= 1 || Math.abs(one.row - two.row) >= 1 - 1e-6,
              `${JSON.stringify(one)} ${JSON.stringify(two)}`,
            );
      }
      for (const one of laterIds) if (Object.hasOwn(before, one)) assert.deepEqual(after[one], before[one]);
    }),
    { numRuns: 200 },
  );
});
