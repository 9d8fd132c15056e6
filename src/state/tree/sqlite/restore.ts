import { copyFile, open, rename, rm } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { isOrreryError, OrreryError, type Random } from "#/base/index.ts";
import { APPLICATION_ID, openDatabase } from "./database.ts";
import { Nodes } from "./nodes.ts";
import { sqliteCode } from "./sqlite-error.ts";

/** Puts the backup `from` in the place of the tree `file`, which no process may have open, and begins a new history there (returned). The former file is kept as `<file>.before-restore`.
 *  @throws tree/damaged: `from` is no backup, or a damaged one; nothing was changed
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
  let history: string;
  try {
    checkBackup(partial);
    history = beginHistory(partial, random);
  } catch (error) {
    await Promise.all([partial, `${partial}-wal`].map((path) => rm(path, { force: true })));
    // A full disk, say.
    if (isOrreryError(error) && error.code !== "tree/damaged") throw error;
    const why = (error instanceof Error ? error.message : String(error)).replaceAll(partial, "it");
    throw new OrreryError(
      "tree/damaged",
      `${from} is no backup that can be restored: ${why}. Give a file that \`orrery backup\` made; what is stored was not changed`,
      { details: { file: from }, cause: error },
    );
  }
  await sync(partial);
  if (await exists(file)) {
    // Also proves that nobody has it open, and leaves no -wal file behind that would be taken for the restored one's.
    openDatabase(file, 0).close();
    await rename(file, `${file}.before-restore`);
  }
  await rename(partial, file);
  return history;
}

/** An empty file, or an empty database, would be opened and made a tree without anything in it. */
function checkBackup(file: string): void {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const id = database.prepare("PRAGMA application_id").get()?.["application_id"];
    if (id !== APPLICATION_ID) throw new Error(id === 0 ? "nothing of Orrery is in it" : "it is a database of another program");
  } catch (error) {
    // SQLITE_NOTADB.
    if (sqliteCode(error) === 26) throw new Error("it is no database", { cause: error });
    throw error;
  } finally {
    database.close();
  }
}

function beginHistory(file: string, random: Random): string {
  const database = openDatabase(file, 0);
  try {
    const id = random.uuid();
    new Nodes(database, file).beginHistory(id);
    return id;
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
