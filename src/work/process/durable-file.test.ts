import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { replaceFile } from "./durable-file.ts";

test("a file is replaced as a whole: who has begun to read it reads the former text to its end", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "durable-file-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, "state");
  replaceFile(file, "passive", 0o644);
  const reader = openSync(file, "r");
  t.after(() => closeSync(reader));
  replaceFile(file, "active");
  assert.deepEqual([readFileSync(reader, "utf8"), readFileSync(file, "utf8")], ["passive", "active"]);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ["state"]);
});
