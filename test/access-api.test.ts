import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it, type TestContext } from "node:test";
import { CENTRE_PARTS } from "#/apps/centre/parts.ts";
import { instance, microservice, role, update, user } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { fabric8Client } from "../tools/foreign-clients.ts";
import { kubectlPath } from "../tools/kubectl.ts";
import { ROOT } from "../tools/sources.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

const TEMPLATE = { version: "v1", run: { command: ["node"] } };
const SERVICES = "/apis/orrery.dev/v1/namespaces/default/microservices";
const INSTANCES = "/apis/orrery.dev/v1/namespaces/default/instances";
const READS = { rules: [{ verbs: ["get", "list", "watch"], kinds: ["*"] }], paths: [{ verbs: ["get"], paths: ["*"] }] };

const partKinds = CENTRE_PARTS.flatMap((part) => part.kinds);

/** Services a0…a4 of team a, b0…b4 of team b, an instance and an Event of each; ann sees and edits team a, vera sees it, boss is admin. */
async function openSite(t: TestContext): Promise<ApiSite> {
  const site: ApiSite = await openApiSite(t, {
    hasPeople: true,
    api: { checkDeletion: async (kind, keys) => (await partKinds.find((one) => one.kind === kind)?.checkDeletion?.(site.store, keys)) ?? [] },
  });
  await site.store.create(role, { metadata: { name: "reads" }, spec: READS });
  for (const [name, roles] of Object.entries({
    ann: [{ role: "engineer", where: "team=a" }],
    vera: [{ role: "reads", where: "team=a" }],
    boss: [{ role: "admin" }],
    nobody: [],
  }))
    await site.store.create(user, { metadata: { name }, spec: { roles } });
  for (const team of ["a", "b"])
    for (let index = 0; index < 5; index++) {
      const name = `${team}${index}`;
      const made = await site.store.create(microservice, { metadata: { name, labels: { team } }, spec: { template: TEMPLATE } });
      await site.store.create(instance, {
        metadata: { name: `${name}-0` },
        spec: { host: "h", slot: 0, service: name, revision: `${name}-v1-1`, generation: 1, run: TEMPLATE.run } as object,
      });
      site.store.emit({ kind: microservice, object: made, type: "Normal", reason: "Made", message: name, component: "test" });
    }
  return site;
}

type Answer = { readonly status: number; readonly body: Readonly<Record<string, unknown>> };

async function ask(client: Client, path: string, more: Partial<Parameters<Client["request"]>[0]> = {}): Promise<Answer> {
  try {
    const { body } = await client.request({ path, ...more });
    return { status: 200, body: body as Answer["body"] };
  } catch (error) {
    const { status = 0, message } = ((error as { details?: { status?: number; message?: string } }).details ?? {}) as {
      status?: number;
      message?: string;
    };
    return { status, body: { message: message ?? String(error) } };
  }
}

function namesIn(body: Answer["body"]): readonly string[] {
  return ((body["items"] ?? []) as readonly { readonly metadata: { readonly name: string } }[]).map(({ metadata }) => metadata.name);
}

describe("who has a role for a label", () => {
  it("lists, gets and pages through these objects alone", async (t) => {
    const site = await openSite(t);
    const ann = site.client("ann");
    assert.deepEqual(namesIn((await ask(ann, SERVICES)).body), ["a0", "a1", "a2", "a3", "a4"]);
    assert.deepEqual(namesIn((await ask(ann, INSTANCES)).body), ["a0-0", "a1-0", "a2-0", "a3-0", "a4-0"]);
    assert.deepEqual(namesIn((await ask(site.client("boss"), SERVICES)).body).length, 10);
    assert.deepEqual(
      [(await ask(ann, `${SERVICES}/a0`)).status, (await ask(ann, `${SERVICES}/b0`)).status, (await ask(ann, `${SERVICES}/b0/scale`)).status],
      [200, 404, 404],
    );
    assert.deepEqual(namesIn((await ask(ann, SERVICES, { query: { labelSelector: "team=b" } })).body), []);
    const pages: string[][] = [];
    let next = "";
    do {
      const { body } = await ask(ann, SERVICES, { query: { limit: "2", ...(next !== "" && { continue: next }) } });
      pages.push([...namesIn(body)]);
      next = (body["metadata"] as { continue?: string }).continue ?? "";
      // What happens meanwhile changes no page.
      await site.store.delete(microservice, { name: "b1" });
      await site.store.patch(microservice, { name: "a4" }, { type: "merge", body: { metadata: { labels: { n: String(pages.length) } } } });
    } while (next !== "");
    assert.deepEqual(pages, [["a0", "a1"], ["a2", "a3"], ["a4"]]);
    const table = await ask(ann, SERVICES, { headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } });
    assert.equal(((table.body["rows"] ?? []) as unknown[]).length, 5);
  });

  it("watches them, loses what leaves and gains what comes, with honest versions", async (t) => {
    const site = await openSite(t);
    const list = await ask(site.client("ann"), SERVICES);
    const { resourceVersion } = list.body["metadata"] as { resourceVersion: string };
    const seen: string[] = [];
    let wake = (): void => {};
    const stop = new AbortController();
    t.after(() => stop.abort());
    const versions: number[] = [];
    void (async () => {
      for await (const line of site.client("ann").lines({ path: SERVICES, query: { watch: "true", resourceVersion }, signal: stop.signal })) {
        const { type, object } = JSON.parse(line) as {
          type: string;
          object: { metadata: { name: string; resourceVersion: string; labels?: { team?: string } } };
        };
        seen.push(`${type} ${object.metadata.name} ${object.metadata.labels?.team ?? ""}`);
        versions.push(Number(object.metadata.resourceVersion));
        wake();
      }
    })().catch(() => {});
    const until = async (count: number): Promise<void> => {
      while (seen.length < count) await new Promise<void>((resolve) => (wake = resolve));
    };
    const label = (name: string, team: string | null) =>
      site.store.patch(microservice, { name }, { type: "merge", body: { metadata: { labels: { team } } } });
    await label("b0", "c");
    await label("a0", "b");
    await label("b2", "a");
    await site.store.delete(microservice, { name: "b3" });
    await site.store.delete(microservice, { name: "a1" });
    await until(3);
    // As it was when it was theirs; what it became is not told.
    assert.deepEqual(seen, ["DELETED a0 a", "ADDED b2 a", "DELETED a1 a"]);
    // Rights change under the open watch: what comes into sight is added, what goes is deleted.
    await site.store.patch(user, { name: "ann" }, { type: "merge", body: { spec: { roles: [{ role: "engineer", where: "team=b" }] } } });
    await until(10);
    assert.deepEqual(seen.slice(3).toSorted(), [
      "ADDED a0 b",
      "ADDED b1 b",
      "ADDED b4 b",
      "DELETED a2 a",
      "DELETED a3 a",
      "DELETED a4 a",
      "DELETED b2 a",
    ]);
    assert.ok(versions.every((version) => version > 0));
  });

  it("and who has one for names lists and watches these", async (t) => {
    const site = await openSite(t);
    await site.store.create(role, {
      metadata: { name: "two" },
      spec: { rules: [{ verbs: ["get", "list", "watch"], kinds: ["ms"], names: ["a0", "b3"] }] },
    });
    await site.store.create(user, { metadata: { name: "tim" }, spec: { roles: [{ role: "two" }] } });
    const tim = site.client("tim");
    while ((await ask(tim, SERVICES)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(namesIn((await ask(tim, SERVICES)).body), ["a0", "b3"]);
    assert.deepEqual(
      [(await ask(tim, `${SERVICES}/b3`)).status, (await ask(tim, `${SERVICES}/b2`)).status, (await ask(tim, INSTANCES)).status],
      [200, 403, 403],
    );
    const stop = new AbortController();
    t.after(() => stop.abort());
    const lines = tim.lines({ path: SERVICES, query: { watch: "true" }, signal: stop.signal })[Symbol.asyncIterator]();
    const names: string[] = [];
    for (let count = 0; count < 2; count++)
      names.push((JSON.parse((await lines.next()).value ?? "") as { object: { metadata: { name: string } } }).object.metadata.name);
    assert.deepEqual(names, ["a0", "b3"]);
  });

  it("loses instances with the label of their service", async (t) => {
    const site = await openSite(t);
    const stop = new AbortController();
    t.after(() => stop.abort());
    const lines = site
      .client("ann")
      .lines({ path: INSTANCES, query: { watch: "true" }, signal: stop.signal })
      [Symbol.asyncIterator]();
    for (let count = 0; count < 5; count++) await lines.next();
    await site.store.patch(microservice, { name: "a3" }, { type: "merge", body: { metadata: { labels: { team: "b" } } } });
    const { type, object } = JSON.parse((await lines.next()).value ?? "") as { type: string; object: { metadata: { name: string } } };
    assert.deepEqual([type, object.metadata.name], ["DELETED", "a3-0"]);
  });

  it("is told by the watch that nothing is theirs any more", async (t) => {
    const site = await openSite(t);
    const stop = new AbortController();
    t.after(() => stop.abort());
    const lines = site
      .client("ann")
      .lines({ path: SERVICES, query: { watch: "true" }, signal: stop.signal })
      [Symbol.asyncIterator]();
    for (let count = 0; count < 5; count++) await lines.next();
    await site.store.patch(user, { name: "ann" }, { type: "merge", body: { spec: { disabled: true } } });
    await assert.rejects(
      (async () => {
        for (;;) {
          const { value, done } = await lines.next();
          if (done === true) throw new Error("ended without a reason");
          const { type, object } = JSON.parse(value) as { type: string; object: { message?: string } };
          if (type === "ERROR") throw new Error(object.message);
        }
      })(),
      /may not watch microservices/,
    );
    assert.equal((await ask(site.client("ann"), SERVICES)).status, 403);
  });

  it("changes them alone, by no way what is not theirs", async (t) => {
    const site = await openSite(t);
    const ann = site.client("ann");
    const merge = "application/merge-patch+json";
    const one = async (name: string) => (await site.store.get(microservice, { name })) ?? assert.fail(name);
    const tries: readonly [string, string, Partial<Parameters<Client["request"]>[0]>, number][] = [
      ["merge", `${SERVICES}/a0`, { method: "PATCH", contentType: merge, body: { spec: { timeout: "5s" } } }, 200],
      ["scale", `${SERVICES}/a0/scale`, { method: "PATCH", contentType: merge, body: { spec: { replicas: 3 } } }, 200],
      ["merge elsewhere", `${SERVICES}/b0`, { method: "PATCH", contentType: merge, body: { spec: { timeout: "5s" } } }, 404],
      [
        "probe elsewhere",
        `${SERVICES}/b0`,
        { method: "PATCH", contentType: "application/json-patch+json", body: [{ op: "test", path: "/spec/replicas", value: 1 }] },
        404,
      ],
      ["scale elsewhere", `${SERVICES}/b0/scale`, { method: "PATCH", contentType: merge, body: { spec: { replicas: 3 } } }, 404],
      ["put elsewhere", `${SERVICES}/b0`, { method: "PUT", body: { ...(await one("b0")), spec: { template: TEMPLATE, timeout: "1s" } } }, 404],
      ["delete elsewhere", `${SERVICES}/b0`, { method: "DELETE" }, 404],
      ["give away", `${SERVICES}/a1`, { method: "PATCH", contentType: merge, body: { metadata: { labels: { team: "b" } } } }, 403],
      [
        "create elsewhere",
        SERVICES,
        { method: "POST", body: { metadata: { name: "new", labels: { team: "b" } }, spec: { template: TEMPLATE } } },
        403,
      ],
      ["create without a label", SERVICES, { method: "POST", body: { metadata: { name: "new" }, spec: { template: TEMPLATE } } }, 403],
      [
        "create in a dry run",
        SERVICES,
        { method: "POST", query: { dryRun: "All" }, body: { metadata: { name: "new" }, spec: { template: TEMPLATE } } },
        403,
      ],
      ["create theirs", SERVICES, { method: "POST", body: { metadata: { name: "a9", labels: { team: "a" } }, spec: { template: TEMPLATE } } }, 200],
      [
        "apply elsewhere",
        `${SERVICES}/b1`,
        {
          method: "PATCH",
          contentType: "application/apply-patch+yaml",
          query: { fieldManager: "x", force: "true" },
          body: { apiVersion: "orrery.dev/v1", kind: "Microservice", metadata: { name: "b1", labels: { team: "a" } }, spec: { template: TEMPLATE } },
        },
        404,
      ],
      [
        "update of both",
        "/apis/orrery.dev/v1/namespaces/default/updates",
        {
          method: "POST",
          body: {
            metadata: { name: "u" },
            spec: {
              services: [
                { name: "a0", to: "v2" },
                { name: "b0", to: "v2" },
              ],
            },
          },
        },
        403,
      ],
      ["a role", "/apis/orrery.dev/v1/roles", { method: "POST", body: { metadata: { name: "r" }, spec: {} } }, 403],
      ["the status", `${SERVICES}/a0/status`, { method: "PATCH", contentType: merge, body: { status: { port: 1 } } }, 403],
      [
        "an Event elsewhere",
        "/api/v1/namespaces/default/events",
        {
          method: "POST",
          body: {
            metadata: { name: "e" },
            involvedObject: { kind: "Microservice", name: "b0", namespace: "default" },
            type: "Normal",
            reason: "X",
            message: "x",
            source: { component: "x" },
          },
        },
        403,
      ],
    ];
    for (const [what, path, more, status] of tries) {
      const answer = await ask(ann, path, more);
      assert.equal(answer.status, status, `${what}: ${JSON.stringify(answer.body).slice(0, 300)}`);
    }
    const all = await ask(ann, SERVICES, { method: "DELETE" });
    assert.equal(all.status, 200, JSON.stringify(all.body));
    assert.deepEqual(
      (await site.store.list(microservice)).items.map(({ metadata }) => metadata.name),
      ["b0", "b1", "b2", "b3", "b4"],
    );
    assert.equal((await site.store.list(update)).items.length, 0);
  });

  it("learns no name of others' services from a deletion", async (t) => {
    const site = await openSite(t);
    for (const [name, calls] of [
      ["a1", ["a0"]],
      ["b1", ["a0", "a2"]],
    ] as const)
      await site.store.patch(microservice, { name }, { type: "merge", body: { spec: { template: { calls } } } });
    const warned = async (who: string, name: string): Promise<string> =>
      String(
        (await site.client(who).request({ method: "DELETE", path: `${SERVICES}/${name}`, query: { dryRun: "All" } })).headers?.["warning"] ?? "",
      );
    assert.match(await warned("boss", "a0"), /a1, b1 still call a0/);
    for (const name of ["a0", "a2"]) {
      assert.match(await warned("ann", name), /you may not see/);
      assert.doesNotMatch(await warned("ann", name), /b1/);
    }
    await site.store.delete(microservice, { name: "b1" });
    assert.match(await warned("ann", "a0"), /a1 still calls a0/);
  });

  it("sees Events, live topics and what it may do, of these alone", async (t) => {
    const site = await openSite(t);
    for (const name of ["a0-0", "b0-0"]) site.hub.board.put("instances", `default/${name}`, { name }, "agent");
    site.hub.board.put("calls", "1", { caller: "a0", service: "b0" }, "centre");
    site.hub.board.put("secret-topic", "x", {}, "centre");
    const ann = site.client("ann");
    const messages = async (client: Client): Promise<readonly unknown[]> =>
      (((await ask(client, "/api/v1/events")).body["items"] ?? []) as { message: string }[]).map(({ message }) => message).toSorted();
    assert.deepEqual(await messages(ann), ["a0", "a1", "a2", "a3", "a4"]);
    assert.equal((await messages(site.client("boss"))).length, 10);
    const keys = async (topic: string): Promise<unknown> =>
      ((await ask(ann, `/live/${topic}`)).body["items"] as { key: string }[]).map(({ key }) => key);
    assert.deepEqual([await keys("instances"), await keys("calls"), await keys("secret-topic")], [["default/a0-0"], [], []]);
    assert.equal((await ask(ann, "/live/instances/default/b0-0")).status, 404);
    for (const [path, isThere] of [
      ["/live/hosts", true],
      ["/live/none", false],
      ["/live/none/x", false],
      ["/live/Hosts", false],
    ] as const) {
      const { status, body } = await ask(ann, path);
      assert.equal(status, isThere ? 200 : 404, path);
      if (!isThere) assert.match(String(body["message"]), /there is no live topic (none|Hosts); there are: .*instances/);
    }
    assert.deepEqual([(await ask(ann, "/metrics")).status, (await ask(site.client("boss"), "/live/calls/1")).status], [403, 200]);
    const review = async (client: Client, verb: string, name: string, resource = "microservices"): Promise<unknown> =>
      (
        (
          await ask(client, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
            method: "POST",
            body: { spec: { resourceAttributes: { verb, resource, name, group: "orrery.dev", namespace: "default" } } },
          })
        ).body["status"] as { allowed: boolean }
      ).allowed;
    assert.deepEqual(
      [
        await review(ann, "scale", "a0"),
        await review(ann, "scale", "b0"),
        await review(ann, "get", "b0"),
        await review(site.client("vera"), "scale", "a0"),
      ],
      [true, false, false, false],
    );
  });
});

it("who has no role is known, and may do nothing", async (t) => {
  const site = await openSite(t);
  const nobody = site.client("nobody");
  for (const path of [SERVICES, "/api/v1/events", "/api/v1/namespaces", "/live", "/logs?all=true", "/metrics"])
    assert.equal((await ask(nobody, path)).status, 403, path);
  assert.equal((await ask(nobody, "/apis/orrery.dev/v1")).status, 200);
});

it("the last admin stays, also when two leave at once", async (t) => {
  const site = await openSite(t);
  // One that is disabled decides about nobody.
  await site.store.create(user, { metadata: { name: "former" }, spec: { roles: [{ role: "admin" }], disabled: true } });
  const users = "/apis/orrery.dev/v1/users";
  const boss = site.client("boss");
  const ways: readonly [string, Partial<Parameters<Client["request"]>[0]>][] = [
    [`${users}/boss`, { method: "DELETE" }],
    [`${users}/boss`, { method: "PATCH", contentType: "application/merge-patch+json", body: { spec: { disabled: true } } }],
    [`${users}/boss`, { method: "PATCH", contentType: "application/merge-patch+json", body: { spec: { roles: [{ role: "operator" }] } } }],
    [
      `${users}/boss`,
      { method: "PATCH", contentType: "application/merge-patch+json", body: { spec: { roles: [{ role: "admin", where: "team=a" }] } } },
    ],
  ];
  for (const [path, more] of ways) {
    const answer = await ask(boss, path, more);
    assert.match(String(answer.body["message"]), /would no longer be admin, and nobody else is/, JSON.stringify(more));
  }
  await site.store.create(role, { metadata: { name: "chief" }, spec: { actions: ["*", "escalate"] } });
  await site.store.create(user, { metadata: { name: "deputy" }, spec: { roles: [{ role: "chief" }] } });
  // A trial reserves nothing.
  assert.equal((await ask(boss, `${users}/deputy`, { method: "DELETE", query: { dryRun: "All" } })).status, 200);
  const [one, two] = await Promise.all([
    ask(boss, `${users}/deputy`, { method: "DELETE" }),
    ask(site.client("deputy"), `${users}/boss`, { method: "DELETE" }),
  ]);
  assert.deepEqual([one.status, two.status].filter((status) => status === 200).length, 1, JSON.stringify([one, two]));
  assert.equal((await site.store.list(user)).items.filter(({ metadata }) => ["boss", "deputy"].includes(metadata.name)).length, 1);
});

it("the last admin stays when its role is edited", async (t) => {
  const site = await openSite(t);
  await site.store.create(role, { metadata: { name: "chief" }, spec: { actions: ["*", "escalate"] } });
  await site.store.create(user, { metadata: { name: "deputy" }, spec: { roles: [{ role: "chief" }] } });
  await site.store.delete(user, { name: "boss" });
  const machine = site.client("admin");
  const ways: readonly Partial<Parameters<Client["request"]>[0]>[] = [
    { method: "DELETE" },
    { method: "PATCH", contentType: "application/merge-patch+json", body: { spec: { actions: ["scale"] } } },
  ];
  for (const more of ways) assert.match(String((await ask(machine, "/apis/orrery.dev/v1/roles/chief", more)).body["message"]), /nobody else is/);
});

const kubectl = await kubectlPath();
it("kubectl as a person of one team", { skip: kubectl.path === undefined && kubectl.reason }, async (t) => {
  const site = await openSite(t);
  const config = await site.kubeconfig("ann");
  const run = async (...args: string[]): Promise<string> => {
    const child = spawn(kubectl.path ?? "", args, {
      env: { PATH: process.env["PATH"], HOME: site.folder, KUBECACHEDIR: join(site.folder, "cache"), KUBECONFIG: config },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
    await once(child, "close");
    return text.trim();
  };
  assert.equal(await run("get", "ms", "-o", "name"), ["a0", "a1", "a2", "a3", "a4"].map((name) => `microservice.orrery.dev/${name}`).join("\n"));
  assert.match(await run("get", "ms", "b0"), /NotFound/);
  assert.match(await run("auth", "whoami"), /ann/);
  assert.match(await run("auth", "can-i", "scale", "microservices/a0"), /^yes$/m);
  assert.match(await run("auth", "can-i", "scale", "microservices/b0"), /^no\b/m);
  assert.match(await run("auth", "can-i", "--list"), /labels: team=a[\s\S]*microservices\.orrery\.dev .*scale/);
  assert.match(await run("scale", "ms/a0", "--replicas=4"), /scaled/);
  assert.match(await run("scale", "ms/b0", "--replicas=4"), /NotFound|not found/);
  assert.match(await run("label", "ms/a0", "team=b", "--overwrite"), /Forbidden|forbidden/);
  assert.match(await run("delete", "ms", "--all"), /"a4" deleted/);
  assert.deepEqual((await site.store.list(microservice)).items.length, 5);
});

const fabric8 = fabric8Client();
it("an informer of fabric8's kubernetes-client (Java) as a person of one team", {
  skip: fabric8.folder === undefined && fabric8.reason,
}, async (t) => {
  const site = await openSite(t);
  const programs = join(ROOT, "test/foreign-clients");
  const child = spawn(
    "java",
    ["-cp", join(fabric8.folder ?? "", "*"), join(programs, "Fabric8Team.java"), site.url, join(site.folder, "pki/ca.crt"), site.token("ann")],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  t.after(() => child.kill("SIGKILL"));
  const lines: string[] = [];
  let wake = (): void => {};
  createInterface(child.stdout).on("line", (line) => {
    lines.push(line);
    wake();
  });
  const until = async (count: number): Promise<void> => {
    while (lines.length < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  const label = (name: string, team: string) => site.store.patch(microservice, { name }, { type: "merge", body: { metadata: { labels: { team } } } });
  await until(5);
  await label("a0", "b");
  await label("b0", "a");
  await site.store.patch(microservice, { name: "a1" }, { type: "merge", body: { spec: { timeout: "7s" } } });
  await until(8);
  assert.deepEqual(lines, ["added a0", "added a1", "added a2", "added a3", "added a4", "deleted a0 a", "added b0", "updated a1"]);
  await site.store.patch(user, { name: "ann" }, { type: "merge", body: { spec: { roles: [{ role: "engineer", where: "team=b" }] } } });
  await until(8 + 5 + 5);
  await site.store.create(microservice, { metadata: { name: "end", labels: { team: "b" } }, spec: { template: TEMPLATE } });
  await once(child, "close");
  assert.deepEqual(lines.at(-1), "holds a0 b1 b2 b3 b4 end");
});
