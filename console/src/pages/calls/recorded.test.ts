import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOf, type GatheredCall, keyOfCall, recordedPath, severityOf, spanOf, treeRows } from "./recorded.ts";

const call = (more: Partial<GatheredCall>): GatheredCall => ({
  time: "2030-01-01T00:00:00.000Z",
  durationMs: 100,
  role: "edge",
  method: "GET",
  host: "a",
  path: "/",
  status: 200,
  bytesOut: 0,
  caller: "",
  gateway: "main",
  gatewayHost: "h1",
  ...more,
});

test("a question says what was chosen, and nothing else", () => {
  const nowMs = Date.parse("2030-01-01T01:00:00Z");
  const none = { service: " ", caller: "", domain: "", isFailed: false, slow: "", span: "1h" as const };
  assert.equal(recordedPath(none, nowMs), "/calls?from=2030-01-01T00%3A00%3A00.000Z&to=2030-01-01T01%3A10%3A00.000Z&limit=200");
  const all = new URLSearchParams(recordedPath({ service: "a", caller: "b", domain: "d", isFailed: true, slow: "1s", span: "10m" }, nowMs).slice(7));
  assert.deepEqual(
    ["service", "caller", "domain", "errors", "slow"].map((name) => all.get(name)),
    ["a", "b", "d", "true", "1s"],
  );
  assert.deepEqual([spanOf("7d"), spanOf("toString"), spanOf("")], ["7d", "1h", "1h"]);
});

test("what failed is told from what was refused for the caller's fault", () => {
  const of = (more: Partial<GatheredCall>) => severityOf(call(more));
  assert.deepEqual(
    [of({}), of({ status: 404 }), of({ status: 503 }), of({ status: 0 }), of({ status: 0, method: "TCP" }), of({ error: "gateway/busy" })],
    [undefined, "minor", "critical", "critical", undefined, "critical"],
  );
  assert.equal(codeOf("gateway/no-instance: none of x is ready"), "gateway/no-instance");
  assert.equal(codeOf("broken off: gateway/late"), "gateway/late");
});

test("a tree is drawn by raw times: what began before its caller by other clocks stands before it", () => {
  const inner = call({ role: "host", time: "2029-12-31T23:59:59.900Z", durationMs: 50, instance: "b-0" });
  const rows = treeRows([
    {
      call: call({}),
      children: [
        { call: inner, skewMs: 100, children: [] },
        { hole: { why: "hidden", message: "x" }, children: [] },
      ],
    },
  ]);
  assert.deepEqual(
    rows.map(({ depth, from, length, beganMs }) => [depth, from, length, beganMs]),
    [
      [0, 0.5, 0.5, 100],
      [1, 0, 0.25, 0],
      [1, 0, 0, 0],
    ],
  );
  assert.equal(new Set(rows.map(({ key }) => key)).size, 3);
  assert.deepEqual(treeRows([]), []);
  assert.notEqual(keyOfCall(call({})), keyOfCall(inner));
});
