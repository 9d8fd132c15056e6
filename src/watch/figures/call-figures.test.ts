import assert from "node:assert/strict";
import { test } from "node:test";
import type { Totals } from "#/traffic/gateway/index.ts";
import { callFigures } from "./call-figures.ts";
import { familySamples } from "./family-figures.ts";
import { ResourceFigures } from "./resource-figures.ts";

test("calls become a histogram as Prometheus has it, whose last bucket is their number", () => {
  const buckets = [1, 2, ...new Array<number>(12).fill(0), 4];
  const totals: Totals = {
    calls: [{ caller: "", service: "auth", calls: 7, errors: 1, timeSumMs: 1500, buckets, inFlight: 2 }],
    refused: [{ caller: "?", service: "auth", reason: "busy", calls: 3 }],
  };
  const figures = callFigures(totals);
  const bucketsTold = figures.filter(([metric]) => metric === "call_seconds_bucket");
  assert.deepEqual(bucketsTold[0], ["call_seconds_bucket", { caller: "(outside)", service: "auth", le: "0.001" }, 1]);
  assert.deepEqual(bucketsTold.at(-1), ["call_seconds_bucket", { caller: "(outside)", service: "auth", le: "+Inf" }, 7]);
  assert.ok(figures.some(([metric, , value]) => metric === "call_seconds_sum" && value === 1.5));
  assert.deepEqual(figures.at(-1), ["calls_refused_total", { caller: "(unknown)", service: "auth", reason: "busy" }, 3]);
});

test("a figure of /metrics that names what comes and goes is summed over it", () => {
  const samples = familySamples(
    [
      {
        name: "orrery_x",
        help: "",
        type: "counter",
        samples: [
          { labels: { instance: "a-1", service: "a" }, value: 1 },
          { labels: { instance: "a-2", service: "a" }, value: 2 },
          { labels: { instance: "a-3", service: "a" }, value: Number.NaN },
        ],
      },
      { name: "orrery_calls_total", help: "", type: "counter", samples: [{ value: 1 }] },
    ],
    5,
    { component: "centre" },
  );
  assert.deepEqual(samples, [{ labels: { service: "a", component: "centre", __name__: "orrery_x" }, atMs: 5, value: 3 }]);
});

test("numbers of a resource are told once, at the time when they were observed", () => {
  const figures = new ResourceFigures();
  const at = (observedAt: string, observed: Record<string, unknown>) => [{ metadata: { name: "pump" }, status: { observedAt, observed } }] as never;
  const first = figures.read(at("2030-01-01T00:00:00Z", { speed: 7, fan: { on: true, label: "x" }, list: [1], odd: Number.NaN }));
  assert.deepEqual(
    first[0]?.samples.map(({ labels, value, atMs }) => [labels["field"], value, atMs]),
    [
      ["speed", 7, Date.parse("2030-01-01T00:00:00Z")],
      ["fan.on", 1, Date.parse("2030-01-01T00:00:00Z")],
    ],
  );
  assert.deepEqual(figures.read(at("2030-01-01T00:00:00Z", { speed: 7 })), []);
  assert.equal(figures.read(at("2030-01-01T00:00:15Z", { speed: 8 }))[0]?.samples[0]?.value, 8);
});
