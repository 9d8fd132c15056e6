import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { CHANGED_BY_ANNOTATION, type StoredObject } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { openApiSite } from "./api-site.ts";

const PATH = "/apis/orrery.dev/v1/namespaces/default";
const MERGE = "application/merge-patch+json";
const APPLY = "application/apply-patch+yaml";
const JSON_PATCH = "application/json-patch+json";

/** A site where whoever has the token `<name>-…` is the admin called so. */
async function openSite(context: TestContext): Promise<{ ada: Client; ben: Client }> {
  const site = await openApiSite(context, {
    api: {
      authenticate: (given) => ({ name: ("bearer" in given ? given.bearer : "").split("-")[0] ?? "", groups: ["orrery:admins"], via: "machine" }),
    },
  });
  return { ada: site.client("admin", { token: "ada-0123456789abcdef" }), ben: site.client("admin", { token: "ben-0123456789abcdef" }) };
}

const service = (fields: object = {}, annotations?: object) => ({
  apiVersion: "orrery.dev/v1",
  kind: "Microservice",
  metadata: { name: "auth", ...(annotations === undefined ? {} : { annotations }) },
  spec: { template: { version: "v1", run: { command: ["node"] } }, ...fields },
});
const by = (answer: { readonly body: unknown }): string | undefined => (answer.body as StoredObject).metadata.annotations?.[CHANGED_BY_ANNOTATION];
const create = (api: Client, plural: string, body: object) => api.request({ method: "POST", path: `${PATH}/${plural}`, body });
const patch = (api: Client, contentType: string, body: unknown, more: { part?: string; query?: Record<string, string> } = {}) =>
  api.request({ method: "PATCH", path: `${PATH}/microservices/auth${more.part ?? ""}`, contentType, body, query: more.query ?? {} });
const read = (api: Client) => api.request({ path: `${PATH}/microservices/auth` });

describe("the user of a change", () => {
  it("is recorded when the spec of a Microservice changes, by whatever request", async (t) => {
    const { ada, ben } = await openSite(t);
    assert.equal(by(await create(ada, "microservices", service())), "ada");
    assert.equal(by(await patch(ben, MERGE, { spec: { retries: 2 } })), "ben");
    assert.equal(by(await patch(ada, JSON_PATCH, [{ op: "replace", path: "/spec/retries", value: 3 }])), "ada");
    assert.equal(by(await patch(ben, APPLY, service({ retries: 4 }), { query: { fieldManager: "x", force: "true" } })), "ben");
    await patch(ada, MERGE, { spec: { replicas: 3 } }, { part: "/scale" });
    const scaled = await read(ada);
    assert.equal(by(scaled), "ada");
    const body = scaled.body as StoredObject;
    const replaced = { ...body, spec: { ...(body.spec as object), retries: 5 } };
    assert.equal(by(await ben.request({ method: "PUT", path: `${PATH}/microservices/auth`, body: replaced })), "ben");
  });

  it("stays where the spec does not change, and a dry run shows no change of it", async (t) => {
    const { ada, ben } = await openSite(t);
    await create(ada, "microservices", service({ retries: 2 }));
    assert.equal(by(await patch(ben, MERGE, { metadata: { labels: { a: "b" } } })), "ada");
    assert.equal(by(await patch(ben, MERGE, { spec: { retries: 2 } })), "ada");
    assert.equal(by(await patch(ben, APPLY, service({ retries: 2 }), { query: { fieldManager: "x" } })), "ada");
    assert.equal(by(await patch(ben, MERGE, { spec: { retries: 3 } }, { query: { dryRun: "All" } })), "ada");
    assert.equal(by(await read(ada)), "ada");
  });

  it("cannot be forged, or taken away", async (t) => {
    const { ada, ben } = await openSite(t);
    const forged = { [CHANGED_BY_ANNOTATION]: "eve", note: "kept" };
    const created = await create(ada, "microservices", service({}, forged));
    assert.deepEqual((created.body as StoredObject).metadata.annotations, { note: "kept", [CHANGED_BY_ANNOTATION]: "ada" });
    assert.equal(by(await patch(ben, MERGE, { metadata: { annotations: forged } })), "ada");
    assert.equal(by(await patch(ben, MERGE, { metadata: { annotations: null } })), "ada");
    assert.equal(by(await patch(ben, MERGE, { metadata: { annotations: forged }, spec: { retries: 3 } })), "ben");
    const path = `/metadata/annotations/${CHANGED_BY_ANNOTATION.replace("/", "~1")}`;
    assert.equal(by(await patch(ada, JSON_PATCH, [{ op: "remove", path }])), "ben");
    const applied = await patch(ada, APPLY, service({}, forged), { query: { fieldManager: "x", force: "true" } });
    assert.equal(by(applied), "ben");
    const entries = (applied.body as StoredObject).metadata.managedFields ?? [];
    assert.doesNotMatch(JSON.stringify(entries.find((entry) => entry.manager === "x")), /changed-by/);
  });

  it("is who deletes a Microservice that has to wait for its end, and not who tries it", async (t) => {
    const { ada, ben } = await openSite(t);
    const body = service();
    await create(ada, "microservices", { ...body, metadata: { ...body.metadata, finalizers: ["test/wait"] } });
    const remove = (query: Record<string, string>) => ben.request({ method: "DELETE", path: `${PATH}/microservices/auth`, query });
    await remove({ dryRun: "All" });
    assert.equal(by(await read(ada)), "ada");
    await remove({});
    assert.equal(by(await read(ada)), "ben");
    await ada.request({ method: "DELETE", path: `${PATH}/microservices/auth` });
    assert.equal(by(await read(ada)), "ben");
  });

  it("is who made an Update, whoever steers it", async (t) => {
    const { ada, ben } = await openSite(t);
    const spec = { services: [{ name: "auth", to: "v2" }] };
    const made = await create(ada, "updates", { apiVersion: "orrery.dev/v1", kind: "Update", metadata: { name: "u" }, spec });
    assert.equal(by(made), "ada");
    const steered = await ben.request({ method: "PATCH", path: `${PATH}/updates/u`, contentType: MERGE, body: { spec: { paused: true } } });
    assert.equal(by(steered), "ada");
  });

  it("is not recorded of other kinds", async (t) => {
    const { ada } = await openSite(t);
    const made = await create(ada, "resources", {
      apiVersion: "orrery.dev/v1",
      kind: "Resource",
      metadata: { name: "dish" },
      spec: { id: "1", type: "thing" },
    });
    assert.equal((made.body as StoredObject).metadata.annotations, undefined);
  });
});
