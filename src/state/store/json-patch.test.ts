import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isOrreryError } from "#/base/index.ts";
import { patchJson } from "./json-patch.ts";

const patch = (object: unknown, ...operations: readonly unknown[]): unknown => patchJson("it", object, operations);

function reasonOf(object: unknown, ...operations: readonly unknown[]): string {
  try {
    return `became ${JSON.stringify(patch(object, ...operations))}`;
  } catch (error) {
    assert.ok(isOrreryError(error, "store/invalid"), String(error));
    return error.message;
  }
}

describe("patchJson", () => {
  it("carries out the six operations of RFC 6902", () => {
    const cases: readonly (readonly [unknown, readonly object[], unknown])[] = [
      [{ a: 1 }, [{ op: "add", path: "/b", value: [2] }], { a: 1, b: [2] }],
      [{ a: [1, 3] }, [{ op: "add", path: "/a/1", value: 2 }], { a: [1, 2, 3] }],
      [{ a: [1] }, [{ op: "add", path: "/a/-", value: 2 }], { a: [1, 2] }],
      [{ a: { b: 1 } }, [{ op: "remove", path: "/a/b" }], { a: {} }],
      [{ a: [1, 2, 3] }, [{ op: "remove", path: "/a/0" }], { a: [2, 3] }],
      [{ a: [1, 2] }, [{ op: "replace", path: "/a/1", value: null }], { a: [1, null] }],
      [{ a: { b: 1 } }, [{ op: "move", from: "/a/b", path: "/c" }], { a: {}, c: 1 }],
      [{ a: [1, 2, 3] }, [{ op: "move", from: "/a/0", path: "/a/2" }], { a: [2, 3, 1] }],
      [{ a: { b: 1 } }, [{ op: "copy", from: "/a", path: "/c" }], { a: { b: 1 }, c: { b: 1 } }],
      [{ "a/b": { "~c": 1 } }, [{ op: "replace", path: "/a~1b/~0c", value: 2 }], { "a/b": { "~c": 2 } }],
      [{ a: [{ x: [1] }] }, [{ op: "test", path: "/a/0/x", value: [1] }], { a: [{ x: [1] }] }],
      [{ a: 1 }, [{ op: "replace", path: "", value: { b: 1 } }], { b: 1 }],
      [{ "": 1 }, [{ op: "replace", path: "/", value: 2 }], { "": 2 }],
    ];
    for (const [object, operations, wanted] of cases) assert.deepEqual(patch(object, ...operations), wanted, JSON.stringify(operations));
  });

  it("leaves the object as it was, and a copy apart from what it was copied from", () => {
    const object = Object.freeze({ a: Object.freeze({ b: Object.freeze([1]) }) });
    const value = { x: [1] };
    const operations = [
      { op: "copy", from: "/a", path: "/c" },
      { op: "add", path: "/c/b/-", value: 2 },
      { op: "add", path: "/v", value },
      { op: "copy", from: "/v", path: "/w" },
      { op: "add", path: "/w/x/-", value: 2 },
      { op: "add", path: "/v/x/-", value: 3 },
      { op: "copy", from: "/c", path: "/d" },
      { op: "replace", path: "/c/b/0", value: 9 },
    ];
    assert.deepEqual(patch(object, ...operations), { a: { b: [1] }, c: { b: [9, 2] }, v: { x: [1, 3] }, w: { x: [1, 2] }, d: { b: [1, 2] } });
    assert.deepEqual([object, value], [{ a: { b: [1] } }, { x: [1] }]);
  });

  it("says which operation cannot be carried out, and why", () => {
    const cases: readonly (readonly [object, RegExp])[] = [
      [{ op: "jump", path: "/a" }, /operation 0 \(jump \/a\): op: allowed: add/],
      [{ op: "remove", path: "/b" }, /there is no "b"/],
      [{ op: "replace", path: "/b", value: 1 }, /there is no "b"/],
      [{ op: "add", path: "/l/3", value: 1 }, /there is no position "3"/],
      [{ op: "add", path: "/l/01", value: 1 }, /there is no position "01"/],
      [{ op: "add", path: "/a/b", value: 1 }, /through a value that is no map/],
      [{ op: "add", path: "/b" }, /value: missing/],
      [{ op: "add", path: "b", value: 1 }, /begins with \//],
      [{ op: "copy", path: "/b" }, /from: missing/],
      [{ op: "move", from: "/l", path: "/l/0" }, /into itself/],
      [{ op: "test", path: "/a", value: 2 }, /the tested value is another/],
      [{ op: "remove", path: "" }, /delete it/],
      [{ op: "add", path: "/__proto__", value: {} }, /__proto__/],
      [{ op: "add", path: "/toString/x", value: {} }, /there is no "toString"/],
    ];
    for (const [operation, reason] of cases) assert.match(reasonOf({ a: 1, l: [1, 2] }, operation), reason, JSON.stringify(operation));
    assert.match(reasonOf({}, null), /operation 0 \(\? \?\): an operation is a map/);
    assert.throws(() => patchJson("it", {}, { op: "add" }), { code: "store/invalid" });
  });

  it("comes to an end where copies are copied, in width, in depth and in text", () => {
    const doubling = Array.from({ length: 40 }, (_, index) => ({ op: "copy", from: "/d", path: `/d/k${index}` }));
    assert.match(reasonOf({ d: { a: [1, 2, 3] } }, ...doubling), /too much work|deeper than 100/);
    const nesting = Array.from({ length: 200 }, () => ({ op: "move", from: "/a", path: "/b" })).flatMap(() => [
      { op: "copy", from: "/a", path: "/b" },
      { op: "add", path: "/a", value: {} },
      { op: "move", from: "/b", path: "/a/x" },
    ]);
    assert.match(reasonOf({ a: {} }, ...nesting), /deeper than 100 levels/);
    const texts = Array.from({ length: 1_000 }, (_, index) => ({ op: "copy", from: "/t", path: `/t${index}` }));
    assert.match(reasonOf({ t: "x".repeat(800_000) }, ...texts), /too much work/);
    const shifting = Array.from({ length: 9_000 }, () => ({ op: "add", path: "/l/0", value: 1 }));
    assert.match(reasonOf({ l: Array.from({ length: 10_000 }, () => 1) }, ...shifting), /too much work/);
    const asking = Array.from({ length: 9_000 }, () => ({ op: "test", path: "/l", value: Array.from({ length: 100 }, () => 1) }));
    assert.match(reasonOf({ l: Array.from({ length: 100 }, () => 1) }, ...asking), /too much work/);
  });
});
