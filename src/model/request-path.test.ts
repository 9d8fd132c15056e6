import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { endOfSegments, readPath, readWrittenPath } from "./request-path.ts";

test("paths that some reader takes for another folder's are refused", () => {
  for (const path of [
    "/pub/x%2f..%2f..%2fsecret/key.txt",
    "/a/../b",
    "/a/..",
    "/a/.",
    "/./a",
    "/a/%2e%2E/b",
    "/a/..;/b",
    "/a/..;x=1/b",
    "/a/.;/b",
    "/a/..%3bx/b",
    "/a/..%5cb",
    "/a%5c..%5cb",
    "/a\\..\\b",
    "/a/%252e%252e/b",
    "/a%252f..%252fb",
    "/a/%25%32%65%25%32%65/b",
    "/a/%c0%ae%c0%ae/b",
    "/a/%e0%80%ae./b",
    "/a%c0%af..%c0%afb",
    "/a/..%20/b",
    "/a/..%3f",
    "/a/..%23",
    "/a%00b",
    "/a%2500b",
    "/a%0ab",
    "/a%0D%0Ab",
    "/a%7fb",
    "/a%",
    "/a%zz",
    "/a%2",
    "/a%u002e",
    "/a%252525252541",
  ])
    assert.equal(typeof readPath(path), "object", path);
});

test("what has one meaning passes, and equal meanings have one key", () => {
  for (const [path, key] of [
    ["/", "/"],
    ["/a/b.c/", "/a/b.c/"],
    ["/a%41", "/aA"],
    ["/a//b///", "/a/b/"],
    ["//a", "/a"],
    ["/a%2Fb%2fc", "/a/b/c"],
    ["/a%5Cb", "/a/b"],
    ["/a;v=1/b;", "/a/b"],
    ["/.well-known/x", "/.well-known/x"],
    ["/...", "/..."],
    ["/a..b/..c", "/a..b/..c"],
    ["/a%20b", "/a b"],
    ["/100%25", "/100%"],
    ["/a%252Fb", "/a%2Fb"],
    ["*", "*"],
  ] as const)
    assert.equal(readPath(path), key, path);
  assert.equal(readPath("/%E5%8D%AB%E6%98%9F"), readWrittenPath("/卫星"));
  assert.equal(readPath(Buffer.from("/卫星").toString("latin1")), readWrittenPath("/卫星"));
});

const piece = fc.oneof(
  fc.constantFrom(
    "/",
    "\\",
    "%2f",
    "%5C",
    "%252f",
    ".",
    "..",
    "%2e",
    "%252E",
    "%c0%ae",
    ";",
    ";x",
    "%3b",
    "a",
    "pub",
    "%41",
    "%25",
    "%",
    "%00",
    " ",
    "ä",
  ),
  fc.string({ unit: fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 2 }),
);
const path = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join("")}`);

/** What careless servers do to a path, in any order and number. */
const readers: readonly ((path: string) => string)[] = [
  (text) => text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  (text) => text.replaceAll("\\", "/"),
  (text) => text.replace(/;[^/]*/g, ""),
  (text) => text.replace(/\/+/g, "/"),
];

test("no path that is let pass leads out of the prefix that it matches, whichever reader comes after", () => {
  let passed = 0;
  fc.assert(
    fc.property(path, fc.array(fc.constantFrom(...readers), { maxLength: 8 }), (sent, row) => {
      const key = readPath(sent);
      if (typeof key !== "string") return;
      passed++;
      let seen = sent;
      for (const read of row) seen = read(seen);
      assert.ok(!seen.includes("\0"), sent);
      assert.ok(!/(?:^|\/)\.{1,2}(?:\/|$)/.test(seen), `${sent} is ${seen}`);
    }),
    { numRuns: 30_000 },
  );
  assert.ok(passed > 3000, String(passed));
});

test("the segments of a key and those of the path as it was sent end at the same places", () => {
  fc.assert(
    fc.property(path, fc.nat(5), (sent, wanted) => {
      const key = readPath(sent);
      if (typeof key !== "string") return;
      const count = Math.min(wanted, key.split("/").filter((one) => one !== "").length);
      const rest = readPath(`/x${sent.slice(endOfSegments(sent, count))}`);
      const segments = key.split("/").filter((one) => one !== "");
      assert.deepEqual(
        typeof rest === "string" &&
          rest
            .split("/")
            .filter((one) => one !== "")
            .slice(1),
        segments.slice(count),
        sent,
      );
    }),
    { numRuns: 10_000 },
  );
});

test("a path costs what its length costs", () => {
  const bytes = 16 * 1024;
  for (const unit of ["/", "%2f", "%25", "%2525", "/;", "%c0", ".", "/a", "a%41;", "\\", "%5c"]) {
    const long = `/${unit.repeat(bytes / unit.length)}`;
    const startedMs = performance.now();
    readPath(long);
    endOfSegments(long, 50);
    assert.ok(performance.now() - startedMs < 250, unit);
  }
});
