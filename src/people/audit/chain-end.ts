import { hash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { rename } from "node:fs/promises";
import path from "node:path";
import type { Random } from "#/base/index.ts";
import { type EntryHash, NOTHING_BEFORE, type ReadLine, readHead, readLine, splitLines } from "./chain/index.ts";
import { ChainFile } from "./chain-file.ts";
import { headFile, listSegments, readIfThere, type SegmentName } from "./chain-folder.ts";

/** What the audit says of itself. */
export interface OwnWords {
  readonly action: `chain.${string}`;
  readonly detail: Readonly<Record<string, string | number | boolean>>;
}

/** Where a chain goes on. */
export interface ChainEnd {
  readonly seq: number;
  readonly hash: EntryHash;
  /** The file that goes on; absent: a new one begins. */
  readonly file?: ChainFile;
  /** What was found and mended, to be told in the chain. */
  readonly told: readonly OwnWords[];
  /** Of the other files. */
  readonly bytes: number;
}

/** Finds the end of the chain in `folder`; `undefined`: there is none yet. An end that a killed writer, or a loss of power, has torn is put aside beside the chain, and told. Where less is there than was signed, the chain goes on behind what was signed, so that what is missing stays missing.
 *  @throws audit/unreadable; what the system says */
export async function findChainEnd(folder: string, random: Random): Promise<ChainEnd | undefined> {
  const segments = await listSegments(folder);
  let bytes = 0;
  let found: ChainEnd | undefined;
  const told: OwnWords[] = [];
  for (const [index, segment] of segments.entries().toArray().reverse()) {
    const content = (await readIfThere(segment.file)) ?? Buffer.alloc(0);
    if (found !== undefined) {
      bytes += content.length;
      continue;
    }
    found = await endOf(segment, content, index === segments.length - 1, { told, random });
    if (found?.file === undefined) bytes += content.length;
  }
  if (segments.length === 0) return undefined;
  return { ...(found ?? { seq: (segments[0]?.first ?? 1) - 1, hash: NOTHING_BEFORE }), told, bytes };
}

async function endOf(
  segment: SegmentName,
  content: Buffer,
  isLast: boolean,
  { told, random }: { readonly told: OwnWords[]; readonly random: Random },
): Promise<ChainEnd | undefined> {
  const { file } = segment;
  const name = path.basename(file);
  const { last, end } = scan(content);
  const note = (await readIfThere(headFile(file)))?.toString("utf8");
  const head = note === undefined ? undefined : readHead(note, [])?.head;
  if (head !== undefined && head.seq > (last?.entry.seq ?? 0)) {
    told.push({ action: "chain.damaged", detail: { file: name, signed: head.seq, found: last?.entry.seq ?? 0 } });
    return { seq: head.seq, hash: head.hash, told, bytes: 0 };
  }
  const rest = content.subarray(end);
  if (last === undefined) {
    // Made and never written to, or wholly torn.
    await rename(file, `${file}.empty-${random.uuid().slice(0, 8)}`);
    if (rest.length > 0) told.push({ action: "chain.torn", detail: { file: name, bytes: rest.length, sha256: hash("sha256", rest, "hex") } });
    return undefined;
  }
  const found = { seq: last.entry.seq, hash: last.hash, told, bytes: 0 };
  if (!isLast) return found;
  const chainFile = new ChainFile(file);
  if (rest.length > 0) {
    const keptAs = `torn-${last.entry.seq}-${random.uuid().slice(0, 8)}`;
    told.push({ action: "chain.torn", detail: { file: name, bytes: rest.length, sha256: hash("sha256", rest, "hex"), ...keep(file, keptAs, rest) } });
    chainFile.cut(end);
  }
  return { ...found, file: chainFile };
}

/** The last line that is as it was written, and where it ends. */
function scan(content: Buffer): { readonly last: ReadLine | undefined; readonly end: number } {
  let last: ReadLine | undefined;
  let end = 0;
  let offset = 0;
  const lines = [...splitLines(content)];
  lines.pop();
  for (const line of lines) {
    offset += line.length + 1;
    const read = readLine(line);
    if (read === undefined) continue;
    last = read;
    end = offset;
  }
  return { last, end };
}

function keep(file: string, name: string, bytes: Buffer): { readonly keptAs?: string } {
  try {
    writeFileSync(path.join(path.dirname(file), name), bytes, { mode: 0o600 });
    return { keptAs: name };
  } catch {
    // The disk is full: its hash is told.
    return {};
  }
}
