import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { newestOf, readReport } from "./report.ts";

test("the table in force, what is open in each generation, and what hinders it", () => {
  const told = readReport({
    position: { version: 118, epoch: 2, history: "h" },
    counts: [
      { generation: 42, edge: 3, streams: 1, outbound: 2, inbound: 4 },
      { generation: 43, edge: 5, streams: 0, outbound: 0, inbound: 0 },
    ],
    held: { now: 7 },
    listenFailures: [{ address: "127.0.0.1", port: 80, reason: "EACCES" }],
    tableFailure: "the disk is full",
  });
  assert.deepEqual([told.version, told.epoch, told.held, told.open], [118, 2, 7, 8]);
  assert.deepEqual(
    told.generations.map(({ generation, calls }) => [generation, calls]),
    [
      [43, 0],
      [42, 6],
    ],
  );
  assert.deepEqual(told.failures, ["the disk is full", "127.0.0.1:80: EACCES"]);
});

test("the newest table is that of the newest epoch; of nobody there is none", () => {
  const at = (version: number, epoch: number) => readReport({ position: { version, epoch } });
  assert.equal(newestOf([]), undefined);
  assert.equal(newestOf([at(900, 1), at(4, 2), at(3, 2)]), 4);
});

test("whatever is told, it is read", () => {
  const odd = fc.oneof(fc.jsonValue(), fc.double());
  fc.assert(
    fc.property(fc.oneof(odd, fc.record({ position: odd, counts: fc.oneof(odd, fc.array(odd)), held: odd, listenFailures: odd })), (value) => {
      const told = readReport(value);
      assert.ok(told.held >= 0 && told.open >= 0 && Array.isArray(told.failures));
    }),
  );
});
