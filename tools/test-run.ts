import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { setTimeout as setTimeoutPromise } from "node:timers/promises";
import { findLeftovers } from "./leftovers.ts";
import { patientTimeout } from "./patience.ts";
import { ROOT } from "./sources.ts";

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const NO_COUNTS: TestCounts = { passed: 0, failed: 0, skipped: 0 };

export function add(a: TestCounts, b: TestCounts): TestCounts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** What `test-counts.ts` tells. */
export interface RunResult {
  readonly counts: TestCounts;
  readonly emptyFiles: readonly string[];
}

export interface TestRun {
  /** Stands in the printed line. */
  readonly name: string;
  readonly files: readonly string[];
  /** Where the run keeps its temporary files. */
  readonly folder: string;
  /** On a machine that has time for it. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The most output kept of one process; a test that prints more has it cut, at the front. */
const OUTPUT_CHARS_MAX = 4_000_000;

/** Runs test files in one process of their own and prints one line, with the whole output when something failed. Fails a run that outlives its time,
 *  ends without a result, holds no test, or leaves processes behind; those, and the process group, are killed.
 *  (The runner's own time limit does not stop a loop that never yields, hence a limit from outside.) */
export async function runTestFiles({ name, files, folder, timeoutMs, signal }: TestRun): Promise<TestCounts> {
  const startedAt = performance.now();
  const temporary = await mkdtemp(join(folder, "t"));
  const countsFile = `${temporary}.counts`;
  const { output, faults } = await runNode([...nodeOptions(countsFile), ...files], { temporary, timeoutMs, signal });
  const result = await readResult(countsFile);
  if (result === undefined) faults.push("it ended without a result: something in it ended the process");
  for (const file of result?.emptyFiles ?? []) faults.push(`${file} holds no test`);
  await rm(temporary, { recursive: true, force: true, maxRetries: 5 });

  const total = add(result?.counts ?? NO_COUNTS, { ...NO_COUNTS, failed: faults.length });
  const isWell = total.failed === 0;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(5);
  const figures = `${total.passed} passed${total.failed > 0 ? `, ${total.failed} failed` : ""}${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`;
  const details = isWell ? listSkipped(output) : [output.trimEnd(), ...faults.map((fault) => `✖ ${name}: ${fault}`), ""];
  console.log([`${isWell ? "✔" : "✖"} ${seconds} s  ${name}: ${figures}`, ...details].join("\n"));
  return total;
}

function nodeOptions(countsFile: string): string[] {
  const reporters = [
    ...["--test-reporter=spec", "--test-reporter-destination=stdout"],
    ...[`--test-reporter=${join(ROOT, "tools/test-counts.ts")}`, `--test-reporter-destination=${countsFile}`],
  ];
  return ["--test", "--test-isolation=none", "--test-force-exit", ...reporters];
}

interface Limits {
  readonly temporary: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** `faults`: why it was ended from outside, if it was, and what it left behind. */
async function runNode(args: readonly string[], { temporary, timeoutMs, signal }: Limits): Promise<{ output: string; faults: string[] }> {
  const env = { NODE_COMPILE_CACHE: join(ROOT, "node_modules/.cache/compile"), ...process.env, TMPDIR: temporary };
  const child = spawn(process.execPath, args, { cwd: ROOT, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let ending: string | undefined;
  const end = (reason: string): void => {
    ending = reason;
    kill(-(child.pid ?? 0));
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-OUTPUT_CHARS_MAX);
    });
  }
  const cancelLimit = patientTimeout(timeoutMs, () => end(`it took longer than ${timeoutMs / 1000} s, and more where the machine was busy`));
  const onAbort = (): void => end("interrupted");
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  await once(child, "exit");
  cancelLimit();
  signal.removeEventListener("abort", onAbort);
  const leftovers = await endLeftovers(temporary);
  kill(-(child.pid ?? 0));
  // A process that escaped all this may hold the pipes open: they are not waited for longer than a moment.
  const isClosed = child.stdout.closed && child.stderr.closed;
  if (!isClosed) await Promise.race([once(child, "close"), setTimeoutPromise(1000, undefined, { ref: false })]);
  child.stdout.destroy();
  child.stderr.destroy();
  return { output, faults: [...(ending === undefined ? [] : [ending]), ...leftovers] };
}

function kill(pid: number): void {
  try {
    if (pid !== 0) process.kill(pid, constants.signals.SIGKILL);
  } catch {
    // It has ended by itself.
  }
}

async function readResult(file: string): Promise<RunResult | undefined> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text === "" ? undefined : (JSON.parse(text) as RunResult);
}

/** Kills what `marker` marks and tells it. What was just asked to end is given a moment to do so. */
async function endLeftovers(marker: string): Promise<string[]> {
  let leftovers = await findLeftovers(marker);
  for (let round = 0; round < 10 && leftovers.length > 0; round++) {
    await setTimeoutPromise(100);
    leftovers = await findLeftovers(marker);
  }
  for (const { pid } of leftovers) kill(pid);
  return leftovers.map(({ pid, command }) => `it left process ${pid} running: ${command.slice(0, 200)}`);
}

/** A skipped test is told by name and reason even when all is well. */
function listSkipped(output: string): string[] {
  return output.split("\n").filter((line) => /^\s*﹣ /.test(line));
}
