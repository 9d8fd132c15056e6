import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { job, microservice, role, type StoredObject, user } from "#/model/index.ts";
import type { AuditEntry } from "#/people/audit/index.ts";
import type { Client } from "#/state/client/index.ts";
import { openApiSite } from "./api-site.ts";

const TEMPLATE = { version: "v1", run: { command: ["node"] } };
const ROOT = "/apis/orrery.dev/v1/namespaces/default";
const KINDS = [microservice, job];
const NAMES = ["n0", "n1", "n2"];
const TEAMS = ["a", "b"];

interface Page {
  readonly items: readonly AuditEntry[];
  readonly metadata: { readonly continue?: string };
}

/** All pages of an answer. */
async function all(client: Client, query: Readonly<Record<string, string>>): Promise<readonly AuditEntry[]> {
  const items: AuditEntry[] = [];
  let before: string | undefined;
  do {
    const { body } = await client.request({ path: "/audit", query: { ...query, ...(before !== undefined && { before }) } });
    items.push(...(body as Page).items);
    before = (body as Page).metadata.continue;
  } while (before !== undefined);
  return items;
}

test("who sees objects of a label alone finds in the audit what was done with these and by themselves: searched, filtered, page by page; no export", async (t) => {
  const site = await openApiSite(t, { hasPeople: true });
  const { store } = site;
  await store.create(role, {
    metadata: { name: "reader" },
    spec: {
      rules: [{ verbs: ["get", "list", "watch"], kinds: ["Microservice", "Job"], labels: "team=a" }],
      paths: [{ verbs: ["get"], paths: ["/audit", "/audit/*"] }],
    },
  });
  await store.create(user, { metadata: { name: "lab" }, spec: { roles: [{ role: "reader" }] } });
  const [lab, admin] = [site.client("lab"), site.client("admin")];
  const quietly = async (client: Client, request: Parameters<Client["request"]>[0]): Promise<void> => {
    await client.request(request).catch(() => undefined);
  };
  const step = fc.record({
    kind: fc.constantFrom(0, 1),
    name: fc.constantFrom(...NAMES),
    team: fc.constantFrom(...TEAMS),
    what: fc.constantFrom("make", "label", "edit", "delete", "refused"),
  });
  const query = fc.record(
    {
      user: fc.constantFrom("admin", "lab"),
      action: fc.constantFrom("create", "delete", "patch", "update"),
      object: fc.constantFrom("Microservice", "Microservice/n0", "n1", "Job"),
      text: fc.constantFrom("team", "n2", "template", "lab"),
      limit: fc.constantFrom("1", "3", "100"),
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), fc.array(query, { minLength: 2, maxLength: 3 }), async (steps, queries) => {
      for (const { kind: index, name, team, what } of steps) {
        const kind = KINDS[index] ?? microservice;
        const path = `${ROOT}/${kind.plural}`;
        const spec = kind === job ? { schedule: "0 0 1 1 *", template: TEMPLATE } : { template: TEMPLATE };
        const merge = { method: "PATCH", contentType: "application/merge-patch+json", path: `${path}/${name}` } as const;
        if (what === "make") await quietly(admin, { method: "POST", path, body: { metadata: { name, labels: { team } }, spec } });
        if (what === "label") await quietly(admin, { ...merge, body: { metadata: { labels: { team } } } });
        if (what === "edit") await quietly(admin, { ...merge, body: { metadata: { annotations: { note: `${Math.random()}` } } } });
        if (what === "delete") await quietly(admin, { method: "DELETE", path: `${path}/${name}` });
        if (what === "refused") await quietly(lab, { ...merge, body: { spec: { suspended: true } } });
      }
      const theirs = new Map<string, StoredObject>();
      for (const kind of KINDS)
        for (const one of (await store.list(kind)).items)
          if (one.metadata.labels?.["team"] === "a") theirs.set(`${kind.kind}/${one.metadata.name}`, one as StoredObject);
      const isTheirs = ({ who, object }: AuditEntry): boolean => {
        if (who?.name === "lab") return true;
        const found = object === undefined ? undefined : theirs.get(`${object.kind}/${object.name}`);
        return found !== undefined && (object?.uid === undefined || object.uid === found.metadata.uid);
      };
      for (const asked of queries) {
        const wanted = (await all(admin, asked)).filter(isTheirs).map(({ seq }) => seq);
        const shown = (await all(lab, asked)).map(({ seq }) => seq);
        assert.deepEqual(shown, wanted, JSON.stringify(asked));
      }
    }),
    { numRuns: 12 },
  );
  await assert.rejects(lab.request({ path: "/audit/export" }), /sees a part of the objects alone, and an export is the whole audit/);
  await assert.rejects(site.client("viewer").request({ path: "/audit" }), /forbidden|may not/);
});
