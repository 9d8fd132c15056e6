import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LogMark } from "./log-mark.ts";

test("read in pieces, each begun at the time of the last line or before, every line is given once, in order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ pauseMs: fc.constantFrom(0, 0, 0, 1, 50), isTimed: fc.boolean() }), { maxLength: 60 }),
      fc.array(fc.record({ length: fc.nat({ max: 30 }), backMs: fc.constantFrom(0, 0, 1, 60, 10_000) }), { maxLength: 8 }),
      (shape, cuts) => {
        let atMs = 1_000;
        // Lines of which nobody knows the time come before those that have one.
        const timed = shape.findIndex((one) => one.isTimed);
        const lines = shape.map(({ pauseMs }, index) => {
          atMs += pauseMs;
          return { text: String(index), atMs: timed < 0 || index < timed ? undefined : atMs };
        });
        const mark = new LogMark();
        const given: string[] = [];
        for (const { length, backMs } of [...cuts, { length: Number.POSITIVE_INFINITY, backMs: 0 }]) {
          mark.begin();
          const sinceMs = (mark.atMs ?? 0) - backMs;
          const read = mark.atMs === undefined ? lines : lines.filter((one) => (one.atMs ?? 0) >= sinceMs && one.atMs !== undefined);
          for (const line of read.slice(0, length)) if (mark.take(line.atMs)) given.push(line.text);
        }
        assert.deepEqual(
          given,
          lines.map(({ text }) => text),
        );
      },
    ),
  );
});

test("a clock that was set back while lines are read leaves none out", () => {
  const mark = new LogMark();
  assert.deepEqual(
    [5_000, 4_000, undefined, 4_000].map((atMs) => mark.take(atMs)),
    [true, true, true, true],
  );
});

test("where reading began with the last lines, those of the same time that stood before them do not come later", () => {
  const mark = new LogMark(true);
  const read = (...lines: readonly (readonly [number, string])[]): string[] => {
    mark.begin();
    return lines.filter(([atMs, text]) => mark.take(atMs, text)).map(([, text]) => text);
  };
  assert.deepEqual(read([5, "c"], [5, "d"]), ["c", "d"]);
  assert.deepEqual(read([4, "z"], [5, "a"], [5, "b"], [5, "c"], [5, "d"], [5, "e"]), ["e"]);
  assert.deepEqual(read([5, "a"], [5, "b"], [5, "c"], [5, "d"], [5, "e"], [6, "f"]), ["f"]);
  assert.deepEqual(read([5, "e"], [6, "f"], [6, "g"]), ["g"]);
});
