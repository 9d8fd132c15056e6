import assert from "node:assert/strict";
import { test } from "node:test";
import { instance } from "#/model/index.ts";
import { rivalOf, type Sharer } from "./rival.ts";

const make = (service: string, revision: string, more: object = {}): Sharer["instance"] => ({
  metadata: {
    name: `${revision}-0`,
    namespace: "default",
    uid: revision,
    resourceVersion: "1",
    generation: 1,
    creationTimestamp: "2026-01-01T00:00:00Z",
  },
  spec: instance.spec.parse({ host: "h1", slot: 0, service, revision, exclusive: true, run: { command: ["true"] }, ...more }),
});
const user: Sharer = { instance: make("antenna", "antenna-v2"), mayUse: true };

test("what another revision on the host may still use is told to nobody else", () => {
  assert.equal(rivalOf(make("antenna", "antenna-v1"), [user]), user);
  assert.equal(rivalOf(make("antenna", "antenna-v1", { duty: "draining" }), [user]), user);
});

test("one that is passive, or of the same revision, is in nobody's way", () => {
  assert.equal(rivalOf(make("antenna", "antenna-v1"), [{ ...user, mayUse: false }]), undefined);
  assert.equal(rivalOf(make("antenna", "antenna-v2", { slot: 1 }), [user]), undefined);
});

test("one that is to be passive waits for nobody, nor does another service, or one that is not exclusive", () => {
  assert.equal(rivalOf(make("antenna", "antenna-v1", { duty: "passive" }), [user]), undefined);
  assert.equal(rivalOf(make("auth", "auth-v1"), [user]), undefined);
  assert.equal(rivalOf(make("antenna", "antenna-v1", { exclusive: false }), [user]), undefined);
});
