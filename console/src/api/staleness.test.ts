import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { beliefIn, NO_BEAT } from "./staleness.ts";

const NOW = 1_000_000;

test("what nobody has said is unknown, whatever else holds", () => {
  fc.assert(
    fc.property(fc.option(fc.nat(60_000), { nil: undefined }), fc.option(fc.nat(NOW), { nil: undefined }), (beatMs, cutAtMs) => {
      assert.equal(beliefIn({ seenAtMs: undefined, beatMs, cutAtMs, nowMs: NOW }), "unknown");
      assert.equal(beliefIn({ seenAtMs: Number.NaN, beatMs, cutAtMs, nowMs: NOW }), "unknown");
    }),
  );
});

test("after a cut nothing is live, however young it is", () => {
  fc.assert(fc.property(fc.nat(NOW), (seenAtMs) => assert.equal(beliefIn({ seenAtMs, beatMs: 10_000, cutAtMs: NOW, nowMs: NOW }), "stale")));
});

test("a source with a heartbeat is believed for three of them; one without is as old as its last change, and live", () => {
  for (const [ageMs, belief] of [
    [0, "live"],
    [30_000, "live"],
    [30_001, "stale"],
    // Its clock is ahead.
    [-3_600_000, "live"],
  ] as const)
    assert.equal(beliefIn({ seenAtMs: NOW - ageMs, beatMs: 10_000, cutAtMs: undefined, nowMs: NOW }), belief);
  assert.equal(beliefIn({ seenAtMs: 0, beatMs: NO_BEAT, cutAtMs: undefined, nowMs: NOW }), "live");
});
