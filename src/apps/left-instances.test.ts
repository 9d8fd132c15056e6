import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { systemRandom } from "#/base/index.ts";
import { findLeftInstances } from "./left-instances.ts";
import { claimIdentity, readIdentity } from "./site-identity.ts";

test("instances are found by their processes, each once, and those of another data folder are not", async (t) => {
  const data = mkdtempSync(path.join(tmpdir(), "orrery-left-"));
  const marks = { ORRERY_DATA: data, ORRERY_INSTANCE: "u1", ORRERY_INSTANCE_NAME: "auth-v1-0", ORRERY_SERVICE: "auth" };
  const start = async (env: Readonly<Record<string, string>>): Promise<number | undefined> => {
    // What a process starts carries its marks, too.
    const child = spawn("sh", ["-c", "sleep 60 & echo on; wait"], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "ignore"],
      detached: true,
    });
    t.after(() => process.kill(-(child.pid ?? assert.fail()), "SIGKILL"));
    await once(child.stdout, "data");
    return child.pid;
  };
  t.after(() => rmSync(data, { recursive: true }));
  const pid = await start(marks);
  await start({ ...marks, ORRERY_DATA: `${data}-other`, ORRERY_INSTANCE: "u2" });
  assert.deepEqual(findLeftInstances(data), [{ name: "auth-v1-0", pid, service: "auth" }]);
  assert.deepEqual(findLeftInstances(path.join(data, "nothing")), []);
});

test("what a copy runs is not taken for its moved original's, though the copy was started first; what runs on a folder that was moved is", async (t) => {
  const home = mkdtempSync(path.join(tmpdir(), "orrery-left-"));
  t.after(() => rmSync(home, { recursive: true }));
  const [first, moved, copy] = ["first", "moved", "copy"].map((name) => path.join(home, name)) as [string, string, string];
  const claim = (data: string) => claimIdentity(data, systemRandom, async () => undefined);
  mkdirSync(first);
  const { id } = await claim(first);
  const child = (data: string, uid: string): void => {
    const { pid } = spawn("sleep", ["60"], {
      env: { ...process.env, ORRERY_DATA: data, ORRERY_SITE: id, ORRERY_INSTANCE: uid, ORRERY_INSTANCE_NAME: uid },
      stdio: "ignore",
    });
    t.after(() => process.kill(pid ?? assert.fail(), "SIGKILL"));
  };
  const names = (data: string): string[] => findLeftInstances(data).map(({ name }) => name);
  child(first, "of-the-original");
  renameSync(first, moved);
  cpSync(moved, copy, { recursive: true, preserveTimestamps: true });
  // Where the copy says that it came from there is nothing any more: it is taken for the same site, put back.
  assert.deepEqual([(await claim(copy)).id, readIdentity(moved)], [id, { state: "own", id }]);
  child(copy, "of-the-copy");
  assert.deepEqual([names(moved), names(copy)], [["of-the-original"], ["of-the-copy", "of-the-original"]]);
  // The original is told that it is not alone, and becomes a site of its own.
  assert.equal((await claimIdentity(moved, systemRandom, async () => ({ pid: process.pid, data: copy }))).isCopy, true);
});
