import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayReport } from "#/traffic/routing/index.ts";
import { Propagation } from "./propagation.ts";

const report = (...unlabelled: GatewayReport["unlabelled"]): GatewayReport => ({ unlabelled }) as unknown as GatewayReport;

test("a service that gets labelled calls and makes unlabelled ones is named; one that gets none, or makes TCP connections only, is not", () => {
  const seen = new Propagation();
  assert.deepEqual(
    seen.add(
      report(
        { service: "legacy", calls: 3, labelledIn: 2 },
        { service: "timer", calls: 5, labelledIn: 0 },
        { service: "?", calls: 9, labelledIn: 9 },
        { service: "recorder", calls: 7, labelledIn: 7, isTcp: true },
      ),
      0,
    ),
    ["legacy", "timer"],
  );
  assert.equal(seen.conditionOf("legacy", 1)?.status, "False");
  assert.equal(seen.conditionOf("timer", 1), undefined);
  assert.equal(seen.conditionOf("?", 1), undefined);
  assert.equal(seen.conditionOf("recorder", 1), undefined);
  assert.deepEqual(seen.add(report({ service: "legacy", calls: 1, labelledIn: 1 }), 2), []);
});

test("ten minutes without such a call lift the accusation", () => {
  const seen = new Propagation();
  seen.add(report({ service: "legacy", calls: 1, labelledIn: 1 }), 0);
  assert.equal(seen.conditionOf("legacy", 600_001)?.status, "True");
});
