import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { endpointsOf, eventually, makeDataFolder, makeFolder, ORRERY, orrery, processesOf, startOrrery } from "./orrery-command.ts";

const ANY_PORTS = ["--api-port", "0", "--edge-port", "0"];

/** A site of one service whose answers take as long as they are asked to. */
function writeSite(site: string, fields: { readonly command?: string; readonly version?: string; readonly extra?: string } = {}): void {
  writeFileSync(
    path.join(site, "server.mjs"),
    `import http from "node:http";
http.createServer((request, response) => setTimeout(() => response.end("done"), Number(new URL(request.url, "http://x").searchParams.get("ms")))).listen(Number(process.env.PORT), "127.0.0.1");`,
  );
  writeFileSync(
    path.join(site, "site.yaml"),
    `apiVersion: orrery.dev/v1
kind: Microservice
metadata: { name: slow }
spec:
  template:
    version: ${fields.version ?? "v1"}
    files: [{ from: server.mjs, to: . }]
    run: { command: ${fields.command ?? "[node, server.mjs]"} }
---
apiVersion: orrery.dev/v1
kind: Route
metadata: { name: slow }
spec: { path: { prefix: / }, service: slow }
${fields.extra ?? ""}`,
  );
}

function isStopping(data: string): boolean {
  return readFileSync(path.join(data, "run", "supervisor.json"), "utf8").includes("stoppingSince");
}

test("Ctrl-C lets running requests end, then ends everything", async (t) => {
  const site = makeFolder(t, "site");
  const data = makeDataFolder(t, "ctrl-c");
  writeSite(site);
  const up = startOrrery(["up", "--site", site, "--data", data, ...ANY_PORTS]);
  await up.until("Ctrl-C ends it");
  const { edge } = endpointsOf(data);
  assert.equal(await (await fetch(edge)).text(), "done");
  const slow = fetch(`${edge}/?ms=1500`);
  // The request is under way when a second one behind it on the same service has been answered.
  await (await fetch(edge)).text();
  up.process.kill("SIGINT");
  assert.equal(await (await slow).text(), "done");
  const { status, note, out } = await up.ended;
  assert.equal(status, 0, note);
  assert.match(out, /down: nothing runs any more\n$/);
  assert.deepEqual(processesOf(data), []);
});

test("Ctrl-C while the platform starts ends what was started, at once, and says so", async (t) => {
  const site = makeFolder(t, "site");
  const data = makeDataFolder(t, "ctrl-c-early");
  writeSite(site);
  const up = startOrrery(["up", "--site", site, "--data", data, ...ANY_PORTS]);
  await up.until("starting the platform");
  await eventually("the centre is started", 20_000, () => processesOf(data).length > 1);
  const begunMs = performance.now();
  up.process.kill("SIGINT");
  const { status, note, out } = await up.ended;
  assert.deepEqual([status, out], [0, "down: nothing runs any more\n"], note);
  // A start may take 60 s.
  assert.ok(performance.now() - begunMs < 50_000, "it waits for a start that it has given up");
  assert.deepEqual(processesOf(data), []);
});

test("two who run down at once wait for running requests, as one does", async (t) => {
  const site = makeFolder(t, "site");
  const data = makeDataFolder(t, "down-twice");
  writeSite(site);
  const up = await orrery(["up", "--site", site, "--data", data, ...ANY_PORTS, "--detach"]);
  assert.equal(up.status, 0, up.note);
  const { edge } = endpointsOf(data);
  assert.equal(await (await fetch(edge)).text(), "done");
  const slow = fetch(`${edge}/?ms=3000`);
  await (await fetch(edge)).text();
  const first = orrery(["down", "--data", data]);
  await eventually("the first one is heard", 2500, async () => isStopping(data));
  const second = orrery(["down", "--data", data]);
  assert.equal(await (await slow).text(), "done");
  for (const { status, out } of await Promise.all([first, second])) assert.deepEqual([status, out], [0, "down: nothing runs any more\n"]);
  assert.deepEqual(processesOf(data), []);
  const { note } = await orrery(["status", "--data", data]);
  assert.equal(note, `nothing runs on ${data}; start it with: ${ORRERY} up --data ${data} --site ${site}\n`);
});

test("with --listen API and edge are at that address, and nowhere else", async (t) => {
  const site = makeFolder(t, "site");
  const data = makeDataFolder(t, "listen");
  writeSite(site);
  const { status, note } = await orrery(["up", "--site", site, "--data", data, "--listen", "127.7.7.7", ...ANY_PORTS, "--detach"]);
  assert.equal(status, 0, note);
  const { api, edge } = endpointsOf(data);
  for (const url of [api, edge]) assert.equal(new URL(url).hostname, "127.7.7.7");
  assert.equal(await (await fetch(edge)).text(), "done");
  await assert.rejects(fetch(edge.replace("127.7.7.7", "127.0.0.1")));
  assert.match((await orrery(["get", "ms", "--data", data])).out, /slow/);
  const elsewhere = await orrery(["up", "--site", site, "--data", makeDataFolder(t, "elsewhere"), "--listen", "192.0.2.1", ...ANY_PORTS, "--detach"]);
  assert.equal(elsewhere.status, 1);
  assert.match(elsewhere.note, /192\.0\.2\.1 is no address of this machine/);
});

test("a service that does not come up makes up --detach fail, with the reason and its last words", async (t) => {
  const site = makeFolder(t, "site");
  const data = makeDataFolder(t, "crash");
  writeSite(site, { command: `[node, -e, "console.error('no key in the lock'); process.exit(3)"]` });
  const { status, note } = await orrery(["up", "--site", site, "--data", data, ...ANY_PORTS, "--detach", "--timeout", "4s"]);
  assert.equal(status, 1);
  assert.match(note, /not as wanted within 4s:\n {2}slow: \w+: .*no key in the lock/);
});

test("a site that the model does not allow starts nothing", async (t) => {
  const site = makeFolder(t, "site");
  const data = makeDataFolder(t, "bad");
  writeSite(site, { command: "[]" });
  const { status, note } = await orrery(["up", "--site", site, "--data", data, ...ANY_PORTS, "--detach"]);
  assert.equal(status, 1);
  assert.match(note, /site\.yaml:8: Microservice slow: spec\.template\.run\.command: missing: give the program and its arguments/);
  assert.deepEqual(processesOf(data), []);
  assert.equal(existsSync(data), false);
});

test("objects that leave the site's files are kept, and deleted with --prune", async (t) => {
  const site = makeFolder(t, "site");
  const data = makeDataFolder(t, "prune");
  const extra = "---\napiVersion: orrery.dev/v1\nkind: Resource\nmetadata: { name: operator }\nspec: { id: person/operator, type: human }\n";
  const up = (...more: string[]) => orrery(["up", "--data", data, ...ANY_PORTS, "--detach", ...more]);
  const exists = async (): Promise<boolean> => (await orrery(["get", "resource", "operator", "--data", data])).status === 0;
  const down = () => orrery(["down", "--data", data]);
  writeSite(site, { extra });
  assert.equal((await up("--site", site)).status, 0);
  assert.equal(await exists(), true);
  await down();
  // From now on no site is named: it is that of the last start.
  writeSite(site);
  const kept = await up();
  assert.equal(kept.status, 0);
  const [, proposed = ""] = /but kept: Resource\/operator; to delete them: \S*orrery (delete .*)\n/.exec(kept.note) ?? [];
  assert.equal(await exists(), true);
  assert.deepEqual([(await orrery(proposed.split(" "))).status, await exists()], [0, false], kept.note);
  await down();
  writeSite(site, { extra });
  assert.equal((await up()).status, 0);
  await down();
  writeSite(site);
  assert.equal((await up("--prune")).status, 0);
  assert.equal(await exists(), false);
});

test("a data folder that cannot be used is refused with the reason", async (t) => {
  const folder = makeFolder(t, "unwritable");
  writeFileSync(path.join(folder, "file"), "");
  const { status, note } = await orrery(["up", "--data", path.join(folder, "file", "data"), ...ANY_PORTS, "--detach"]);
  assert.equal(status, 1);
  assert.match(note, /^error: cannot use the data folder .*: a file stands in its way; mend that, or choose another folder with --data\n$/);
});
