import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { describeError, OrreryError } from "#/base/index.ts";
import { replaceFile } from "#/work/process/index.ts";

/** Version of the layout of the data folder. */
const FORMAT = 1;
/** Below this the store could not keep what it must acknowledge. */
export const FREE_BYTES_MIN: number = 64 * 1024 * 1024;

/** Makes the data folder (mode 0700) or checks one that is there: writable, room left, of this format.
 *  @throws data/owner, data/unwritable, data/full, data/format: each says what to do */
export function openDataFolder(data: string): void {
  checkOwner(data);
  const made: string[] = [];
  try {
    openFolders(data, made);
  } catch (error) {
    // Those that are empty: nobody shall wonder about a folder in which nothing ever ran.
    for (const folder of made.reverse()) removeEmptyFolder(folder);
    throw error;
  }
}

/** Refuses to write into a data folder of another user: root can, and its owner could not read then what root has written.
 *  @throws data/owner: says as whom to run this */
export function checkOwner(data: string): void {
  const user = process.geteuid?.();
  for (const name of ["", ...OWNED]) {
    const file = path.join(data, name);
    const owner = ownerOf(file);
    if (user === undefined || owner === undefined || owner === user) continue;
    const person = findUserName(owner);
    throw new OrreryError(
      "data/owner",
      name === ""
        ? `the data folder ${data} belongs to user ${person ?? owner}, and this is user ${findUserName(user) ?? user}: what is written now could not be read there later. Run this as that user: ${person === undefined ? `setpriv --reuid=${owner} --clear-groups` : `sudo -u ${person}`} orrery ..., or choose another folder with --data`
        : `${file} belongs to user ${person ?? owner}, the data folder itself to user ${findUserName(user) ?? user}: somebody else has written there. Give it back with: sudo chown -R ${findUserName(user) ?? user} ${data}`,
      { details: { owner, user } },
    );
  }
}

/** What a start makes: whoever has started the site before owns it. */
const OWNED: readonly string[] = [
  "format",
  "identity.json",
  "run",
  "logs",
  "state",
  "pki",
  "tokens",
  "agent",
  "gateway",
  "artifacts",
  "state/tree.db",
];

function ownerOf(file: string): number | undefined {
  try {
    return statSync(file).uid;
  } catch {
    // Not there, or not to be seen: what is tried next says so.
    return undefined;
  }
}

/** Name of a user of this machine. */
function findUserName(uid: number): string | undefined {
  try {
    const line = readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .find((one) => one.split(":")[2] === String(uid));
    return line?.split(":")[0];
  } catch {
    return undefined;
  }
}

function openFolders(data: string, made: string[]): void {
  try {
    for (const folder of ["", "run", "logs", "state", "pki", "tokens"]) makeFolder(path.join(data, folder), made);
    accessSync(data, constants.R_OK | constants.W_OK | constants.X_OK);
    // Asking is not enough: a read-only mount or a full disk shows only when something is written.
    const probe = path.join(data, "run", `.write-${process.pid}`);
    writeFileSync(probe, "x".repeat(4096));
    rmSync(probe);
  } catch (error) {
    throw unwritable(data, error);
  }
  const free = freeBytes(data) ?? 0;
  if (free < FREE_BYTES_MIN)
    throw new OrreryError(
      "data/full",
      `the disk of the data folder ${data} is full: ${Math.floor(free / 1024 / 1024)} MiB are free, 64 MiB are needed; free some, or choose another folder with --data`,
    );
  checkFormat(data);
}

/** Room that this user may use on the disk of a folder; `undefined` if that is not told. */
export function freeBytes(folder: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** Not `mkdir` with `recursive`: that turns for ever where the system answers ENOENT although the parent is there (/proc, some network file systems). */
function makeFolder(folder: string, made: string[]): void {
  if (existsSync(folder)) return void readdirSync(folder);
  const parent = path.dirname(folder);
  if (parent !== folder && !existsSync(parent)) makeFolder(parent, made);
  mkdirSync(folder, { mode: 0o700 });
  made.push(folder);
}

function removeEmptyFolder(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Something is in it.
  }
}

/** True if something was ever started on this folder. */
export function isDataFolder(data: string): boolean {
  return readFormat(data) !== undefined;
}

/** Refuses a folder on which no site was ever started.
 *  @throws data/none: it is not there, or something else is in it; names the data folder that is meant, perhaps
 *  @throws data/unreadable: this user may not look */
export function checkStarted(data: string): void {
  if (isDataFolder(data)) return;
  try {
    readFileSync(path.join(data, "format"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EACCES")
      throw new OrreryError("data/unreadable", `the data folder ${data} may not be read by this user; run this as the user who started the site`, {
        cause: error,
      });
  }
  const inner = path.join(data, ".orrery");
  throw new OrreryError(
    "data/none",
    `no site was ever started on ${data}: ${existsSync(data) ? "it is no data folder" : "there is no such folder"}, and nothing was ended. ${isDataFolder(inner) ? `Is ${inner} meant? Name it with --data` : "Name the data folder of the site with --data"}`,
  );
}

function checkFormat(data: string): void {
  const found = readFormat(data);
  if (found === undefined) replaceFile(path.join(data, "format"), `${JSON.stringify({ format: FORMAT })}\n`);
  else if (found !== FORMAT)
    throw new OrreryError(
      "data/format",
      `the data folder ${data} has format ${found}, this Orrery reads format ${FORMAT}; run the version of Orrery that made it, or choose another folder with --data`,
    );
}

function readFormat(data: string): unknown {
  let text: string;
  try {
    text = readFileSync(path.join(data, "format"), "utf8");
  } catch {
    return undefined;
  }
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null && "format" in parsed ? parsed.format : "unreadable";
  } catch {
    return "unreadable";
  }
}

function unwritable(data: string, error: unknown): OrreryError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const cause = { cause: error };
  if (code === "ENOSPC" || code === "EDQUOT")
    return new OrreryError("data/full", `the disk of the data folder ${data} is full; free some room, or choose another folder with --data`, cause);
  const reason =
    code === "EACCES" || code === "EPERM"
      ? "this user may not write there"
      : code === "EROFS"
        ? "it is mounted read-only"
        : code === "ENOTDIR" || code === "EEXIST"
          ? "a file stands in its way"
          : describeError(error);
  return new OrreryError("data/unwritable", `cannot use the data folder ${data}: ${reason}; mend that, or choose another folder with --data`, cause);
}
