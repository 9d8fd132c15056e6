import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { setTimeout as setTimeoutPromise } from "node:timers/promises";
import { findLeftovers } from "./leftovers.ts";
import { patientTimeout } from "./patience.ts";
import { MarkedProcesses, OrphanTime } from "./processor-time.ts";
import { ROOT } from "./sources.ts";

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** How long something took, and how long it and what it started kept a processor; the rest is waiting, also for a processor. */
export interface Took {
  readonly ms: number;
  readonly processorMs: number;
}

export interface TimedCounts {
  readonly counts: TestCounts;
  readonly took: Took;
}

export const NO_COUNTS: TestCounts = { passed: 0, failed: 0, skipped: 0 };

export function add(a: TestCounts, b: TestCounts): TestCounts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** What `test-counts.ts` tells. */
export interface RunResult {
  readonly counts: TestCounts;
  readonly emptyFiles: readonly string[];
  /** Of the process and of the children that it asked for. */
  readonly processorMs: number;
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
export async function runTestFiles({ name, files, folder, timeoutMs, signal }: TestRun): Promise<TimedCounts> {
  const startedAt = performance.now();
  const temporary = await mkdtemp(join(folder, "t"));
  const countsFile = `${temporary}.counts`;
  const { output, faults, orphansMs } = await runNode([...nodeOptions(countsFile), ...files], { temporary, timeoutMs, signal });
  const result = await readResult(countsFile);
  if (result === undefined) faults.push("it ended without a result: something in it ended the process");
  for (const file of result?.emptyFiles ?? []) faults.push(`${file} holds no test`);
  await rm(temporary, { recursive: true, force: true, maxRetries: 5 });

  const total = add(result?.counts ?? NO_COUNTS, { ...NO_COUNTS, failed: faults.length });
  const isWell = total.failed === 0;
  const took = { ms: performance.now() - startedAt, processorMs: (result?.processorMs ?? 0) + orphansMs };
  const seconds = (took.ms / 1000).toFixed(1).padStart(5);
  const figures = `${total.passed} passed${total.failed > 0 ? `, ${total.failed} failed` : ""}${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`;
  const details = isWell ? listSkipped(output) : [output.trimEnd(), ...faults.map((fault) => `✖ ${name}: ${fault}`), ""];
  console.log([`${isWell ? "✔" : "✖"} ${seconds} s  ${name}: ${figures}`, ...details].join("\n"));
  return { counts: total, took };
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

interface Ended {
  readonly output: string;
  /** Why it was ended from outside, if it was, and what it left behind. */
  readonly faults: string[];
  /** Processor time of processes that it started and that left it, as far as they were seen. */
  readonly orphansMs: number;
}

async function runNode(args: readonly string[], { temporary, timeoutMs, signal }: Limits): Promise<Ended> {
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
  const readOrphans = watchOrphans(temporary, child.pid ?? 0);
  await once(child, "exit");
  const orphansMs = readOrphans();
  cancelLimit();
  signal.removeEventListener("abort", onAbort);
  const leftovers = await endLeftovers(temporary);
  kill(-(child.pid ?? 0));
  // A process that escaped all this may hold the pipes open: they are not waited for longer than a moment.
  const isClosed = child.stdout.closed && child.stderr.closed;
  if (!isClosed) await Promise.race([once(child, "close"), setTimeoutPromise(1000, undefined, { ref: false })]);
  child.stdout.destroy();
  child.stderr.destroy();
  return { output, faults: [...(ending === undefined ? [] : [ending]), ...leftovers], orphansMs };
}

/** What leaves its parent and ends between two looks is not counted. */
const LOOK_MS = 500;

/** All test runs of this process share one look. */
const watched = new Map<string, { readonly root: number; readonly orphans: OrphanTime }>();
const processes = new MarkedProcesses();
let looking: NodeJS.Timeout | undefined;

/** Counts the processor time of marked processes that have left `root`; what is returned ends that and tells it. */
function watchOrphans(marker: string, root: number): () => number {
  const orphans = new OrphanTime();
  watched.set(marker, { root, orphans });
  looking ??= setInterval(() => {
    const found = processes.find([...watched.keys()]);
    for (const [key, one] of watched) one.orphans.look(found.get(key) ?? [], one.root);
  }, LOOK_MS);
  return () => {
    watched.delete(marker);
    if (watched.size === 0) {
      clearInterval(looking);
      looking = undefined;
    }
    return orphans.totalMs;
  };
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
