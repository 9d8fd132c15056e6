import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dayOfYear, spellOut, utcText } from "./durations.ts";
import { withoutEscapes } from "./escapes.ts";
import { formatShare } from "./numbers.ts";
import { serves, windowAt } from "./rows.ts";
import { pointsOf } from "./series.ts";

test("a length is told in one unit, and never in less than the truth", () => {
  const each = { s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 };
  fc.assert(
    fc.property(fc.integer({ min: -1_000_000, max: 10_000_000_000 }), (ms) => {
      const { unit, amount } = spellOut(ms);
      const toldMs = amount * each[unit];
      assert.ok(amount >= 0 && toldMs <= Math.max(0, ms) && Math.max(0, ms) - toldMs < each[unit]);
    }),
  );
  assert.deepEqual(spellOut(119_999), { unit: "s", amount: 119 });
  assert.deepEqual(spellOut(120_000), { unit: "min", amount: 2 });
});

test("days of the year count from 1, also in leap years", () => {
  for (const [day, number] of [
    ["2026-01-01T00:00:00Z", 1],
    ["2026-11-30T23:59:59Z", 334],
    ["2028-12-31T12:00:00Z", 366],
  ] as const)
    assert.equal(dayOfYear(Date.parse(day)), number);
  assert.equal(utcText(Date.parse("2026-11-30T18:33:02.9Z")), "2026-11-30 18:33:02");
});

test("only all looks like all, and only nothing like nothing", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
      const text = formatShare(share);
      assert.equal(text === "100\u2009%", share === 1);
      assert.equal(text === "0\u2009%", share === 0);
    }),
  );
  assert.equal(formatShare(0.125), "12.5\u2009%");
});

test("the rows that are seen are always among those that are asked for, and not many more", () => {
  fc.assert(
    fc.property(fc.nat(400_000), fc.integer({ min: 0, max: 3_000 }), fc.constantFrom(24, 32, 44, 48), (top, height, rowHeight) => {
      const { offset, limit } = windowAt(top, height, rowHeight);
      assert.ok(offset * rowHeight <= top);
      assert.ok((offset + limit) * rowHeight >= top + height);
      assert.ok(limit <= height / rowHeight + 102 && offset % 20 === 0);
    }),
  );
});

test("the window that is asked for before a list is measured does for the list: a page asks once", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 300, max: 3_000 }),
      fc.double({ min: 0.2, max: 1, noNaN: true }),
      fc.constantFrom(24, 32, 44),
      (pagePx, part, rowPx) => {
        const [asked, wanted] = [windowAt(0, pagePx, 32), windowAt(0, pagePx * part, rowPx)];
        if (asked.limit <= wanted.limit + 60) assert.ok(serves(asked, wanted) || wanted.limit > asked.limit);
        assert.equal(serves(wanted, windowAt(40 * rowPx, pagePx, rowPx)), false);
      },
    ),
  );
  assert.ok(serves(windowAt(0, 800, 32), windowAt(0, 540, 32)));
  assert.ok(!serves(windowAt(0, 540, 32), windowAt(0, 3_000, 32)));
});

test("nothing that a program writes steers the page: no escapes, no control characters, no turned text", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", maxLength: 60 }),
      fc.constantFrom("\u001b[31m", "\u001b]8;;http://x\u0007", "\u202e", "\0", "\u001b", "\u009b1m"),
      (text, odd) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be left
        assert.doesNotMatch(withoutEscapes(text + odd + text), /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      },
    ),
  );
  assert.equal(withoutEscapes("\u001b[r\u001b[m\u001b(B\u001b[?1003l\u001b[1;24rstdout"), "stdout", "a terminal that is set up");
  assert.equal(withoutEscapes("\u001b[1;31mFATAL\u001b[0m <b>x</b> 中文\ttab"), "FATAL <b>x</b> 中文\ttab");
});

test("an hour of a series: what was not observed is a gap, at its ends, too", () => {
  const answer = {
    data: {
      result: [
        {
          values: [
            [1_000, "0.5"],
            [1_030, "NaN"],
          ] as const,
        },
      ],
    },
  };
  assert.deepEqual(pointsOf(answer, 2_000_000, 30_000), [
    { atMs: 2_000_000 - 3_600_000, value: undefined },
    { atMs: 1_000_000, value: 0.5 },
    { atMs: 2_000_000, value: undefined },
  ]);
  assert.deepEqual(pointsOf(answer, 1_010_000, 30_000).at(-1), { atMs: 1_000_000, value: 0.5 });
  assert.deepEqual(
    pointsOf({ data: { result: [] } }, 5, 1).map(({ value }) => value),
    [undefined, undefined],
  );
  assert.deepEqual(pointsOf(undefined, undefined, 1), []);
});
