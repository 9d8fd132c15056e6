import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayReport } from "#/traffic/routing/index.ts";
import { GenerationTally } from "./generation-tally.ts";

interface Told {
  readonly gateway?: string;
  readonly incarnation?: number;
  /** Transactions that it has begun, by generation. */
  readonly begun?: Readonly<Record<number, number>>;
  readonly windows?: readonly { readonly generation: number; readonly calls: number; readonly errors?: number; readonly caller?: string }[];
}

function report({ gateway = "main", incarnation = 1, begun = {}, windows = [] }: Told): GatewayReport {
  return {
    gateway,
    incarnation,
    counts: Object.entries(begun).map(([generation, count]) => ({ generation: Number(generation), begun: count })),
    windows: windows.map(({ generation, calls, errors = 0, caller = "" }) => ({
      generation,
      caller,
      calls,
      errors,
      buckets: [calls - errors, errors],
    })),
  } as unknown as GatewayReport;
}

test("transactions are those that all gateways have begun, also before they were started anew; nothing heard is not zero", () => {
  const tally = new GenerationTally();
  assert.equal(tally.transactions(1), undefined);
  tally.add(report({ begun: { 1: 10 } }), 0);
  tally.add(report({ begun: { 1: 15, 2: 1 } }), 250);
  tally.add(report({ gateway: "second", begun: { 1: 5 } }), 250);
  assert.deepEqual([tally.transactions(1), tally.transactions(2)], [20, 1]);
  tally.add(report({ incarnation: 2, begun: { 1: 3 } }), 500);
  tally.add(report({ incarnation: 3, begun: { 1: 2 } }), 750);
  assert.equal(tally.transactions(1), 25);
  tally.add(report({ incarnation: 2, begun: { 1: 4 } }), 800);
  assert.equal(tally.transactions(1), 25, "what a former one says late is not counted again");
});

test("a sample has what edges have seen since a time, of one generation, and not what services have called", () => {
  const tally = new GenerationTally();
  tally.add(report({ windows: [{ generation: 1, calls: 10, errors: 1 }] }), 1000);
  tally.add(
    report({
      windows: [
        { generation: 1, calls: 20, errors: 2 },
        { generation: 1, calls: 7, caller: "portal" },
        { generation: 2, calls: 4 },
      ],
    }),
    5000,
  );
  tally.add(report({ gateway: "second", windows: [{ generation: 1, calls: 3 }] }), 5100);
  assert.deepEqual(tally.since(1, 0), { requests: 33, errors: 3, buckets: [30, 3] });
  assert.deepEqual(tally.since(1, 5000), { requests: 23, errors: 2, buckets: [21, 2] });
  assert.deepEqual(tally.since(2, 0), { requests: 4, errors: 0, buckets: [4, 0] });
  assert.deepEqual(tally.since(3, 0), { requests: 0, errors: 0, buckets: [] });
});

test("a step of an hour is seen whole, however many gateways tell", () => {
  const tally = new GenerationTally();
  for (let nowMs = 0; nowMs < 3_600_000; nowMs += 500)
    for (const gateway of ["a", "b", "c"]) tally.add(report({ gateway, windows: [{ generation: 1, calls: 1 }] }), nowMs);
  assert.equal(tally.since(1, 0).requests, 3 * 7200);
});

test("memory is bounded: by time, by gateways, and by generations; of those that are not open any more only the number of transactions is kept", () => {
  const tally = new GenerationTally();
  for (let nowMs = 0; nowMs < 20_000_000; nowMs += 1000) tally.add(report({ windows: [{ generation: 1, calls: 1 }] }), nowMs);
  assert.ok(tally.size <= 5000, `${tally.size}`);
  for (let incarnation = 1; incarnation <= 1000; incarnation++) tally.add(report({ incarnation, begun: { 1: 1 } }), 0);
  assert.ok(tally.size <= 5001, `${tally.size}`);
  tally.keepSamples(new Set([2]));
  assert.deepEqual([tally.size, tally.since(1, 0).requests, tally.transactions(1)], [1, 0, 1000]);
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [index + 1, 1]));
  tally.add(report({ begun: many, windows: Object.keys(many).map((generation) => ({ generation: Number(generation), calls: 1 })) }), 0);
  assert.ok(tally.size <= 200, `${tally.size}`);
  assert.deepEqual([tally.transactions(400), tally.transactions(500)], [undefined, 1]);
});
