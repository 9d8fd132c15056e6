import assert from "node:assert/strict";
import { test } from "node:test";
import type { Instance, Microservice } from "#/model/index.ts";
import type { SiteState } from "#/traffic/update/core/index.ts";
import { serviceStatus } from "./status.ts";

const service = { metadata: { name: "crash", generation: 1 }, spec: { replicas: 1 } } as unknown as Microservice;

function readyOf(
  instances: readonly Instance[],
  refused: SiteState["refused"] = [],
  exclusive: { readonly served: string; readonly user: string } | undefined = undefined,
  served: string | undefined = exclusive?.served,
): { readonly reason: string; readonly message: string } {
  const status = serviceStatus(
    {
      service: exclusive === undefined ? service : { ...service, spec: { ...service.spec, exclusive: true } },
      site: { generations: [], refused, exclusive: [{ service: "crash", revision: exclusive?.user }] } as unknown as SiteState,
      servedMap: served === undefined ? undefined : { crash: served },
      revisionOf: () => undefined,
      instances,
      isHostKnown: () => true,
      unplaced: 0,
      port: 1,
      made: { revision: "crash-v1-1", templateHash: "0" },
      propagation: undefined,
      revisionError: undefined,
    },
    0,
  );
  const found = status.conditions?.find((one) => one.type === "Ready");
  assert.ok(found !== undefined);
  return found;
}

const instance = (ready: boolean): Instance =>
  ({
    metadata: { name: "crash-v1-1-0" },
    spec: { revision: "crash-v1-1", host: "here" },
    status: { ready, conditions: [{ type: "Ready", status: ready ? "True" : "False", reason: "Backoff", message: "exit status 3" }] },
  }) as unknown as Instance;

test("a service that was never served says what its instances suffer from", () => {
  assert.match(readyOf([instance(false)]).message, /being prepared; crash-v1-1-0: exit status 3/);
});

test("a service whose own instances are ready before its first generation says where to see what it waits for", () => {
  assert.match(readyOf([instance(true)]).message, /orrery update show/);
});

test("a service whose first revision was refused is not being prepared any more", () => {
  const ready = readyOf([], [{ service: "crash", revision: "crash-v1-1", reason: "not ready within 120 s" }] as unknown as SiteState["refused"]);
  assert.equal(ready.reason, "RevisionRefused");
  assert.match(ready.message, /crash-v1-1 is not served: not ready within 120 s/);
});

test("a service that starts again and again quotes its last words also while its next start has just begun", () => {
  const one = instance(false);
  const starting = {
    ...one,
    status: {
      ready: false,
      conditions: [{ type: "Ready", status: "False", reason: "Starting", message: "it is being started" }],
      lastExit: { lines: ["no key in the lock"] },
    },
  } as unknown as Instance;
  assert.match(readyOf([starting]).message, /it is being started; it had ended before, its last lines: no key in the lock/);
});

test("a service whose new version does not start says why, beside what is served", () => {
  const former = { ...instance(true), metadata: { name: "crash-v0-1-0" }, spec: { revision: "crash-v0-1", host: "here" } } as unknown as Instance;
  const starting = readyOf([former, instance(false)], [], undefined, "crash-v0-1");
  assert.deepEqual(
    [starting.reason, starting.message],
    ["Updating", "1 of 1 instances of crash-v0-1 ready; crash-v1-1 is on its way; crash-v1-1-0: exit status 3"],
  );
});

test("an exclusive service whose thing is still in other hands says in whose", () => {
  const former = { ...instance(true), metadata: { name: "crash-v0-1-0" }, spec: { revision: "crash-v0-1", host: "here" } } as unknown as Instance;
  const waiting = readyOf([instance(true), former], [], { served: "crash-v1-1", user: "crash-v0-1" });
  assert.equal(waiting.reason, "HandingOver");
  assert.match(waiting.message, /crash-v1-1 is passive: .* crash-v0-1 are gone \(crash-v0-1-0\)/);
  assert.equal(readyOf([instance(true)], [], { served: "crash-v1-1", user: "crash-v1-1" }).reason, "Ready");
});

test("what was refused says both ways out, and an instance that can never be made says why", () => {
  const view = {
    service,
    site: { generations: [], refused: [{ service: "crash", revision: "crash-v2-2", reason: "not ready" }], exclusive: [] } as unknown as SiteState,
    servedMap: { crash: "crash-v1-1" },
    revisionOf: () => undefined,
    instances: [instance(true)],
    isHostKnown: () => true,
    unplaced: 0,
    port: 1,
    made: { revision: "crash-v2-2", templateHash: "0" },
    propagation: undefined,
    revisionError: undefined,
  };
  const conditionOf = (type: string, more: object = {}) => serviceStatus({ ...view, ...more }, 0).conditions?.find((one) => one.type === type);
  const { message = "" } = conditionOf("Diverged") ?? {};
  assert.match(message, /crash-v1-1 goes on being served; to have it tried again: orrery update crash --to crash-v2-2, or apply a changed template/);
  assert.match(message, /to stay with what is served: orrery update crash --to crash-v1-1$/);
  // What is not served is not said to be.
  for (const instances of [
    [],
    [instance(false)],
    [{ ...instance(true), metadata: { name: "crash-v1-1-0", deletionTimestamp: "2030-01-01T00:00:00Z" } }],
  ])
    for (const [type, more] of [
      ["Diverged", {}],
      ["Ready", { revisionError: "no such folder" }],
    ] as const) {
      const told = conditionOf(type, { instances, ...more })?.message ?? "";
      assert.match(told, /crash-v1-1 is what new transactions get, but none of its instances can be called now/);
      assert.doesNotMatch(told, /goes on being served/);
    }
  assert.match(conditionOf("Diverged", { servedMap: {} })?.message ?? "", /or give it up: orrery delete microservice crash$/);
  const ready = conditionOf("Ready", { instanceError: "metadata.labels: too long" });
  assert.deepEqual([ready?.reason, ready?.status], ["InstanceFailed", "False"]);
});
