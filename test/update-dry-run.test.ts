import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { type Revision, revision, SITE_NAME, site as siteKind, update } from "#/model/index.ts";
import { type Outcome, RunningSite } from "./running-site.ts";

let site: RunningSite;

const service = (name: string, version: string, more: string): string => `apiVersion: orrery.dev/v1
kind: Microservice
metadata: { name: ${name} }
spec:
  replicas: 2
  template:
    version: ${version}
    files: [{ from: server.mjs, to: . }]
    run: { command: [node, server.mjs] }
    calls: ${more}
---
`;

const route = (name: string, to: string): string => `apiVersion: orrery.dev/v1
kind: Route
metadata: { name: ${name} }
spec: { path: { prefix: /${name} }, service: ${to} }
---
`;

/** front → back, and alone, which calls nobody; version 2 of back is offered. */
function writeSite(folder: string): string {
  const siteFolder = path.join(folder, "site");
  mkdirSync(path.join(siteFolder, "versions"), { recursive: true });
  writeFileSync(
    path.join(siteFolder, "server.mjs"),
    `import http from "node:http"; http.createServer((_, response) => response.end("done")).listen(Number(process.env.PORT), "127.0.0.1");`,
  );
  const manifests = service("front", "v1", "[back]") + service("back", "v1", "[]") + service("alone", "v1", "[]");
  writeFileSync(path.join(siteFolder, "site.yaml"), manifests + route("front", "front") + route("alone", "alone"));
  writeFileSync(path.join(siteFolder, "versions", "back-v2.yaml"), service("back", "v2", "[]"));
  return siteFolder;
}

before(async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-dry-run-"));
  site = new RunningSite(writeSite(folder), folder);
  const { status, err } = await site.up();
  assert.equal(status, 0, err);
});
after(() => site.close());

interface Told {
  readonly outcome: string;
  readonly changes: readonly { readonly service: string; readonly from: string; readonly to?: string; readonly toVersion: string }[];
  readonly starts: readonly { readonly service: string; readonly instances: number; readonly revision?: string }[];
  readonly stops: readonly { readonly revision: string; readonly instances: number; readonly when: string }[];
  readonly held?: {
    readonly routes: readonly { readonly route: string; readonly path: readonly string[] }[];
    readonly otherRoutes: readonly string[];
  };
  readonly waits: readonly { readonly reason: string }[];
  readonly refusals: readonly { readonly revision: string; readonly reason: string }[];
}

/** The one forecast of a dry run, which must change nothing. */
async function foretell(status: number, ...args: string[]): Promise<Told> {
  const before = await counts();
  const outcome = await site.orrery(...args, "--dry-run", "-o", "json");
  assert.equal(outcome.status, status, outcome.err);
  assert.deepEqual(await counts(), before);
  const { updates } = JSON.parse(outcome.out) as { readonly updates: readonly Told[] };
  assert.equal(updates.length, 1);
  return updates[0] as Told;
}

async function counts(): Promise<readonly unknown[]> {
  const [one, updates, revisions] = await Promise.all([
    site.store.get(siteKind, { name: SITE_NAME }),
    site.store.list(update),
    site.store.list(revision),
  ]);
  return [one?.status?.counter, updates.items.length, revisions.items.length];
}

async function revisionOf(version: string): Promise<Revision> {
  const found = (await site.store.list(revision)).items.find((one) => one.spec.service === "back" && one.spec.template.version === version);
  return found ?? assert.fail(`no revision of back ${version}`);
}

async function running(): Promise<Readonly<Record<string, number>>> {
  const counted: Record<string, number> = {};
  for (const { spec } of await site.instances()) if (spec.service === "back") counted[spec.revision ?? ""] = (counted[spec.revision ?? ""] ?? 0) + 1;
  return counted;
}

const good = (outcome: Outcome): Outcome => {
  assert.equal(outcome.status, 0, outcome.err);
  return outcome;
};

test("a dry run tells what the update then does, and changes nothing; so does that of its rollback", async () => {
  const told = await foretell(0, "update", "back", "--to", "v2");
  const old = (await revisionOf("v1")).metadata.name;
  assert.equal(told.outcome, "begins");
  assert.deepEqual(
    told.changes.map((one) => [one.service, one.from, one.to, one.toVersion]),
    [["back", old, undefined, "v2"]],
  );
  assert.deepEqual(
    told.starts.map((one) => [one.service, one.instances]),
    [["back", 2]],
  );
  assert.deepEqual(
    told.stops.map((one) => [one.revision, one.instances, one.when]),
    [[old, 2, "AfterDrain"]],
  );
  const { out } = good(await site.orrery("update", "back", "--to", "v2"));
  const fresh = (await revisionOf("v2")).metadata.name;
  await site.until("the old ones are gone", async () => ((await running())[old] === undefined ? true : undefined));
  assert.deepEqual(await running(), { [fresh]: 2 });
  const name = /^update (\S+):/.exec(out)?.[1] ?? assert.fail(out);
  const back = await foretell(0, "update", "rollback", name, "--strategy", "recreate");
  assert.deepEqual([back.changes[0]?.from, back.changes[0]?.to, back.starts[0]?.instances], [fresh, old, 2]);
  assert.deepEqual(
    back.stops.map((one) => one.when),
    ["AtOnce"],
  );
  const { out: history } = good(await site.orrery("update", "history", "back", "-o", "json"));
  const [first] = JSON.parse(history) as { summary: { by: string; to: string; phaseMs: object } }[];
  assert.deepEqual([first?.summary.by, first?.summary.to, Object.keys(first?.summary.phaseMs ?? {}).includes("Preparing")], ["admin", fresh, true]);
});

test("of what is to be applied, and of Updates in files, it tells which routes would be held, and for people in words", async () => {
  const manifest = path.join(site.folder, "back-v3.yaml");
  writeFileSync(manifest, service("back", "v3", "[]"));
  const told = await foretell(0, "apply", "-f", manifest);
  assert.deepEqual([told.outcome, told.changes[0]?.toVersion, told.held], ["begins", "v3", undefined]);
  const file = path.join(site.folder, "update.yaml");
  const spec = "{ services: [{ name: back, to: v1 }], strategy: quiescence }";
  writeFileSync(file, `apiVersion: orrery.dev/v1\nkind: Update\nmetadata: { name: calm }\nspec: ${spec}\n`);
  const { held } = await foretell(0, "update", "-f", file);
  assert.deepEqual(
    held?.routes.map((one) => [one.route, one.path.join(" ")]),
    [["front", "front back"]],
  );
  assert.deepEqual(held?.otherRoutes, ["alone"]);
  const { out } = good(await site.orrery("update", "-f", file, "--dry-run"));
  assert.match(out, /^update of back to v1 \(quiescence\): would begin at once \(dry run\)\n {2}starts +2 instances of back v1 /);
  assert.match(out, /route front: front → back\n +not held: route alone\n/);
});

test("while a ramp runs the next update would wait; after it is given up it would be tried again by hand, and scaling is not held up by that", async () => {
  const current = (await foretell(0, "update", "back", "--to", "v1")).changes[0]?.from;
  const { out } = good(await site.orrery("update", "back", "--to", "v1", "--ramp", "10", "--hold", "10m", "--no-wait"));
  const name = /^update (\S+):/.exec(out)?.[1] ?? assert.fail(out);
  await site.until("it ramps", async () => ((await site.store.get(update, { name }))?.status?.phase === "Ramping" ? true : undefined));
  const next = await foretell(0, "update", "alone", "--to", "v1");
  assert.equal(next.outcome, "nothing");
  const waiting = await foretell(0, "update", "back", "--to", "v1");
  assert.deepEqual([waiting.outcome, waiting.waits[0]?.reason], ["waits", "OtherUpdateFirst"]);
  good(await site.orrery("update", "abort", name));
  assert.equal((await foretell(0, "update", "back", "--to", "v1")).outcome, "begins");
  const scaled = await site.orrery("scale", "back", "1", "--wait");
  assert.equal(scaled.status, 0, scaled.err);
  await site.until("one is left", async () => ((await running())[current ?? ""] === 1 ? true : undefined));
});

test("a strategy that a service cannot have is refused before anything is made", async () => {
  const before = await counts();
  for (const args of [["--ramp", "10", "--strategy", "rolling"], ["--gates"], ["--strategy", "sudden"]]) {
    const { status, err } = await site.orrery("update", "alone", "--to", "v1", ...args);
    assert.equal(status, 2, err);
  }
  const exclusive = path.join(site.folder, "alone.yaml");
  writeFileSync(exclusive, service("alone", "v1", "[]").replace("replicas: 2", "replicas: 2\n  exclusive: true"));
  good(await site.orrery("apply", "-f", exclusive));
  for (const args of [
    ["--ramp", "10"],
    ["--strategy", "blueGreen"],
  ]) {
    const { status, err } = await site.orrery("update", "alone", "--to", "v1", ...args);
    assert.equal(status, 2);
    assert.match(err, /alone is exclusive: only one of its revisions may work at a time/);
  }
  assert.deepEqual(await counts(), before);
});
