import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#/base/index.ts";
import { watchClock } from "./clock-watch.ts";

test("a clock that is set by more than a second is told once; one that is only corrected a little is not", () => {
  const stop = new AbortController();
  const manual = new ManualClock();
  let offByMs = 0;
  const told: number[] = [];
  watchClock(
    {
      now: () => manual.now(),
      monotonic: () => manual.monotonic(),
      after: (delayMs, callback) => manual.after(delayMs, callback),
      offByMs: () => offByMs,
    },
    stop.signal,
    (by) => told.push(by),
  );
  offByMs = 900;
  manual.advance(5000);
  assert.deepEqual(told, []);
  offByMs = -3_600_000;
  manual.advance(5000);
  assert.deepEqual(told, [-3_600_000]);
});
