import assert from "node:assert/strict";
import { test } from "node:test";
import { setHeard } from "./heard.ts";

const NOW_MS = Date.parse("2030-01-01T00:00:10Z");

test("a silence is told since it began, its end when it ended, and of one that never was nothing", () => {
  assert.deepEqual(setHeard([], undefined, "agent", NOW_MS), []);
  const silent = setHeard([], NOW_MS - 6_000, "agent", NOW_MS);
  assert.deepEqual(
    silent.map(({ type, status, reason, lastTransitionTime }) => [type, status, reason, lastTransitionTime]),
    [["Heard", "False", "Silent", "2030-01-01T00:00:04.000Z"]],
  );
  // Looked at again, it is written once.
  assert.equal(setHeard(silent, NOW_MS - 6_000, "agent", NOW_MS + 1_000), silent);
  const heard = setHeard(silent, undefined, "agent", NOW_MS + 2_000);
  assert.deepEqual([heard[0]?.status, heard[0]?.lastTransitionTime], ["True", "2030-01-01T00:00:12.000Z"]);
});
