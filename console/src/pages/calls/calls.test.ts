import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallTableRow } from "../../../../src/face/views/protocol.ts";
import { barsOf, callerOf, keyOf, LEVELS, type Level, levelOf, partsOf } from "./calls.ts";

const row: CallTableRow = {
  ...{ caller: "", service: "auth", revision: "auth-v1", instance: "", host: "h", calls: 0, errors: 0, refused: 0 },
  ...{ rate: 0, errorShare: 0, refusedRate: 0, inFlight: 0, unlabelledRate: 0, hurts: false },
};

test("a key of any level names its parts again, empty ones too", () => {
  for (const level of Object.keys(LEVELS) as Level[]) {
    const parts = partsOf(keyOf(row, level), level);
    for (const part of LEVELS[level]) assert.equal(parts[part], row[part]);
  }
});

test("what an address cannot mean is taken for the usual", () => {
  assert.equal(levelOf("constructor"), "services");
  assert.deepEqual(["", "-", "?", "portal"].map(callerOf), [undefined, "", "?", "portal"]);
});

test("bars begin and end where calls do, and the fullest is whole", () => {
  const bars = barsOf([
    { untilMs: 1, calls: 0 },
    { untilMs: 2, calls: 0 },
    { untilMs: 5, calls: 3 },
    { untilMs: 10, calls: 12 },
    { untilMs: 20, calls: 0 },
    { untilMs: null, calls: 0 },
  ]);
  assert.deepEqual(
    bars.map(({ untilMs, height }) => [untilMs, height]),
    [
      [2, 0],
      [5, 0.25],
      [10, 1],
      [20, 0],
    ],
  );
  assert.deepEqual(barsOf([{ untilMs: null, calls: 0 }]), []);
});
