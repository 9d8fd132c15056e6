import assert from "node:assert/strict";
import test from "node:test";
import { type Microservice, microservice, type Resource, resource } from "#/model/index.ts";
import { interlockOf } from "./interlock.ts";

const METADATA = { namespace: "default", uid: "u", resourceVersion: "1", generation: 1, creationTimestamp: "2026-01-01T00:00:00Z" };

function service(notDuring: readonly { resource: string; condition: string }[]): Microservice {
  const spec = microservice.spec.parse({ notDuring, template: { version: "v1", run: { command: ["x"] } } });
  return { apiVersion: "orrery.dev/v1", kind: "Microservice", metadata: { ...METADATA, name: "pointing" }, spec } as Microservice;
}

function antenna(status: Resource["status"]): Resource {
  const spec = resource.spec.parse({ id: "antenna", type: "thing" });
  return { apiVersion: "orrery.dev/v1", kind: "Resource", metadata: { ...METADATA, name: "antenna" }, spec, status } as Resource;
}

const at = "2026-01-01T00:00:00Z";
const ready = { type: "Ready", status: "True", reason: "Observed", message: "", lastTransitionTime: at } as const;
const asked = (status: Resource["status"] | undefined): string | undefined =>
  interlockOf([service([{ resource: "antenna", condition: "tracking" }])], () => (status === undefined ? undefined : antenna(status)), 5)?.reason;

test("an update waits while a condition, or an observed property, is true", () => {
  assert.equal(asked({ observed: { tracking: true }, conditions: [ready] }), "Interlocked");
  assert.equal(asked({ observed: { tracking: false }, conditions: [ready] }), undefined);
  assert.equal(asked({ conditions: [ready, { ...ready, type: "tracking" }] }), "Interlocked");
  assert.equal(asked({ conditions: [ready, { ...ready, type: "tracking", status: "False" }] }), undefined);
});

test("what is not known forbids: no such resource, no such property, an observation that is too old", () => {
  assert.equal(asked(undefined), "InterlockUnknown");
  assert.equal(asked({ observed: {}, conditions: [ready] }), "InterlockUnknown");
  const stale = { ...ready, status: "False", reason: "Stale", message: "observed 40 s ago" } as const;
  assert.equal(asked({ observed: { tracking: false }, conditions: [stale] }), "InterlockUnknown");
});

test("a service without interlocks may be updated at any time", () => {
  assert.equal(
    interlockOf([service([]), undefined], () => undefined, 5),
    undefined,
  );
});
