import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { isOrreryError } from "#/base/index.ts";
import type { Terminal } from "#/face/cli/index.ts";
import type { Interrupts } from "../interrupts.ts";
import { isDataFolder, openDataFolder } from "./data-folder.ts";
import { down } from "./down-command.ts";

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

test("down of a folder on which no site was ever started says so and fails; of a site that is stopped already it is done", async (t) => {
  const folder = makeFolder(t);
  const site = path.join(folder, "home", ".orrery");
  openDataFolder(site);
  const end = async (data: string): Promise<unknown> => {
    let out = "";
    const status = await down({
      data,
      timeoutMs: 1000,
      terminal: { out: (text: string) => (out += text), progress: () => undefined } as unknown as Terminal,
      interrupts: { claim: () => undefined } as Interrupts,
    });
    return [status, out];
  };
  writeFileSync(path.join(folder, "file"), "");
  for (const [data, said] of [
    [path.join(folder, "typo"), "there is no such folder, and nothing was ended. Name the data folder"],
    [folder, "it is no data folder, and nothing was ended. Name the data folder"],
    [path.join(folder, "file"), "it is no data folder"],
    [path.join(folder, "file", "below"), "there is no such folder"],
    [path.dirname(site), `Is ${site} meant? Name it with --data`],
  ] as const)
    await assert.rejects(
      () => end(data),
      (error) =>
        isOrreryError(error, "data/none") && error.message.startsWith(`no site was ever started on ${data}: `) && error.message.includes(said),
    );
  assert.deepEqual(await end(site), [0, `nothing runs on ${site}`]);
  assert.deepEqual(readdirSync(folder).toSorted(), ["file", "home"]);
});
