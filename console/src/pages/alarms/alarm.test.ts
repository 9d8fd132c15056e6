import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyOf, offered, refusalOf, SELECTIONS } from "./alarm.ts";

test("what is offered follows from where it stands, and what is over is left alone", () => {
  assert.deepEqual(offered("Unacknowledged"), ["acknowledge", "shelve", "close"]);
  assert.deepEqual(offered("Shelved"), ["unshelve", "close"]);
  for (const stands of SELECTIONS["history"] ?? []) assert.deepEqual(offered(stands), []);
  assert.deepEqual(offered(undefined), []);
});

test("what was seen goes with the wish; what is not known does not", () => {
  assert.deepEqual(bodyOf("acknowledge", [{ name: "a", occurrence: 2, severity: "major" }, { name: "b" }], "why", "2h"), {
    operation: "acknowledge",
    message: "why",
    alarms: [{ name: "a", occurrence: 2, severity: "major" }, { name: "b" }],
  });
  assert.deepEqual(bodyOf("shelve", [{ name: "b" }], "why", "2h"), { operation: "shelve", message: "why", for: "2h", alarms: [{ name: "b" }] });
});

test("what was refused is told, of many the first and how many", () => {
  assert.equal(refusalOf({ items: [{ name: "a", outcome: "done" }] }), undefined);
  assert.equal(refusalOf({ items: [{ name: "a", outcome: "refused", message: "not yours" }] }), "a: not yours");
  assert.equal(
    refusalOf({
      items: [
        { name: "a", outcome: "refused", message: "not yours" },
        { name: "b", outcome: "refused", message: "x" },
      ],
    }),
    "2: not yours",
  );
});
