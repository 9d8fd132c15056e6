import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isMap, mergePatch } from "./merge-patch.ts";

describe("mergePatch", () => {
  it("gives the results of RFC 7396, appendix A", () => {
    const cases: readonly (readonly [unknown, unknown, unknown])[] = [
      [{ a: "b" }, { a: "c" }, { a: "c" }],
      [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
      [{ a: "b" }, { a: null }, {}],
      [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
      [{ a: ["b"] }, { a: "c" }, { a: "c" }],
      [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
      [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
      [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
      [
        ["a", "b"],
        ["c", "d"],
        ["c", "d"],
      ],
      [{ a: "b" }, ["c"], ["c"]],
      [{ a: "foo" }, null, null],
      [{ a: "foo" }, "bar", "bar"],
      [{ e: null }, { a: 1 }, { e: null, a: 1 }],
      [[1, 2], { a: "b", c: null }, { a: "b" }],
      [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ];
    for (const [target, patch, result] of cases) assert.deepEqual(mergePatch(target, patch), result);
  });

  it("changes nothing the second time, and never its target", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (target, patch) => {
        const before = structuredClone(target);
        const once = mergePatch(target, patch);
        assert.deepEqual(mergePatch(once, patch), once);
        assert.deepEqual(target, before);
      }),
    );
  });

  it("keeps every field that the patch does not name, the very same", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.jsonValue()),
        fc.dictionary(fc.constantFrom("a", "b"), fc.jsonValue()),
        (target, patch) => {
          const merged = mergePatch(target, patch);
          assert.ok(isMap(merged));
          for (const key of Object.keys(target)) if (!(key in patch)) assert.equal(merged[key], target[key]);
          for (const [key, value] of Object.entries(patch)) assert.equal(key in merged, value !== null);
        },
      ),
    );
  });
});
