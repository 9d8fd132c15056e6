import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const ORRERY = fileURLToPath(new URL("../orrery", import.meta.url));
const SITE = fileURLToPath(new URL("../sites/ground-station", import.meta.url));

test("a backup made while the site runs can be restored: another history, a counter that jumps, and the state of then", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-backup-"));
  const data = path.join(folder, "data");
  const orrery = async (...args: string[]): Promise<string> => (await run(ORRERY, [...args, "--data", data], { encoding: "utf8" })).stdout;
  const up = () => orrery("up", "--site", SITE, "--api-port", "0", "--edge-port", "0", "--detach", "--timeout", "90s");
  const siteStatus = async () =>
    (JSON.parse(await orrery("get", "site", "site", "-o", "json")) as { status: { history: string; counter: number; stamp: { generation: number } } })
      .status;
  after(async () => {
    await orrery("down").catch(() => "");
    rmSync(folder, { recursive: true, force: true });
  });
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
