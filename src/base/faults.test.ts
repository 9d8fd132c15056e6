import assert from "node:assert/strict";
import { test } from "node:test";
import { Faults } from "./faults.ts";
import { silentLog } from "./log.ts";

test("an exception ends its unit, is logged with its stack, counted and told; a promise's too", async () => {
  const lines: unknown[] = [];
  let told = 0;
  const faults = new Faults(
    { ...silentLog, error: (message, fields) => lines.push([message, typeof fields?.["stack"], fields?.["count"]]) },
    () => told++,
  );
  assert.equal(
    faults.guard("the sum", () => 1 + 1),
    2,
  );
  assert.equal(
    faults.guard("a check", () => {
      throw new Error("boom");
    }),
    undefined,
  );
  assert.equal(await faults.guard("a message", async () => Promise.reject(new TypeError("bad"))), undefined);
  assert.equal(await faults.guard("a call", async () => 5), 5);
  assert.deepEqual([faults.count, told, faults.last], [2, 2, "a message: bad"]);
  assert.deepEqual(lines, [
    ["a fault of Orrery's own in a check: boom; only that ends", "string", 1],
    ["a fault of Orrery's own in a message: bad; only that ends", "string", 2],
  ]);
});

test("a log that fails is no second fault", () => {
  const faults = new Faults({
    ...silentLog,
    error: () => {
      throw new Error("no room");
    },
  });
  faults.note("x", "y");
  assert.equal(faults.count, 1);
});
