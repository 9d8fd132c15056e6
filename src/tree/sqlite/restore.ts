import { copyFile, open, rename, rm } from "node:fs/promises";
import { OrreryError, type Random } from "#/base/index.ts";
import { openDatabase } from "./database.ts";
import { Nodes } from "./nodes.ts";

/** Puts the backup `from` in the place of the tree `file`, which no process may have open, and begins a new history there (returned). The former file is kept as `<file>.before-restore`.
 *  @throws tree/damaged: the backup is; nothing was changed
 *  @throws tree/in-use: stop the process that has `file` open */
export async function restoreSqliteTree(options: { readonly from: string; readonly file: string; readonly random: Random }): Promise<string> {
  const { from, file, random } = options;
  const partial = `${file}.restoring`;
  await Promise.all([partial, `${partial}-wal`].map((path) => rm(path, { force: true })));
  try {
    await copyFile(from, partial);
  } catch (error) {
    throw new OrreryError("tree/unwritable", `cannot copy ${from} to ${partial}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  const history = beginHistory(partial, random);
  await sync(partial);
  if (await exists(file)) {
    // Also proves that nobody has it open, and leaves no -wal file behind that would be taken for the restored one's.
    openDatabase(file, 0).close();
    await rename(file, `${file}.before-restore`);
  }
  await rename(partial, file);
  return history;
}

function beginHistory(file: string, random: Random): string {
  const database = openDatabase(file, 0);
  try {
    database.exec("DELETE FROM meta WHERE key = 'history'");
    return new Nodes(database, file).history(() => random.uuid());
  } finally {
    database.close();
  }
}

async function sync(file: string): Promise<void> {
  const handle = await open(file, "r+");
  await handle.sync().finally(() => handle.close());
}

async function exists(file: string): Promise<boolean> {
  try {
    await (await open(file, "r")).close();
    return true;
  } catch {
    return false;
  }
}
