import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { isOrreryError, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { instance, microservice, type StoredObject, site as siteKind } from "#/model/index.ts";
import { type AuditEntry, ensureSigningKey, openAudit, signingKeyFile } from "#/people/audit/index.ts";
import type { ClientRequest } from "#/state/client/index.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

const BASE = "/apis/orrery.dev/v1/namespaces/default";
const SERVICES = `${BASE}/microservices`;
const service = (spec: object = {}, metadata: object = {}) => ({
  apiVersion: "orrery.dev/v1",
  kind: "Microservice",
  metadata: { name: "auth", ...metadata },
  spec: { replicas: 2, template: { version: "v1", run: { command: ["node"] } }, ...spec },
});

/** The code of the answer, or of the error. */
async function ask(site: ApiSite, request: ClientRequest, user = "admin"): Promise<number | string> {
  try {
    return (await site.client(user).request(request)).status;
  } catch (error) {
    if (!isOrreryError(error)) throw error;
    return error.code;
  }
}

async function entries(site: ApiSite, after = 0): Promise<readonly AuditEntry[]> {
  const { items } = await site.audit.list({ after, limit: 1_000 });
  return items.filter(({ is }) => is !== "chain").toReversed();
}

const merge = (body: object, pathOf = `${SERVICES}/auth`): ClientRequest => ({
  method: "PATCH",
  path: pathOf,
  contentType: "application/merge-patch+json",
  body,
});

test("a change has the name of what it does, whichever way it came, with the fields before and after", async (t) => {
  const site = await openApiSite(t);
  assert.equal(await ask(site, { method: "POST", path: SERVICES, body: service() }), 201);
  const ways: readonly [ClientRequest, string, object][] = [
    [merge({ spec: { replicas: 3 } }), "scale", { "spec.replicas": 3 }],
    [
      {
        method: "PUT",
        path: `${SERVICES}/auth/scale`,
        body: { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "auth" }, spec: { replicas: 4 } },
      },
      "scale",
      { "spec.replicas": 4 },
    ],
    [merge({ spec: { suspended: true } }), "stop", { "spec.suspended": true }],
    [
      {
        method: "PATCH",
        path: `${SERVICES}/auth`,
        contentType: "application/json-patch+json",
        body: [{ op: "replace", path: "/spec/suspended", value: false }],
      },
      "start",
      { "spec.suspended": false },
    ],
    [merge({ spec: { template: { version: "v2" } } }), "update", { "spec.template.version": "v2" }],
    [merge({ metadata: { labels: { a: "b" } } }), "patch", { "metadata.labels": { a: "b" } }],
  ];
  for (const [request, action, after] of ways) {
    const from = site.audit.state().seq;
    assert.equal(await ask(site, request), 200, action);
    const [entry, ...more] = await entries(site, from);
    assert.deepEqual(
      [entry?.action, entry?.change?.after, entry?.outcome, entry?.object?.name, more.length],
      [action, after, { code: 200 }, "auth", 0],
    );
    assert.deepEqual([entry?.who?.name, entry?.who?.via, entry?.from], ["admin", "machine", "127.0.0.1"]);
  }
  const from = site.audit.state().seq;
  await ask(site, { method: "DELETE", path: `${SERVICES}/auth` });
  const [deleted] = await entries(site, from);
  assert.deepEqual([deleted?.action, deleted?.change?.before["spec.replicas"], deleted?.outcome?.code], ["delete", 4, 200]);
});

test("a creation that is refused is told with the name of what was to be made, whoever refuses it; what is no name is not kept", async (t) => {
  const site = await openApiSite(t);
  const from = site.audit.state().seq;
  const make = (name: unknown, who: string, more: object = {}): Promise<unknown> =>
    ask(site, { method: "POST", path: SERVICES, body: { ...(service() as object), metadata: { name }, ...more } }, who);
  await make("one", "viewer");
  await make("two", "admin", { spec: { replicas: "many" } });
  await make("no name at all: hunter2", "viewer");
  await make("No-Name", "admin");
  await make(["three"], "viewer");
  assert.deepEqual(
    (await entries(site, from)).map(({ who, object, outcome }) => [who?.name, object?.name, outcome?.code]),
    [
      ["viewer", "one", 403],
      ["admin", "two", 422],
      ["viewer", "", 403],
      ["admin", "", 422],
      ["viewer", "", 403],
    ],
  );
});

test("dry runs, reads and what agents and gateways do are no entries; what is refused to them is", async (t) => {
  const site = await openApiSite(t);
  await ask(site, { method: "POST", path: SERVICES, body: service() });
  const from = site.audit.state().seq;
  await ask(site, { path: SERVICES });
  await ask(site, { ...merge({ spec: { replicas: 9 } }), query: { dryRun: "All" } });
  await ask(site, {
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    body: { spec: { resourceAttributes: { verb: "get", resource: "microservices" } } },
  });
  assert.deepEqual(await entries(site, from), []);
  await site.store
    .create(instance, {
      metadata: { name: "auth-0" },
      spec: { service: "auth", revision: "r", slot: 0, host: "a", ports: {}, run: { command: ["node"] } },
    })
    .catch(() => undefined);
  assert.equal(await ask(site, { method: "DELETE", path: `${SERVICES}/auth` }, "agent"), "api/forbidden");
  assert.equal(await ask(site, { method: "DELETE", path: `${SERVICES}/auth` }, "viewer"), "api/forbidden");
  await assert.rejects(site.client("admin", { token: "no-token-of-this-site-at-all" }).request({ path: SERVICES }));
  const refused = (await entries(site, from)).map(({ who, action, outcome }) => [who?.name, action, outcome?.code]);
  assert.deepEqual(refused, [
    ["agent", "delete", 403],
    ["viewer", "delete", 403],
    ["system:anonymous", "authenticate", 401],
  ]);
});

test("a reason is kept, by the field of the request or the annotation, and can be demanded for what an action does", async (t) => {
  let reasonFor: readonly string[] = [];
  const site = await openApiSite(t, { reasonFor: () => reasonFor });
  await ask(site, { method: "POST", path: SERVICES, body: service() });
  const because = (text: string): Pick<ClientRequest, "headers"> => ({ headers: { "orrery-reason": encodeURIComponent(text) } });
  const from = site.audit.state().seq;
  assert.equal(await ask(site, { ...merge({ spec: { replicas: 3 } }), ...because("天线二偏移, password=hunter2") }), 200);
  reasonFor = ["stop"];
  assert.equal(await ask(site, merge({ spec: { replicas: 4 } })), 200);
  for (const request of [merge({ spec: { suspended: true } }), { method: "DELETE", path: `${SERVICES}/auth` } as const])
    assert.equal(await ask(site, request), "audit/no-reason");
  assert.equal(await ask(site, merge({ spec: { suspended: true }, metadata: { annotations: { "orrery.dev/reason": "maintenance" } } })), 200);
  assert.equal(await ask(site, { ...merge({ spec: { replicas: 5 } }), ...because("x".repeat(1_001)) }), "api/bad-request");
  assert.equal(await ask(site, { ...merge({ spec: { replicas: 5 } }), headers: { "orrery-reason": "%zz" } }), "api/bad-request");
  const reasons = (await entries(site, from)).map(({ action, reason }) => [action, reason]);
  assert.deepEqual(
    reasons.filter(([, reason]) => reason !== undefined),
    [
      ["scale", "天线二偏移, password=(secret)"],
      ["stop", "maintenance"],
    ],
  );
  assert.equal(((await site.store.get(microservice, { name: "auth" })) as StoredObject<{ replicas: number }>).spec.replicas, 4);
});

test("an action that cannot be written to the audit is refused and not done; reading goes on", async (t) => {
  const site = await openApiSite(t);
  await ask(site, { method: "POST", path: SERVICES, body: service() });
  const folder = path.join(site.folder, "audit");
  rmSync(folder, { recursive: true });
  writeFileSync(folder, "no folder");
  const code = await site
    .client()
    .request(merge({ spec: { replicas: 7 } }))
    .catch((error: unknown) => (isOrreryError(error) ? [error.code, error.details["status"], error.retry] : error));
  assert.deepEqual(code, ["audit/unwritable", 503, "never"]);
  assert.equal(
    await ask(site, {
      method: "POST",
      path: `${BASE}/resources`,
      body: { ...service(), kind: "Resource", metadata: { name: "r" }, spec: { id: "r", type: "thing" } },
    }),
    "audit/unwritable",
  );
  assert.equal(await ask(site, { path: SERVICES }), 200);
  assert.equal(((await site.store.get(microservice, { name: "auth" })) as StoredObject<{ replicas: number }>).spec.replicas, 2);
  rmSync(folder);
  assert.equal(await ask(site, merge({ spec: { replicas: 7 } })), 200);
});

test("the audit is read in pages, exported whole, and removed by whom has exported it", async (t) => {
  const site = await openApiSite(t);
  await ask(site, { method: "POST", path: SERVICES, body: service() });
  for (let count = 3; count < 9; count++) await ask(site, merge({ spec: { replicas: count } }));
  const client = site.client();
  const page = (await client.request({ path: "/audit", query: { action: "scale", limit: "4" } })).body as {
    readonly items: readonly AuditEntry[];
    readonly metadata: { readonly continue?: string };
  };
  assert.deepEqual([page.items.length, page.items[0]?.change?.after], [4, { "spec.replicas": 8 }]);
  const next = (await client.request({ path: "/audit", query: { action: "scale", before: page.metadata.continue ?? "" } })).body as {
    readonly items: readonly AuditEntry[];
  };
  assert.equal(next.items.length, 2);
  for (const query of [{ limit: "x" }, { since: "yesterday" }, { colour: "red" }] as readonly Record<string, string>[])
    assert.equal(await ask(site, { path: "/audit", query }), "api/bad-request");
  const { head, seq } = (await client.request({ path: "/audit/head" })).body as { readonly head: { readonly note: string }; readonly seq: number };
  assert.match(head.note, /^orrery\.dev\/audit\//);
  assert.ok(seq > 8);
  let text = "";
  for await (const piece of client.text({ path: "/audit/export" })) text += piece;
  assert.match(text, /^#orrery-audit 1\n#segment chain-000000000001\.log\n/);
  assert.equal(await ask(site, { method: "POST", path: "/audit/prune", body: { to: 3, hash: "x" } }), 200);
  assert.equal(await ask(site, { method: "POST", path: "/audit/prune", body: { to: 3, hash: "x" } }, "viewer"), "api/forbidden");
  assert.equal(await ask(site, { path: "/audit/nothing" }), "api/missing");
});

test("fifty secrets in fifty places are in no entry and no export", async (t) => {
  const site = await openApiSite(t);
  const mark = (index: number): string => `Zq${index}planted`;
  let planted = 0;
  const next = (): string => mark(planted++);
  const env = (name: string, secret: boolean): object => ({ name, value: next(), ...(secret && { secret: true }) });
  const run = (more: object): object => ({ template: { version: "v1", run: { command: ["node"], ...more } } });
  const specs: object[] = [
    ...["A", "B", "C"].map((name) => run({ env: [env(name, true)] })),
    ...["DB_PASSWORD", "API_KEY", "AUTH_TOKEN", "CLIENT_SECRET", "AWS_SECRET_ACCESS_KEY", "PASSWD", "COOKIE"].map((name) =>
      run({ env: [env(name, false)] }),
    ),
    ...["--password", "--token", "--api-key", "--secret"].map((option) => run({ command: ["node", option, next()] })),
    ...["--password=", "--token=", "PASSWORD=", "secret: "].map((option) => run({ command: ["node", `${option}${next()}`] })),
    run({ command: ["curl", "-H", `Authorization: Bearer ${next()}`] }),
    run({ command: ["curl", `https://user:${next()}@host/`] }),
    run({ command: ["psql", `postgres://user:${next()}@db/x?sslmode=off`] }),
    run({ command: ["sh", "-c", `echo '-----BEGIN PRIVATE KEY-----\n${next()}\n-----END PRIVATE KEY-----'`] }),
    run({ command: ["sh", "-c", `curl 'http://a/?token=${next()}'`] }),
  ];
  const written: ClientRequest[] = specs.flatMap((spec, index): ClientRequest[] => {
    const name = `s${index}`;
    const annotations = {
      note: JSON.stringify({ env: [{ name: "X", value: next(), secret: true }] }),
      "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify({ spec: run({ env: [env("A", true)] }) }),
    };
    return [
      { method: "POST", path: SERVICES, body: service(spec, { name, annotations }) },
      merge({ spec }, `${SERVICES}/${name}`),
      { method: "DELETE", path: `${SERVICES}/${name}` },
    ];
  });
  const refused: ClientRequest[] = [
    { method: "POST", path: SERVICES, body: { ...service(), [next()]: 1 } },
    { method: "POST", path: SERVICES, body: service({ [next()]: next() }) },
    { method: "POST", path: SERVICES, body: `{"kind":"${next()}"` },
    { method: "POST", path: SERVICES, body: service({ replicas: next() }) },
    merge({ spec: { template: { run: { env: [{ name: next(), value: [next()] }] } } } }, `${SERVICES}/s0`),
    {
      method: "PATCH",
      path: `${SERVICES}/s0`,
      contentType: "application/json-patch+json",
      body: [{ op: "test", path: "/spec/replicas", value: next() }],
    },
    { method: "DELETE", path: `${SERVICES}/s0`, query: { fieldSelector: next() } },
    { method: "DELETE", path: SERVICES, query: { labelSelector: `a=${next()}` } },
    { method: "POST", path: SERVICES, query: { fieldManager: next() }, body: service({}, { name: "x y" }) },
    { ...merge({ spec: { replicas: 4 } }, `${SERVICES}/s0`), headers: { "orrery-reason": `token=${next()}` } },
    { method: "POST", path: "/backup", query: { password: next() } },
  ];
  for (const request of [...written, ...refused]) await ask(site, request);
  await site
    .client("admin", { token: next() })
    .request({ path: SERVICES })
    .catch(() => undefined);
  assert.ok(planted >= 50, `${planted}`);
  let text = JSON.stringify(await entries(site));
  for await (const chunk of site.audit.export()) text += chunk.toString("utf8");
  await site.audit.close();
  const folder = path.join(site.folder, "audit");
  for (const name of readdirSync(folder)) text += readFileSync(path.join(folder, name), "latin1");
  assert.ok(text.length > 10_000);
  const found = Array.from({ length: planted }, (_, index) => mark(index)).filter((one) => text.includes(one));
  assert.deepEqual(found, []);
});

test("a change of what somebody else has changed meanwhile is told as what it came to", async (t: TestContext) => {
  const site = await openApiSite(t);
  await ask(site, { method: "POST", path: SERVICES, body: service() });
  const from = site.audit.state().seq;
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(site, merge({ spec: { replicas: index + 10 } }))));
  assert.deepEqual([...new Set(answers)], [200]);
  const told = (await entries(site, from)).filter(({ outcome }) => outcome?.code === 200);
  assert.equal(told.length, 20);
  const chain = told.map(({ change }) => [change?.before["spec.replicas"], change?.after["spec.replicas"]]);
  for (const [index, [before]] of chain.entries()) assert.equal(before, index === 0 ? 2 : chain[index - 1]?.[1]);
});

test("the settings of the Site can be mended while the audit is at its limit, and a service stopped", async (t) => {
  let bytesMax = 1_000_000;
  const site = await openApiSite(t, { bytesMax: () => bytesMax });
  await ask(site, { method: "POST", path: SERVICES, body: service() });
  await site.store.create(siteKind, { metadata: { name: "site" }, spec: {} });
  bytesMax = 10;
  assert.equal(await ask(site, merge({ spec: { replicas: 7 } })), "audit/unwritable");
  assert.equal(await ask(site, merge({ spec: { replicas: 1 } })), 200);
  assert.equal(await ask(site, merge({ spec: { suspended: true } })), 200);
  assert.equal(await ask(site, merge({ spec: { audit: { bytes: 64 * 1024 * 1024 } } }, `${BASE}/sites/site`)), 200);
  assert.equal(await ask(site, { method: "DELETE", path: `${SERVICES}/auth` }), 200);
});

test("two audits of one folder, one after the other, are one chain", async (t) => {
  const site = await openApiSite(t);
  await ask(site, { method: "POST", path: SERVICES, body: service() });
  await site.audit.close();
  const again = await openAudit({
    folder: path.join(site.folder, "audit"),
    key: ensureSigningKey(signingKeyFile(site.folder)),
    facts: {},
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
  t.after(() => again.close());
  assert.equal((await again.list({ object: "microservice/auth" })).items[0]?.outcome?.code, 201);
});
