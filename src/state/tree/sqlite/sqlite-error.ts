import { describeError, OrreryError } from "#/base/index.ts";

/** What SQLite threw, in the tree's words; an `OrreryError` passes unchanged. Codes: https://sqlite.org/rescode.html */
export function translateSqliteError(error: unknown, file: string): Error {
  if (error instanceof OrreryError) return error;
  const code = sqliteCode(error);
  if (code === undefined) return error instanceof Error ? error : new Error(String(error));
  const details = { file, sqlite: code };
  const options = { details, cause: error };
  switch (code & 0xff) {
    case 5:
    case 6:
      return new OrreryError("tree/in-use", `${file} is in use by another process; stop that one first`, { ...options, retry: "backoff" });
    case 13:
      return new OrreryError("tree/full", `no room for ${file} on its disk; nothing was written; free some room, then try again`, {
        ...options,
        retry: "backoff",
      });
    case 11:
    case 26:
      return new OrreryError(
        "tree/damaged",
        `${file} cannot be read as it was written (${describeError(error)}); keep a copy of it and restore a backup`,
        options,
      );
    case 3:
    case 8:
    case 14:
      return new OrreryError(
        "tree/unwritable",
        `${file} cannot be opened for writing (${describeError(error)}); check that its folder exists and that this user may write there`,
        options,
      );
    default:
      return new OrreryError(
        "tree/unavailable",
        `${file}: the disk refused (${describeError(error)}); whether the last change was kept is unknown: read again`,
        { ...options, retry: "backoff" },
      );
  }
}

/** SQLite's extended result code of a thrown error, if it is one of SQLite's. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}
