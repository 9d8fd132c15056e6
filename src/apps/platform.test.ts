import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { localPlatform } from "./platform.ts";
import { listPassing, platformChecks } from "./platform-warnings.ts";
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
  const checks = (): readonly unknown[] => platformChecks(data, () => 1e9).map(({ check }) => problemOf(check));
  assert.match(String(checks()[0]), /^centre: process .* kill -CONT/);
  // Only who looks all the time knows since when.
  const since = (): unknown => platform.warnings(data).find((one) => one.reason === "Paused")?.since;
  assert.equal(since(), undefined);
  assert.deepEqual(listPassing(data, 1e9), [`Paused centre ${pid}`]);
  const seen = { [`Paused centre ${pid}`]: "2030-01-01T00:00:00Z" };
  writeFileSync(path.join(data, "run", "supervisor.json"), JSON.stringify({ ...recordOf(process.pid), seen }));
  assert.equal(since(), "2030-01-01T00:00:00Z");
  assert.match(warned()[0] ?? "", new RegExp(`^centre: process ${pid} was stopped by a signal .* kill -CONT ${pid}$`));
});

const problemOf = (check: () => void): string | undefined => {
  try {
    check();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

test("the console is told what holds now: a supervisor that died, a disk that fills, that all is being ended; not what is over", (t) => {
  const data = mkdtempSync(path.join(tmpdir(), "orrery-checked-"));
  t.after(() => rmSync(data, { recursive: true }));
  mkdirSync(path.join(data, "run"));
  const told = (free: number, facts?: object): readonly (string | undefined)[] => {
    if (facts !== undefined) writeFileSync(path.join(data, "run", "supervisor.json"), JSON.stringify({ ...recordOf(process.pid), ...facts }));
    return platformChecks(data, () => free).map(({ check }) => problemOf(check));
  };
  assert.deepEqual(told(1024 * MIB), [undefined, undefined]);
  const lately = new Date(Date.now() - 60_000).toISOString();
  assert.deepEqual(told(1024 * MIB, { ends: { centre: { at: lately, how: "killed by SIGKILL" } } }), [undefined, undefined]);
  assert.match(told(1024 * MIB, { stoppingSince: lately })[0] ?? "", /^platform: it is being ended/);
  assert.match(told(255 * MIB, {})[1] ?? "", /^data folder: 255 MiB are free/);
  assert.match(told(0, {})[1] ?? "", /^data folder: 0 MiB .*may be refused/);
  // Another process has its number now.
  assert.match(told(1024 * MIB, { startTime: 1 })[0] ?? "", /^the supervisor does not run: .*orrery up/);
});

const MIB = 1024 * 1024;

test("what is not as it should be with the platform is told: that it is being ended, what ended, what nobody had foreseen, a disk that fills", (t) => {
  const data = mkdtempSync(path.join(tmpdir(), "orrery-warned-"));
  t.after(() => rmSync(data, { recursive: true }));
  mkdirSync(path.join(data, "run"));
  const readyAt = "2030-01-01T00:00:00.000Z";
  const told = (facts: object, free: number | undefined = 1024 * MIB, name = "supervisor"): readonly unknown[] => {
    const file = path.join(data, "run", `${name}.json`);
    writeFileSync(file, JSON.stringify({ ...recordOf(process.pid), readyAt, ...facts }));
    const platform = localPlatform({ version: "0", connect: () => assert.fail(), interrupts: {} as never, freeBytes: () => free });
    const warnings = platform.warnings(data).map(({ object, reason, message, since }) => [object, reason, message, since]);
    rmSync(file);
    return warnings;
  };
  assert.deepEqual(told({}), []);
  assert.deepEqual(told({ stoppingSince: "2030-01-02T00:00:00.000Z" }), [
    [
      "platform",
      "Stopping",
      "it is being ended: requests that run first, then the services, then the platform; new requests are refused",
      "2030-01-02T00:00:00.000Z",
    ],
  ]);
  const [lately, longAgo] = [10, 70].map((minutes) => new Date(Date.now() - minutes * 60_000).toISOString());
  assert.deepEqual(told({ ends: { centre: { at: lately, how: "killed by SIGKILL" }, agent: { at: longAgo, how: "exit status 1" } } }), [
    ["centre", "Ended", "killed by SIGKILL; it was started again", lately],
  ]);
  for (const name of ["supervisor", "agent"])
    assert.deepEqual(told({ faults: 3, lastFault: "watch" }, undefined, name), [
      [
        name,
        "Faults",
        `3 exceptions that nobody has foreseen, the last one in watch; what they ended was one unit of work each; the stacks stand in logs/${name}.log`,
        readyAt,
      ],
    ]);
  for (const [mib, said] of [
    [255, ["DiskLow", `255 MiB are free on the disk of ${data}; below 64 MiB up does not start: free some room`]],
    [64, ["DiskLow", `64 MiB are free on the disk of ${data}; below 64 MiB up does not start: free some room`]],
    [63, ["DiskFull", `63 MiB are free on the disk of ${data}; what is to be stored may be refused, and up does not start: free some room`]],
    [0, ["DiskFull", `0 MiB are free on the disk of ${data}; what is to be stored may be refused, and up does not start: free some room`]],
  ] as const)
    assert.deepEqual(
      told({}, mib * MIB).map((one) => (one as readonly unknown[]).slice(0, 3)),
      [["data folder", ...said]],
    );
  assert.deepEqual(told({}, 256 * MIB), []);
  assert.deepEqual([listPassing(data, 256 * MIB), listPassing(data, 255 * MIB)], [[], ["DiskLow"]]);
  const began = told({ seen: { DiskLow: "2030-01-01T00:00:00Z" } }, 255 * MIB) as readonly (readonly unknown[])[];
  assert.deepEqual([began[0]?.[3], (told({}, 255 * MIB) as readonly (readonly unknown[])[])[0]?.[3]], ["2030-01-01T00:00:00Z", undefined]);
});
