import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { findScheduleFault, findTimeZoneFault, Schedule } from "./schedule.ts";

const at = (text: string): number => Date.parse(text);
const times = (expression: string, zone: string, after: string, count: number): string[] => {
  const schedule = new Schedule(expression, zone);
  const found: string[] = [];
  for (let next = schedule.next(at(after)); next !== undefined && found.length < count; next = schedule.next(next))
    found.push(new Date(next).toISOString().slice(0, 19));
  return found;
};

describe("a schedule", () => {
  it("knows minutes, seconds, years and names", () => {
    assert.deepEqual(times("*/20 * * * *", "UTC", "2026-01-01T00:05:00Z", 3), ["2026-01-01T00:20:00", "2026-01-01T00:40:00", "2026-01-01T01:00:00"]);
    assert.deepEqual(times("*/20 * * * * *", "UTC", "2026-01-01T00:00:30.5Z", 2), ["2026-01-01T00:00:40", "2026-01-01T00:01:00"]);
    assert.deepEqual(times("@daily", "Asia/Shanghai", "2026-01-01T00:00:00Z", 2), ["2026-01-01T16:00:00", "2026-01-02T16:00:00"]);
    assert.deepEqual(times("0 0 1 * MON", "UTC", "2026-01-01T12:00:00Z", 2), ["2026-01-05T00:00:00", "2026-01-12T00:00:00"]);
    assert.deepEqual(times("0 0 12 1 1 * 2030", "UTC", "2026-01-01T00:00:00Z", 5), ["2030-01-01T12:00:00"]);
    assert.deepEqual(times("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 1), ["2104-02-29T00:00:00"]);
  });

  it("goes on beyond 2038", () => {
    assert.deepEqual(times("14 3 * * *", "UTC", "2038-01-18T12:00:00Z", 2), ["2038-01-19T03:14:00", "2038-01-20T03:14:00"]);
    assert.equal(new Schedule("@yearly", "UTC").next(at("2106-02-07T06:28:16Z")), at("2107-01-01T00:00:00Z"));
  });

  it("has a fixed time that does not exist at the moment of the change, and one that comes twice once", () => {
    const summer = "2026-03-28T12:00:00Z";
    assert.deepEqual(times("30 2 * * *", "Europe/Berlin", summer, 2), ["2026-03-29T01:00:00", "2026-03-30T00:30:00"]);
    assert.deepEqual(times("30 2,14 * * *", "Europe/Berlin", summer, 3), ["2026-03-28T13:30:00", "2026-03-29T01:00:00", "2026-03-29T12:30:00"]);
    assert.deepEqual(times("@daily", "America/Santiago", "2026-09-05T12:00:00Z", 2), ["2026-09-06T04:00:00", "2026-09-07T03:00:00"]);
    assert.deepEqual(times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2), ["2026-10-25T00:30:00", "2026-10-26T01:30:00"]);
  });

  it("repeats evenly through both changes", () => {
    for (const [zone, around] of [
      ["Europe/Berlin", "2026-03-29T01:00:00Z"],
      ["Europe/Berlin", "2026-10-25T01:00:00Z"],
      ["Australia/Lord_Howe", "2026-04-04T15:00:00Z"],
      ["America/New_York", "2026-11-01T06:00:00Z"],
    ] as const) {
      const schedule = new Schedule("*/15 * * * *", zone);
      let last = schedule.next(at(around) - 3 * 3_600_000) ?? 0;
      for (let count = 0; count < 24; count++) {
        const next = schedule.next(last);
        assert.equal(next, last + 900_000, `${zone} after ${new Date(last).toISOString()}`);
        last = next;
      }
    }
  });

  it("finds the same times backwards as forwards, from whichever moment one looks", () => {
    const expression = fc.constantFrom(
      "30 2 * * *",
      "*/7 * * * *",
      "@hourly",
      "15 1-4 * * *",
      "0,30 2 * * 0",
      "*/13 * * * * *",
      "@daily",
      "0 0 L * *",
    );
    const zone = fc.constantFrom("UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu");
    const moment = fc.oneof(
      fc.integer({ min: at("2026-01-01T00:00:00Z"), max: at("2040-01-01T00:00:00Z") }),
      ...["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-04-04T15:00:00Z", "2026-09-06T04:00:00Z"].map((change) =>
        fc.integer({ min: -7_200_000, max: 7_200_000 }).map((offset) => at(change) + offset),
      ),
    );
    fc.assert(
      fc.property(expression, zone, moment, (text, where, nowMs) => {
        const schedule = new Schedule(text, where);
        const next = schedule.next(nowMs);
        assert.ok(next !== undefined && next > nowMs && next % 1000 === 0);
        assert.equal(schedule.last(next), next);
        const last = schedule.last(nowMs);
        assert.ok(last !== undefined && last <= nowMs);
        assert.equal(schedule.next(last), next, `after ${new Date(last).toISOString()}`);
        assert.equal(schedule.last(next - 1), last);
      }),
      { numRuns: 400 },
    );
  });

  it("is refused where it is not understood or never comes", () => {
    for (const text of [
      "",
      "* * * *",
      "60 * * * *",
      "a b c d e",
      "@every 5m",
      "@reboot",
      "*/0 * * * *",
      "5-1 * * * *",
      "2030-01-01T00:00:00",
      "0 0 30 2 *",
      "0 0 31 4,6 *",
      "0 0 32 * *",
      "* * * * * * * *",
      "0 0 0 1 1 * 1960",
      "\u0000 * * * *",
      "* * * * *\n",
    ])
      assert.notEqual(findScheduleFault(text, "UTC"), undefined, JSON.stringify(text));
    for (const text of ["@hourly", "0 0 * * mon-fri", "0 0 ? * ?", "0 0 1W * *", "*/5 9-17 * * 1-5"])
      assert.equal(findScheduleFault(text, "UTC"), undefined, text);
    for (const zone of ["Mars/Base", "", "Local", "Europe/"]) assert.match(findTimeZoneFault(zone) ?? "", /IANA/);
    assert.equal(findTimeZoneFault("Asia/Shanghai"), undefined);
  });

  it("is understood or refused in bounded time, whatever the text", () => {
    const field = fc.oneof(
      fc.constantFrom("*", "*/7", "L", "W", "1W", "5#2", "1-5", "?", "+1", "31", "MON", "2", "0-59/61"),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(field, { minLength: 4, maxLength: 8 }), (fields) => {
        const startedMs = performance.now();
        findScheduleFault(fields.join(" "), "Europe/Berlin");
        assert.ok(performance.now() - startedMs < 2000, fields.join(" "));
      }),
      { numRuns: 300 },
    );
  });
});
