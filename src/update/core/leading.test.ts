import assert from "node:assert/strict";
import { test } from "node:test";
import type { Route, Site } from "#/model/index.ts";
import { DrainLedger } from "./drain-ledger.ts";
import { distributionMark, nextTerm, prepareLedger } from "./leading.ts";
import { Reach } from "./reach.ts";
import type { SiteState } from "./state.ts";

const since = "2026-01-01T00:00:00Z";
const state: SiteState = {
  history: "h",
  epoch: 3,
  counter: 4,
  generations: [
    { number: 2, phase: "Draining", since },
    { number: 3, phase: "Active", since, changes: ["auth"] },
    { number: 4, phase: "Distributing", since, changes: ["proc"] },
  ],
  stamp: { generation: 3 },
  refused: [],
  fenced: [],
  moves: [],
  exclusive: [{ service: "antenna", revision: "antenna-v1", since }],
  streamEnds: [{ service: "auth", before: 3, afterMs: 30_000 }],
};

function writable({ generations, exclusive, streamEnds = [], ...rest }: SiteState): NonNullable<Parameters<typeof nextTerm>[0]> {
  return {
    ...rest,
    generations: [...generations],
    exclusive: [...exclusive],
    refused: [],
    fenced: [],
    moves: [],
    streamEnds: [...streamEnds],
    conditions: [],
  };
}

test("a table distributes the generations that it can route, and leaves unstamped what the plan does not name", () => {
  assert.deepEqual(
    distributionMark(state, () => true),
    { distributed: [2, 3, 4], unstamped: [2, 4], fences: "[]" },
  );
  const mark = distributionMark(state, (number, services) => number !== 4 && !services.includes("proc"));
  assert.deepEqual(mark.distributed, [2, 3]);
  assert.deepEqual(
    distributionMark(undefined, () => true),
    { distributed: [], unstamped: [], fences: "[]" },
  );
});

test("a new leader is one epoch on and keeps everything else", () => {
  const status = nextTerm(writable(state), state.history);
  assert.equal(status.epoch, 4);
  assert.equal(status.counter, 4);
  assert.deepEqual(status.stamp, { generation: 3 });
  assert.deepEqual(status.exclusive, state.exclusive);
  assert.deepEqual(status.streamEnds, state.streamEnds);
  assert.deepEqual(nextTerm(undefined, "new"), { history: "new", epoch: 1, counter: 0, generations: [] });
});

test("a restored store begins a new history, and its counter jumps beyond what may have been issued since the backup", () => {
  const restored = nextTerm(writable(state), "other");
  assert.equal(restored.history, "other");
  assert.equal(restored.counter, state.counter + 2 ** 20);
  assert.equal(nextTerm(restored, "other").counter, state.counter + 2 ** 20);
});

test("what a killed gateway had in flight is unknown as long as the longest transaction of any route", () => {
  const [nowMs, ledger] = [1_000_000, new DrainLedger(1)];
  const routes = [{ spec: { maxTransaction: "30m" } }, { spec: {} }] as unknown as Route[];
  const spec = { linger: "500ms", maxTransaction: "10m" } as Site["spec"];
  const gateways = [{ name: "main", host: "a", isConnected: true, incarnation: 2, incarnationSinceMs: nowMs, incarnationCounter: 4 }];
  const position = { history: "h", epoch: 3, version: 1 };
  const waitsAt = (laterMs: number, own: readonly Route[]): readonly string[] => {
    prepareLedger(
      ledger,
      {
        spec,
        routes: own,
        state,
        gateways,
        distribution: { unstampedAt: () => position },
        maps: new Map(),
        reach: new Reach(() => "any"),
      },
      nowMs + laterMs,
    );
    return ledger.stateOf(2, nowMs + laterMs).waits.map((one) => one.reason);
  };
  assert.ok(waitsAt(9 * 60_000, []).includes("FormerIncarnation"));
  assert.ok(!waitsAt(11 * 60_000, []).includes("FormerIncarnation"));
  assert.ok(waitsAt(29 * 60_000, routes).includes("FormerIncarnation"));
  assert.ok(!waitsAt(31 * 60_000, routes).includes("FormerIncarnation"));
});
