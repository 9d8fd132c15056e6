import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { systemClock as clock, silentLog as log, systemRandom as random } from "#/base/index.ts";
import { kinds } from "#/model/all-kinds.ts";
import { generation, generationName, SITE_NAME, site } from "#/model/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";
import { mapDigest } from "#/traffic/routing/table/index.ts";
import { isStoreBehind, takeLead } from "./lead-site.ts";

const namespace = "default";
const NOW_MS = 1_800_000_000_000;

test("a number that a gateway knows with another map shows that the store was put back, also while the cache has not seen the map", async (t) => {
  const file = path.join(mkdtempSync(path.join(os.tmpdir(), "lead-site-")), "tree.db");
  const tree = await openSqliteTree({ file, clock, random, log } as never);
  t.after(() => tree.close());
  const store = await openTreeStore({ tree, kinds, clock, random, log });
  const epoch = await takeLead(store, namespace, "h", NOW_MS);
  const map = { portal: "portal-v1" };
  await store.create(generation, { metadata: { name: generationName(1), namespace }, spec: { number: 1, map, cause: "test", history: "h" } });
  const present = await store.get(site, { name: SITE_NAME, namespace });
  const status = { ...present?.status, counter: 1, generations: [{ number: 1, phase: "Active" as const, since: "2026-01-01T00:00:00Z" }] };
  await store.update(site, { ...present, metadata: { name: SITE_NAME, namespace }, status } as never, {
    subresource: "status",
    fieldManager: "test",
  });
  const known = (of: Readonly<Record<string, string>>, history = "h") => ({
    position: { history, epoch: epoch - 1, version: 7 },
    newest: 1,
    maps: { 1: mapDigest(Object.entries(of)) },
  });
  const own = { mapOf: () => undefined, hasServed: false };
  assert.equal(await isStoreBehind(store, namespace, epoch, known(map), own), false);
  assert.equal(await isStoreBehind(store, namespace, epoch, known({ portal: "portal-v2" }), own), true);
  assert.equal(
    await isStoreBehind(store, namespace, epoch, known({ portal: "portal-v2" }), { ...own, mapOf: () => ({ portal: "portal-v2" }) }),
    false,
  );
  assert.equal(await isStoreBehind(store, namespace, epoch, known(map, "unknown"), own), true);
  // Another leader of the same store knows more than this one.
  assert.equal(await isStoreBehind(store, namespace, epoch - 1, known({ portal: "portal-v2" }), own), false);
});
