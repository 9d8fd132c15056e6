import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { reachOf } from "./reach.ts";

type Rule = Parameters<typeof reachOf>[0] extends infer R ? (NonNullable<R> extends { resources: readonly (infer One)[] } ? One : never) : never;
const rules = (...resources: readonly Rule[]) => ({ resources, paths: [], actions: [] });
const SEES = { verbs: ["get", "list", "watch"], groups: ["orrery.dev"], resources: ["*"] };

test("a role for the whole site sees all, one for labels or names a part, none nothing", () => {
  assert.deepEqual(reachOf(undefined, "routes"), { isWhole: true, parts: [] });
  assert.deepEqual(reachOf(rules(), "routes"), { isWhole: false, parts: [] });
  assert.deepEqual(reachOf(rules(SEES), "routes"), { isWhole: true, parts: [] });
  assert.deepEqual(reachOf(rules(SEES)), { isWhole: true, parts: [] });
  assert.deepEqual(reachOf(rules({ ...SEES, where: "team=a" }), "routes"), { isWhole: false, parts: ["team=a"] });
  assert.deepEqual(reachOf(rules({ ...SEES, resources: ["routes"], names: ["b", "a"] }), "routes"), { isWhole: false, parts: ["a", "b"] });
  assert.deepEqual(reachOf(rules({ ...SEES, resources: ["routes"] }), "users"), { isWhole: false, parts: [] });
  assert.deepEqual(reachOf(rules({ ...SEES, resources: ["routes"] })), { isWhole: false, parts: ["routes"] });
  assert.deepEqual(reachOf(rules({ ...SEES, verbs: ["update"] }), "routes"), { isWhole: false, parts: [] });
});

test("more rules never show less", () => {
  const some = fc.record(
    {
      verbs: fc.subarray(["get", "list", "*"]),
      groups: fc.subarray(["orrery.dev", "*", ""]),
      resources: fc.subarray(["routes", "users", "*", "microservices/log"]),
      names: fc.subarray(["a", "b"], { minLength: 1 }),
      where: fc.constantFrom("team=a", "x in (y)"),
    },
    { requiredKeys: ["verbs", "groups", "resources"] },
  );
  fc.assert(
    fc.property(fc.array(some, { maxLength: 5 }), some, fc.constantFrom(undefined, "routes", "users"), (before, more, resource) => {
      const [less, all] = [reachOf(rules(...before), resource), reachOf(rules(...before, more), resource)];
      assert.ok(all.isWhole || (!less.isWhole && less.parts.every((part) => all.parts.includes(part))));
    }),
  );
});
