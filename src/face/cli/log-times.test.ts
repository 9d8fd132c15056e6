import assert from "node:assert/strict";
import { test } from "node:test";
import { isOrreryError } from "#/base/index.ts";
import { parseMoment } from "./log-times.ts";

const NOW_MS = Date.parse("2026-11-30T12:00:00Z");

test("a moment is so long ago, a time of today, or a day", () => {
  const parse = (text: string): string => new Date(parseMoment("--since", text, NOW_MS)).toISOString();
  assert.equal(parse("10m"), "2026-11-30T11:50:00.000Z");
  assert.equal(parse("1h30m"), "2026-11-30T10:30:00.000Z");
  assert.equal(parse("2026-11-29T08:09:10Z"), "2026-11-29T08:09:10.000Z");
  assert.equal(parse("2026-11-29 08:09:10.5+02:00"), "2026-11-29T06:09:10.500Z");
  const local = new Date(NOW_MS);
  local.setHours(9, 30, 15, 250);
  assert.equal(parse("9:30:15.25"), local.toISOString());
  assert.equal(parse("2026-11-29"), new Date("2026-11-29T00:00").toISOString());
});

test("what is no moment is refused with what would be one", () => {
  for (const text of ["", "soon", "25:00", "12:60", "2026-13-01", "2026-11-30T25:00:00Z", "10", "-5m", "2026-11-30T12:00:00Zx"])
    assert.throws(
      () => parseMoment("--since", text, NOW_MS),
      (error) => isOrreryError(error, "cli/usage") && /give a duration/.test(error.message),
      text,
    );
});
