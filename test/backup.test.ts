import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { newSite, SITE } from "./backup-site.ts";

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
