import { readFileSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { OrreryError } from "#/base/index.ts";
import { sqliteCode, translateSqliteError } from "./sqlite-error.ts";

/** "Orry": tells our files from other SQLite files (PRAGMA application_id). */
export const APPLICATION_ID = 0x4f727279;
const FORMAT = 1;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS node (path TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, created INTEGER NOT NULL, session TEXT, crc INTEGER NOT NULL, value TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS node_session ON node (session) WHERE session IS NOT NULL;
CREATE TABLE IF NOT EXISTS tombstone (version INTEGER NOT NULL, path TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (version, path)) WITHOUT ROWID;
`;

/** Opens (or makes) the database for this process alone, whole and durable: WAL with a sync at each commit.
 *  @throws tree/in-use, tree/damaged, tree/unwritable, tree/full */
export function openDatabase(file: string, lockTimeoutMs: number): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: lockTimeoutMs });
    // EXCLUSIVE keeps every other process out until this one ends, however it ends; the WAL index is then in our memory, without an -shm file.
    database.exec(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -4096;",
    );
    checkIdentity(database, file);
    const damage = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
    if (damage !== "ok")
      throw new OrreryError("tree/damaged", `${file} is damaged (${String(damage)}); keep a copy of it and restore a backup`, { details: { file } });
    database.exec(
      `BEGIN IMMEDIATE; ${SCHEMA} PRAGMA application_id = ${APPLICATION_ID}; INSERT OR IGNORE INTO meta VALUES ('format', '${FORMAT}'); COMMIT;`,
    );
    return database;
  } catch (error) {
    if (database?.isOpen === true) database.close();
    const code = sqliteCode(error);
    if (code !== undefined && ((code & 0xff) === 5 || (code & 0xff) === 6)) {
      const holder = findHolder(file);
      throw new OrreryError(
        "tree/in-use",
        `${file} is in use by ${holder === undefined ? "another process" : `process ${holder}`}; stop that one first`,
        { retry: "backoff", details: { file, pid: holder }, cause: error },
      );
    }
    throw translateSqliteError(error, file);
  }
}

function checkIdentity(database: DatabaseSync, file: string): void {
  const id = database.prepare("PRAGMA application_id").get()?.["application_id"];
  const tables = database.prepare("SELECT count(*) AS count FROM sqlite_schema").get()?.["count"];
  if (id === 0 && tables === 0) return;
  if (id !== APPLICATION_ID)
    throw new OrreryError("tree/damaged", `${file} is a SQLite file of another program; give another file`, { details: { file } });
  const format = database.prepare("SELECT value FROM meta WHERE key = 'format'").get()?.["value"];
  if (format !== String(FORMAT))
    throw new OrreryError(
      "tree/damaged",
      `${file} has format ${String(format)}; this release reads format ${FORMAT}; use the release that wrote it`,
      { details: { file, format } },
    );
}

/** The process that holds a lock on `file`, by Linux' /proc/locks; `undefined` where that cannot be told. */
function findHolder(file: string): number | undefined {
  try {
    const { ino } = statSync(file);
    for (const line of readFileSync("/proc/locks", "utf8").split("\n")) {
      const match = /POSIX\s+\S+\s+\S+\s+(\d+)\s+[0-9a-f]+:[0-9a-f]+:(\d+)\s/.exec(line);
      if (match !== null && Number(match[2]) === ino && Number(match[1]) > 0) return Number(match[1]);
    }
  } catch {
    // Only the message would be poorer.
  }
  return undefined;
}
