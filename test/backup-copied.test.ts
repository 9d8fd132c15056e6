import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { copiedBack, newSite } from "./backup-site.ts";

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
