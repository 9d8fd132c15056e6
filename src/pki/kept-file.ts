import { link, mkdir, open, readFile, rename, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { describeError, OrreryError, type Random } from "#/base/index.ts";

/** Mode of everything that must not be read by others. */
const PRIVATE_MODE = 0o600;

/** The text of the file at `path`; `undefined` if there is none.
 *  @throws pki/unreadable: the file is there but cannot be read; mend its owner or mode */
export async function loadFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw new OrreryError("pki/unreadable", `cannot read ${path}: ${describeError(error)}; make it readable for the user who runs Orrery`, {
      cause: error,
    });
  }
}

/** Makes the file with mode 0600 unless there is one, and returns what stands there then: of two processes that start at once, both get the same text.
 *  @throws pki/unwritable */
export async function keepFile(path: string, text: () => string | Promise<string>, random: Random): Promise<string> {
  const present = await loadFile(path);
  if (present !== undefined) return present;
  const made = await text();
  return await withTemporary(path, made, random, async (temporary) => {
    try {
      // `link` fails if the name is taken, `rename` would overwrite what another process has just handed out.
      await link(temporary, path);
      return made;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return (await loadFile(path)) ?? made;
      throw error;
    } finally {
      await unlink(temporary);
    }
  });
}

/** Puts `text` in place of the file, mode 0600, whole or not at all.
 *  @throws pki/unwritable */
export async function replaceFile(path: string, text: string, random: Random): Promise<void> {
  await withTemporary(path, text, random, (temporary) => rename(temporary, path));
}

/** True if nobody but the owner may read or write the file. */
export async function isPrivate(path: string): Promise<boolean> {
  return ((await stat(path)).mode & 0o077) === 0;
}

async function withTemporary<T>(path: string, text: string, random: Random, use: (temporary: string) => Promise<T>): Promise<T> {
  const temporary = `${path}.${random.uuid().slice(0, 8)}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(temporary, "wx", PRIVATE_MODE);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    return await use(temporary);
  } catch (error) {
    throw new OrreryError(
      "pki/unwritable",
      `cannot write ${path}: ${describeError(error)}; make ${dirname(path)} writable, or choose another data folder with --data`,
      { cause: error },
    );
  }
}
