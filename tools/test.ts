/** `npm test`: the check, then every test file. `npm test -- --quick`: the check, and what starts no processes of the platform; for one's own desk, while
 *  continuous integration runs all. `npm test -- PATTERN…` (or `node tools/test.ts PATTERN…`), also after `--quick`: without the check, and only the test
 *  files whose paths contain a pattern or match it as a glob. `--at-once N` runs no more than N files beside each other.
 *  The last line is `N passed, N failed, N skipped`; each part of the check counts as one.
 *  Exit status 0 when something ran and nothing failed, else 1. */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { basename, dirname, join, matchesGlob } from "node:path";
import { parseArgs } from "node:util";
import { check } from "./check.ts";
import { listFiles } from "./sources.ts";
import { groupFiles, LANE_TITLES, LANES, type Lane, QUICK_LANES, sortIntoLanes } from "./test-lanes.ts";
import { runBeside, watchRoom } from "./test-queue.ts";
import { describeTimes, type LaneTook, type NamedTook } from "./test-report.ts";
import { add, NO_COUNTS, runTestFiles, type TestCounts } from "./test-run.ts";

/** For each process of a lane, from start to end. */
const TIMEOUT_MS: Readonly<Record<Lane, number>> = { pure: 120_000, rooms: 120_000, whole: 300_000, alone: 300_000 };

const PROCESSORS = availableParallelism();
/** Files at once; more starve each other on small machines, and a starved server looks like a broken one. `most`: while processors idle, because files wait. */
const AT_ONCE: Readonly<Record<Lane, { readonly least: number; readonly most: number }>> = {
  pure: { least: PROCESSORS, most: 4 * PROCESSORS },
  rooms: { least: PROCESSORS, most: 4 * PROCESSORS },
  whole: { least: PROCESSORS, most: 2 * PROCESSORS },
  alone: { least: 1, most: 1 },
};
/** How long a file that was added is given to show what it needs before one more is: it loads, or it starts a site. */
const LOOK_MS: Readonly<Record<Lane, number>> = { pure: 500, rooms: 500, whole: 3000, alone: 1000 };

const { isQuick, atOnceMax, patterns } = parseArguments();
const isSelected = (file: string): boolean =>
  patterns.length === 0 || patterns.some((pattern) => file.includes(pattern.replace(/^\.\//, "")) || matchesGlob(file, pattern));
const files = (await listFiles()).filter((file) => file.endsWith(".test.ts") && isSelected(file));
const lanes = await sortIntoLanes(files);
const chosen = LANES.filter((lane) => !isQuick || QUICK_LANES.has(lane));
/** The pure parts are one process: others run beside it. */
const stages: readonly (readonly Lane[])[] = [
  chosen.filter((lane) => QUICK_LANES.has(lane)),
  ...chosen.filter((lane) => !QUICK_LANES.has(lane)).map((lane) => [lane]),
];
const hasRoom = watchRoom();

// Everything temporary goes here, and goes away with it; the name also marks the processes of this run.
const folder = await mkdtemp(join(tmpdir(), "orrery-test-"));
const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => interruption.abort(new Error(`interrupted by ${signal}`)));

let total: TestCounts = NO_COUNTS;
const took: LaneTook[] = [];
try {
  if (patterns.length === 0) total = add(total, { ...NO_COUNTS, ...(await check()) });
  for (const stage of stages) total = add(total, await runStage(stage));
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

const left = files.filter((file) => !chosen.some((lane) => lanes.get(lane)?.includes(file)));
if (patterns.length > 0 && files.length === 0) {
  console.error(`no test file matches ${patterns.join(" ")}; give a part of a path, such as src/model, or a glob in quotes`);
  process.exitCode = 1;
} else if (patterns.length > 0 && left.length > 0) {
  console.error(`not quick, and left out: ${left.join(", ")}`);
}
for (const line of describeTimes(took)) console.log(line);
if (interruption.signal.aborted) console.error("interrupted: not everything ran");
console.log(`ℹ tests ${total.passed + total.failed + total.skipped}\nℹ pass ${total.passed}\nℹ fail ${total.failed}\nℹ skipped ${total.skipped}`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
if (total.failed > 0 || total.passed === 0 || interruption.signal.aborted) process.exitCode = 1;

/** Runs all files of lanes that may run beside each other, in the order of the lanes; the last lane says how many at once. */
async function runStage(stage: readonly Lane[]): Promise<TestCounts> {
  let counts = NO_COUNTS;
  const jobs: (() => Promise<void>)[] = [];
  const lanesTook: LaneTook[] = [];
  const beganMs = performance.now();
  for (const lane of stage) {
    const own = lanes.get(lane) ?? [];
    const name = LANE_TITLES[lane];
    if (own.length === 0) {
      if (patterns.length > 0) continue;
      console.log(`✖ ${name}: no test file was found`);
      counts = add(counts, { ...NO_COUNTS, failed: 1 });
      continue;
    }
    console.log(`── ${name}: ${own.length} files ──`);
    const times: NamedTook[] = [];
    const laneTook = { name, ms: 0, files: times };
    lanesTook.push(laneTook);
    for (const group of groupFiles(lane, own))
      jobs.push(async () => {
        if (interruption.signal.aborted) return;
        const title = group.length === 1 ? (group[0] as string) : lane === "pure" ? name : titleOf(group);
        const result = await runTestFiles({ name: title, files: group, folder, timeoutMs: TIMEOUT_MS[lane], signal: interruption.signal });
        counts = add(counts, result.counts);
        times.push({ name: title, ...result.took });
        laneTook.ms = performance.now() - beganMs;
      });
  }
  const last = stage.at(-1);
  if (last === undefined || jobs.length === 0) return counts;
  const { least, most } = AT_ONCE[last];
  await runBeside(jobs, { least: Math.min(least, atOnceMax), most: Math.min(most, atOnceMax), hasRoom, lookMs: LOOK_MS[last] });
  took.push(...lanesTook);
  console.log("");
  return counts;
}

/** `src/text: json, yaml`. */
function titleOf(files: readonly string[]): string {
  return `${dirname(files[0] as string)}: ${files.map((file) => basename(file, ".test.ts")).join(", ")}`;
}

function parseArguments(): { readonly isQuick: boolean; readonly atOnceMax: number; readonly patterns: readonly string[] } {
  try {
    const { values, positionals } = parseArgs({
      options: { quick: { type: "boolean", default: false }, "at-once": { type: "string" } },
      allowPositionals: true,
    });
    const atOnceMax = Number(values["at-once"] ?? Number.POSITIVE_INFINITY);
    if (values["at-once"] !== undefined && !(Number.isInteger(atOnceMax) && atOnceMax > 0))
      throw new Error(`--at-once ${values["at-once"]}: a whole number from 1 is expected`);
    return { isQuick: values.quick, atOnceMax, patterns: positionals };
  } catch (error) {
    console.error(`${(error as Error).message}\nusage: npm test -- [--quick] [--at-once N] [PATTERN…]`);
    process.exit(1);
  }
}
