import assert from "node:assert/strict";
import { test } from "node:test";
import { approval, generation, instance, microservice, role, route, site as siteKind, update, user } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

const V1 = "orrery.dev/v1";
const template = (version: string, more: object = {}) => ({ version, run: { command: ["node"] }, ...more });
const manifest = (name: string, spec: object, metadata: object = {}) => ({
  apiVersion: V1,
  kind: "Microservice",
  metadata: { name, ...metadata },
  spec,
});

interface Told {
  readonly objects: readonly {
    readonly name: string;
    readonly outcome: string;
    readonly refusal?: {
      readonly code: number;
      readonly message: string;
      readonly details?: { readonly causes?: readonly { readonly field: string }[] };
    };
    readonly warnings?: readonly string[];
  }[];
  readonly updates: readonly {
    readonly outcome: string;
    readonly problem?: string;
    readonly changes: readonly { readonly service: string; readonly from?: string; readonly toVersion: string }[];
    readonly starts: readonly { readonly instances: number }[];
    readonly stops: readonly { readonly instances: number }[];
    readonly held?: { readonly routes: readonly { readonly route: string }[]; readonly otherRoutes: readonly string[] };
    readonly waits: readonly { readonly reason: string; readonly object: string; readonly message: string }[];
  }[];
  readonly scales: readonly { readonly service: string; readonly starts: number; readonly stops: number }[];
}

async function ask(client: Client, items: readonly object[], query: Readonly<Record<string, string>> = {}): Promise<Told> {
  const { body } = await client.request({
    method: "POST",
    path: "/forecast",
    query: { fieldManager: "test", ...query },
    body: items.length === 1 ? items[0] : { kind: "List", items },
  });
  return body as Told;
}

/** auth of team a and portal of team b, served in generation 1 by two instances each; ann edits team a, vera reads all. */
async function openSite(t: Parameters<typeof openApiSite>[0], options: Parameters<typeof openApiSite>[1] = {}): Promise<ApiSite> {
  const site = await openApiSite(t, { hasPeople: true, ...options });
  const { store } = site;
  await store.create(role, {
    metadata: { name: "reads" },
    spec: { rules: [{ verbs: ["get", "list", "watch"], kinds: ["*"] }], paths: [{ verbs: ["get"], paths: ["*"] }] },
  });
  for (const [name, roles] of Object.entries({ ann: [{ role: "engineer", where: "team=a" }], vera: [{ role: "reads" }], boss: [{ role: "admin" }] }))
    await store.create(user, { metadata: { name }, spec: { roles } });
  await store.create(siteKind, { metadata: { name: "site" }, spec: {} });
  for (const [name, team] of Object.entries({ auth: "a", portal: "b" })) {
    await store.create(microservice, { metadata: { name, labels: { team } }, spec: { replicas: 2, template: template("v1", { calls: [] }) } });
    await store.patch(microservice, { name }, { type: "merge", body: { status: { revision: `${name}-v1` } } }, { subresource: "status" });
    for (const slot of [0, 1])
      await store.create(instance, {
        metadata: { name: `${name}-${slot}`, labels: { team } },
        spec: { host: "h", slot, service: name, revision: `${name}-v1`, generation: 1, run: { command: ["node"] } } as object,
      });
    await store.create(route, { metadata: { name: `to-${name}`, labels: { team } }, spec: { path: { prefix: `/${name}` }, service: name } });
  }
  await store.create(generation, {
    metadata: { name: "g1" },
    spec: { number: 1, history: "h", map: { auth: "auth-v1", portal: "portal-v1" } } as object,
  });
  const generations = [{ number: 1, phase: "Active", since: "2030-01-01T00:00:00Z" }];
  await store.patch(
    siteKind,
    { name: "site" },
    { type: "merge", body: { status: { history: "h", epoch: 1, counter: 1, stamp: { generation: 1 }, generations } } },
    { subresource: "status" },
  );
  return site;
}

test("manifests that are written together are one change; what starts and stops is told, and nothing is written", async (t) => {
  const site = await openSite(t);
  const boss = site.client("boss");
  const before = (await site.store.list(microservice)).resourceVersion;
  const both = await ask(
    boss,
    [manifest("auth", { template: template("v2", { calls: [] }) }), manifest("portal", { template: template("v2", { calls: [] }) })],
    { force: "true" },
  );
  assert.deepEqual(
    both.objects.map((one) => [one.name, one.outcome]),
    [
      ["auth", "changed"],
      ["portal", "changed"],
    ],
  );
  assert.equal(both.updates.length, 1);
  assert.deepEqual(
    both.updates[0]?.changes.map((one) => [one.service, one.from, one.toVersion]),
    [
      ["auth", "auth-v1", "v2"],
      ["portal", "portal-v1", "v2"],
    ],
  );
  assert.deepEqual(
    both.updates[0]?.starts.map((one) => one.instances),
    [2, 2],
  );
  assert.deepEqual(
    both.updates[0]?.stops.map((one) => one.instances),
    [2, 2],
  );
  const scaled = await ask(boss, [manifest("auth", { replicas: 5 })], { force: "true" });
  assert.deepEqual([scaled.updates, scaled.scales], [[], [{ service: "auth", from: 2, to: 5, starts: 3, stops: 0 }]]);
  assert.equal((await site.store.list(microservice)).resourceVersion, before);
});

test("a whole object takes the place of the one that was read; a version that is not current, an unknown field and a wrong value are refused at their field", async (t) => {
  const site = await openSite(t);
  const boss = site.client("boss");
  const live = await site.store.get(microservice, { name: "auth" });
  assert.ok(live !== undefined);
  const replace = { as: "replace" };
  const same = await ask(boss, [live], replace);
  assert.deepEqual([same.objects[0]?.outcome, same.updates, same.scales], ["unchanged", [], []]);
  const suspended = await ask(boss, [{ ...live, spec: { ...live.spec, suspended: true } }], replace);
  assert.deepEqual(suspended.scales, [{ service: "auth", from: 2, to: 0, starts: 0, stops: 2 }]);
  await site.store.patch(microservice, { name: "auth" }, { type: "merge", body: { spec: { replicas: 3 } } });
  const stale = await ask(boss, [live], replace);
  assert.deepEqual([stale.objects[0]?.outcome, stale.objects[0]?.refusal?.code], ["refused", 409]);
  const wrong = await ask(boss, [manifest("auth", { replicas: -1, template: template("v1") })], replace);
  assert.deepEqual(
    wrong.objects[0]?.refusal?.details?.causes?.map((one) => one.field),
    ["spec.replicas"],
  );
  const unknown = await ask(boss, [manifest("auth", { replica: 1, template: template("v1") })], replace);
  assert.match(unknown.objects[0]?.refusal?.message ?? "", /spec\.replica/);
  const noKind = await ask(boss, [{ apiVersion: V1, kind: "Microservices", metadata: { name: "x" } }]);
  assert.match(noKind.objects[0]?.refusal?.message ?? "", /did you mean Microservice\?/);
  const fresh = await ask(boss, [manifest("fresh", { template: template("v1") })], replace);
  assert.deepEqual([fresh.objects[0]?.outcome, fresh.updates[0]?.starts[0]?.instances], ["created", 1]);
  await assert.rejects(boss.request({ method: "POST", path: "/forecast", query: { as: "patch" }, body: live }), { code: "api/bad-request" });
  await assert.rejects(boss.request({ method: "POST", path: "/forecast", body: { kind: "List", items: [1] } }), { code: "api/bad-request" });
});

test("an Update is foretold by the revision, the manifest or the site's folder that has its version", async (t) => {
  const site = await openSite(t, {
    api: {
      offeredTemplate: async (service, version) =>
        service === "auth" && version === "v3" ? microservice.spec.shape.template.parse(template("v3")) : undefined,
    },
  });
  const wish = (to: string) => ({ apiVersion: V1, kind: "Update", metadata: { generateName: "auth-" }, spec: { services: [{ name: "auth", to }] } });
  const [told] = (await ask(site.client("boss"), [wish("v3")])).updates;
  assert.deepEqual(
    told?.changes.map((one) => one.toVersion),
    ["v3"],
  );
  const [lost] = (await ask(site.client("boss"), [wish("v9")])).updates;
  assert.deepEqual([lost?.outcome, /no version or revision v9/.test(lost?.problem ?? "")], ["unfit", true]);
  // The second waits for the first.
  const [, second] = (await ask(site.client("boss"), [wish("v3"), wish("v3")])).updates;
  assert.deepEqual([second?.outcome, second?.waits.some((one) => one.reason === "OtherUpdateFirst")], ["waits", true]);
  assert.deepEqual((await site.store.list(update)).items, []);
});

test("it needs the rights of the write itself, and names nothing that may not be seen", async (t) => {
  const site = await openSite(t);
  const { store } = site;
  const from = site.audit.state().seq;
  const change = manifest("auth", { template: template("v2", { calls: ["portal"] }) });
  await assert.rejects(ask(site.client("vera"), [change], { force: "true" }), { code: "api/forbidden" });
  const mine = await ask(site.client("ann"), [change], { force: "true" });
  assert.equal(mine.objects[0]?.outcome, "changed");
  // Another team's is not there for them.
  const other = await ask(site.client("ann"), [manifest("portal", { template: template("v2") })], { as: "replace", force: "true" });
  assert.equal(other.objects[0]?.refusal?.code, 404);
  // Whose rights end at a label may not take the object out of it.
  await assert.rejects(ask(site.client("ann"), [manifest("auth", { replicas: 2 }, { labels: { team: "b" } })], { force: "true" }), {
    code: "api/forbidden",
  });
  await store.create(update, { metadata: { name: "of-portal" }, spec: { services: [{ name: "portal", to: "v7" }] } });
  const wish = {
    apiVersion: V1,
    kind: "Update",
    metadata: { name: "mine", labels: { team: "a" } },
    spec: { services: [{ name: "auth", to: "v1" }] },
  };
  const waits = async (who: string) =>
    (await ask(site.client(who), [wish])).updates[0]?.waits.filter((one) => one.reason === "OtherUpdateFirst") ?? [];
  assert.match((await waits("boss"))[0]?.message ?? "", /of-portal/);
  const hidden = JSON.stringify(await ask(site.client("ann"), [wish, change], { force: "true" }));
  assert.doesNotMatch(hidden, /portal-v1|of-portal|to-portal/);
  // Told of refusals alone: nothing was to be written.
  const { items } = await site.audit.list({ after: from, limit: 100 });
  const people = ["ann", "vera", "boss"];
  const codes = items.filter(({ who }) => people.includes(who?.name ?? "")).map((one) => one.outcome?.code);
  assert.deepEqual([codes.length > 0, codes.filter((code) => code !== 403)], [true, []]);
});

test("a secret that stands in a manifest as it is read is no change; another one is", async (t) => {
  const site = await openSite(t);
  const boss = site.client("boss");
  const env = [{ name: "KEY", value: "planted-secret", secret: true }];
  await site.store.create(microservice, { metadata: { name: "safe" }, spec: { template: template("v1", { env }) } });
  const { body } = await boss.request({ path: "/apis/orrery.dev/v1/namespaces/default/microservices/safe" });
  assert.doesNotMatch(JSON.stringify(body), /planted-secret/);
  const same = await ask(boss, [body as object], { as: "replace" });
  assert.deepEqual([same.objects[0]?.outcome, same.updates], ["unchanged", []]);
  const text = JSON.stringify(body).replace(/"value":"[^"]*"/, '"value":"another-secret"');
  const other = await ask(boss, [JSON.parse(text)], { as: "replace" });
  assert.deepEqual([other.objects[0]?.outcome, other.updates.length], ["changed", 1]);
  assert.doesNotMatch(JSON.stringify(other), /secret"/);
});

test("what others have to approve says so, and waits for nobody", async (t) => {
  const site = await openSite(t);
  const fourEyes = [{ name: "services", actions: ["scale", "update"], where: "team=a", approvers: ["engineer"], within: "1h" }];
  await site.store.patch(siteKind, { name: "site" }, { type: "merge", body: { spec: { fourEyes } } });
  const asked = async () => (await ask(site.client("boss"), [manifest("auth", { replicas: 4 })], { force: "true" })).objects[0];
  let told = await asked();
  // The local copy of the rules has it a moment later.
  for (const endMs = Date.now() + 10_000; told?.warnings === undefined && Date.now() < endMs; told = await asked())
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(told?.outcome, "changed");
  assert.match(told?.warnings?.join() ?? "", /approve/);
  assert.deepEqual((await site.store.list(approval)).items, []);
});
