import assert from "node:assert/strict";
import { test } from "node:test";
import { readInstanceUse } from "./instance-use.ts";
import { isGood, type ScriptRun, TEXT_MAX, withLine } from "./script-run.ts";
import { failureOf, isCarriedOut, replacedBy, type ServiceObject } from "./service.ts";

const RUN: ScriptRun = { number: 1, script: "selftest", wish: { script: "selftest", reason: "" }, sinceMs: 0, is: "running", parts: [] };

test("what a script writes is put together by instance, the newest of much is kept, and its end is good only with 0 everywhere", () => {
  let run = withLine(RUN, { instance: "a-0", out: "one\n" });
  run = withLine(run, { instance: "b-0", out: "x" });
  run = withLine(run, { instance: "a-0", out: "two\n" });
  run = withLine(run, { instance: "a-0", left: 5 });
  assert.deepEqual(
    run.parts.map(({ instance, text, left }) => [instance, text, left]),
    [
      ["a-0", "one\ntwo\n", 5],
      ["b-0", "x", 0],
    ],
  );
  assert.equal(withLine(run, { instance: "a-0", out: "y".repeat(TEXT_MAX) }).parts[0]?.text, "y".repeat(TEXT_MAX));
  run = withLine(run, { instance: "a-0", script: "selftest", exitCode: 0, timedOut: false, durationMs: 4 });
  assert.equal(isGood({ ...run, is: "over" }), false);
  run = withLine(run, { instance: "b-0", script: "selftest", exitCode: 0 });
  assert.deepEqual([isGood(run), isGood({ ...run, is: "over" })], [false, true]);
  assert.equal(isGood({ ...withLine(run, { instance: "b-0", script: "selftest", exitCode: 1 }), is: "over" }), false);
  assert.equal(isGood({ ...withLine(run, { instance: "b-0", script: "selftest", exitCode: 0, timedOut: true }), is: "over" }), false);
});

const ready = { type: "Ready", status: "True", reason: "Ready", message: "", observedGeneration: 2 };
function service(more: { generation?: number; spec?: object; status?: object } = {}): ServiceObject {
  return {
    metadata: { name: "auth", creationTimestamp: "2030-01-01T00:00:00Z", generation: more.generation ?? 2 },
    spec: { replicas: 2, suspended: false, template: { version: "v2" }, ...more.spec },
    status: {
      revision: "auth-v2",
      servedRevision: "auth-v2",
      replicas: 2,
      readyReplicas: 2,
      observedGeneration: 2,
      conditions: [ready],
      ...more.status,
    },
  };
}

test("what was written is carried out when it is served by as many instances as are wanted, and not before the centre has looked at it", () => {
  const written = service();
  assert.equal(isCarriedOut(written, service()), true);
  assert.equal(isCarriedOut(written, service({ generation: 1 })), false);
  assert.equal(isCarriedOut(written, service({ status: { observedGeneration: 1, conditions: [{ ...ready, observedGeneration: 1 }] } })), false);
  assert.equal(isCarriedOut(written, service({ status: { servedRevision: "auth-v1" } })), false);
  assert.equal(isCarriedOut(written, service({ status: { readyReplicas: 1 } })), false);
  assert.equal(isCarriedOut(written, service({ spec: { suspended: true } })), false);
  assert.equal(isCarriedOut(written, service({ spec: { suspended: true }, status: { replicas: 0, readyReplicas: 0 } })), true);
});

test("what cannot be carried out is a failure with its reason, and a failure of before is none", () => {
  const written = service();
  const failed = { ...ready, status: "False", reason: "RevisionFailed", message: "missing.mjs is not there" };
  assert.equal(failureOf(written, service({ status: { conditions: [failed] } })), "missing.mjs is not there");
  assert.equal(failureOf(written, service({ status: { conditions: [{ ...failed, observedGeneration: 1 }], observedGeneration: 1 } })), undefined);
  const diverged = { type: "Diverged", status: "True", reason: "RevisionRefused", message: "not ready in time", observedGeneration: 2 };
  assert.equal(failureOf(written, service({ status: { conditions: [ready, diverged] } })), "not ready in time");
  assert.equal(failureOf(written, service()), undefined);
});

test("what another instance of the name took is not shown, nor what is no figure", () => {
  const told = { uid: "u", cpuPercent: 12.5, memoryBytes: 1024, openFiles: 3, processes: 1 };
  assert.equal(readInstanceUse(told, "u")?.cpuPercent, 12.5);
  for (const value of [undefined, null, 1, {}, { ...told, uid: "v" }, { ...told, memoryBytes: -1 }, { ...told, cpuPercent: "1" }])
    assert.equal(readInstanceUse(value, "u"), undefined);
});

test("who asked for a number is told that another has asked for another one since, and by nothing else", () => {
  const of = (generation: number, replicas: number, suspended = false, by?: string): ServiceObject =>
    ({
      metadata: { name: "a", creationTimestamp: "", generation, ...(by !== undefined && { annotations: { "orrery.dev/changed-by": by } }) },
      spec: { replicas, suspended, template: {} },
    }) as unknown as ServiceObject;
  const written = of(4, 3, false, "anna");
  assert.deepEqual(
    [undefined, of(3, 2, false, "ben"), of(4, 3), of(5, 3, false, "ben"), of(5, 5, false, "ben"), of(5, 3, true), of(9, 5)].map((seen) =>
      replacedBy(written, seen),
    ),
    [undefined, undefined, undefined, undefined, "ben", "", ""],
  );
});
