import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { update } from "#/model/index.ts";
import { RunningSite } from "./running-site.ts";
import { serviceNamed, setPolicy } from "./updating-site.ts";

let site: RunningSite;

const SERVER = "require('node:http').createServer((_, answer) => answer.end('well')).listen(process.env.PORT, '127.0.0.1')";

const service = (name: string, version: string, command: readonly string[], more: object = {}): string =>
  JSON.stringify({
    apiVersion: "orrery.dev/v1",
    kind: "Microservice",
    metadata: { name },
    spec: { template: { version, run: { command }, ports: [], minReady: "2s", ...more } },
  });

before(async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-unproven-"));
  const siteFolder = path.join(folder, "site");
  mkdirSync(siteFolder, { recursive: true });
  writeFileSync(path.join(siteFolder, "worker.yaml"), service("worker", "v1", ["node", "-e", "setInterval(() => {}, 1000)"]));
  writeFileSync(path.join(siteFolder, "short.yaml"), service("short", "v1", ["node", "-e", SERVER], { ports: [{ name: "http" }] }));
  site = new RunningSite(siteFolder, folder);
  const { status, err } = await site.up();
  assert.equal(status, 0, err);
  await setPolicy(site, { readyWithin: "1500ms" });
});
after(() => site.close());

test("a version that is ready and ends soon afterwards is never served, and apply --wait ends with 1 and its words", async () => {
  const replace = async (name: string, ...how: Parameters<typeof service> extends [string, ...infer R] ? R : never): Promise<void> => {
    const file = path.join(site.folder, `${name}-v2.yaml`);
    writeFileSync(file, service(name, ...how));
    const { status, err } = await site.orrery("apply", "-f", file, "--wait");
    assert.equal(status, 1, err);
    assert.match(err, /not as wanted/);
    assert.match(err, /-v2-[0-9a-f]{8} is not served: not ready within 3\.5 s/);
    assert.match(err, /to stay with what is served: \S*orrery update --data \S+ \S+ --to \S+-v1-/);
    assert.equal((await serviceNamed(site, name)).status?.servedVersion, "v1");
  };
  await replace("worker", "v2", ["sh", "-c", "exit 1"]);
  await replace("short", "v2", ["node", "-e", `${SERVER}; setTimeout(() => process.exit(4), 1500)`], { ports: [{ name: "http" }] });
  const { items } = await site.store.list(update);
  const complete = items.filter((one) => one.status?.phase === "Complete").flatMap((one) => one.status?.revisions ?? []);
  assert.deepEqual(
    complete.filter(({ to }) => /-v2-/.test(to ?? "")),
    [],
  );
});
