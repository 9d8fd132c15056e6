import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { WebSocket } from "ws";
import { z } from "zod";
import { kinds } from "#/model/all-kinds.ts";
import { arbitraryManifest, nameFor } from "#/model/arbitrary.ts";
import { type Kind, REDACTED, role, SECRET_KINDS, type StoredObject, site as siteKind, user } from "#/model/index.ts";
import { auditFolder } from "#/people/audit/index.ts";
import { LAST_APPLIED } from "#/state/store/index.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

/** A secret, unlike anything else that is written. */
const marker = (place: string): string => `geheim-${place}-4711`;
const MARKER = /geheim-[\w.-]+-4711/g;
const HOLDERS = kinds.filter(({ plural }) => SECRET_KINDS.includes(plural));
const MERGE = "application/merge-patch+json";
const JSON_PATCH = "application/json-patch+json";

/** Where in a spec secrets may stand, by the kind's schema: lists whose entries may be some, and single ones. */
function secretPlaces(kind: Kind): { readonly lists: readonly (readonly string[])[]; readonly single: readonly (readonly string[])[] } {
  const lists: string[][] = [];
  const single: string[][] = [];
  const walk = (schema: unknown, path: readonly string[]): void => {
    if (typeof schema !== "object" || schema === null) return;
    const { properties = {}, items, anyOf = [] } = schema as Record<string, Record<string, unknown>> & { readonly anyOf?: readonly unknown[] };
    if (items !== undefined && "secret" in ((items as { readonly properties?: object }).properties ?? {})) lists.push([...path]);
    if ("secret" in properties && "value" in properties) single.push([...path]);
    for (const [name, inner] of Object.entries(properties)) walk(inner, [...path, name]);
    for (const inner of anyOf as readonly unknown[]) walk(inner, path);
  };
  walk(z.toJSONSchema(kind.spec, { io: "input", unrepresentable: "any" }), []);
  return { lists, single };
}

/** A spec of the kind, made from its schema, with secrets wherever one may stand. */
function specOf(kind: Kind): Readonly<Record<string, unknown>> {
  const known = specs.get(kind);
  if (known !== undefined) return known;
  for (let seed = 1; seed < 200; seed++)
    for (const { spec } of fc.sample(arbitraryManifest(kind), { numRuns: 1, seed })) {
      const planted = structuredClone(spec) as Record<string, unknown>;
      const { lists, single } = secretPlaces(kind);
      assert.ok(lists.length + single.length > 0, kind.kind);
      for (const path of lists) plant(planted, path, [secretIn(kind, path), { name: "MODE", value: "fast" }]);
      for (const path of single) plant(planted, path, { ...secretIn(kind, path), name: undefined });
      if (!kind.spec.safeParse(planted).success) continue;
      specs.set(kind, planted);
      return planted;
    }
  throw new Error(`no spec of ${kind.kind}`);
}

/** Making one takes a while. */
const specs = new Map<Kind, Readonly<Record<string, unknown>>>();

function secretIn({ plural }: Kind, path: readonly string[]): object {
  return { name: "PASSWORD", value: marker(`${plural}.${path.join(".")}`), secret: true };
}

function plant(spec: Record<string, unknown>, path: readonly string[], secrets: object): void {
  let holder = spec;
  for (const name of path.slice(0, -1)) {
    holder[name] ??= {};
    holder = holder[name] as Record<string, unknown>;
  }
  holder[path.at(-1) ?? ""] = secrets;
}

/** The spec as somebody writes it who leaves the marks of single secrets to the kind. */
function unmarked(kind: Kind, spec: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const copy = structuredClone(spec) as Record<string, unknown>;
  for (const path of secretPlaces(kind).single) plant(copy, path, { value: marker(`${kind.plural}.${path.join(".")}`) });
  return copy;
}

interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The whole answer as it goes over the wire, whatever its status; of a stream what comes within its time. */
function askAs(
  site: ApiSite,
  name: string,
  path: string,
  { method = "GET", body, headers = {} }: Asked = {},
): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const request = httpsRequest(
    `${site.url}${path}`,
    { method, ca: site.ca, agent: false, headers: { authorization: `Bearer ${site.token(name)}`, ...type, ...headers } },
    (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, text: JSON.stringify(response.headers) + Buffer.concat(chunks).toString() }),
      );
    },
  );
  request.on("error", reject);
  request.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}

const pathOf = (kind: Kind, name?: string): string =>
  `/apis/orrery.dev/v1${kind.scope === "Namespaced" ? "/namespaces/default" : ""}/${kind.plural}${name === undefined ? "" : `/${name}`}`;

/** One object of each kind that may hold secrets, as people and `kubectl apply` make them; viewer, engineer and keeper (a role with see-secrets) for the site, ann for team a alone, the machine's viewer and admin. */
async function openSite(t: TestContext): Promise<ApiSite> {
  const site = await openApiSite(t, { hasPeople: true });
  await site.store.create(role, { metadata: { name: "keeper" }, spec: { rules: [{ verbs: ["get"], kinds: ["*"] }], actions: ["see-secrets"] } });
  for (const [name, roles] of Object.entries({
    vera: [{ role: "viewer" }],
    otto: [{ role: "operator" }],
    emil: [{ role: "engineer" }],
    karl: [{ role: "keeper" }],
    ann: [{ role: "keeper", where: "team=a" }],
  }))
    await site.store.create(user, { metadata: { name }, spec: { roles } });
  for (const kind of HOLDERS) {
    const spec = specOf(kind);
    // As kubectl has it: without the marks that the kind sets by itself.
    const annotations = { [LAST_APPLIED]: JSON.stringify({ spec: unmarked(kind, spec) }) };
    await site.store.create(kind, { metadata: { name: nameFor(kind, "one"), labels: { team: "b" }, annotations }, spec });
  }
  return site;
}

/** Names of those who read, and have not the action. */
const READERS = ["vera", "otto", "emil", "viewer", "admin", "karl"];

function assertHidden(text: string, where: string): void {
  assert.deepEqual([...new Set(text.match(MARKER) ?? [])], [], where);
}

describe("a secret", () => {
  it("is shown by no way of reading objects to anybody, of any kind", async (t) => {
    const site = await openSite(t);
    assert.deepEqual(HOLDERS.map(({ plural }) => plural).toSorted(), SECRET_KINDS);
    let seen = 0;
    const ofKind = async (kind: Kind): Promise<void> => {
      const [one, all] = [pathOf(kind, nameFor(kind, "one")), pathOf(kind)];
      for (const name of READERS)
        for (const [path, headers] of [
          [one, {}],
          [`${one}/status`, {}],
          [all, {}],
          [`${all}?limit=1`, {}],
          [`${all}?fieldSelector=metadata.name=one`, {}],
          [all, { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" }],
          [`${all}?includeObject=Object`, { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" }],
          [one, { accept: "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io" }],
          [`${all}?watch=true&timeoutSeconds=1`, {}],
          [`${all}?watch=true&timeoutSeconds=1&includeObject=Object`, { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" }],
          [`${all}?fieldSelector=spec.template.env=x`, {}],
        ] as const) {
          if (path.includes("watch") && name !== "vera") continue;
          const { text } = await askAs(site, name, path, { headers });
          assertHidden(text, `${name} ${path}`);
          if (text.includes(REDACTED)) seen += 1;
        }
    };
    // The watches take a second each.
    await Promise.all(HOLDERS.map(ofKind));
    assert.ok(seen > 50, String(seen));
  });

  it("nor by what is answered to those who write, what they are refused, or what the site tells of it", async (t) => {
    const site = await openSite(t);
    for (const kind of HOLDERS) {
      const one = pathOf(kind, nameFor(kind, "one"));
      const { lists, single } = secretPlaces(kind);
      const list = lists[0] ?? single[0] ?? [];
      const pointer = `/spec/${list.join("/")}`;
      const object = (await site.store.get(kind, {
        name: nameFor(kind, "one"),
        ...(kind.scope === "Namespaced" && { namespace: "default" }),
      })) as StoredObject;
      const spec = object.spec as Record<string, unknown>;
      const apply = { apiVersion: "orrery.dev/v1", kind: kind.kind, metadata: { name: nameFor(kind, "one") }, spec };
      const merge = { "content-type": MERGE };
      const json = { "content-type": JSON_PATCH };
      const applying = { "content-type": "application/apply-patch+yaml" };
      const tries: readonly (readonly [string, Asked])[] = [
        [one, { method: "PUT", body: { ...object, metadata: { ...object.metadata, labels: { team: "c" } } } }],
        [one, { method: "PUT", body: { ...object, metadata: { ...object.metadata, resourceVersion: "1" } } }],
        [`${one}?dryRun=All`, { method: "PUT", body: object }],
        [one, { method: "PATCH", headers: merge, body: { metadata: { labels: { x: "y" } } } }],
        [one, { method: "PATCH", headers: merge, body: { spec: { nothing: marker("unknown") } } }],
        [one, { method: "PATCH", headers: merge, body: { metadata: { annotations: { "orrery.dev/reason": "x" } }, spec: { [list[0] ?? ""]: 7 } } }],
        [one, { method: "PATCH", headers: json, body: [{ op: "test", path: `${pointer}/0/value`, value: "guess" }] }],
        [one, { method: "PATCH", headers: json, body: [{ op: "copy", from: `${pointer}/0/value`, path: "/metadata/annotations/x" }] }],
        [one, { method: "PATCH", headers: json, body: [{ op: "remove", path: `${pointer}/0/secret` }] }],
        [`${one}?dryRun=All`, { method: "PATCH", headers: json, body: [{ op: "copy", from: "/spec", path: "/metadata/annotations/x" }] }],
        [`${one}?fieldManager=b`, { method: "PATCH", headers: applying, body: apply }],
        [`${one}?fieldManager=c&force=true&dryRun=All`, { method: "PATCH", headers: applying, body: apply }],
        [`${one}?fieldManager=c&force=true`, { method: "PATCH", headers: applying, body: apply }],
        [pathOf(kind), { method: "POST", body: apply }],
        [pathOf(kind), { method: "POST", body: { ...apply, metadata: { name: "two", labels: { team: "b" } } } }],
        [pathOf(kind), { method: "POST", body: { ...apply, metadata: { name: "three" }, spec: { ...spec, wrong: true } } }],
        [
          "/forecast",
          { method: "POST", body: { ...apply, spec: { ...spec, [list[0] ?? ""]: (object.spec as Record<string, unknown>)[list[0] ?? ""] } } },
        ],
        [pathOf(kind, "two"), { method: "DELETE", headers: { prefer: "return=representation" } }],
        [`${pathOf(kind)}?labelSelector=team=c`, { method: "DELETE" }],
      ];
      for (const name of ["emil", "admin", "vera"])
        for (const [path, asked] of tries)
          assertHidden((await askAs(site, name, path, asked)).text, `${name} ${asked.method} ${path} ${JSON.stringify(asked.body)?.slice(0, 200)}`);
    }
    for (const path of [
      "/api/v1/events",
      "/audit",
      "/audit/export",
      "/live",
      "/metrics",
      "/readyz?verbose",
      "/openapi/v3",
      "/openapi/v3/apis/orrery.dev/v1",
      "/openapi/v2",
    ])
      assertHidden((await askAs(site, "admin", path)).text, path);
    assertHidden(JSON.stringify(site.logged), "the log");
    for (const file of await readdir(auditFolder(site.folder))) assertHidden(await readFile(join(auditFolder(site.folder), file), "utf8"), file);
    for (const kind of HOLDERS)
      for (const { spec, metadata } of (await site.store.list(kind)).items)
        assert.ok(
          JSON.stringify(spec).includes(`"geheim-${kind.plural}.`),
          `${kind.kind} ${metadata.name} has kept its secret: ${JSON.stringify(spec)}`,
        );
  });

  it("nor by an approval that waits", async (t) => {
    const site = await openSite(t);
    await site.store.create(siteKind, {
      metadata: { name: "site" },
      spec: { fourEyes: [{ name: "all", actions: ["update", "scale", "start", "stop", "see-secrets"], approvers: ["engineer"], within: "1h" }] },
    });
    const service = HOLDERS.find(({ plural }) => plural === "microservices") ?? assert.fail();
    const [path = []] = secretPlaces(service).lists;
    const changed = await askAs(site, "admin", pathOf(service, "one"), {
      method: "PATCH",
      headers: { "content-type": JSON_PATCH },
      body: [{ op: "replace", path: `/spec/${path.join("/")}/0/value`, value: marker("new") }],
    });
    assert.equal(changed.status, 202, changed.text);
    assertHidden(changed.text, "the answer");
    for (const reader of READERS.filter((one) => one !== "karl")) {
      const { text } = await askAs(site, reader, "/apis/orrery.dev/v1/approvals");
      assertHidden(text, reader);
      assert.match(text, /template/);
    }
    assertHidden((await askAs(site, "admin", "/apis/orrery.dev/v1/approvalwishes")).text, "the wish");
    // The look itself waits, too: then who asked has it once.
    const look = await askAs(site, "karl", `${pathOf(service, "one")}/secrets`);
    assert.equal(look.status, 202, look.text);
    assertHidden(look.text, "the look");
  });

  it("nor by a view", { timeout: 20_000 }, async (t) => {
    const site = await openSite(t);
    const socket = new WebSocket(`wss://127.0.0.1:${site.port}/views`, { ca: site.ca, headers: { authorization: `Bearer ${site.token("emil")}` } });
    t.after(() => socket.terminate());
    const told: string[] = [];
    const all = Promise.withResolvers<void>();
    socket.on("message", (data: Buffer) => {
      const text = data.toString("utf8");
      told.push(text);
      if (text.includes('"hello"'))
        for (const { plural } of HOLDERS) {
          socket.send(JSON.stringify({ op: "open", id: plural, view: { of: "objects", resource: plural } }));
          socket.send(JSON.stringify({ op: "open", id: `search-${plural}`, view: { of: "objects", resource: plural, search: "geheim" } }));
        }
      if (HOLDERS.every(({ plural }) => [plural, `search-${plural}`].every((id) => told.some((one) => one.includes(`"id":"${id}"`))))) all.resolve();
    });
    await all.promise;
    assertHidden(told.join("\n"), "views");
    assert.match(told.join("\n"), /\(secret\)/);
    assert.doesNotMatch(told.filter((one) => one.includes('"id":"search-')).join("\n"), /"name":"one"/);
  });

  it("is shown to who has see-secrets, for their objects, when the audit has it", async (t) => {
    const site = await openSite(t);
    for (const kind of HOLDERS) {
      const path = `${pathOf(kind, nameFor(kind, "one"))}/secrets`;
      for (const [name, status] of [
        ["vera", 403],
        ["otto", 403],
        ["emil", 403],
        ["viewer", 403],
        ["ann", 404],
      ] as const) {
        const answer = await askAs(site, name, path);
        assert.equal(answer.status, status, `${name} ${path}: ${answer.text}`);
        assertHidden(answer.text, `${name} ${path}`);
      }
      for (const name of ["karl", "admin"]) {
        const { status, text } = await askAs(site, name, path);
        assert.equal(status, 200, text);
        for (const list of [...secretPlaces(kind).lists, ...secretPlaces(kind).single])
          assert.ok(text.includes(marker(`${kind.plural}.${list.join(".")}`)), text);
        assert.match(text, /no-store/);
        assert.doesNotMatch(text, /"MODE"/);
      }
      const { text } = await askAs(site, "admin", `/audit?action=see-secrets&limit=200`);
      assert.match(text, new RegExp(`"kind":"${kind.kind}"`));
      assert.match(text, /PASSWORD/);
      assertHidden(text, "the audit");
    }
    const text = (await askAs(site, "admin", "/audit?action=see-secrets&user=vera&limit=200")).text;
    assert.match(text, /"code":403/);
    // Ann has it for what is hers.
    const service = HOLDERS.find(({ plural }) => plural === "microservices") ?? assert.fail();
    await site.store.patch(service, { name: "one" }, { type: "merge", body: { metadata: { labels: { team: "a" } } } });
    assert.equal((await askAs(site, "ann", `${pathOf(service, "one")}/secrets`)).status, 200);
  });
});
