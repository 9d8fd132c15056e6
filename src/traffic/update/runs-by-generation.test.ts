import assert from "node:assert/strict";
import { test } from "node:test";
import type { Instance } from "#/model/index.ts";
import { RunsByGeneration } from "./runs-by-generation.ts";

test("a run keeps its generation for each service that it may call until it is over", () => {
  const runs = new RunsByGeneration();
  const one = (name: string, generation: number, more: object = {}, outcome?: string): Instance =>
    ({ metadata: { name }, spec: { once: {}, generation, ...more }, status: { outcome } }) as unknown as Instance;
  runs.put(undefined, one("a", 1));
  runs.put(undefined, one("b", 1, { calls: ["auth"] }));
  runs.put(undefined, one("c", 2));
  const map = { auth: "auth-v1", portal: "portal-v1" };
  assert.deepEqual(
    runs.of(1, map).map((each) => `${each.instance} ${each.service}`),
    ["a auth", "a portal", "b auth"],
  );
  runs.put(one("a", 1), one("a", 1, {}, "Failed"));
  runs.put(one("b", 1), undefined);
  assert.deepEqual(runs.of(1, map), []);
  assert.equal(runs.of(2, map).length, 2);
});
