import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { microservice } from "#/model/index.ts";
import { fabric8Client, pythonClient } from "../tools/foreign-clients.ts";
import { ROOT } from "../tools/sources.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

const PROGRAMS = join(ROOT, "test/foreign-clients");

async function siteWithService(t: TestContext): Promise<ApiSite> {
  const site = await openApiSite(t);
  await site.store.create(microservice, {
    metadata: { name: "scaled" },
    spec: { replicas: 2, template: { version: "v1", run: { command: ["node"] } } },
  });
  return site;
}

/** What a program writes that must end well. */
async function linesOf(t: TestContext, program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), 90_000);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  assert.equal(code, 0, `${program} ended with ${code}:\n${out}\n${err}`);
  return out.trimEnd().split("\n");
}

const fabric8 = fabric8Client();
it("fabric8's kubernetes-client (Java) lists, watches, informs, edits, patches, applies, scales, deletes and elects a leader", {
  skip: fabric8.folder === undefined && fabric8.reason,
}, async (t) => {
  const site = await siteWithService(t);
  const lines = await linesOf(t, "java", [
    ...["-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8"],
    ...["-cp", join(fabric8.folder ?? "", "*"), join(PROGRAMS, "Fabric8.java")],
    ...[site.url, join(site.folder, "pki/ca.crt"), site.token("admin")],
  ]);
  assert.deepEqual(lines, [
    "http client VertxHttpClient",
    "listed 0",
    "watch ADDED a 屋顶",
    "watch MODIFIED a mast",
    "watch MODIFIED a cellar",
    "watch MODIFIED a yard",
    "watch ADDED b roof",
    "watch MODIFIED b dish",
    "watch DELETED a yard",
    "informer added b",
    "informer added c",
    "informer updated c roof to mast",
    "informer deleted c",
    "informer holds 1",
    "leads",
    "the lease is of me",
    "leads no more",
    "scale 2",
    "scaled to 4",
    "patched scale Scale",
    "done",
  ]);
  assert.equal((await site.store.get(microservice, { name: "scaled" }))?.spec.replicas, 4);
});

const python = pythonClient();
it("the Python package kubernetes lists, watches, replaces, patches, applies, scales, deletes and elects a leader", {
  skip: python.folder === undefined && python.reason,
}, async (t) => {
  const site = await siteWithService(t);
  const lines = await linesOf(t, "python3", [join(PROGRAMS, "client.py"), await site.kubeconfig()], {
    PYTHONPATH: python.folder ?? "",
    PYTHONUTF8: "1",
    HOME: site.folder,
  });
  assert.deepEqual(
    lines.filter((line) => !line.startsWith("me ")),
    [
      "listed 0",
      "watch ADDED p 屋顶",
      "watch MODIFIED p mast",
      "watch MODIFIED p yard",
      "watch MODIFIED p cellar",
      "replaced an old one: 409 Conflict",
      "watch DELETED p cellar",
      "applied q dish",
      "deleted Success",
      "scale 2",
      "scale 2",
      "scale 3",
      "scale 5",
      "event True 2 it runs",
      "leads me",
      "done",
    ],
  );
});
