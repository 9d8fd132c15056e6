/** `node tools/docs-promises.ts --check`: whether each sentence of the documents that promises something for every case (must, never, always, at most, exactly one, there is one, there can be only one)
 *  stands in docs/promises.md with the test, check or type that holds it, and whether that is there.
 *  Exit status 0 when all do, else 1 with one line for each that does not. Without --check: the sentences that are not listed yet, as rows to be filled in. */
import { checkNames } from "./check.ts";
import { listFiles, readSource } from "./sources.ts";

const LIST = "docs/promises.md";

/** Where the documents are that promise. Decision records say what was thought at their time. */
const DOCUMENTS = /^(?:docs\/(?:recipes\/)?[^/]+|[A-Z]+)\.md$/;

/** Documents that tell what was seen, or list what stands elsewhere: benchmarks and trials are reports, errors.md has the errors' own words (its "never" is a kind of retry),
 *  simulation.md the promises of update.md, each held there by a scenario and a mutation. */
const LEFT_OUT: ReadonlySet<string> = new Set([LIST, "docs/benchmarks.md", "docs/trials.md", "docs/errors.md", "docs/simulation.md"]);

const PROMISE = /\b(?:must|never|always|at most|exactly one|there (?:is|can be) (?:only )?one)\b/i;

/** More sentences than this must not be open. */
const OPEN_MAX = 5;

/** A row of the list. */
export interface Row {
  readonly document: string;
  readonly sentence: string;
  readonly heldBy: string;
}

/** What the rows are compared with. */
export interface Sources {
  /** Each document's promising sentences, by its path. */
  readonly promises: ReadonlyMap<string, readonly string[]>;
  /** The text of a file that the list names; undefined where there is none. */
  readonly textOf: (file: string) => string | undefined;
  /** The names of the parts of `npm run check`. */
  readonly checks: readonly string[];
}

/** The promising sentences of a document, without its marks, each once. Code blocks and headings promise nothing. */
export function findPromises(text: string): string[] {
  const lines = text.replace(/```[\s\S]*?```/g, "").split("\n");
  const pieces = lines.filter((line) => !line.startsWith("#")).flatMap((line) => line.replace(/^\s*(?:[-*]|\d+\.)\s+/, "").split(" | "));
  const sentences = pieces.flatMap((piece) => piece.split(/(?<=[.;!?])\s+(?=[A-Z`*0-9])/));
  return [...new Set(sentences.map(plain).filter((one) => PROMISE.test(one)))];
}

function plain(sentence: string): string {
  return sentence
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[`*|]/g, "")
    .replace(/\s+/g, " ")
    .trim();
}

/** The rows of the list: `| sentence | held by |` below a heading `## document`. */
export function parseRows(text: string): Row[] {
  let document = "";
  return text.split("\n").flatMap((line) => {
    document = /^## (\S+)$/.exec(line)?.[1] ?? document;
    const [, sentence, heldBy] = /^\| (.+) \| (.*) \|$/.exec(line) ?? [];
    return document === "" || sentence === undefined || heldBy === undefined || sentence === "sentence" ? [] : [{ document, sentence, heldBy }];
  });
}

/** Whether a row means this sentence: the same, or with `…` for what was left out. */
function fits(row: Row, sentence: string): boolean {
  if (row.sentence === sentence) return true;
  const parts = row.sentence.split("…").map((part) => part.trim().replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return parts.length > 1 && new RegExp(`^${parts.join(".*")}$`).test(sentence);
}

/** Sentences without a row. */
export function findUnlisted(rows: readonly Row[], promises: Sources["promises"]): { readonly document: string; readonly sentence: string }[] {
  return [...promises].flatMap(([document, sentences]) => {
    const own = rows.filter((row) => row.document === document);
    return sentences.filter((sentence) => !own.some((row) => fits(row, sentence))).map((sentence) => ({ document, sentence }));
  });
}

/** All that is wrong with the list. */
export function findFaults(rows: readonly Row[], sources: Sources): string[] {
  const open = rows.filter(({ heldBy }) => /(?:^|; )open: /.test(heldBy));
  return [
    ...findUnlisted(rows, sources.promises).map(({ document, sentence }) => `${document}: ${LIST} does not say what holds: ${sentence}`),
    ...rows.flatMap((row) => rowFaults(row, sources).map((fault) => `${LIST}: ${row.document}: ${row.sentence}: ${fault}`)),
    ...(open.length > OPEN_MAX ? [`${LIST}: ${open.length} sentences are open; at most ${OPEN_MAX} may be`] : []),
  ];
}

function rowFaults(row: Row, sources: Sources): string[] {
  const meant = (sources.promises.get(row.document) ?? []).filter((sentence) => fits(row, sentence));
  const place = meant.length === 1 ? [] : [meant.length === 0 ? "the document has no such sentence any more" : "this may be more than one sentence"];
  const holders = row.heldBy.split(/; (?=`|check: |type: |reader$|open: )/);
  return [...place, ...holders.flatMap((holder) => holderFault(holder, sources) ?? [])];
}

/** What is wrong with one thing that holds a sentence, if anything is. */
function holderFault(holder: string, { textOf, checks }: Sources): string | undefined {
  if (holder === "reader" || /^open: \S/.test(holder)) return undefined;
  const [, check] = /^check: (.+)$/.exec(holder) ?? [];
  if (check !== undefined) return checks.includes(check) ? undefined : `npm run check has no part ${check}: ${checks.join(", ")}`;
  const [, type, file, words] = /^(type: )?`([^`]+)` "(.+)"$/.exec(holder) ?? [];
  if (file === undefined || words === undefined)
    return `held by ${holder || "nothing"}; expected: \`FILE.test.ts\` "WORDS OF THE TEST'S NAME", check: NAME, type: \`FILE\` "WORDS", reader, or open: REASON`;
  const text = textOf(file);
  if (text === undefined) return `there is no file ${file}`;
  if (type !== undefined) return text.includes(words) ? undefined : `${file} does not say: ${words}`;
  if (!/(?:\.test|\/conformance(?:\/[^/]+)?)\.ts$/.test(file)) return `${file} is no test; a type or schema is written type: \`FILE\` "WORDS"`;
  return findTestNames(text).some((name) => name.includes(words)) ? undefined : `${file} has no test whose name has the words: ${words}`;
}

/** The names of a file's tests and groups of tests, as they are written. */
export function findTestNames(code: string): string[] {
  return [...code.matchAll(/\b(?:test|it|describe|suite)(?:\.\w+)?\(\s*(["'`])((?:\\.|(?!\1)[\s\S])*)\1/g)].map(([, , name]) =>
    (name ?? "").replace(/\\(["'`])/g, "$1"),
  );
}

async function loadSources(): Promise<Sources> {
  const files = await listFiles();
  const documents = files.filter((file) => DOCUMENTS.test(file) && !LEFT_OUT.has(file));
  const promises = new Map(await Promise.all(documents.map(async (file) => [file, findPromises(await readSource(file))] as const)));
  const code = files.filter((file) => file.endsWith(".ts"));
  const texts = new Map(await Promise.all(code.map(async (file) => [file, await readSource(file)] as const)));
  return { promises, textOf: (file) => texts.get(file), checks: await checkNames() };
}

if (import.meta.main) {
  const rows = parseRows(await readSource(LIST));
  const sources = await loadSources();
  if (process.argv.includes("--check")) {
    const faults = findFaults(rows, sources);
    for (const fault of faults) console.log(fault);
    process.exitCode = faults.length === 0 ? 0 : 1;
  } else {
    const unlisted = Map.groupBy(findUnlisted(rows, sources.promises), ({ document }) => document);
    for (const [document, found] of unlisted)
      console.log(`## ${document}\n\n| sentence | held by |\n|---|---|\n${found.map(({ sentence }) => `| ${sentence} |  |`).join("\n")}\n`);
  }
}
