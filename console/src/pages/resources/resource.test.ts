import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isSilenced, leavesOf, newestOf, probeText, summaryOf, valueText } from "./resource.ts";

test("what was seen last counts, whoever kept it; a failed look leaves what was seen before it, and says why", () => {
  const kept = { observed: { az: 1 }, atMs: 1_000, by: "probe-antenna" };
  assert.equal(newestOf(kept, undefined).observed, kept.observed);
  assert.deepEqual(newestOf(kept, { observed: { az: 2 }, atMs: 2_000, instance: "probe-antenna" }), {
    observed: { az: 2 },
    atMs: 2_000,
    by: "probe-antenna",
    error: undefined,
  });
  assert.deepEqual(newestOf(kept, { observed: { az: 0 }, atMs: 900 }).observed, { az: 1 });
  assert.deepEqual(newestOf(kept, { error: "no answer", atMs: 2_000 }), { ...kept, error: "no answer" });
  assert.equal(newestOf({ atMs: undefined }, { error: "no answer", atMs: 2_000 }).atMs, undefined);
});

test("what is wanted stands beside what is seen, and is marked where it differs", () => {
  assert.deepEqual(leavesOf({ axes: { az: 10, el: 5 }, mode: "track" }, { axes: { az: 12 }, mode: "track", safe: true }), [
    { path: "axes.az", value: 10, desired: 12, isDifferent: true },
    { path: "axes.el", value: 5, isDifferent: false },
    { path: "mode", value: "track", desired: "track", isDifferent: false },
    { path: "safe", value: undefined, desired: true, isDifferent: true },
  ]);
  assert.equal(summaryOf({ axes: { az: 10.123456789, el: 5 }, mode: "track", more: 1 }), "az 10.1235 · el 5 · mode track");
});

test("whatever is observed is shown in bounds", () => {
  fc.assert(
    fc.property(fc.object({ maxDepth: 12 }), fc.object(), (observed, desired) => {
      const leaves = leavesOf(observed, desired);
      assert.ok(leaves.length <= 500);
      for (const { value } of leaves) assert.ok(valueText(value).length <= 301);
      assert.ok(summaryOf(observed).length < 1_000 || Object.keys(observed).some((key) => key.length > 200));
    }),
  );
});

test("a probe says how it looks, and at what", () => {
  assert.deepEqual(probeText({ tcp: { address: "10.0.0.7:502" } }), { how: "tcp", what: "10.0.0.7:502" });
  assert.deepEqual(probeText({ command: ["node", "probe.ts"], args: ["x"] }), { how: "program", what: "node probe.ts x" });
  assert.deepEqual(probeText({ host: {} }), { how: "host", what: "" });
});

test("a change is told to end the looking if a probe that looks goes, is switched off, or goes with its Resource; and else never", () => {
  const of = (spec: unknown): Readonly<Record<string, unknown>> => ({ kind: "Resource", spec });
  const looked = of({ probe: { tcp: {} } });
  for (const after of [undefined, of({}), of({ probe: null }), of({ probe: { tcp: {} }, probeEnabled: false }), of("odd"), of(null), {}])
    assert.equal(isSilenced(looked, after), true, JSON.stringify(after));
  assert.equal(isSilenced(looked, of({ probe: { http: {} }, probeEnabled: true })), false);
  for (const before of [undefined, of({}), of({ probe: {}, probeEnabled: false })]) assert.equal(isSilenced(before, undefined), false);
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (before, after) => typeof isSilenced(of(before), of(after)) === "boolean"));
});
