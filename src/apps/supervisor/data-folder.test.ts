import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { isOrreryError } from "#/base/index.ts";
import { isDataFolder, openDataFolder } from "./data-folder.ts";

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-data-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("a new data folder is private, knows its format, and is opened again", (t) => {
  const data = path.join(makeFolder(t), "deep", "data");
  assert.equal(isDataFolder(data), false);
  openDataFolder(data);
  openDataFolder(data);
  assert.equal(isDataFolder(data), true);
  assert.equal(statSync(data).mode & 0o777, 0o700);
  assert.deepEqual(JSON.parse(readFileSync(path.join(data, "format"), "utf8")), { format: 1 });
});

test("a folder of another format is refused and left alone", (t) => {
  const data = makeFolder(t);
  for (const text of ['{"format": 2}', "nonsense"]) {
    writeFileSync(path.join(data, "format"), text);
    assert.throws(
      () => openDataFolder(data),
      (error) => isOrreryError(error, "data/format"),
    );
    assert.equal(readFileSync(path.join(data, "format"), "utf8"), text);
  }
});

test("a data folder that cannot be filled leaves nothing empty behind, and nothing of others is taken away", (t) => {
  const folder = makeFolder(t);
  mkdirSync(path.join(folder, "data"));
  // Stands in the way of the folder state/.
  writeFileSync(path.join(folder, "data", "state"), "");
  assert.throws(() => openDataFolder(path.join(folder, "data")));
  assert.deepEqual(readdirSync(path.join(folder, "data")), ["state"]);
});

test("a folder that cannot be made or written is refused with the reason and the way out", (t) => {
  const file = path.join(makeFolder(t), "file");
  writeFileSync(file, "");
  for (const data of [file, path.join(file, "data"), "/proc/orrery"]) {
    assert.throws(
      () => openDataFolder(data),
      (error) =>
        isOrreryError(error, "data/unwritable") &&
        error.message.startsWith(`cannot use the data folder ${data}: `) &&
        error.message.endsWith("choose another folder with --data"),
    );
  }
});
