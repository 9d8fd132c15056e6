import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { sealedCopy } from "./sealed-copy.ts";

describe("sealedCopy", () => {
  it("is what JSON would make of a value", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => assert.deepEqual(sealedCopy(value), withoutPrototypeKeys(value))));
    assert.deepEqual(sealedCopy({ a: undefined, b: [undefined, Number.NaN], c: new Date(0), d: () => 1 }), {
      b: [null, null],
      c: "1970-01-01T00:00:00.000Z",
    });
  });

  it("is the former value itself if and only if nothing differs, and shares equal parts", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        const former = sealedCopy(one);
        assert.equal(sealedCopy(structuredClone(one), former), former);
        assert.equal(sealedCopy(other, former) === former, JSON.stringify(sorted(other)) === JSON.stringify(sorted(former)));
        const base = sealedCopy<{ readonly kept: unknown; readonly changed: number }>({ kept: one, changed: 1 });
        const next = sealedCopy({ kept: structuredClone(one), changed: 2 }, base);
        assert.equal(next.kept, base.kept);
        assert.equal(next.changed, 2);
      }),
    );
  });

  it("cannot be changed, at any depth, and leaves what it copied as it was", () => {
    const value = { list: [{ a: 1 }] };
    const sealed = sealedCopy<typeof value>(value);
    assert.throws(() => sealed.list.push({ a: 2 }), TypeError);
    assert.throws(() => Object.assign(sealed.list[0] ?? {}, { a: 2 }), TypeError);
    value.list.push({ a: 3 });
    assert.equal(sealed.list.length, 1);
  });

  it("does not let a key set a prototype", () => {
    const sealed = sealedCopy<Record<string, unknown>>(JSON.parse('{"__proto__":{"isAdmin":true},"a":1}'));
    assert.equal(sealed["isAdmin"], undefined);
    assert.deepEqual(Object.keys(sealed), ["a"]);
  });
});

function withoutPrototypeKeys(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, inner: unknown) => {
    if (typeof inner === "object" && inner !== null && Object.hasOwn(inner, "__proto__")) Reflect.deleteProperty(inner, "__proto__");
    return inner;
  });
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(withoutPrototypeKeys(value) as object).sort(([a], [b]) => (a < b ? -1 : 1));
  return { entries: entries.map(([key, inner]) => [key, sorted(inner)]) };
}
