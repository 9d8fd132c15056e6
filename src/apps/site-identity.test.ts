import assert from "node:assert/strict";
import { cpSync, linkSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { isOrreryError, systemRandom } from "#/base/index.ts";
import { claimIdentity, readIdentity, type SiteHolder } from "./site-identity.ts";

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-identity-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(path.join(folder, "a"));
  return path.join(folder, "a");
}

const claim = (data: string, holder?: SiteHolder) => claimIdentity(data, systemRandom, async () => holder);
const copy = (from: string, to: string): void => cpSync(from, to, { recursive: true, preserveTimestamps: true });

test("a folder has one identity, at each start the same", async (t) => {
  const data = makeFolder(t);
  assert.deepEqual(readIdentity(data), { state: "none" });
  const { id, isCopy } = await claim(data);
  assert.equal(isCopy, false);
  assert.deepEqual(await claim(data), { id, isCopy: false });
  assert.deepEqual(readIdentity(data), { state: "own", id });
});

test("a copy is not taken for its original, neither before its first start nor after", async (t) => {
  const data = makeFolder(t);
  const { id } = await claim(data);
  const other = `${data}-copy`;
  copy(data, other);
  assert.deepEqual(readIdentity(other), { state: "copied", id, from: data });
  const claimed = await claim(other);
  assert.equal(claimed.isCopy, true);
  assert.notEqual(claimed.id, id);
  assert.deepEqual(await claim(other), { id: claimed.id, isCopy: false });
  assert.deepEqual(await claim(data), { id, isCopy: false });
  // The copy of a copy, into the name of a third.
  copy(other, `${data}-third`);
  assert.equal((await claim(`${data}-third`)).isCopy, true);
});

test("a folder that was moved works on as the same site, to another file system too", async (t) => {
  const data = makeFolder(t);
  const { id } = await claim(data);
  renameSync(data, `${data}-moved`);
  assert.deepEqual(readIdentity(`${data}-moved`), { state: "own", id });
  assert.deepEqual(await claim(`${data}-moved`), { id, isCopy: false });
  // As mv does between file systems.
  copy(`${data}-moved`, `${data}-far`);
  rmSync(`${data}-moved`, { recursive: true });
  assert.deepEqual(await claim(`${data}-far`), { id, isCopy: false });
  assert.deepEqual(readIdentity(`${data}-far`), { state: "own", id });
  // And back again under its first name, then a copy of it: that one is the copy.
  renameSync(`${data}-far`, data);
  assert.deepEqual(await claim(data), { id, isCopy: false });
  copy(data, `${data}-copy`);
  assert.equal((await claim(`${data}-copy`)).isCopy, true);
});

test("a folder that was put back from a backup is the same site, unless that is at work elsewhere", async (t) => {
  const data = makeFolder(t);
  const { id } = await claim(data);
  copy(data, `${data}-backup`);
  rmSync(data, { recursive: true });
  copy(`${data}-backup`, data);
  assert.deepEqual(await claim(data), { id, isCopy: false });
  renameSync(data, `${data}-moved`);
  copy(`${data}-backup`, data);
  const claimed = await claim(data, { pid: 1, data: `${data}-moved` });
  assert.equal(claimed.isCopy, true);
});

test("a folder that was moved while its site runs is refused, and so is one that shares its files", async (t) => {
  const data = makeFolder(t);
  await claim(data);
  mkdirSync(`${data}-linked`);
  linkSync(path.join(data, "identity.json"), path.join(`${data}-linked`, "identity.json"));
  await assert.rejects(claim(`${data}-linked`), (error) => isOrreryError(error, "data/shared"));
  renameSync(data, `${data}-moved`);
  rmSync(`${data}-linked`, { recursive: true });
  await assert.rejects(
    claim(`${data}-moved`, { pid: 77, data }),
    (error) => isOrreryError(error, "data/moved") && error.message.includes(`orrery down --data ${data}`),
  );
});

test("a damaged file is as good as none", async (t) => {
  const data = makeFolder(t);
  const { id } = await claim(data);
  for (const text of ["", "{", "null", '{"id": 5}', readFileSync(path.join(data, "identity.json"), "utf8").slice(0, 20)]) {
    writeFileSync(path.join(data, "identity.json"), text);
    assert.deepEqual(readIdentity(data), { state: "none" });
  }
  assert.notEqual((await claim(data)).id, id);
});
