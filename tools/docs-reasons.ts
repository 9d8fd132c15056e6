/** `node tools/docs-reasons.ts --check`: whether each reason that an operator may meet (of a wait of an update, of a condition) is explained in the documents for operators, each wait by a row that says what to do.
 *  Exit status 0 when all are, else 1 with one line for each that is not. */
import { WAIT_REASONS } from "#/traffic/update/core/index.ts";
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
  { folders: ["src/traffic/update"], patterns: [REASON], documents: ["docs/updating.md"] },
  {
    folders: ["src/work/controllers", "src/work/agent"],
    // Small functions that make a condition take the reason first: no("Suspended", …), unknown("Stale", …).
    patterns: [
      REASON,
      /\b(?:no|unknown)\("([A-Z][A-Za-z]+)",/g,
      // Those of jobs: end(input, "Failed", "NoJob", …), say("True", "Running", …), emit("Warning", "TimesMissed", …).
      /\b(?:end|pending|say|wait|emit)\((?:input, )?(?:"[A-Z][A-Za-z]+", )?"([A-Z][A-Za-z]+)",/g,
    ],
    documents: ["docs/operating.md", "docs/probes.md"],
  },
];

const WAITS_DOCUMENT = "docs/updating.md";

/** Reasons of waits without a row in the table for operators, or with an empty cell there, and rows of reasons that there are not. */
export async function findUnexplainedWaits(): Promise<string[]> {
  const table = /\| reason \| it means \| do \|\n((?:\|.*\n)+)/.exec(await readSource(WAITS_DOCUMENT))?.[1] ?? "";
  const rows = table.split("\n").flatMap((line) => {
    const [, reason, ...cells] = line.split(" | ").length === 3 ? (/^\| `([A-Za-z]+)` \| (.*) \| (.*) \|$/.exec(line) ?? []) : [];
    return reason === undefined ? [] : [{ reason, isWhole: cells.every((cell) => cell.trim() !== "") }];
  });
  const known: ReadonlySet<string> = new Set(WAIT_REASONS);
  return [
    ...WAIT_REASONS.filter((reason) => rows.filter((row) => row.reason === reason && row.isWhole).length !== 1).map(
      (reason) => `${WAITS_DOCUMENT}: the wait ${reason} has no row, or not one, that says what it means and what to do`,
    ),
    ...rows.filter((row) => !known.has(row.reason)).map(({ reason }) => `${WAITS_DOCUMENT}: nothing waits for the reason ${reason}`),
  ];
}

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
  const faults = [...(await findUnexplainedReasons()), ...(await findUnexplainedWaits())];
  for (const fault of faults) console.log(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
