import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { longestLeftMs, TransactionLimits } from "./transaction-limits.ts";

const newFolder = (): string => mkdtempSync(path.join(tmpdir(), "orrery-limits-"));

test("what began under a longer limit is waited for by that one, until it must be over", () => {
  const folder = newFolder();
  assert.equal(longestLeftMs(folder, 5), 0);
  const limits = new TransactionLimits(folder);
  limits.note(600_000, 1000);
  assert.equal(longestLeftMs(folder, 50_000), 600_000);
  limits.note(5000, 100_000);
  assert.equal(longestLeftMs(folder, 110_000), 590_000);
  limits.note(8000, 120_000);
  assert.equal(longestLeftMs(folder, 699_000), 8000);
  writeFileSync(path.join(folder, "limits"), "nonsense");
  assert.equal(longestLeftMs(folder, 110_000), 0);
});

test("whatever limits come one after the other, no transaction that may be in flight lasts longer than is told, and nothing is kept for ever", () => {
  const change = fc.record({ afterMs: fc.integer({ min: 1, max: 5000 }), limitMs: fc.integer({ min: 1, max: 20_000 }) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 30_000 }), (changes, lateMs) => {
      const folder = newFolder();
      const limits = new TransactionLimits(folder);
      let nowMs = 0;
      for (const { afterMs, limitMs } of changes) {
        nowMs += afterMs;
        limits.note(limitMs, nowMs);
      }
      const foundMs = nowMs + lateMs;
      const present = changes.at(-1)?.limitMs ?? 0;
      const told = longestLeftMs(folder, foundMs);
      let sinceMs = 0;
      let neededMs = present;
      for (const [index, { afterMs, limitMs }] of changes.entries()) {
        sinceMs += afterMs;
        const untilMs = sinceMs + (changes[index + 1]?.afterMs ?? lateMs);
        neededMs = Math.max(neededMs, untilMs + limitMs - foundMs);
      }
      assert.equal(told, neededMs);
    }),
    { numRuns: 100 },
  );
});
