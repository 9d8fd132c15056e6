import assert from "node:assert/strict";
import { test } from "node:test";
import { findAnchors, findCommands, findLinks } from "./markdown.ts";

test("links are found with their lines, code is left alone", () => {
  const text = "See [a](one.md) and [b](two.md#part).\n\n```\n[no](three.md)\n```\n`[no](four.md)` [c](https://example.org/)\n";
  assert.deepEqual(findLinks(text), [
    { line: 1, text: "one.md" },
    { line: 1, text: "two.md#part" },
    { line: 6, text: "https://example.org/" },
  ]);
});

test("headings are linked to as GitHub names them", () => {
  const text = "# Start and stop\n## What it *means*, exactly\n## Things · 对象\n```\n# not a heading\n```\n## Start and stop\n";
  assert.deepEqual([...findAnchors(text)], ["start-and-stop", "what-it-means-exactly", "things--对象", "start-and-stop-1"]);
});

test("commands are found in blocks and in backquotes, without comments and what follows a pipe", () => {
  const text =
    "Run `./orrery up --detach` or ./orrery never.\n```\n./orrery logs NAME -f   # what it prints\ncd x && ./orrery down; ./orrery get ms | head\n```\n";
  assert.deepEqual(findCommands(text), [
    { line: 1, text: "up --detach" },
    { line: 3, text: "logs NAME -f" },
    { line: 4, text: "down" },
    { line: 4, text: "get ms" },
  ]);
});
