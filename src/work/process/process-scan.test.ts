import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { readProcStat } from "./proc-stat.ts";
import { findMarkedProcesses, readEnvironment } from "./process-scan.ts";

const BECOMES_OTHERS = `exec sh -c 'exec sh -c "exec sleep 60"'`;

describe("a process", () => {
  it("is known by its marks at every moment, also while it becomes another program", async () => {
    const marks = { ORRERY_SCAN_TEST: String(process.pid) };
    for (let round = 0; round < 40; round++) {
      const child = spawn("/bin/sh", ["-c", BECOMES_OTHERS], { env: { PATH: process.env["PATH"], ...marks }, stdio: "ignore" });
      try {
        await once(child, "spawn");
        for (const endMs = performance.now() + 12; performance.now() < endMs; ) {
          const stat = readProcStat(child.pid ?? 0);
          assert.ok(stat !== undefined);
          assert.equal(findMarkedProcesses(marks, [stat]).length, 1);
        }
      } finally {
        child.kill("SIGKILL");
      }
    }
  });

  it("without an environment has none, and is not waited for", async () => {
    const child = spawn("/bin/sleep", ["60"], { env: {}, stdio: "ignore" });
    try {
      await once(child, "spawn");
      while (readProcStat(child.pid ?? 0)?.isBecomingProgram !== false) await new Promise((resolve) => setImmediate(resolve));
      const beganMs = performance.now();
      for (let count = 0; count < 100; count++) assert.deepEqual(readEnvironment(child.pid ?? 0), {});
      assert.ok(performance.now() - beganMs < 1000);
    } finally {
      child.kill("SIGKILL");
    }
    assert.deepEqual(readEnvironment(2 ** 30), {});
  });
});
