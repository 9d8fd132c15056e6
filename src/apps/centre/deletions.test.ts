import assert from "node:assert/strict";
import { test } from "node:test";
import { generation, host, instance, type Kind, microservice, revision, VOLUME_FINALIZER, volume } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";
import { checkDeletion as checkByParts } from "./chosen-parts.ts";
import { isReady, startCentre } from "./lead-rig.ts";
import { CENTRE_PARTS } from "./parts.ts";

const checkDeletion = (store: Store, kind: Kind, keys: { readonly name: string }[]): Promise<readonly string[]> =>
  checkByParts(CENTRE_PARTS, store, kind, keys);

test("what transactions meet is not deleted: open generations and their revisions; what is served no longer may be", async () => {
  const { store, apply, template, service, siteIs, until } = await startCentre();
  const check = (kind: Kind, name: string): Promise<readonly string[]> => checkDeletion(store, kind, [{ name }]);
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  const former = (await store.get(microservice, { name: "auth" }))?.status?.revision ?? "";
  await assert.rejects(check(generation, "g1"), {
    code: "store/immutable",
    message: /^generation g1 is not deleted: it is Active: it says which revisions its transactions meet\. .*orrery update show$/,
  });
  await assert.rejects(check(revision, former), {
    message: /generation 1 \(Active\) has it for auth\. Serve another one first: orrery update auth --to VERSION$/,
  });
  await apply("auth", { template: template("v2") });
  await siteIs((one) => one.status?.stamp?.generation === 2 && one.status.generations?.length === 1, "the update");
  await until(
    () => store.get(generation, { name: "g1" }),
    (one) => one.status?.phase === "Closed",
    "the end",
  );
  assert.deepEqual(await check(generation, "g1"), []);
  assert.deepEqual(await check(revision, former), []);
});

test("who deletes a service is told who still says that he calls it", async () => {
  const { store, apply, template } = await startCentre();
  await apply("auth", { template: template("v1") });
  for (const name of ["portal", "proc"]) await apply(name, { template: { ...template("v1"), calls: ["auth", "proc"] } });
  const told = (...names: string[]): Promise<readonly string[]> =>
    checkDeletion(
      store,
      microservice,
      names.map((name) => ({ name })),
    );
  assert.deepEqual(await told("auth"), ["portal, proc still call auth: from the switch on these calls are refused (503)"]);
  assert.deepEqual(await told("proc"), ["portal still calls proc: from the switch on these calls are refused (503)"]);
  assert.deepEqual(await told("portal"), []);
  // Of several only those are named that stay.
  assert.deepEqual(await told("auth", "proc"), [
    "portal still calls auth: from the switch on these calls are refused (503)",
    "portal still calls proc: from the switch on these calls are refused (503)",
  ]);
});

test("a volume that an instance has is not removed; one that none has goes, with a warning", async () => {
  const { store, apply, template, service, until } = await startCentre();
  await apply("pg", { template: { ...template("v1"), volumes: [{ name: "data" }] } });
  await service("pg", isReady, "readiness");
  const made = await store.get(volume, { name: "pg.data.0" });
  assert.deepEqual(made?.spec, { service: "pg", volume: "data", slot: 0, host: "here" });
  const check = (): Promise<readonly string[]> => checkDeletion(store, volume, [{ name: "pg.data.0" }]);
  await assert.rejects(check(), { code: "store/immutable", message: /pg-v1-\S+ uses it\. Stop the service first \(orrery stop pg\)/ });
  await store.patch(microservice, { name: "pg" }, { type: "merge", body: { spec: { suspended: true } } });
  await until(
    async () => (await store.list(instance)).items,
    (items) => items.length === 0,
    "the end of its instance",
  );
  assert.deepEqual(await check(), ["volume pg.data.0: its data is removed for good"]);
  // The service goes, its data stays.
  await store.delete(microservice, { name: "pg" });
  await until(
    async () => [(await store.get(microservice, { name: "pg" }))?.metadata.name ?? "gone"],
    ([name]) => name === "gone",
    "the end of the service",
  );
  assert.ok(await store.get(volume, { name: "pg.data.0" }));
});

test("a deleted volume of a host that is deleted, too, is let go: nobody is there to remove it", async () => {
  const { store, until, sleep } = await startCentre();
  const make = (name: string, on: string) =>
    store.create(volume, { metadata: { name, finalizers: [VOLUME_FINALIZER] }, spec: { service: "pg", volume: "data", slot: 0, host: on } });
  await store.create(host, { metadata: { name: "gone" }, spec: {} });
  for (const name of ["pg.data.0", "pg.data.1"]) await make(name, "gone");
  await store.delete(volume, { name: "pg.data.0" });
  await sleep(100);
  assert.ok(await store.get(volume, { name: "pg.data.0" }), "its host may come back");
  await store.delete(host, { name: "gone" });
  await until(
    async () => [(await store.get(volume, { name: "pg.data.0" }))?.metadata.name ?? "gone"],
    ([name]) => name === "gone",
    "its end",
  );
  assert.ok(await store.get(volume, { name: "pg.data.1" }), "nobody has asked for the end of this one");
});
