import assert from "node:assert/strict";
import { test } from "node:test";
import type { Instance, Microservice } from "#/model/index.ts";
import type { SiteState } from "#/update/core/index.ts";
import { serviceStatus } from "./status.ts";

const service = { metadata: { name: "crash", generation: 1 }, spec: { replicas: 1 } } as unknown as Microservice;

function readyOf(instances: readonly Instance[], refused: SiteState["refused"] = []): { readonly reason: string; readonly message: string } {
  const status = serviceStatus(
    {
      service,
      site: { generations: [], refused } as unknown as SiteState,
      servedMap: undefined,
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
