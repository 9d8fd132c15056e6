import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#/base/index.ts";
import { DerivedAnswer } from "./derived-answer.ts";

test("two rows of one key are told under two", () => {
  const rows = ["a", "b", "a"].map((key, index) => ({ key, row: { index } }));
  const answer = new DerivedAnswer({ followed: [], compute: () => rows, clock: new ManualClock() });
  assert.deepEqual(
    answer.read().rows.map((one) => one.key),
    ["a", "b", "a #2"],
  );
});

test("what takes long to compute is computed less often, and what depends on the time alone now and then", () => {
  const clock = new ManualClock();
  let count = 0;
  const compute = () => {
    count += 1;
    clock.advance(100);
    return [];
  };
  const answer = new DerivedAnswer({ followed: [], compute, clock });
  answer.read();
  answer.apply();
  assert.equal(answer.isChanged, false, "it rests");
  clock.advance(2_000);
  assert.equal(answer.isChanged, true);
  answer.read();
  assert.equal(answer.isChanged, false);
  clock.advance(10_000);
  assert.equal(answer.isChanged, true, "nothing has changed but the time");
  assert.equal(count, 2);
});
