import { SqliteTree, type SqliteTreeOptions } from "./sqlite-tree.ts";

export { restoreSqliteTree } from "./restore.ts";
export type { SqliteTree, SqliteTreeOptions };

/** Opens the tree in `options.file`, making it when it is missing. Nodes of sessions of former processes are gone afterwards.
 *  @throws tree/in-use: another process has it; stop that one
 *  @throws tree/damaged: restore a backup
 *  @throws tree/unwritable, tree/full: mend the folder, then open again */
export async function openSqliteTree(options: SqliteTreeOptions): Promise<SqliteTree> {
  return new SqliteTree(options);
}
