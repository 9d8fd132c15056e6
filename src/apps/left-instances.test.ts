import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { findLeftInstances } from "./left-instances.ts";

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
