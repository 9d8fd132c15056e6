import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { differenceOf, fieldsOf } from "./difference.ts";
import { EMPTY, type FieldSet, intersect, isEmpty, pathsOf, subtract, unite } from "./field-set.ts";
import type { Shape } from "./shape.ts";

const leaf: Shape = { type: "atom" };
const shape: Shape = {
  type: "map",
  fields: new Map<string, Shape>([
    ["list", { type: "list", key: "name", items: { type: "map", fields: new Map(), others: leaf } }],
    ["set", { type: "set" }],
    ["free", { type: "unknown" }],
    ["atom", leaf],
    ["map", { type: "map", fields: new Map(), others: leaf }],
  ]),
  others: leaf,
};
const name = fc.constantFrom("a", "b", "c");
const small = fc.constantFrom(1, 2, "x");
/** Values of the shape, made so that two of them often agree in parts. */
const value = fc.record(
  {
    list: fc.uniqueArray(fc.record({ name, value: small, more: small }, { requiredKeys: ["name"] }), { selector: (item) => item.name, maxLength: 3 }),
    set: fc.uniqueArray(name, { maxLength: 3 }),
    free: fc.oneof(small, fc.dictionary(name, fc.oneof(small, fc.dictionary(name, small, { noNullPrototype: true })), { noNullPrototype: true })),
    atom: fc.array(small, { maxLength: 2 }),
    map: fc.dictionary(name, small, { noNullPrototype: true }),
  },
  { requiredKeys: [] },
);
const set = value.map((one) => fieldsOf(shape, one));
const members = (one: FieldSet) => new Set(pathsOf(one));

describe("field sets", () => {
  it("unite, subtract and intersect as sets of paths do", () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        assert.deepEqual(members(unite(a, b)), members(a).union(members(b)));
        assert.deepEqual(members(subtract(a, b)), members(a).difference(members(b)));
        assert.deepEqual(members(intersect(a, b)), members(a).intersection(members(b)));
      }),
    );
  });

  it("stay the same where an operation changes nothing", () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        const both = unite(a, b);
        assert.equal(unite(both, b), both);
        const rest = subtract(a, b);
        assert.equal(subtract(rest, b), rest);
      }),
    );
  });

  it("name their members as kubectl does", () => {
    const paths = pathsOf(
      fieldsOf(shape, { list: [{ name: "a", value: 1 }], set: ["x"], map: { "example.org/k": 1 }, free: { a: { b: 2 } }, atom: [1] }),
    );
    assert.deepEqual(paths, [
      '.list[name="a"]',
      '.list[name="a"].name',
      '.list[name="a"].value',
      '.set[="x"]',
      ".map.example.org/k",
      ".free.a.b",
      ".atom",
    ]);
  });
});

describe("differenceOf", () => {
  it("is empty exactly between equal values, apart from the order of keyed lists", () => {
    fc.assert(
      fc.property(value, (one) => {
        assert.deepEqual(differenceOf(shape, one, structuredClone({ ...one, atom: one.atom })).removed, EMPTY);
        assert.ok(isEmpty(differenceOf(shape, one, one).changed));
      }),
    );
  });

  it("says of every field of either value what happened to it", () => {
    fc.assert(
      fc.property(value, value, (former, next) => {
        const { changed, removed } = differenceOf(shape, former, next);
        const before = members(fieldsOf(shape, former));
        const after = members(fieldsOf(shape, next));
        for (const path of after) if (!before.has(path)) assert.ok(members(changed).has(path), `${path} is new`);
        for (const path of before) if (!after.has(path)) assert.ok(members(removed).has(path), `${path} is gone`);
        for (const path of members(changed)) assert.ok(after.has(path), `${path} is there`);
        for (const path of members(removed)) assert.ok(!after.has(path), `${path} is not there`);
      }),
    );
  });
});
