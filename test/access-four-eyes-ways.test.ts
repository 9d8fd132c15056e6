import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { approval, microservice, role, type StoredObject, site as siteKind, user } from "#/model/index.ts";
import type { Client, ClientRequest } from "#/state/client/index.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

const TEMPLATE = { version: "v1", run: { command: ["node"] } };
const ALL = "/apis/orrery.dev/v1/namespaces/default/microservices";
const SSA = { method: "PATCH", contentType: "application/apply-patch+yaml" } as const;
const MERGE = { method: "PATCH", contentType: "application/merge-patch+json" } as const;
const JSON_PATCH = { method: "PATCH", contentType: "application/json-patch+json" } as const;
const ACTIONS = ["update", "scale", "start", "stop", "edit"];

type Request = Partial<ClientRequest> & { readonly path: string };

/** What is labelled team=a waits until eva approves; the rest is done at once. No collector: what a deletion leaves behind stays. */
async function openSite(t: TestContext): Promise<ApiSite> {
  const site = await openApiSite(t, { hasPeople: true, hasCollector: false });
  await site.store.create(role, { metadata: { name: "second" }, spec: {} });
  await site.store.create(user, { metadata: { name: "op" }, spec: { roles: [{ role: "engineer" }] } });
  await site.store.create(user, { metadata: { name: "eva" }, spec: { roles: [{ role: "engineer" }, { role: "second" }] } });
  await site.store.create(siteKind, {
    metadata: { name: "site" },
    spec: { fourEyes: [{ name: "a", actions: ACTIONS, where: "team=a", approvers: ["second"] }] },
  });
  const probe = { ...MERGE, path: `${ALL}/probe`, query: { dryRun: "All" }, body: { spec: { replicas: 9 } } };
  await make(site, "probe", "a");
  while ((await site.client("op").request(probe)).headers?.["warning"] === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
  return site;
}

/** A service that several have written to, with a dependent of its own. */
async function make(site: ApiSite, name: string, team: string): Promise<void> {
  const { uid, apiVersion, kind } = await site.store
    .create(microservice, { metadata: { name, labels: { team } }, spec: { template: TEMPLATE, replicas: 2 } }, { fieldManager: "first" })
    .then(({ metadata, ...rest }) => ({ ...rest, uid: metadata.uid }));
  const applied = { apiVersion, kind, metadata: { name, labels: { tier: "edge" } }, spec: { timeout: "5s" } };
  await site.store.patch(microservice, { name }, { type: "apply", body: applied, force: true }, { fieldManager: "gitops" });
  const owner = { apiVersion, kind, name, uid, blockOwnerDeletion: true };
  await site.store.create(microservice, { metadata: { name: `${name}-part`, ownerReferences: [owner] }, spec: { template: TEMPLATE } });
}

/** What of an object does not lie in its name or its time. */
function shape(object: StoredObject | undefined, name: string, team: string): string {
  if (object === undefined) return "gone";
  const text = JSON.stringify(object, (key, value: unknown) =>
    ["uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "time"].includes(key) ? Boolean(value) : value,
  );
  return text
    .replaceAll(/01[0-9a-f]{6}-[0-9a-f-]{27}/g, "UID")
    .replaceAll(`"${name}`, '"NAME')
    .replaceAll(`"team":"${team}"`, '"team":"TEAM"');
}

const whole = (name: string, team: string, more: object): object => ({
  apiVersion: "orrery.dev/v1",
  kind: "Microservice",
  metadata: { name, labels: { team } },
  ...more,
});

const WAYS: Readonly<Record<string, (name: string, team: string, present: StoredObject | undefined) => Request>> = {
  "a replacement": (name, team) => ({
    method: "PUT",
    path: `${ALL}/${name}`,
    query: { fieldManager: "me" },
    body: whole(name, team, { spec: { template: TEMPLATE, replicas: 4 } }),
  }),
  "a replacement of a version": (name, _, present) => ({
    method: "PUT",
    path: `${ALL}/${name}`,
    body: { ...present, spec: { ...(present?.spec as object), replicas: 4 } },
  }),
  "a merge patch": (name) => ({ ...MERGE, path: `${ALL}/${name}`, query: { fieldManager: "me" }, body: { spec: { replicas: 4, timeout: null } } }),
  "a JSON patch": (name) => ({ ...JSON_PATCH, path: `${ALL}/${name}`, body: [{ op: "replace", path: "/spec/replicas", value: 4 }] }),
  "labels and annotations": (name) => ({
    ...MERGE,
    path: `${ALL}/${name}`,
    body: { metadata: { labels: { tier: "core" }, annotations: { a: "b" } } },
  }),
  "an apply of another manager": (name) => ({
    ...SSA,
    path: `${ALL}/${name}`,
    query: { fieldManager: "second" },
    body: whole(name, "", { metadata: { name, annotations: { x: "y" } }, spec: { restartedAt: "2030-01-01T00:00:00Z" } }),
  }),
  "an apply again, which lets go of a field": (name, team) => ({
    ...SSA,
    path: `${ALL}/${name}`,
    query: { fieldManager: "gitops" },
    body: whole(name, team, { metadata: { name }, spec: { timeout: "6s" } }),
  }),
  "an apply by force": (name, team) => ({
    ...SSA,
    path: `${ALL}/${name}`,
    query: { fieldManager: "second", force: "true" },
    body: whole(name, team, { metadata: { name }, spec: { timeout: "7s", replicas: 5 } }),
  }),
  "an apply that names the version": (name, _, present) => ({
    ...SSA,
    path: `${ALL}/${name}`,
    query: { fieldManager: "second", force: "true" },
    body: whole(name, "", { metadata: { name, resourceVersion: present?.metadata.resourceVersion }, spec: { replicas: 6 } }),
  }),
  "a scale by PUT": (name) => ({ method: "PUT", path: `${ALL}/${name}/scale`, body: { metadata: { name }, spec: { replicas: 7 } } }),
  "a scale by patch": (name) => ({ ...MERGE, path: `${ALL}/${name}/scale`, query: { fieldManager: "me" }, body: { spec: { replicas: 7 } } }),
  "a scale by JSON patch": (name) => ({ ...JSON_PATCH, path: `${ALL}/${name}/scale`, body: [{ op: "replace", path: "/spec/replicas", value: 7 }] }),
  "a scale by apply": (name) => ({
    ...SSA,
    path: `${ALL}/${name}/scale`,
    query: { fieldManager: "scaler", force: "true" },
    body: { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name }, spec: { replicas: 7 } },
  }),
  "a creation": (name, team) => ({
    method: "POST",
    path: ALL,
    query: { fieldManager: "me" },
    body: whole(`${name}-new`, team, { spec: { template: TEMPLATE } }),
  }),
  "a creation by apply": (name, team) => ({
    ...SSA,
    path: `${ALL}/${name}-new`,
    query: { fieldManager: "second" },
    body: whole(`${name}-new`, team, { spec: { template: TEMPLATE } }),
  }),
  "a deletion": (name) => ({ method: "DELETE", path: `${ALL}/${name}` }),
  "a deletion that leaves what belongs to it": (name) => ({ method: "DELETE", path: `${ALL}/${name}`, body: { propagationPolicy: "Orphan" } }),
  "a deletion in the foreground": (name) => ({ method: "DELETE", path: `${ALL}/${name}`, query: { propagationPolicy: "Foreground" } }),
  "a deletion of one uid": (name, _, present) => ({
    method: "DELETE",
    path: `${ALL}/${name}`,
    body: { preconditions: { uid: present?.metadata.uid } },
  }),
};

/** The Approval as which it waits; `undefined`: it was done. */
async function ask(client: Client, request: Request): Promise<string | undefined> {
  try {
    await client.request(request);
    return undefined;
  } catch (error) {
    const { code, details } = error as { code: string; details: { approval?: string } };
    if (code !== "access/waits") throw error;
    return details.approval;
  }
}

const approve = (site: ApiSite, name: string): Promise<unknown> =>
  site.client("eva").request({ method: "POST", path: `/approvals/${name}/approve`, body: {} });

it("what was approved leaves the same as what needed nobody: manager, force, policy and all, whichever way it was asked for", async (t) => {
  const site = await openSite(t);
  const present = (name: string): Promise<StoredObject | undefined> => site.store.get(microservice, { name });
  for (const [index, [what, way]] of Object.entries(WAYS).entries()) {
    const [one, two] = [`one${index}x`, `two${index}x`];
    const shapes = async (name: string, team: string): Promise<readonly string[]> => [
      shape(await present(name), name, team),
      shape(await present(`${name}-new`), name, team),
      shape(await present(`${name}-part`), name, team),
    ];
    await make(site, one, "a");
    await make(site, two, "b");
    const before = await shapes(one, "a");
    assert.equal(await ask(site.client("op"), way(two, "b", await present(two))), undefined, what);
    const waiting = (await ask(site.client("op"), way(one, "a", await present(one)))) ?? assert.fail(`${what}: it does not wait`);
    assert.deepEqual(await shapes(one, "a"), before, what);
    await approve(site, waiting);
    const { status } = (await site.store.get(approval, { name: waiting })) ?? assert.fail(what);
    assert.equal(status?.phase, "Done", `${what}: ${status?.message}`);
    assert.deepEqual(await shapes(one, "a"), await shapes(two, "b"), what);
    assert.notDeepEqual(await shapes(one, "a"), before, what);
  }
});

it("the same change in another way is another wish, and a condition holds to the end", async (t) => {
  const site = await openSite(t);
  await make(site, "one", "a");
  const op = site.client("op");
  const orphan = await ask(op, { method: "DELETE", path: `${ALL}/one`, body: { propagationPolicy: "Orphan" } });
  const plain = await ask(op, { method: "DELETE", path: `${ALL}/one` });
  assert.notEqual(orphan, plain);
  assert.ok((await ask(op, { method: "DELETE", path: `${ALL}/one`, body: { propagationPolicy: "Orphan" } })) === orphan);
  assert.deepEqual((await site.store.get(approval, { name: orphan ?? "" }))?.spec.how, { propagationPolicy: "Orphan" });
  const { resourceVersion = "" } = (await site.store.get(microservice, { name: "one" }))?.metadata ?? {};
  const versioned = (await ask(op, { method: "DELETE", path: `${ALL}/one`, body: { preconditions: { resourceVersion } } })) ?? assert.fail();
  await site.store.patch(microservice, { name: "one" }, { type: "merge", body: { status: { readyReplicas: 1 } } }, { subresource: "status" });
  await approve(site, versioned);
  const { status } = (await site.store.get(approval, { name: versioned })) ?? assert.fail();
  assert.deepEqual([status?.phase, /not/.test(status?.message ?? "")], ["Failed", true], String(status?.message));
  // Somebody else has taken the field since: without force it is not taken from them.
  const body = whole("one", "a", { metadata: { name: "one" }, spec: { timeout: "9s" } });
  const apply = (await ask(op, { ...SSA, path: `${ALL}/one`, query: { fieldManager: "gitops" }, body })) ?? assert.fail();
  const same = { apiVersion: "orrery.dev/v1", kind: "Microservice", metadata: { name: "one" }, spec: { timeout: "5s" } };
  await site.store.patch(microservice, { name: "one" }, { type: "apply", body: same }, { fieldManager: "another" });
  await approve(site, apply);
  const end = (await site.store.get(approval, { name: apply }))?.status;
  assert.deepEqual([end?.phase, /another/.test(end?.message ?? "")], ["Failed", true], String(end?.message));
});
