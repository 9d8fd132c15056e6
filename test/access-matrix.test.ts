import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { user } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { noSeries } from "#/watch/series/index.ts";
import { ROOT, readSource } from "../tools/sources.ts";
import { startAlarmParts } from "./alarm-parts.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

/** Every role that is built in, and somebody without one. */
const ROLES = ["nobody", "viewer", "operator", "engineer", "admin"] as const;
type RoleName = (typeof ROLES)[number];

const READ = ["get", "list", "watch"];
const EDIT = ["create", "update", "patch", "delete", "deletecollection"];

/** What an operator may ask for beside reading, and an engineer only for what stands here or is plain editing. */
const STEERING: Readonly<Record<string, readonly string[]>> = {
  updates: ["create", "update", "patch"],
  microservices: ["update", "patch"],
  "microservices/scale": ["update", "patch"],
  jobs: ["update", "patch"],
  jobruns: ["create", "update", "patch"],
  instances: ["delete", "deletecollection"],
  "instances/scripts": ["create"],
  "microservices/scripts": ["create"],
};
/** Of other people alone who manages them is told. */
const PEOPLE = ["users", "roles", "subjectaccessreviews"];

/** The table: who may ask for what. */
function may(role: RoleName, verb: string, place: string): boolean {
  const [resource = "", below] = place.split("/");
  if (role === "nobody") return false;
  if (below === "secrets") return role === "admin";
  if (READ.includes(verb)) return true;
  if (role === "admin") return true;
  if (role === "operator") return STEERING[place]?.includes(verb) === true;
  if (role !== "engineer") return false;
  return below !== "status" && !PEOPLE.includes(resource);
}

/** Paths that are no objects, by the roots that the routes name: who may read them. A root that is not here fails. */
const PATHS: Readonly<Record<string, { readonly path: string; readonly method?: "POST"; readonly who: "anybody" | "known" | readonly RoleName[] }>> =
  {
    "": { path: "/", who: "known" },
    api: { path: "/api", who: "known" },
    apis: { path: "/apis", who: "known" },
    openapi: { path: "/openapi/v3", who: "known" },
    version: { path: "/version", who: "anybody" },
    healthz: { path: "/healthz", who: "anybody" },
    livez: { path: "/livez", who: "anybody" },
    readyz: { path: "/readyz", who: "anybody" },
    console: { path: "/console/", who: "anybody" },
    me: { path: "/me", who: "known" },
    views: { path: "/views", who: "known" },
    live: { path: "/live", who: ["viewer", "operator", "engineer", "admin"] },
    "access-lines": { path: `/access-lines?trace=${"0".repeat(32)}`, who: ["viewer", "operator", "engineer", "admin"] },
    logs: { path: "/logs?all=true", who: ["viewer", "operator", "engineer", "admin"] },
    // Of each service it is asked for by itself.
    "logs level": { path: "/logs/level", method: "POST", who: "known" },
    "logs search": { path: "/logs/search", who: ["viewer", "operator", "engineer", "admin"] },
    metrics: { path: "/metrics", who: ["viewer", "operator", "engineer", "admin"] },
    prometheus: { path: "/prometheus/api/v1/query?query=up", who: ["viewer", "operator", "engineer", "admin"] },
    ...Object.fromEntries(
      ["query", "query_range", "series", "labels", "label/host/values", "metadata", "status/buildinfo", "rules"].flatMap((name) =>
        (["query", "query_range", "series", "labels"].includes(name) ? (["GET", "POST"] as const) : (["GET"] as const)).map((method) => [
          `prometheus ${name} ${method}`,
          {
            path: `/prometheus/api/v1/${name}`,
            ...(method === "POST" && { method: "POST" as const }),
            who: ["viewer", "operator", "engineer", "admin"] as const,
          },
        ]),
      ),
    ),
    audit: { path: "/audit", who: ["engineer", "admin"] },
    approvals: { path: "/approvals/no-such/approve", method: "POST", who: "known" },
    // Each manifest is asked for as its write would be: below.
    forecast: { path: "/forecast", method: "POST", who: "known" },
    backup: { path: "/backup", method: "POST", who: ["engineer", "admin"] },
    link: { path: "/link", method: "POST", who: [] },
    // Each alarm that is named is asked for by itself: access-alarms.test.ts.
    "alarms operate": { path: "/alarms/operate", method: "POST", who: "known" },
    "alarms figures": { path: "/alarms/figures", who: ["viewer", "operator", "engineer", "admin"] },
    "api alerts": { path: "/api/v2/alerts", method: "POST", who: ["admin"] },
    // Everybody is told of calls to what they see: access-calls.test.ts.
    calls: { path: "/calls", who: "known" },
    "calls tree": { path: "/calls/tree", who: "known" },
    "snmp traps": { path: "/snmp/traps", who: ["viewer", "operator", "engineer", "admin"] },
    "snmp trap-figures": { path: "/snmp/trap-figures", who: ["viewer", "operator", "engineer", "admin"] },
  };

describe("every role may do exactly what the table says", () => {
  let site: ApiSite;
  let partPaths: readonly { readonly path: string; readonly method: string }[] = [];
  const stopping = new AbortController();
  const cleanups: (() => unknown)[] = [];

  before(async () => {
    site = await openApiSite(
      { after: (cleanup) => void cleanups.push(cleanup as () => unknown) },
      {
        hasPeople: true,
        api: { backup: async () => ({}), series: noSeries },
        withLogin: async ({ store }) => {
          const { paths, ended } = await startAlarmParts(store, stopping.signal);
          cleanups.push(() => ended);
          partPaths = paths;
          return { paths };
        },
      },
    );
    cleanups.push(() => stopping.abort());
    for (const role of ROLES)
      await site.store.create(user, { metadata: { name: `one-${role}` }, spec: { roles: role === "nobody" ? [] : [{ role }] } });
  });

  async function statusOf(client: Client, path: string, method: string): Promise<number> {
    try {
      const body = ["POST", "PUT", "PATCH"].includes(method) ? { body: {} } : {};
      const contentType = method === "PATCH" ? { contentType: "application/merge-patch+json" } : {};
      await client.request({ path, method: method as "GET", ...body, ...contentType });
      return 200;
    } catch (error) {
      return (error as { details?: { status?: number } }).details?.status ?? 0;
    }
  }

  /** Every kind, every subresource and every verb of it, as discovery tells, which is made from the routes. */
  async function places(): Promise<
    readonly { readonly place: string; readonly base: string; readonly isNamespaced: boolean; readonly verbs: readonly string[] }[]
  > {
    const client = site.client();
    const { groups } = (await client.request({ path: "/apis" })).body as {
      readonly groups: readonly { readonly preferredVersion: { readonly groupVersion: string } }[];
    };
    const found = [];
    for (const base of ["/api/v1", ...groups.map((one) => `/apis/${one.preferredVersion.groupVersion}`)]) {
      const { resources } = (await client.request({ path: base })).body as {
        readonly resources: readonly { readonly name: string; readonly namespaced: boolean; readonly verbs: readonly string[] }[];
      };
      found.push(...resources.map(({ name, namespaced, verbs }) => ({ place: name, base, isNamespaced: namespaced, verbs })));
    }
    return found;
  }

  const METHODS: Readonly<Record<string, string>> = {
    get: "GET",
    list: "GET",
    create: "POST",
    update: "PUT",
    patch: "PATCH",
    delete: "DELETE",
    deletecollection: "DELETE",
  };

  for (const role of ROLES)
    it(`${role}: each kind, subresource and verb`, async () => {
      const client = site.client(`one-${role}`);
      let count = 0;
      for (const { place, base, isNamespaced, verbs } of await places()) {
        if (place.startsWith("selfsubject")) continue;
        const [resource = "", below] = place.split("/");
        for (const verb of verbs) {
          const isWhole = below === undefined && ["list", "watch", "create", "deletecollection"].includes(verb);
          const root = `${base}${isNamespaced ? "/namespaces/default" : ""}/${resource}`;
          const tail = below === undefined ? "" : `/${below}${below === "scripts" ? "/x" : ""}`;
          const query = verb === "watch" ? "?watch=true&timeoutSeconds=1" : verb === "deletecollection" ? "?labelSelector=no=such" : "";
          const path = `${root}${isWhole ? "" : `/no-such${tail}`}`;
          if (verb === "watch" && may(role, verb, place)) continue;
          const status = await statusOf(client, `${path}${query}`, METHODS[verb === "watch" ? "list" : verb] ?? "GET");
          // The door is asked before anything is read: all but 403 is behind it.
          assert.equal(status !== 403, may(role, verb, place), `${role} ${verb} ${place}: ${status}`);
          count += 1;
        }
      }
      assert.ok(count > 100, String(count));
    });

  for (const role of ROLES)
    it(`${role}: each path that is no object`, async () => {
      const client = site.client(`one-${role}`);
      for (const { path, method = "GET", who } of Object.values(PATHS)) {
        const status = await statusOf(client, path, method);
        const isAllowed = who === "anybody" || who === "known" || who.includes(role);
        assert.equal(status !== 403, isAllowed || status === 404, `${role} ${path}: ${status}`);
        if (!isAllowed) assert.ok(status === 403 || status === 404, `${role} ${path}: ${status}`);
      }
    });

  it("no root of the API is without a line here", async () => {
    const source = await readSource(join(ROOT, "src/face/api/routes.ts").slice(ROOT.length + 1));
    const roots = [
      ...[...source.matchAll(/root === "([a-z-]*)"/g)].map((match) => match[1] ?? ""),
      ...[...(/const ROOTS[^[]*\[([^\]]*)\]/.exec(source)?.[1] ?? "").matchAll(/"([a-z-]*)"/g)].map((match) => match[1] ?? ""),
    ];
    assert.ok(roots.length > 10);
    assert.deepEqual(
      roots.filter((root) => PATHS[root] === undefined),
      [],
    );
  });

  it("no path of a part is without a line here", () => {
    assert.ok(partPaths.length >= 5);
    const known = Object.values(PATHS).map(({ path, method = "GET" }) => `${method} ${path}`);
    assert.deepEqual(
      partPaths.map(({ method, path }) => `${method} ${path}`).filter((one) => !known.includes(one)),
      [],
    );
  });

  it("no kind and no verb is one that the table has not been read for", async () => {
    const verbs = new Set((await places()).flatMap((one) => one.verbs));
    assert.deepEqual(
      [...verbs].filter((verb) => ![...READ, ...EDIT].includes(verb)),
      [],
    );
    for (const place of Object.keys(STEERING))
      assert.ok(
        (await places()).some((one) => one.place === place),
        place,
      );
    for (const cleanup of cleanups.reverse()) await cleanup();
  });
});
