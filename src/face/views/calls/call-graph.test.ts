import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LATENCY_BUCKETS_MS } from "#/traffic/routing/index.ts";
import type { CallSum } from "#/traffic/routing/windows/index.ts";
import type { CallsEdgeRow, CallsNodeRow, CallsRow, CallsSummaryRow, CallsView } from "../protocol.ts";
import { buildCallGraph, type GraphService } from "./call-graph.ts";

function sum(caller: string, service: string, more: Partial<CallSum> = {}): CallSum {
  const calls = more.calls ?? 60;
  const buckets = LATENCY_BUCKETS_MS.map(() => 0).concat(0);
  buckets[2] = calls;
  return {
    ...{ caller, service, revision: `${service}-v1`, instance: `${service}-0`, host: "h", calls, errors: 0, timeSumMs: calls, timeMaxMs: 1 },
    ...{ large: 0, unlabelled: 0, refused: 0, inFlight: 0, buckets },
    ...more,
  };
}

const service = (name: string, labels: Record<string, string> = {}): GraphService => ({ name, labels, severity: "normal" });
const whole: CallsView = { of: "calls", boxes: 60 };
const rowsOf = <T extends CallsRow>(rows: readonly { readonly row: CallsRow }[], type: T["type"]): T[] =>
  rows.flatMap(({ row }) => (row.type === type ? [row as T] : []));
const names = (rows: readonly { readonly row: CallsRow }[]): string[] =>
  rowsOf<CallsNodeRow>(rows, "node")
    .map((one) => one.id)
    .sort();

test("probes and jobs that call are boxes of their own kind, and no services", () => {
  const rows = buildCallGraph(
    { ...whole, group: "team" },
    [sum("resource/antenna", "auth"), sum("job/nightly", "auth"), sum("antenna", "auth")],
    [service("auth", { team: "resource/antenna" }), service("antenna")],
  );
  const nodes = rowsOf<CallsNodeRow>(rows, "node").map(({ id, kind, name, services }) => [id, kind, name, services]);
  assert.deepEqual(nodes.sort(), [
    ["group:resource/antenna", "group", "resource/antenna", 1],
    ["job:nightly", "job", "nightly", 0],
    ["probe:antenna", "probe", "antenna", 0],
    ["service:antenna", "service", "antenna", 1],
  ]);
});

test("an edge has rate, errors, time, and the share of each revision that was met", () => {
  const slow = LATENCY_BUCKETS_MS.map(() => 0).concat(30);
  const rows = buildCallGraph(
    whole,
    [
      sum("", "auth", { calls: 60 }),
      sum("", "auth", { calls: 30, revision: "auth-v2", errors: 9, buckets: slow, inFlight: 2 }),
      sum("", "auth", { calls: 0, refused: 6, revision: "", instance: "" }),
    ],
    [{ ...service("auth"), served: "auth-v1", version: "v1", coming: ["auth-v2"], comingVersion: "v2" }, service("idle")],
  );
  const auth = rowsOf<CallsNodeRow>(rows, "node").find((one) => one.name === "auth");
  assert.deepEqual([auth?.version, auth?.coming], ["v1", "v2"]);
  const [edge] = rowsOf<CallsEdgeRow>(rows, "edge");
  assert.deepEqual(
    { ...edge },
    {
      type: "edge",
      from: "outside",
      to: "service:auth",
      rate: 1.5,
      errorShare: 0.1,
      refusedRate: 0.1,
      p95Ms: null,
      inFlight: 2,
      unlabelledRate: 0,
      shares: [
        { revision: "auth-v1", share: 0.667, duty: "served" },
        { revision: "auth-v2", share: 0.333, duty: "coming" },
      ],
      comingShare: 0.333,
      leavingShare: 0,
      hurts: true,
    },
  );
  assert.deepEqual(names(rows), ["outside", "service:auth", "service:idle"]);
});

test("groups are one box, also for the calls within them, until they are unfolded", () => {
  const services = [service("a1", { team: "a" }), service("a2", { team: "a" }), service("b1")];
  const sums = [sum("b1", "a1"), sum("a1", "a2"), sum("a2", "b1")];
  const grouped = buildCallGraph({ ...whole, group: "team" }, sums, services);
  assert.deepEqual(names(grouped), ["group:a", "service:b1"]);
  assert.deepEqual(
    rowsOf<CallsEdgeRow>(grouped, "edge")
      .map(({ from, to }) => `${from} ${to}`)
      .sort(),
    ["group:a group:a", "group:a service:b1", "service:b1 group:a"],
  );
  assert.equal(rowsOf<CallsNodeRow>(grouped, "node").find((one) => one.id === "group:a")?.services, 2);
  assert.deepEqual(names(buildCallGraph({ ...whole, group: "team", unfolded: ["a"] }, sums, services)), ["service:a1", "service:a2", "service:b1"]);
});

test("the neighbourhood of a service, what is searched, and only what hurts", () => {
  const sums = [sum("", "a"), sum("a", "b"), sum("b", "c", { errors: 1 }), sum("c", "d"), sum("d", "a")];
  const services = ["a", "b", "c", "d"].map((name) => service(name));
  assert.deepEqual(names(buildCallGraph({ ...whole, around: { service: "b", steps: 1 } }, sums, services)), ["service:a", "service:b", "service:c"]);
  assert.deepEqual(names(buildCallGraph({ ...whole, around: { service: "gone", steps: 1 } }, sums, services)), []);
  assert.deepEqual(names(buildCallGraph({ ...whole, search: "D" }, sums, services)), ["service:a", "service:c", "service:d"]);
  assert.deepEqual(names(buildCallGraph({ ...whole, onlyHurting: true }, sums, services)), ["service:b", "service:c"]);
});

test("a group's edges add up what comes and what leaves over all of its services", () => {
  const services = [
    { ...service("a1", { team: "a" }), served: "a1-v2", coming: ["a1-v2"] },
    { ...service("a2", { team: "a" }), served: "a2-v1", coming: ["a2-v2"] },
  ];
  const sums = [
    sum("", "a1", { revision: "a1-v1", calls: 10 }),
    sum("", "a1", { revision: "a1-v2", calls: 40 }),
    sum("", "a2", { revision: "a2-v2", calls: 50 }),
  ];
  const [edge] = rowsOf<CallsEdgeRow>(buildCallGraph({ ...whole, group: "team" }, sums, services), "edge");
  assert.deepEqual([edge?.to, edge?.comingShare, edge?.leavingShare], ["group:a", 0.5, 0.1]);
});

test("a box stays drawn until another has much more calls, or hurts", () => {
  const services = ["a", "b", "c"].map((name) => service(name));
  const drawn = (b: number, more: Partial<CallSum> = {}): string[] =>
    names(
      buildCallGraph(
        { of: "calls", boxes: 2 },
        [sum("", "a", { calls: 60 }), sum("", "b", { calls: b, ...more })],
        services,
        new Set(["outside", "service:a"]),
      ),
    );
  assert.deepEqual(drawn(100), ["outside", "service:a"]);
  assert.deepEqual(drawn(200), ["outside", "service:b"]);
  assert.deepEqual(drawn(1, { errors: 1 }), ["outside", "service:b"]);
});

test("of a service of which nobody says what it serves, no revision leaves", () => {
  const [edge] = rowsOf<CallsEdgeRow>(buildCallGraph(whole, [sum("", "new")], [service("new")]), "edge");
  assert.deepEqual([edge?.shares[0]?.duty, edge?.leavingShare], ["served", 0]);
});

test("what was refused before it was known whom it was for was for somebody unknown, not for outside", () => {
  const rows = buildCallGraph(whole, [sum("portal", "", { calls: 0, refused: 6, revision: "", instance: "" })], [service("portal")]);
  assert.deepEqual(
    rowsOf<CallsEdgeRow>(rows, "edge").map(({ from, to }) => [from, to]),
    [["service:portal", "unknown"]],
  );
});

test("labels of which services share values are offered as groups, those of most services first", () => {
  const services = [
    service("a", { layer: "x", only: "1" }),
    service("b", { layer: "x", only: "2", team: "t" }),
    service("c", { layer: "y", team: "t" }),
  ];
  const [summary] = rowsOf<CallsSummaryRow>(buildCallGraph(whole, [sum("a", "b", { errors: 1 }), sum("a", "c")], services), "summary");
  assert.deepEqual(summary?.groups, ["layer", "team"]);
  assert.deepEqual([summary?.services, summary?.rate, summary?.hurting], [3, 2, 1]);
});

test("never more boxes than asked for, each call in exactly one place, whatever calls whom", () => {
  const name = fc.constantFrom("", "?", "a", "b", "c", "d", "e", "f", "g");
  const calls = fc.record({
    caller: name,
    service: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "gone"),
    calls: fc.integer({ min: 1, max: 100 }),
    errors: fc.constantFrom(0, 1),
  });
  const view = fc.record(
    { boxes: fc.integer({ min: 1, max: 5 }), group: fc.constant("team"), search: fc.constantFrom("a", "zz"), onlyHurting: fc.boolean() },
    { requiredKeys: ["boxes"] },
  );
  fc.assert(
    fc.property(fc.array(calls, { maxLength: 30 }), view, (list, wish) => {
      const sums = list.map((one) => sum(one.caller, one.service, one));
      const services = ["a", "b", "c", "d", "e", "f", "g"].map((one, index) => service(one, index < 3 ? { team: "x" } : {}));
      const rows = buildCallGraph({ of: "calls", ...wish }, sums, services);
      assert.equal(new Set(rows.map((one) => one.key)).size, rows.length);
      const boxes = new Set(names(rows));
      assert.ok(boxes.size <= wish.boxes);
      const [edges, cells] = [rowsOf<CallsEdgeRow>(rows, "edge"), rowsOf<CallsEdgeRow>(rows, "cell")];
      for (const { from, to } of edges) assert.ok(boxes.has(from) && boxes.has(to));
      for (const { from, to } of cells) assert.ok(!boxes.has(from) || !boxes.has(to));
      if (wish.search === undefined && wish.onlyHurting !== true) {
        const told = [...edges, ...cells].reduce((all, one) => all + one.rate * 60, 0);
        const made = list.reduce((all, one) => all + one.calls, 0);
        assert.ok(Math.abs(told - made) <= made / 100, `${told} of ${made} calls are told`);
      }
      const [summary] = rowsOf<CallsSummaryRow>(rows, "summary");
      assert.equal(summary?.boxes, boxes.size);
    }),
    { numRuns: 200 },
  );
});

test("a service of which nobody has said anything is drawn at once, as unknown", () => {
  const rows = buildCallGraph(whole, [sum("", "auth")], [{ ...service("auth"), severity: "unknown" }]);
  const node = rowsOf<CallsNodeRow>(rows, "node").find((one) => one.id === "service:auth");
  assert.deepEqual([node?.severity, node?.hurts], ["unknown", false]);
});
