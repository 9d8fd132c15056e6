import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, OrreryError, seededRandom, silentLog } from "#/base/index.ts";
import type { Instance } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";
import type { InstanceStatus } from "./instance-status.ts";
import { StatusWriter } from "./status-writer.ts";

/** One Instance in a store that takes no write on another version, as the real one. */
function rig() {
  let version = 1;
  let present = { metadata: { name: "auth-v1-0", uid: "u", resourceVersion: "1" }, spec: {} } as unknown as Instance;
  const conflicts = { count: 0 };
  const write = (change: Partial<Instance>): Instance => {
    present = { ...present, ...change, metadata: { ...present.metadata, resourceVersion: String(++version) } };
    return present;
  };
  const update = async (_kind: unknown, input: Pick<Instance, "metadata" | "status">): Promise<Instance> => {
    if (input.metadata.resourceVersion !== present.metadata.resourceVersion) {
      conflicts.count++;
      throw new OrreryError("store/conflict", "it has moved", { retry: "after-reread" });
    }
    return write({ status: input.status ?? {} } as Partial<Instance>);
  };
  const store = { update, get: async () => present } as unknown as Store;
  const clock = new ManualClock();
  const writer = new StatusWriter({ store, clock, random: seededRandom(1), log: silentLog, signal: new AbortController().signal }, present);
  const settle = async (): Promise<void> => {
    for (let count = 0; count < 20; count++) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(1000);
    }
  };
  return { writer, write, settle, conflicts, present: () => present, update };
}

const status = (ready: boolean): InstanceStatus => ({ phase: "Running", ready, restarts: 0, conditions: [] }) as unknown as InstanceStatus;

test("a status is written on the version that was seen, and on the newer one where the object has moved", async () => {
  const { writer, write, settle, conflicts, present } = rig();
  writer.submit(status(false));
  await settle();
  assert.equal(present().status?.ready, false);
  write({});
  writer.submit(status(true));
  await settle();
  assert.equal(present().status?.ready, true);
  assert.equal(conflicts.count, 1);
});

test("a write that is carried out after the next one changes nothing", async () => {
  const { writer, settle, present, update } = rig();
  const { metadata } = present();
  writer.submit(status(true));
  await settle();
  await assert.rejects(update(undefined, { metadata, status: status(false) }));
  assert.equal(present().status?.ready, true);
});

test("a status that is gone, since the store was put back, is written again", async () => {
  const { writer, write, settle, present } = rig();
  writer.submit(status(true));
  await settle();
  writer.update(write({ status: {} as InstanceStatus }));
  await settle();
  assert.equal(present().status?.ready, true);
});
