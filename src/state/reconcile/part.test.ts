import assert from "node:assert/strict";
import { test } from "node:test";
import { lease, route } from "#/model/index.ts";
import { partKind, servedKinds, storedKinds } from "./part.ts";

test("a kind without a face is stored and not served", () => {
  const parts = [{ kinds: [partKind(route), partKind(lease, { isFaceless: true })] }];
  assert.deepEqual(servedKinds(parts), [route]);
  assert.deepEqual(storedKinds(parts), [route, lease]);
});
