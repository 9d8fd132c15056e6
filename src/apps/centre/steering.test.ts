import assert from "node:assert/strict";
import { test } from "node:test";
import { gateway, SITE_NAME, site, update } from "#/model/index.ts";
import { isReady, startCentre } from "./lead-rig.ts";

/** Below what a gateway's next report (2 s), or the next look (10 s), would take. */
const AT_ONCE_MS = 1500;

async function withAuth() {
  const centre = await startCentre();
  await centre.apply("auth", { template: centre.template("v1") });
  await centre.service("auth", isReady, "readiness");
  const steer = async (spec: object, until: () => Promise<unknown>): Promise<void> => {
    // What has just happened is looked at for the last time.
    await centre.sleep(700);
    const begunMs = centre.clock.now();
    await centre.store.patch(update, { name: "u" }, { type: "merge", body: { spec } });
    await until();
    const tookMs = centre.clock.now() - begunMs;
    assert.ok(tookMs < AT_ONCE_MS, `${JSON.stringify(spec)} took ${tookMs} ms`);
  };
  return { ...centre, steer };
}

test("an Update that is aborted while its instances start is given up at once, also while no gateway tells anything", async () => {
  const { store, startMs, updateIs, steer } = await withAuth();
  startMs.set("o9", undefined);
  await store.create(update, { metadata: { name: "u" }, spec: { services: [{ name: "auth", to: "o9" }] } });
  await updateIs("u", (one) => one.status?.phase === "Preparing" && one.status.generation === 2, "its generation");
  await steer({ aborted: true }, () => updateIs("u", (one) => one.status?.phase === "Aborted", "the end"));
});

test("a ramp is paused and promoted at once, also while no gateway tells anything", async () => {
  const { store, siteIs, updateIs, steer } = await withAuth();
  await store.create(update, {
    metadata: { name: "u" },
    spec: { services: [{ name: "auth", to: "o9" }], ramp: { steps: [{ share: 0.5, hold: "1h" }] } },
  });
  await updateIs("u", (one) => one.status?.phase === "Ramping", "the ramp");
  await steer({ paused: true }, () => updateIs("u", (one) => one.status?.waits?.[0]?.reason === "Paused", "the pause"));
  await steer({ paused: false, promoted: true }, () => siteIs((one) => one.status?.stamp?.generation === 2, "the switch"));
});

test("a fence is lifted at once when the gateway that does not answer is forgotten, also while nothing drains", async () => {
  const { apply, template, service, store, siteIs, sleep, clock } = await startCentre();
  await store.create(gateway, { metadata: { name: "burnt" }, spec: { host: "there", roles: ["host"] } });
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  await siteIs((one) => one.status?.fenced?.[0]?.host === "there" && one.status.generations?.[0]?.phase === "Active", "the fence");
  await sleep(700);
  const begunMs = clock.now();
  await store.delete(gateway, { name: "burnt" });
  await siteIs((one) => one.status?.fenced?.length === 0, "the end of the fence");
  assert.ok(clock.now() - begunMs < AT_ONCE_MS, `it took ${clock.now() - begunMs} ms`);
});

test("a leader that finds another one's term in the Site says so, and decides nothing any more", async () => {
  const { store, apply, template, until, deposed, sleep } = await withAuth();
  const present = await store.get(site, { name: SITE_NAME });
  assert.ok(present !== undefined);
  const epoch = (present.status?.epoch ?? 0) + 1;
  const stamped = await until(
    async () => {
      const read = await store.get(site, { name: SITE_NAME });
      if (read === undefined || read.status?.epoch === epoch) return read;
      await store
        .update(site, { metadata: read.metadata, spec: read.spec, status: { ...read.status, epoch } }, { subresource: "status" })
        .catch(() => {});
      return undefined;
    },
    () => true,
    "the other term",
  );
  await until(
    async () => deposed.count,
    (count) => count > 0,
    "the leader's end",
  );
  await apply("auth", { template: template("v2") });
  await sleep(1000);
  assert.deepEqual((await store.get(site, { name: SITE_NAME }))?.status?.generations, stamped.status?.generations);
});
