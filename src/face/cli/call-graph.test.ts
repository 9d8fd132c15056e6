import assert from "node:assert/strict";
import { test } from "node:test";
import { drawCallGraph, formatCallDot } from "./call-graph.ts";

const row = (caller: string, service: string, calls: number, errors = 0) => ({
  caller,
  service,
  calls,
  errors,
  refused: 0,
  unlabelled: 0,
  meanMs: 12.3,
});

test("the graph begins outside, indents what each service calls, and opens a service once, also in a cycle", () => {
  const rows = [row("", "portal", 10), row("portal", "auth", 10), row("portal", "proc", 9), row("proc", "auth", 9), row("auth", "proc", 1)];
  assert.deepEqual(drawCallGraph(rows), [
    "(outside)",
    "  → portal  10 calls, 0 errors, 12 ms",
    "    → auth  10 calls, 0 errors, 12 ms",
    "      → proc  1 calls, 0 errors, 12 ms",
    "        → auth  9 calls, 0 errors, 12 ms  (see above)",
    "    → proc  9 calls, 0 errors, 12 ms  (see above)",
  ]);
});

test("a cycle that nobody enters is drawn, too", () => {
  assert.deepEqual(
    drawCallGraph([row("a", "b", 1), row("b", "a", 1)]).map((line) => line.split("  1")[0]),
    ["a", "  → b", "    → a"],
  );
});

test("what was refused or unlabelled is told at its edge, also where no call went through", () => {
  const { meanMs: _, ...refused } = { ...row("a", "c", 0), refused: 3 };
  assert.deepEqual(drawCallGraph([{ ...row("a", "b", 2), unlabelled: 1 }, refused]), [
    "a",
    "  → b  2 calls, 0 errors, 1 unlabelled, 12 ms",
    "  → c  0 calls, 0 errors, 3 refused",
  ]);
});

test("DOT names every edge, failing ones in red", () => {
  assert.deepEqual(formatCallDot([row("?", "auth", 2, 1)]), [
    "digraph calls {",
    "  rankdir=LR;",
    "  node [shape=box];",
    '  "(unknown)" -> "auth" [label="2 calls, 1 errors, 12 ms", color=red];',
    "}",
  ]);
});
