import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BlockIndex, findBlocks } from "./block-index.ts";

function indexed(texts: readonly string[]): { readonly find: (...needles: readonly string[]) => number; readonly bytes: Buffer } {
  const longest = Math.max(1, ...texts.map((text) => Buffer.byteLength(text)));
  const index = new BlockIndex(longest);
  for (const [block, text] of texts.entries()) index.add(block, Buffer.from(text));
  const { bytes, ...form } = index.encode(texts.length);
  const find = (...needles: readonly string[]): number =>
    findBlocks({
      index: { at: 7, ...form },
      blocks: texts.length,
      needles: needles.map((one) => Buffer.from(one)),
      read: (offset, length) => bytes.subarray(offset - 7, offset - 7 + length),
    });
  return { find, bytes };
}

test("a block that holds all needles is never left out, whatever they are and however many blocks there are", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "0", " ", "é", "中"), maxLength: 200 });
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 16 }), fc.nat(), fc.nat(), fc.nat(20), (texts, which, from, length) => {
      const { find } = indexed(texts);
      const needle = (texts[which % texts.length] ?? "").slice(from % 200, (from % 200) + length);
      const found = find(needle);
      for (const [block, one] of texts.entries()) if (one.includes(needle)) assert.ok((found & (1 << block)) !== 0, `block ${block} holds ${needle}`);
    }),
  );
});

test("it is as small as its blocks, and tells blocks apart", () => {
  const { find, bytes } = indexed(["timeout of the database", "connection refused"]);
  assert.deepEqual([find("timeout"), find("refused"), find("nowhere"), find("of"), find("timeout", "refused")], [1, 2, 0, 3, 0]);
  assert.ok(bytes.length <= 4_100, String(bytes.length));
});

test("a damaged page is found out", () => {
  const { find, bytes } = indexed(["timeout of the database"]);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  assert.throws(() => find("timeout"), RangeError);
});
