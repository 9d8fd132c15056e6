import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { describeInvalid, LINE_CHARS_MAX, ObservationLines } from "./observation-lines.ts";

describe("the lines of a probe program", () => {
  it("are the same however its output is cut", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(fc.record({ observed: fc.dictionary(fc.string(), fc.jsonValue()) }), fc.record({ error: fc.string() }), fc.constant("noise")),
        ),
        fc.array(fc.nat({ max: 40 })),
        (items, cuts) => {
          const text = items.map((item) => `${typeof item === "string" ? item : JSON.stringify(item)}\n`).join("");
          const lines = new ObservationLines();
          const found = [];
          let from = 0;
          for (const cut of cuts) {
            found.push(...lines.push(text.slice(from, from + cut)));
            from += cut;
          }
          found.push(...lines.push(text.slice(from)), ...lines.end());
          assert.deepEqual(JSON.stringify(found), JSON.stringify(items.filter((item) => typeof item !== "string")));
          assert.equal(lines.invalid, items.filter((item) => typeof item === "string").length);
        },
      ),
    );
  });

  it("that are no observations are counted and the last one is quoted", () => {
    const lines = new ObservationLines();
    assert.deepEqual(lines.push('[1]\n\n{"observed": 3}\n{"observed": null}\n{"error": 5}\nplain\n'), []);
    assert.equal(lines.invalid, 5);
    assert.equal(describeInvalid(lines), '; 5 lines are no observations, the last one: "plain"');
  });

  it("that never end are dropped and do not fill the memory", () => {
    const lines = new ObservationLines();
    for (let round = 0; round < 100; round++) lines.push("x".repeat(LINE_CHARS_MAX / 2));
    assert.deepEqual(lines.push('\n{"observed": {"ok": true}}\n'), [{ observed: { ok: true } }]);
    assert.equal(lines.invalid, 1);
    assert.match(lines.lastInvalid ?? "", /longer than/);
  });
});
