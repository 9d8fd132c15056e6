import assert from "node:assert/strict";
import { test } from "node:test";
import { instance, update } from "#/model/index.ts";
import { isReady, startCentre } from "./lead-rig.ts";

test("an instance that somebody else's finalizer keeps is told with it", async () => {
  const { apply, template, service, store, updateIs, until } = await startCentre();
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  const [kept] = (await store.list(instance)).items;
  assert.ok(kept !== undefined);
  const finalizers = [...(kept.metadata.finalizers ?? []), "example.org/kept"];
  await store.patch(instance, kept.metadata, { type: "merge", body: { metadata: { finalizers } } });
  await store.create(update, { metadata: { name: "u" }, spec: { services: [{ name: "auth", to: "o2" }] } });
  await until(
    () => store.get(instance, kept.metadata),
    (one) => one.metadata.finalizers?.length === 1,
    "its end",
  );
  await updateIs(
    "u",
    (one) => one.status?.waits?.some(({ message }) => message.includes("is kept by the finalizer example.org/kept")) === true,
    "the wait",
  );
  await store.patch(instance, kept.metadata, { type: "merge", body: { metadata: { finalizers: null } } });
  await updateIs("u", (one) => one.status?.phase === "Complete", "its end");
});
