import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { revision, update } from "#/model/index.ts";
import { type Running, startOrrery } from "./orrery-command.ts";
import { RunningSite } from "./running-site.ts";

let site: RunningSite;

const service = (version: string): string => `apiVersion: orrery.dev/v1
kind: Microservice
metadata: { name: back }
spec:
  replicas: 1
  template:
    version: ${version}
    files: [{ from: server.mjs, to: . }]
    run: { command: [node, server.mjs] }
    calls: []
`;

before(async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-following-"));
  const siteFolder = path.join(folder, "site");
  mkdirSync(path.join(siteFolder, "versions"), { recursive: true });
  writeFileSync(
    path.join(siteFolder, "server.mjs"),
    `import http from "node:http"; http.createServer((_, response) => response.end("done")).listen(Number(process.env.PORT), "127.0.0.1");`,
  );
  writeFileSync(path.join(siteFolder, "back.yaml"), service("v1"));
  writeFileSync(path.join(siteFolder, "versions", "back-v2.yaml"), service("v2"));
  site = new RunningSite(siteFolder, folder);
  const { status, err } = await site.up();
  assert.equal(status, 0, err);
});
after(() => site.close());

/** Starts `orrery` on the site, without waiting for its end. */
function start(t: TestContext, ...args: string[]): Running {
  const running = startOrrery([...args, "--data", site.data]);
  running.ended.catch(() => undefined);
  t.after(() => running.process.kill("SIGKILL"));
  return running;
}

/** Follows a new update with a ramp, which goes on until someone says otherwise. */
async function followRamp(t: TestContext, to: string): Promise<{ readonly following: Running; readonly name: string }> {
  const following = start(t, "update", "back", "--to", to, "--ramp", "50", "--hold", "10m");
  await following.until("Ramping 50 %");
  const { items } = await site.store.list(update);
  return { following, name: items.find((one) => one.status?.phase === "Ramping")?.metadata.name ?? assert.fail("nothing ramps") };
}

/** Kills the centre, which nobody starts again before `action` is over. */
async function withoutCentre(action: () => Promise<unknown>): Promise<void> {
  const [supervisor] = site.platformPids("supervisor");
  assert.ok(supervisor !== undefined);
  process.kill(supervisor, "SIGSTOP");
  try {
    site.killPlatform("centre");
    await action();
  } finally {
    process.kill(supervisor, "SIGCONT");
  }
}

const GONE = "the centre does not answer; trying again";
const BACK = "the centre answers again";

test("whoever follows or watches an update while the centre is killed is told, and goes on by itself when it is back", async (t) => {
  const { following, name } = await followRamp(t, "v2");
  const watching = start(t, "update", "show", name, "--watch");
  await watching.until("Ramping");
  await withoutCentre(() => Promise.all([following.until(GONE), watching.until(GONE)]));
  await Promise.all([following.until(BACK), watching.until(BACK)]);
  const { status, err } = await site.orrery("update", "promote", name);
  assert.equal(status, 0, err);
  const [followed, watched] = await Promise.all([following.ended, watching.ended]);
  assert.equal(followed.status, 0, followed.note);
  assert.match(followed.out, new RegExp(`update ${name}: complete in generation `));
  // Once each, and then how far it is.
  assert.match(followed.note, new RegExp(`Ramping 50 %.*\n${GONE}, 1m at most\n${BACK}\n${name}: Ramping 50 %`));
  assert.deepEqual([followed.note.split(GONE).length, followed.note.split(BACK).length], [2, 2]);
  assert.deepEqual([watched.status, watched.note], [0, `${GONE}; Ctrl-C ends\n${BACK}\n`]);
  assert.match(watched.out, /Complete/);
});

test("Ctrl-C ends the following of an update while the centre is away, and says that the update goes on", async (t) => {
  const { following, name } = await followRamp(t, "v1");
  await withoutCentre(async () => {
    await following.until(GONE);
    following.process.kill("SIGINT");
    const { status, note } = await following.ended;
    assert.equal(status, 130, note);
    assert.ok(note.includes(`update ${name} goes on; follow it with: `), note);
  });
  await site.untilWhole();
  const { status, err } = await site.orrery("update", "abort", name);
  assert.equal(status, 0, err);
});

test("of several Updates in a file none is made if the centre refuses one", async () => {
  const file = path.join(site.folder, "updates.yaml");
  const taken = (await site.store.list(update)).items[0]?.metadata.name ?? assert.fail("there is no update");
  const manifest = (name: string): string =>
    `apiVersion: orrery.dev/v1\nkind: Update\nmetadata: {name: ${name}}\nspec: {services: [{name: back, to: v1}]}\n`;
  writeFileSync(file, ["first", taken].map(manifest).join("---\n"));
  const before = await names();
  const refused = await site.orrery("update", "-f", file);
  assert.equal(refused.status, 1);
  assert.match(refused.err, new RegExp(`error: ${taken}: update ${taken} exists already, .*; none of the 2 updates is made`));
  assert.deepEqual(await names(), before);
  writeFileSync(file, ["first", "second"].map(manifest).join("---\n"));
  const { status, out, err } = await site.orrery("update", "-f", file);
  assert.equal(status, 0, err);
  assert.match(out, /^update first: back to v1\nupdate second: back to v1\nupdate first: complete /);
});

async function names(): Promise<readonly unknown[]> {
  const [updates, revisions] = await Promise.all([site.store.list(update), site.store.list(revision)]);
  return [updates, revisions].map(({ items }) => items.map((one) => one.metadata.name).sort());
}
