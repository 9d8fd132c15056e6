import { type EntryHash, readLine, splitLines } from "./chain/index.ts";
import { listSegments, readIfThere } from "./chain-folder.ts";

/** The hash of an entry of the chain in `folder`; `undefined`: it is not there. */
export async function hashOf(folder: string, seq: number): Promise<EntryHash | undefined> {
  const segments = await listSegments(folder);
  const segment = segments.findLast(({ first }) => first <= seq);
  const content = segment === undefined ? undefined : await readIfThere(segment.file);
  if (content === undefined) return undefined;
  for (const line of splitLines(content)) {
    const read = readLine(line);
    if (read?.entry.seq === seq) return read.hash;
  }
  return undefined;
}
