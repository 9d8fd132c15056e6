import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { BoundedQueue } from "./bounded-queue.ts";

test("items come out in their order, also many of them, and no more than the bound wait", async () => {
  const queue = new BoundedQueue<number>(3000);
  const taken: unknown[] = [];
  let next = 0;
  for (let round = 0; round < 5; round++) {
    while (queue.offer(next)) next++;
    assert.equal(queue.size, 3000);
    for (let count = 0; count < 2000; count++) taken.push(await queue.take());
  }
  assert.deepEqual(
    taken,
    Array.from({ length: 10_000 }, (_, index) => index),
  );
});

test("what was taken is not kept", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const queue = new BoundedQueue<object>(10);
  queue.offer({ first: true });
  queue.offer({ second: true });
  const reference = new WeakRef((await queue.take()) ?? {});
  // A WeakRef keeps what it names until the end of the turn that made it.
  await turn();
  collectGarbage();
  assert.equal(reference.deref(), undefined);
  assert.deepEqual(await queue.take(), { second: true });
  assert.equal(queue.size, 0);
});

test("after the end what is queued is still delivered; after a failure nothing is", async () => {
  const ended = new BoundedQueue<string>(10);
  ended.offer("a");
  ended.end();
  assert.equal(ended.offer("b"), false);
  assert.deepEqual([await ended.take(), await ended.take()], ["a", undefined]);
  const failed = new BoundedQueue<string>(10);
  failed.offer("a");
  failed.fail(new Error("gone"));
  await assert.rejects(failed.take(), /gone/);
});

test("a consumer that waits is woken by an item, and by the end", async () => {
  const queue = new BoundedQueue<string>(10);
  const all = (async () => {
    const items: string[] = [];
    for await (const item of queue) items.push(item);
    return items;
  })();
  queue.offer("a");
  await turn();
  queue.offer("b");
  await turn();
  queue.end();
  assert.deepEqual(await all, ["a", "b"]);
});
