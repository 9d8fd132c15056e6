/** `npm test`: the check, then every suite. `npm test -- PATTERN…` (or `node tools/test.ts PATTERN…`): without the check, and only the test files whose
 *  paths contain a pattern or match it as a glob. The last line is `N passed, N failed, N skipped`; each part of the check counts as one.
 *  Exit status 0 when something ran and nothing failed, else 1. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, matchesGlob } from "node:path";
import { isPure } from "./arrows.ts";
import { check } from "./check.ts";
import { listFiles } from "./sources.ts";
import { add, NO_COUNTS, runTestFiles, type TestCounts } from "./test-run.ts";

interface Suite {
  readonly name: string;
  readonly holds: (file: string) => boolean;
  /** All files in one process: a hundred a second, but they must not disturb one another. Else a process for each, this many at once. */
  readonly isTogether?: boolean;
  /** For each process, from start to end. */
  readonly timeoutMs: number;
}

/** Files at once; more starve each other on small machines, and a starved server looks like a broken one. */
const CONCURRENCY = 2;

const isWholeProcess = (file: string): boolean => file.startsWith("test/");
/** `src/model/names.test.ts` is about src/model/names.ts. */
const isOfPurePart = (file: string): boolean => isPure(file.replace(/\.test\.ts$/, ".ts"));

const SUITES: readonly Suite[] = [
  { name: "pure parts", holds: isOfPurePart, isTogether: true, timeoutMs: 120_000 },
  { name: "rooms", holds: (file) => !isOfPurePart(file) && !isWholeProcess(file), timeoutMs: 120_000 },
  { name: "whole processes", holds: isWholeProcess, timeoutMs: 300_000 },
];

const patterns = process.argv.slice(2);
const isSelected = (file: string): boolean =>
  patterns.length === 0 || patterns.some((pattern) => file.includes(pattern.replace(/^\.\//, "")) || matchesGlob(file, pattern));
const files = (await listFiles()).filter((file) => file.endsWith(".test.ts") && isSelected(file));

// Everything temporary goes here, and goes away with it; the name also marks the processes of this run.
const folder = await mkdtemp(join(tmpdir(), "orrery-test-"));
const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => interruption.abort(new Error(`interrupted by ${signal}`)));

let total: TestCounts = NO_COUNTS;
try {
  if (patterns.length === 0) total = add(total, { ...NO_COUNTS, ...(await check()) });
  for (const suite of SUITES) total = add(total, await runSuite(suite));
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

if (patterns.length > 0 && files.length === 0) {
  console.error(`no test file matches ${patterns.join(" ")}; give a part of a path, such as src/model, or a glob in quotes`);
  process.exitCode = 1;
}
if (interruption.signal.aborted) console.error("interrupted: not everything ran");
console.log(`ℹ tests ${total.passed + total.failed + total.skipped}\nℹ pass ${total.passed}\nℹ fail ${total.failed}\nℹ skipped ${total.skipped}`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
if (total.failed > 0 || total.passed === 0 || interruption.signal.aborted) process.exitCode = 1;

async function runSuite(suite: Suite): Promise<TestCounts> {
  const own = files.filter(suite.holds);
  if (own.length === 0) {
    if (patterns.length > 0) return NO_COUNTS;
    console.log(`✖ ${suite.name}: no test file was found`);
    return { ...NO_COUNTS, failed: 1 };
  }
  const groups = suite.isTogether === true ? [own] : own.map((file) => [file]);
  console.log(`── ${suite.name}: ${own.length} files ──`);
  let counts = NO_COUNTS;
  const work = async (): Promise<void> => {
    for (let group = groups.shift(); group !== undefined && !interruption.signal.aborted; group = groups.shift()) {
      const name = group.length === 1 ? (group[0] as string) : suite.name;
      const result = await runTestFiles({ name, files: group, folder, timeoutMs: suite.timeoutMs, signal: interruption.signal });
      // In two steps: `add(counts, await …)` would add to what `counts` was before the wait, and lose the other worker's.
      counts = add(counts, result);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  console.log("");
  return counts;
}
