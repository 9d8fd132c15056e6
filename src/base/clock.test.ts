import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, ManualClock, steadyClock, systemClock } from "./clock.ts";

test("a steady clock goes on evenly when the machine's is set, and tells by how much", () => {
  const manual = new ManualClock();
  let setByMs = 0;
  const machine: Clock = {
    now: () => manual.now() + setByMs,
    monotonic: () => manual.monotonic(),
    after: (delayMs, callback) => manual.after(delayMs, callback),
  };
  const steady = steadyClock(machine);
  const startMs = steady.now();
  manual.advance(1000);
  assert.deepEqual([steady.now() - startMs, steady.offByMs()], [1000, 0]);
  setByMs = -3_600_000;
  manual.advance(500);
  assert.deepEqual([steady.now() - startMs, steady.offByMs()], [1500, -3_600_000]);
  let fired = 0;
  steady.after(100, () => fired++);
  manual.advance(100);
  assert.equal(fired, 1);
});

test("a delay of more than 25 days does not fire at once, and is cancelled whole", async () => {
  let fired = 0;
  const cancel = systemClock.after(40 * 86_400_000, () => fired++, { background: true });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(fired, 0);
  cancel();
});
