import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
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

test("every alarm that comes with Orrery has words in Chinese: what it is, and what to do", () => {
  const root = path.join(import.meta.dirname, "../../../..");
  const read = (file: string): string => readFileSync(path.join(root, file), "utf8");
  const rules = [...read("src/watch/alarms/shipped-rules.ts").matchAll(/^ {2}"([a-z-]+)": \{/gm)].map(([, name = ""]) => name);
  const facts = ["src/watch/alarms/host-facts.ts", "src/watch/alarms/trap-facts.ts", "src/apps/centre/platform-sight.ts"].flatMap((file) =>
    [...read(file).matchAll(/\btype: "([a-z-]+)"/g)].map(([, name = ""]) => name),
  );
  assert.ok(rules.length >= 17 && facts.length >= 8, `${rules.length} ${facts.length}`);
  const texts = JSON.parse(read("console/src/texts/zh/reasons.json")) as Readonly<
    Record<"alarms" | "alarmActions", Readonly<Record<string, string>>>
  >;
  for (const key of ["alarms", "alarmActions"] as const)
    assert.deepEqual(
      [...new Set([...rules, ...facts])].filter((type) => texts[key][type] === undefined),
      [],
      key,
    );
});
