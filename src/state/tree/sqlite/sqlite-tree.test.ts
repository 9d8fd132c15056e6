import assert from "node:assert/strict";
import { copyFile, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it, type TestContext } from "node:test";
import { isOrreryError, ManualClock, systemClock, systemRandom } from "#/base/index.ts";
import { treeConformance } from "../conformance.ts";
import { openSqliteTree, restoreSqliteTree, type SqliteTree, type SqliteTreeOptions } from "./index.ts";

treeConformance("SqliteTree", async (context) => {
  const file = await temporaryFile(context);
  let tree = await openFor(context, file);
  return {
    tree,
    reopen: async () => {
      await tree.close();
      tree = await openFor(context, file);
      return tree;
    },
    // The killed process itself is the matter of test/tree-durability.test.ts; here its files are taken as they lie at that moment.
    crash: async () => {
      const copy = join(await temporaryFolder(context), "copy.db");
      await copyFile(file, copy);
      await copyFile(`${file}-wal`, `${copy}-wal`);
      return await openFor(context, copy);
    },
    compact: async () => tree.compact({ changesMin: 0, ageMsMin: 0 }),
  };
});

describe("SqliteTree", () => {
  it("refuses a file that is open already, and names who has it", async (context) => {
    const file = await temporaryFile(context);
    await openFor(context, file);
    await rejects(openSqliteTree({ ...options(file), lockTimeoutMs: 0 }), "tree/in-use", new RegExp(`process ${process.pid}`));
  });

  it("refuses a folder that is not there, and says so", async () => {
    await rejects(openSqliteTree(options("/nonexistent/folder/tree.db")), "tree/unwritable", /folder exists/);
  });

  it("refuses a file that is no tree of ours, and leaves it as it was", async (context) => {
    const file = await temporaryFile(context);
    await writeFile(file, "this is a text and no database, although it is long enough for a header of one".repeat(10));
    await rejects(openSqliteTree(options(file)), "tree/damaged", /restore a backup/);
    assert.match(await readFile(file, "utf8"), /^this is a text/);
    const foreign = await temporaryFile(context);
    const database = new DatabaseSync(foreign);
    database.exec("CREATE TABLE theirs (a)");
    database.close();
    await rejects(openSqliteTree(options(foreign)), "tree/damaged", /another program/);
  });

  it("says that its file is damaged when a page was overwritten", async (context) => {
    const file = await temporaryFile(context);
    const tree = await openFor(context, file);
    for (let index = 0; index < 200; index++) await tree.create(`/n/${index}`, "x".repeat(500));
    await tree.close();
    await overwrite(file, 4096 * 10, Buffer.alloc(4096 * 4, 0xab));
    await rejects(openSqliteTree(options(file)), "tree/damaged", /restore a backup/);
  });

  it("says which value is damaged when a single byte of it has changed", async (context) => {
    const file = await temporaryFile(context);
    const tree = await openFor(context, file);
    await tree.create("/fine", "fine");
    await tree.create("/flipped", "a text that will be found");
    await tree.close();
    const bytes = await readFile(file);
    await overwrite(file, bytes.indexOf("will be found"), Buffer.from("W"));
    const damaged = await openFor(context, file);
    assert.equal((await damaged.get("/fine"))?.value, "fine");
    await rejects(damaged.get("/flipped"), "tree/damaged", /\/flipped/);
    await rejects(damaged.list("/"), "tree/damaged", /\/flipped/);
  });

  it("says that there is no room, keeps what was acknowledged, and goes on when room returns", async (context) => {
    const file = await temporaryFile(context);
    const tree = await openFor(context, file, { bytesMax: 40 * 4096 });
    const value = "x".repeat(3_000);
    const kept: string[] = [];
    let refusal: unknown;
    for (let index = 0; index < 100 && refusal === undefined; index++) {
      const paths = [`/n/${index}-a`, `/n/${index}-b`];
      const results = await Promise.allSettled(paths.map((path) => tree.create(path, value)));
      results.forEach((result, position) => {
        if (result.status === "fulfilled") kept.push(paths[position] ?? "");
        else refusal ??= result.reason;
      });
    }
    assert.ok(isOrreryError(refusal, "tree/full"), String(refusal));
    assert.match(refusal.message, /free some room/);
    assert.ok(kept.length > 10);
    assert.deepEqual((await tree.list("/n")).nodes.map((node) => node.path).sort(), [...kept].sort());
    for (const path of kept.slice(0, 5)) await tree.delete(path);
    await tree.create("/again", value);
    await tree.close();
    const reopened = await openFor(context, file);
    assert.deepEqual((await reopened.list("/n")).nodes.map((node) => node.path).sort(), kept.slice(5).sort());
    assert.equal((await reopened.get("/again"))?.value, value);
  });

  it("remembers deletions for the changes and the time promised, and no longer", async (context) => {
    const clock = new ManualClock();
    const tree = await openFor(context, await temporaryFile(context), { clock, history: { changesMin: 10, ageMsMin: 60_000 } });
    await tree.create("/a", "");
    const from = await tree.create("/b", "");
    await tree.delete("/a");
    for (let index = 0; index < 20; index++) await tree.set("/b", String(index));
    tree.compact();
    assert.ok(await isWatchable(tree, from), "young enough");
    clock.advance(60_001);
    tree.compact();
    assert.ok(!(await isWatchable(tree, from)), "too old");
    const later = (await tree.list("/")).version;
    await tree.delete("/b");
    clock.advance(60_001);
    tree.compact();
    assert.ok(await isWatchable(tree, later), "few enough changes");
  });

  it("copies itself while it works, and a restored copy begins a new history", async (context) => {
    const file = await temporaryFile(context);
    const backup = join(await temporaryFolder(context), "backup.db");
    const tree = await openFor(context, file);
    for (let index = 0; index < 500; index++) await tree.create(`/n/${index}`, "x".repeat(1_000));
    const copied = tree.backup(backup);
    await Promise.all([copied, tree.create("/meanwhile", "")]);
    await tree.create("/later", "");
    const { history } = tree;
    await rejects(restoreSqliteTree({ from: backup, file, random: systemRandom }), "tree/in-use", /stop that one/);
    await tree.close();
    const restoredHistory = await restoreSqliteTree({ from: backup, file, random: systemRandom });
    assert.notEqual(restoredHistory, history);
    const restored = await openFor(context, file);
    assert.equal(restored.history, restoredHistory);
    assert.equal(await restored.get("/later"), undefined);
    assert.equal((await restored.list("/n")).nodes.length, 500);
  });

  it("gives no version of a former history again, and whoever has seen one has to read anew", async (context) => {
    const file = await temporaryFile(context);
    const backup = join(await temporaryFolder(context), "backup.db");
    const tree = await openFor(context, file);
    await tree.create("/kept", "");
    await tree.backup(backup);
    const then = (await tree.list("/")).version;
    await tree.create("/later", "");
    const seen = (await tree.list("/")).version;
    await tree.close();
    await restoreSqliteTree({ from: backup, file, random: systemRandom });
    const restored = await openFor(context, file);
    assert.equal((await restored.get("/kept"))?.version, 1);
    const begun = (await restored.list("/")).version;
    for (const from of [then, seen]) assert.ok(!(await isWatchable(restored, from)), `version ${from}`);
    assert.ok(await isWatchable(restored, begun));
    const version = await restored.create("/later", "");
    assert.ok(version > seen && version === begun + 1, `${version} after ${begun}`);
    // Found out while it was open: from the next opening on.
    restored.beginHistory();
    await restored.create("/last", "");
    const last = (await restored.list("/")).version;
    await restored.close();
    const begunAnew = await openFor(context, file);
    assert.ok(!(await isWatchable(begunAnew, last)));
    const again = (await begunAnew.list("/")).version;
    await begunAnew.close();
    assert.equal((await (await openFor(context, file)).list("/")).version, again, "one leap for one history");
  });

  it("refuses to restore a damaged backup, and leaves the tree as it was", async (context) => {
    const file = await temporaryFile(context);
    const tree = await openFor(context, file);
    await tree.create("/kept", "");
    await tree.close();
    const bad = await temporaryFile(context);
    const other = await temporaryFile(context);
    const database = new DatabaseSync(other);
    database.exec("CREATE TABLE x (y); PRAGMA application_id = 7");
    database.close();
    for (const [from, text, why] of [
      [bad, "no database at all, just some characters in a file of some length".repeat(20), /it is no database/],
      [bad, "", /nothing of Orrery is in it/],
      [other, undefined, /it is a database of another program/],
    ] as const) {
      if (text !== undefined) await writeFile(from, text);
      const restored = restoreSqliteTree({ from, file, random: systemRandom });
      await rejects(restored, "tree/damaged", new RegExp(`^${RegExp.escape(from)} is no backup that can be restored: ${why.source}`));
    }
    assert.deepEqual(
      (await readdir(dirname(file))).filter((name) => name.includes("restoring")),
      [],
    );
    assert.ok(await (await openFor(context, file)).get("/kept"));
  });

  it("refuses to work after it is closed", async (context) => {
    const tree = await openFor(context, await temporaryFile(context));
    const last = tree.create("/last", "");
    await tree.close();
    await last;
    await rejects(tree.get("/last"), "tree/closed", /closed/);
    await rejects(tree.create("/more", ""), "tree/closed", /closed/);
    await tree.close();
  });
});

function options(file: string): SqliteTreeOptions {
  return { file, clock: systemClock, random: systemRandom };
}

async function openFor(context: TestContext, file: string, more: Partial<SqliteTreeOptions> = {}): Promise<SqliteTree> {
  const tree = await openSqliteTree({ ...options(file), ...more });
  context.after(() => tree.close());
  return tree;
}

async function temporaryFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "orrery-tree-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function temporaryFile(context: TestContext): Promise<string> {
  return join(await temporaryFolder(context), "tree.db");
}

async function overwrite(file: string, position: number, bytes: Uint8Array): Promise<void> {
  assert.ok(position > 0);
  const handle = await open(file, "r+");
  await handle.write(bytes, 0, bytes.length, position);
  await handle.close();
}

async function isWatchable(tree: SqliteTree, from: number): Promise<boolean> {
  const controller = new AbortController();
  try {
    for await (const _ of tree.watch("/", from, controller.signal)) return true;
    return true;
  } catch (error) {
    if (isOrreryError(error, "tree/gone")) return false;
    throw error;
  } finally {
    controller.abort();
  }
}

async function rejects(promise: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isOrreryError(error), String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}
