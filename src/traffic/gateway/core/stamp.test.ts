import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "#/base/index.ts";
import { stampedGeneration } from "./stamp.ts";

const about = { history: "h", head: undefined, client: "10.0.0.1", random: seededRandom(1) };

test("while some transactions are held, all others already get the generation that comes: nothing new joins those that are waited for", () => {
  const plan = { generation: 3, hold: { to: 4, services: ["antenna"], since: "2026-01-01T00:00:00Z" } };
  assert.equal(stampedGeneration(plan, about), 4);
  assert.equal(stampedGeneration({ generation: 4 }, about), 4);
});
