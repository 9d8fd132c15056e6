import assert from "node:assert/strict";
import { test } from "node:test";
import { OrreryError } from "#/base/index.ts";
import { generation, revision, SITE_NAME, site, update } from "#/model/index.ts";
import { isReady, startCentre } from "./lead-rig.ts";

test("a Revision that is deleted while its instances start is made again, and the update goes on", async () => {
  const { apply, template, service, store, startMs, siteIs, sleep } = await startCentre();
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  startMs.set("v2", 1500);
  await apply("auth", { template: template("v2") });
  await siteIs((one) => one.status?.generations?.some((open) => open.number === 2 && open.phase === "Preparing") === true, "its generation");
  await sleep(300);
  const wanted = (await service("auth", () => true, "")).status?.revision ?? "";
  await store.delete(revision, { name: wanted });
  await service("auth", (one) => one.status?.servedVersion === "v2" && isReady(one), "the update");
  assert.ok((await store.get(revision, { name: wanted })) !== undefined);
});

test("a Revision that an Update asks for by name and that is deleted while it is prepared is made again", async () => {
  const { apply, template, service, store, startMs, siteIs, sleep, updateIs } = await startCentre();
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  startMs.set("o9", 1500);
  await store.create(update, { metadata: { name: "u" }, spec: { services: [{ name: "auth", to: "o9" }] } });
  await siteIs((one) => one.status?.generations?.some((open) => open.number === 2 && open.phase === "Preparing") === true, "its generation");
  await sleep(300);
  const u = await updateIs("u", (one) => one.status?.revisions?.[0]?.to !== undefined, "its revision");
  const wanted = u.status?.revisions?.[0]?.to ?? "";
  await store.delete(revision, { name: wanted });
  await service("auth", (one) => one.status?.servedVersion === "o9" && isReady(one), "the update");
  await updateIs("u", (one) => one.status?.phase === "Complete", "completion");
});

test("a Revision that is deleted and cannot be made again is given up in time, with the reason", async () => {
  let areFilesThere = true;
  const { apply, template, service, store, startMs, siteIs, until, updateIs } = await startCentre({
    keepFiles: async (files) => {
      if (files.length > 0 && !areFilesThere) throw new OrreryError("artifacts/missing", "there is no file keys.pem");
      return files.length > 0 ? "0".repeat(64) : undefined;
    },
  });
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  await store.patch(site, { name: SITE_NAME }, { type: "merge", body: { spec: { readyWithin: "3s" } } });
  startMs.set("v2", undefined);
  await apply("auth", { template: { ...template("v2"), files: [{ from: "keys.pem", to: "keys.pem" }] } });
  await siteIs((one) => one.status?.generations?.some((open) => open.number === 2 && open.phase === "Preparing") === true, "its generation");
  areFilesThere = false;
  await store.delete(revision, { name: (await service("auth", () => true, "")).status?.revision ?? "" });
  const waiting = await until(
    () => store.get(generation, { name: "g2" }),
    (one) => one.status?.waits?.[0]?.message.includes("keys.pem") === true,
    "the named wait",
  );
  assert.match(waiting.status?.waits?.[0]?.message ?? "", /its Revision is gone, and cannot be made again: there is no file keys\.pem/);
  const record = await updateIs("g2", (one) => one.status?.phase === "Aborted", "its end");
  assert.match(record.status?.waits?.[0]?.message ?? "", /not ready within 3 s: its Revision is gone/);
  assert.equal((await service("auth", () => true, "")).status?.servedVersion, "v1");
});
