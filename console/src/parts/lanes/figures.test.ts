import assert from "node:assert/strict";
import { test } from "node:test";
import { type RevisionFigures, worseThan } from "./figures.ts";

const at = (errorShare: number, p95Ms: number | null, calls = 1_000): RevisionFigures => ({
  rate: calls / 60,
  errorShare,
  refusedRate: 0,
  p95Ms,
  inFlight: 0,
  calls,
});

test("more errors and twice the time are seen; a little more, and what few calls say, are not", () => {
  assert.deepEqual(worseThan(at(0.02, 20), at(0.001, 20)), { errors: true, latency: false });
  assert.deepEqual(worseThan(at(0.003, 50), at(0, 20)), { errors: false, latency: true });
  assert.deepEqual(worseThan(at(0.003, 20), at(0, 20)), { errors: false, latency: false });
  assert.deepEqual(worseThan(at(0, null), at(0, 20)), { errors: false, latency: true });
  assert.deepEqual(worseThan(at(0, null), at(0, null)), { errors: false, latency: false });
  assert.deepEqual(worseThan(at(1, 20, 5), at(0, 20)), { errors: false, latency: false });
  assert.deepEqual(worseThan(undefined, at(0, 20)), { errors: false, latency: false });
});
