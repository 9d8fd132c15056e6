/** What a site finds on an address, a port or a pid is asked whose it is before it is believed. */
import assert from "node:assert/strict";
import { chownSync, cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { makeDataFolder, makeFolder, orrery, processesOf } from "./orrery-command.ts";

const ends: (() => unknown)[] = [];
const hooks = { after: (end: () => unknown) => ends.push(end) };
const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
const UP = ["--api-port", "0", "--edge-port", "0", "--detach"];

/** A front that asks a back, each of which tells in which data folder it runs. */
function writeSite(site: string): void {
  writeFileSync(
    path.join(site, "server.mjs"),
    `import http from "node:http";
http.createServer(async (request, response) => {
  const back = process.env.ORRERY_SERVICE === "front" ? await (await fetch("http://back/", { headers: { traceparent: request.headers.traceparent } })).text() : "";
  response.end(process.env.ORRERY_DATA + " " + back);
}).listen(Number(process.env.PORT), "127.0.0.1");`,
  );
  const service = (name: string): string => `apiVersion: orrery.dev/v1
kind: Microservice
metadata: { name: ${name} }
spec: { template: { version: v1, files: [{ from: server.mjs, to: . }], run: { command: [node, server.mjs] } } }
---
`;
  writeFileSync(
    path.join(site, "site.yaml"),
    `${service("front")}${service("back")}apiVersion: orrery.dev/v1
kind: Route
metadata: { name: front }
spec: { path: { prefix: / }, service: front }
`,
  );
}

async function up(data: string, site: string): Promise<void> {
  const { status, note } = await orrery(["up", "--data", data, "--site", site, ...UP]);
  assert.equal(status, 0, note);
}

async function ask(data: string): Promise<string> {
  const { edge } = JSON.parse(readFileSync(path.join(data, "endpoints.json"), "utf8")) as { readonly edge: string };
  return await (await fetch(edge)).text();
}

const copy = (from: string, to: string): void => cpSync(from, to, { recursive: true, preserveTimestamps: true });

describe("a copied data folder", () => {
  let site = "";
  let original = "";
  let second = "";
  before(async () => {
    site = makeFolder(hooks, "site");
    writeSite(site);
    [original, second] = [makeDataFolder(hooks, "original"), makeDataFolder(hooks, "second")];
    await up(original, site);
  });
  after(async () => {
    for (const end of ends) await end();
  });

  test("of a running site has nothing that runs: no command takes the original's processes for its own", async () => {
    copy(original, second);
    const running = processesOf(original);
    const status = await orrery(["status", "--data", second]);
    assert.equal(status.status, 1);
    assert.match(
      status.note,
      new RegExp(`nothing was started on the data folder ${second}, which is a copy of ${original}; start it with: \\S*orrery up --data ${second}`),
    );
    assert.equal((await orrery(["delete", "ms", "front", "--data", second])).status, 1);
    const down = await orrery(["down", "--data", second]);
    assert.deepEqual([down.status, down.out], [0, `nothing runs on ${second}: it is a copy of ${original}, and nothing was started on it\n`]);
    assert.deepEqual(processesOf(original), running);
    assert.equal(await ask(original), `${original} ${original} `);
  });

  test("is a site of its own from its first start: it has its own processes, and its calls stay in it", async () => {
    const running = processesOf(original);
    await up(second, site);
    assert.deepEqual(processesOf(original), running);
    for (const data of [original, second]) assert.equal(await ask(data), `${data} ${data} `);
    assert.equal((await orrery(["down", "--data", second])).status, 0);
    assert.deepEqual(processesOf(original), running);
    assert.equal(await ask(original), `${original} ${original} `);
  });

  test("of a stopped site neither calls nor takes ports of the original's, in whatever order they start; a moved one works on", async () => {
    assert.equal((await orrery(["down", "--data", original])).status, 0);
    const identity = readFileSync(path.join(original, "identity.json"), "utf8");
    rmSync(second, { recursive: true });
    copy(original, second);
    await up(second, site);
    await up(original, site);
    for (const data of [original, second]) assert.equal(await ask(data), `${data} ${data} `);
    assert.equal(readFileSync(path.join(original, "identity.json"), "utf8"), identity);
    for (const data of [original, second]) assert.equal((await orrery(["down", "--data", data])).status, 0);
    rmSync(second, { recursive: true });
    renameSync(original, second);
    await up(second, site);
    assert.equal(await ask(second), `${second} ${second} `);
    assert.equal(JSON.parse(readFileSync(path.join(second, "identity.json"), "utf8")).id, JSON.parse(identity).id);
  });

  test("that is removed while its site runs is ended by down all the same", async () => {
    rmSync(second, { recursive: true });
    const { status, out, note } = await orrery(["down", "--data", second]);
    assert.deepEqual([status, out], [0, "down: nothing runs any more\n"], note);
    assert.deepEqual(processesOf(second), []);
    rmSync(second, { recursive: true, force: true });
  });
});

test("a service that works as another user is ended by down", {
  skip: isRoot ? false : "only root may start a program as another user",
}, async (t) => {
  const [site, data] = [makeFolder(t, "site"), makeDataFolder(t, "users")];
  const command = `[setpriv, --reuid=${NOBODY}, --clear-groups, sleep, "100000"]`;
  writeFileSync(
    path.join(site, "site.yaml"),
    `apiVersion: orrery.dev/v1
kind: Microservice
metadata: { name: other }
spec: { template: { version: v1, ports: [], run: { command: ${command} } } }
`,
  );
  await up(data, site);
  assert.deepEqual([(await orrery(["down", "--data", data])).out, processesOf(data)], ["down: nothing runs any more\n", []]);
});

test("a data folder of another user is refused by every command that writes there, with what to type", {
  skip: isRoot ? false : "only root may write there at all",
}, async (t) => {
  const data = path.join(makeFolder(t, "owner"), "data");
  mkdirSync(data);
  chownSync(data, NOBODY, NOBODY);
  for (const command of [["up", ...UP], ["up"], ["down"], ["restore", "/etc/hostname"]]) {
    const { status, note } = await orrery([...command, "--data", data]);
    assert.equal(status, 1, note);
    assert.match(
      note,
      new RegExp(
        `^error: the data folder ${data} belongs to user nobody, and this is user root: .* Run this as that user: sudo -u nobody orrery \\.\\.\\., or choose another folder with --data\n$`,
      ),
    );
  }
  assert.deepEqual(readdirSync(data), []);
});
