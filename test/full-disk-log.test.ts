import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { silentLog } from "#/base/index.ts";
import { LogArchive, type LogOwner, searchLogs, searchQuestion } from "#/watch/logs/rig.ts";
import { listLogParts, readLastLines, rotateLog, timesPath } from "#/work/process/index.ts";
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

test("on a full disk the oldest sealed lines make room for new ones; where there is nothing to give up, lines stay in their logs", async (context) => {
  const disk = mountDisk(context, "2m", () => Promise.resolve());
  if (disk === undefined) return context.skip("mounting a small disk needs root");
  const logs = mkdtempSync(path.join(tmpdir(), "orrery-full-"));
  context.after(() => rmSync(logs, { recursive: true, force: true }));
  const owner: LogOwner = { kind: "Microservice", namespace: "default", name: "auth" };
  const logPath = path.join(logs, "output.log");
  const source = { uid: "u1", instance: "auth-0", logPath, sinceMs: 0 };
  let length = 0;
  const say = (round: number, lines: number): void => {
    const text = Array.from({ length: lines }, (_, line) => `round-${round} ${Math.sin(round * 1e4 + line)}\n`).join("");
    appendFileSync(logPath, text);
    length += text.length;
    appendFileSync(timesPath(logPath), `${length} ${round * 10_000}\n`);
  };
  let archive = new LogArchive(path.join(disk, "sealed"), silentLog);
  const seal = () => archive.seal({ owner, sources: [source], nowMs: 10 ** 9, turn: async () => {} });
  const found = async (word: string): Promise<number> => {
    const question = searchQuestion.parse({ fromMs: 0, toMs: 10 ** 9, words: [word], limit: 100_000 });
    const options = { question, sources: [{ ...source, owner }], nowMs: () => 0, turn: async () => {}, signal: new AbortController().signal };
    for await (const item of searchLogs({ archive, ...options })) if ("summary" in item) return item.summary.hits;
    return 0;
  };
  for (let round = 1; round <= 6; round++) {
    say(round, 2_000);
    await seal();
  }
  fillDisk(disk);
  say(7, 2_000);
  await seal();
  assert.deepEqual([await found("round-7"), await found("round-1")], [2_000, 0]);
  assert.equal(archive.dropped(() => true)[0]?.dropped[0]?.why, "disk");
  rmSync(path.join(disk, "sealed"), { recursive: true, force: true });
  fillDisk(disk);
  archive = new LogArchive(path.join(disk, "sealed"), silentLog);
  say(8, 2_000);
  await assert.rejects(seal(), { code: "ENOSPC" });
  assert.equal(await found("round-8"), 2_000);
});
