import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LATENCY_BUCKETS_MS } from "#/traffic/routing/index.ts";
import type { CallSum } from "#/traffic/routing/windows/index.ts";
import { CALL_FIGURES, CALL_PARTS, type CallTableView } from "../protocol.ts";
import { buildCallTable } from "./call-table.ts";

function sum(caller: string, service: string, more: Partial<CallSum> = {}): CallSum {
  const calls = more.calls ?? 60;
  const buckets = LATENCY_BUCKETS_MS.map(() => 0).concat(0);
  buckets[2] = calls;
  return {
    ...{ caller, service, revision: `${service}-v1`, instance: `${service}-0`, host: "h", calls, errors: 0, timeSumMs: calls * 4, timeMaxMs: 9 },
    ...{ large: 0, unlabelled: 0, refused: 0, inFlight: 0, buckets },
    ...more,
  };
}

const whole: CallTableView = { of: "callTable", by: ["caller", "service"], offset: 0, limit: 100 };
const keys = (view: Partial<CallTableView>, sums: readonly CallSum[]): string[] => buildCallTable({ ...whole, ...view }, sums).map(({ key }) => key);

test("a row has how often, how fast, how many failed and were refused, of what it is told apart by", () => {
  const slow = LATENCY_BUCKETS_MS.map(() => 0).concat(30);
  const sums = [
    sum("", "auth", { calls: 90, errors: 9, unlabelled: 30 }),
    sum("", "auth", { calls: 30, buckets: slow, timeMaxMs: 40_000, revision: "auth-v2", inFlight: 2 }),
    sum("", "auth", { calls: 0, refused: 6, revision: "", instance: "" }),
  ];
  const [{ row } = { row: undefined }] = buildCallTable({ ...whole, distribution: true }, sums);
  const { distribution = [], ...figures } = row ?? {};
  assert.deepEqual(figures, {
    ...{ caller: "", service: "auth", calls: 120, errors: 9, refused: 6, rate: 2, errorShare: 0.075, refusedRate: 0.1, p95Ms: null, inFlight: 2 },
    ...{ unlabelledRate: 0.5, meanMs: 4, p50Ms: 5, p99Ms: null, maxMs: 40_000, hurts: true },
  });
  assert.deepEqual(distribution[2], { untilMs: 5, calls: 90 });
  assert.deepEqual(distribution.at(-1), { untilMs: null, calls: 30 });
  assert.deepEqual(keys({ by: ["service", "revision"] }, sums).toSorted(), ["auth|", "auth|auth-v1", "auth|auth-v2"]);
});

test("of one caller, one service, one end, of words, and only what hurts", () => {
  const sums = [sum("", "portal"), sum("portal", "auth", { errors: 1 }), sum("auth", "archive", { calls: 600 }), sum("?", "auth")];
  assert.deepEqual(keys({}, sums), ["portal|auth", "auth|archive", "?|auth", "|portal"]);
  assert.deepEqual(keys({ caller: "" }, sums), ["|portal"]);
  assert.deepEqual(keys({ service: "auth" }, sums), ["portal|auth", "?|auth"]);
  assert.deepEqual(keys({ end: "portal" }, sums), ["portal|auth", "|portal"]);
  assert.deepEqual(keys({ search: "AUTH arch" }, sums), ["auth|archive"]);
  assert.deepEqual(keys({ onlyHurting: true }, sums), ["portal|auth"]);
});

test("sorted by any part or figure, either way, what has no such figure last, and every call in one row", () => {
  const calls = fc.record({
    caller: fc.constantFrom("", "?", "a", "b"),
    service: fc.constantFrom("", "a", "b"),
    calls: fc.constantFrom(0, 1, 60, 7),
    refused: fc.constantFrom(0, 3),
    errors: fc.constantFrom(0, 1),
  });
  const order = fc.record({ by: fc.constantFrom(...CALL_PARTS, ...CALL_FIGURES), descending: fc.boolean() });
  fc.assert(
    fc.property(fc.array(calls, { maxLength: 20 }), order, fc.subarray([...CALL_PARTS], { minLength: 1 }), (list, sort, by) => {
      const sums = list.map((one) => sum(one.caller, one.service, one));
      const rows = buildCallTable({ ...whole, by, sort }, sums);
      assert.equal(new Set(rows.map(({ key }) => key)).size, rows.length);
      assert.equal(
        rows.reduce((all, { row }) => all + row.calls + row.refused, 0),
        list.reduce((all, one) => all + one.calls + one.refused, 0),
      );
      const values = rows.map(({ row }) => row[sort.by]);
      const known = values.filter((one) => one !== undefined);
      assert.deepEqual(values.slice(0, known.length), known);
      for (const [index, two] of known.entries()) {
        const one = known[index - 1];
        if (index === 0 || one === two || one === undefined) continue;
        const isRising = two === null || (one !== null && one < two);
        assert.equal(isRising, !sort.descending, `${one} before ${two}`);
      }
    }),
  );
});
