/** The first start of a fresh checkout: no code is compiled yet. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { memoryOf, platformPids } from "../bench/harness/processes.ts";

const ROOT = path.join(import.meta.dirname, "..");
/** Of all processes of a site: 250 before it kept figures, logs and calls, and spoke SNMP. */
const SITE_MB_MAX = 330;

/** A copy of this checkout with its packages and without any compiled code. */
function copyCheckout(root: string): void {
  mkdirSync(path.join(root, "node_modules"), { recursive: true });
  for (const name of ["orrery", "package.json", "package-lock.json", "tools", "src"])
    cpSync(path.join(ROOT, name), path.join(root, name), { recursive: true });
  for (const name of readdirSync(path.join(ROOT, "node_modules")).filter((one) => one !== ".cache"))
    symlinkSync(path.join(ROOT, "node_modules", name), path.join(root, "node_modules", name));
}

async function run(command: string, ...args: readonly string[]): Promise<void> {
  const { NODE_COMPILE_CACHE: _, ...env } = process.env;
  const child = spawn(command, args, { env, stdio: ["ignore", "ignore", "inherit"] });
  const [status] = await once(child, "exit");
  assert.equal(status, 0, `${command} ${args.join(" ")}`);
}

/** What is kept of files whose types were stripped. V8's code, beside it, holds zeros, which a text does not. */
function strippedFiles(cache: string): string[] {
  const HEADER_BYTES = 32;
  return readdirSync(cache, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile() && !one.name.startsWith("."))
    .map((one) => path.join(one.parentPath, one.name))
    .filter((file) => !readFileSync(file).subarray(HEADER_BYTES).includes(0))
    .sort();
}

const skip = existsSync("/proc/self/smaps_rollup") ? false : "this system has no /proc/PID/smaps_rollup";

test("the first start of a fresh checkout stays within the memory of a site: its processes find all types stripped", { skip }, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-first-start-"));
  const [root, site, data] = [path.join(folder, "checkout"), path.join(folder, "site"), path.join(folder, "data")];
  const command = path.join(root, "orrery");
  t.after(async () => {
    await run(command, "down", "--data", data, "--timeout", "2s").finally(() => rmSync(folder, { recursive: true, force: true }));
  });
  copyCheckout(root);
  cpSync(path.join(ROOT, "sites/ground-station/site.yaml"), path.join(site, "site.yaml"));
  const cache = path.join(root, "node_modules/.cache/compile");
  // As the set-up does, and otherwise `up`.
  await run("sh", path.join(root, "tools/precompile.sh"));
  const filled = strippedFiles(cache);
  assert.ok(filled.length > 300, `${filled.length} files were compiled`);

  // As Node leaves what it could not write to the end.
  const unfinished = path.join(path.dirname(filled[0] ?? ""), "0123abcd.Xy12Zq");
  writeFileSync(unfinished, "");
  rmSync(path.join(cache, `.filled-${process.getuid?.()}`));
  await run("sh", path.join(root, "tools/precompile.sh"));
  assert.deepEqual([existsSync(unfinished), readdirSync(cache).some((name) => name.startsWith("."))], [false, false], "not all is known to be kept");

  await run(command, "up", "--detach", "--site", site, "--data", data, "--api-port", "0", "--edge-port", "0");
  const sizes = [...platformPids(data)].map(([name, pid]) => ({ name, mb: memoryOf(pid).pssMb }));
  const allMb = sizes.reduce((sum, { mb }) => sum + mb, 0);
  assert.ok(allMb < SITE_MB_MAX, sizes.map(({ name, mb }) => `${name} ${mb.toFixed(0)}`).join(", "));
  await run(command, "down", "--data", data);
  assert.deepEqual(strippedFiles(cache), filled, "no process had to strip types");
});
