import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CallsEdgeRow } from "../../../../src/face/views/protocol.ts";
import { failedRate, failedShare, formatMs, formatPart, formatRate, formatUntil, hurtOf } from "../../parts/call-figures.ts";
import { callerOfId, graphOf, nameOfId, ports, strokesOf, widthOf } from "./graph.ts";

const edge = (more: Partial<CallsEdgeRow> = {}): CallsEdgeRow => ({
  ...{ type: "edge", from: "service:a", to: "service:b", rate: 10, errorShare: 0, refusedRate: 0, inFlight: 0, unlabelledRate: 0 },
  ...{ shares: [], comingShare: 0, leavingShare: 0, hurts: false },
  ...more,
});

test("rows come apart by what they are", () => {
  const node = {
    type: "node",
    id: "service:a",
    kind: "service",
    name: "a",
    services: 1,
    rate: 1,
    errorShare: 0,
    refusedRate: 0,
    inFlight: 0,
    hurts: false,
  } as const;
  const graph = graphOf([
    { key: "1", index: 0, row: node },
    { key: "2", index: 1, row: edge() },
    { key: "3", index: 2, row: edge({ type: "cell" }) },
  ]);
  assert.deepEqual([graph.nodes.length, graph.edges.length, graph.cells.length, graph.summary], [1, 1, 1, undefined]);
});

test("who calls has a name of its own, and another as the table of calls asks for it", () => {
  const ids = ["outside", "unknown", "service:auth", "group:a:b", "probe:antenna", "job:nightly"];
  assert.deepEqual(ids.map(nameOfId), ["outside", "unknown", "auth", "a:b", "antenna", "nightly"]);
  assert.deepEqual(ids.map(callerOfId), ["-", "?", "auth", undefined, "resource/antenna", "job/nightly"]);
});

test("an edge that is well and not being updated is one stroke; what fails and what comes are parts of it that can be seen", () => {
  assert.deepEqual(
    strokesOf(edge(), 0).map(({ of, offset }) => [of, offset]),
    [["served", 0]],
  );
  const strokes = strokesOf(edge({ comingShare: 0.1 }), 0.02);
  assert.deepEqual(
    strokes.map(({ of }) => of),
    ["served", "coming", "failed"],
  );
  for (const { width } of strokes) assert.ok(width >= 1);
});

test("strokes lie beside each other and cover no more than the least that can be seen would", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(share, share, share, fc.double({ min: 0, max: 1e6, noNaN: true }), (coming, leaving, failed, rate) => {
      const strokes = strokesOf(edge({ rate, comingShare: coming, leavingShare: Math.min(leaving, 1 - coming) }), failed);
      const all = strokes.reduce((sum, { width }) => sum + width, 0);
      assert.ok(all <= widthOf(rate) + 4 && widthOf(rate) <= 9);
      for (const [index, one] of strokes.entries()) {
        const next = strokes[index + 1];
        if (next !== undefined) assert.ok(Math.abs(next.offset - one.offset - (one.width + next.width) / 2) < 1e-9);
      }
    }),
  );
});

test("how bad calls are: failed and refused ones count alike, slow ones less", () => {
  const of = (more: Partial<CallsEdgeRow>): string | undefined => hurtOf(edge(more));
  assert.equal(of({ p95Ms: 20 }), undefined);
  assert.equal(of({ errorShare: 0.01 }), "major");
  assert.equal(of({ errorShare: 0.05 }), "critical");
  assert.equal(of({ refusedRate: 10 }), "critical");
  assert.equal(failedShare(edge({ rate: 0, refusedRate: 3 })), 1);
  assert.equal(failedShare(edge({ rate: 0 })), 0);
  assert.deepEqual([of({ p95Ms: 2_000 }), of({ p95Ms: null })], ["minor", "minor"]);
});

test("figures are short", () => {
  assert.deepEqual([0, 0.0167, 0.33, 1, 12.34, 99.6, 340.4, 1_240, 999_999].map(formatRate), [
    "0",
    "0.017",
    "0.33",
    "1",
    "12",
    "100",
    "340",
    "1.2k",
    "1M",
  ]);
  assert.deepEqual([formatMs(4.24), formatMs(340), formatMs(1_240)], ["4.2\u2009ms", "340\u2009ms", "1.2\u2009s"]);
  assert.deepEqual([formatUntil(20), formatUntil(null), formatUntil(undefined)], ["≤ 20\u2009ms", "> 30\u2009s", "–"]);
});

test("a part of calls is never told as none or all of them unless it is", () => {
  const parts = [0, 0.00002, 0.00358, 0.0821, 0.5, 0.9999, 1].map(formatPart);
  assert.deepEqual(
    parts,
    ["0", "< 0.01", "0.36", "8.2", "50", "> 99", "100"].map((text) => `${text}\u2009%`),
  );
  assert.equal(failedRate(edge({ rate: 40, errorShare: 0.1, refusedRate: 2 })), 6);
});

test("edges of a box touch it in the order of their other ends", () => {
  const edges = [edge({ to: "low" }), edge({ to: "high" })];
  const places = ports(edges, (id) => (id === "low" ? 100 : 0), 20);
  assert.ok((places.get("service:a>high")?.out ?? 0) < (places.get("service:a>low")?.out ?? 0));
});
