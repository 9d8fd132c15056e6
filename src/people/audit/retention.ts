import { createWriteStream } from "node:fs";
import { link, mkdir, stat, unlink } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { describeError } from "#/base/index.ts";
import { readHead, type Segment } from "./chain/index.ts";
import { headFile, readIfThere, readSegments } from "./chain-folder.ts";
import { exportSegments } from "./export.ts";
import { readExportFile, verifyChain } from "./verification.ts";

/** How long the audit is kept here. What is over stays until it stands in a folder elsewhere. */
export interface Keep {
  /** Whole files whose last entry is older are over. */
  readonly forMs?: number;
  /** So many bytes of whole files stay; the oldest are over first. */
  readonly bytes?: number;
  /** Where what is over is exported to before it is removed; absolute. */
  readonly exportTo?: string;
}

/** A closed file of the chain. */
export interface ClosedFile {
  readonly file: string;
  /** Sequence of its last entry. */
  readonly last: number;
}

interface Over extends ClosedFile {
  readonly origin: string;
  readonly hash: string;
}

export interface RetainOptions {
  readonly folder: string;
  readonly keep: Keep;
  readonly nowMs: number;
  /** Closed files, the oldest first. */
  readonly closed: readonly ClosedFile[];
  /** Of all files, the one that is written to, too. */
  readonly bytes: number;
  /** Removes the files up to entry `to`, whose hash is `hash`, and tells it. */
  readonly prune: (up: { readonly to: number; readonly hash: string }) => Promise<unknown>;
}

/** Exports and removes what is over; returns why something that is over stays, for a person, or `undefined`. Nothing is removed that is not whole, signed at its end, and on disk elsewhere. */
export async function retain({ folder, keep, nowMs, closed, bytes, prune }: RetainOptions): Promise<string | undefined> {
  const over: Over[] = [];
  let rest = bytes;
  for (const one of closed) {
    const head = readHead((await readIfThere(headFile(one.file)))?.toString("utf8") ?? "", [])?.head;
    const isOld = head !== undefined && keep.forMs !== undefined && Date.parse(head.at) <= nowMs - keep.forMs;
    const isMuch = keep.bytes !== undefined && rest > keep.bytes;
    if (!isOld && !isMuch) break;
    if (head === undefined || head.seq !== one.last)
      return `entries up to ${one.last} are over, as spec.audit.keep of the Site says, and stay: their file has no signed head at its end; see: orrery audit verify`;
    over.push({ ...one, origin: head.origin, hash: head.hash });
    rest -= (await stat(one.file)).size;
  }
  const last = over.at(-1);
  if (last === undefined) return undefined;
  const what = `entries up to ${last.last} are over, as spec.audit.keep of the Site says, and stay`;
  if (keep.exportTo === undefined)
    return `${what}: name a folder for them (spec.audit.keep.exportTo), or export and remove them: orrery audit export FILE, orrery audit prune FILE`;
  try {
    await exportTo(keep.exportTo, folder, over);
    await prune({ to: last.last, hash: last.hash });
    return undefined;
  } catch (error) {
    return `${what}: they could not be exported to ${keep.exportTo}: ${describeError(error)}`;
  }
}

/** Writes one file for all of `over`, and reads it again. One that is there already is never written over. */
async function exportTo(place: string, folder: string, over: readonly Over[]): Promise<void> {
  const [first, last] = [over[0], over.at(-1)];
  if (first === undefined || last === undefined) return;
  await mkdir(place, { recursive: true, mode: 0o700 });
  const id = last.origin.slice(last.origin.lastIndexOf("/") + 1).slice(0, 8);
  const from = path.basename(first.file).replace(/\D/g, "");
  const file = path.join(place, `audit-${id}-${from}-${String(last.last).padStart(from.length, "0")}.txt`);
  const names = new Set(over.map((one) => path.basename(one.file)));
  const temporary = `${file}.part`;
  await unlink(temporary).catch(() => undefined);
  await pipeline(exportSegments(only(names, readSegments(folder))), createWriteStream(temporary, { mode: 0o600, flush: true }));
  try {
    const { problemCount, problems, last: end, signedTo } = await verifyChain(readExportFile(temporary), { witnesses: [], isPart: true });
    if (problemCount > 0) throw new Error(`they are not whole: ${problems[0]?.message}; see: orrery audit verify`);
    if (end !== last.last || signedTo !== last.last) throw new Error(`what was written ends at entry ${end ?? 0}, signed up to ${signedTo}`);
    await link(temporary, file).catch(async (error: unknown) => {
      // An export of the same that was not followed by its removal.
      const former = (error as NodeJS.ErrnoException).code === "EEXIST" ? await readIfThere(file) : undefined;
      if (former === undefined || !former.equals((await readIfThere(temporary)) ?? Buffer.alloc(0))) throw error;
    });
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

async function* only(names: ReadonlySet<string>, segments: AsyncIterable<Segment>): AsyncGenerator<Segment, void, undefined> {
  for await (const one of segments) if (names.has(one.name)) yield one;
}
