import assert from "node:assert/strict";
import { test } from "node:test";
import { MarkedProcesses, OrphanTime, ownProcessorMs, type ProcessTime, parseStat } from "./processor-time.ts";

const at = (pid: number, parent: number, ms: number): ProcessTime => ({ pid, parent, begun: "1", ms });

test("the processor time of a process holds that of its ended children, whatever its name is", () => {
  const fields = ["S", "7", ...Array.from({ length: 9 }, () => "0"), "10", "5", "20", "1", "20", "0", "1", "0", "4711", "0"];
  assert.deepEqual(parseStat(`42 (a) b (c) ${fields.join(" ")}`), { pid: 42, parent: 7, begun: "4711", ms: 360 });
  assert.equal(parseStat(""), undefined);
  assert.equal(parseStat("42 (a) S 7"), undefined);
});

test("processes without their parent count, those below the root and those that a parent asks for do not", () => {
  const orphans = new OrphanTime();
  orphans.look([at(10, 1, 500), at(11, 10, 50), at(20, 1, 100), at(21, 20, 30)], 10);
  assert.equal(orphans.totalMs, 130);
  // 21 has ended and 20 was told; 11 has ended and 10 was told.
  orphans.look([at(10, 1, 560), at(20, 1, 140)], 10);
  assert.equal(orphans.totalMs, 140);
  orphans.look([at(10, 1, 600)], 10);
  assert.equal(orphans.totalMs, 140);
  // Another process with the pid of one that has gone.
  orphans.look([at(10, 1, 600), { ...at(20, 1, 5), begun: "2" }], 10);
  assert.equal(orphans.totalMs, 145);
});

test("a process is found by its marker, and counts what it does", { skip: process.platform !== "linux" && "needs /proc" }, () => {
  const beganMs = ownProcessorMs();
  while (ownProcessorMs() < beganMs + 50);
  const mine = new MarkedProcesses().find([process.cwd(), "no such marker anywhere"]);
  assert.ok((mine.get(process.cwd()) ?? []).some((one) => one.pid === process.pid && one.ms >= 50));
  assert.deepEqual(mine.get("no such marker anywhere"), []);
});
