/** Gives each sample service the packages that its package.json names, as `npm install` in its folder would, from the copies in this project's node_modules:
 *  no network, and a sample that is copied elsewhere takes them along. Run by tools/setup.sh. */
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";

const ROOT = path.join(import.meta.dirname, "..");
const MODULES = path.join(ROOT, "node_modules");

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
  const modules = path.join(ROOT, path.dirname(file), "node_modules");
  for (const name of withTheirs(Object.keys(dependencies))) copyPackage(path.join(MODULES, name), path.join(modules, name));
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

/** Two at once, or one that is interrupted, leave no half of a package. */
function copyPackage(from: string, to: string): void {
  if (readPackage(path.join(to, "package.json")).version === readPackage(path.join(from, "package.json")).version) return;
  const whole = `${to}.${process.pid}.tmp`;
  mkdirSync(path.dirname(to), { recursive: true });
  cpSync(from, whole, { recursive: true });
  rmSync(to, { recursive: true, force: true });
  try {
    renameSync(whole, to);
  } catch (error) {
    rmSync(whole, { recursive: true, force: true });
    if (!existsSync(to)) throw error;
  }
}

function readPackage(file: string): PackageFile {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as PackageFile) : {};
}
