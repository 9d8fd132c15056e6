import assert from "node:assert/strict";
import { test } from "node:test";
import { sleep } from "#/base/index.ts";
import { SkippingClock } from "./skipping-clock.ts";

/** Turns of the event loop, as a chain of commits takes. */
async function work(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
}

test("a day that is waited for takes no time, and what falls due on the way is done at its time, with all that comes of it", async () => {
  const clock = new SkippingClock();
  const startMs = clock.now();
  const begunMs = performance.now();
  const seen: string[] = [];
  const tell = (what: string): void => void seen.push(`${what} at ${clock.now() - startMs}`);
  clock.after(3_600_000, () => void work(20).then(() => tell("the work")));
  clock.after(3_600_001, () => tell("the next"));
  clock.after(86_400_001, () => tell("too late"));
  await clock.wait(86_400_000);
  assert.deepEqual(seen, ["the work at 3600000", "the next at 3600001"]);
  assert.equal(clock.now() - startMs, 86_400_000);
  assert.ok(performance.now() - begunMs < 60_000);
});

test("while nobody waits the clock stands still, also when work is done; two that wait are woken in the order of their times", async () => {
  const clock = new SkippingClock();
  const startMs = clock.now();
  clock.after(5, () => assert.fail("nobody waits"));
  await work(50);
  assert.equal(clock.now(), startMs);
  const other = new SkippingClock();
  const woken: string[] = [];
  const wait = async (which: SkippingClock, ms: number): Promise<void> => {
    await which.wait(ms);
    woken.push(`${ms} at ${which.now() - startMs}`);
  };
  await Promise.all([wait(other, 30), wait(other, 10), wait(other, 20).then(() => wait(other, 5))]);
  assert.deepEqual(woken, ["10 at 10", "20 at 20", "5 at 25", "30 at 30"]);
});

test("a failure is handed on, and the clock stands still again", async () => {
  const clock = new SkippingClock();
  const startMs = clock.now();
  await assert.rejects(clock.waitFor(sleep(clock, 5).then(() => Promise.reject(new Error("no")))), /no/);
  assert.equal(clock.now() - startMs, 5);
  clock.after(5, () => assert.fail("nobody waits"));
  await work(50);
  assert.equal(clock.now() - startMs, 5);
});
