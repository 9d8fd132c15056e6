import { execFile } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync } from "node:fs";
import { copyFile, mkdir, rename, rm, stat, symlink } from "node:fs/promises";
import path from "node:path";
import { describeError, OrreryError, type Random } from "#/base/index.ts";
import type { FileMapping } from "#/model/index.ts";
import { digestOf } from "./digest.ts";
import { FileHashes } from "./file-hashes.ts";
import { type Entry, type FileEntry, type Limits, listFiles, listTree } from "./file-tree.ts";
import { inSlices, SMALL_BYTES } from "./slices.ts";

export interface ArtifactStoreOptions {
  /** `<data>/artifacts`; made when missing. */
  readonly folder: string;
  readonly random: Random;
  /** Of one artifact; default 1 GiB and 100,000 files. */
  readonly limits?: Partial<Limits>;
}

const DIGEST = /^[0-9a-f]{64}$/;

/** Folders of files, each named by the SHA-256 of what is in it: the same files are kept once, and no file of an artifact ever changes. Safe for several processes at once. */
export class ArtifactStore {
  readonly folder: string;
  readonly #random: Random;
  readonly #limits: Limits;
  readonly #hashes = new FileHashes();

  constructor(options: ArtifactStoreOptions) {
    this.folder = options.folder;
    this.#random = options.random;
    this.#limits = { bytesMax: 2 ** 30, filesMax: 100_000, ...options.limits };
  }

  /** Copies `files` (a folder's content goes into `to`; a file goes to `to`, or into it if `to` is `.` or ends with `/`) unless exactly these are there; returns the digest. Cheap when nothing has changed: contents are read again only where a file's time or size has moved.
   *  `.git` is left out. Symbolic links that stay inside their folder are kept. Files are made read-only; of their modes the executable bit counts.
   *  @throws artifacts/missing: there is no such `from`
   *  @throws artifacts/invalid: `to` leaves the artifact, two mappings give the same file, a link leaves its folder, or an entry is no file, folder or link
   *  @throws artifacts/too-large: above the limits
   *  @throws artifacts/changed (backoff): a file changed while it was copied
   *  @throws artifacts/unwritable (backoff): the folder cannot be written, or the disk is full */
  async put(files: readonly FileMapping[], baseFolder: string): Promise<string> {
    const entries = await listFiles(files, baseFolder, this.#limits);
    const digest = await digestOf(entries, (entry) => this.#hashes.get(entry.source));
    if ((await this.open(digest)) !== undefined) return digest;
    const temporary = path.join(this.folder, `.new-${this.#random.uuid()}`);
    try {
      await this.#copy(entries, temporary);
      const copied = await digestFolder(temporary, this.#limits);
      if (copied !== digest)
        throw new OrreryError("artifacts/changed", `files below ${baseFolder} changed while they were copied; it is tried again`, {
          retry: "backoff",
          details: { baseFolder },
        });
      await syncFileSystem(temporary);
      await this.#name(temporary, digest);
      return digest;
    } catch (error) {
      if (error instanceof OrreryError) throw error;
      throw new OrreryError(
        "artifacts/unwritable",
        `cannot keep files in ${this.folder}: ${describeError(error)}; make it writable, or free some room`,
        { retry: "backoff", cause: error },
      );
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }

  /** The folder of the artifact; `undefined` if it is not here. Nobody may write there. */
  async open(digest: string): Promise<string | undefined> {
    if (!DIGEST.test(digest)) throw new OrreryError("artifacts/invalid", `${digest} is no digest: 64 hexadecimal digits are expected`);
    const folder = path.join(this.folder, digest);
    return (await isFolder(folder)) ? folder : undefined;
  }

  /** Reads the artifact again, every byte.
   *  @throws artifacts/missing: it is not here
   *  @throws artifacts/damaged: its files are not what its name says; remove the folder, and it is made anew from the site's files */
  async verify(digest: string): Promise<void> {
    const folder = await this.open(digest);
    if (folder === undefined) throw new OrreryError("artifacts/missing", `there is no artifact ${digest} in ${this.folder}`);
    const found = await digestFolder(folder, this.#limits);
    if (found !== digest)
      throw new OrreryError(
        "artifacts/damaged",
        `artifact ${folder} is damaged: its files give ${found}; remove the folder, and it is made anew from the site's files`,
        { details: { folder, found } },
      );
  }

  async #copy(entries: readonly Entry[], target: string): Promise<void> {
    await mkdir(target, { recursive: true, mode: 0o755 });
    // A folder stands before what is in it.
    for await (const entry of inSlices(entries)) {
      const to = path.join(target, entry.path);
      if (entry.type === "folder") mkdirSync(to, { recursive: true, mode: 0o755 });
      else if (entry.type === "link") await symlink(entry.target, to);
      else await copyEntry(entry, to);
    }
  }

  async #name(temporary: string, digest: string): Promise<void> {
    try {
      await rename(temporary, path.join(this.folder, digest));
    } catch (error) {
      // Another process was first: its files are the same.
      if ((await this.open(digest)) === undefined) throw error;
    }
  }
}

async function copyEntry({ source, size, isExecutable }: FileEntry, to: string): Promise<void> {
  if (size <= SMALL_BYTES) copyFileSync(source, to);
  else await copyFile(source, to);
  chmodSync(to, isExecutable ? 0o555 : 0o444);
}

async function digestFolder(folder: string, limits: Limits): Promise<string> {
  const hashes = new FileHashes();
  return await digestOf(await listTree(folder, limits), (entry) => hashes.get(entry.source));
}

/** Files and their names survive power loss before anything refers to them. One call for all: a sync of each of 10,000 files takes minutes. */
function syncFileSystem(folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile("sync", ["-f", folder], { timeout: 120_000 }, (error) => (error === null ? resolve() : reject(error)));
  });
}

async function isFolder(folder: string): Promise<boolean> {
  try {
    return (await stat(folder)).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
