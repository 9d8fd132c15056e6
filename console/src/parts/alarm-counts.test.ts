import assert from "node:assert/strict";
import { test } from "node:test";
import { ACTIVE_STANDS, ALARM_SEVERITIES as ALL, alarmRank } from "../../../src/model/alarm.ts";
import { ALARM_SEVERITIES, standingAlarms, sumOf } from "./alarm-counts.ts";

test("alarms are counted by their rank, as the centre makes it", () => {
  assert.deepEqual([...ALARM_SEVERITIES], [...ALL]);
  const counts = ACTIVE_STANDS.flatMap((stands, at) =>
    ALL.map((severity, index) => [String(alarmRank(stands, severity)), 10 * at + index + 1] as const),
  );
  const { unacknowledged, acknowledged } = standingAlarms([...counts, [String(alarmRank("Shelved", "critical")), 99]]);
  assert.deepEqual(unacknowledged, { critical: 1, major: 2, minor: 3, warning: 4 });
  assert.deepEqual(acknowledged, { critical: 11, major: 12, minor: 13, warning: 14 });
  assert.equal(sumOf(unacknowledged), 10);
  assert.equal(sumOf(standingAlarms([]).acknowledged), 0);
});
