import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Instance, type Job, type JobRun, job } from "#/model/index.ts";
import { firstTry, furtherTry, planRun, type RunPlanInput } from "./run-plan.ts";

const NOW_MS = Date.parse("2026-01-01T00:10:00Z");

const jobOf = (spec: object = {}): Job =>
  ({ metadata: { name: "nightly" }, spec: job.spec.parse({ template: { version: "v1", run: { command: ["x"] } }, ...spec }) }) as unknown as Job;
const runOf = (spec: object = {}, status?: object, name = "nightly-1"): JobRun =>
  ({
    kind: "JobRun",
    metadata: { name, uid: `u-${name}`, creationTimestamp: "2026-01-01T00:09:00Z" },
    spec: { job: "nightly", ...spec },
    ...(status === undefined ? {} : { status }),
  }) as unknown as JobRun;
const tryOf = (status: object | undefined, spec: object = {}): Instance =>
  ({ metadata: { name: "nightly-1-0" }, spec: { host: "h1", slot: 0, version: "v1", once: {}, ...spec }, status }) as unknown as Instance;
const ended = (outcome: string, more: object = {}): object => ({ outcome, lastExit: { code: 1, at: "2026-01-01T00:09:50Z", lines: ["l"] }, ...more });
const plan = (more: Partial<RunPlanInput> = {}) =>
  planRun({ run: runOf(), job: jobOf(), newest: undefined, before: [], isHostKnown: () => true, nowMs: NOW_MS, ...more });
const told = (one: ReturnType<typeof planRun>): readonly unknown[] => {
  const complete = one.status.conditions?.find((condition) => condition.type === "Complete");
  return [one.status.phase, complete?.status, complete?.reason];
};

describe("a run", () => {
  it("is begun, and followed to its end", () => {
    assert.equal(plan().start, 0);
    const run = runOf({}, { phase: "Pending", tries: 1, instance: "nightly-1-0" });
    assert.deepEqual(told(plan({ run, newest: tryOf(undefined) })), ["Pending", "False", "Starting"]);
    assert.deepEqual(told(plan({ run, newest: tryOf({ startedAt: "2026-01-01T00:09:01Z" }) })), ["Running", "False", "Running"]);
    const done = plan({
      run,
      newest: tryOf({ outcome: "Succeeded", startedAt: "2026-01-01T00:09:01Z", lastExit: { code: 0, at: "2026-01-01T00:09:30Z" } }),
    });
    assert.deepEqual(told(done), ["Succeeded", "True", "Succeeded"]);
    assert.deepEqual([done.status.finishedAt, done.status.exitCode, done.status.host, done.start], ["2026-01-01T00:09:30.000Z", 0, "h1", undefined]);
    assert.deepEqual(plan({ run: runOf({}, done.status), newest: undefined }), { status: done.status });
  });

  it("that has failed is tried again after a growing delay, as often as its job says, and only once that try is over", () => {
    const withRetries = jobOf({ retries: 2, retryDelay: "10s" });
    const run = runOf({}, { phase: "Running", tries: 1 });
    const soon = plan({ run, job: withRetries, newest: tryOf(ended("Failed")), nowMs: NOW_MS - 1 });
    assert.deepEqual([...told(soon), soon.start, soon.requeueAfterMs], ["Running", "False", "Retrying", undefined, 1]);
    assert.equal(plan({ run, job: withRetries, newest: tryOf(ended("Failed")) }).start, 1);
    const second = tryOf(ended("TimedOut"), { slot: 1 });
    assert.equal(plan({ run, job: withRetries, newest: second, nowMs: NOW_MS + 9999 }).start, undefined);
    assert.equal(plan({ run, job: withRetries, newest: second, nowMs: NOW_MS + 10_000 }).start, 2);
    const last = plan({ run, job: withRetries, newest: tryOf(ended("Unknown"), { slot: 2 }) });
    assert.deepEqual([...told(last), last.start], ["Failed", "True", "Unknown", undefined]);
    assert.deepEqual(told(plan({ run, newest: tryOf(ended("Interrupted")) })), ["Failed", "True", "Interrupted"]);
    assert.equal(plan({ run, job: undefined, newest: tryOf(ended("Failed")) }).start, undefined);
  });

  it("lasts from the beginning of its first try to the end of its last, whatever was seen of them when", () => {
    const withRetries = jobOf({ retries: 2, retryDelay: "1s" });
    const tries = ["00:00:10", "00:01:10", "00:02:10"].map((time, slot) => {
      const startedAt = `2026-01-01T${time}Z`;
      return tryOf({ outcome: slot === 2 ? "Succeeded" : "Failed", startedAt, lastExit: { code: 1, at: startedAt.replace("10Z", "40Z") } }, { slot });
    });
    // Of each try, either all is seen, or only that it has ended.
    for (const seen of [
      [true, true, true],
      [false, true, true],
      [false, false, false],
      [true, false, true],
    ]) {
      let status: object | undefined = { phase: "Pending", tries: 1 };
      for (const [slot, one] of tries.entries()) {
        const running = { ...one, status: { startedAt: one.status?.startedAt } } as Instance;
        if (seen[slot] === true) ({ status } = plan({ run: runOf({}, status), job: withRetries, newest: running }));
        for (let looks = 0; looks < 5; looks++) {
          const next = plan({ run: runOf({}, status), job: withRetries, newest: one });
          ({ status } = next);
          if (next.start !== undefined || one.status?.outcome === "Succeeded") break;
        }
      }
      const { startedAt, finishedAt, phase } = status as NonNullable<JobRun["status"]>;
      assert.deepEqual([phase, startedAt, finishedAt], ["Succeeded", "2026-01-01T00:00:10Z", "2026-01-01T00:02:40.000Z"], String(seen));
    }
  });

  it("on a host whose agent is away is unknown, and not begun elsewhere", () => {
    const run = runOf({}, { phase: "Running", tries: 1 });
    for (const status of [undefined, { startedAt: "2026-01-01T00:09:01Z" }]) {
      const away = plan({ run, job: jobOf({ retries: 5 }), newest: tryOf(status), isHostKnown: () => false, nowMs: NOW_MS + 1e9 });
      assert.deepEqual([...told(away), away.start], ["Running", "Unknown", "AgentLost", undefined]);
    }
    assert.deepEqual(told(plan({ run, newest: tryOf(ended("Succeeded")), isHostKnown: () => false })), ["Succeeded", "True", "Succeeded"]);
  });

  it("whose instance was deleted is not begun again", () => {
    const gone = plan({ run: runOf({}, { phase: "Running", tries: 1, instance: "nightly-1-0" }), job: jobOf({ retries: 5 }) });
    assert.deepEqual([...told(gone), gone.start], ["Failed", "True", "InstanceDeleted", undefined]);
  });

  it("is stopped before it begins, while it runs, and instead of being tried again", () => {
    assert.deepEqual(told(plan({ run: runOf({ stopped: true }) })), ["Stopped", "True", "Stopped"]);
    const run = runOf({ stopped: true }, { phase: "Running", tries: 1 });
    const running = tryOf({ startedAt: "2026-01-01T00:09:01Z" });
    assert.equal(plan({ run, newest: running }).cancel, running);
    assert.equal(plan({ run, newest: tryOf({}, { once: { isCancelled: true } }) }).cancel, undefined);
    assert.deepEqual(told(plan({ run, job: jobOf({ retries: 3 }), newest: tryOf(ended("Failed")) })), ["Stopped", "True", "Stopped"]);
    assert.deepEqual(told(plan({ run: runOf({}, { tries: 1 }), job: jobOf({ retries: 3 }), newest: tryOf(ended("Cancelled")) })), [
      "Stopped",
      "True",
      "Stopped",
    ]);
  });

  it("beside another one is left out, takes its place, or runs, as its job says", () => {
    const other = runOf({}, { phase: "Running", tries: 1 }, "nightly-0");
    assert.deepEqual(told(plan({ before: [other] })), ["Skipped", "True", "RunGoesOn"]);
    const replacing = plan({ job: jobOf({ concurrency: "replace" }), before: [other] });
    assert.deepEqual([...told(replacing), replacing.start, replacing.replace], ["Pending", "False", "Replacing", undefined, [other]]);
    const stopping = { ...other, spec: { ...other.spec, stopped: true } };
    assert.equal(plan({ job: jobOf({ concurrency: "replace" }), before: [stopping] }).replace, undefined);
    assert.equal(plan({ job: jobOf({ concurrency: "replace" }) }).start, 0);
    const allow = jobOf({ concurrency: "allow" });
    assert.equal(plan({ job: allow, before: [other] }).start, 0);
    assert.deepEqual(told(plan({ job: allow, before: Array.from({ length: 100 }, () => other) })), ["Skipped", "True", "TooManyRuns"]);
  });

  it("that nobody could begin in time, or whose job is gone, has failed", () => {
    const late = plan({ nowMs: NOW_MS + 3_600_001 });
    assert.deepEqual([...told(late), late.start], ["Failed", "True", "NotStarted", undefined]);
    assert.deepEqual(told(plan({ job: undefined })), ["Failed", "True", "NoJob"]);
  });

  it("keeps what it was in its further tries, with a generation and a host of their own", () => {
    const run = runOf({ scheduledAt: "2026-01-01T00:09:00.000Z" });
    const first = firstTry(run, jobOf({ timeout: "5m" }), "a".repeat(64), { number: 0, host: "h1", generation: 7 });
    assert.deepEqual(first.metadata.name, "nightly-1.0");
    const spec = first.spec as Instance["spec"];
    assert.deepEqual(
      [spec.host, spec.slot, spec.job, spec.jobRun, spec.generation, spec.once],
      ["h1", 0, "nightly", "nightly-1", 7, { timeout: "5m", scheduledAt: "2026-01-01T00:09:00.000Z" }],
    );
    const second = furtherTry(
      run,
      { ...(first as unknown as Instance), spec: { ...spec, once: { ...spec.once, isCancelled: true } } },
      { number: 1, host: "h2", generation: undefined },
    );
    assert.equal(second.metadata.name, "nightly-1.1");
    const { host, slot, generation, once, ...rest } = second.spec as Instance["spec"];
    assert.deepEqual([host, slot, generation, once], ["h2", 1, undefined, spec.once]);
    const { host: _host, slot: _slot, generation: _generation, once: _once, ...kept } = spec;
    assert.deepEqual(rest, kept);
  });
});
