import assert from "node:assert/strict";
import { test } from "node:test";
import { describeTimes } from "./test-report.ts";

test("each lane is told with its time, its waiting and how many ran at once; then the ten slowest files, slowest first", () => {
  const files = Array.from({ length: 12 }, (_, index) => ({ name: `f${index}`, ms: 1000 * (index + 1), processorMs: 500 }));
  const lines = describeTimes([
    { name: "rooms", ms: 39_000, files },
    { name: "alone", ms: 2000, files: [{ name: "busy", ms: 2000, processorMs: 3000 }] },
    { name: "whole processes", ms: 0, files: [] },
  ]);
  assert.deepEqual(lines.slice(0, 5), [
    "── time ──",
    "  39.0 s   92 % waiting  rooms: one after the other 78.0 s, 2.0 at once",
    "   2.0 s    0 % waiting  alone: one after the other 2.0 s, 1.0 at once",
    "the slowest 10 of 13:",
    "  12.0 s   96 % waiting  f11",
  ]);
  assert.equal(lines.filter((line) => / {2}f\d+$/.test(line)).length, 10);
});

test("a single file needs no table", () => {
  assert.deepEqual(describeTimes([{ name: "rooms", ms: 5, files: [{ name: "a", ms: 5, processorMs: 5 }] }]), []);
});
