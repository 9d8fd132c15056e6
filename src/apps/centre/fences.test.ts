import assert from "node:assert/strict";
import { test } from "node:test";
import { gateway, SITE_NAME, site } from "#/model/index.ts";
import { isReady, startCentre } from "./lead-rig.ts";

/** A site whose generation 1 is served, with a registered gateway on another host that does not answer. */
async function withLostGateway() {
  const centre = await startCentre();
  await centre.store.create(gateway, { metadata: { name: "burnt" }, spec: { host: "there", roles: ["host"] } });
  await centre.apply("auth", { template: centre.template("v1") });
  await centre.service("auth", isReady, "readiness");
  /** The Event of the Site with that reason: type and text. */
  const told = async (reason: string): Promise<string | undefined> => {
    const one = (await centre.store.events({ fieldSelector: `reason=${reason}` })).find(({ involvedObject }) => involvedObject.kind === "Site");
    return one === undefined ? undefined : `${one.type}: ${one.message}`;
  };
  const event = (reason: string): Promise<string> =>
    centre.until(
      () => told(reason),
      () => true,
      `the Event ${reason}`,
    );
  assert.equal(
    await event("Fenced"),
    "Warning: hosts there are fenced: their gateway has not acknowledged the table with generation 1, so their instances serve only what is older; that ends by itself when it has, or is forgotten",
  );
  assert.equal(await told("Unfenced"), undefined);
  return { ...centre, event, told };
}

test("a fence is told as an Event of the Site, and so is its end when the gateway is back", async () => {
  const { addGateway, event, siteIs, told } = await withLostGateway();
  addGateway("burnt", "there");
  assert.equal(await event("Unfenced"), "Normal: hosts there are free again: their instances serve every generation");
  await siteIs((one) => one.status?.fenced?.length === 0, "the end of the fence");
  assert.equal(await told("DeclaredDead"), undefined);
});

test("who forgets the gateway of a fenced host is recorded, with what is not waited for any more, and the fence ends", async () => {
  const { store, event } = await withLostGateway();
  await store.delete(gateway, { name: "burnt" });
  assert.equal(
    await event("DeclaredDead"),
    "Warning: gateway burnt was declared dead by hand: what it had in flight of generations 1 is not waited for any more",
  );
  assert.match(await event("Unfenced"), /^Normal: hosts there are free again/);
});

test("what is said of lost gateways holds for one that is lost already", async () => {
  const { store, event } = await withLostGateway();
  await store.patch(site, { name: SITE_NAME }, { type: "merge", body: { spec: { lostEdge: { assumeDeadAfter: "100ms" } } } });
  assert.match(await event("DeclaredDead"), /^Warning: gateway burnt was declared dead after 100ms without it \(lostEdge\)/);
  assert.equal(await store.get(gateway, { name: "burnt" }), undefined);
});
