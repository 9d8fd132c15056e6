import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** Builds whose files are served: the newest and those before it, for pages that people have open while the console is built anew. */
export const BUILDS_MAX = 4;
/** A page and its chunks: some hundred files in all. */
const FILES_MAX = 2_000;
/** Of built files: no folders, nothing hidden. */
const FILE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/** A file that is served, as it lies on disk; `br` and `gzip` lie beside it where it was worth it. */
export interface BuiltFile {
  readonly path: string;
  readonly encodings: ReadonlySet<"br" | "gzip">;
}

/** What the set-up has built and is served. */
export interface Builds {
  /** Content hash of the sources that the newest was built from. */
  readonly hash: string;
  /** Of the newest. */
  readonly index: { readonly text: string; readonly etag: string };
  /** `assets/index-B3x9.js`: their names carry a hash of what is in them, so those of several builds stand beside each other. */
  readonly files: ReadonlyMap<string, BuiltFile>;
}

/** The builds in `folder` (one folder each, named by its hash, with `index.html` and `assets/`), newest first; `undefined` where none is whole.
 *  An `index.html` is written last: a folder without one is being built, or was broken off. */
export async function findBuilds(folder: string): Promise<Builds | undefined> {
  const found = await Promise.all((await listNames(folder)).map((name) => findBuild(folder, name)));
  const whole = found.filter((build) => build !== undefined).sort((a, b) => b.builtMs - a.builtMs || a.hash.localeCompare(b.hash));
  const [newest] = whole;
  if (newest === undefined) return undefined;
  const files = new Map<string, BuiltFile>();
  // The newest last: where a name is the same, so is the content, but older folders go first.
  for (const { hash } of whole.slice(0, BUILDS_MAX).reverse()) {
    for (const [name, file] of await listFiles(folder, hash)) if (files.size < FILES_MAX) files.set(name, file);
  }
  const text = await readFile(join(folder, newest.hash, "index.html"), "utf8");
  return { hash: newest.hash, index: { text, etag: `"${createHash("sha256").update(text).digest("hex").slice(0, 32)}"` }, files };
}

async function findBuild(folder: string, hash: string): Promise<{ readonly hash: string; readonly builtMs: number } | undefined> {
  if (!/^[0-9a-f]{16,64}$/.test(hash)) return undefined;
  const index = await stat(join(folder, hash, "index.html")).catch(() => undefined);
  return index?.isFile() === true ? { hash, builtMs: index.mtimeMs } : undefined;
}

async function listFiles(folder: string, hash: string): Promise<[string, BuiltFile][]> {
  const found: [string, BuiltFile][] = [];
  for (const place of ["", "assets/"]) {
    const names = new Set(await listNames(join(folder, hash, place)));
    for (const name of names) {
      if (!FILE_NAME.test(name) || name === "index.html" || name === "assets" || /\.(?:br|gz)$/.test(name)) continue;
      const encodings = new Set<"br" | "gzip">();
      if (names.has(`${name}.br`)) encodings.add("br");
      if (names.has(`${name}.gz`)) encodings.add("gzip");
      found.push([`${place}${name}`, { path: join(folder, hash, place, name), encodings }]);
    }
  }
  return found;
}

async function listNames(folder: string): Promise<string[]> {
  return await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
    throw error;
  });
}
