import assert from "node:assert/strict";
import { test } from "node:test";
import { CallTotals, TOTALS_MAX } from "./call-totals.ts";
import { type EndpointState, WindowCounts } from "./endpoint.ts";

const window = (caller: string, ...times: number[]): WindowCounts => {
  const made = new WindowCounts(caller, 1, {} as EndpointState);
  for (const time of times) {
    made.inFlight++;
    made.end(time, time > 100);
  }
  return made;
};

test("totals only rise, and what is in a window that goes on counts once", () => {
  const totals = new CallTotals();
  const present = window("a", 1, 200);
  const read = (): unknown =>
    totals.read([{ service: "s", window: present }], []).calls.map(({ calls, errors, timeSumMs }) => [calls, errors, timeSumMs]);
  assert.deepEqual(read(), [[2, 1, 201]]);
  totals.add("s", present);
  present.reset();
  assert.deepEqual(read(), [[2, 1, 201]]);
});

test("more callers than are told apart count under one that is not known", () => {
  const totals = new CallTotals();
  for (let index = 0; index < TOTALS_MAX + 5; index++) totals.add("s", window(`caller-${index}`, 1));
  const { calls } = totals.read([], []);
  assert.equal(calls.length, TOTALS_MAX + 1);
  assert.equal(calls.find((one) => one.caller === "?")?.calls, 5);
  for (let index = 0; index < TOTALS_MAX + 5; index++) totals.refuse(`caller-${index}`, "s", "busy", 1);
  assert.equal(
    totals.read([], []).refused.reduce((sum, one) => sum + one.calls, 0),
    TOTALS_MAX + 5,
  );
});
