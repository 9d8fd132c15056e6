import assert from "node:assert/strict";
import { test } from "node:test";
import { microservice, resource, revision, SITE_NAME, setCondition, site, update } from "#/model/index.ts";
import { isReady, startCentre } from "./lead-rig.ts";

const forbidden = { notDuring: [{ resource: "antenna", condition: "tracking" }] };

test("an Update that is aborted while it waits to be issued is not carried out", async () => {
  const { apply, template, service, store, updateIs, sleep } = await startCentre();
  await apply("auth", { template: template("v1"), ...forbidden });
  const first = await service("auth", isReady, "readiness");
  await store.create(update, { metadata: { name: "u" }, spec: { services: [{ name: "auth", to: "o9" }], strategy: "recreate" } });
  await updateIs("u", (one) => one.status?.waits?.[0]?.reason === "InterlockUnknown", "the wait for the interlock");
  await store.patch(update, { name: "u" }, { type: "merge", body: { spec: { aborted: true } } });
  await updateIs("u", (one) => one.status?.phase === "Aborted", "the abort");
  await sleep(1500);
  const state = (await store.get(site, { name: SITE_NAME }))?.status;
  const now = await store.get(microservice, { name: "auth" });
  assert.deepEqual(
    { generations: state?.generations?.map((one) => `${one.number}:${one.phase} ${one.update} ${one.strategy}`), wanted: now?.status?.revision },
    { generations: ["1:Active g1 undefined"], wanted: first.status?.servedRevision },
  );
});

test("an Update that is aborted within settle is not carried out", async () => {
  const { apply, template, service, store, updateIs, sleep } = await startCentre();
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  await store.create(update, {
    metadata: { name: "u" },
    spec: { services: [{ name: "auth", to: "o9" }], ramp: { steps: [{ share: 0.01, hold: "1h" }] } },
  });
  await updateIs("u", (one) => one.status?.phase === "Preparing", "its begin");
  await service("auth", (one) => one.spec.template.version === "o9", "its template");
  await store.patch(update, { name: "u" }, { type: "merge", body: { spec: { aborted: true } } });
  await updateIs("u", (one) => one.status?.phase === "Aborted", "the abort");
  await sleep(2500);
  assert.equal((await store.get(microservice, { name: "auth" }))?.status?.servedVersion, "v1");
});

test("the ramp of an Update is kept when another template is applied while it is prepared", async () => {
  const { apply, template, service, store, startMs, siteIs, sleep } = await startCentre();
  await apply("auth", { template: template("v1") });
  await apply("portal", { template: template("v1") });
  await service("auth", isReady, "readiness");
  await service("portal", isReady, "readiness");
  startMs.set("o9", 1500);
  await store.create(update, {
    metadata: { name: "u" },
    spec: { services: [{ name: "auth", to: "o9" }], ramp: { steps: [{ share: 0.01, hold: "1h" }] }, gates: {} },
  });
  await siteIs((one) => one.status?.generations?.some((open) => open.update === "u" && open.phase === "Preparing") === true, "preparing");
  await sleep(300);
  await apply("portal", { template: template("v2") });
  await siteIs(
    (one) => one.status?.generations?.some((open) => open.phase === "Ramping") === true || (one.status?.stamp?.generation ?? 1) > 1,
    "a switch or a ramp",
  );
  const status = (await store.get(site, { name: SITE_NAME }))?.status;
  const u = await store.get(update, { name: "u" });
  assert.equal(
    status?.stamp?.generation,
    1,
    `everybody gets it at once, without ramp and gates: u is ${u?.status?.phase}, ${status?.generations?.map((one) => `${one.number}:${one.phase} ${one.update}`).join(" ")}`,
  );
});

test("an Update that is deleted and made again under its name, with another version, is carried out", async () => {
  const { apply, template, service, store, updateIs, until } = await startCentre();
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  await store.create(update, { metadata: { name: "release" }, spec: { services: [{ name: "auth", to: "o2" }] } });
  await updateIs("release", (one) => one.status?.phase === "Complete", "completion");
  await store.delete(update, { name: "release" });
  await until(
    async () => [(await store.get(update, { name: "release" }))?.metadata.name ?? "gone"],
    ([name]) => name === "gone",
    "the end",
  );
  await store.create(update, { metadata: { name: "release" }, spec: { services: [{ name: "auth", to: "o3" }] } });
  const done = await updateIs("release", (one) => one.status?.phase === "Complete", "completion");
  assert.equal((await store.get(microservice, { name: "auth" }))?.spec.template.version, "o3", JSON.stringify(done.status));
});

test("a template that a person applies while an Update waits to be issued is not taken back", async () => {
  const { apply, template, service, store, updateIs, sleep } = await startCentre();
  await apply("auth", { template: template("v1"), ...forbidden });
  await service("auth", isReady, "readiness");
  await store.create(update, { metadata: { name: "u" }, spec: { services: [{ name: "auth", to: "o9" }], strategy: "recreate" } });
  await updateIs("u", (one) => one.status?.waits?.[0]?.reason === "InterlockUnknown", "the wait for the interlock");
  await store.patch(microservice, { name: "auth" }, { type: "merge", body: { spec: { template: { ...template("v3") } } } });
  await sleep(1500);
  const u = await store.get(update, { name: "u" });
  assert.equal(
    (await store.get(microservice, { name: "auth" }))?.spec.template.version,
    "v3",
    `what was applied is gone, and ${u?.metadata.name} is ${u?.status?.phase}`,
  );
});

test("an Update of two services of which one never gets ready changes nothing", async () => {
  const { apply, template, service, store, startMs, updateIs, sleep } = await startCentre();
  await siteReadyWithin(store);
  await apply("auth", { template: template("v1") });
  await apply("portal", { template: template("v1") });
  await service("auth", isReady, "readiness");
  await service("portal", isReady, "readiness");
  startMs.set("o8", undefined);
  await store.create(update, {
    metadata: { name: "both" },
    spec: {
      services: [
        { name: "auth", to: "o8" },
        { name: "portal", to: "o9" },
      ],
    },
  });
  await updateIs("both", (one) => one.status?.phase === "Aborted", "the abort");
  await sleep(2000);
  assert.equal((await store.get(microservice, { name: "portal" }))?.status?.servedVersion, "v1", "half of the Update is served");
});

async function siteReadyWithin(store: Awaited<ReturnType<typeof startCentre>>["store"]): Promise<void> {
  await store.patch(site, { name: SITE_NAME }, { type: "merge", body: { spec: { readyWithin: "600ms" } } });
}

test("the Site is not deleted, also by who may: it goes on being served, and the message says what to do instead", async () => {
  const { apply, template, service, store } = await startCentre();
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  await assert.rejects(store.delete(site, { name: SITE_NAME }), /Site site is not deleted: it decides about all traffic.*change its spec instead/);
  assert.ok((await store.get(site, { name: SITE_NAME }))?.status?.stamp !== undefined);
});

for (const [what, spec] of [
  ["is stopped", { suspended: true }],
  ["is scaled to 0", { replicas: 0 }],
] as const)
  test(`an update of a service that ${what} is complete, and says that its new version was not started`, async () => {
    const { apply, template, service, store, startMs, updateIs } = await startCentre();
    await apply("auth", { template: template("v1") });
    await service("auth", isReady, "readiness");
    await store.patch(microservice, { name: "auth" }, { type: "merge", body: { spec } });
    startMs.set("o9", undefined);
    await store.create(update, { metadata: { name: "u" }, spec: { services: [{ name: "auth", to: "o9" }] } });
    const done = await updateIs("u", (one) => one.status?.phase === "Complete", "completion");
    const told = (type: string) => done.status?.conditions?.find((one) => one.type === type);
    assert.deepEqual([told("Complete")?.status, told("Started")?.status, told("Started")?.reason], ["True", "False", "Suspended"]);
    assert.match(told("Started")?.message ?? "", new RegExp(`^auth ${what}: auth-o9-[0-9a-f]{8} was not started`));
  });

test("an update of a service that runs says nothing of whether it was started", async () => {
  const { apply, template, service, store, updateIs } = await startCentre();
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  await store.create(update, { metadata: { name: "u" }, spec: { services: [{ name: "auth", to: "o9" }] } });
  const done = await updateIs("u", (one) => one.status?.phase === "Complete", "completion");
  assert.equal(
    done.status?.conditions?.some((one) => one.type === "Started"),
    false,
  );
});

test("what is beyond revisionHistoryLimit cannot be gone back to: the Update is aborted and says so, and nothing changes", async () => {
  const { apply, template, service, store, until, updateIs } = await startCentre();
  await apply("auth", { revisionHistoryLimit: 1, template: template("v1") });
  const first = (await service("auth", isReady, "readiness")).status?.servedRevision ?? "";
  await apply("auth", { revisionHistoryLimit: 1, template: template("v2") });
  await updateIs("g2", (one) => one.status?.phase === "Complete", "its update");
  const [kept] = await until(
    async () => (await store.list(revision)).items,
    (items) => items.length === 1,
    "the end of the first revision",
  );
  assert.equal(kept?.spec.template.version, "v2");
  const back = (await updateIs("g2", () => true, "")).status?.revisions?.[0];
  assert.equal(back?.from, first);
  await store.create(update, { metadata: { name: "back" }, spec: { services: [{ name: "auth", to: first }] } });
  const aborted = await updateIs("back", (one) => one.status?.phase === "Aborted", "its end");
  assert.deepEqual([aborted.status?.waits?.[0]?.reason, aborted.status?.generation], ["CannotBegin", undefined]);
  assert.match(
    aborted.status?.waits?.[0]?.message ?? "",
    new RegExp(`auth has no version or revision ${first} \\(it may have been pruned\\); known are v2. Apply a manifest with that version instead`),
  );
  assert.equal((await service("auth", isReady, "")).status?.servedVersion, "v2");
});

test("an Update that is paused says since when, not since when its phase lasts", async () => {
  const { apply, template, service, store, updateIs, sleep } = await startCentre();
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  await store.create(update, {
    metadata: { name: "u" },
    spec: { services: [{ name: "auth", to: "o9" }], ramp: { steps: [{ share: 0.01, hold: "1h" }] } },
  });
  await updateIs("u", (one) => one.status?.phase === "Ramping", "its ramp");
  await sleep(1200);
  await store.patch(update, { name: "u" }, { type: "merge", body: { spec: { paused: true } } });
  await updateIs("u", (one) => one.status?.waits?.[0]?.reason === "Paused", "the pause");
  const since = async (): Promise<string | undefined> => (await store.get(update, { name: "u" }))?.status?.waits?.[0]?.since;
  const told = (await since()) ?? "";
  const ramping = (await store.get(update, { name: "u" }))?.status?.phases?.at(-1)?.since ?? "";
  assert.ok(Date.parse(told) >= Date.parse(ramping) + 1000, `${told} after ${ramping}`);
  await sleep(1200);
  assert.equal(await since(), told);
});

test("of the updates that have ended the last hundred are kept", async () => {
  const { apply, template, service, store, until } = await startCentre();
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  const names = Array.from({ length: 104 }, (_, index) => `u${String(index).padStart(3, "0")}`);
  for (const name of names) {
    await store.create(update, { metadata: { name }, spec: { services: [{ name: "auth", to: "nowhere" }] } });
    await until(
      async () => (await store.get(update, { name }))?.status?.phase,
      (phase) => phase === "Aborted",
      "its end",
    );
  }
  const kept = await until(
    async () => (await store.list(update)).items.map((one) => one.metadata.name).filter((name) => names.includes(name)),
    (left) => left.length <= 100,
    "the end of the oldest",
  );
  assert.deepEqual(kept, names.slice(-kept.length));
  assert.ok(kept.length >= 98, `${kept.length} are kept`);
});

test("an update that was forbidden while it held goes on by itself when that is over, as it was asked for and under its own record", async () => {
  const { apply, template, service, store, gateway, updateIs, siteIs, clock } = await startCentre();
  await store.create(resource, { metadata: { name: "antenna" }, spec: { id: "antenna", type: "thing" } });
  const observe = async (isTracking: boolean) => {
    const former = (await store.get(resource, { name: "antenna" }))?.status?.conditions;
    const status = isTracking ? "True" : "False";
    const conditions = setCondition(former, { type: "Tracking", status, reason: "Observed", message: "as observed" }, clock.now());
    await store.patch(resource, { name: "antenna" }, { type: "merge", body: { status: { conditions } } }, { subresource: "status" });
  };
  await observe(false);
  await apply("auth", { template: template("v1"), notDuring: [{ resource: "antenna", condition: "Tracking" }] });
  await service("auth", isReady, "readiness");
  gateway.open.set(1, 3);
  gateway.tell();
  await store.create(update, { metadata: { name: "u" }, spec: { services: [{ name: "auth", to: "o9" }], strategy: "quiescence" } });
  await updateIs("u", (one) => one.status?.phase === "Holding", "the hold");
  await observe(true);
  await updateIs("u", (one) => one.status?.waits?.[0]?.reason === "Interlocked", "the wait for the antenna");
  gateway.open.clear();
  gateway.tell();
  await observe(false);
  const done = await updateIs("u", (one) => one.status?.phase === "Complete", "completion");
  const state = (await siteIs((one) => one.status?.generations?.length === 1, "one generation")).status;
  assert.deepEqual(
    {
      generation: done.status?.generation,
      open: state?.generations?.map((one) => `g${one.number} ${one.phase} ${one.update} ${one.strategy}`),
      phases: done.status?.phases?.map((one) => one.phase).join(" "),
      updates: (await store.list(update)).items.map((one) => one.metadata.name).sort(),
    },
    {
      generation: 3,
      open: ["g3 Active u quiescence"],
      phases: "Preparing Distributing Holding Preparing Distributing Holding Draining Complete",
      updates: ["g1", "u"],
    },
  );
});
