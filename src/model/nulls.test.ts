import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { checkManifest, kinds } from "./all-kinds.ts";
import { arbitraryOf } from "./arbitrary.ts";
import { withoutNulls } from "./nulls.ts";
import { resource } from "./resource.ts";
import { findOversize } from "./size.ts";

describe("withoutNulls", () => {
  it("takes null for a field as no field, at any depth and in elements of lists, and leaves it where it is a value", () => {
    const spec = { id: "a", place: null, desired: { a: null }, env: [{ name: "A", value: null }, null], access: null };
    assert.deepEqual(withoutNulls(resource.spec, spec), { id: "a", desired: { a: null }, env: [{ name: "A" }, null] });
    assert.deepEqual(withoutNulls(resource.spec, { unknown: null, files: null }), { unknown: null });
    const same = { id: "a", env: [{ name: "A" }] };
    assert.equal(withoutNulls(resource.spec, same), same);
  });

  it("makes each optional field of each kind the same, whether it is null or left out", () => {
    for (const kind of kinds)
      fc.assert(
        fc.property(arbitraryOf(kind.spec), (spec) => {
          const nulled = nullOptional(kind.spec.parse(spec) as Record<string, unknown>, spec as Record<string, unknown>);
          const read = kind.spec.safeParse(withoutNulls(kind.spec, nulled));
          assert.deepEqual(read.success ? read.data : read.error.message, kind.spec.parse(spec), kind.kind);
        }),
        { numRuns: 10 },
      );
  });

  it("is what a manifest is checked by", () => {
    const manifest = {
      apiVersion: "orrery.dev/v1",
      kind: "Resource",
      metadata: { name: "a", labels: null },
      spec: { id: "a", type: "thing", place: null },
      status: null,
    };
    assert.deepEqual(checkManifest(manifest).violations, []);
    assert.match(checkManifest({ ...manifest, spec: { id: null, type: "thing" } }).violations[0]?.message ?? "", /found nothing/);
  });
});

/** `spec` with null for the fields that it leaves out, where `whole` says that they may be. */
function nullOptional(whole: Record<string, unknown>, spec: Record<string, unknown>): unknown {
  const left = Object.keys(whole).filter((key) => !(key in spec));
  return { ...spec, ...Object.fromEntries(left.map((key) => [key, null])) };
}

describe("findOversize", () => {
  it("finds what is too much before the schema looks at each part of it", () => {
    const spec = (more: object) => findOversize(resource.spec, { id: "a", type: "thing", ...more });
    assert.equal(spec({ desired: { list: Array.from({ length: 40_000 }, () => 1) } }), undefined);
    assert.match(spec({ desired: { list: Array.from({ length: 60_000 }, () => 1) } })?.allowed ?? "", /50000 values/);
    let deep: unknown = 1;
    for (let level = 0; level < 200; level++) deep = [deep];
    assert.match(spec({ desired: { deep } })?.allowed ?? "", /100 levels/);
    assert.deepEqual(spec({ env: Array.from({ length: 6_000 }, () => 1) }), { path: ["env"], allowed: "at most 5000 elements" });
    const labels = Object.fromEntries(Array.from({ length: 6_000 }, (_, index) => [`k ${index}`, ""]));
    const manifest = {
      apiVersion: "orrery.dev/v1",
      kind: "Microservice",
      metadata: { name: "a", labels },
      spec: { template: { version: "v1", run: { command: ["a"] } } },
    };
    assert.deepEqual(
      checkManifest(manifest).violations.map(({ field, message }) => `${field}: ${message}`),
      ["metadata.labels: found more; allowed: at most 5000 keys"],
    );
  });

  it("tells a hundred faults at most, shortly", () => {
    const many = Object.fromEntries(Array.from({ length: 4_000 }, (_, index) => [`${"long".repeat(200)}${index}`, 1]));
    const { violations } = checkManifest({
      apiVersion: "orrery.dev/v1",
      kind: "Resource",
      metadata: { name: "a" },
      spec: { id: "a", type: "thing", ...many },
    });
    assert.equal(violations.length, 101);
    assert.match(violations.at(-1)?.message ?? "", /^and 3900 more$/);
    assert.ok(Math.max(...violations.map(({ field }) => field.length)) < 400);
  });
});
