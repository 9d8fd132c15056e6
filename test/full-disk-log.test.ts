import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { listLogParts, readLastLines, rotateLog } from "#/work/process/index.ts";
import { fillDisk, mountDisk } from "./small-disk.ts";

const LIMITS = { bytesMax: 100_000, partsMax: 3 };

/** Appends numbered lines as a service does that never stops; returns the number of the next one. */
function write(log: string, from: number, count: number): number {
  for (let next = from; next < from + count; next++) appendFileSync(log, `line ${String(next).padStart(6, "0")} ${"x".repeat(86)}\n`);
  return from + count;
}

test("a service that fills the disk by its output loses the older part of it, and goes on", async (context) => {
  const disk = mountDisk(context, "2m", () => Promise.resolve());
  if (disk === undefined) return context.skip("mounting a small disk needs root");
  const log = path.join(disk, "output.log");
  let next = write(log, 0, 2000);
  if ((await rotateLog(log, LIMITS)) === "kept") return context.skip("no fallocate here");
  for (const hasParts of [true, false]) {
    next = write(log, next, 6000);
    fillDisk(disk);
    assert.throws(() => write(log, next, 100), { code: "ENOSPC" });
    assert.equal(
      (await listLogParts(log)).some((part) => part.to > part.from),
      hasParts,
    );
    assert.equal(await rotateLog(log, LIMITS), "dropped");
    next = write(log, next, 1000);
    assert.match((await readLastLines(log, 1))[0] ?? "", new RegExp(`^line ${String(next - 1).padStart(6, "0")} `));
  }
});
