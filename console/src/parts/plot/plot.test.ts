import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { foldSeries } from "../../../../src/watch/series/fold.ts";
import { linesOf, nearestLine, type RangeAnswer } from "./lines.ts";
import { gridOf, lookbackMs, moved, rateRangeMs, readRange, spanMs, tickText, writeRange, zoomed } from "./range.ts";
import { formatUnit } from "./units.ts";

const HOUR = 3_600_000;
const NOW = Date.parse("2026-11-30T12:00:07Z");

function answerOf(...series: readonly (readonly [Record<string, string>, readonly (readonly [number, number])[]])[]): RangeAnswer {
  return {
    data: { result: series.map(([metric, values]) => ({ metric, values: values.map(([ms, value]) => [ms / 1_000, String(value)] as const) })) },
  };
}

describe("the time that plots show", () => {
  it("is the last hour, live, where nothing sensible is asked for", () => {
    for (const [from, to] of [
      ["", ""],
      ["nonsense", ""],
      ["-1h", ""],
      ["0h", ""],
      ["99999d", ""],
      ["2026-11-30T11:00:00Z", "2026-11-30T10:00:00Z"],
    ] as const)
      assert.deepEqual(readRange(from, to, NOW), { fromMs: NOW - HOUR, toMs: NOW, isLive: true });
    assert.deepEqual(readRange("6h", "", NOW), { fromMs: NOW - 6 * HOUR, toMs: NOW, isLive: true });
    assert.equal(spanMs("30d"), 30 * 24 * HOUR);
  });

  it("is fixed where both ends are said, and reads what it has written", () => {
    const range = { fromMs: NOW - 3 * HOUR, toMs: NOW - HOUR, isLive: false };
    const { from, to } = writeRange(range);
    assert.deepEqual(readRange(from, to, NOW), range);
  });

  it("is moved and zoomed around its middle, and never goes beyond now", () => {
    const range = { fromMs: NOW - 2 * HOUR, toMs: NOW, isLive: true };
    assert.deepEqual(moved(range, -0.5, NOW), { fromMs: NOW - 3 * HOUR, toMs: NOW - HOUR, isLive: false });
    assert.deepEqual(moved(range, 0.5, NOW), { ...range, isLive: false });
    assert.deepEqual(zoomed(range, 0.5, NOW), { fromMs: NOW - 1.5 * HOUR, toMs: NOW - 0.5 * HOUR, isLive: false });
    assert.deepEqual(zoomed(range, 2, NOW), { fromMs: NOW - 4 * HOUR, toMs: NOW, isLive: false });
  });

  it("asks for no more than the store answers, at steps that do not move while time goes on", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1_000, max: 732 * 24 * HOUR }), fc.integer({ min: 1, max: 5_000 }), fc.nat(100_000), (span, width, later) => {
        const grid = gridOf({ fromMs: NOW - span, toMs: NOW }, width);
        assert.ok(grid.steps >= 1 && grid.steps <= 11_000, String(grid.steps));
        assert.equal(grid.beginMs % grid.stepMs, 0);
        assert.equal(gridOf({ fromMs: NOW - span + later, toMs: NOW + later }, width).stepMs, grid.stepMs);
        assert.ok(rateRangeMs(NOW - span, grid.stepMs, NOW) >= 2 * grid.stepMs);
        assert.ok(lookbackMs(NOW - span, grid.stepMs, NOW) >= 45_000);
      }),
    );
    assert.deepEqual(gridOf({ fromMs: NOW - HOUR, toMs: NOW }, 600).stepMs, 15_000);
  });

  it("is written in UTC, with the day where a new one begins", () => {
    assert.equal(tickText(Date.parse("2026-11-30T13:05:00Z"), 300_000, false), "13:05");
    assert.equal(tickText(Date.parse("2026-11-30T13:05:30Z"), 10_000, true), "13:05:30");
    assert.equal(tickText(Date.parse("2026-12-01T00:00:00Z"), HOUR, false), "12-01 00:00");
    assert.equal(tickText(Date.parse("2026-12-01T00:00:00Z"), 24 * HOUR, true), "12-01");
  });
});

describe("lines of a plot", () => {
  const grid = { beginMs: 0, stepMs: 15_000, steps: 4, places: 100 };

  it("stand on one axis, have gaps where nothing was observed, and are called after what tells them apart", () => {
    const answer = answerOf(
      [
        { __name__: "load", host: "a", over: "1m" },
        [
          [0, 1],
          [45_000, 3],
        ],
      ],
      [
        { __name__: "load", host: "b", over: "1m" },
        [
          [15_000, 9],
          [30_000, 8],
        ],
      ],
    );
    const { times, lines } = linesOf([{ answer }], grid);
    assert.deepEqual(times, [0, 15, 30, 45]);
    assert.deepEqual(
      lines.map(({ name, values, last, least, greatest }) => [name, values, last, least, greatest]),
      [
        ["b", [null, 9, 8, null], 8, 8, 9],
        ["a", [1, null, null, 3], 3, 1, 3],
      ],
    );
  });

  it("are called as their legend says", () => {
    const told = linesOf(
      [{ answer: answerOf([{ host: "a" }, [[0, 1]]]), legend: "{{host}} {{ disk }}" }, { answer: answerOf([{}, [[0, 0]]]) }],
      grid,
    );
    assert.deepEqual(
      told.lines.map(({ name }) => name),
      ["a –", "–"],
    );
  });

  it("lose no peak, whether the centre has folded them or not", () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.integer({ min: -50, max: 50 }), { nil: undefined }), { minLength: 30, maxLength: 300 }),
        fc.integer({ min: 3, max: 12 }),
        fc.boolean(),
        (list, places, isFolded) => {
          const wide = { beginMs: 0, stepMs: 1_000, steps: list.length, places };
          const known = list.flatMap((value, index) => (value === undefined ? [] : [[index * 1_000, value] as const]));
          const series = { labels: {}, times: Float64Array.from(known, ([ms]) => ms), values: Float64Array.from(known, ([, value]) => value) };
          const sent = isFolded ? foldSeries(series, { fromMs: 0, toMs: (list.length - 1) * 1_000, places }) : series;
          const { lines, times } = linesOf(
            [{ answer: answerOf([{}, Array.from(sent.times, (ms, index) => [ms, sent.values[index] as number] as const)]) }],
            wide,
          );
          const drawn = lines[0]?.values.filter((value) => value !== null) ?? [];
          assert.equal(Math.max(...drawn), Math.max(...known.map(([, value]) => value)));
          assert.equal(Math.min(...drawn), Math.min(...known.map(([, value]) => value)));
          assert.ok(times.length <= Math.max(places * 2, 1) || list.length <= places * 2);
        },
      ),
    );
  });

  it("are found by what is nearest to the pointer", () => {
    const { lines } = linesOf([{ answer: answerOf([{ a: "x" }, [[0, 1]]], [{ a: "y" }, [[0, 5]]]) }], grid);
    assert.equal(lines[nearestLine(lines, 0, 4.5, 1) ?? -1]?.name, "y");
    assert.equal(nearestLine(lines, 0, 3, 1), undefined);
    assert.equal(nearestLine(lines, 1, 5, 1), undefined);
  });
});

describe("values of plots", () => {
  it("are written with their unit", () => {
    const told = (value: number, unit: Parameters<typeof formatUnit>[1]): string => formatUnit(value, unit).replaceAll("\u2009", " ");
    assert.equal(told(12.345, "percent"), "12.3 %");
    assert.equal(told(0.5, "share"), "50 %");
    assert.equal(told(2.5 * 1024 ** 3, "bytes"), "2.5 GiB");
    assert.equal(told(0, "bytesPerSecond"), "0 B/s");
    assert.equal(told(0.0123, "seconds"), "12.3 ms");
    assert.equal(told(7_200, "seconds"), "2 h");
    assert.equal(told(1_234_567, "perSecond"), "1.23 M/s");
    assert.equal(told(-4.25, "celsius"), "−4.25 °C");
    assert.equal(told(Number.NaN, "number"), "–");
    assert.equal(told(Number.POSITIVE_INFINITY, "seconds"), "+∞");
    assert.equal(told(0.000_05, "number"), "5.0e−5");
  });
});
