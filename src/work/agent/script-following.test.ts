import assert from "node:assert/strict";
import { test } from "node:test";
import { type CommandResult, runCommand } from "#/work/process/index.ts";
import { followScript } from "./script-following.ts";

const shell =
  (text: string) =>
  (onOutput: (bytes: Buffer) => void, signal: AbortSignal): Promise<CommandResult> =>
    runCommand({ command: ["sh", "-c", text], workingDir: "/tmp", env: { PATH: process.env["PATH"] ?? "" }, timeoutMs: 20_000, signal, onOutput });

test("what a script writes is told while it runs, and its result at the end", async () => {
  const seen: string[] = [];
  const stop = new AbortController();
  let result: CommandResult | undefined;
  const atMs: number[] = [];
  for await (const item of followScript(shell("echo one; sleep 0.4; echo two >&2; exit 3"), stop.signal)) {
    const { out, result: ended } = item as { out?: string; result?: CommandResult };
    if (out !== undefined) {
      seen.push(Buffer.from(out, "base64").toString());
      atMs.push(performance.now());
    }
    result = ended;
  }
  assert.deepEqual(seen, ["one\n", "two\n"]);
  assert.ok((atMs[1] ?? 0) - (atMs[0] ?? 0) > 200, "they came while it ran");
  assert.deepEqual([result?.exitCode, result?.output], [3, "one\ntwo\n"]);
});

test("who stops reading ends it", async () => {
  const stop = new AbortController();
  let ended: Promise<unknown> = Promise.resolve();
  for await (const item of followScript((onOutput, signal) => {
    const run = shell("echo $$; sleep 30")(onOutput, signal);
    ended = run.catch((error: unknown) => error);
    return run;
  }, stop.signal)) {
    const pid = Number(Buffer.from((item as { out: string }).out, "base64").toString());
    assert.doesNotThrow(() => process.kill(pid, 0));
    break;
  }
  assert.equal(((await ended) as Error).name, "AbortError");
});

test("what a slow reader has missed is counted, and stands in the result as far as that is long enough", async () => {
  let told = 0;
  let left = 0;
  let result: CommandResult | undefined;
  const run = async (onOutput: (bytes: Buffer) => void): Promise<CommandResult> => {
    for (let index = 0; index < 100; index++) onOutput(Buffer.alloc(1_000, 97));
    return { exitCode: 0, signal: null, timedOut: false, durationMs: 1, output: "" };
  };
  for await (const item of followScript(run, new AbortController().signal)) {
    const given = item as { out?: string; left?: number; result?: CommandResult };
    told += Buffer.from(given.out ?? "", "base64").length;
    left += given.left ?? 0;
    result = given.result;
  }
  assert.deepEqual([told, left, result?.exitCode], [64_000, 36_000, 0]);
});

test("what it fails at is thrown after what it wrote", async () => {
  const run = async (onOutput: (bytes: Buffer) => void): Promise<CommandResult> => {
    onOutput(Buffer.from("begun"));
    throw new Error("it cannot go on");
  };
  const seen: unknown[] = [];
  await assert.rejects(async () => {
    for await (const item of followScript(run, new AbortController().signal)) seen.push(item);
  }, /cannot go on/);
  assert.equal(seen.length, 1);
});
