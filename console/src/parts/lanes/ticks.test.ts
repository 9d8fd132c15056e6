import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ticksShown } from "./ticks.ts";

test("labels never touch, whatever the steps and the width; the end and the present step are always there, if there is room for both", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.0001, max: 1, noNaN: true }), { maxLength: 12 }),
      fc.integer({ min: 0, max: 2_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (steps, width, share) => {
        const shown = ticksShown(steps, width, share);
        assert.ok(shown.includes(1));
        for (const [index, step] of shown.entries()) if (index > 0) assert.ok((step - (shown[index - 1] ?? 0)) * width >= 44);
        const present = steps.filter((step) => step <= share).sort((a, b) => b - a)[0];
        if (present !== undefined && (1 - present) * width >= 44) assert.ok(shown.includes(present));
      },
    ),
    { examples: [[[0.0001, 0.00010000000000000002], 45, 1]] },
  );
});

test("beside a drawer 1 % gives way to 10 %, which is reached; on a wide page both stand", () => {
  assert.deepEqual(ticksShown([0.01, 0.1, 0.5], 265, 0.1), [0.1, 0.5, 1]);
  assert.deepEqual(ticksShown([0.01, 0.1, 0.5], 678, 0.1), [0.01, 0.1, 0.5, 1]);
});
