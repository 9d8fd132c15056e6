import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { kinds } from "#/model/index.ts";
import { openSqliteTree, type SqliteTree } from "#/tree/sqlite/index.ts";
import { storeConformance } from "../conformance/index.ts";
import { openTreeStore, type TreeStore, type TreeStoreOptions } from "./index.ts";

storeConformance("TreeStore", async (context, { hasCollector }) => {
  const tree = await openTree(context);
  const store = await openStore(context, tree);
  const stop = new AbortController();
  context.after(() => stop.abort());
  if (hasCollector) store.startGarbageCollector(stop.signal);
  return { store, restart: () => openStore(context, tree) };
});

async function openTree(context: TestContext): Promise<SqliteTree> {
  const folder = await mkdtemp(join(tmpdir(), "orrery-store-"));
  const tree = await openSqliteTree({ file: join(folder, "tree.db"), clock: systemClock, random: systemRandom });
  context.after(async () => {
    await tree.close();
    await rm(folder, { recursive: true, force: true });
  });
  return tree;
}

async function openStore(context: TestContext, tree: SqliteTree, more: Partial<TreeStoreOptions> = {}): Promise<TreeStore> {
  const store = await openTreeStore({ tree, clock: systemClock, random: systemRandom, kinds, log: silentLog, ...more });
  context.after(() => store.close());
  return store;
}
