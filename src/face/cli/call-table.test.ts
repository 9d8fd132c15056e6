import assert from "node:assert/strict";
import { test } from "node:test";
import { LATENCY_BUCKETS_MS } from "#/traffic/routing/index.ts";
import type { CallSum } from "#/traffic/routing/windows/index.ts";
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
    unlabelled: 0,
    refused: 0,
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
    { caller: "", service: "portal", calls: 9, errors: 0, refused: 0, unlabelled: 0, meanMs: 5, p99Ms: 5 },
    { caller: "portal", service: "auth", calls: 4, errors: 1, refused: 0, unlabelled: 0, meanMs: 12.5, p99Ms: 20 },
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

test("what was refused is summed to its caller and service, and stands alone where rows tell instances", () => {
  const sums = [
    sum({ at: 10, calls: 3, unlabelled: 2 }),
    sum({ at: 1, calls: 0, refused: 4, instance: "", revision: "" }),
    sum({ at: 1, calls: 0, refused: 1, instance: "", revision: "", host: "h2" }),
  ];
  assert.deepEqual(callRows(sums, "service"), [
    { caller: "portal", service: "auth", calls: 3, errors: 0, refused: 5, unlabelled: 2, meanMs: 10, p99Ms: 10 },
  ]);
  assert.deepEqual(callRows(sums, "instance")[1], {
    caller: "portal",
    service: "auth",
    instance: "",
    calls: 0,
    errors: 0,
    refused: 5,
    unlabelled: 0,
  });
  assert.deepEqual(
    callRows(sums, "host").map((row) => [row.host, row.calls, row.refused]),
    [
      ["h1", 3, 4],
      ["h2", 0, 1],
    ],
  );
});

test("no calls make no rows", () => {
  assert.deepEqual(callRows([sum({ at: 1, calls: 0 })], "instance"), []);
});
