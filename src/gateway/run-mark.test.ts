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
