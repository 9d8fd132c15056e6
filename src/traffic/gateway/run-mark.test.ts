import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { beginRun, endRun } from "./run-mark.ts";
import { TransactionLimits } from "./transaction-limits.ts";

test("a start after an orderly end knows that nothing is in flight; one after a kill does not, and remembers it through orderly ends", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "run-mark-"));
  assert.equal(beginRun(folder, 10), undefined);
  endRun(folder);
  assert.equal(beginRun(folder, 20), undefined);
  assert.equal(beginRun(folder, 30)?.uptimeMs, 30);
  endRun(folder);
  assert.equal(beginRun(folder, 40)?.uptimeMs, 30);
});

test("what was in flight when the machine went down is in flight no longer when it is up again", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "run-mark-"));
  assert.equal(beginRun(folder, 10, "first"), undefined);
  assert.equal(beginRun(folder, 20, "first")?.uptimeMs, 20);
  // Killed with the machine; also what was noted before concerns nobody any more.
  assert.equal(beginRun(folder, 30, "second"), undefined);
  assert.equal(beginRun(folder, 40, "second")?.uptimeMs, 40);
  endRun(folder);
  assert.equal(beginRun(folder, 50, "second")?.uptimeMs, 40);
  endRun(folder);
  assert.equal(beginRun(folder, 60, "third"), undefined);
});

test("a start that does not know which start of the machine it is in, or a mark that does not say, counts as the same", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "run-mark-"));
  beginRun(folder, 10);
  assert.equal(beginRun(folder, 20, "first")?.uptimeMs, 20);
  assert.equal(beginRun(folder, 30)?.uptimeMs, 30);
});

test("an unclean end is told with how long what was in flight may last, also where a later one would end sooner", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "run-mark-"));
  beginRun(folder, 10);
  const limits = new TransactionLimits(folder);
  limits.note(60_000, 20);
  limits.note(1000, 500);
  assert.deepEqual(beginRun(folder, 1500), { uptimeMs: 1500, longestMs: 59_000 });
  new TransactionLimits(folder).note(1000, 1600);
  endRun(folder);
  assert.deepEqual(beginRun(folder, 2000), { uptimeMs: 1500, longestMs: 59_000 });
  // Killed again: what the first had in flight lasts as long as before.
  assert.deepEqual(beginRun(folder, 10_000), { uptimeMs: 10_000, longestMs: 50_500 });
});
