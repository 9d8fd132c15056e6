import assert from "node:assert/strict";
import { test } from "node:test";
import type { Site } from "#/model/index.ts";
import { NOT_LOOKED, type Step } from "./observed.ts";
import { runningSite, START_MS } from "./rig.ts";
import { siteUpdate } from "./site-update.ts";

const { state } = runningSite();
const object = (status: Site["status"]): Site => ({ metadata: { name: "site" }, spec: {}, status }) as unknown as Site;
const interlocked = (sinceMs: number): Step => ({
  site: state,
  happened: [],
  waits: new Map([[0, [{ reason: "Interlocked", object: "resource/antenna", sinceMs, message: "the antenna is tracking" }]]]),
});

test("what the next update waits for is told with its object, and is as old as it was when it was told first", () => {
  const first = siteUpdate(object(undefined), interlocked(START_MS), START_MS)?.status;
  const since = "2027-01-15T08:00:00.000Z";
  assert.deepEqual(first?.waits, [{ reason: "Interlocked", object: "resource/antenna", since, message: "the antenna is tracking" }]);
  // Looked at again: nothing to write.
  assert.equal(siteUpdate(object(first), interlocked(START_MS + 5000), START_MS + 5000), undefined);
  assert.equal(siteUpdate(object(first), { site: state, happened: [], waits: NOT_LOOKED }, START_MS + 6000), undefined);
  const over = siteUpdate(object(first), { site: state, happened: [], waits: new Map() }, START_MS + 7000)?.status;
  assert.equal(over?.waits, undefined);
  assert.equal(over?.conditions?.[0]?.reason, "Settled");
});
