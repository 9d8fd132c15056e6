import { open, readdir, readFile, rename, unlink } from "node:fs/promises";
import path from "node:path";
import { describeError, OrreryError } from "#/base/index.ts";
import type { Segment } from "./chain/index.ts";

const SEQ_DIGITS = 12;
const SEGMENT = /^chain-(\d{12})\.log$/;

/** Where a data folder has its audit. */
export function auditFolder(data: string): string {
  return path.join(data, "audit");
}

/** The file of the entries from `first` on. */
export function segmentFile(folder: string, first: number): string {
  return path.join(folder, `chain-${String(first).padStart(SEQ_DIGITS, "0")}.log`);
}

/** The file of its last signed head. */
export function headFile(segment: string): string {
  return segment.replace(/\.log$/, ".head");
}

export function reserveFile(folder: string): string {
  return path.join(folder, "reserve");
}

/** A file of the chain, by the sequence that its name says it begins with. */
export interface SegmentName {
  readonly first: number;
  readonly file: string;
}

/** The files of a chain in their order; none if there is no such folder. */
export async function listSegments(folder: string): Promise<readonly SegmentName[]> {
  let names: readonly string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw unreadable(folder, error);
  }
  return names
    .flatMap((name) => {
      const first = SEGMENT.exec(name)?.[1];
      return first === undefined ? [] : [{ first: Number(first), file: path.join(folder, name) }];
    })
    .sort((one, other) => one.first - other.first);
}

/** The chain of a folder, file by file, as `ChainCheck` takes it; it may be written to meanwhile. */
export async function* readSegments(folder: string): AsyncGenerator<Segment, void, undefined> {
  // Heads first, entries afterwards: what was signed is there when the entries are read.
  const segments = await listSegments(folder);
  const heads = await Promise.all(segments.map(({ file }) => readIfThere(headFile(file))));
  for (const [index, { file }] of segments.entries()) {
    const bytes = await readIfThere(file);
    const head = heads[index]?.toString("utf8");
    const isOpen = index === segments.length - 1;
    yield { name: path.basename(file), bytes: bytes ?? Buffer.alloc(0), isOpen, ...(head !== undefined && { head }) };
  }
  const reserve = linesOfReserve((await readIfThere(reserveFile(folder))) ?? Buffer.alloc(0));
  if (reserve.length > 0) yield { name: "reserve", bytes: reserve, isOpen: true, isReserve: true };
}

/** What stands in a reserve before the first NUL. */
export function linesOfReserve(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** @throws audit/unreadable */
export async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unreadable(file, error);
  }
}

/** Puts `text` in the place of a file, whole or not at all. */
export async function replaceWhole(file: string, text: string | Buffer): Promise<void> {
  const temporary = `${file}.new`;
  try {
    const handle = await open(temporary, "w", 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

function unreadable(file: string, error: unknown): OrreryError {
  return new OrreryError(
    "audit/unreadable",
    `cannot read ${file}: ${describeError(error)}; run this as the user who runs the site, or make it readable for that user`,
    { cause: error },
  );
}
