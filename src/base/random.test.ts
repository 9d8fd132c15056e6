import assert from "node:assert/strict";
import test from "node:test";
import { seededRandom, timeOrderedUuid, uuidTimeMs } from "./random.ts";

test("uids made one after the other are ordered, and are version 7 UUIDs", () => {
  const random = seededRandom(1);
  const made = [1, 2, 1_800_000_000_000, 1_800_000_000_001].map((nowMs) => timeOrderedUuid(random, nowMs));
  assert.deepEqual(made.toSorted(), made);
  assert.deepEqual(made.map(uuidTimeMs), [1, 2, 1_800_000_000_000, 1_800_000_000_001]);
  assert.equal(uuidTimeMs(random.uuid()), undefined);
  for (const one of made) assert.match(one, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
