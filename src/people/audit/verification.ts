import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { ChainCheck, type EntryHash, type Report, readLine, type Segment, splitLines, type WitnessedHead } from "./chain/index.ts";
import { readSegments } from "./chain-folder.ts";
import { readExport } from "./export.ts";
import { readWitnessed, witnessFile } from "./witness.ts";

/** Verifies a chain that comes file by file; at most one file is in memory. */
export async function verifyChain(
  segments: AsyncIterable<Segment>,
  options: { readonly witnesses: readonly WitnessedHead[]; readonly isPart?: boolean },
): Promise<Report> {
  const check = new ChainCheck(options);
  for await (const segment of segments) check.add(segment);
  return check.report();
}

/** The chain files of an export. @throws audit/no-export; what the system says */
export function readExportFile(file: string): AsyncIterable<Segment> {
  return readExport(createReadStream(file));
}

/** Heads that the processes of hosts have kept below a data folder, or below a copy of one. */
export function localWitnesses(data: string): readonly WitnessedHead[] {
  return ["agent", "gateway"].flatMap((name) =>
    readWitnessed(witnessFile(path.join(data, name))).map((head) => ({ by: `the ${name} of ${data}`, ...head })),
  );
}

/** Heads that stand in `place`: an export, a copy of an audit or of a data folder, or the file of a witness.
 *  @throws audit/no-export; what the system says */
export async function witnessesIn(place: string): Promise<readonly WitnessedHead[]> {
  const by = place;
  if (!(await stat(place)).isDirectory()) {
    const kept = readWitnessed(place);
    return kept.length > 0 ? kept.map((head) => ({ by, ...head })) : await headsOf(readExportFile(place), by);
  }
  const names = await readdir(place);
  const chain = names.includes("audit") ? path.join(place, "audit") : place;
  return [
    ...localWitnesses(place),
    ...readWitnessed(witnessFile(place)).map((head) => ({ by, ...head })),
    ...(await headsOf(readSegments(chain), by)),
  ];
}

/** The signed heads of a copy, each with the key that its chain names. */
async function headsOf(segments: AsyncIterable<Segment>, by: string): Promise<readonly WitnessedHead[]> {
  const found: WitnessedHead[] = [];
  let key = "";
  for await (const { bytes, head } of segments) {
    for (const line of splitLines(bytes)) {
      const { is, detail } = readLine(line)?.entry ?? {};
      if (is === "chain" && typeof detail?.["key"] === "string") key = detail["key"];
    }
    if (head !== undefined) found.push({ by, note: head, key });
  }
  return found;
}

/** The last entry of a chain that comes file by file; `undefined` if there is none. */
export async function lastOf(segments: AsyncIterable<Segment>): Promise<{ readonly seq: number; readonly hash: EntryHash } | undefined> {
  let last: { readonly seq: number; readonly hash: EntryHash } | undefined;
  for await (const { bytes } of segments)
    for (const line of splitLines(bytes)) {
      const read = readLine(line);
      if (read !== undefined) last = { seq: read.entry.seq, hash: read.hash };
    }
  return last;
}
