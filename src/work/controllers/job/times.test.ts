import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Job, job, timestamp } from "#/model/index.ts";
import { planTimes, scheduledRunName, type Times } from "./times.ts";

const at = (text: string): number => Date.parse(text);

/** A Job that a controller has looked after, and the clock of its centre. */
class Clockwork {
  one: Job;
  readonly runs: string[] = [];
  missed = 0;

  constructor(spec: object, createdAt: string) {
    const parsed = job.spec.parse({ template: { version: "v1", run: { command: ["x"] } }, ...spec });
    this.one = { metadata: { name: "j", creationTimestamp: createdAt }, spec: parsed } as unknown as Job;
  }

  change(spec: object): void {
    this.one = { ...this.one, spec: job.spec.parse({ ...this.one.spec, ...spec }) as Job["spec"] };
  }

  /** One look, as the controller does it. */
  look(nowMs: number): Times {
    const times = planTimes(this.one, nowMs);
    assert.ok(times !== undefined);
    if (times.dueMs !== undefined) this.runs.push(timestamp(times.dueMs).slice(0, 19));
    this.missed += times.missed;
    const { schedule = "", timeZone, suspended } = this.one.spec;
    const status = { schedule: { expression: schedule, timeZone, suspended }, decidedUntil: timestamp(times.decidedUntilMs) };
    this.one = { ...this.one, status };
    return times;
  }
}

describe("the times of a job", () => {
  it("come one by one, each once", () => {
    const clock = new Clockwork({ schedule: "*/10 * * * *" }, "2026-01-01T00:05:00Z");
    for (let nowMs = at("2026-01-01T00:05:00Z"); nowMs < at("2026-01-01T00:31:00Z"); nowMs += 7001) clock.look(nowMs);
    assert.deepEqual(clock.runs, ["2026-01-01T00:10:00", "2026-01-01T00:20:00", "2026-01-01T00:30:00"]);
    assert.equal(clock.missed, 0);
  });

  it("that were missed are made up for by one run at most, and not after the deadline", () => {
    const clock = new Clockwork({ schedule: "@hourly", startingDeadline: "20m" }, "2026-01-01T00:05:00Z");
    clock.look(at("2026-01-01T00:06:00Z"));
    const late = clock.look(at("2026-01-01T05:10:00Z"));
    assert.deepEqual([clock.runs, late.missed], [["2026-01-01T05:00:00"], 4]);
    const tooLate = clock.look(at("2026-01-02T05:30:00Z"));
    assert.deepEqual([clock.runs.length, tooLate.missed, tooLate.dueMs], [1, 24, undefined]);
    assert.match(tooLate.missedReason ?? "", /startingDeadline \(20m\)/);
    assert.equal(clock.look(at("2026-01-02T06:00:00Z")).dueMs, at("2026-01-02T06:00:00Z"));
    const seconds = new Clockwork({ schedule: "* * * * * *" }, "2026-01-01T00:05:00Z");
    assert.equal(seconds.look(at("2027-01-01T00:00:00Z")).missed, 100);
  });

  it("do not come while it is suspended, nor afterwards for that time, nor for the time before a change", () => {
    const clock = new Clockwork({ schedule: "@hourly" }, "2026-01-01T00:05:00Z");
    clock.look(at("2026-01-01T00:30:00Z"));
    clock.change({ suspended: true });
    assert.equal(clock.look(at("2026-01-01T00:59:00Z")).nextMs, undefined);
    clock.look(at("2026-01-01T03:30:00Z"));
    clock.change({ suspended: false });
    clock.look(at("2026-01-01T03:40:00Z"));
    clock.change({ schedule: "30 * * * *" });
    clock.look(at("2026-01-01T03:45:00Z"));
    assert.deepEqual(clock.runs, []);
    clock.look(at("2026-01-01T04:30:00Z"));
    assert.deepEqual([clock.runs, clock.missed], [["2026-01-01T04:30:00"], 0]);
  });

  it("that were decided do not come again where the clock is set back, and go on where it was years ahead", () => {
    const clock = new Clockwork({ schedule: "@hourly" }, "2026-01-01T00:05:00Z");
    clock.look(at("2026-01-01T05:00:01Z"));
    const back = clock.look(at("2026-01-01T03:59:00Z"));
    assert.equal(back.nextMs, at("2026-01-01T06:00:00Z"));
    clock.look(at("2026-01-01T04:30:00Z"));
    assert.deepEqual(clock.runs, ["2026-01-01T05:00:00"]);
    clock.look(at("2038-01-19T03:14:08Z"));
    assert.equal(clock.look(at("2026-01-01T05:30:00Z")).isClockBehind, true);
    clock.look(at("2026-01-01T06:00:00Z"));
    assert.deepEqual(clock.runs.at(-1), "2026-01-01T06:00:00");
  });

  it("have names of their own, also where the local time comes twice", () => {
    const clock = new Clockwork({ schedule: "*/30 2 * * *", timeZone: "Europe/Berlin" }, "2026-10-24T22:00:00Z");
    for (let nowMs = at("2026-10-24T23:50:00Z"); nowMs < at("2026-10-25T03:00:00Z"); nowMs += 60_000) clock.look(nowMs);
    assert.deepEqual(clock.runs, ["2026-10-25T00:00:00", "2026-10-25T00:30:00", "2026-10-25T01:00:00", "2026-10-25T01:30:00"]);
    assert.equal(new Set(clock.runs.map((one) => scheduledRunName("j", at(`${one}Z`)))).size, 4);
    assert.equal(scheduledRunName("nightly", at("2026-10-25T01:30:05Z")), "nightly.20261025t013005z");
  });

  it("come at most once each, in order, whoever looks whenever, with a clock that jumps", () => {
    const jump = fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0, max: 1_200_000 }) }, fc.integer({ min: -7_200_000, max: 7_200_000 }));
    fc.assert(
      fc.property(
        fc.array(jump, { maxLength: 60 }),
        fc.constantFrom("*/10 * * * *", "@hourly", "30 2 * * *", "*/20 2-3 * * *"),
        (jumps, schedule) => {
          const clock = new Clockwork({ schedule, timeZone: "Europe/Berlin", startingDeadline: "12h" }, "2026-10-24T22:00:00Z");
          let nowMs = at("2026-10-24T22:00:00Z");
          let latestMs = nowMs;
          for (const by of jumps) {
            nowMs = Math.max(nowMs + by, at("2026-10-24T12:00:00Z"));
            latestMs = Math.max(latestMs, nowMs);
            const { dueMs, nextMs } = clock.look(nowMs);
            assert.ok(dueMs === undefined || (dueMs <= nowMs && nowMs - dueMs <= 43_200_000));
            assert.ok(nextMs === undefined || nextMs > nowMs);
          }
          assert.deepEqual(clock.runs, [...new Set(clock.runs)].sort());
          // As soon as the clock is where it was, the newest time has been decided.
          clock.look(latestMs);
          assert.equal(clock.look(latestMs).dueMs, undefined);
        },
      ),
      { numRuns: 200 },
    );
  });
});
