import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { beginRun, endRun } from "./run-mark.ts";

test("a start after an orderly end knows that nothing is in flight; one after a kill does not, and remembers it through orderly ends", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "run-mark-"));
  assert.equal(beginRun(folder, 10), undefined);
  endRun(folder);
  assert.equal(beginRun(folder, 20), undefined);
  assert.equal(beginRun(folder, 30), 30);
  endRun(folder);
  assert.equal(beginRun(folder, 40), 30);
});

test("what was in flight when the machine went down is in flight no longer when it is up again", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "run-mark-"));
  assert.equal(beginRun(folder, 10, "first"), undefined);
  assert.equal(beginRun(folder, 20, "first"), 20);
  // Killed with the machine; also what was noted before concerns nobody any more.
  assert.equal(beginRun(folder, 30, "second"), undefined);
  assert.equal(beginRun(folder, 40, "second"), 40);
  endRun(folder);
  assert.equal(beginRun(folder, 50, "second"), 40);
  endRun(folder);
  assert.equal(beginRun(folder, 60, "third"), undefined);
});

test("a start that does not know which start of the machine it is in, or a mark that does not say, counts as the same", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "run-mark-"));
  beginRun(folder, 10);
  assert.equal(beginRun(folder, 20, "first"), 20);
  assert.equal(beginRun(folder, 30), 30);
});
