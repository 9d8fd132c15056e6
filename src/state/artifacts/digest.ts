import { createHash } from "node:crypto";
import type { Entry, FileEntry } from "./file-tree.ts";
import { inSlices } from "./slices.ts";

/** SHA-256 (hex) over all entries in the order of their paths (code units): a line for each with its type, path, and for a file the executable bit and the content's own SHA-256, for a link its target. Times, owners and other modes do not count. */
export async function digestOf(entries: readonly Entry[], hashOf: (entry: FileEntry) => Promise<string>): Promise<string> {
  const hash = createHash("sha256");
  for await (const entry of inSlices(entries.toSorted((a, b) => (a.path < b.path ? -1 : 1)))) {
    // NUL can stand in no path, so no two lists give the same text.
    if (entry.type === "file") hash.update(`file\0${entry.path}\0${entry.isExecutable ? "x" : "-"}\0${await hashOf(entry)}\n`);
    else if (entry.type === "link") hash.update(`link\0${entry.path}\0${entry.target}\n`);
    else hash.update(`folder\0${entry.path}\n`);
  }
  return hash.digest("hex");
}
