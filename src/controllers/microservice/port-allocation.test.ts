import assert from "node:assert/strict";
import { test } from "node:test";
import { choosePort, SERVICE_PORTS } from "./port-allocation.ts";

test("a service gets the same port each time, the next one if that is taken, none if all are", () => {
  const first = choosePort("site", "auth", new Set());
  assert.equal(choosePort("site", "auth", new Set()), first);
  assert.ok(first !== undefined);
  assert.notEqual(choosePort("site", "auth", new Set([first])), first);
  const all = new Set(Array.from({ length: SERVICE_PORTS.last - SERVICE_PORTS.first + 1 }, (_, index) => SERVICE_PORTS.first + index));
  assert.equal(choosePort("site", "auth", all), undefined);
});

test("two sites on one machine rarely choose the same ports", () => {
  assert.notEqual(choosePort("one", "auth", new Set()), choosePort("two", "auth", new Set()));
});
