import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, seededRandom } from "#/base/index.ts";
import { WorkQueue } from "./work-queue.ts";

function makeQueue(): { clock: ManualClock; queue: WorkQueue } {
  const clock = new ManualClock();
  return { clock, queue: new WorkQueue({ clock, random: seededRandom(1), backoff: { firstMs: 100, maxMs: 1000, jitter: 0 } }) };
}

test("a key added many times is handed out once", async () => {
  const { queue } = makeQueue();
  for (let i = 0; i < 5; i++) queue.add("a");
  queue.add("b");
  assert.equal(await queue.take(), "a");
  assert.equal(await queue.take(), "b");
  assert.equal(queue.size, 2);
});

test("a key added while it is worked on comes again afterwards, not before", async () => {
  const { queue } = makeQueue();
  queue.add("a");
  await queue.take();
  queue.add("a");
  queue.add("b");
  assert.equal(await queue.take(), "b");
  queue.done("a");
  assert.equal(await queue.take(), "a");
});

test("a failing key comes again after a growing delay, also if it changed meanwhile", async () => {
  const { clock, queue } = makeQueue();
  queue.add("a");
  await queue.take();
  queue.add("a");
  assert.equal(queue.failed("a"), 1);
  const taken: (string | undefined)[] = [];
  const waiting = queue.take().then((key) => taken.push(key));
  clock.advance(99);
  await Promise.resolve();
  assert.deepEqual(taken, []);
  clock.advance(1);
  await waiting;
  assert.deepEqual(taken, ["a"]);
  assert.equal(queue.failed("a"), 2);
  assert.equal(clock.nextTimer(), clock.now() + 200);
});

test("of two times set for a key the earlier holds, and adding it now cancels both", async () => {
  const { clock, queue } = makeQueue();
  queue.addAfter("a", 50);
  queue.addAfter("a", 500);
  assert.equal(clock.nextTimer(), clock.now() + 50);
  queue.add("a");
  assert.equal(clock.nextTimer(), undefined);
  assert.equal(await queue.take(), "a");
});

test("closing ends those who wait", async () => {
  const { queue } = makeQueue();
  const waiting = queue.take();
  queue.close();
  assert.equal(await waiting, undefined);
});
