import assert from "node:assert/strict";
import { test } from "node:test";
import { LATENCY_BUCKETS_MS } from "#/traffic/index.ts";
import type { CallSum } from "#/traffic/windows/index.ts";
import { callRows } from "./call-table.ts";

const sum = (fields: Partial<CallSum> & { readonly at: number }): CallSum => {
  const { at, calls = 1, ...rest } = fields;
  const buckets = [...LATENCY_BUCKETS_MS, 0].map((bound) => (bound === at ? calls : 0));
  return {
    caller: "portal",
    service: "auth",
    instance: "auth-0",
    host: "h1",
    revision: "r",
    timeMaxMs: at,
    large: 0,
    inFlight: 0,
    calls,
    errors: 0,
    timeSumMs: at * calls,
    buckets,
    ...rest,
  };
};

test("rows are summed over what is not asked for, most calls first", () => {
  const sums = [
    sum({ at: 10, calls: 3 }),
    sum({ at: 20, calls: 1, instance: "auth-1", errors: 1 }),
    sum({ at: 5, calls: 9, caller: "", service: "portal", instance: "portal-0" }),
  ];
  assert.deepEqual(callRows(sums, "service"), [
    { caller: "", service: "portal", calls: 9, errors: 0, meanMs: 5, p99Ms: 5 },
    { caller: "portal", service: "auth", calls: 4, errors: 1, meanMs: 12.5, p99Ms: 20 },
  ]);
  assert.deepEqual(
    callRows(sums, "instance").map((row) => [row.instance, row.calls]),
    [
      ["portal-0", 9],
      ["auth-0", 3],
      ["auth-1", 1],
    ],
  );
  assert.deepEqual(
    callRows(sums, "host").map((row) => [row.host, row.service, row.calls]),
    [
      ["h1", "portal", 9],
      ["h1", "auth", 4],
    ],
  );
});

test("no calls make no rows", () => {
  assert.deepEqual(callRows([sum({ at: 1, calls: 0 })], "instance"), []);
});
