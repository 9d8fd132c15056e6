import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { findLeftovers } from "../tools/leftovers.ts";
import { ROOT } from "../tools/sources.ts";
import { runTestFiles, type TimedCounts } from "../tools/test-run.ts";

/** Runs `code` as a test file by the project's own runner; what that prints is kept. */
async function runCode(context: TestContext, code: string, timeoutMs: number = 20_000): Promise<TimedCounts & { printed: string; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "run-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "a.test.mjs");
  await writeFile(file, `import { test } from "node:test";\n${code}\n`);
  const log = context.mock.method(console, "log", () => {});
  const { counts, took } = await runTestFiles({ name: "a", files: [file], folder, timeoutMs, signal: new AbortController().signal });
  const printed = log.mock.calls.map((call) => String(call.arguments[0])).join("\n");
  log.mock.restore();
  return { counts, took, printed, folder };
}

test("passed, failed and skipped tests are counted, and only a failing run shows its output", async (context) => {
  const well = await runCode(context, 'test("fine", () => console.log("chatter")); test("later", { skip: "no such server" }, () => {});');
  assert.deepEqual(well.counts, { passed: 1, failed: 0, skipped: 1 });
  assert.ok(!well.printed.includes("chatter") && well.printed.includes("no such server"), well.printed);
  const ill = await runCode(context, 'test("bad", () => { console.log("chatter"); throw new Error("broken"); });');
  assert.deepEqual(ill.counts, { passed: 0, failed: 1, skipped: 0 });
  assert.match(ill.printed, /chatter[\s\S]*broken/);
});

test("a file without tests fails", async (context) => {
  const { counts, printed } = await runCode(context, "");
  assert.deepEqual(counts, { passed: 0, failed: 1, skipped: 0 });
  assert.match(printed, /holds no test/);
});

test("a file that ends the process fails", async (context) => {
  const { counts, printed } = await runCode(context, 'test("ends", () => process.exit(0));');
  assert.deepEqual(counts, { passed: 0, failed: 1, skipped: 0 });
  assert.match(printed, /ended without a result/);
});

test("a loop that never yields is ended at its time limit", async (context) => {
  const { counts, printed } = await runCode(context, 'test("loops", () => { for (;;); });', 1500);
  assert.ok(counts.failed > 0);
  assert.match(printed, /took longer than 1.5 s/);
});

test("a server left open does not hang the run", async (context) => {
  const { counts } = await runCode(context, 'test("opens", async () => { (await import("node:net")).createServer().listen(0, "127.0.0.1"); });');
  assert.deepEqual(counts, { passed: 1, failed: 0, skipped: 0 });
});

test("a process left behind in a session of its own is told and ended", { skip: process.platform !== "linux" && "needs /proc" }, async (context) => {
  const code = `import { spawn } from "node:child_process";
    test("spawns", () => spawn("sleep", ["300"], { detached: true, stdio: "inherit" }).unref());`;
  const { counts, printed, folder } = await runCode(context, code);
  assert.deepEqual(counts, { passed: 1, failed: 1, skipped: 0 });
  assert.match(printed, /left process \d+ running: sleep 300/);
  const mine = await findLeftovers(folder);
  assert.deepEqual(mine, []);
});

test("the last line of `npm test` sums what every process's line says", () => {
  const { stdout, status } = spawnSync(process.execPath, ["tools/test.ts", "tools/arrows.test", "tools/kubectl.test", "src/pki/tokens.test"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  const lines = stdout.trimEnd().split("\n");
  const sum = (word: string): number =>
    [...stdout.matchAll(new RegExp(`^✔ .*?(\\d+) ${word}`, "gm"))].reduce((total, match) => total + Number(match[1]), 0);
  assert.equal(lines.filter((line) => line.startsWith("✔")).length, 2, stdout);
  assert.equal(lines.at(-1), `${sum("passed")} passed, 0 failed, ${sum("skipped")} skipped`);
  assert.equal(status, 0);
});

test("a pattern that matches no file fails", () => {
  const { stderr, status } = spawnSync(process.execPath, ["tools/test.ts", "no-such-file-anywhere"], { cwd: ROOT, encoding: "utf8" });
  assert.equal(status, 1);
  assert.match(stderr, /no test file matches no-such-file-anywhere/);
});

test("--quick leaves out what starts processes, says so, and with nothing left fails", () => {
  const run = (...args: string[]): { stdout: string; stderr: string; status: number | null } =>
    spawnSync(process.execPath, ["tools/test.ts", ...args], { cwd: ROOT, encoding: "utf8" });
  const some = run("--quick", "tools/arrows.test", "completion-time");
  assert.equal(some.status, 0, some.stdout);
  assert.match(some.stderr, /not quick, and left out: test\/completion-time\.test\.ts/);
  assert.match(some.stdout, /✔ .*tools\/arrows\.test\.ts/);
  const none = run("--quick", "completion-time");
  assert.equal(none.status, 1);
  assert.match(none.stdout, /0 passed, 0 failed, 0 skipped\n$/);
});

test("an option that is none, or a number that is none, runs nothing", () => {
  for (const [args, said] of [
    [["--quik"], /--quik/],
    [["--at-once", "0", "tools/arrows"], /--at-once 0: a whole number from 1 is expected/],
  ] as const) {
    const { stdout, stderr, status } = spawnSync(process.execPath, ["tools/test.ts", ...args], { cwd: ROOT, encoding: "utf8" });
    assert.deepEqual([stdout, status], ["", 1]);
    assert.match(stderr, said);
    assert.match(stderr, /usage: npm test -- \[--quick\]/);
  }
});

test("how long processes worked that left the test is counted", { skip: process.platform !== "linux" && "needs /proc" }, async (context) => {
  const busy = "const until = Date.now() + 1500; while (Date.now() < until);";
  const code = `import { spawn } from "node:child_process";
    test("starts one that leaves", () => new Promise((resolve) => {
      const middle = "require('node:child_process').spawn(process.execPath, ['-e', " + JSON.stringify(${JSON.stringify(busy)}) + "], { detached: true, stdio: 'ignore' }).unref()";
      spawn(process.execPath, ["-e", middle]).on("exit", () => setTimeout(resolve, 3000));
    }));`;
  const { counts, took } = await runCode(context, code, 60_000);
  assert.deepEqual(counts, { passed: 1, failed: 0, skipped: 0 });
  // Where others want the processors it gets less of them; what it starts itself takes less than 200 ms.
  assert.ok(took.processorMs > 400 && took.processorMs < took.ms, JSON.stringify(took));
});
