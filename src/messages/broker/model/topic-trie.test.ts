import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TopicTrie } from "./topic-trie.ts";

const word = fc.constantFrom("a", "b", "", "long");
const pattern = fc.array(fc.oneof(word, fc.constantFrom("*", "#")), { minLength: 1, maxLength: 6 }).map((words) => words.join("."));
const key = fc.array(word, { minLength: 1, maxLength: 7 }).map((words) => words.join("."));

/** The definition, word for word. */
function matches(words: readonly string[], keys: readonly string[]): boolean {
  const [first, ...rest] = words;
  if (first === undefined) return keys.length === 0;
  if (first === "#") return matches(rest, keys) || (keys.length > 0 && matches(words, keys.slice(1)));
  return keys.length > 0 && (first === "*" || first === keys[0]) && matches(rest, keys.slice(1));
}

test("a key finds exactly the patterns that it matches, also after some have gone", () => {
  fc.assert(
    fc.property(
      fc.array(pattern, { maxLength: 12 }),
      fc.array(fc.nat(), { maxLength: 8 }),
      fc.array(key, { maxLength: 8 }),
      (patterns, gone, keys) => {
        const trie = new TopicTrie<string>();
        const left = [...patterns];
        for (const one of patterns) trie.add(one, one);
        for (const at of gone) {
          if (left.length === 0) break;
          const [one] = left.splice(at % left.length, 1);
          trie.remove(one as string, one as string);
        }
        for (const one of keys) {
          const found = new Set<string>();
          trie.match(one, found);
          const expected = new Set(left.filter((each) => matches(each.split("."), one.split("."))));
          assert.deepEqual([...found].toSorted(), [...expected].toSorted(), `${one} in ${left.join(" ")}`);
        }
      },
    ),
  );
});

test("many # cost no more than words times patterns", () => {
  const trie = new TopicTrie<number>();
  trie.add(Array.from({ length: 60 }, () => "#.a").join("."), 1);
  const found = new Set<number>();
  const startedAt = process.cpuUsage().user;
  trie.match(`${"a.".repeat(120)}b`, found);
  assert.equal(found.size, 0);
  assert.ok(process.cpuUsage().user - startedAt < 2_000_000);
});
