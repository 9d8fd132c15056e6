import assert from "node:assert/strict";
import { test } from "node:test";
import { findFaults, findPromises, findTestNames, findUnlisted, parseRows, type Sources } from "./docs-promises.ts";

const DOCUMENT = `# What must not be here
A store, [as said](x.md), is *never* lost; it waits 5 s at most. All else may happen.
- There is one \`Site\`.
\`\`\`
never here
\`\`\`
| when | must wait |
|---|---|
| later | it Must always end |
`;

const SENTENCES = ["A store, as said, is never lost; it waits 5 s at most.", "There is one Site.", "must wait", "it Must always end"];

function sources(sentences: readonly string[]): Sources {
  const files: Readonly<Record<string, string>> = {
    "src/a.test.ts": 'test("nothing is lost, whatever happens", () => {});\n// a comment about gold\n',
    "src/conformance/b.ts": 'it("is one", async () => {});',
    "src/model/c.ts": "size: z.string().max(63)",
  };
  return { promises: new Map([["docs/x.md", sentences]]), textOf: (file) => files[file], checks: ["types", "imports"] };
}

const listed = (...rows: readonly string[]): string => `# Promises\n\n## docs/x.md\n\n| sentence | held by |\n|---|---|\n${rows.join("\n")}\n`;
const faultsOf = (sentences: readonly string[], ...rows: readonly string[]): string[] => findFaults(parseRows(listed(...rows)), sources(sentences));

test("sentences that promise something are found, each once, without marks, headings and code", () => {
  assert.deepEqual(findPromises(`${DOCUMENT}- There is one Site.\n`), SENTENCES);
});

test("what is held by a test, a suite of a contract, a check, a type, its reader, or is said to be open is well", () => {
  const holders = [
    '`src/a.test.ts` "nothing is lost"',
    '`src/conformance/b.ts` "is one"',
    "check: imports",
    'type: `src/model/c.ts` ".max(63)"',
    "reader",
    "open: nobody has thought of it",
    'check: types; `src/a.test.ts` "lost, whatever"; reader',
  ];
  for (const heldBy of holders) assert.deepEqual(faultsOf(["It is never lost."], `| It is never lost. | ${heldBy} |`), [], heldBy);
});

test("what holds nothing is told", () => {
  for (const [heldBy, fault] of [
    ["", /held by nothing/],
    ["somebody", /held by somebody/],
    ["open: ", /held by open/],
    ["check: hope", /no part hope: types, imports/],
    ['`src/none.test.ts` "x"', /no file src\/none\.test\.ts/],
    ['`src/a.test.ts` "about gold"', /no test whose name has the words: about gold/],
    ['`src/model/c.ts` ".max(63)"', /is no test/],
    ['type: `src/model/c.ts` ".max(64)"', /does not say: \.max\(64\)/],
    ['check: types; `src/a.test.ts` "silver"', /silver/],
  ] as const) {
    const faults = faultsOf(["It is never lost."], `| It is never lost. | ${heldBy} |`);
    assert.equal(faults.length, 1, heldBy);
    assert.match(faults[0] ?? "", fault);
  }
});

test("a sentence without a row, a row without its sentence, and one that may be two are told", () => {
  const sentences = ["It is never lost.", "It is never found."];
  assert.deepEqual(findUnlisted(parseRows(listed("| It is never lost. | reader |")), sources(sentences).promises), [
    { document: "docs/x.md", sentence: "It is never found." },
  ]);
  assert.match(faultsOf([], "| It is never lost. | reader |")[0] ?? "", /no such sentence any more/);
  assert.deepEqual(faultsOf(["It is never (as a whole) lost."], "| It is … lost. | reader |"), []);
  assert.match(faultsOf(sentences, "| It is never … | reader |").join(), /more than one sentence/);
  assert.equal(faultsOf(["It is never lost."], "| It is … found. | reader |").length, 2);
});

test("no more than a handful may be open", () => {
  const sentences = Array.from({ length: 6 }, (_, index) => `It is never ${index}.`);
  const rows = sentences.map((one) => `| ${one} | open: later |`);
  assert.match(faultsOf(sentences, ...rows).join(), /6 sentences are open/);
  assert.deepEqual(faultsOf(sentences.slice(1), ...rows.slice(1)), []);
});

test("names of tests are found with their quotes and over lines", () => {
  const code = 'test("a \\"b\\"", f);\n  it(\n    `c 1`,\n  );\ndescribe.skip(\'d\', g); best("no");';
  assert.deepEqual(findTestNames(code), ['a "b"', "c 1", "d"]);
});
