import { type FileHandle, open, readdir, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { punchHole } from "./output-file.ts";

/** Output of one thing over all its runs. Its writers append to `<path>` themselves and never notice a rotation: what is old is copied to `<path>.<from>` and given back to the disk by a hole in the file (`fallocate --punch-hole`).
 *  So the file keeps its length, and a byte's place in it is its name for ever. Copying and truncating instead loses what is written in between (measured: 3,844 of 200,000 lines).
 *  Where holes are not possible the file is rotated when nobody writes: before the next start. */
export interface LogLimits {
  /** Rotated above this many bytes; default 8 MiB. */
  readonly bytesMax?: number;
  /** Rotated parts that are kept; default 3. */
  readonly partsMax?: number;
}

const BYTES_MAX = 8 * 1024 * 1024;
const PARTS_MAX = 3;
const COPY_BYTES = 1024 * 1024;
/** Lines are cut only where they are longer than this. */
const LINE_SEARCH_BYTES = 64 * 1024;
/** Files end somewhere (ext4: 16 TiB): far before that a log begins again at 0. */
const LENGTH_MAX = 2 ** 40;

/** A rotated part: the bytes from `from` to `to` of the log. */
export interface LogPart {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

/** The rotated parts of a log, oldest first. */
export async function listLogParts(logPath: string): Promise<LogPart[]> {
  const prefix = `${path.basename(logPath)}.`;
  const folder = path.dirname(logPath);
  const parts: LogPart[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(prefix) || !/^\d+$/.test(name.slice(prefix.length))) continue;
    const from = Number(name.slice(prefix.length));
    const size = await sizeOf(path.join(folder, name));
    if (size !== undefined) parts.push({ path: path.join(folder, name), from, to: from + size });
  }
  return parts.sort((a, b) => a.from - b.from);
}

/** Makes the log ready for a run that is about to begin (nobody writes now); returns where the run's output will begin. */
export async function prepareLog(logPath: string, limits: LogLimits = {}, knownEnd = 0): Promise<number> {
  const size = await sizeOf(logPath);
  const length = size ?? 0;
  const parts = await listLogParts(logPath);
  if (length > LENGTH_MAX) {
    for (const part of parts) await rm(part.path, { force: true });
    await rm(logPath, { force: true });
    return 0;
  }
  // Someone has removed or emptied the file: what comes must not take the places of what was there before.
  const begin = Math.max(parts.at(-1)?.to ?? 0, knownEnd);
  if (length < begin) {
    if (size === undefined) {
      await closePartsAt(logPath, begin);
      return await replaceByHole(logPath, begin);
    }
    await mendEmptied(logPath, length, begin);
    return (await sizeOf(logPath)) ?? begin;
  }
  const rotation = await rotateLog(logPath, limits);
  return rotation === "kept" ? await replaceByHole(logPath, length) : length;
}

/** Puts a file in place of the log that is all hole and `length` bytes long; nobody may be writing. */
async function replaceByHole(logPath: string, length: number): Promise<number> {
  const end = (await listLogParts(logPath)).at(-1)?.to ?? length;
  const replacement = `${logPath}.new`;
  await (await open(replacement, "w", 0o600)).close();
  await truncate(replacement, end);
  await rename(replacement, logPath);
  return end;
}

/** What came of a look at a log. `unneeded`: it is within its limit; `rotated`: done; `kept`: the part was copied but the room could not be given back, as this file system or machine knows no holes; `dropped`: there was no room on the disk for a part, so that what would have been in it is gone; `mended`: somebody had emptied the file while it was written to. */
export type Rotation = "unneeded" | "rotated" | "kept" | "dropped" | "mended";

/** Rotates the log if it is above its limit; safe while others append. `knownEnd`: a place that the log had reached before: a shorter file was emptied since, and its new bytes get places after that. */
export async function rotateLog(logPath: string, limits: LogLimits = {}, knownEnd = 0): Promise<Rotation> {
  const bytesMax = limits.bytesMax ?? BYTES_MAX;
  const partsMax = limits.partsMax ?? PARTS_MAX;
  const length = await sizeOf(logPath);
  if (length === undefined) return "unneeded";
  const parts = await listLogParts(logPath);
  const begin = parts.at(-1)?.to ?? 0;
  if (length < Math.max(begin, knownEnd)) return await mendEmptied(logPath, length, Math.max(begin, knownEnd));
  if (length - begin <= bytesMax) return "unneeded";
  const file = await open(logPath, "r");
  try {
    const end = await findLineEnd(file, begin, length);
    // After a long time without anyone who rotates there may be far more than is ever kept.
    const kept = end - bytesMax * partsMax;
    const from = kept <= begin ? begin : await findLineEnd(file, begin, kept);
    const isCopied = partsMax > 0 && (await copyWhereRoom(file, { logPath, from, to: end, parts }));
    if (!isCopied) await closePartsAt(logPath, end);
    await removeOldParts(logPath, partsMax);
    // Emptied meanwhile: a hole would be made in what was written since.
    const isGivenBack = ((await sizeOf(logPath)) ?? 0) >= end && (await punchHole(logPath, end));
    return !isGivenBack ? "kept" : isCopied || partsMax === 0 ? "rotated" : "dropped";
  } finally {
    await file.close();
  }
}

/** Copies a part; on a full disk the oldest parts make room for it. False: there is none at all. */
async function copyWhereRoom(
  file: FileHandle,
  copy: { readonly logPath: string; readonly from: number; readonly to: number; readonly parts: readonly LogPart[] },
): Promise<boolean> {
  const oldest = [...copy.parts];
  for (;;) {
    try {
      await copyPart(file, copy.from, copy.to, `${copy.logPath}.${copy.from}`);
      return true;
    } catch (error) {
      if (!isFull(error)) throw error;
      const next = oldest.shift();
      if (next === undefined) return false;
      await rm(next.path, { force: true });
    }
  }
}

/** Marks, by a part without bytes, that what is before `place` is not in the file any more. */
async function closePartsAt(logPath: string, place: number): Promise<void> {
  await (await open(`${logPath}.${place}`, "w", 0o600)).close();
}

/** The newest `partsMax` parts stay; those without bytes are marks, and stay as long as something after them does. */
async function removeOldParts(logPath: string, partsMax: number): Promise<void> {
  const parts = await listLogParts(logPath);
  let left = parts.filter((one) => one.to > one.from).length;
  // The last one says where the file's own bytes begin.
  for (const part of parts.slice(0, -1)) {
    if (left <= partsMax && part.to > part.from) return;
    if (part.to > part.from) left--;
    await rm(part.path, { force: true });
  }
}

/** So many bytes may come between the look at an emptied file and its lengthening. */
const MENDING_BYTES = 1024 * 1024;
const MENDED_BYTES_MAX = 16 * 1024 * 1024;

/** Somebody has emptied the file (`: > output.log`) while it was written to: its writers go on at its new end, where readers know older bytes. What was written since is copied into a part after `end`, and the file is made as long as its places say, so that everything that comes is found. */
async function mendEmptied(logPath: string, length: number, end: number): Promise<Rotation> {
  const place = end + length + MENDING_BYTES;
  await truncate(logPath, place);
  const file = await open(logPath, "r");
  try {
    const from = Math.max(0, length - MENDED_BYTES_MAX);
    const written = Buffer.alloc(Math.max(0, Math.min(length + MENDING_BYTES, end) - from));
    const { bytesRead } = await file.read(written, 0, written.length, from);
    let used = bytesRead;
    while (used > 0 && written[used - 1] === 0) used--;
    if (used > 0) await writeFile(`${logPath}.${end}`, written.subarray(0, used), { mode: 0o600 });
  } finally {
    await file.close();
  }
  await closePartsAt(logPath, place);
  return "mended";
}

function isFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");
}

/** The place after the last newline before `length`; `length` itself inside a very long line. */
async function findLineEnd(file: FileHandle, begin: number, length: number): Promise<number> {
  const from = Math.max(begin, length - LINE_SEARCH_BYTES);
  const tail = Buffer.alloc(length - from);
  const { bytesRead } = await file.read(tail, 0, tail.length, from);
  const newline = tail.subarray(0, bytesRead).lastIndexOf(10);
  return newline < 0 ? length : from + newline + 1;
}

async function copyPart(file: FileHandle, from: number, to: number, target: string): Promise<void> {
  const temporary = `${target}.tmp`;
  const copy = await open(temporary, "w", 0o600);
  try {
    const buffer = Buffer.alloc(COPY_BYTES);
    for (let position = from; position < to; ) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, to - position), position);
      if (bytesRead === 0) break;
      await copy.writeFile(buffer.subarray(0, bytesRead));
      position += bytesRead;
    }
    await copy.datasync();
  } catch (error) {
    // On a full disk half a copy takes the room that rotation is to give.
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await copy.close();
  }
  await rename(temporary, target);
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
