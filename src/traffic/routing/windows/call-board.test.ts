import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type CallWindow, type GatewayReport, LATENCY_BUCKETS_MS } from "../contract.ts";
import { CallBoard, quantileMs, sumCalls } from "./index.ts";

function windowOf(fields: Partial<CallWindow>): CallWindow {
  const buckets = LATENCY_BUCKETS_MS.map(() => 0).concat(0);
  buckets[2] = fields.calls ?? 0;
  return {
    caller: "",
    service: "auth",
    revision: "auth-v1",
    instance: "auth-0",
    host: "h",
    calls: 0,
    errors: 0,
    timeSumMs: 0,
    timeMaxMs: 0,
    buckets,
    inFlight: 0,
    large: 0,
    generation: 1,
    ...fields,
  };
}

function reportOf(gateway: string, windows: readonly CallWindow[]): GatewayReport {
  const position = { history: "h", epoch: 1, version: 1 };
  return {
    gateway,
    host: "h",
    roles: ["edge"],
    incarnation: 1,
    sequence: 1,
    position,
    round: 0,
    counts: [],
    windows,
    unlabelled: [],
    refused: [],
    held: { now: 0, total: 0, timeSumMs: 0, timeMaxMs: 0 },
    listenFailures: [],
  };
}

test("the windows of all gateways and generations add up", () => {
  const board = new CallBoard();
  board.add(
    reportOf("a", [
      windowOf({ calls: 3, errors: 1, timeSumMs: 30, timeMaxMs: 20, inFlight: 2 }),
      windowOf({ calls: 1, timeSumMs: 1, timeMaxMs: 1, generation: 2, inFlight: 1 }),
    ]),
    1000,
  );
  board.add(reportOf("b", [windowOf({ calls: 2, timeSumMs: 4, timeMaxMs: 3, large: 1, unlabelled: 2 })]), 1500);
  const [sum, ...more] = board.lastMinute(2000);
  assert.deepEqual(more, []);
  assert.deepEqual(
    { ...sum, buckets: undefined },
    {
      caller: "",
      service: "auth",
      revision: "auth-v1",
      instance: "auth-0",
      host: "h",
      calls: 6,
      errors: 1,
      timeSumMs: 35,
      timeMaxMs: 20,
      large: 1,
      unlabelled: 2,
      refused: 0,
      inFlight: 3,
      buckets: undefined,
    },
  );
});

test("calls leave the last minute after a minute, and stay in the totals", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 200_000 }), fc.integer({ min: 1, max: 5 })), { maxLength: 30 }), (list) => {
      const board = new CallBoard();
      const ordered = list.toSorted((a, b) => a[0] - b[0]);
      for (const [atMs, calls] of ordered) board.add(reportOf("a", [windowOf({ calls })]), atMs);
      const nowMs = ordered.at(-1)?.[0] ?? 0;
      const recent = board.lastMinute(nowMs).reduce((sum, one) => sum + one.calls, 0);
      const exact = (spanMs: number): number => ordered.reduce((sum, [atMs, calls]) => (atMs > nowMs - spanMs ? sum + calls : sum), 0);
      assert.ok(recent >= exact(55_000) && recent <= exact(60_001), `${recent}`);
      assert.equal(
        board.totals().reduce((sum, one) => sum + one.calls, 0),
        ordered.reduce((sum, [, calls]) => sum + calls, 0),
      );
    }),
  );
});

test("calls under way are those of the last report, and unknown for a gateway that is gone", () => {
  const board = new CallBoard();
  board.add(reportOf("a", [windowOf({ inFlight: 2 })]), 0);
  board.add(reportOf("a", [windowOf({ inFlight: 1 })]), 1);
  assert.equal(board.lastMinute(1)[0]?.inFlight, 1);
  board.forget("a");
  assert.deepEqual(board.lastMinute(1), []);
});

test("sums by host and service", () => {
  const board = new CallBoard();
  board.add(
    reportOf("a", [
      windowOf({ calls: 1, instance: "auth-0" }),
      windowOf({ calls: 2, instance: "auth-1" }),
      windowOf({ calls: 4, instance: "auth-2", host: "i" }),
    ]),
    0,
  );
  assert.deepEqual(
    sumCalls(board.lastMinute(0), ["host", "service"]).map((one) => [one.key, one.calls]),
    [
      [{ host: "h", service: "auth" }, 3],
      [{ host: "i", service: "auth" }, 4],
    ],
  );
});

test("refused and unlabelled calls of all gateways add up by caller, only rise, and outlive a gateway that is gone", () => {
  const board = new CallBoard();
  const report = (gateway: string, host: string, calls: number): GatewayReport => ({
    ...reportOf(gateway, []),
    host,
    refused: [
      { service: "portal", reason: "revision", called: "auth", calls },
      { service: "", reason: "no-instance", calls: 1 },
    ],
    unlabelled: [{ service: "portal", calls: 2 * calls, labelledIn: 9 }],
  });
  board.add(report("a", "h", 3), 0);
  board.add(report("b", "i", 4), 0);
  board.forget("a");
  board.add(report("a", "h", 1), 100_000);
  assert.deepEqual(board.refused(), [
    { service: "portal", reason: "revision", calls: 8 },
    { service: "", reason: "no-instance", calls: 3 },
  ]);
  assert.deepEqual(board.unlabelled(), [{ service: "portal", calls: 16 }]);
  assert.deepEqual(
    board.lastMinute(100_000).map((one) => [one.caller, one.service, one.instance, one.host, one.calls, one.refused]),
    [
      ["portal", "auth", "", "h", 0, 1],
      ["", "", "", "h", 0, 1],
    ],
  );
});

test("memory is bounded: the quietest combination gives way", () => {
  const board = new CallBoard({ keysMax: 2 });
  for (const caller of ["a", "b", "a", "c"]) board.add(reportOf("g", [windowOf({ caller, calls: 1 })]), 0);
  assert.deepEqual(
    board
      .totals()
      .map((one) => [one.caller, one.calls])
      .sort(),
    [
      ["a", 2],
      ["c", 1],
    ],
  );
});

test("a quantile is the upper bound of its bucket", () => {
  const buckets = LATENCY_BUCKETS_MS.map(() => 0).concat(0);
  buckets[0] = 90;
  buckets[3] = 9;
  buckets[buckets.length - 1] = 1;
  assert.deepEqual([quantileMs(buckets, 0.5), quantileMs(buckets, 0.99), quantileMs(buckets, 1), quantileMs([], 0.5)], [1, 10, undefined, undefined]);
});

test("transactions that are held are summed over gateways and reports, and what a lost gateway holds is not known", () => {
  const board = new CallBoard();
  const of = (gateway: string, held: GatewayReport["held"]): GatewayReport => ({ ...reportOf(gateway, []), held });
  board.add(of("a", { now: 2, total: 0, timeSumMs: 0, timeMaxMs: 0 }), 0);
  board.add(of("b", { now: 1, total: 3, timeSumMs: 600, timeMaxMs: 300 }), 0);
  board.add(of("a", { now: 0, total: 2, timeSumMs: 900, timeMaxMs: 500 }), 1);
  assert.deepEqual(board.held(), { now: 1, total: 5, timeSumMs: 1500, timeMaxMs: 500 });
  board.forget("b");
  assert.equal(board.held().now, 0);
});
