import assert from "node:assert/strict";
import { test } from "node:test";
import { runBeside, watchRoom } from "./test-queue.ts";

/** Jobs that end when told to; `begun` has those that have begun, in order. */
function makeJobs(count: number): { jobs: (() => Promise<void>)[]; begun: number[]; end: (index: number) => void } {
  const [begun, ends] = [[] as number[], new Map<number, () => void>()];
  const jobs = Array.from({ length: count }, (_, index) => () => {
    begun.push(index);
    return new Promise<void>((resolve) => ends.set(index, resolve));
  });
  return { jobs, begun, end: (index) => ends.get(index)?.() };
}

const turn = (ms = 40): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("on a machine without room only the least number of jobs run at once, and all come to their turn in order", async () => {
  const { jobs, begun, end } = makeJobs(4);
  const ended = runBeside(jobs, { least: 2, most: 4, hasRoom: () => false, lookMs: 2 });
  await turn();
  assert.deepEqual(begun, [0, 1]);
  end(1);
  await turn();
  assert.deepEqual(begun, [0, 1, 2]);
  for (const index of [0, 2]) end(index);
  await turn();
  end(3);
  await ended;
  assert.deepEqual(begun, [0, 1, 2, 3]);
});

test("while there is room more jobs begin, one after each look, up to the most", async () => {
  const { jobs, begun, end } = makeJobs(6);
  let looks = 0;
  const ended = runBeside(jobs, { least: 1, most: 4, hasRoom: () => ++looks > 0, lookMs: 2 });
  await turn(100);
  assert.deepEqual([begun, looks], [[0, 1, 2, 3], 3]);
  for (let index = 0; index < 6; index++) {
    end(index);
    await turn();
  }
  await ended;
});

test("there is room where processors idle and memory is free", () => {
  let [idleMs, allMs, free] = [0, 0, 4e9];
  const pass = (idle: number): void => {
    idleMs += idle;
    allMs += 1000;
  };
  const hasRoom = watchRoom(
    () => ({ idleMs, allMs }),
    () => free,
  );
  assert.equal(hasRoom(), false, "nothing is known yet");
  pass(700);
  assert.equal(hasRoom(), true);
  pass(100);
  assert.equal(hasRoom(), false);
  pass(700);
  free = 5e8;
  assert.equal(hasRoom(), false);
});
