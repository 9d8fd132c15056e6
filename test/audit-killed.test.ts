import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { auditFolder, readSegments, verifyChain } from "#/people/audit/index.ts";

const WRITER = fileURLToPath(new URL("audit-writer.ts", import.meta.url));

/** Runs a writer that begins `count` actions one after the other, each with its outcome but the last, and is killed. Resolves with the sequences that it has told as begun. */
async function killedWriter(data: string, count: number): Promise<readonly number[]> {
  const child = spawn(process.execPath, [WRITER, data, String(count)], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (text.includes("now\n")) child.kill("SIGKILL");
  });
  await once(child, "close");
  return text
    .split("\n")
    .filter((line) => /^\d+$/.test(line))
    .map(Number);
}

test("what was begun is in the chain after a SIGKILL, and that nobody knows its outcome is told by name", async (context) => {
  const data = mkdtempSync(path.join(tmpdir(), "orrery-audit-"));
  context.after(() => rmSync(data, { recursive: true, force: true }));
  const begun = [...(await killedWriter(data, 5)), ...(await killedWriter(data, 1)), ...(await killedWriter(data, 3))];
  assert.equal(begun.length, 9);
  // Opened once more, as the next start of the centre does.
  await killedWriter(data, 0);
  const report = await verifyChain(readSegments(auditFolder(data)), { witnesses: [] });
  assert.deepEqual(report.problems, []);
  // The last of each run was killed before its outcome; of the one before it the outcome may not have been written yet.
  for (const last of [begun[4], begun[5], begun[8]]) assert.ok(report.unfinished.includes(last ?? 0), `${last} in ${report.unfinished}`);
  assert.ok(report.unfinished.every((seq) => begun.includes(seq)));
  assert.ok(!report.unfinished.includes(begun[0] ?? 0));
});
