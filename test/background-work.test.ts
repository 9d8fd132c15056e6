import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import test from "node:test";
import { generation, update } from "#/model/index.ts";
import { RunningSite } from "./running-site.ts";
import { createUpdate, untilSettled } from "./updating-site.ts";

/** A service that takes jobs, answers at once, and works on: /job?ms=N begins one, /busy answers 200 while one runs, else 204. */
const WORKER = `
import { createServer } from "node:http";
let jobs = 0;
createServer((req, res) => {
  const url = new URL(req.url, "http://x");
  if (url.pathname === "/busy") return res.writeHead(jobs > 0 ? 200 : 204).end();
  if (url.pathname === "/job") {
    jobs++;
    setTimeout(() => jobs--, Number(url.searchParams.get("ms")));
  }
  res.end(process.env.WORKER_VERSION);
}).listen(Number(process.env.PORT), "127.0.0.1");
`;

function manifest(version: string): string {
  return `apiVersion: orrery.dev/v1
kind: Microservice
metadata: {name: worker}
spec:
  template:
    version: ${version}
    files: [{from: worker.mjs}]
    run: {command: [node, worker.mjs]}
    env: [{name: WORKER_VERSION, value: ${version}}]
    drain: {busy: {http: {path: /busy}}}
`;
}

function siteFolder(folder: string): string {
  mkdirSync(path.join(folder, "versions"), { recursive: true });
  writeFileSync(path.join(folder, "worker.mjs"), WORKER);
  writeFileSync(path.join(folder, "worker.yaml"), manifest("v1"));
  writeFileSync(path.join(folder, "versions", "worker-v2.yaml"), manifest("v2"));
  writeFileSync(
    path.join(folder, "route.yaml"),
    "apiVersion: orrery.dev/v1\nkind: Route\nmetadata: {name: worker}\nspec: {service: worker, path: {prefix: /}}\n",
  );
  return folder;
}

test("a revision with work that no call shows is not withdrawn before that is over, and the update says so", { timeout: 120_000 }, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-background-"));
  const site = new RunningSite(siteFolder(path.join(folder, "site")), folder);
  t.after(() => site.close());
  const up = await site.up();
  assert.equal(up.status, 0, `${up.out}${up.err}`);
  const edge = site.edge;
  const begunMs = performance.now();
  assert.equal(await (await fetch(`${edge}/job?ms=6000`)).text(), "v1");
  await createUpdate(site, "to-v2", { worker: "v2" });
  await site.until("the drain waits for the job", async () =>
    (await site.store.get(generation, { name: "g1" }))?.status?.waits?.some((wait) => wait.reason === "Busy" && /worker-v1/.test(wait.object)) ===
    true
      ? true
      : undefined,
  );
  assert.equal(await (await fetch(edge)).text(), "v2");
  assert.match((await site.orrery("update", "show", "to-v2")).out, /has work that may belong to generation 1/);
  await site.until("complete", async () => ((await site.store.get(update, { name: "to-v2" }))?.status?.phase === "Complete" ? true : undefined));
  const tookMs = performance.now() - begunMs;
  assert.ok(tookMs >= 6000, `the old revision was let go after ${tookMs} ms, before its job was over`);
  await untilSettled(site);
});
