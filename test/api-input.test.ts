import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { isOrreryError, LastGuard, silentLog, systemClock } from "#/base/index.ts";
import { parseManifests } from "#/face/cli/site.ts";
import type { AuditEntry } from "#/people/audit/index.ts";
import type { ClientRequest } from "#/state/client/index.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

const RESOURCES = "/apis/orrery.dev/v1/namespaces/default/resources";

const SERVICES = "/apis/orrery.dev/v1/namespaces/default/microservices";
const LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases/one";
const SERVICE =
  "apiVersion: orrery.dev/v1\nkind: Microservice\nmetadata: {name: one}\nspec: {template: {version: v1, run: {command: [node, -e, '0']}}}\n";

interface Answered {
  readonly status: number;
  readonly body: unknown;
  readonly warnings: string;
}

/** Sends `request` as `user`; a refusal is an answer, too. */
async function ask(site: ApiSite, request: ClientRequest, user = "admin"): Promise<Answered> {
  try {
    const { status, body, headers } = await site.client(user).request(request);
    return { status, body, warnings: String(headers["warning"] ?? "") };
  } catch (error) {
    if (!isOrreryError(error)) throw error;
    return { status: Number(error.details["status"] ?? 0), body: `${error.code} ${error.message}`, warnings: "" };
  }
}

const resource = (spec: string, name = "dish"): string =>
  `{"apiVersion":"orrery.dev/v1","kind":"Resource","metadata":{"name":"${name}"},"spec":{"id":"${name}","type":"thing"${spec}}}`;

describe("what the API takes in", () => {
  it("tells keys that stand twice, refuses them under Strict, and takes the last under Ignore; in JSON and YAML, whatever the verb", async (t: TestContext) => {
    const site = await openApiSite(t);
    const body = resource(',"place":"roof","place":"cellar"');
    const yaml =
      "apiVersion: orrery.dev/v1\nkind: Resource\nmetadata: {name: dish}\nspec:\n  id: dish\n  type: thing\n  place: roof\n  place: cellar\n";
    const ways: readonly ClientRequest[] = [
      { method: "POST", path: RESOURCES, body },
      { method: "POST", path: RESOURCES, body: yaml, contentType: "application/yaml" },
      { method: "PATCH", path: `${RESOURCES}/dish`, query: { fieldManager: "m" }, body: yaml, contentType: "application/apply-patch+yaml" },
      { method: "PATCH", path: `${RESOURCES}/dish`, query: { fieldManager: "m" }, body, contentType: "application/apply-patch+yaml" },
    ];
    for (const way of ways) {
      const strict = await ask(site, { ...way, query: { ...way.query, fieldValidation: "Strict" } });
      assert.match(String(strict.body), /strict decoding error: duplicate field "spec\.place"/);
      const warned = await ask(site, { ...way, query: { ...way.query, dryRun: "All" } });
      assert.match(warned.warnings, /duplicate field \\"spec\.place\\"/);
      assert.equal((warned.body as { spec: { place: string } }).spec.place, "cellar");
      assert.equal((await ask(site, { ...way, query: { ...way.query, dryRun: "All", fieldValidation: "Ignore" } })).warnings, "");
    }
    await ask(site, { method: "POST", path: RESOURCES, body: resource("") });
    for (const contentType of ["application/merge-patch+json", "application/json"]) {
      const [method, path] = contentType === "application/json" ? (["PUT", `${RESOURCES}/dish`] as const) : (["PATCH", `${RESOURCES}/dish`] as const);
      assert.match(String((await ask(site, { method, path, contentType, query: { fieldValidation: "Strict" }, body })).body), /duplicate field/);
    }
  });

  it("warns of no deletion that it refuses; of one that would be carried out it does, in a dry run, too", async (t: TestContext) => {
    let asked = 0;
    const site = await openApiSite(t, {
      api: {
        checkDeletion: async (_kind, keys) => {
          asked += 1;
          return keys.map(({ name }) => `${name} will be missed`);
        },
      },
    });
    await ask(site, { method: "POST", path: RESOURCES, body: resource("") });
    const { uid, resourceVersion } = (
      (await ask(site, { path: `${RESOURCES}/dish` })).body as { readonly metadata: { readonly uid: string; readonly resourceVersion: string } }
    ).metadata;
    const remove = (path: string, preconditions: object, query: Readonly<Record<string, string>> = {}): Promise<Answered> =>
      ask(site, { method: "DELETE", path, query, body: { preconditions } });
    for (const query of [{}, { dryRun: "All" }])
      for (const path of [`${RESOURCES}/dish`, RESOURCES])
        for (const wrong of [{ uid: "another" }, { resourceVersion: "1" }, { uid, resourceVersion: "1" }]) {
          const { status, body, warnings } = await remove(path, wrong, query);
          assert.deepEqual([status, warnings, asked], [409, "", 0], `${path} ${JSON.stringify(wrong)}: ${body}`);
        }
    assert.deepEqual([(await remove(`${RESOURCES}/nobody`, {})).status, asked], [404, 0]);
    for (const [path, query] of [
      [`${RESOURCES}/dish`, { dryRun: "All" }],
      [RESOURCES, { dryRun: "All" }],
      [`${RESOURCES}/dish`, {}],
    ] as const) {
      const { status, warnings } = await remove(path, { uid, resourceVersion }, query as Readonly<Record<string, string>>);
      assert.deepEqual([status, warnings], [200, '299 - "dish will be missed"'], path);
    }
  });

  it("takes force from who applies alone, and no other patch with it, whatever it says", async (t: TestContext) => {
    const site = await openApiSite(t);
    const parsed = parseManifests("a.yaml", SERVICE).manifests[0]?.object;
    await ask(site, { method: "POST", path: SERVICES, body: parsed });
    await ask(site, { method: "POST", path: RESOURCES, body: resource("") });
    for (const path of [`${RESOURCES}/dish`, `${RESOURCES}/dish/status`, `${SERVICES}/one/scale`, LEASES])
      for (const [contentType, body] of [
        ["application/merge-patch+json", "{}"],
        ["application/json-patch+json", "[]"],
        ...(path === LEASES ? [["application/strategic-merge-patch+json", "{}"] as const] : []),
      ] as const) {
        for (const force of ["true", "false", ""]) {
          const { status, body: told } = await ask(site, { method: "PATCH", path, query: { force }, contentType, body });
          assert.equal(status, 422, `${path} ${contentType} ${force}`);
          assert.match(String(told), /force: may not be specified for non-apply patch/);
        }
        if (path !== LEASES) assert.equal((await ask(site, { method: "PATCH", path, contentType, body })).status, 200, path);
      }
    const apply = { method: "PATCH", path: `${RESOURCES}/dish`, contentType: "application/apply-patch+yaml", body: resource("") } as const;
    assert.equal((await ask(site, { ...apply, query: { fieldManager: "m", force: "true" } })).status, 200);
    assert.match(String((await ask(site, apply)).body), /^store\/invalid .*fieldManager: is required for apply patch/);
  });

  it("carries out the merge key of YAML, as the command line does, under Strict, too", async (t: TestContext) => {
    const site = await openApiSite(t);
    const body =
      "apiVersion: orrery.dev/v1\nkind: Resource\nmetadata: {name: dish}\nspec:\n  <<: {type: thing, place: roof}\n  id: dish\n  place: cellar\n";
    const query = { fieldManager: "m", fieldValidation: "Strict" };
    for (const way of [
      { method: "POST", path: RESOURCES, contentType: "application/yaml" },
      { method: "PATCH", path: `${RESOURCES}/dish`, contentType: "application/apply-patch+yaml" },
    ] as const) {
      const answer = await ask(site, { ...way, query, body });
      assert.ok(answer.status < 300, String(answer.body));
      const { spec } = answer.body as { readonly spec: { readonly id: string; readonly type: string; readonly place: string } };
      assert.deepEqual([spec.id, spec.type, spec.place], ["dish", "thing", "cellar"]);
    }
    assert.deepEqual(
      parseManifests("a.yaml", body).manifests.map(({ object }) => (object as { readonly spec: unknown }).spec),
      [{ id: "dish", place: "cellar", type: "thing" }],
    );
  });

  it("refuses numbers that it would keep as others, wherever they stand", async (t: TestContext) => {
    const site = await openApiSite(t);
    for (const literal of ["1e999", "9007199254740993", "1e-400"]) {
      const { body } = await ask(site, { method: "POST", path: RESOURCES, body: resource(`,"desired":{"a":[{"b":${literal}}]}`) });
      assert.match(String(body), /^api\/bad-request .*spec\.desired\.a\[0\]\.b: found/);
    }
    const { body } = await ask(site, { method: "POST", path: RESOURCES, body: resource(',"desired":{"big":1e20,"exact":9007199254740992}') });
    assert.deepEqual((body as { spec: { desired: unknown } }).spec.desired, { big: 1e20, exact: 9007199254740992 });
  });

  it("refuses a body with one sentence, however much is wrong with it", async (t: TestContext) => {
    const site = await openApiSite(t);
    const many = Array.from({ length: 50_000 }, (_, index) => `"field${index}":1`).join(",");
    for (const fieldValidation of ["Strict", "Warn"])
      for (const [method, path, contentType] of [
        ["POST", RESOURCES, "application/json"],
        ["PATCH", `${RESOURCES}/dish`, "application/apply-patch+yaml"],
      ] as const) {
        const { body, warnings } = await ask(site, {
          method,
          path,
          contentType,
          query: { fieldManager: "m", fieldValidation, dryRun: "All" },
          body: resource(`,${many}`),
        });
        assert.ok(JSON.stringify(body).length < 20_000, `${fieldValidation}: ${JSON.stringify(body).length} characters`);
        assert.match(fieldValidation === "Strict" ? String(body) : warnings, /and 499\d\d more/);
      }
    const deep = `${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`;
    assert.match(
      String((await ask(site, { method: "POST", path: RESOURCES, body: resource(`,"desired":${deep}`) })).body),
      /^api\/too-large .*100 levels/,
    );
    assert.match(String((await ask(site, { method: "POST", path: RESOURCES, body: "[".repeat(1_000_000) })).body), /^api\/too-large .*100 levels/);
    assert.match(
      String((await ask(site, { method: "POST", path: RESOURCES, contentType: "application/yaml", body: "? ".repeat(20_000) })).body),
      /^api\/bad-request/,
    );
  });

  it("refuses to act as another, whoever asks", async (t: TestContext) => {
    const site = await openApiSite(t);
    for (const header of ["impersonate-user", "impersonate-group", "impersonate-uid", "impersonate-extra-scopes"])
      for (const path of [RESOURCES, "/healthz"]) {
        const { body } = await ask(site, { path, headers: { [header]: "viewer" } });
        assert.match(String(body), new RegExp(`^api/forbidden forbidden: user admin may not act as another: the field ${header}`));
      }
  });

  it("keeps no field manager that cannot be printed or is too long", async (t: TestContext) => {
    const site = await openApiSite(t);
    const body = resource("");
    const apply = async (fieldManager: string): Promise<number> =>
      (await ask(site, { method: "PATCH", path: `${RESOURCES}/dish`, query: { fieldManager }, body, contentType: "application/apply-patch+yaml" }))
        .status;
    for (const manager of ["a\nb", "\u001b[31m", "a\u0000", "\u202eb", "\u2028", "x".repeat(129)])
      assert.equal(await apply(manager), 400, JSON.stringify(manager));
    for (const manager of ["Mozilla (X11; Linux)", "地面站", "x".repeat(128)]) assert.ok((await apply(manager)) < 300, manager);
  });

  it("takes long URLs, and says so of too long ones", async (t: TestContext) => {
    const site = await openApiSite(t);
    const names = Array.from({ length: 1_500 }, (_, index) => `service-${index}`).join(",");
    assert.equal((await ask(site, { path: RESOURCES, query: { labelSelector: `app in (${names})` } })).status, 200);
    assert.match(String((await ask(site, { path: RESOURCES, query: { labelSelector: `app in (${names},${names})` } })).body), /^api\/long-url/);
    const many = Array.from({ length: 101 }, () => "a=b").join(",");
    assert.match(String((await ask(site, { path: RESOURCES, query: { labelSelector: many } })).body), /found 101 requirements; allowed: at most 100/);
  });

  it("keeps what stands in an env out of refusals and audit, however wrong it is", async (t: TestContext) => {
    const site = await openApiSite(t);
    const wrong = [
      '["PASSWORD=hunter2"]',
      '"hunter2"',
      '[{"name":"A","value":["hunter2"]}]',
      '[{"name":"A=hunter2"}]',
      '[{"name":"A","value":"x","secret":"hunter2"}]',
      '{"hunter2":1e999}',
    ];
    for (const env of wrong) {
      const { body } = await ask(site, { method: "POST", path: RESOURCES, body: resource(`,"env":${env}`), query: { fieldValidation: "Strict" } });
      if (!env.includes("1e999")) assert.doesNotMatch(String(body), /hunter2/, env);
    }
    await ask(site, { method: "POST", path: RESOURCES, body: '{"value": hunter2}' });
    await ask(site, { method: "POST", path: RESOURCES, contentType: "application/yaml", body: "a: [hunter2" });
    const audit = await auditOf(site);
    assert.equal(countOf(audit), wrong.length + 2);
    assert.doesNotMatch(JSON.stringify([site.logged, audit]), /hunter2/);
    assert.ok(audit.some(({ outcome }) => outcome?.message === "store/invalid spec.env[0]"));
  });

  it("writes no value of a body into the audit, wherever it stands and whatever is wrong with it", async (t: TestContext) => {
    const site = await openApiSite(t);
    const odd = "hunter2 !";
    const bodyOf = (metadata: object, spec: object = {}, more: object = {}): string =>
      JSON.stringify({
        apiVersion: "orrery.dev/v1",
        kind: "Resource",
        metadata: { name: "dish", ...metadata },
        spec: { id: "dish", type: "thing", ...spec },
        ...more,
      });
    const metadata = ["name", "uid", "resourceVersion", "namespace"].map((field) => ({ [field]: odd }));
    const owner = { apiVersion: odd, kind: odd, name: odd, uid: odd };
    const parts = [...metadata, { labels: { a: odd } }, { labels: { [odd]: "a" } }, { finalizers: [odd] }, { ownerReferences: [owner] }];
    const bodies = [
      ...parts.map((part) => bodyOf(part)),
      ...[{ id: odd }, { type: odd }, { [odd]: 1 }, { place: { [odd]: 1 } }].map((spec) => bodyOf({}, spec)),
      ...[{ kind: odd }, { apiVersion: odd }, { [odd]: 1 }].map((more) => bodyOf({}, {}, more)),
      `"${odd}"`,
      `[${odd}`,
    ];
    for (const body of bodies) await ask(site, { method: "POST", path: RESOURCES, body, query: { fieldValidation: "Strict" } });
    await ask(site, { method: "POST", path: RESOURCES, body: bodyOf({}) });
    const patches = [
      ["application/json-patch+json", `[{"op":"${odd}"}]`],
      ["application/json-patch+json", `[{"op":"test","path":"/spec/id","value":"${odd}"}]`],
      ["application/json-patch+json", `[{"op":"remove","path":"/spec/${odd}"}]`],
      ["application/merge-patch+json", `{"spec":{"id":["${odd}"]}}`],
      ["application/merge-patch+json", `{"spec":{"${odd}":1}}`],
      ["application/apply-patch+yaml", `a: b: ${odd}`],
    ] as const;
    for (const [contentType, body] of patches)
      await ask(site, { method: "PATCH", path: `${RESOURCES}/dish`, query: { fieldManager: "m", fieldValidation: "Strict" }, contentType, body });
    for (const options of [{ preconditions: { uid: odd } }, { propagationPolicy: odd }])
      await ask(site, { method: "DELETE", path: `${RESOURCES}/dish`, body: JSON.stringify(options) });
    const audit = await auditOf(site);
    assert.equal(countOf(audit), bodies.length + patches.length + 3);
    assert.deepEqual(
      audit.filter((one) => JSON.stringify(one).includes("hunter2")),
      [],
    );
  });

  it("ends an exchange that fails where nobody expects it, and no other", async (t: TestContext) => {
    const caught: string[] = [];
    const guard = new LastGuard({
      clock: systemClock,
      log: { ...silentLog, error: (_message, fields) => void caught.push(String(fields?.["stack"])) },
      giveUp: () => {},
    });
    const site = await openApiSite(t, { api: { guard, backup: () => Promise.reject(new TypeError("a bug in a backup")) } });
    for (const unknown of [{ file: "/tmp/x" }, [], "x"])
      assert.equal((await ask(site, { method: "POST", path: "/backup", body: unknown })).status, 400, JSON.stringify(unknown));
    const { body } = await ask(site, { method: "POST", path: "/backup" });
    assert.match(String(body), /the centre failed in a way that it did not expect/);
    assert.match(caught.join(), /TypeError: a bug in a backup\n/);
    assert.deepEqual([...guard.counts], [["request", 1]]);
    assert.equal((await ask(site, { path: RESOURCES })).status, 200);
  });

  it("takes small bodies where no object is written, from whoever may only read", async (t: TestContext) => {
    const site = await openApiSite(t);
    const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    const map = Array.from({ length: 40_000 }, (_, index) => `key${index}: v`).join("\n");
    assert.match(
      String((await ask(site, { method: "POST", path, contentType: "application/yaml", body: map }, "viewer")).body),
      /^api\/too-large .*64 KiB/,
    );
    const { body } = await ask(
      site,
      {
        method: "POST",
        path,
        contentType: "application/yaml",
        body: "spec: {resourceAttributes: {verb: get, resource: hosts, group: orrery.dev}}\n",
      },
      "viewer",
    );
    assert.equal((body as { status: { allowed: boolean } }).status.allowed, true);
  });

  it("refuses a small body whose fields are of other types instead of reading them as missing", async (t: TestContext) => {
    const site = await openApiSite(t);
    await ask(site, { method: "POST", path: RESOURCES, body: resource("") });
    const access = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    const rules = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    const self = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    const resourceAttributes = { verb: "get", resource: "hosts", group: "orrery.dev" };
    const refused: readonly (readonly ["POST" | "DELETE", string, unknown])[] = [
      ...["namespace", "verb", "group", "version", "resource", "subresource", "name"].flatMap((field) =>
        [5, true, ["get"], {}].map((value) => ["POST", access, { spec: { resourceAttributes: { ...resourceAttributes, [field]: value } } }] as const),
      ),
      ...[5, ["get"]].map((verb) => ["POST", access, { spec: { nonResourceAttributes: { path: "/live", verb } } }] as const),
      ...[undefined, {}, [], "x", 5, { spec: [] }, { spec: "x" }, { spec: {} }, { spec: { resourceAttributes: "x" } }].map(
        (body) => ["POST", access, body] as const,
      ),
      ["POST", access, { spec: { resourceAttributes, nonResourceAttributes: { path: "/live", verb: "get" } } }],
      ["POST", access, { kind: "Pod", spec: { resourceAttributes } }],
      ["POST", rules, { spec: { namespace: 5 } }],
      ["POST", rules, []],
      ["POST", self, "x"],
      ["POST", self, { kind: "SelfSubjectRulesReview" }],
      ...[
        [],
        "x",
        { dryRun: "All" },
        { dryRun: true },
        { dryRun: ["Some"] },
        { orphanDependents: "true" },
        { propagationPolicy: 5 },
        { preconditions: "x" },
        { preconditions: { uid: 5 } },
        { preconditions: { resourceVersion: 5 } },
      ].flatMap((body) => [["DELETE", `${RESOURCES}/dish`, body] as const, ["DELETE", RESOURCES, body] as const]),
    ];
    for (const [method, path, body] of refused)
      assert.match(
        String((await ask(site, { method, path, ...(body !== undefined && { body: JSON.stringify(body) }) })).body),
        /^api\/bad-request /,
        JSON.stringify([path, body]),
      );
    for (const [path, body] of [
      [
        access,
        { kind: "SelfSubjectAccessReview", metadata: {}, spec: { resourceAttributes: { ...resourceAttributes, name: null, fieldSelector: {} } } },
      ],
      [access, { spec: { nonResourceAttributes: { path: "/live", verb: "get" } } }],
      [rules, { spec: { namespace: "default" } }],
      [self, {}],
      [self, undefined],
    ] as const)
      assert.equal(
        (await ask(site, { method: "POST", path, ...(body !== undefined && { body: JSON.stringify(body) }) })).status,
        201,
        JSON.stringify(body),
      );
    assert.equal((await ask(site, { path: `${RESOURCES}/dish` })).status, 200);
  });
});

/** What people did, with what was counted. */
async function auditOf(site: ApiSite): Promise<readonly AuditEntry[]> {
  await site.audit.close();
  return (await site.audit.list({ limit: 1_000 })).items.filter(({ is }) => is !== "chain");
}

function countOf(entries: readonly AuditEntry[]): number {
  return entries.reduce((sum, { detail }) => sum + Number(detail?.["further"] ?? 1), 0);
}
