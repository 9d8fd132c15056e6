import assert from "node:assert/strict";
import test from "node:test";
import { seededRandom, TimeOrderedUuids, uuidTimeMs } from "./random.ts";

function made(at: readonly number[]): readonly string[] {
  let now = 0;
  const uuids = new TimeOrderedUuids(seededRandom(1), { now: () => now });
  return at.map((ms) => {
    now = ms;
    return uuids.next();
  });
}

test("uids made one after the other are ordered, and are version 7 UUIDs of their millisecond", () => {
  const uids = made([1, 2, 2, 2.7, 1_800_000_000_000, 1_800_000_000_000, 1_800_000_000_001]);
  assert.deepEqual(uids.toSorted(), uids);
  assert.deepEqual(uids.map(uuidTimeMs), [1, 2, 2, 2, 1_800_000_000_000, 1_800_000_000_000, 1_800_000_000_001]);
  assert.equal(uuidTimeMs(seededRandom(1).uuid()), undefined);
  for (const one of uids) assert.match(one, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("uids stay ordered when more are made in a millisecond than can be counted there, and when the clock is put back", () => {
  const uids = made([...Array.from({ length: 10_000 }, () => 50), 20, 51, 53]);
  assert.deepEqual(uids.toSorted(), uids);
  assert.equal(new Set(uids).size, uids.length);
  assert.equal(uuidTimeMs(uids[9_999] ?? ""), 52);
});
