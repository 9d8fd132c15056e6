import { type Dirent, statSync } from "node:fs";
import { readdir, readlink, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { OrreryError } from "#/base/index.ts";
import type { FileMapping } from "#/model/index.ts";
import { inSlices } from "./slices.ts";

export interface FileEntry {
  readonly type: "file";
  /** Relative to the artifact, with `/`. */
  readonly path: string;
  readonly source: string;
  readonly size: number;
  readonly isExecutable: boolean;
}

export type Entry =
  | FileEntry
  | { readonly type: "link"; readonly path: string; readonly target: string }
  | { readonly type: "folder"; readonly path: string };

export interface Limits {
  readonly bytesMax: number;
  readonly filesMax: number;
}

/** What the mappings give, `from` relative to `baseFolder`. Errors as `ArtifactStore.put` tells them. */
export async function listFiles(files: readonly FileMapping[], baseFolder: string, limits: Limits): Promise<Entry[]> {
  const listing = new Listing(limits);
  for (const { from, to, render } of files) {
    const source = await findSource(from, baseFolder);
    const target = checkTarget(to);
    const stats = await stat(source);
    if (render === true && !stats.isFile())
      throw new OrreryError(
        "artifacts/invalid",
        `files: from: ${JSON.stringify(from)}: render is for single files, and this is none; name each file that is to be rendered`,
      );
    if (stats.isDirectory()) {
      await listing.addFolder({ root: source, folder: source, prefix: target });
    } else if (stats.isFile()) {
      const isInto = target === "" || to.endsWith("/");
      listing.addFile(isInto ? path.posix.join(target, path.basename(from)) : target, source, stats);
    } else {
      throw new OrreryError("artifacts/invalid", `files: ${source} is neither a file nor a folder`);
    }
  }
  return listing.entries();
}

/** Everything in `folder`. */
export async function listTree(folder: string, limits: Limits): Promise<Entry[]> {
  const listing = new Listing(limits);
  await listing.addFolder({ root: folder, folder, prefix: "" });
  return listing.entries();
}

async function findSource(from: string, baseFolder: string): Promise<string> {
  const source = path.resolve(baseFolder, from);
  try {
    // The mapping itself may be a link: what it leads to is meant.
    return await realpath(source);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === "ENOENT" || code === "ENOTDIR" ? "there is no such file or folder" : `it cannot be read (${code})`;
    throw new OrreryError(
      "artifacts/missing",
      `files: from: ${JSON.stringify(from)}: ${why}: ${source}; relative paths begin at ${path.resolve(baseFolder)}`,
      { cause: error, details: { from, baseFolder } },
    );
  }
}

function checkTarget(to: string): string {
  const target = path.posix.normalize(to).replace(/\/$/, "");
  if (path.posix.isAbsolute(to) || target === ".." || target.startsWith("../"))
    throw new OrreryError("artifacts/invalid", `files: to: ${JSON.stringify(to)} leaves the instance's folder; give a path inside it`);
  return target === "." ? "" : target;
}

class Listing {
  readonly #limits: Limits;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  entries(): Entry[] {
    return [...this.#entries.values()];
  }

  addFile(target: string, source: string, stats: { readonly size: number; readonly mode: number }): void {
    this.#bytes += stats.size;
    if (this.#bytes > this.#limits.bytesMax)
      throw new OrreryError(
        "artifacts/too-large",
        `files: more than ${this.#limits.bytesMax} bytes; ${source} does not fit any more. Give only the files that the program needs`,
      );
    this.#add({ type: "file", path: target, source, size: stats.size, isExecutable: (stats.mode & 0o100) !== 0 });
  }

  async addFolder(at: { readonly root: string; readonly folder: string; readonly prefix: string }): Promise<void> {
    if (at.prefix !== "") this.#add({ type: "folder", path: at.prefix });
    for await (const child of inSlices(await readdir(at.folder, { withFileTypes: true }))) {
      if (child.name !== ".git") await this.#addChild(at, child);
    }
  }

  async #addChild(at: { readonly root: string; readonly folder: string; readonly prefix: string }, child: Dirent): Promise<void> {
    const source = path.join(at.folder, child.name);
    const target = path.posix.join(at.prefix, child.name);
    if (child.isDirectory()) await this.addFolder({ root: at.root, folder: source, prefix: target });
    else if (child.isFile()) this.addFile(target, source, statSync(source));
    else if (child.isSymbolicLink()) this.#add({ type: "link", path: target, target: await checkLink(at.root, source) });
    else
      throw new OrreryError(
        "artifacts/invalid",
        `files: ${source} is neither a file, a folder nor a link; remove it or give its neighbours one by one`,
      );
  }

  #add(entry: Entry): void {
    const parent = path.posix.dirname(entry.path);
    if (parent !== ".") this.#add({ type: "folder", path: parent });
    const present = this.#entries.get(entry.path);
    if (present?.type === "folder" && entry.type === "folder") return;
    if (present !== undefined) throw new OrreryError("artifacts/invalid", `files: two mappings give ${entry.path}`);
    if (this.#entries.size >= this.#limits.filesMax)
      throw new OrreryError(
        "artifacts/too-large",
        `files: more than ${this.#limits.filesMax} files; ${entry.path} does not fit any more. Give only the files that the program needs`,
      );
    this.#entries.set(entry.path, entry);
  }
}

/** The link's target, if it leads to a place inside `root` whatever `root` is called. */
async function checkLink(root: string, link: string): Promise<string> {
  const target = await readlink(link);
  const place = path.relative(root, path.resolve(path.dirname(link), target));
  const leaves = path.isAbsolute(target) || place === ".." || place.startsWith(`..${path.sep}`);
  if (leaves)
    throw new OrreryError(
      "artifacts/invalid",
      `files: the link ${link} leads to ${target}, outside of ${root}; put a copy there, or give a folder that holds both`,
      { details: { link, target } },
    );
  return target;
}
