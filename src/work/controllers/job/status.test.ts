import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Job, type JobRun, job } from "#/model/index.ts";
import { jobStatus, runsToForget, runWanted } from "./status.ts";

const jobOf = (spec: object = {}, status?: object): Job =>
  ({
    metadata: { name: "nightly", generation: 1 },
    spec: job.spec.parse({ template: { version: "v1", run: { command: ["x"] } }, ...spec }),
    ...(status === undefined ? {} : { status }),
  }) as unknown as Job;
const runOf = (minute: number, phase: string, complete = "True", message = "m"): JobRun =>
  ({
    metadata: { name: `nightly-${minute}`, creationTimestamp: `2026-01-01T00:${String(minute).padStart(2, "0")}:00Z` },
    spec: { job: "nightly" },
    status: { phase, conditions: [{ type: "Complete", status: complete, reason: "R", message }] },
  }) as unknown as JobRun;
const ready = (one: Job, runs: readonly JobRun[], times?: Parameters<typeof jobStatus>[2]) => {
  const condition = jobStatus(one, runs, times, 0).conditions?.[0];
  return [condition?.status, condition?.reason];
};
const times = { missed: 0, decidedUntilMs: 0, isClockBehind: false, nextMs: 1000 };

describe("a job", () => {
  it("says what its newest run came to, and what comes next", () => {
    const daily = jobOf({ schedule: "@daily" });
    assert.deepEqual(ready(daily, [], times), ["True", "Scheduled"]);
    assert.deepEqual(ready(daily, [runOf(1, "Failed"), runOf(2, "Succeeded")], times), ["True", "Scheduled"]);
    assert.deepEqual(ready(daily, [runOf(2, "Failed"), runOf(1, "Succeeded"), runOf(3, "Skipped")], times), ["False", "LastRunFailed"]);
    assert.deepEqual(ready(daily, [runOf(2, "Failed"), runOf(3, "Running", "False")], times), ["True", "Running"]);
    assert.deepEqual(ready(daily, [runOf(2, "Running", "Unknown"), runOf(3, "Running", "False")], times), ["Unknown", "AgentLost"]);
    assert.deepEqual(ready(jobOf({ schedule: "@daily", suspended: true }), []), ["True", "Suspended"]);
    assert.deepEqual(ready(jobOf({ schedule: "0 0 0 1 1 * 2020" }), [], { missed: 0, decidedUntilMs: 0, isClockBehind: false }), [
      "False",
      "NoMoreTimes",
    ]);
    assert.deepEqual(ready(jobOf(), []), ["True", "Starting"]);
    assert.deepEqual(ready(jobOf(), [runOf(1, "Succeeded")]), ["True", "Done"]);
  });

  it("without a schedule runs once for each version, also for one whose run is forgotten", () => {
    assert.deepEqual(runWanted(jobOf(), undefined), { name: "nightly.v1" });
    assert.equal(runWanted(jobOf({}, { ranVersions: ["v1"] }), undefined), undefined);
    assert.deepEqual(runWanted(jobOf({ template: { version: "v2", run: { command: ["x"] } } }, { ranVersions: ["v1"] }), undefined), {
      name: "nightly.v2",
    });
    assert.equal(runWanted(jobOf({ suspended: true }), undefined), undefined);
    assert.equal(runWanted(jobOf({ schedule: "@daily" }), times), undefined);
  });

  it("keeps the newest runs of each end, and none that goes on is forgotten", () => {
    const { spec } = jobOf({ history: { succeeded: 2, failed: 1 } });
    const runs = [
      runOf(5, "Succeeded"),
      runOf(1, "Succeeded"),
      runOf(3, "Succeeded"),
      runOf(2, "Failed"),
      runOf(4, "Stopped"),
      runOf(0, "Running", "False"),
    ];
    assert.deepEqual(
      runsToForget(spec, runs).map((one) => one.metadata.name),
      ["nightly-1", "nightly-2"],
    );
  });
});
