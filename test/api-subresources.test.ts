import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isOrreryError } from "#/base/index.ts";
import { kinds } from "#/model/all-kinds.ts";
import { microservice, SECRET_KINDS } from "#/model/index.ts";
import type { Client, ClientRequest } from "#/state/client/index.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

const ONE = "/apis/orrery.dev/v1/namespaces/default/microservices/one";
const MERGE = "application/merge-patch+json";
const JSON_PATCH = "application/json-patch+json";
const APPLY = "application/apply-patch+yaml";
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

async function siteWithService(t: Parameters<typeof openApiSite>[0], replicas = 3): Promise<ApiSite> {
  const site = await openApiSite(t);
  await site.store.create(microservice, {
    metadata: { name: "one", labels: { tier: "front" } },
    spec: { replicas, template: { version: "v1", run: { command: ["node"] } } },
  });
  return site;
}

async function replicasOf(site: ApiSite): Promise<number | undefined> {
  return (await site.store.get(microservice, { name: "one" }))?.spec.replicas;
}

/** Code of what comes of a request: `200`, or the error's own. */
async function outcome(client: Client, request: ClientRequest): Promise<string> {
  try {
    return String((await client.request(request)).status);
  } catch (error) {
    return isOrreryError(error) ? error.code : String(error);
  }
}

describe("subresources", () => {
  it("every kind answers every verb of every part as the table of what is served says, and discovery tells the same", async (t) => {
    const site = await openApiSite(t);
    const client = site.client();
    const { resources } = (await client.request({ path: "/apis/orrery.dev/v1" })).body as {
      readonly resources: readonly { readonly name: string; readonly verbs: readonly string[] }[];
    };
    const parts: Readonly<Record<string, (plural: string) => readonly string[]>> = {
      status: () => ["GET", "PUT", "PATCH"],
      scale: (plural) => (plural === "microservices" ? ["GET", "PUT", "PATCH"] : []),
      log: (plural) => (["microservices", "instances"].includes(plural) ? ["GET"] : []),
      scripts: () => [],
      secrets: (plural) => (SECRET_KINDS.includes(plural) ? ["GET"] : []),
      "scripts/x": (plural) => (["microservices", "instances"].includes(plural) ? ["POST"] : []),
      nothing: () => [],
    };
    const verbs: Readonly<Record<string, string>> = { GET: "get", PUT: "update", PATCH: "patch", POST: "create" };
    for (const kind of kinds)
      for (const [part, served] of Object.entries(parts)) {
        const scope = kind.scope === "Namespaced" ? "namespaces/default/" : "";
        const own = served(kind.plural);
        for (const method of METHODS) {
          const request: ClientRequest = {
            method,
            path: `/apis/orrery.dev/v1/${scope}${kind.plural}/absent/${part}`,
            ...(method === "PATCH" && { contentType: MERGE }),
            ...(method !== "GET" && { body: { metadata: { name: "absent" }, spec: {} } }),
          };
          // The object is not there: what is served says so, what is not says that.
          const expected = own.includes(method) ? "store/missing" : own.length > 0 ? "api/method" : "api/missing";
          assert.equal(await outcome(client, request), expected, `${method} ${kind.plural}/${part}`);
        }
        const told = resources.find(({ name }) => name === `${kind.plural}/${part.split("/")[0]}`);
        if (part !== "scripts")
          assert.deepEqual(told?.verbs.toSorted() ?? [], own.map((method) => verbs[method] ?? "").toSorted(), `${kind.plural}/${part}`);
      }
  });
});

describe("the scale of an object", () => {
  it("is changed by each way of writing to what it names, and by none to what it does not", async (t) => {
    const site = await siteWithService(t);
    const client = site.client();
    const { resourceVersion } = (await site.store.get(microservice, { name: "one" }))?.metadata ?? {};
    const scale = { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "one" } };
    const query = { fieldManager: "test" };
    for (const [request, after] of [
      [{ method: "PATCH", contentType: MERGE, body: {} }, 3],
      [{ method: "PATCH", contentType: MERGE, body: { spec: {} } }, 3],
      [{ method: "PATCH", contentType: MERGE, body: { metadata: { annotations: { a: "b" } } } }, 3],
      [{ method: "PATCH", contentType: MERGE, body: { status: { replicas: 9 } } }, 3],
      [{ method: "PATCH", contentType: JSON_PATCH, body: [] }, 3],
      [{ method: "PATCH", contentType: JSON_PATCH, body: [{ op: "test", path: "/spec/replicas", value: 3 }] }, 3],
      [{ method: "PATCH", contentType: JSON_PATCH, body: [{ op: "replace", path: "/spec/replicas", value: 4 }] }, 4],
      [{ method: "PATCH", contentType: JSON_PATCH, body: [{ op: "add", path: "/spec/replicas", value: 2 }] }, 2],
      [{ method: "PATCH", contentType: MERGE, body: { spec: { replicas: 5 } } }, 5],
      [{ method: "PATCH", contentType: MERGE, body: { spec: { replicas: 0 } } }, 0],
      [{ method: "PATCH", contentType: APPLY, query: { ...query, force: "true" }, body: { ...scale, spec: { replicas: 6 } } }, 6],
      [{ method: "PUT", body: { ...scale, spec: { replicas: 7 } } }, 7],
      // Go leaves out what is 0.
      [{ method: "PUT", body: { ...scale, spec: {} } }, 0],
      [{ method: "PUT", body: { spec: { replicas: 3 } } }, 3],
    ] as const) {
      const answer = await client.request({ path: `${ONE}/scale`, query, ...request } as ClientRequest);
      assert.equal(await replicasOf(site), after, JSON.stringify(request));
      const told = answer.body as { readonly kind: string; readonly spec: { readonly replicas: number } };
      assert.deepEqual([told.kind, told.spec.replicas], ["Scale", after], JSON.stringify(request));
    }
    for (const [request, code] of [
      [{ method: "PUT", body: {} }, "store/invalid"],
      [{ method: "PUT", body: { spec: null } }, "store/invalid"],
      [{ method: "PUT", body: { spec: { replicas: "4" } } }, "store/invalid"],
      [{ method: "PUT", body: { spec: { replicas: 1.5 } } }, "store/invalid"],
      [{ method: "PUT", body: { spec: { replicas: 4 }, kind: "Microservice" } }, "store/invalid"],
      [{ method: "PUT", body: { spec: { replicas: 4 }, metadata: { name: "two" } } }, "store/invalid"],
      [{ method: "PUT", body: { spec: { replicas: 4 }, metadata: { resourceVersion } } }, "store/conflict"],
      [{ method: "PUT", body: { spec: { replicas: 4 }, metadata: { uid: "another" } } }, "store/conflict"],
      [{ method: "PATCH", contentType: MERGE, body: { spec: { replicas: null } } }, "store/invalid"],
      [{ method: "PATCH", contentType: MERGE, body: { spec: null } }, "store/invalid"],
      [{ method: "PATCH", contentType: MERGE, body: [] }, "store/invalid"],
      [{ method: "PATCH", contentType: MERGE, body: { spec: { replicas: 4 }, metadata: { resourceVersion } } }, "store/conflict"],
      [{ method: "PATCH", contentType: MERGE, body: { spec: { replicas: -1 } } }, "store/invalid"],
      [{ method: "PATCH", contentType: JSON_PATCH, body: [{ op: "remove", path: "/spec/replicas" }] }, "store/invalid"],
      [{ method: "PATCH", contentType: JSON_PATCH, body: [{ op: "test", path: "/spec/replicas", value: 99 }] }, "store/invalid"],
      [{ method: "PATCH", contentType: JSON_PATCH, body: {} }, "store/invalid"],
      [{ method: "PATCH", contentType: "application/strategic-merge-patch+json", body: {} }, "api/media-type"],
      [{ method: "PATCH", contentType: "application/json", body: { spec: { replicas: 4 } } }, "api/media-type"],
      [{ method: "PATCH", contentType: APPLY, query, body: { ...scale, spec: {} } }, "store/invalid"],
      [{ method: "PATCH", contentType: APPLY, query: { fieldManager: "other" }, body: { ...scale, spec: { replicas: 8 } } }, "store/apply-conflict"],
      [{ method: "PATCH", contentType: APPLY, query: {}, body: { ...scale, spec: { replicas: 8 } } }, "store/invalid"],
      [{ method: "PATCH", contentType: MERGE, query: { fieldValidation: "Strict" }, body: { spec: { replicsa: 4 } } }, "store/invalid"],
    ] as const)
      assert.equal(await outcome(client, { path: `${ONE}/scale`, ...request } as ClientRequest), code, JSON.stringify(request));
    assert.equal(await replicasOf(site), 3);
    assert.deepEqual((await site.store.get(microservice, { name: "one" }))?.metadata.labels, { tier: "front" });
  });

  it("changes by a merge patch exactly as RFC 7396 says, whatever the patch", async (t) => {
    const site = await siteWithService(t, 1);
    const client = site.client();
    const json = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constant(undefined), fc.constant({}));
    await fc.assert(
      fc.asyncProperty(json, fc.dictionary(fc.constantFrom("a", "b", "selector"), fc.string()), fc.boolean(), async (replicas, other, isInSpec) => {
        const before = await replicasOf(site);
        const isNumber = typeof replicas === "number";
        const body = { ...(isInSpec && { spec: isNumber ? { replicas } : {} }), metadata: { annotations: other } };
        await client.request({ method: "PATCH", path: `${ONE}/scale`, contentType: MERGE, body });
        assert.equal(await replicasOf(site), isInSpec && isNumber ? replicas : before);
      }),
      { numRuns: 60 },
    );
  });

  it("is written by many at once without a lost or a mixed change, and under its own name", async (t) => {
    const site = await siteWithService(t);
    const client = site.client();
    const patches = Array.from({ length: 40 }, (_, index) =>
      client.request({
        method: "PATCH",
        path: `${ONE}/scale`,
        query: { fieldManager: "scaler" },
        contentType: MERGE,
        body: { spec: { replicas: index } },
      }),
    );
    const labels = Array.from({ length: 40 }, (_, index) =>
      client.request({ method: "PATCH", path: ONE, contentType: MERGE, body: { metadata: { labels: { [`l${index}`]: "x" } } } }),
    );
    const codes = await Promise.allSettled([...patches, ...labels]);
    assert.deepEqual(
      codes.filter((one) => one.status === "rejected").map((one) => String(one.reason)),
      [],
    );
    const object = await site.store.get(microservice, { name: "one" });
    assert.equal(Object.keys(object?.metadata.labels ?? {}).length, 41);
    assert.ok(object?.metadata.managedFields?.some(({ manager, subresource }) => manager === "scaler" && subresource === "scale"));
  });
});
