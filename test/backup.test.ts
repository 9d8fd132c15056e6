import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const ORRERY = fileURLToPath(new URL("../orrery", import.meta.url));
const SITE = fileURLToPath(new URL("../sites/ground-station", import.meta.url));

interface SiteStatus {
  readonly history: string;
  readonly formerHistories?: readonly string[];
  readonly epoch: number;
  readonly counter: number;
  readonly stamp: { readonly generation: number };
}

/** A ground station in a folder of its own, and `./orrery` on it. */
function newSite(context: TestContext): {
  readonly folder: string;
  readonly data: string;
  readonly orrery: (...args: string[]) => Promise<string>;
  readonly up: () => Promise<string>;
  readonly siteStatus: () => Promise<SiteStatus>;
} {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-backup-"));
  const data = path.join(folder, "data");
  const orrery = async (...args: string[]): Promise<string> => (await run(ORRERY, [...args, "--data", data], { encoding: "utf8" })).stdout;
  context.after(async () => {
    await orrery("down").catch(() => "");
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    data,
    orrery,
    up: () => orrery("up", "--site", SITE, "--api-port", "0", "--edge-port", "0", "--detach", "--timeout", "90s"),
    siteStatus: async () => (JSON.parse(await orrery("get", "site", "site", "-o", "json")) as { status: SiteStatus }).status,
  };
}

test("a backup made while the site runs can be restored: another history, a counter that jumps, and the state of then", async (context) => {
  const { folder, data, orrery, up, siteStatus } = newSite(context);
  await up();
  const file = path.join(folder, "then.db");
  assert.match(await orrery("backup", file), /then\.db \(.*put it back with: \S*orrery restore/);
  for (const copy of [file, ...readdirSync(path.join(data, "backups")).map((name) => path.join(data, "backups", name))])
    assert.equal(statSync(copy).mode & 0o777, 0o600, copy);
  const before = await siteStatus();
  await orrery("update", "auth", "--to", "v2");
  assert.equal((await siteStatus()).counter, before.counter + 1);
  await assert.rejects(orrery("restore", file), /still run on/);
  await orrery("down");
  await assert.rejects(orrery("restore", path.join(folder, "nothing.db")), /nothing\.db/);
  await assert.rejects(orrery("restore", `${SITE}/README.md`), /README\.md is no backup that can be restored: it is no database/);
  assert.match(await orrery("restore", file), /Start the site with: \S*orrery up --data/);
  await up();
  const restored = await siteStatus();
  assert.notEqual(restored.history, before.history);
  assert.equal(restored.counter, before.counter + 2 ** 20);
  const auth = JSON.parse(await orrery("get", "ms", "auth", "-o", "json")) as { status: { servedVersion: string } };
  assert.equal(auth.status.servedVersion, "v1");
  await orrery("update", "auth", "--to", "v2");
  assert.equal((await siteStatus()).stamp.generation, before.counter + 2 ** 20 + 1);
});

/** Copies `file` back behind Orrery's back and starts the site: its status once another history than `former` has begun. */
async function copiedBack({ data, up, siteStatus }: ReturnType<typeof newSite>, file: string, former: SiteStatus): Promise<SiteStatus> {
  for (const name of readdirSync(path.join(data, "state"))) if (name.startsWith("tree.db")) rmSync(path.join(data, "state", name));
  copyFileSync(file, path.join(data, "state", "tree.db"));
  // The centre may end just while `up` asks it for something: the site runs all the same.
  await up().catch(() => "");
  const until = Date.now() + 30_000;
  let now = await siteStatus().catch(() => former);
  while (now.history === former.history && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    now = await siteStatus().catch(() => former);
  }
  assert.notEqual(now.history, former.history);
  return now;
}

test("a store that was put back by copying files is found out by what the gateway has: the centre begins a new history before it leads on", async (context) => {
  const running = newSite(context);
  const { folder, data, orrery, up, siteStatus } = running;
  await up();
  const file = path.join(folder, "then.db");
  await orrery("backup", file);
  const before = await siteStatus();
  await orrery("update", "auth", "--to", "v2");
  await orrery("down");
  const now = await copiedBack(running, file, before);
  assert.equal(now.counter, before.counter + 2 ** 20);
  assert.match(
    readFileSync(path.join(data, "logs", "centre.log"), "utf8"),
    /is older than what gateway main has of it \(generation 2, .*put back to an earlier state without orrery restore/,
  );
  await orrery("update", "auth", "--to", "v2");
  assert.equal((await siteStatus()).stamp.generation, before.counter + 2 ** 20 + 1);
});

test("so is one from before a restore, which has a history of its own", async (context) => {
  const running = newSite(context);
  const { folder, data, orrery, up, siteStatus } = running;
  await up();
  const file = path.join(folder, "then.db");
  await orrery("backup", file);
  const before = await siteStatus();
  await orrery("down");
  await orrery("restore", file);
  await up();
  const restored = await siteStatus();
  assert.deepEqual(restored.formerHistories, [before.history]);
  await orrery("down");
  const log = path.join(data, "logs", "centre.log");
  assert.doesNotMatch(readFileSync(log, "utf8"), /does not know of the history/);
  const now = await copiedBack(running, file, before);
  assert.deepEqual(now.formerHistories, [restored.history, before.history]);
  const found = new RegExp(
    `does not know of the history ${restored.history}, of which gateway main knows generations up to ${restored.counter}: it was put back`,
    "g",
  );
  await orrery("update", "auth", "--to", "v2");
  assert.equal(readFileSync(log, "utf8").match(found)?.length, 1, "it is found out once");
});
