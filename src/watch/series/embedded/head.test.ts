import assert from "node:assert/strict";
import { test } from "node:test";
import { Head } from "./head.ts";

/** Takes new series of a metric until one is refused; how many it has then. */
function fill(head: Head, source: string, metric: string, wanted: number): number {
  let taken = 0;
  while (taken < wanted && head.refusal(source, metric) === undefined) head.create(`${metric}\u0000${source}\u0001${taken++}`, source);
  return taken;
}

test("a source has so many series and no more, whatever their metrics; others have theirs", () => {
  const head = new Head({ metricSeriesMax: 10, sourceSeriesMax: 25, seriesMax: 1_000 });
  assert.deepEqual(
    ["a", "b", "c", "d"].map((metric) => fill(head, "one", metric, 100)),
    [10, 10, 5, 0],
  );
  assert.match(head.refusal("one", "e") ?? "", /one has 25 active series/);
  assert.equal(fill(head, "other", "a", 100), 10);
});

test("above the bound of all, those that have more than an equal share have no new series, and all together twice the bound at most", () => {
  const head = new Head({ metricSeriesMax: 1_000, sourceSeriesMax: 10_000, seriesMax: 100 });
  assert.equal(fill(head, "greedy", "m", 1_000), 100);
  assert.equal(fill(head, "modest", "m", 10), 10);
  assert.match(head.refusal("greedy", "m") ?? "", /more than an equal share/);
  for (let index = 0; index < 300; index++) fill(head, `source-${index}`, "m", 1_000);
  assert.equal(head.size, 200);
  assert.match(head.refusal("the last", "m") ?? "", /twice as many as there should be/);
});

test("a sample out of its order is put in its place; the same again changes nothing, another value is refused", () => {
  const series = new Head({ metricSeriesMax: 1, sourceSeriesMax: 1, seriesMax: 1 }).create("m", "a");
  for (const atMs of [50, 10, 40, 20, 30]) assert.equal(series.add(atMs, atMs), "taken");
  assert.deepEqual([series.add(20, 20), series.add(20, 21), series.add(50, 50), series.add(50, 1)], ["same", "duplicate", "same", "duplicate"]);
  const { times, values } = series.take();
  assert.deepEqual([...times], [10, 20, 30, 40, 50]);
  assert.deepEqual([...values], [10, 20, 30, 40, 50]);
  assert.equal(series.count, 0);
});
