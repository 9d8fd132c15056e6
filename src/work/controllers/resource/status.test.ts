import assert from "node:assert/strict";
import { test } from "node:test";
import { type Resource, resource } from "#/model/index.ts";
import { resourceStatus } from "./status.ts";

const NOW_MS = Date.parse("2026-11-22T12:00:00Z");

function makeResource(spec: Record<string, unknown> = {}, status?: Resource["status"]): Resource {
  const parsed = resource.spec.parse({ id: "antenna-1", type: "thing", probe: { command: ["probe"], interval: "10s" }, ...spec });
  const metadata = {
    name: "antenna",
    namespace: "default",
    uid: "u",
    resourceVersion: "1",
    generation: 3,
    creationTimestamp: "2026-01-01T00:00:00Z",
  };
  return { apiVersion: "orrery.dev/v1", kind: "Resource", metadata, spec: parsed, ...(status === undefined ? {} : { status }) } as Resource;
}

test("what the agent no longer tells is not the probe's fault: the agent is named", () => {
  const seen = resourceStatus(makeResource(), { observed: { azimuth: 12 }, atMs: NOW_MS, by: "p" }, "p", NOW_MS).status;
  const at = (afterMs: number) => resourceStatus(makeResource({}, seen), undefined, "p", NOW_MS + afterMs, "here");
  assert.equal(reason(at(29_000)), "Observed");
  assert.equal(reason(at(31_000)), "AgentSilent");
  assert.match(at(31_000).status.conditions?.[0]?.message ?? "", /the agent of host here.*says nothing; see: orrery describe host here/);
});

const reason = (result: ReturnType<typeof resourceStatus>): string | undefined =>
  result.status.conditions?.find((one) => one.type === "Ready")?.reason;

test("an observation is written with its time, and the time of growing stale is told", () => {
  const result = resourceStatus(makeResource(), { observed: { azimuth: 12 }, atMs: NOW_MS - 1000, by: "probe-antenna" }, "probe-antenna", NOW_MS);
  assert.deepEqual(result.status.observed, { azimuth: 12 });
  assert.equal(result.status.observedAt, "2026-11-22T11:59:59.000Z");
  assert.equal(reason(result), "Observed");
  assert.equal(result.changesAtMs, NOW_MS - 1000 + 30_001);
});

test("the same state again is written only at every third of the promised age", () => {
  const first = resourceStatus(makeResource(), { observed: { azimuth: 12 }, atMs: NOW_MS, by: "p" }, "p", NOW_MS).status;
  const soon = resourceStatus(makeResource({}, first), { observed: { azimuth: 12 }, atMs: NOW_MS + 9000, by: "p" }, "p", NOW_MS + 9000);
  assert.equal(soon.status.observedAt, first.observedAt);
  assert.equal(reason(soon), "Observed");
  const later = resourceStatus(makeResource({}, first), { observed: { azimuth: 12 }, atMs: NOW_MS + 10_000, by: "p" }, "p", NOW_MS + 10_000);
  assert.equal(later.status.observedAt, "2026-11-22T12:00:10.000Z");
  const changed = resourceStatus(makeResource({}, first), { observed: { azimuth: 13 }, atMs: NOW_MS + 100, by: "p" }, "p", NOW_MS + 100);
  assert.deepEqual(changed.status.observed, { azimuth: 13 });
});

test("older than promised is Stale, with the last error, and keeps what was seen", () => {
  const seen = resourceStatus(makeResource(), { observed: { azimuth: 12 }, atMs: NOW_MS, by: "p" }, "p", NOW_MS).status;
  const result = resourceStatus(makeResource({}, seen), { error: "connection refused", atMs: NOW_MS + 31_000, by: "p" }, "p", NOW_MS + 31_000);
  assert.equal(reason(result), "Stale");
  assert.match(result.status.conditions?.[0]?.message ?? "", /connection refused/);
  assert.deepEqual(result.status.observed, { azimuth: 12 });
  assert.equal(result.status.error, "connection refused");
});

test("without a probe, with the probe switched off, or with an image alone, the status says so", () => {
  const of = (spec: Record<string, unknown>) => reason(resourceStatus(makeResource(spec), undefined, undefined, NOW_MS));
  assert.equal(of({ probe: undefined }), "NotProbed");
  assert.equal(of({ probeEnabled: false }), "ProbeDisabled");
  assert.equal(of({ probe: { image: "registry/antenna:1" } }), "ProbeNotRunnable");
  assert.equal(of({}), "NotYetObserved");
});

test("an image beside a command is kept, and the status says that the command runs", () => {
  const probe = { image: "registry/antenna:1", command: ["probe"], interval: "10s" };
  const { status } = resourceStatus(makeResource({ probe }), { observed: { azimuth: 12 }, atMs: NOW_MS, by: "p" }, "p", NOW_MS);
  assert.equal(status.conditions?.[0]?.message, "observed at least every 30s; its image registry/antenna:1 is kept, its command is what runs");
});
