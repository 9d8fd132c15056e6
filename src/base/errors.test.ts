import assert from "node:assert/strict";
import { test } from "node:test";
import { describeError } from "./errors.ts";

test("a description is never empty", () => {
  const refused = Object.assign(new Error(""), { code: "ECONNREFUSED" });
  assert.equal(describeError(new Error("no room")), "no room");
  assert.equal(describeError(refused), "ECONNREFUSED");
  assert.equal(describeError(new AggregateError([refused, new Error("no route")])), "ECONNREFUSED; no route");
  assert.equal(describeError(new AggregateError([])), "AggregateError");
  assert.equal(describeError(new TypeError("")), "TypeError");
  assert.equal(describeError(""), "an unknown error");
});
