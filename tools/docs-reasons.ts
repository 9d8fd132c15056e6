/** `node tools/docs-reasons.ts --check`: whether each reason that an operator may meet (of a wait of an update, of a condition) is explained in the documents for operators.
 *  Exit status 0 when all are, else 1 with one line for each that is not. */
import { listFiles, readSource } from "./sources.ts";

interface Scope {
  /** Folders whose code gives the reasons. */
  readonly folders: readonly string[];
  /** What gives a reason there; the first group is the word. */
  readonly patterns: readonly RegExp[];
  /** Each reason must stand in backquotes in one of these. */
  readonly documents: readonly string[];
}

const REASON = /\breason: "([A-Z][A-Za-z]+)"/g;

const SCOPES: readonly Scope[] = [
  { folders: ["src/update"], patterns: [REASON], documents: ["docs/updating.md"] },
  {
    folders: ["src/controllers", "src/agent"],
    // Small functions that make a condition take the reason first: no("Suspended", …), unknown("Stale", …).
    patterns: [REASON, /\b(?:no|unknown)\("([A-Z][A-Za-z]+)",/g],
    documents: ["docs/operating.md", "docs/probes.md"],
  },
];

/** Reasons that no document explains, each with the file that gives it. */
export async function findUnexplainedReasons(): Promise<string[]> {
  const found: string[] = [];
  for (const { folders, patterns, documents } of SCOPES) {
    const explained = new Set(
      (await Promise.all(documents.map(readSource))).flatMap((text) => [...text.matchAll(/`([A-Z][A-Za-z]+)`/g)].map(([, word]) => word)),
    );
    for (const file of (await Promise.all(folders.map(listFiles))).flat()) {
      if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
      const code = await readSource(file);
      const reasons = new Set(patterns.flatMap((pattern) => [...code.matchAll(pattern)].map(([, word]) => word)));
      for (const reason of reasons)
        if (!explained.has(reason)) found.push(`${file}: the reason ${reason} is not explained in ${documents.join(" or ")}`);
    }
  }
  return found;
}

if (import.meta.main) {
  const faults = await findUnexplainedReasons();
  for (const fault of faults) console.log(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
