import assert from "node:assert/strict";
import { test } from "node:test";
import { type Route, type Site, timestamp } from "#/model/index.ts";
import { mapDigest } from "#/traffic/routing/table/index.ts";
import { distributionMark, isBehind, longestTransactionMs, nextTerm, statusesToForget, withFormer } from "./leading.ts";
import { type OpenGeneration, readSiteState, type SiteState } from "./state.ts";

const NOW_MS = 1_800_000_000_000;

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

function writable({
  generations,
  exclusive,
  preparing = [],
  streamEnds = [],
  formerHistories = [],
  ...rest
}: SiteState): NonNullable<Parameters<typeof nextTerm>[0]> {
  return {
    ...rest,
    generations: [...generations],
    exclusive: [...exclusive],
    preparing: [...preparing],
    refused: [],
    fenced: [],
    moves: [],
    streamEnds: [...streamEnds],
    formerHistories: [...formerHistories],
    conditions: [],
  };
}

test("a table distributes the generations that it can route, and leaves unstamped what the plan does not name", () => {
  assert.deepEqual(
    distributionMark(state, () => true),
    { distributed: [2, 3, 4], unstamped: new Map([[2, since]]), fences: "[]" },
  );
  const mark = distributionMark(state, (number, services) => number !== 4 && !services.includes("proc"));
  assert.deepEqual(mark.distributed, [2, 3]);
  assert.deepEqual(
    distributionMark(undefined, () => true),
    { distributed: [], unstamped: new Map(), fences: "[]" },
  );
});

test("what is gone back from ends only when a table is made of a Site that says so: one that is seen late may still stamp it", () => {
  const returned: SiteState = {
    ...state,
    generations: [
      { number: 3, phase: "Active", since },
      { number: 4, phase: "Draining", since: "2026-01-01T00:00:01Z", returned: "its gate failed" },
    ],
  };
  const before: SiteState = { ...returned, generations: [returned.generations[0] as OpenGeneration, { number: 4, phase: "Distributing", since }] };
  const tables = { before: distributionMark(before, () => true).unstamped, after: distributionMark(returned, () => true).unstamped };
  assert.equal(tables.before.get(4), undefined);
  assert.equal(tables.after.get(4), "2026-01-01T00:00:01Z");
  const held = { ...state, stamp: { generation: 3, hold: { to: 4, services: ["proc"], since: "2026-01-01T00:00:02Z" } } };
  assert.deepEqual(
    [...distributionMark(held, () => true).unstamped],
    [
      [2, since],
      [3, "2026-01-01T00:00:02Z"],
    ],
  );
});

test("a new leader is one epoch on and keeps everything else", () => {
  const status = nextTerm(writable(state), state.history, NOW_MS);
  assert.equal(status.epoch, 4);
  assert.equal(status.counter, 4);
  assert.deepEqual(status.stamp, { generation: 3 });
  assert.deepEqual(status.exclusive, state.exclusive);
  assert.deepEqual(status.streamEnds, state.streamEnds);
  assert.deepEqual(nextTerm(undefined, "new", NOW_MS), { history: "new", epoch: 1, counter: 0, generations: [] });
});

test("a restored store begins a new history, and its counter jumps beyond what may have been issued since the backup", () => {
  const restored = nextTerm(writable(state), "other", NOW_MS);
  assert.equal(restored.history, "other");
  assert.equal(restored.counter, state.counter + 2 ** 20);
  assert.equal(nextTerm(restored, "other", NOW_MS).counter, state.counter + 2 ** 20);
});

test("a gateway's table tells that the store was put back: newer than anything in it, or of a history that it has never heard of", () => {
  const status = nextTerm(writable(state), "other", NOW_MS);
  const own = { mapOf: () => undefined, hasServed: true };
  const tells = (history: string, epoch: number, newest: number): boolean =>
    isBehind(readSiteState(status), { position: { history, epoch, version: 7 }, newest, maps: {} }, own);
  assert.equal(tells("other", status.epoch, status.counter ?? 0), false);
  assert.equal(tells("other", status.epoch + 1, 1), true);
  assert.equal(tells("other", status.epoch, (status.counter ?? 0) + 1), true);
  assert.equal(tells(state.history, 1_000, 5_000_000), false, "what it had before the restore");
  assert.equal(tells("unknown", 1, 1), true);
  const told = { position: { history: "unknown", epoch: 1, version: 1 }, newest: 1, maps: {} };
  assert.equal(isBehind(readSiteState({ ...status, formerHistories: [...withFormer(status.formerHistories, "unknown")] }), told, own), false);
  assert.equal(isBehind(undefined, told, own), false);
  const many = withFormer(
    Array.from({ length: 20 }, (_, index) => `h${index}`),
    "h20",
  );
  assert.deepEqual([many.length, many.at(-1)], [16, "h20"]);
});

test("of the former histories the newest sixteen are remembered", () => {
  let status: NonNullable<Site["status"]> = writable(state);
  for (let count = 1; count <= 20; count++) status = nextTerm(status, `h${count}`, NOW_MS);
  assert.deepEqual(
    status.formerHistories,
    Array.from({ length: 16 }, (_, index) => `h${index + 4}`),
  );
});

test("a history that begins remembers the former ones, and nothing is stamped in it at first", () => {
  const restored = nextTerm(writable(state), "other", NOW_MS);
  assert.equal(restored.unheardSince, timestamp(NOW_MS));
  assert.deepEqual(restored.formerHistories, ["h"]);
  assert.deepEqual(nextTerm(restored, "third", NOW_MS).formerHistories, ["h", "other"]);
  assert.equal(nextTerm(writable(state), state.history, NOW_MS).unheardSince, undefined);
  assert.equal(nextTerm(undefined, "new", NOW_MS).unheardSince, undefined);
});

test("what instances were at the time of the backup is forgotten, and of nothing else", () => {
  const instances = [{ status: { ready: true } }, { status: {} }, {}];
  assert.deepEqual(statusesToForget(writable(state), "other", instances), [instances[0]]);
  assert.deepEqual(statusesToForget(writable(state), state.history, instances), []);
  assert.deepEqual(statusesToForget(undefined, "new", instances), []);
});

test("a gateway of the same history shows that the store was put back: by a later leader, a generation that is not issued, another map, or a table that this leader has not given", () => {
  const map = { auth: "auth-v1" };
  const own = { mapOf: (number: number) => (number === 4 ? map : undefined), hasServed: false };
  const known = (epoch: number, newest: number, maps = {}) => ({ position: { history: "h", epoch, version: 9 }, newest, maps });
  assert.equal(isBehind(state, known(2, 4), own), false);
  assert.equal(isBehind(state, known(4, 4), own), true);
  assert.equal(isBehind(state, known(2, 5), own), true);
  assert.equal(isBehind(state, known(3, 4), own), true);
  assert.equal(isBehind(state, known(3, 4), { ...own, hasServed: true }), false);
  assert.equal(isBehind(state, known(2, 4, { 4: mapDigest(Object.entries(map)) }), own), false);
  assert.equal(isBehind(state, known(2, 4, { 4: mapDigest([["auth", "auth-v2"]]) }), own), true);
  // Of a closed one nothing is known any more.
  assert.equal(isBehind(state, known(2, 4, { 3: mapDigest([["auth", "auth-v2"]]) }), own), false);
  assert.equal(isBehind(undefined, known(9, 99), own), false);
});

test("a leader whose clock is behind what is written takes it for having begun now", () => {
  const later = timestamp(NOW_MS + 3_600_000);
  const status = {
    ...writable(state),
    generations: [{ number: 3, phase: "Holding" as const, since: later }],
    stamp: { generation: 3, hold: { to: 4, services: ["auth"], since: later } },
    refused: [{ service: "auth", revision: "auth-v2", reason: "it said since then", at: timestamp(NOW_MS - 1) }],
    unheardSince: later,
  };
  const next = nextTerm(status, state.history, NOW_MS);
  assert.equal(next.generations?.[0]?.since, timestamp(NOW_MS));
  assert.equal(next.stamp?.hold?.since, timestamp(NOW_MS));
  assert.equal(next.refused?.[0]?.at, timestamp(NOW_MS - 1));
  assert.equal(next.unheardSince, timestamp(NOW_MS));
});

test("a transaction may last as long as any route lets it", () => {
  const routes = [{ spec: { maxTransaction: "30m" } }, { spec: {} }] as unknown as Route[];
  const spec = { maxTransaction: "10m" } as Site["spec"];
  assert.equal(longestTransactionMs(spec, []), 10 * 60_000);
  assert.equal(longestTransactionMs(spec, routes), 30 * 60_000);
  assert.equal(longestTransactionMs(undefined, []), 0);
});
