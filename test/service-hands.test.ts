import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { type Instance, instance, revision } from "#/model/index.ts";
import { RunningSite } from "./running-site.ts";

/** One site for what people do with a service that runs: restart it, read what it prints, run commands beside it. */
const SERVER = `
import { existsSync } from "node:fs";
import { createServer } from "node:http";
if (existsSync("broken")) { console.error("it is broken"); process.exit(1); }
createServer((request, response) => {
  if (request.url !== "/health") console.log("asked for " + request.url);
  response.end(String(process.pid));
}).listen(process.env.PORT, process.env.HOST, () => console.log("it listens"));
process.on("SIGTERM", () => process.exit(0));
`;

const service = (name: string, replicas: number): string => `apiVersion: orrery.dev/v1
kind: Microservice
metadata: { name: ${name} }
spec:
  replicas: ${replicas}
  logs: { size: 64KiB, parts: 2 }
  template:
    version: v1
    files: [{ from: server, to: . }]
    run: { command: [node, server.mjs] }
    health: { readiness: { http: { path: /health } } }
---
apiVersion: orrery.dev/v1
kind: Route
metadata: { name: ${name} }
spec: { service: ${name}, path: { prefix: /${name} } }
---
`;

let site: RunningSite;

before(async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-hands-"));
  mkdirSync(path.join(folder, "site", "server"), { recursive: true });
  writeFileSync(path.join(folder, "site", "server", "server.mjs"), SERVER);
  writeFileSync(path.join(folder, "site", "site.yaml"), service("one", 1) + service("two", 2));
  site = new RunningSite(path.join(folder, "site"), folder);
  const outcome = await site.up();
  assert.equal(outcome.status, 0, outcome.out + outcome.err);
});
after(() => site.close());

const instancesOf = async (name: string): Promise<readonly Instance[]> =>
  (await site.store.list(instance, { fieldSelector: `spec.service=${name}` })).items.toSorted((a, b) => a.spec.slot - b.spec.slot);
const workFolder = (one: Instance): string => path.join(site.data, "agent", "instances", one.metadata.uid, "work");

test("restart begins each instance again, refuses nothing, keeps what the instances have, and makes no version", async () => {
  const before = [...(await instancesOf("one")), ...(await instancesOf("two"))];
  writeFileSync(path.join(workFolder(before[0] as Instance), "kept"), "kept");
  const answers: number[] = [];
  const over = new AbortController();
  const load = (async (): Promise<void> => {
    while (!over.signal.aborted)
      for (const name of ["one", "two"])
        answers.push((await fetch(`${site.edge}/${name}/x`).then(async (answer) => [answer.status, await answer.text()]))[0] as number);
  })();
  const outcome = await site.orrery("restart", "one", "two", "--wait");
  over.abort();
  await load;
  assert.equal(outcome.status, 0, outcome.err);
  assert.ok(answers.length > 20);
  assert.deepEqual(
    answers.filter((status) => status !== 200),
    [],
  );
  const now = [...(await instancesOf("one")), ...(await instancesOf("two"))];
  assert.deepEqual(
    now.map((one) => [one.metadata.uid, one.status?.ports]),
    before.map((one) => [one.metadata.uid, one.status?.ports]),
  );
  for (const [index, one] of now.entries()) {
    assert.notEqual(one.status?.pid, before[index]?.status?.pid);
    assert.equal(one.status?.restarts, 0);
  }
  assert.equal((await site.store.list(revision)).items.length, 2);
});

test("a restart stops at the instance that does not come back, and says so", async () => {
  const [first, second] = await instancesOf("two");
  assert.ok(first !== undefined && second !== undefined);
  writeFileSync(path.join(workFolder(first), "broken"), "");
  const outcome = await site.orrery("restart", "two", "--wait", "--timeout", "60s");
  assert.equal(outcome.status, 1);
  assert.match(outcome.err, /two: 0 of 2 restarted; two-v1-\w+-0: (CrashLoop|Crashed): .*it is broken/);
  assert.match(outcome.err, /no other instance is restarted until that one is ready/);
  assert.equal((await instancesOf("two"))[1]?.status?.pid, second.status?.pid);
  assert.equal((await fetch(`${site.edge}/two/x`)).status, 200);
});
