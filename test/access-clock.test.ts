import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { STORED_KINDS } from "#/apps/centre/parts.ts";
import { type Clock, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { approval, microservice, role, type StoredObject, site, user } from "#/model/index.ts";
import { fixedRoles, openAccess } from "#/people/access/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";
import { person } from "./approval-centre.ts";

const HOUR_MS = 3_600_000;
const TEMPLATE = { version: "v1", run: { command: ["node"] } };

test("a clock that is set gives no approval a longer life: not to be approved, not to be used; set right again it waits as before", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-clock-"));
  let offMs = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + offMs };
  const common = { clock, random: systemRandom, log: silentLog };
  const stop = new AbortController();
  const tree = await openSqliteTree({ file: path.join(folder, "tree.db"), clock, random: systemRandom });
  const store = await openTreeStore({ tree, ...common, kinds: STORED_KINDS });
  await store.create(role, { metadata: { name: "second" }, spec: {} });
  for (const [name, roles] of Object.entries({ op: [{ role: "operator" }], eva: [{ role: "second" }] }))
    await store.create(user, { metadata: { name }, spec: { roles } });
  const fourEyes = [{ name: "a", actions: ["scale", "run-script"], approvers: ["second"], within: "1h" }];
  await store.create(site, { metadata: { name: "site" }, spec: { fourEyes } as object });
  const before = await store.create(microservice, { metadata: { name: "auth" }, spec: { template: TEMPLATE } });
  const { approvals, ready, ended } = openAccess({ store, kinds: STORED_KINDS, machine: fixedRoles([]), ...common, signal: stop.signal });
  t.after(async () => {
    stop.abort();
    await ended;
    await store.close();
    await tree.close();
    rmSync(folder, { recursive: true });
  });
  await ready;
  const [op, eva] = await Promise.all(["op", "eva"].map(async (name) => person(name, (await store.get(user, { name }))?.metadata.uid ?? "")));
  assert.ok(op !== undefined && eva !== undefined);
  const after = { ...before, spec: { ...before.spec, replicas: 3 } } as StoredObject;
  await assert.rejects(approvals.guard(op, microservice, [before, after], {}), { code: "access/waits" });
  const call = (): Promise<void> => approvals.guardCall(op, "run-script", { objects: [before], call: "script x" }, {});
  await assert.rejects(call(), { code: "access/waits" });
  const [waiting, called] = (await store.list(approval)).items.toSorted((a, b) => (a.spec.verb === "call" ? 1 : b.spec.verb === "call" ? -1 : 0));
  assert.ok(waiting !== undefined && called !== undefined);
  offMs = -48 * HOUR_MS;
  await assert.rejects(approvals.approve(eva, waiting.metadata.name), { code: "access/decided", message: /clock .*was set back/ });
  offMs = 0;
  await approvals.approve(eva, called.metadata.name);
  // What was approved is used within its time alone.
  for (const ms of [-48 * HOUR_MS, 48 * HOUR_MS]) {
    offMs = ms;
    await assert.rejects(call(), { code: "access/waits" }, String(ms));
  }
  offMs = 0;
  await call();
  assert.equal((await store.get(approval, waiting.metadata))?.status?.phase, "Waiting");
  offMs = 2 * HOUR_MS;
  await assert.rejects(approvals.approve(eva, waiting.metadata.name), { code: "access/decided", message: /has expired/ });
});
