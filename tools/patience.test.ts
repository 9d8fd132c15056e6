import assert from "node:assert/strict";
import { test } from "node:test";
import { patience, patientTimeout } from "./patience.ts";

test("a limit grows with what the machine has to do, within a bound", () => {
  assert.deepEqual([patience(0.5, 2), patience(2, 2), patience(19, 2), patience(500, 2)], [1, 1, 9.5, 10]);
});

test("a limit is reached later while others want the machine", async () => {
  const startMs = performance.now();
  const tookMs = (factor: number): Promise<number> =>
    new Promise((resolve) =>
      patientTimeout(
        50,
        () => resolve(performance.now() - startMs),
        () => factor,
      ),
    );
  const [idle, busy] = await Promise.all([tookMs(1), tookMs(5)]);
  assert.ok(idle >= 45 && busy >= 240, `${idle} ms, ${busy} ms`);
  let ended = false;
  patientTimeout(10, () => {
    ended = true;
  })();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(ended, false);
});
