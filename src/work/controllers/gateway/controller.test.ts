import assert from "node:assert/strict";
import { test } from "node:test";
import { timestamp } from "#/model/index.ts";
import { incarnationStatus } from "./controller.ts";

const KILLED_MS = 1_800_000_000_000;
const LONGEST_MS = 600_000;

test("a gateway that was killed is noted with what was the newest generation and the longest transaction then", () => {
  const noted = incarnationStatus({ incarnation: 1 }, { incarnation: 2, formerUncleanMs: KILLED_MS }, 7, LONGEST_MS);
  assert.deepEqual(noted, {
    incarnation: 2,
    incarnationSince: timestamp(KILLED_MS),
    unknownUntil: timestamp(KILLED_MS + LONGEST_MS),
    incarnationCounter: 7,
  });
  // What is promised to its transactions stays, whatever the Site says meanwhile; the same start, told again, is measured a little differently.
  assert.deepEqual(incarnationStatus(noted, { incarnation: 3, formerUncleanMs: KILLED_MS + 20 }, 9, 1000), { incarnation: 3 });
  // Killed again.
  const again = incarnationStatus(noted, { incarnation: 3, formerUncleanMs: KILLED_MS + 5000 }, 9, LONGEST_MS);
  assert.equal(again.incarnationCounter, 9);
  assert.equal(again.unknownUntil, timestamp(KILLED_MS + 5000 + LONGEST_MS));
});

test("after an orderly end, without a connection and in the same incarnation nothing is noted", () => {
  assert.deepEqual(incarnationStatus({ incarnation: 1 }, { incarnation: 2 }, 7, LONGEST_MS), { incarnation: 2 });
  assert.deepEqual(incarnationStatus({ incarnation: 1 }, undefined, 7, LONGEST_MS), {});
  assert.deepEqual(incarnationStatus({ incarnation: 2 }, { incarnation: 2, formerUncleanMs: KILLED_MS }, 7, LONGEST_MS), {});
});
