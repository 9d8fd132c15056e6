import assert from "node:assert/strict";
import { test } from "node:test";
import { MergedLines } from "./merged-lines.ts";

async function* texts(...pieces: readonly string[]): AsyncGenerator<string> {
  yield* pieces;
}

test("lines of several sources keep whole, in order of each, with its prefix", async () => {
  const merged = new MergedLines();
  merged.add("a | ", texts("one\ntw", "o\nthree"));
  merged.add("b | ", texts("eins\n"));
  merged.seal();
  const lines = (await Array.fromAsync(merged)).join("").split("\n");
  assert.deepEqual(
    lines.filter((line) => line.startsWith("a")),
    ["a | one", "a | two", "a | three"],
  );
  assert.deepEqual(
    lines.filter((line) => line.startsWith("b")),
    ["b | eins"],
  );
});

test("a source that fails says so in a line and does not stop the others", async () => {
  const merged = new MergedLines();
  merged.add(
    "a | ",
    (async function* () {
      yield "one\n";
      throw new Error("agent is gone");
    })(),
  );
  merged.add("b | ", texts("eins\n"));
  merged.seal();
  const text = (await Array.fromAsync(merged)).join("");
  assert.match(text, /a \| one\n/);
  assert.match(text, /a \| \(cannot be read: agent is gone\)\n/);
  assert.match(text, /b \| eins\n/);
});

test("a source is read on only when what it gave was taken", async () => {
  let made = 0;
  const merged = new MergedLines();
  merged.add(
    "",
    (async function* () {
      for (;;) yield `${made++}\n`;
    })(),
  );
  const iterator = merged[Symbol.asyncIterator]();
  for (let read = 0; read < 3; read++) await iterator.next();
  assert.ok(made <= 5, `${made} were made for 3 that were read`);
});
