import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "./clock.ts";
import { LastGuard } from "./last-guard.ts";
import { type LogFields, silentLog } from "./log.ts";

function guarded(minuteMax?: number) {
  const lines: { message: string; fields: LogFields | undefined }[] = [];
  const clock = new ManualClock();
  let gaveUp = 0;
  const log = { ...silentLog, error: (message: string, fields?: LogFields) => void lines.push({ message, fields }) };
  const guard = new LastGuard({ clock, log, giveUp: () => gaveUp++, ...(minuteMax !== undefined && { minuteMax }) });
  return { guard, lines, clock, gaveUp: () => gaveUp };
}

test("what a unit of work throws is logged with its stack and counted", () => {
  const { guard, lines, gaveUp } = guarded();
  guard.run("request", () => {
    throw new TypeError("no");
  });
  guard.caught("watch", "a text");
  assert.deepEqual(
    [...guard.counts],
    [
      ["request", 1],
      ["watch", 1],
    ],
  );
  assert.match(String(lines[0]?.fields?.["stack"]), /TypeError: no\n.*last-guard\.test/s);
  assert.equal(gaveUp(), 0);
});

test("the process ends once where more is caught within a minute than may be, not where it comes by and by", () => {
  const { guard, clock, gaveUp } = guarded(3);
  for (let count = 0; count < 30; count++) {
    guard.caught("request", new Error("no"));
    clock.advance(25_000);
  }
  assert.equal(gaveUp(), 0);
  for (let count = 0; count < 10; count++) guard.caught("request", new Error("no"));
  assert.equal(gaveUp(), 1);
});
