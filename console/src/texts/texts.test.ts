import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

const HERE = import.meta.dirname;
const SOURCES = path.join(HERE, "..");
type Texts = { readonly [key: string]: string | Texts };

function read(language: string, file: string): Texts {
  return JSON.parse(readFileSync(path.join(HERE, language, file), "utf8")) as Texts;
}

function flatten(texts: Texts, before = ""): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [key, value] of Object.entries(texts)) {
    if (typeof value === "string") flat.set(before + key, value);
    else for (const [inner, text] of flatten(value, `${before}${key}.`)) flat.set(inner, text);
  }
  return flat;
}

/** Without the endings of plurals, of which the languages have different ones. */
const meant = (keys: Iterable<string>): string[] => [...new Set([...keys].map((key) => key.replace(/_(?:one|other)$/, "")))].sort();
const placeholders = (text: string): string[] => [...new Set(text.match(/\{\{\w+\}\}/g) ?? [])].sort();

test("each page has its texts in both languages, none is empty, and both put in the same values", () => {
  const files = readdirSync(path.join(HERE, "en"));
  assert.deepEqual(readdirSync(path.join(HERE, "zh")), files);
  for (const file of files) {
    const [en, zh] = [flatten(read("en", file)), flatten(read("zh", file))];
    for (const [language, flat] of Object.entries({ en, zh }))
      for (const [key, text] of flat) assert.notEqual(text.trim(), "", `${language}/${file}: ${key}`);
    // What the server says is shown as it comes where there is no other word for it.
    if (["words.json", "reasons.json"].includes(file)) continue;
    assert.deepEqual(meant(zh.keys()), meant(en.keys()), file);
    for (const [key, text] of en) {
      const other = zh.get(key) ?? zh.get(key.replace(/_one$/, "_other")) ?? "";
      // One of a thing need not be counted.
      if (!key.endsWith("_one")) assert.deepEqual(placeholders(other), placeholders(text), `${file}: ${key}`);
    }
  }
});

test("plurals are whole: one and other in English, other in Chinese", () => {
  for (const file of readdirSync(path.join(HERE, "en"))) {
    const [en, zh] = [flatten(read("en", file)), flatten(read("zh", file))];
    for (const key of en.keys()) if (key.endsWith("_one")) assert.ok(en.has(key.replace(/_one$/, "_other")), `en/${file}: ${key}`);
    for (const key of zh.keys()) assert.ok(!key.endsWith("_one"), `zh/${file}: ${key}: Chinese has no singular of its own`);
    for (const key of en.keys()) if (key.endsWith("_other") && file !== "words.json") assert.ok(zh.has(key), `zh/${file}: ${key}`);
  }
});

test("every text that the code asks for is there", () => {
  const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".tsx"));
  const missing: string[] = [];
  for (const file of files) {
    const code = readFileSync(path.join(SOURCES, file), "utf8");
    const names = new Map([...code.matchAll(/const (\w+) = useTexts\("(\w+)"\)/g)].map(([, name = "", page = ""]) => [name, page]));
    // A file whose parts take texts of several pages under one name is looked at for all of them.
    const pages = [...code.matchAll(/useTexts\("(\w+)"\)/g)].map(([, page = ""]) => page);
    for (const [, name = "", key = ""] of code.matchAll(/\b(t|frame)\("([\w.]+)"/g)) {
      const candidates = name === "t" ? pages : [names.get(name) ?? ""];
      const isThere = candidates.some((page) => meant(flatten(read("en", `${page}.json`)).keys()).includes(key));
      if (candidates.length > 0 && !isThere) missing.push(`${file}: ${key}`);
    }
  }
  assert.deepEqual(missing, []);
});
