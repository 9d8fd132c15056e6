import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { foldSeries } from "./fold.ts";

const labels = { a: "b" };

describe("a folded series", () => {
  it("keeps of each place its least and its greatest value, where they were", () => {
    const times = Float64Array.from({ length: 12 }, (_, index) => index * 10);
    const values = Float64Array.from([1, 5, 2, 9, 3, 4, 4, 4, 0, -1, 7, Number.NaN]);
    const folded = foldSeries({ labels, times, values }, { fromMs: 0, toMs: 120, places: 3 });
    assert.deepEqual([...folded.times], [0, 30, 40, 50, 90, 100]);
    assert.deepEqual([...folded.values], [1, 9, 3, 4, -1, 7]);
  });

  it("leaves what has no more than two values a place", () => {
    const series = { labels, times: Float64Array.from([1, 2, 3]), values: Float64Array.from([1, 2, 3]) };
    assert.equal(foldSeries(series, { fromMs: 0, toMs: 10, places: 2 }), series);
  });

  it("has the same least and greatest value at each place as all values have, in order, and at most two", () => {
    const value = fc.oneof(fc.double({ noNaN: true }), fc.constant(Number.NaN));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), fc.integer({ min: 1, max: 40 }), (list, places) => {
        const toMs = list.length * 7;
        const series = { labels, times: Float64Array.from(list, (_, index) => index * 7), values: Float64Array.from(list) };
        const folded = foldSeries(series, { fromMs: 0, toMs, places });
        if (list.length > places * 2) assert.ok(folded.times.length <= places * 2);
        assert.ok(folded.times.every((time, index) => index === 0 || time > (folded.times[index - 1] as number)));
        assert.deepEqual(byPlace(folded.times, folded.values), byPlace(series.times, series.values));

        function byPlace(times: Float64Array, values: Float64Array): unknown {
          const found = new Map<number, number[]>();
          times.forEach((time, index) => {
            const place = Math.min(places - 1, Math.floor((time / toMs) * places));
            found.set(place, [...(found.get(place) ?? []), values[index] as number]);
          });
          return [...found].map(([place, all]) => {
            const known = all.filter((one) => !Number.isNaN(one)).map((one) => one + 0);
            return known.length === 0 ? [place] : [place, Math.min(...known) + 0, Math.max(...known) + 0];
          });
        }
      }),
    );
  });
});
