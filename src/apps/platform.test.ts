import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { localPlatform } from "./platform.ts";
import { recordOf } from "./run-file.ts";

test("a process that a signal has stopped is not told as ready, and a warning says how it goes on", async (t) => {
  const data = mkdtempSync(path.join(tmpdir(), "orrery-paused-"));
  t.after(() => rmSync(data, { recursive: true }));
  const child = spawn("sh", ["-c", "echo on; read line"], { stdio: ["pipe", "pipe", "ignore"] });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const pid = child.pid ?? assert.fail();
  mkdirSync(path.join(data, "run"));
  writeFileSync(path.join(data, "run", "centre.json"), JSON.stringify({ ...recordOf(pid), readyAt: "2030-01-01T00:00:00Z" }));
  const platform = localPlatform({ version: "0", connect: () => assert.fail(), interrupts: {} as never });
  const told = (): unknown =>
    platform
      .processes(data)
      .filter((one) => one.name === "centre")
      .map(({ ready, phase }) => [ready, phase]);
  const warned = (): readonly string[] =>
    platform
      .warnings(data)
      .filter((one) => one.reason === "Paused")
      .map((one) => `${one.object}: ${one.message}`);
  assert.deepEqual([told(), warned()], [[[true, undefined]], []]);
  child.kill("SIGSTOP");
  // The signal takes a moment to be heeded.
  for (let turn = 0; turn < 200 && warned().length === 0; turn++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(told(), [[false, "Paused"]]);
  assert.match(warned()[0] ?? "", new RegExp(`^centre: process ${pid} was stopped by a signal .* kill -CONT ${pid}$`));
});
