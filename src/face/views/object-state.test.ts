import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { kinds } from "#/model/all-kinds.ts";
import { approval, host, instance, microservice, resource, type StoredObject, setCondition, site, update } from "#/model/index.ts";
import { stateOf } from "./object-state.ts";
import { SEVERITIES } from "./protocol.ts";
import { condition, stored } from "./rig.ts";

const severity = (object: StoredObject): string | undefined => stateOf(object)?.severity;

test("nothing is normal of which nobody has said so", () => {
  for (const kind of kinds) assert.notEqual(severity(stored(kind, "a")), "normal", kind.kind);
  assert.equal(severity(stored(microservice, "a")), "unknown");
  assert.equal(severity(stored(microservice, "a", { status: condition("HostLost", "Unknown") })), "critical");
  assert.equal(severity(stored(resource, "a", { status: condition("Stale", "Unknown") })), "unknown");
});

test("a service that lacks some is major, one that serves nothing critical, one that was stopped off", () => {
  const of = (reason: string, ready: number): string | undefined =>
    severity(stored(microservice, "a", { status: { ...condition(reason, "False"), readyReplicas: ready } }));
  assert.deepEqual([of("CrashLoop", 1), of("CrashLoop", 0), of("Suspended", 0), of("Starting", 0)], ["major", "critical", "off", "changing"]);
});

test("what works, and something about it is amiss, is minor", () => {
  const { conditions } = condition("Ready") as { readonly conditions: readonly object[] };
  const diverged = {
    type: "Diverged",
    status: "True",
    reason: "RevisionRefused",
    message: "v2 is not served",
    lastTransitionTime: "2027-01-15T08:00:00.000Z",
  };
  const state = stateOf(stored(microservice, "a", { status: { conditions: [...conditions, diverged], readyReplicas: 1 } }));
  assert.deepEqual([state?.severity, state?.word, state?.message], ["minor", "RevisionRefused", "v2 is not served"]);
});

test("what somebody has done alone is amiss at the site, however well it is otherwise, until it was looked at", () => {
  const { conditions } = condition("Settled") as { readonly conditions: readonly object[] };
  const glass = {
    type: "BrokenGlass",
    status: "True",
    reason: "Unreviewed",
    message: "glass-1 (ben)",
    lastTransitionTime: "2027-01-15T08:00:00.000Z",
  };
  const of = (...more: readonly object[]): unknown => {
    const state = stateOf(stored(site, "site", { status: { conditions: [...conditions, ...more] } }));
    return [state?.severity, state?.word];
  };
  assert.deepEqual(of(glass), ["major", "Unreviewed"]);
  assert.deepEqual(of(), ["normal", "Settled"]);
});

test("an instance that gives no answer, one that goes, and an update by its phase", () => {
  assert.equal(severity(stored(instance, "a", { status: { ...condition("NotReady", "False"), phase: "Running", unanswered: true } })), "minor");
  const going = stored(instance, "a", { status: condition("Ready") });
  assert.equal(severity({ ...going, metadata: { ...going.metadata, deletionTimestamp: "2027-01-15T08:00:00Z" } }), "changing");
  assert.deepEqual(
    ["Ramping", "Complete", "Aborted", "Superseded"].map((phase) => severity(stored(update, phase, { status: { phase } }))),
    ["changing", "normal", "minor", "off"],
  );
});

test("what was done alone is amiss until another has looked at it; what waits is under way", () => {
  const of = (status: object): unknown => {
    const state = stateOf(stored(approval, "a", { status }));
    return [state?.severity, state?.word];
  };
  assert.deepEqual(of({ phase: "BrokenGlass" }), ["major", "BrokenGlass"]);
  assert.deepEqual(of({ phase: "BrokenGlass", reviewed: { by: { name: "eve", via: "session" }, at: "2027-01-15T08:00:00.000Z" } }), [
    "off",
    "Reviewed",
  ]);
  assert.deepEqual(of({ phase: "Waiting" }), ["changing", "Waiting"]);
  assert.deepEqual(of({ phase: "Done" }), ["normal", "Done"]);
  assert.deepEqual(of({ phase: "Refused" }), ["off", "Refused"]);
});

test("whatever stands in a status, the state is one of the known ones", () => {
  const text = fc.string({ maxLength: 5 });
  const conditions = fc.array(
    fc.record({
      type: fc.oneof(text, fc.constantFrom("Ready", "Settled")),
      status: fc.constantFrom("True", "False", "Unknown"),
      reason: text,
      message: text,
      lastTransitionTime: text,
    }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...kinds), fc.record({ conditions, phase: text, ready: fc.boolean() }, { requiredKeys: [] }), (kind, status) => {
      const state = stateOf(stored(kind, "a", { status }));
      assert.ok(state === undefined || SEVERITIES.includes(state.severity));
    }),
  );
});

test("what holds for another reason since is told since then, and a silence since it began", () => {
  const ready = { type: "Ready", status: "True", message: "", lastTransitionTime: "2027-01-01T00:00:00Z" };
  const of = (...conditions: readonly object[]): unknown => {
    const state = stateOf(stored(microservice, "a", { status: { readyReplicas: 1, conditions } }));
    return [state?.severity, state?.word, state?.since];
  };
  const updating = setCondition(
    setCondition([], { type: "Ready", status: "True", reason: "Ready", message: "" }, 1_000),
    { type: "Ready", status: "True", reason: "Updating", message: "" },
    9_000,
  );
  assert.deepEqual(of(...updating), ["changing", "Updating", "1970-01-01T00:00:09.000Z"]);
  assert.deepEqual(of(...setCondition(updating, { type: "Ready", status: "True", reason: "Updating", message: "more" }, 10_000)), [
    "changing",
    "Updating",
    "1970-01-01T00:00:09.000Z",
  ]);
  assert.deepEqual(of({ ...ready, reason: "Ready" }), ["normal", "Ready", ready.lastTransitionTime]);
  const silent = { type: "Heard", status: "False", reason: "Silent", message: "", lastTransitionTime: "2027-01-02T00:00:00Z" };
  const state = stateOf(stored(host, "a", { status: { conditions: [{ ...ready, reason: "Ready" }, silent] } }));
  assert.deepEqual([state?.severity, state?.word, state?.since], ["minor", "Silent", "2027-01-02T00:00:00Z"]);
});
