/** Fills the cache of compiled code with all that the programs of a site load, and runs none of it. `tools/precompile.sh` says when.
 *
 *  A process that meets TypeScript without cached code strips its types with Node's own swc, which is WebAssembly: some 20 MB that this process never gives back. So processes that end at once do it before those of a site start.
 *  V8 keeps a cache for each set of its options that changes code; all processes of a site start with the same (src/apps/heap-growth.ts). */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { getCompileCacheDir } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = path.join(import.meta.dirname, "..");
/** Of a process that fills the cache: then the site starts without. */
const TIMEOUT_MS = 60_000;
/** What is compiled takes some 10 MB for each user, beside what the programs add. */
const FREE_BYTES_MIN = 64 * 1024 * 1024;
/** Files that a file names to load them: its imports, also those for later, and the programs and threads that it starts. */
const LOADED = /(?:^import |^export [^"]*from |^(?:import [^"]*|\} )from |\bimport\(|\bnew URL\()"((?:\.{1,2}|#)\/[^"]+\.ts)"/gm;

const [mode, ...programs] = process.argv.slice(2);
if (mode === "--only") await compile(programs);
else await compileAll();

/** Fails where not all could be kept: then it is tried again before the next start. */
async function compileAll(): Promise<void> {
  // Below it are those of each version of Node.js, set of options and user.
  const cache = path.dirname(cacheFolder());
  const { bavail, bsize } = statfsSync(cache);
  if (bavail * bsize < FREE_BYTES_MIN) throw new Error(`too little room is left at ${cache}`);
  const programs = ["cli", "up", "centre", "agent", "gateway", "snmp", "broker"].map((name) => path.join(ROOT, "src/apps", `${name}.ts`));
  const isDone = await runOnly(programs);
  if (!isDone || removeUnfinished(cache) > 0) process.exitCode = 1;
}

function cacheFolder(): string {
  const folder = getCompileCacheDir();
  if (folder === undefined) throw new Error("there is no cache of compiled code");
  return folder;
}

/** Node says nothing of a file that it could not write (a full disk, a quota), and leaves it under the name of one that is being written, with a dot. Returns how many there were. */
function removeUnfinished(cache: string): number {
  const unfinished = readdirSync(cache, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.parentPath !== cache && entry.name.includes("."),
  );
  for (const { parentPath, name } of unfinished) rmSync(path.join(parentPath, name), { force: true });
  return unfinished.length;
}

function runOnly(programs: readonly string[]): Promise<boolean> {
  const child = spawn(process.execPath, [import.meta.filename, "--only", ...programs], { stdio: "ignore", timeout: TIMEOUT_MS });
  return new Promise((resolve) => {
    child.once("error", () => resolve(false));
    child.once("exit", (status) => resolve(status === 0));
  });
}

/** Node loads and compiles all modules of a graph before it runs the first of them. That first one, here, keeps the cache and ends the process. */
async function compile(roots: readonly string[]): Promise<void> {
  cacheFolder();
  const end = 'import { flushCompileCache } from "node:module"; flushCompileCache(); process.exit(0);';
  const urls = [`data:text/javascript,${encodeURIComponent(end)}`, ...findLoaded(roots).map((file) => pathToFileURL(file).href)];
  const all = urls.map((url) => `import ${JSON.stringify(url)};`).join("\n");
  await import(`data:text/javascript,${encodeURIComponent(all)}`);
}

/** `roots` and all files of src/ that they come to load. */
function findLoaded(roots: readonly string[]): string[] {
  const found = new Set(roots);
  // What is added meanwhile is visited, too.
  for (const file of found) {
    for (const [, specifier = ""] of readFileSync(file, "utf8").matchAll(LOADED)) {
      const target = specifier.startsWith("#/") ? path.join(ROOT, "src", specifier.slice(2)) : fileURLToPath(new URL(specifier, pathToFileURL(file)));
      found.add(target);
    }
  }
  return [...found];
}
