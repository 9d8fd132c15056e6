import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { systemRandom } from "#/base/index.ts";
import { microservice, resource } from "#/model/index.ts";
import { ensureCertificates } from "#/pki/index.ts";
import { kubectlPath } from "../tools/kubectl.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

const kubectl = await kubectlPath();
const skip = kubectl.path === undefined ? kubectl.reason : false;

interface Done {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

describe("the real kubectl", { skip }, () => {
  let site: ApiSite;
  let config: string;
  const cleanups: (() => unknown)[] = [];
  const running = new Set<ChildProcess>();

  before(async () => {
    site = await openApiSite({ after: (cleanup) => void cleanups.push(cleanup as () => unknown) });
    config = await site.kubeconfig();
  });
  after(async () => {
    for (const child of running) child.kill("SIGKILL");
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  function start(args: readonly string[], options: { readonly config?: string; readonly env?: Readonly<Record<string, string>> } = {}): ChildProcess {
    const child = spawn(kubectl.path ?? "", args, {
      env: {
        PATH: process.env["PATH"],
        HOME: site.folder,
        KUBECACHEDIR: join(site.folder, "cache"),
        KUBECONFIG: options.config ?? config,
        ...options.env,
      },
      stdio: ["pipe", "pipe", "pipe"],
    });
    running.add(child);
    child.once("close", () => running.delete(child));
    return child;
  }

  async function run(args: readonly string[], options: Parameters<typeof start>[1] & { readonly input?: string } = {}): Promise<Done> {
    const child = start(args, options);
    let [out, err] = ["", ""];
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    child.stdin?.end(options.input);
    const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
    const [code] = (await once(child, "close")) as [number | null];
    clearTimeout(timer);
    return { code, out, err };
  }

  /** Output of a command that must succeed. */
  async function k(...args: readonly string[]): Promise<string> {
    const { code, out, err } = await run(args);
    assert.equal(code, 0, `kubectl ${args.join(" ")}: ${err}`);
    return out;
  }

  /** What a command says that must fail. */
  async function fails(args: readonly string[], options: Parameters<typeof run>[1] = {}): Promise<string> {
    const { code, out, err } = await run(args, options);
    assert.notEqual(code, 0, `kubectl ${args.join(" ")} succeeded: ${out}`);
    return err;
  }

  async function file(name: string, text: string): Promise<string> {
    const path = join(site.folder, name);
    await writeFile(path, text);
    return path;
  }

  const thing = (name: string, more = "", labels?: string): string =>
    `apiVersion: orrery.dev/v1\nkind: Resource\nmetadata:\n  name: ${name}\n${labels === undefined ? "" : `  labels: ${labels}\n`}spec:\n  id: ${name.toUpperCase()}\n  type: thing\n${more}`;
  const service = (name: string, more = ""): string =>
    `apiVersion: orrery.dev/v1\nkind: Microservice\nmetadata:\n  name: ${name}\nspec:\n  replicas: 1\n  template:\n    version: v1\n    run: {command: [node, server.ts]}\n    env:\n    - {name: MODE, value: fast}\n    - {name: PASSWORD, value: tiger, secret: true}\n${more}`;
  let things = 0;
  /** A Resource of its own for one test. */
  async function newThing(more: Readonly<Record<string, unknown>> = {}, labels: Readonly<Record<string, string>> = {}): Promise<string> {
    const name = `thing-${++things}`;
    await site.store.create(resource, { metadata: { name, labels }, spec: { id: name, type: "thing", ...more } });
    return name;
  }

  describe("get", () => {
    it("shows our columns, and more of them with -o wide", async () => {
      const name = await newThing({ capabilities: ["track", "slew"], place: "roof" });
      const table = await k("get", "resources", name);
      assert.match(table, /^NAME +ID +TYPE +CAPABILITIES +STATUS +OBSERVED +AGE\n/);
      assert.match(table, new RegExp(`^${name} +${name} +thing +track,slew +\\S* *\\d+s\\n`, "m"));
      assert.match(await k("get", "res", name, "-o", "wide"), /PLACE[\s\S]*roof/);
    });

    it("prints yaml, json, jsonpath, names and custom columns", async () => {
      const name = await newThing();
      assert.match(await k("get", "res", name, "-o", "yaml"), /apiVersion: orrery.dev\/v1\nkind: Resource\n/);
      assert.equal(JSON.parse(await k("get", "res", name, "-o", "json")).spec.id, name);
      assert.equal(await k("get", "res", name, "-o", "jsonpath={.spec.type}"), "thing");
      assert.equal(await k("get", "res", name, "-o", "name"), `resource.orrery.dev/${name}\n`);
      assert.match(await k("get", "res", name, "-o", "custom-columns=I:.spec.id"), new RegExp(`^I\\n${name}\\n`));
    });

    it("selects by labels and fields, and lists several kinds, all namespaces, and the category", async () => {
      const name = await newThing({}, { band: "x", tier: "one" });
      assert.equal(await k("get", "res", "-l", "band=x,tier in (one,two)", "-o", "name"), `resource.orrery.dev/${name}\n`);
      assert.equal(await k("get", "res", "--field-selector", `spec.id=${name}`, "-o", "name"), `resource.orrery.dev/${name}\n`);
      assert.equal(await k("get", "res", "--field-selector", `metadata.name=${name}`, "-o", "name"), `resource.orrery.dev/${name}\n`);
      assert.match(await k("get", "orrery", "-A"), new RegExp(`default +resource.orrery.dev/${name}`));
      assert.match(await k("get", "namespaces"), /default +Active/);
      assert.match(await fails(["get", "res", "--field-selector", "spec.place=roof"]), /spec.place; allowed: .*spec.id/);
      assert.match(await fails(["get", "res", "-l", "a=b=c"]), /a=b=c|unable to parse/);
    });

    it("lists in chunks", async () => {
      for (let index = 0; index < 7; index++) await newThing({}, { chunk: "yes" });
      assert.equal((await k("get", "res", "-l", "chunk=yes", "--chunk-size=3", "-o", "name")).trim().split("\n").length, 7);
      assert.equal((await k("get", "res", "-l", "chunk=yes", "--chunk-size=3", "--sort-by=.metadata.name")).trim().split("\n").length, 8);
    });

    it("watches: rows first, then each change, headed once", async () => {
      const name = await newThing({}, { watched: "yes" });
      const child = start(["get", "res", "-l", "watched=yes", "-w"]);
      let out = "";
      const until = (pattern: RegExp): Promise<void> =>
        new Promise((resolve) => {
          const look = (): void => {
            if (pattern.test(out)) resolve();
          };
          child.stdout?.on("data", look);
          look();
        });
      child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        out += text;
      });
      await until(new RegExp(name));
      await site.store.patch(resource, { name }, { type: "merge", body: { spec: { capabilities: ["tilt"] } } });
      await until(/tilt/);
      child.kill();
      assert.equal(out.match(/NAME/g)?.length, 1);
    });

    it("reads raw paths, healthy or not served", async () => {
      assert.equal(await k("get", "--raw", "/healthz"), "ok");
      assert.match(await k("get", "--raw", "/readyz?verbose"), /readyz check passed/);
      assert.match(await k("get", "--raw", "/metrics"), /orrery_api_requests_total\{verb="list"/);
      assert.equal(JSON.parse(await k("get", "--raw", "/apis/orrery.dev/v1")).kind, "APIResourceList");
      assert.match(await fails(["get", "--raw", "/apis/nothing"]), /could not find the requested resource/);
      assert.match(await fails(["get", "pods"]), /doesn't have a resource type "pods"/);
      assert.match(await fails(["get", "res", "nobody"]), /resources.orrery.dev "nobody" not found/);
    });
  });

  it("describes an object with its events, and lists and watches events", async () => {
    const name = await newThing();
    const object = await site.store.get(resource, { name });
    assert.ok(object);
    site.store.emit({ kind: resource, object, type: "Warning", reason: "ProbeFailed", message: "no answer", component: "resource-controller" });
    const text = await k("describe", "resource", name);
    assert.match(text, /Events:[\s\S]*Warning +ProbeFailed .* resource-controller +no answer/);
    assert.match(await k("get", "events", "--field-selector", `involvedObject.name=${name}`), /ProbeFailed/);
    assert.match(await k("events", "--for", `resource/${name}`), /ProbeFailed/);
    const child = start(["get", "events", "-w"]);
    child.stdout?.setEncoding("utf8");
    const seen = (async (): Promise<void> => {
      let out = "";
      for await (const chunk of child.stdout ?? []) {
        out += chunk;
        if (out.includes("LaterOn")) return;
      }
    })();
    site.store.emit({ kind: resource, object, type: "Normal", reason: "LaterOn", message: "again", component: "resource-controller" });
    await seen;
    child.kill();
  });

  describe("create, apply, diff, edit, replace", () => {
    it("creates from files, also without names, and refuses a second one", async () => {
      const path = await file("created.yaml", thing("created"));
      assert.equal(await k("create", "-f", path), "resource.orrery.dev/created created\n");
      assert.match(await fails(["create", "-f", path]), /AlreadyExists/);
      const generated = await run(["create", "-f", "-", "-o", "name"], { input: thing("x").replace("name: x", "generateName: made-") });
      assert.match(generated.out, /^resource.orrery.dev\/made-\w{5}\n/);
    });

    it("applies, says unchanged, changes, and prunes fields that went out of the file", async () => {
      const path = await file("applied.yaml", thing("applied", "  place: roof\n  description: old\n"));
      assert.equal(await k("apply", "-f", path), "resource.orrery.dev/applied created\n");
      assert.equal(await k("apply", "-f", path), "resource.orrery.dev/applied unchanged\n");
      await file("applied.yaml", thing("applied", "  place: mast\n"));
      assert.equal(await k("apply", "-f", path), "resource.orrery.dev/applied configured\n");
      const { spec } = JSON.parse(await k("get", "res", "applied", "-o", "json"));
      assert.equal(spec.place, "mast");
      assert.equal(spec.description, undefined);
    });

    it("applies on the server, with conflicts between managers and force", async () => {
      const path = await file("ssa.yaml", thing("ssa", "  place: roof\n"));
      assert.match(await k("apply", "--server-side", "-f", path), /serverside-applied/);
      assert.match(await k("apply", "--server-side", "-f", path), /serverside-applied/);
      await file("ssa.yaml", thing("ssa", "  place: mast\n"));
      const refused = await fails(["apply", "--server-side", "--field-manager=other", "-f", path]);
      assert.match(refused, /\.spec\.place is "kubectl"[\s\S]*--force-conflicts/);
      assert.match(await k("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", path), /serverside-applied/);
      const managers = await k("get", "res", "ssa", "--show-managed-fields", "-o", "jsonpath={.metadata.managedFields[*].manager}");
      assert.deepEqual(managers.split(" ").sort(), ["kubectl", "other"]);
    });

    it("goes from client-side to server-side apply", async () => {
      const path = await file("moved.yaml", thing("moved", "  place: roof\n"));
      await k("apply", "-f", path);
      await file("moved.yaml", thing("moved", "  place: mast\n"));
      assert.match(await k("apply", "--server-side", "-f", path), /serverside-applied/);
      assert.equal(await k("get", "res", "moved", "-o", "jsonpath={.spec.place}"), "mast");
    });

    it("prunes with --prune and leaves the rest", async () => {
      const label = "{set: pruned}";
      const path = await file("pruned.yaml", `${thing("keep", "", label)}---\n${thing("drop", "", label)}`);
      await k("apply", "-f", path, "--prune", "-l", "set=pruned", "--prune-allowlist=orrery.dev/v1/Resource");
      await file("pruned.yaml", thing("keep", "", label));
      assert.match(
        await k("apply", "-f", path, "--prune", "-l", "set=pruned", "--prune-allowlist=orrery.dev/v1/Resource"),
        /resource.orrery.dev\/drop pruned/,
      );
    });

    it("sees no change to be made in who changed a service last", async () => {
      // kubectl does not know that a secret that it cannot read is the same.
      const manifest = service("owned").replace("    - {name: PASSWORD, value: tiger, secret: true}\n", "");
      const path = await file("owned.yaml", manifest);
      await k("apply", "-f", path);
      const by = () => k("get", "ms", "owned", "-o", "jsonpath={.metadata.annotations.orrery\\.dev/changed-by}");
      assert.equal(await by(), "admin");
      assert.match(await k("apply", "-f", path), /unchanged/);
      assert.deepEqual(await run(["diff", "-f", path]), { code: 0, out: "", err: "" });
      assert.deepEqual(await run(["diff", "--server-side", "-f", path]), { code: 0, out: "", err: "" });
      assert.match(await k("apply", "--server-side", "-f", path), /serverside-applied/);
      const shown = await file("shown.yaml", await k("get", "ms", "owned", "-o", "yaml"));
      await k("apply", "-f", shown);
      assert.equal(await by(), "admin");
      await file("owned.yaml", manifest.replace("replicas: 1", "replicas: 2"));
      const { code, out } = await run(["diff", "-f", path]);
      assert.equal(code, 1);
      assert.doesNotMatch(out, /^[-+].*changed-by/m);
    });
    it("shows differences", async () => {
      const path = await file("diffed.yaml", thing("diffed", "  place: roof\n"));
      await k("apply", "-f", path);
      assert.equal((await run(["diff", "-f", path])).code, 0);
      await file("diffed.yaml", thing("diffed", "  place: mast\n"));
      const { code, out } = await run(["diff", "-f", path]);
      assert.equal(code, 1);
      assert.match(out, /-\s+place: roof\n\+\s+place: mast/);
      assert.equal((await run(["diff", "--server-side", "-f", path, "--force-conflicts"])).code, 1);
      assert.equal(await k("get", "res", "diffed", "-o", "jsonpath={.spec.place}"), "roof");
    });

    it("edits, and gives an invalid edit back with the reason", async () => {
      const name = await newThing({ place: "roof" });
      const editor = await file("editor.sh", '#!/bin/sh\nsed -i "s/place: roof/place: mast/" "$1"\n');
      const { code, out } = await run(["edit", "res", name], { env: { EDITOR: `sh ${editor}` } });
      assert.equal(code, 0);
      assert.match(out, /edited/);
      assert.equal((await site.store.get(resource, { name }))?.spec.place, "mast");
      const bad = await file("bad-editor.sh", '#!/bin/sh\ncp "$1" "$1.seen"; sed -i "s/type: thing/type: robot/" "$1"\n');
      assert.match(await fails(["edit", "res", name], { env: { EDITOR: `sh ${bad}` } }), /robot|spec.type|cancelled/);
    });

    it("replaces, and refuses a stale version", async () => {
      const name = await newThing({ place: "roof" });
      const stale = await k("get", "res", name, "-o", "yaml");
      await k("label", "res", name, "seen=yes");
      assert.match(await fails(["replace", "-f", "-"], { input: stale }), /Conflict/);
      const fresh = (await k("get", "res", name, "-o", "yaml")).replace("place: roof", "place: mast");
      assert.equal((await run(["replace", "-f", "-"], { input: fresh })).code, 0);
      assert.equal((await site.store.get(resource, { name }))?.spec.place, "mast");
      assert.equal(
        (await run(["replace", "--force", "-f", "-"], { input: fresh.replace(/ {2}(uid|resourceVersion|creationTimestamp|generation): .*\n/g, "") }))
          .code,
        0,
      );
    });

    it("dry-runs without writing", async () => {
      const path = await file("dry.yaml", thing("dry"));
      assert.match(await k("create", "-f", path, "--dry-run=server"), /created \(server dry run\)/);
      assert.match(await k("apply", "-f", path, "--dry-run=server"), /created \(server dry run\)/);
      assert.equal(await site.store.get(resource, { name: "dry" }), undefined);
    });
  });

  describe("patch, label, annotate, scale", () => {
    it("patches by merge and by json patch, and a status apart from the rest", async () => {
      const name = await newThing({ place: "roof" });
      assert.match(await k("patch", "res", name, "--type=merge", "-p", '{"spec":{"place":"mast"}}'), /patched/);
      assert.match(
        await k(
          "patch",
          "res",
          name,
          "--type=json",
          "-p",
          '[{"op":"test","path":"/spec/place","value":"mast"},{"op":"remove","path":"/spec/place"}]',
        ),
        /patched/,
      );
      assert.match(
        await k("patch", "res", name, "--subresource=status", "--type=merge", "-p", '{"status":{"error":"no power"},"spec":{"place":"cellar"}}'),
        /patched/,
      );
      const object = await site.store.get(resource, { name });
      assert.equal(object?.spec.place, undefined);
      assert.equal(object?.status?.error, "no power");
      assert.match(await k("get", "res", name, "--subresource=status", "-o", "yaml"), /no power/);
      assert.match(await fails(["patch", "res", name, "--type=strategic", "-p", '{"spec":{}}']), /strategic|UnsupportedMediaType|415/);
      assert.match(await fails(["patch", "res", name, "--type=json", "-p", '[{"op":"test","path":"/spec/place","value":"x"}]']), /test/);
    });

    it("labels and annotates, and takes both away", async () => {
      const name = await newThing();
      await k("label", "res", name, "tier=one");
      assert.match(await fails(["label", "res", name, "tier=two"]), /already has a value/);
      await k("label", "res", name, "tier=two", "--overwrite");
      await k("annotate", "res", name, "example.org/note=hello");
      const { metadata } = (await site.store.get(resource, { name })) ?? {};
      assert.deepEqual([metadata?.labels, metadata?.annotations], [{ tier: "two" }, { "example.org/note": "hello" }]);
      await k("label", "res", name, "tier-");
      await k("annotate", "res", name, "example.org/note-");
      assert.equal((await site.store.get(resource, { name }))?.metadata.labels?.["tier"], undefined);
    });

    it("scales, if the present number is the expected one", async () => {
      await run(["create", "-f", "-"], { input: service("scaled") });
      assert.match(await k("scale", "ms", "scaled", "--replicas=3"), /scaled/);
      assert.match(await k("scale", "ms", "scaled", "--current-replicas=3", "--replicas=4"), /scaled/);
      assert.match(await fails(["scale", "ms", "scaled", "--current-replicas=9", "--replicas=5"]), /Expected replicas to be 9, was 4/);
      assert.equal((await site.store.get(microservice, { name: "scaled" }))?.spec.replicas, 4);
      assert.match(await fails(["scale", "ms", "scaled", "--replicas=5000"]), /replicas/);
      assert.match(await fails(["scale", "res", await newThing(), "--replicas=1"]), /could not find|not found|cannot/i);
    });
  });

  it("says at once of verbs for Kubernetes' own kinds that they are not for ours, and what ours are", async () => {
    assert.equal((await run(["create", "-f", "-"], { input: service("web") })).code, 0);
    for (const args of [
      ["exec", "ms/web", "--", "ls"],
      ["logs", "ms/web"],
      ["rollout", "status", "ms/web"],
      ["port-forward", "ms/web", "8080:80"],
      ["top", "pods"],
      ["drain", "host"],
      ["attach", "web"],
    ])
      assert.match(await fails(args), /no kind "Microservice"|resource type "(?:pods|nodes)"|Metrics API not available/, args.join(" "));
    assert.match(await fails(["cp", "web:/x", join(site.folder, "x")]), /Orrery has no Pods: its processes are instances/);
    assert.match(await fails(["get", "--raw", "/apis/apps/v1/namespaces/default/deployments/web"]), /Orrery has no Deployments/);
  });

  describe("delete and wait", () => {
    it("deletes by name, file and selector", async () => {
      const name = await newThing();
      assert.match(await k("delete", "res", name), new RegExp(`"${name}" deleted`));
      assert.match(await fails(["delete", "res", name]), /NotFound/);
      assert.match(await k("delete", "res", name, "--ignore-not-found"), /^$/);
      const path = await file("deleted.yaml", thing("deleted"));
      await k("create", "-f", path);
      assert.match(await k("delete", "-f", path), /deleted/);
      await newThing({}, { gone: "soon" });
      await newThing({}, { gone: "soon" });
      assert.equal((await k("delete", "res", "-l", "gone=soon")).trim().split("\n").length, 2);
    });

    it("waits for finalizers, and does not with --wait=false", async () => {
      const name = await newThing();
      await k("patch", "res", name, "--type=merge", "-p", '{"metadata":{"finalizers":["example.org/hold"]}}');
      assert.match(await k("delete", "res", name, "--wait=false"), /deleted/);
      assert.notEqual((await site.store.get(resource, { name }))?.metadata.deletionTimestamp, undefined);
      const waiting = run(["wait", "--for=delete", `resource/${name}`, "--timeout=20s"]);
      await site.store.patch(resource, { name }, { type: "merge", body: { metadata: { finalizers: null } } });
      assert.equal((await waiting).code, 0);
    });

    for (const [cascade, survives] of [
      ["background", false],
      ["foreground", false],
      ["orphan", true],
    ] as const) {
      it(`cascades: ${cascade}`, async () => {
        const owner = await newThing();
        const child = await newThing();
        const { uid } = (await site.store.get(resource, { name: owner }))?.metadata ?? { uid: "" };
        await site.store.patch(
          resource,
          { name: child },
          {
            type: "merge",
            body: { metadata: { ownerReferences: [{ apiVersion: "orrery.dev/v1", kind: "Resource", name: owner, uid, blockOwnerDeletion: true }] } },
          },
        );
        await k("delete", "res", owner, `--cascade=${cascade}`);
        if (survives) {
          await k("wait", "--for=jsonpath={.metadata.name}", `resource/${child}`, "--timeout=10s");
          assert.ok(await site.store.get(resource, { name: child }));
        } else await k("wait", "--for=delete", `resource/${child}`, "--timeout=20s");
      });
    }

    it("waits for a condition and for a value, and gives up in time", async () => {
      const name = await newThing();
      const waiting = run(["wait", "--for=condition=Ready", `res/${name}`, "--timeout=20s"]);
      const value = run(["wait", "--for=jsonpath={.status.error}=done", `res/${name}`, "--timeout=20s"]);
      await site.store.patch(
        resource,
        { name },
        {
          type: "merge",
          body: {
            status: {
              error: "done",
              conditions: [{ type: "Ready", status: "True", reason: "Seen", message: "", lastTransitionTime: new Date().toISOString() }],
            },
          },
        },
        { subresource: "status" },
      );
      assert.match((await waiting).out, /condition met/);
      assert.equal((await value).code, 0);
      assert.match(await fails(["wait", "--for=condition=Nothing", `res/${name}`, "--timeout=1s"]), /timed out/);
    });
  });

  describe("discovery and rights", () => {
    it("explains fields from the model, and lists resources and versions", async () => {
      assert.match(await k("explain", "microservice.spec.template"), /FIELD: template <Object>[\s\S]*version\t<string> -required-/);
      assert.match(await k("explain", "res", "--recursive"), /capabilities\t<\[\]string>/);
      assert.match(await k("explain", "res.metadata.labels"), /map\[string\]string/);
      assert.match(await k("api-resources"), /microservices +ms +orrery.dev\/v1 +true +Microservice/);
      assert.match(await k("api-resources", "--verbs=list", "-o", "name", "--api-group=orrery.dev"), /^instances.orrery.dev$/m);
      assert.match(await k("api-versions"), /^orrery.dev\/v1$/m);
      assert.match(await k("version"), /Server Version: v1\.34/);
    });

    it("tells admins, viewers and agents who they are and what they may", async () => {
      const viewer = await site.kubeconfig("viewer");
      const agent = await site.kubeconfig("agent");
      const can = async (who: string, ...what: readonly string[]): Promise<string> =>
        (await run(["auth", "can-i", ...what], { config: who })).out.trim();
      assert.equal(await can(config, "delete", "microservices"), "yes");
      assert.equal(await can(viewer, "list", "res"), "yes");
      assert.equal(await can(viewer, "create", "res"), "no - user viewer (orrery:viewers) may not create resources.orrery.dev");
      assert.equal(await can(agent, "patch", "instances", "--subresource=status"), "yes");
      assert.match(await can(agent, "delete", "microservices"), /^no - user agent/);
      assert.equal(await can(viewer, "get", "/metrics"), "yes");
      assert.match((await run(["auth", "whoami"], { config: viewer })).out, /viewer[\s\S]*orrery:viewers/);
      assert.match((await run(["auth", "can-i", "--list"], { config: viewer })).out, /\*\.\* +\[\] +\[\] +\[get list watch\]/);
      assert.match(await fails(["create", "-f", "-"], { config: viewer, input: thing("refused") }), /forbidden.*viewer.*may not create/i);
    });

    it("hides secrets from everybody but agents, and keeps them when they are written back hidden", async () => {
      const path = await file("secret.yaml", service("secret"));
      await k("apply", "-f", path);
      for (const who of ["admin", "viewer", "gateway"])
        assert.doesNotMatch(
          (await run(["get", "ms", "secret", "-o", "yaml", "--show-managed-fields"], { config: await site.kubeconfig(who) })).out,
          /tiger/,
          who,
        );
      assert.doesNotMatch(await k("get", "ms", "-o", "json"), /tiger/);
      assert.match((await run(["get", "ms", "secret", "-o", "yaml"], { config: await site.kubeconfig("agent") })).out, /tiger/);
      const shown = await k("get", "ms", "secret", "-o", "yaml");
      assert.match(shown, /value: \(secret\)/);
      assert.equal((await run(["replace", "-f", "-"], { input: shown.replace("value: fast", "value: slow") })).code, 0);
      const stored = await site.store.get(microservice, { name: "secret" });
      assert.deepEqual(
        stored?.spec.template.env.map((one) => one.value),
        ["slow", "tiger"],
      );
      await k("apply", "-f", path);
      assert.equal((await site.store.get(microservice, { name: "secret" }))?.spec.template.env[1]?.value, "tiger");
    });
  });

  describe("bad input", () => {
    const refused = async (input: string): Promise<string> => await fails(["create", "-f", "-"], { input });

    it("unknown field: refused by name with what is meant, or dropped with a warning", async () => {
      assert.match(await refused(thing("bad", "  palce: roof\n")), /unknown field "spec.palce".*place/);
      const warned = await run(["create", "-f", "-", "--validate=warn"], { input: thing("warned", "  palce: roof\n") });
      assert.equal(warned.code, 0);
      assert.match(warned.err, /Warning: unknown field "spec.palce"/);
      const ignored = await run(["create", "-f", "-", "--validate=ignore"], { input: thing("ignored", "  palce: roof\n") });
      assert.deepEqual([ignored.code, ignored.err], [0, ""]);
    });

    it("wrong type, name too long, missing command: refused with field, found and allowed", async () => {
      assert.match(await refused(service("bad").replace("replicas: 1", "replicas: three")), /spec.replicas.*"three".*whole number/s);
      assert.match(await refused(thing("x".repeat(254))), /metadata.name.*at most 253/s);
      assert.match(await refused(service("bad").replace("{command: [node, server.ts]}", "{command: []}")), /spec.template.run.command.*program/s);
      assert.match(await refused(thing("bad").replace("type: thing", "type: robot")), /spec.type.*human/s);
      assert.match(await refused("apiVersion: orrery.dev/v1\nkind: Nothing\nmetadata: {name: x}\n"), /no matches for kind "Nothing"/);
    });

    it("a second object with the same unique id is refused and the holder named", async () => {
      const name = await newThing();
      assert.match(await refused(thing("twin").replace("TWIN", name)), new RegExp(`"twin" is invalid: spec.id[\\s\\S]*${name}`));
    });

    it("another namespace is not found", async () => {
      assert.match(await fails(["create", "-n", "moon", "-f", "-"], { input: thing("far") }), /namespaces "moon" not found/);
      assert.match((await run(["get", "res", "-n", "moon"])).err, /No resources found in moon namespace/);
    });

    it("wrong token and wrong CA", async () => {
      assert.match(
        await fails(["get", "res"], { config: await site.kubeconfig("admin", { token: "not-a-token-of-this-site" }) }),
        /Unauthorized|logged in/,
      );
      const folder = join(site.folder, "other-pki");
      await mkdir(folder);
      const { ca } = await ensureCertificates({ folder, addresses: [], nowMs: Date.now(), random: systemRandom });
      assert.match(await fails(["get", "res"], { config: await site.kubeconfig("admin", { ca }) }), /certificate signed by unknown authority/);
    });

    it("two writers: the second one that edits what it read before is told of the conflict", async () => {
      const name = await newThing();
      const [one, two] = await Promise.all([k("get", "res", name, "-o", "yaml"), k("get", "res", name, "-o", "yaml")]);
      const results = await Promise.all([
        run(["replace", "-f", "-"], { input: one.replace("type: thing", "type: human") }),
        run(["replace", "-f", "-"], { input: two.replace("type: thing", "type: machine") }),
      ]);
      assert.deepEqual(results.map((result) => result.code).sort(), [0, 1]);
      assert.match(results.map((result) => result.err).join(""), /Conflict/);
    });
  });

  it("leaves an entry in the audit for each write and each refusal, none for reads", async () => {
    const name = await newThing();
    const after = site.audit.state().seq;
    await k("get", "res", name);
    await k("label", "res", name, "a=b");
    await fails(["delete", "res", name], { config: await site.kubeconfig("viewer") });
    const { items } = await site.audit.list({ after });
    // A refusal of the test before may be kept a moment after it was answered.
    const own = items.filter(({ object }) => object?.name === name);
    assert.deepEqual(
      own.map(({ who, action, object, change, outcome }) => [who?.name, action, object?.kind, object?.name, change?.after, outcome?.code]),
      [
        ["viewer", "delete", "Resource", name, undefined, 403],
        ["admin", "patch", "Resource", name, { "metadata.labels": { a: "b" } }, 200],
      ],
    );
  });
});
