import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, silentLog } from "#/base/index.ts";
import type { SampleBatch, SeriesStore } from "./contract.ts";
import { noSeries } from "./no-series.ts";
import { takeFigures } from "./taking.ts";

test("the host of a figure is that of the link, whatever the notice says", () => {
  const batches: SampleBatch[] = [];
  const store: SeriesStore = {
    ...noSeries,
    append: (batch) => {
      batches.push(batch);
      return Promise.resolve({ taken: batch.samples.length, refused: [] });
    },
  };
  const take = takeFigures({ store, clock: new ManualClock(), log: silentLog }).notices?.["series/figures"];
  const peer = { hello: { host: "real" } } as never;
  take?.({ atMs: 5, figures: [["m", { host: "another", __name__: "n", cpu: "0" }, 1]] }, peer);
  take?.({ atMs: "late", figures: [] }, peer);
  take?.({ atMs: 5, figures: [["m", {}, "no number"]] }, peer);
  take?.(null, peer);
  assert.equal(batches.length, 1);
  assert.deepEqual(batches[0]?.source, "host/real");
  assert.deepEqual(batches[0]?.samples, [{ labels: { host: "real", __name__: "m", cpu: "0" }, atMs: 5, value: 1 }]);
});
