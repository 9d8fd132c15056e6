import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { WAIT_REASONS } from "../../../src/traffic/update/core/wait-reasons.ts";
import { factsOf } from "./reasons.ts";

const ROOT = path.join(import.meta.dirname, "../../..");
/** Where conditions, waits, Events and phases are written. */
const ROOMS = ["src/work/agent", "src/work/controllers", "src/traffic/update", "src/people/access", "src/apps/centre"];
/** Words of the code that are neither a reason nor a phase: what stands in conditions beside them, and scopes. */
const OTHERS: ReadonlySet<string> = new Set(["True", "False", "Event", "Namespace", "Namespaced", "Cluster", "Immediate", "Linux"]);

function texts(language: string, file: string): Readonly<Record<string, unknown>> {
  return JSON.parse(readFileSync(path.join(ROOT, "console/src/texts", language, file), "utf8")) as Readonly<Record<string, unknown>>;
}

/** Kinds that files of a room define. */
function kindsOf(room: string): readonly string[] {
  return readdirSync(path.join(ROOT, room), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => [...readFileSync(path.join(ROOT, room, file), "utf8").matchAll(/^ {2}kind: "(\w+)"/gm)].map(([, kind = ""]) => kind));
}

/** Every word in capitals and small letters that these rooms have between quotes. */
function wordsOfTheCode(): ReadonlyMap<string, string> {
  const kinds = new Set(["src/model", "src/people"].flatMap(kindsOf));
  const found = new Map<string, string>();
  for (const room of ROOMS)
    for (const file of readdirSync(path.join(ROOT, room), { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
      const code = readFileSync(path.join(ROOT, room, file), "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
      for (const [, word = ""] of code.matchAll(/"([A-Z][a-z]+(?:[A-Z][a-z]+)*)"/g))
        if (!kinds.has(word) && !OTHERS.has(word)) found.set(word, `${room}/${file}`);
    }
  return found;
}

/** Names of the fields of a table in a source file. */
function keysOf(file: string, table: string): readonly string[] {
  const body = new RegExp(`const ${table}[^{]*= \\{([\\s\\S]*?)\\n\\};`).exec(readFileSync(path.join(ROOT, file), "utf8"))?.[1] ?? "";
  return [...body.matchAll(/^ {2}(\w+):/gm)].map(([, key = ""]) => key);
}

test("every reason and phase that the code can say has a word in Chinese; in English its own words are taken apart", () => {
  const zh = texts("zh", "words.json");
  const words = wordsOfTheCode();
  assert.ok(words.size > 130, `${words.size} words are found: the code says them in another way than before`);
  assert.deepEqual(
    [...words].filter(([word]) => zh[word] === undefined).map(([word, file]) => `${word} (${file})`),
    [],
  );
});

test("what stands on the overview and at the lanes has a sentence in Chinese", () => {
  const meant = texts("zh", "reasons.json")["meant"] as Readonly<Record<string, string>>;
  const shown = [
    ...WAIT_REASONS,
    ...keysOf("src/face/views/object-state.ts", "REASONS"),
    ...keysOf("src/face/views/object-state.ts", "REASONS_WELL"),
    ...keysOf("src/face/views/overview/next-steps.ts", "STEPS"),
  ];
  assert.ok(shown.length > 80, String(shown.length));
  assert.deepEqual(
    [...new Set(shown)].filter((reason) => meant[reason] === undefined),
    [],
  );
});

test("every step that a person can take has words in both languages", () => {
  const steps = readFileSync(path.join(ROOT, "src/face/views/overview/next-steps.ts"), "utf8");
  const codes = [...steps.matchAll(/"([a-z]+(?:-[a-z]+)*)"/g)].map(([, code = ""]) => code);
  assert.ok(codes.length > 40);
  for (const language of ["en", "zh"])
    assert.deepEqual(
      codes.filter((code) => texts(language, "next.json")[code] === undefined),
      [],
    );
});

test("figures and names are taken out of a message; what is not understood gives none", () => {
  const codes = (message: string): readonly string[] => factsOf(message).map(({ code }) => code);
  assert.deepEqual(factsOf("2 of 3 instances of auth-v2-7e10aa42 are ready: exit status 137"), [
    { code: "ready", args: { ready: "2", wanted: "3" } },
    { code: "exit", args: { code: "137" } },
  ]);
  assert.deepEqual(codes("12 calls of generation 42 are open at gateway ops-1; one is a stream"), ["openCalls"]);
  assert.deepEqual(factsOf("10 % of new transactions have generation 43; the next step comes at 2026-11-30T18:00:00.000Z (in 6 s), or at once"), [
    { code: "share", args: { share: "10 %" } },
    { code: "nextStep", args: { in: "6 s" } },
    { code: "generation", args: { generation: "43" } },
  ]);
  assert.deepEqual(codes("errors rose from 0.1 % to 6.2 % (p = 0.0004)"), ["errors"]);
  assert.deepEqual(codes("the agent of host ops-2 does not answer: the state of its instances is unknown"), ["host"]);
  assert.deepEqual(codes("没有任何已知的句子 <img src=x>"), []);
});

test("each fact has its words, with the values that it takes", () => {
  const facts = texts("zh", "reasons.json")["facts"] as Readonly<Record<string, string>>;
  const patterns = [...readFileSync(path.join(import.meta.dirname, "reasons.ts"), "utf8").matchAll(/^ {2}\["(\w+)", (\/.*\/)\],$/gm)];
  assert.ok(patterns.length > 12);
  for (const [, code = "", pattern = ""] of patterns) {
    const taken = [...pattern.matchAll(/\?<(\w+)>/g)].map(([, name = ""]) => name).sort();
    const put = [...(facts[code] ?? "").matchAll(/\{\{(\w+)\}\}/g)].map(([, name = ""]) => name).sort();
    assert.ok(put.length > 0 && put.every((name) => taken.includes(name)), `${code}: ${put} of ${taken}`);
  }
});
