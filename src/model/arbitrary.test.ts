import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkManifest, kinds } from "./all-kinds.ts";
import { arbitraryManifest } from "./arbitrary.ts";
import { API_VERSION } from "./metadata.ts";

for (const kind of kinds) {
  test(`manifests of ${kind.kind} are made from its own schema, and differ`, () => {
    const made = fc.sample(arbitraryManifest(kind), { numRuns: 30, seed: 7 });
    for (const one of made) {
      const { violations } = checkManifest({ apiVersion: API_VERSION, kind: kind.kind, ...one });
      assert.deepEqual(violations, [], JSON.stringify(one));
    }
    assert.ok(new Set(made.map((one) => JSON.stringify(one))).size > (kind.kind === "Host" ? 5 : 15));
  });
}
