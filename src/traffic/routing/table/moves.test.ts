import assert from "node:assert/strict";
import test from "node:test";
import { revisionsMet, takesPart } from "./index.ts";

test("without moves a generation meets what its map says", () => {
  assert.deepEqual(revisionsMet([], 3, "auth-1"), ["auth-1"]);
  assert.equal(takesPart([], 3, "auth-1", "auth-2"), false);
});

test("a move concerns older generations, and only those that had its former revision", () => {
  const moves = [{ before: 4, from: "auth-1", to: "auth-2" }];
  assert.deepEqual(revisionsMet(moves, 3, "auth-1"), ["auth-2"]);
  assert.deepEqual(revisionsMet(moves, 4, "auth-1"), ["auth-1"]);
  assert.deepEqual(revisionsMet(moves, 2, "auth-0"), ["auth-0"]);
});

test("while instances are replaced one by one, both are met, and moves follow one another", () => {
  const moves = [
    { before: 4, from: "auth-1", to: "auth-2" },
    { before: 5, from: "auth-2", to: "auth-3", isPartial: true },
  ];
  assert.deepEqual(revisionsMet(moves, 3, "auth-1"), ["auth-2", "auth-3"]);
  assert.deepEqual(revisionsMet(moves, 4, "auth-2"), ["auth-2", "auth-3"]);
});

test("going back moves to the revision that the oldest generation had", () => {
  const moves = [
    { before: 4, from: "auth-1", to: "auth-2" },
    { before: 5, from: "auth-2", to: "auth-1" },
  ];
  assert.deepEqual(revisionsMet(moves, 3, "auth-1"), ["auth-1"]);
});

test("an instance takes part in a generation from which its revision was moved away: it finishes what it has begun", () => {
  const moves = [
    { before: 4, from: "auth-1", to: "auth-2" },
    { before: 5, from: "auth-2", to: "auth-3" },
  ];
  for (const revision of ["auth-1", "auth-2", "auth-3"]) assert.equal(takesPart(moves, 3, "auth-1", revision), true);
  assert.equal(takesPart(moves, 4, "auth-2", "auth-1"), false);
});

test("an idle move changes where calls go for nobody, but what it names may take part: gateways know it before the first call goes there", () => {
  const moves = [{ before: 4, from: "auth-1", to: "auth-2", isIdle: true }];
  assert.deepEqual(revisionsMet(moves, 3, "auth-1"), ["auth-1"]);
  assert.equal(takesPart(moves, 3, "auth-1", "auth-2"), true);
  assert.equal(takesPart(moves, 4, "auth-1", "auth-2"), false);
});

test("what was moved instance by instance is moved back in the same way", () => {
  const moves = [
    { before: 4, from: "auth-1", to: "auth-2" },
    { before: 4, from: "auth-2", to: "auth-1", isPartial: true },
  ];
  assert.deepEqual(revisionsMet(moves, 3, "auth-1"), ["auth-2", "auth-1"]);
});
