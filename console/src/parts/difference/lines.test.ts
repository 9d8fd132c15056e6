import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { differenceOf, isDifferent, stretchesOf } from "./lines.ts";

const shown = (before: string, after: string): readonly string[] =>
  differenceOf(before, after).map(({ is, text }) => `${is === "same" ? " " : is === "gone" ? "-" : "+"}${text}`);

test("lines that are gone stand before those that are new, between those that stayed", () => {
  assert.deepEqual(shown("a\nb\nc\n", "a\nx\nc\n"), [" a", "-b", "+x", " c"]);
  assert.deepEqual(shown("", "a\n"), ["+a"]);
  assert.deepEqual(shown("a\n", ""), ["-a"]);
  assert.deepEqual(shown("a\nb\n", "b\nc\n"), ["-a", " b", "+c"]);
  assert.deepEqual(shown("a\nb\nc", "a\nb\nc\n"), [" a", " b", " c"]);
});

test("whatever the texts: without the new lines it is the first, without those that are gone the second, and numbers are those of the text", () => {
  const text = fc.array(fc.constantFrom("a", "b", "c", "  d: 1", ""), { maxLength: 30 });
  fc.assert(
    fc.property(text, text, (before, after) => {
      const join = (lines: readonly string[]): string => lines.map((one) => `${one}\n`).join("");
      const lines = differenceOf(join(before), join(after));
      assert.deepEqual(
        lines.filter(({ is }) => is !== "new").map((one) => one.text),
        before,
      );
      assert.deepEqual(
        lines.filter(({ is }) => is !== "gone").map((one) => one.text),
        after,
      );
      for (const { is, number, text: line } of lines) assert.equal((is === "gone" ? before : after)[number - 1], line);
      assert.equal(isDifferent(lines), join(before) !== join(after));
    }),
    { numRuns: 500 },
  );
});

test("only what is near a difference is shown", () => {
  const many = Array.from({ length: 40 }, (_, index) => `line ${index}`);
  const other = many.with(10, "x").with(30, "y");
  const stretches = stretchesOf(differenceOf(many.join("\n"), other.join("\n")));
  assert.deepEqual(
    stretches.map((one) => one.length),
    [8, 8],
  );
});

test("texts that have nothing in common are told at once, however long", () => {
  const text = (mark: string): string => Array.from({ length: 20_000 }, (_, index) => `${mark}${index}`).join("\n");
  const beganMs = performance.now();
  assert.equal(differenceOf(text("a"), text("b")).length, 40_000);
  assert.ok(performance.now() - beganMs < 2_000);
});
