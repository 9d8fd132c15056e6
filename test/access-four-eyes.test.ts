import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { systemClock } from "#/base/index.ts";
import { type Run, run } from "#/face/cli/rig.ts";
import { type Approval, approval, microservice, role, site as siteKind, user } from "#/model/index.ts";
import type { Client, ClientRequest } from "#/state/client/index.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

const TEMPLATE = { version: "v1", run: { command: ["node"] }, env: [{ name: "KEY", value: "planted-secret", secret: true }] };
const ROOT = "/apis/orrery.dev/v1";
const AUTH = `${ROOT}/namespaces/default/microservices/auth`;
const SITE = `${ROOT}/namespaces/default/sites/site`;
const MERGE = { method: "PATCH", contentType: "application/merge-patch+json" } as const;
const RULES = [
  { name: "services", actions: ["update", "scale", "start", "stop"], where: "team=a", approvers: ["engineer"], within: "1h" },
  { name: "gateways", actions: ["forget-gateway"], approvers: ["engineer", "safety"], within: "1h" },
];

type Request = Partial<ClientRequest> & { readonly path: string };

/** eva and eve may everything, eve2 is eve's second account; op steers, sam approves for safety. */
async function openSite(t: TestContext, rules: readonly object[] = RULES): Promise<ApiSite> {
  const site = await openApiSite(t, { hasPeople: true });
  await site.store.create(role, { metadata: { name: "safety" }, spec: { rules: [{ verbs: ["get", "list", "watch"], kinds: ["*"] }] } });
  const people: Readonly<Record<string, object>> = {
    eva: { roles: [{ role: "admin" }, { role: "engineer" }] },
    eve: { roles: [{ role: "admin" }, { role: "engineer" }] },
    eve2: { roles: [{ role: "engineer" }], person: "eve" },
    ids: { roles: [{ role: "engineer" }], identities: [{ issuer: "https://a.example", subject: "1" }] },
    ids2: { roles: [{ role: "engineer" }], identities: [{ issuer: "https://a.example", subject: "1" }] },
    op: { roles: [{ role: "operator" }] },
    eve3: { roles: [{ role: "operator" }], person: "eve" },
    ids3: { roles: [{ role: "operator" }], identities: [{ issuer: "https://a.example", subject: "1" }] },
    sam: { roles: [{ role: "safety" }] },
    new: { roles: [{ role: "viewer" }] },
  };
  for (const [name, spec] of Object.entries(people)) await site.store.create(user, { metadata: { name }, spec });
  await site.store.create(microservice, { metadata: { name: "auth", labels: { team: "a" } }, spec: { template: TEMPLATE } });
  await site.store.create(microservice, { metadata: { name: "free" }, spec: { template: TEMPLATE } });
  await site.store.create(siteKind, { metadata: { name: "site" }, spec: { fourEyes: rules } });
  // The local copy has it as soon as something is guarded.
  const isGuarded = async (): Promise<boolean> =>
    (await ask(site.client("eva"), { ...MERGE, path: `${AUTH}/scale`, query: { dryRun: "All" }, body: { spec: { replicas: 9 } } })).warning !== "";
  while (!(await isGuarded())) await new Promise((resolve) => setTimeout(resolve, 10));
  return site;
}

interface Answer {
  readonly status: number;
  readonly message: string;
  readonly approval: string | undefined;
  readonly warning: string;
  readonly body: unknown;
}

async function ask(client: Client, request: Request): Promise<Answer> {
  try {
    const { body, headers } = await client.request(request);
    return { status: 200, message: "", approval: undefined, warning: String(headers?.["warning"] ?? ""), body };
  } catch (error) {
    const { code, message, details } = error as { code: string; message: string; details: { status?: number; approval?: string } };
    return { status: code === "access/waits" ? 202 : (details.status ?? 0), message, approval: details.approval, warning: "", body: undefined };
  }
}

const decide = (site: ApiSite, who: string, name: string, what: string, reason?: string): Promise<Answer> =>
  ask(site.client(who), { method: "POST", path: `/approvals/${name}/${what}`, body: reason === undefined ? {} : { reason } });

async function phaseOf(site: ApiSite, name: string | undefined): Promise<string | undefined> {
  return (await site.store.get(approval, { name: name ?? "" }))?.status?.phase;
}

async function waits(site: ApiSite, who: string, request: Request): Promise<string> {
  const answer = await ask(site.client(who), request);
  assert.equal(answer.status, 202, `${answer.status} ${answer.message}`);
  return answer.approval ?? assert.fail("no approval");
}

const SCALE: Request = { ...MERGE, path: `${AUTH}/scale`, body: { spec: { replicas: 3 } } };

describe("what the Site names waits, whichever way it comes", () => {
  const ways: readonly [string, Request | ((site: ApiSite) => Promise<Request>)][] = [
    ["scaled through the subresource", SCALE],
    ["scaled by a PUT of the subresource", { method: "PUT", path: `${AUTH}/scale`, body: { metadata: { name: "auth" }, spec: { replicas: 3 } } }],
    ["scaled by a patch", { ...MERGE, path: AUTH, body: { spec: { replicas: 3 } } }],
    [
      "scaled by a JSON patch",
      { method: "PATCH", contentType: "application/json-patch+json", path: AUTH, body: [{ op: "replace", path: "/spec/replicas", value: 3 }] },
    ],
    [
      "scaled by a PUT",
      async (site) => ({
        method: "PUT",
        path: AUTH,
        body: { ...(await site.store.get(microservice, { name: "auth" })), spec: { template: TEMPLATE, replicas: 3 } },
      }),
    ],
    [
      "scaled by an apply",
      {
        method: "PATCH",
        contentType: "application/apply-patch+yaml",
        query: { fieldManager: "x", force: "true" },
        path: AUTH,
        body: { apiVersion: "orrery.dev/v1", kind: "Microservice", metadata: { name: "auth", labels: { team: "a" } }, spec: { replicas: 3 } },
      },
    ],
    ["updated by another template", { ...MERGE, path: AUTH, body: { spec: { template: { version: "v2" } } } }],
    [
      "updated by an Update",
      {
        method: "POST",
        path: `${ROOT}/namespaces/default/updates`,
        body: { metadata: { name: "u" }, spec: { services: [{ name: "auth", to: "v2" }] } },
      },
    ],
    ["stopped", { ...MERGE, path: AUTH, body: { spec: { suspended: true } } }],
    ["restarted", { ...MERGE, path: AUTH, body: { spec: { restartedAt: "2030-01-01T00:00:00Z" } } }],
    ["deleted, to be made anew", { method: "DELETE", path: AUTH }],
    ["deleted with all others", { method: "DELETE", path: `${ROOT}/namespaces/default/microservices`, query: { labelSelector: "team=a" } }],
    [
      "made",
      {
        method: "POST",
        path: `${ROOT}/namespaces/default/microservices`,
        body: { metadata: { name: "auth9", labels: { team: "a" } }, spec: { template: TEMPLATE } },
      },
    ],
    ["first taken out of the rule's labels", { ...MERGE, path: AUTH, body: { metadata: { labels: { team: "b" } }, spec: { replicas: 3 } } }],
    ["first taken from the Site's setting", { ...MERGE, path: SITE, body: { spec: { fourEyes: [] } } }],
    ["first weakened in the Site's setting", { ...MERGE, path: SITE, body: { spec: { fourEyes: [{ ...RULES[0], approvers: ["viewer"] }] } } }],
    [
      "by a second account that is made for it",
      { method: "POST", path: `${ROOT}/users`, body: { metadata: { name: "me2" }, spec: { roles: [{ role: "engineer" }] } } },
    ],
    ["by an account that is given the role", { ...MERGE, path: `${ROOT}/users/new`, body: { spec: { roles: [{ role: "engineer" }] } } }],
    ["by the account of another that is no longer theirs", { ...MERGE, path: `${ROOT}/users/eve2`, body: { spec: { person: null } } }],
    ["asked for by a second account that is no longer theirs", { ...MERGE, path: `${ROOT}/users/eve3`, body: { spec: { person: null } } }],
    ["by a second account that is switched off meanwhile", { ...MERGE, path: `${ROOT}/users/eve3`, body: { spec: { person: "x", disabled: true } } }],
    ["by a second account that is removed, to be made anew", { method: "DELETE", path: `${ROOT}/users/eve3` }],
    ["asked for by an account with another identity", { ...MERGE, path: `${ROOT}/users/ids3`, body: { spec: { identities: [] } } }],
    [
      "by whom the provider says to be in a group",
      {
        ...MERGE,
        path: SITE,
        body: { spec: { login: { provider: { name: "A", issuer: "https://a.example", clientId: "c" } } } },
      },
    ],
    [
      "given an owner that is not there, with which it goes",
      { ...MERGE, path: AUTH, body: { metadata: { ownerReferences: [{ apiVersion: "orrery.dev/v1", kind: "Route", name: "none", uid: "none" }] } } },
    ],
    [
      "by a group that is given the role",
      async (site) => ({
        ...MERGE,
        path: `${ROOT}/roles/safety`,
        body: {
          spec: { groups: [{ name: "g" }] },
          metadata: { resourceVersion: (await site.store.get(role, { name: "safety" }))?.metadata.resourceVersion },
        },
      }),
    ],
  ];
  it("every way in turn, also for the machine's admin; nothing is written", async (t) => {
    const site = await openSite(t);
    const look = async (): Promise<string> =>
      JSON.stringify([
        ...(await site.store.list(microservice)).items,
        ...(await site.store.list(user)).items,
        ...(await site.store.list(role)).items,
        ...(await site.store.list(siteKind)).items,
      ]);
    const before = await look();
    for (const who of ["eva", "admin"])
      for (const [what, way] of ways) {
        const answer = await ask(site.client(who), typeof way === "function" ? await way(site) : way);
        assert.equal(answer.status, 202, `${who}: ${what}: ${answer.status} ${answer.message}`);
        assert.equal(await phaseOf(site, answer.approval), "Waiting");
      }
    assert.equal(await look(), before);
    const texts = JSON.stringify((await site.store.list(approval)).items);
    assert.equal(texts.includes("planted-secret"), false);
  });

  it("lets go on what it does not name, and what cannot be done anyway", async (t) => {
    const site = await openSite(t);
    const eva = site.client("eva");
    assert.equal((await ask(eva, { ...MERGE, path: AUTH, body: { spec: { timeout: "5s" } } })).status, 200);
    assert.equal(
      (await ask(eva, { ...MERGE, path: `${ROOT}/namespaces/default/microservices/free/scale`, body: { spec: { replicas: 3 } } })).status,
      200,
    );
    assert.equal((await ask(eva, { ...MERGE, path: SITE, body: { spec: { displayName: "x" } } })).status, 200);
    assert.equal(
      (await ask(eva, { method: "POST", path: `${ROOT}/users`, body: { metadata: { name: "v" }, spec: { roles: [{ role: "viewer" }] } } })).status,
      200,
    );
    assert.equal((await ask(site.client("new"), SCALE)).status, 403);
    assert.equal((await site.store.list(approval)).items.length, 0);
    assert.match((await ask(eva, { ...SCALE, query: { dryRun: "All" } })).warning, /this would wait until engineer approves it/);
  });

  it("nobody writes an Approval", async (t) => {
    const site = await openSite(t);
    const name = await waits(site, "op", SCALE);
    for (const who of ["eva", "admin"])
      for (const request of [
        { ...MERGE, path: `${ROOT}/approvals/${name}/status`, body: { status: { phase: "Approved" } } },
        { method: "DELETE", path: `${ROOT}/approvals/${name}` },
        {
          method: "POST",
          path: `${ROOT}/approvals`,
          body: { metadata: { name: "x" }, spec: { ...(await site.store.get(approval, { name }))?.spec } },
        },
      ] as const)
        assert.equal((await ask(site.client(who), request)).status, 403, `${who} ${request.path}`);
    assert.equal(await phaseOf(site, name), "Waiting");
  });
});

describe("an approval", () => {
  it("is carried out exactly, by another person who has the role", async (t) => {
    const site = await openSite(t);
    const name = await waits(site, "op", { ...SCALE, headers: { "orrery-reason": encodeURIComponent("过站 tonight") } });
    assert.equal(await waits(site, "op", SCALE), name, "asked again, it is the same");
    const one = (await site.store.get(approval, { name })) as Approval;
    assert.deepEqual(
      [one.spec.reason, one.spec.by.name, one.spec.needs, one.spec.changes],
      ["过站 tonight", "op", [{ role: "engineer" }], [{ field: "spec.replicas", before: "1", after: "3" }]],
    );
    assert.match((await decide(site, "sam", name, "approve")).message, /it takes the role engineer, which sam does not have/);
    assert.match((await decide(site, "admin", name, "approve")).message, /it takes the role engineer/);
    assert.equal((await decide(site, "eva", name, "approve", "go")).status, 200);
    const after = await site.store.get(microservice, { name: "auth" });
    assert.deepEqual([await phaseOf(site, name), after?.spec.replicas, after?.metadata.annotations?.["orrery.dev/changed-by"]], ["Done", 3, "op"]);
    assert.equal(after?.spec.template.env[0]?.value, "planted-secret");
    assert.equal((await decide(site, "eve", name, "approve")).status, 409);
  });

  it("is not one's own, by whatever account", async (t) => {
    const site = await openSite(t);
    for (const [who, other] of [
      ["eva", "eva"],
      ["eve", "eve2"],
      ["eve2", "eve"],
      ["ids", "ids2"],
    ] as const) {
      const name = await waits(site, who, { ...SCALE, body: { spec: { replicas: who.length + 7 } } });
      assert.match((await decide(site, other, name, "approve")).message, /another person has to approve it/, `${who} ${other}`);
      assert.equal((await decide(site, who, name, "withdraw")).status, 200);
      assert.equal(await phaseOf(site, name), "Withdrawn");
      assert.equal((await decide(site, "eva", name, "approve")).status, who === "eva" ? 409 : 409);
    }
  });

  it("is void when the object has changed, and not when only its status has", async (t) => {
    const site = await openSite(t);
    const first = await waits(site, "op", SCALE);
    await site.store.patch(microservice, { name: "auth" }, { type: "merge", body: { status: { readyReplicas: 1 } } }, { subresource: "status" });
    assert.equal((await decide(site, "eva", first, "approve")).status, 200);
    assert.equal(await phaseOf(site, first), "Done");
    const second = await waits(site, "op", { ...SCALE, body: { spec: { replicas: 7 } } });
    await site.store.patch(microservice, { name: "auth" }, { type: "merge", body: { spec: { timeout: "7s" } } });
    assert.equal((await decide(site, "eva", second, "approve")).status, 200);
    assert.equal(await phaseOf(site, second), "Failed");
    assert.match((await site.store.get(approval, { name: second }))?.status?.message ?? "", /has changed since it was asked for/);
    assert.equal((await site.store.get(microservice, { name: "auth" }))?.spec.replicas, 3);
  });

  it("is void when who asked may no longer do it", async (t) => {
    const site = await openSite(t);
    const name = await waits(site, "op", SCALE);
    await site.store.patch(user, { name: "op" }, { type: "merge", body: { spec: { disabled: true } } });
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal((await decide(site, "eva", name, "approve")).status, 200);
    assert.equal(await phaseOf(site, name), "Failed");
  });

  it("may be refused, with a reason, and expires", async (t) => {
    const site = await openSite(t, [{ ...RULES[0], within: "1s" }]);
    const first = await waits(site, "op", SCALE);
    assert.equal((await decide(site, "eva", first, "refuse", "not now")).status, 200);
    assert.deepEqual(
      (await site.store.get(approval, { name: first }))?.status?.decisions?.map(({ verdict, reason }) => [verdict, reason]),
      [["refused", "not now"]],
    );
    const second = await waits(site, "op", SCALE);
    assert.notEqual(second, first);
    const until = Date.parse((await site.store.get(approval, { name: second }))?.spec.until ?? "");
    await new Promise((resolve) => setTimeout(resolve, until - Date.now() + 20));
    assert.match((await decide(site, "eva", second, "approve")).message, /has expired/);
    assert.equal(await phaseOf(site, second), "Expired");
    assert.equal((await site.store.get(microservice, { name: "auth" }))?.spec.replicas, 1);
  });

  it("needs each of its roles, by different people", async (t) => {
    const site = await openSite(t, [{ name: "all", actions: ["scale"], approvers: ["engineer", "safety"] }]);
    await site.store.patch(user, { name: "sam" }, { type: "merge", body: { spec: { roles: [{ role: "safety" }, { role: "engineer" }] } } });
    const name = await waits(site, "op", SCALE);
    assert.equal((await decide(site, "sam", name, "approve")).status, 200);
    assert.equal(await phaseOf(site, name), "Waiting");
    assert.match((await decide(site, "sam", name, "approve")).message, /has approved it already/);
    assert.equal((await decide(site, "eva", name, "approve")).status, 403, "engineer was given by sam already; safety is missing");
    await site.store.create(user, { metadata: { name: "sue" }, spec: { roles: [{ role: "safety" }] } });
    assert.equal((await decide(site, "sue", name, "approve")).status, 200);
    assert.equal(await phaseOf(site, name), "Done");
  });

  it("approved by two at once is carried out once", async (t) => {
    const site = await openSite(t);
    const name = await waits(site, "op", SCALE);
    const both = await Promise.all([decide(site, "eva", name, "approve"), decide(site, "eve", name, "approve")]);
    assert.deepEqual(both.map(({ status }) => status).toSorted(), [200, 409]);
    assert.equal(await phaseOf(site, name), "Done");
  });
});

it("a deletion of many asks for all of them at once, and deletes what nobody has to approve", async (t) => {
  const site = await openSite(t);
  for (const name of ["a1", "a2"])
    await site.store.create(microservice, { metadata: { name, labels: { team: "a" } }, spec: { template: TEMPLATE, suspended: true } });
  const answer = await ask(site.client("eva"), { method: "DELETE", path: `${ROOT}/namespaces/default/microservices` });
  assert.equal(answer.status, 202);
  const { items: told } = await site.audit.list({ limit: 10 });
  const outcomes = told.filter(({ is }) => is !== "chain").map(({ object, outcome }) => [object?.name, outcome?.code]);
  assert.deepEqual(outcomes, [
    ["", 202],
    ["free", 200],
  ]);
  assert.deepEqual(
    (await site.store.list(approval)).items.map(({ spec, status }) => [spec.object.name, spec.verb, status?.phase]).toSorted(),
    ["a1", "a2", "auth"].map((name) => [name, "delete", "Waiting"]),
  );
  assert.equal(await site.store.get(microservice, { name: "free" }), undefined);
  for (const { metadata } of (await site.store.list(approval)).items) assert.equal((await decide(site, "eve", metadata.name, "approve")).status, 200);
  assert.deepEqual((await site.store.list(microservice)).items, []);
});

it("an identity of a provider is one User's alone", async (t) => {
  const site = await openSite(t);
  const body = { metadata: { name: "thief" }, spec: { identities: [{ issuer: "https://a.example", subject: "1" }] } };
  for (const who of ["eva", "admin"]) {
    const answer = await ask(site.client(who), { method: "POST", path: `${ROOT}/users`, body });
    assert.deepEqual([answer.status, /spec.identities\[0\]: it is User ids's/.test(answer.message)], [422, true], answer.message);
  }
  // Another issuer's is another.
  const other = { metadata: { name: "thief" }, spec: { identities: [{ issuer: "https://b.example", subject: "1" }] } };
  assert.equal((await ask(site.client("eva"), { method: "POST", path: `${ROOT}/users`, body: other })).status, 200);
  assert.equal((await ask(site.client("eva"), { ...MERGE, path: `${ROOT}/users/thief`, body: { spec: body.spec } })).status, 422);
  // Who has it stays as they are.
  assert.equal((await ask(site.client("eva"), { ...MERGE, path: `${ROOT}/users/ids`, body: { spec: { displayName: "I" } } })).status, 200);
});

it("glass may be broken by one person, with a reason, and not quietly", async (t) => {
  const site = await openSite(t);
  const broken: Request = { ...SCALE, headers: { "orrery-break-glass": encodeURIComponent("antenna runs away") } };
  assert.equal((await ask(site.client("new"), broken)).status, 403, "it gives no right");
  assert.equal((await ask(site.client("op"), { ...broken, headers: { "orrery-break-glass": "" } })).status, 400);
  assert.equal((await ask(site.client("op"), broken)).status, 200);
  assert.equal((await site.store.get(microservice, { name: "auth" }))?.spec.replicas, 3);
  const [one] = (await site.store.list(approval, { fieldSelector: "status.phase=BrokenGlass" })).items;
  assert.deepEqual([one?.spec.reason, one?.spec.by.name, one?.status?.reviewed], ["antenna runs away", "op", undefined]);
  const events = await site.store.events({ fieldSelector: "reason=BrokenGlass" });
  assert.deepEqual(
    new Set(events.map(({ type, involvedObject }) => `${type} ${involvedObject.kind}`)),
    new Set(["Warning Approval", "Warning Site"]),
  );
  const name = one?.metadata.name ?? "";
  assert.match((await decide(site, "op", name, "review")).message, /another person has to look at it/);
  assert.equal((await decide(site, "eva", name, "review", "it did")).status, 200);
  assert.equal((await site.store.get(approval, { name }))?.status?.reviewed?.by.name, "eva");
});

it("the command line asks, tells that it waits, decides, and breaks the glass", async (t) => {
  const site = await openSite(t);
  const as =
    (who: string) =>
    (...args: string[]): Promise<Run> =>
      run(args, { client: () => site.client(who), clock: systemClock });
  const [op, eva] = [as("op"), as("eva")];
  assert.match((await eva("approval", "list")).note, /nothing waits/);
  const asked = await op("scale", "auth", "3", "--reason", "过站");
  assert.equal(asked.status, 1);
  const name = /waits as approval (\S+) for engineer, until .*orrery approval show/.exec(asked.note)?.[1] ?? assert.fail(asked.note);
  assert.match((await eva("approval", "list")).out, new RegExp(`${name} +Waiting +scale of Microservice auth +op +engineer .*过站`));
  assert.match((await eva("approval", "show", name)).out, /Change: +spec\.replicas: 1 → 3\n/);
  assert.match((await op("approval", "approve", name)).note, /another person has to approve it|it takes the role engineer/);
  assert.match((await eva("approval", "approve", name, "--reason", "go")).out, /is Done: carried out as it was approved/);
  assert.match((await eva("approval", "show", name)).out, /Decision: +\S+ eva as engineer: approved: go/);
  assert.match((await eva("approval", "show", "none")).note, /there is no approval called "none"/);
  assert.equal((await op("scale", "auth", "5", "--break-glass", "antenna runs away")).status, 0);
  assert.match((await eva("approval", "list")).out, /done alone +scale of Microservice auth +op/);
});

it("who sees some objects alone sees what waits of these, decides it, and sees nothing of others", async (t) => {
  const site = await openSite(t, [{ name: "all", actions: ["update", "scale", "start", "stop"], approvers: ["engineer"], within: "1h" }]);
  for (const [name, where] of [
    ["in-a", "team=a"],
    ["not-a", "team!=a"],
    ["in-b", "team=b"],
  ] as const)
    await site.store.create(user, { metadata: { name }, spec: { roles: [{ role: "engineer", where }] } });
  const born = (name: string, labels: object): Request => ({
    method: "POST",
    path: `${ROOT}/namespaces/default/microservices`,
    body: { metadata: { name, labels }, spec: { template: TEMPLATE } },
  });
  const cases: readonly [string, Request, readonly string[]][] = [
    ["a change", SCALE, ["in-a"]],
    ["a deletion", { method: "DELETE", path: AUTH }, ["in-a"]],
    ["what is not there yet", born("new-a", { team: "a" }), ["in-a"]],
    ["what is not there yet, of another team", born("new-b", { team: "b" }), ["in-b", "not-a"]],
    ["what changes hands", { ...MERGE, path: AUTH, body: { spec: { replicas: 7 }, metadata: { labels: { team: "b" } } } }, ["in-a", "in-b", "not-a"]],
  ];
  for (const [what, request, seers] of cases) {
    const name = await waits(site, "eva", request);
    for (const who of ["in-a", "not-a", "in-b"]) {
      const sees = seers.includes(who);
      const client = site.client(who);
      assert.equal((await ask(client, { path: `${ROOT}/approvals/${name}` })).status, sees ? 200 : 404, `${who} gets ${what}`);
      const { body } = await ask(client, { path: `${ROOT}/approvals` });
      const listed = (body as { items: { metadata: { name: string } }[] }).items.some(({ metadata }) => metadata.name === name);
      assert.equal(listed, sees, `${who} lists ${what}`);
      if (!sees) assert.equal((await decide(site, who, name, "refuse")).status, 403, `${who} refuses ${what}`);
    }
    assert.equal((await decide(site, seers[0] ?? "", name, "refuse")).status, 200, `${seers[0]} refuses ${what}`);
  }
});
