import assert from "node:assert/strict";
import { openSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { lineWriter } from "#/apps/output.ts";
import { silentLog, systemClock } from "#/base/index.ts";
import { AccessLog } from "#/traffic/gateway/access-log.ts";
import { writeDurably } from "#/traffic/gateway/durable-file.ts";
import { replaceFile, writeFileDurably } from "#/work/process/index.ts";
import { freeDisk, mountDisk } from "./small-disk.ts";

/** A disk on which `bytes` are left, so that the system takes a part of what is written, and says so only in the number that it answers. */
function nearlyFull(context: TestContext, prepare: (disk: string) => void, bytes: number): string | undefined {
  const disk = mountDisk(context, "1m", () => Promise.resolve());
  if (disk === undefined) return context.skip("mounting a small disk needs root") as undefined;
  prepare(disk);
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(path.join(disk, "filler"), Buffer.alloc(bavail * bsize - bytes));
  return disk;
}

const LONG = "x".repeat(64 * 1024);

for (const write of [writeDurably, writeFileDurably, replaceFile])
  test(`${write.name}: a file for which there is room in part keeps what it was`, (context) => {
    const disk = nearlyFull(context, (folder) => write(path.join(folder, "file"), "former"), 16 * 1024);
    if (disk === undefined) return;
    const file = path.join(disk, "file");
    assert.throws(() => write(file, LONG), { code: "ENOSPC" });
    assert.equal(readFileSync(file, "utf8"), "former");
    freeDisk(disk);
    write(file, LONG);
    assert.equal(readFileSync(file, "utf8"), LONG);
  });

test("a line for which there is room in part does not swallow the next", (context) => {
  const disk = nearlyFull(context, () => {}, 8 * 1024);
  if (disk === undefined) return;
  const file = path.join(disk, "log");
  const write = lineWriter(openSync(file, "a"));
  write("one\n");
  for (let count = 0; count < 3; count++) write(`${LONG}\n`);
  write("lost\n");
  freeDisk(disk);
  write("two\n");
  write("three\n");
  assert.deepEqual(
    readFileSync(file, "utf8")
      .split("\n")
      .map((line) => line.slice(0, 10)),
    ["one", "xxxxxxxxxx", "two", "three", ""],
  );
});

test("the access log goes on with whole lines after a full disk, and says how many it has lost", async (context) => {
  const disk = nearlyFull(context, () => {}, 8 * 1024);
  if (disk === undefined) return;
  const file = path.join(disk, "access.log");
  const told: unknown[] = [];
  const log = new AccessLog({ file, log: { ...silentLog, error: (_message, fields) => told.push(fields?.["linesLost"]) }, clock: systemClock });
  const add = (client: string): void =>
    log.add({
      ...{
        startedMs: 0,
        role: "edge",
        client,
        method: "GET",
        host: "h",
        path: "/",
        status: 200,
        durationMs: 1,
        answerMs: 1,
        bytesIn: 0,
        bytesOut: 0,
      },
      ...{ traceId: undefined, generation: undefined, caller: undefined, service: undefined, revision: undefined, instance: undefined },
      ...{ route: undefined, tries: 1, error: undefined },
    });
  for (let count = 0; count < 1000; count++) add("before");
  for (const endMs = performance.now() + 5000; told.length === 0 && performance.now() < endMs; )
    await new Promise((resolve) => setTimeout(resolve, 20));
  freeDisk(disk);
  add("after");
  await log.close();
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  const whole = lines.filter((line) => line.endsWith("}"));
  assert.deepEqual([lines.length - whole.length, JSON.parse(whole.at(-1) ?? "").client], [1, "after"]);
  assert.equal(told[0], 1000 - (whole.length - 1));
});
