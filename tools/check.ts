/** `npm run check`: everything that a machine can check without running the product. One line for each part, and the whole output of those that fail.
 *  Exit status 0 when all parts are well, else 1. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { findImportFaults } from "./imports.ts";
import { findBaseOverflow, findImpurities, findRegistryHosts } from "./scans.ts";
import { listFiles, ROOT } from "./sources.ts";

interface Part {
  readonly name: string;
  /** What is wrong, for people; empty when all is well. */
  readonly run: () => Promise<string>;
}

/** Longer than any part takes on a slow machine; a part that hangs must not hang the check. */
const PART_TIMEOUT_MS = 300_000;

/** Runs a program of node_modules/.bin, or a file of ours, on this Node. */
function program(path: string, ...args: string[]): Part["run"] {
  return () =>
    new Promise((resolve) => {
      const options = { cwd: ROOT, timeout: PART_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, FORCE_COLOR: "0" } };
      execFile(process.execPath, [join(ROOT, path), ...args], options, (error, stdout, stderr) => {
        resolve(error === null ? "" : `${stdout}${stderr}`.trim() || error.message);
      });
    });
}

/** Of what is as it was at the last check only that is known: most of the time of a check is that of the types of all files. */
function types(project: string, known: string): Part["run"] {
  const file = `node_modules/.cache/${known}.tsbuildinfo`;
  return program("node_modules/typescript/bin/tsc", "--noEmit", "--pretty", "false", "-p", project, "--incremental", "--tsBuildInfoFile", file);
}

function scan(find: () => Promise<readonly string[]>): Part["run"] {
  return async () => (await find()).join("\n");
}

/** Each `tools/docs-*.ts` writes documents from the code; with `--check` it says which ones differ. */
async function documentParts(): Promise<Part[]> {
  const files = (await listFiles("tools")).filter((file) => /^tools\/docs-[^/]+\.ts$/.test(file) && !file.endsWith(".test.ts"));
  return files.map((file) => ({ name: `documents ${file.slice("tools/docs-".length, -".ts".length)}`, run: program(file, "--check") }));
}

const FORMAT = "format and lint";

const PARTS: readonly Part[] = [
  { name: "types", run: types(".", "types") },
  { name: "types of the console", run: types("console", "types-of-console") },
  { name: "unused code", run: program("node_modules/knip/bin/knip.js", "--no-progress") },
  {
    name: FORMAT,
    run: program("node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings", "--reporter=concise", "--max-diagnostics=200", "."),
  },
  { name: "imports", run: scan(findImportFaults) },
  { name: "purity", run: scan(findImpurities) },
  { name: "size of base", run: scan(findBaseOverflow) },
  { name: "registry hosts", run: scan(findRegistryHosts) },
];

export interface CheckCounts {
  readonly passed: number;
  readonly failed: number;
}

/** The names of all parts. */
export async function checkNames(): Promise<string[]> {
  return (await allParts()).map(({ name }) => name);
}

async function allParts(): Promise<Part[]> {
  return [...PARTS, ...(await documentParts())];
}

/** Runs all parts at once and prints what they found. */
export async function check(): Promise<CheckCounts> {
  const parts = await allParts();
  const results = await Promise.all(parts.map(runPart));
  const failed = results.filter(({ faults }) => faults !== "");
  for (const { name, faults } of failed) console.log(`\n── ${name} ──\n${faults}`);
  if (failed.some(({ name }) => name === FORMAT)) console.log("\n`npm run format` mends formatting, the order of imports and some of the rest");
  const counts = { passed: results.length - failed.length, failed: failed.length };
  console.log(`check: ${counts.passed} parts passed, ${counts.failed} failed\n`);
  return counts;
}

async function runPart({ name, run }: Part): Promise<{ readonly name: string; readonly faults: string }> {
  const startedAt = performance.now();
  const faults = await run().catch((error: Error) => error.stack ?? error.message);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(5);
  console.log(`${faults === "" ? "✔" : "✖"} ${seconds} s  ${name}`);
  return { name, faults };
}

if (import.meta.main) process.exitCode = (await check()).failed === 0 ? 0 : 1;
