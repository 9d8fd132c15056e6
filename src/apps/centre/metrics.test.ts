import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import type { GatewayReport } from "#/traffic/routing/index.ts";
import { CallBoard } from "#/traffic/routing/windows/index.ts";
import { callMetrics } from "#/work/controllers/index.ts";
import { startCentre } from "./lead-rig.ts";

const documents = readFileSync(path.join(import.meta.dirname, "../../../docs/api.md"), "utf8");

test("refused calls are counted by caller and reason, unlabelled ones by caller; what met no instance is no call of one", () => {
  const calls = new CallBoard();
  const report = {
    gateway: "main",
    host: "h",
    windows: [],
    refused: [{ service: "portal", reason: "revision", called: "auth", calls: 2 }],
    unlabelled: [{ service: "portal", calls: 5, labelledIn: 1 }],
    held: { now: 0, total: 0, timeSumMs: 0, timeMaxMs: 0 },
  } as unknown as GatewayReport;
  calls.add(report, 0);
  calls.add(report, 1);
  const families = new Map([...callMetrics(calls)].map((one) => [one.name, { type: one.type, samples: [...one.samples] }]));
  assert.deepEqual(families.get("orrery_calls_refused_total"), {
    type: "counter",
    samples: [{ labels: { service: "portal", reason: "revision" }, value: 4 }],
  });
  assert.deepEqual(families.get("orrery_calls_unlabelled_total"), { type: "counter", samples: [{ labels: { service: "portal" }, value: 10 }] });
  assert.deepEqual(families.get("orrery_calls_total")?.samples, []);
});

test("each figure of the site is in the documents", async () => {
  const { lead } = await startCentre();
  const names = lead.metrics.flatMap((source) => [...source()]).map((one) => one.name);
  assert.ok(names.includes("orrery_table_version") && names.includes("orrery_instances_ready"), names.join());
  const missing = names.filter((name) => !documents.includes(`\`${name}\``));
  assert.deepEqual(missing, []);
});
