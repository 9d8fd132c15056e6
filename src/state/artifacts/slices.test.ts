import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { inSlices } from "./slices.ts";

test("long work on many items comes in their order and lets others have turns between them", async () => {
  const done: number[] = [];
  let turns = 0;
  const work = (async () => {
    for await (const item of inSlices(Array.from({ length: 40 }, (_, index) => index))) {
      const untilMs = performance.now() + 1;
      while (performance.now() < untilMs);
      done.push(item);
    }
  })();
  while (done.length < 40) {
    await nextTurn();
    turns += 1;
  }
  await work;
  assert.deepEqual(
    done,
    Array.from({ length: 40 }, (_, index) => index),
  );
  assert.ok(turns >= 5, String(turns));
});
