import assert from "node:assert/strict";
import { test } from "node:test";
import { OrreryError } from "#/base/index.ts";
import { SITE_NAME, site } from "#/model/index.ts";
import { isReady, startCentre } from "./lead-rig.ts";

test("a template that goes on changing is named, and does not keep other services from being updated", async () => {
  const { apply, template, service, store, siteIs, sleep } = await startCentre();
  await store.patch(site, { name: SITE_NAME }, { type: "merge", body: { spec: { settle: "300ms" } } });
  await apply("auth", { template: template("v1") });
  await apply("portal", { template: template("v1") });
  const first = await service("auth", isReady, "readiness");
  await service("portal", isReady, "readiness");
  let isFlapping = true;
  const flapping = (async () => {
    for (let version = 2; isFlapping; version++) {
      await apply("auth", { template: template(`v${version}`) });
      await sleep(100);
    }
  })();
  try {
    await apply("portal", { template: template("v2") });
    const waiting = await siteIs((one) => one.status?.waits?.some(({ reason }) => reason === "Settling") === true, "the named wait");
    assert.equal(waiting.status?.waits?.[0]?.object, "microservice/auth");
    await service("portal", (one) => one.status?.servedVersion === "v2", "the update of portal");
    assert.equal((await service("auth", () => true, "")).status?.servedRevision, first.status?.servedRevision);
  } finally {
    isFlapping = false;
    await flapping;
  }
  await service("auth", (one) => one.status?.servedRevision === one.status?.revision && isReady(one), "what it says at last");
  await siteIs((one) => one.status?.waits === undefined, "no wait");
});

test("a template that is changed faster than its instances start takes back what is begun a few times, then others go on without it", async () => {
  const { apply, template, service, store, sleep, startMs } = await startCentre();
  await store.patch(site, { name: SITE_NAME }, { type: "merge", body: { spec: { settle: "200ms" } } });
  for (const name of ["auth", "portal"]) await apply(name, { template: template("v1") });
  await service("auth", isReady, "readiness");
  await service("portal", isReady, "readiness");
  let isChanging = true;
  const changing = (async () => {
    for (let version = 2; isChanging; version++) {
      startMs.set(`v${version}`, 800);
      await apply("auth", { template: template(`v${version}`) });
      await sleep(500);
    }
  })();
  try {
    await sleep(500);
    await apply("portal", { template: template("p2") });
    await service("portal", (one) => one.status?.servedVersion === "p2", "the update of portal");
  } finally {
    isChanging = false;
    await changing;
  }
  await service("auth", (one) => one.status?.servedRevision === one.status?.revision && isReady(one), "what it says at last");
});

test("a template of which no revision can be made is named with the reason, and does not keep other services from being updated", async () => {
  const { apply, template, service, siteIs } = await startCentre({
    keepFiles: async (files) => {
      if (files.length > 0) throw new OrreryError("artifacts/missing", "there is no file keys.pem");
      return undefined;
    },
  });
  await apply("auth", { template: template("v1") });
  await apply("portal", { template: template("v1") });
  await service("portal", isReady, "readiness");
  await apply("auth", { template: { ...template("v2"), files: [{ from: "keys.pem", to: "keys.pem" }] } });
  await apply("portal", { template: template("v2") });
  await service("portal", (one) => one.status?.servedVersion === "v2", "the update of portal");
  const waiting = await siteIs((one) => one.status?.waits?.[0]?.reason === "RevisionNotMade", "the named wait");
  assert.equal(waiting.status?.waits?.[0]?.object, "microservice/auth");
  assert.match(waiting.status?.waits?.[0]?.message ?? "", /there is no file keys\.pem/);
  await apply("auth", { template: template("v3") });
  await service("auth", (one) => one.status?.servedVersion === "v3", "what can be made");
  await siteIs((one) => one.status?.waits === undefined, "no wait");
});
