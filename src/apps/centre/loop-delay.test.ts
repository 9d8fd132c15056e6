import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#/base/index.ts";
import { LoopDelay } from "./loop-delay.ts";

/** As node:perf_hooks has it, in nanoseconds. */
class Recorded {
  max = 0;
  percentile(): number {
    return this.max / 2;
  }
  enable(): void {}
  reset(): void {
    this.max = 0;
  }
}

test("the longest delay is known for ten to twenty seconds, and makes the centre not ready where it is long", () => {
  const clock = new ManualClock();
  const recorded = new Recorded();
  const loop = new LoopDelay(clock, recorded);
  loop.check();
  recorded.max = 300e6;
  assert.deepEqual(loop.quantiles(), { "0.5": 0.05, "0.99": 0.05, "1": 0.2 });
  loop.check();
  recorded.max = 6_100e6;
  assert.throws(() => loop.check(), /busy for 6\.0 s without a break/);
  clock.advance(10_000);
  assert.throws(() => loop.check(), /busy for 6\.0 s/);
  clock.advance(10_000);
  loop.check();
  assert.equal(loop.quantiles()["1"], 0);
});

test("the thread of this process is measured", async () => {
  const loop = new LoopDelay(new ManualClock());
  await new Promise((resolve) => setTimeout(resolve, 250));
  const endMs = performance.now() + 300;
  while (performance.now() < endMs);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(loop.quantiles()["1"] > 0.1, `${loop.quantiles()["1"]} s`);
});
