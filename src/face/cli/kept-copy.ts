import { accessSync, chmodSync, constants, copyFileSync, readdirSync, realpathSync, renameSync, rmSync, type Stats, statSync } from "node:fs";
import path from "node:path";
import { describeError, OrreryError } from "#/base/index.ts";

/** Looks whether `file` can be written, before anything is done for it: a copy that has nowhere to go is not made.
 *  @throws cli/unwritable: why not, and what to do */
export function checkWritable(file: string): void {
  try {
    const there = find(file);
    if (there?.isDirectory() === true) throw unwritable(file, `it is a folder; name a file in it, such as ${path.join(file, "site.db")}`);
    if (there !== undefined) return accessSync(file, constants.W_OK);
    const folder = path.dirname(file);
    const parent = find(folder);
    if (parent === undefined) throw unwritable(file, `there is no folder ${folder}; make it first, or name another file`);
    if (!parent.isDirectory()) throw unwritable(file, `${folder} is no folder; name another file`);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw toUnwritable(file, error);
  }
}

/** Looks whether `folder` may be replaced: nothing is there, nothing stands in it, or `mark`, by which it is known for one of ours.
 *  @throws cli/unwritable */
export function checkReplaceable(folder: string, mark: string): void {
  let names: readonly string[];
  try {
    if (find(folder) === undefined) return;
    names = readdirSync(folder);
  } catch (error) {
    throw toUnwritable(folder, error);
  }
  if (names.length > 0 && !names.includes(mark))
    throw unwritable(folder, "something else stands there, which is not to be lost; move it away, or name another file");
}

/** Copies `from` to `file`, for nobody but this user to read. What stood there stays as it was until the copy is whole.
 *  @throws cli/unwritable */
export function copyWhole(from: string, file: string): void {
  const there = find(file);
  try {
    // Into a device or a pipe it can only be written.
    if (there !== undefined && !there.isFile()) return copyFileSync(from, file);
    const target = there === undefined ? file : realpathSync(file);
    const unfinished = `${target}.unfinished-${process.pid}`;
    try {
      copyFileSync(from, unfinished);
      chmodSync(unfinished, 0o600);
      renameSync(unfinished, target);
    } finally {
      rmSync(unfinished, { force: true });
    }
  } catch (error) {
    throw toUnwritable(file, error);
  }
}

function find(file: string): Stats | undefined {
  try {
    return statSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function unwritable(file: string, why: string, cause?: unknown): OrreryError {
  return new OrreryError("cli/unwritable", `cannot write ${file}: ${why}`, { cause });
}

function toUnwritable(file: string, error: unknown): OrreryError {
  if (error instanceof OrreryError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? "";
  return unwritable(file, REASONS[code] ?? describeError(error), error);
}

/** Why a file cannot be written, in words. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: "this user may not write there; name another file, or mend its mode",
  EPERM: "this user may not write there; name another file, or mend its mode",
  EROFS: "that file system is read only; name another file",
  ENOENT: "its folder is not there any more; make it first, or name another file",
  ENOTDIR: "a part of its path is no folder; name another file",
  EISDIR: "it is a folder; name a file in it",
  ELOOP: "its links lead in a circle; name another file",
  ENAMETOOLONG: "its name is longer than the file system takes; name another file",
  ENOSPC: "the disk is full; make room, or name a file on another disk",
  EDQUOT: "this user's share of the disk is used up; make room, or name a file on another disk",
  EFBIG: "it would be larger than a file may be there; name a file on another disk",
};
