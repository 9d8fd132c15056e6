import assert from "node:assert/strict";
import { test } from "node:test";
import { type Gateway, timestamp } from "#/model/index.ts";
import { awaitedForMs, incarnationStatus, readyCondition } from "./controller.ts";

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

test("a new leader has met no gateway yet: one that was connected is not called lost for 3 s, one that was lost before is", () => {
  const told = (reason?: string): Gateway =>
    ({ status: { conditions: reason === undefined ? [] : [{ type: "Ready", reason }] } }) as unknown as Gateway;
  for (const reason of ["Ready", "TableBehind", "ListenFailed"])
    assert.deepEqual(
      [0, 1000, 2999, 3000, 60_000].map((passedMs) => awaitedForMs(told(reason), KILLED_MS, KILLED_MS + passedMs)),
      [3000, 2000, 1, 0, 0],
    );
  assert.equal(awaitedForMs(told("NotConnected"), KILLED_MS, KILLED_MS), 0);
  assert.equal(awaitedForMs(told(), KILLED_MS, KILLED_MS), 0);
});

test("of a gateway without a connection nothing is told that nobody has seen: one that hangs is named so", () => {
  const told = (loss?: string): string => readyCondition("main", undefined, loss).message;
  assert.match(
    told("no word from the other side for 15 s"),
    /^it said nothing for 15 s while it was connected: it hangs or is stopped.*orrery status/,
  );
  assert.match(
    told("the connection was lost"),
    /^it has no connection to the centre \(the connection was lost\)\. If it runs, it serves by its last table/,
  );
  assert.match(told(), /^it has no connection to the centre\. If it runs/);
  for (const loss of [undefined, "no word from the other side for 15 s"])
    assert.deepEqual([readyCondition("main", undefined, loss).reason, /forget main$/.test(told(loss))], ["NotConnected", true]);
});
