/** Gives each sample service the packages that its package.json names, from the copies in this project's node_modules: no network, and a sample that is copied elsewhere takes them along.
 *  Of each package come only the files that the service loads (30 of hono's 577): all files of a service are read and copied when a site first starts.
 *  `npm install` makes them whole: the versions of these copies end with MARK, so that npm does not take them for the packages. Run by tools/setup.sh. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = path.join(import.meta.dirname, "..");
const MODULES = path.join(ROOT, "node_modules");
const MARK = "-loaded";
/** Imports its arguments and prints every file that is loaded for them, by `import` or `require`. */
const RECORDER = `
  import { registerHooks } from "node:module";
  const urls = new Set();
  registerHooks({ load: (url, context, next) => (urls.add(url), next(url, context)) });
  for (const name of process.argv.slice(1)) await import(name);
  console.log(JSON.stringify([...urls]));`;

interface PackageFile {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

for (const file of globSync("sites/*/services/*/package.json", { cwd: ROOT })) {
  const { dependencies = {} } = readPackage(path.join(ROOT, file));
  for (const [name, version] of Object.entries(dependencies)) {
    const found = readPackage(path.join(MODULES, name, "package.json")).version;
    if (found !== version) throw new Error(`${file} wants ${name} ${version}, and this project has ${found ?? "none"}: give both the same version`);
  }
  const names = Object.keys(dependencies);
  if (names.length > 0) copyPackages(path.join(ROOT, path.dirname(file)), withTheirs(names));
}

/** The packages and all that they depend on. */
function withTheirs(names: readonly string[], known: Set<string> = new Set()): ReadonlySet<string> {
  for (const name of names) {
    if (known.has(name)) continue;
    known.add(name);
    withTheirs(Object.keys(readPackage(path.join(MODULES, name, "package.json")).dependencies ?? {}), known);
  }
  return known;
}

/** Two at once, or one that is interrupted, leave no half of the packages. */
function copyPackages(service: string, names: ReadonlySet<string>): void {
  const modules = path.join(service, "node_modules");
  const whole = `${modules}.${process.pid}.tmp`;
  const loaded = findLoaded(service);
  for (const name of names) {
    const folder = path.join(MODULES, name);
    const licences = readdirSync(folder).filter((entry) => /^(?:licen[cs]e|notice)/i.test(entry));
    for (const file of [...licences.map((entry) => path.join(folder, entry)), ...loaded.filter((one) => one.startsWith(`${folder}/`))])
      cpSync(file, path.join(whole, path.relative(MODULES, file)), { recursive: true });
    const own = readPackage(path.join(folder, "package.json"));
    mkdirSync(path.join(whole, name), { recursive: true });
    writeFileSync(path.join(whole, name, "package.json"), `${JSON.stringify({ ...own, version: `${own.version}${MARK}` }, null, 2)}\n`);
  }
  rmSync(modules, { recursive: true, force: true });
  try {
    renameSync(whole, modules);
  } catch (error) {
    rmSync(whole, { recursive: true, force: true });
    if (!existsSync(modules)) throw error;
  }
}

/** Files of packages that the programs of a service load. */
function findLoaded(service: string): string[] {
  const imports = globSync("*.ts", { cwd: service }).flatMap((file) => {
    const program = stripTypeScriptTypes(readFileSync(path.join(service, file), "utf8"));
    return [...program.matchAll(/(?<!["'.\w])(?:from|import)\s*\(?\s*"([@\w][^"\s]*)"/g)].map(([, name = ""]) => name);
  });
  const wanted = [...new Set(imports)].filter((name) => !name.startsWith("node:"));
  if (wanted.length === 0) return [];
  const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", RECORDER, ...wanted], { cwd: ROOT, encoding: "utf8" });
  return (JSON.parse(printed) as string[]).filter((url) => url.startsWith("file:")).map((url) => fileURLToPath(url));
}

function readPackage(file: string): PackageFile {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as PackageFile) : {};
}
