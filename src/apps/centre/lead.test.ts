import assert from "node:assert/strict";
import { test } from "node:test";
import { generation, type Instance, instance, microservice, resource, SITE_NAME, site, update } from "#/model/index.ts";
import { isReady, startCentre } from "./lead-rig.ts";

test("a Microservice becomes a Revision, a Generation, Instances, and Ready", async () => {
  const { apply, template, service, store, siteIs } = await startCentre();
  await apply("auth", { replicas: 2, template: template("v1") });
  const ready = await service("auth", isReady, "readiness");
  assert.equal(ready.status?.readyReplicas, 2);
  assert.equal(ready.status?.servedVersion, "v1");
  assert.ok((ready.status?.port ?? 0) >= 10_000);
  await siteIs((one) => one.status?.stamp?.generation === 1, "generation 1");
  const { items } = await store.list(instance);
  assert.deepEqual(
    items.map((one) => one.spec.duty),
    ["active", "active"],
  );
});

test("a changed template is served by the next generation; the old one is kept until its last transaction has ended", async () => {
  const { apply, template, service, store, gateway, siteIs, until } = await startCentre();
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  gateway.open.set(1, 1);
  await apply("auth", { template: template("v2") });
  await siteIs((one) => one.status?.stamp?.generation === 2, "the switch");
  await until(
    () => store.get(generation, { name: "g1" }),
    (one) => one.status?.waits?.[0]?.reason === "TransactionsOpen",
    "a named wait",
  );
  assert.equal((await store.list(instance)).items.length, 2);
  gateway.open.set(1, 0);
  gateway.tell();
  await until(
    async () => (await store.list(instance)).items,
    (items) => items.length === 1 && items[0]?.spec.version === "v2",
    "the withdrawal",
  );
  const record = await until(
    () => store.get(update, { name: "g2" }),
    (one) => one.status?.phase === "Complete",
    "completion",
  );
  assert.ok(record.status?.conditions?.some((one) => one.type === "Complete" && one.status === "True"));
  assert.deepEqual(
    record.status?.revisions?.map(({ service }) => service),
    ["auth"],
  );
});

test("scaling and balancing make no generation; stopping keeps everything but the instances", async () => {
  const { apply, template, service, store, until } = await startCentre();
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  await apply("auth", { replicas: 3, balancing: { algorithm: "leastTime" }, template: template("v1") });
  await service("auth", (one) => isReady(one) && one.status?.readyReplicas === 3, "three instances");
  await apply("auth", { suspended: true, replicas: 3, template: template("v1") });
  await until(
    async () => (await store.list(instance)).items,
    (items) => items.length === 0,
    "no instances",
  );
  assert.equal((await store.get(site, { name: SITE_NAME }))?.status?.counter, 1);
  await apply("auth", { replicas: 3, template: template("v1") });
  await service("auth", (one) => isReady(one) && one.status?.readyReplicas === 3, "three instances again");
});

test("a version that never gets ready is given up, quoted on the Microservice, and the old one goes on", async () => {
  const { apply, template, service, store, startMs, siteIs } = await startCentre();
  const present = await siteIs(() => true, "the site");
  await store.patch(site, { name: SITE_NAME }, { type: "merge", body: { spec: { readyWithin: "300ms" } } });
  assert.equal(present.status?.counter, 0);
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  startMs.set("v2", undefined);
  await apply("auth", { template: template("v2") });
  const diverged = await service(
    "auth",
    (one) => one.status?.conditions?.some((condition) => condition.type === "Diverged" && condition.status === "True") === true,
    "divergence",
  );
  assert.equal(diverged.status?.servedVersion, "v1");
  assert.match(diverged.status?.conditions?.find((one) => one.type === "Diverged")?.message ?? "", /not ready within/);
});

test("an explicit Update to an offered version records itself, writes the template and completes; back again is a new generation", async () => {
  const { apply, template, service, store, until } = await startCentre();
  await apply("auth", { template: template("v1") });
  const first = await service("auth", isReady, "readiness");
  await store.create(update, { metadata: { name: "to-o9" }, spec: { services: [{ name: "auth", to: "o9" }], message: "try nine" } });
  const done = await until(
    () => store.get(update, { name: "to-o9" }),
    (one) => one.status?.phase === "Complete",
    "completion",
  );
  assert.equal(done.status?.revisions?.[0]?.from, first.status?.servedRevision);
  assert.equal((await store.get(microservice, { name: "auth" }))?.spec.template.version, "o9");
  await store.create(update, { metadata: { name: "back" }, spec: { services: [{ name: "auth", to: first.status?.servedRevision ?? "" }] } });
  await until(
    () => store.get(update, { name: "back" }),
    (one) => one.status?.phase === "Complete",
    "the way back",
  );
  assert.equal((await store.get(microservice, { name: "auth" }))?.status?.servedRevision, first.status?.servedRevision);
  await store.create(update, { metadata: { name: "nonsense" }, spec: { services: [{ name: "auth", to: "v77" }] } });
  const refused = await until(
    () => store.get(update, { name: "nonsense" }),
    (one) => one.status?.phase === "Aborted",
    "refusal",
  );
  assert.match(refused.status?.waits?.[0]?.message ?? "", /no version or revision v77/);
});

test("a deleted Microservice leaves the map first, then its instances end, then it is gone", async () => {
  const { apply, template, service, store, until } = await startCentre();
  await apply("auth", { template: template("v1") });
  await apply("portal", { template: template("v1") });
  await service("auth", isReady, "readiness");
  await service("portal", isReady, "readiness");
  await store.delete(microservice, { name: "auth" });
  await until(
    async () => [(await store.get(microservice, { name: "auth" }))?.metadata.name ?? "gone"],
    ([name]) => name === "gone",
    "the end",
  );
  assert.deepEqual(
    (await store.list(instance)).items.map((one) => one.spec.service),
    ["portal"],
  );
});

test("a Resource's probe gets an Instance: a changed probe another one, none while it is switched off or after the Resource has gone", async () => {
  const { store, until } = await startCentre();
  const antenna = { name: "antenna" };
  const change = (spec: Record<string, unknown>) => store.patch(resource, antenna, { type: "merge", body: { spec } });
  const probes = (predicate: (items: readonly Instance[]) => boolean, what: string) =>
    until(async () => (await store.list(instance)).items, predicate, what);
  await store.create(resource, { metadata: antenna, spec: { id: "antenna/1", type: "thing", probe: { command: ["probe"] } } });
  const [first] = await probes((items) => items[0]?.spec.run?.command[0] === "probe", "a probe");
  assert.equal(first?.metadata.name, "probe-antenna");
  await change({ probe: { command: ["other"] } });
  const [second] = await probes((items) => items[0]?.spec.run?.command[0] === "other", "the changed probe");
  assert.notEqual(second?.metadata.uid, first.metadata.uid);
  await change({ probeEnabled: false });
  await probes((items) => items.length === 0, "no probe");
  await change({ probeEnabled: true });
  await probes((items) => items.length === 1, "the probe again");
  await store.delete(resource, antenna);
  await probes((items) => items.length === 0, "the end of the probe");
});

test("there is one Site: another is refused, and one that an older store holds decides nothing and may be deleted", async () => {
  const { store, lead, apply, template, service } = await startCentre();
  await assert.rejects(store.create(site, { metadata: { name: "main" }, spec: {} }), /metadata\.name: .*there is one Site/);
  const { name: _, ...older } = site;
  await store.create(older as unknown as typeof site, { metadata: { name: "main" }, spec: {} });
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  assert.deepEqual(
    [...lead.caches.of({ sites: site }).sites.values()].map((one) => one.metadata.name),
    [SITE_NAME],
  );
  await assert.rejects(store.delete(site, { name: SITE_NAME }), /is not deleted/);
  await store.delete(site, { name: "main" });
  assert.equal(await store.get(site, { name: "main" }), undefined);
});
