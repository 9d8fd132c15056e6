import assert from "node:assert/strict";
import { test } from "node:test";
import { nextTerm } from "./index.ts";

const status = { history: "h", epoch: 3, counter: 7, generations: [{ number: 7, phase: "Active" as const, since: "2026-11-22T12:00:00.000Z" }], stamp: { generation: 7 } };

test("the first term begins the store's history at epoch 1", () => {
  const first = nextTerm(undefined, "h");
  assert.deepEqual([first.history, first.epoch, first.counter, first.generations], ["h", 1, 0, []]);
});

test("each later term raises the epoch and keeps what was decided", () => {
  assert.deepEqual(nextTerm(status, "h"), { ...status, epoch: 4 });
});

test("a restored store begins a new history, and its counter jumps beyond what may have been issued since the backup", () => {
  const restored = nextTerm(status, "other");
  assert.equal(restored.history, "other");
  assert.equal(restored.counter, 7 + 2 ** 20);
  assert.equal(nextTerm(restored, "other").counter, 7 + 2 ** 20);
});
