import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import test, { type TestContext } from "node:test";
import { isOrreryError, type LogFields, silentLog } from "#/base/index.ts";
import type { Table, TableChange, TablePosition } from "#/traffic/routing/index.ts";
import { applyChange } from "#/traffic/routing/table/index.ts";
import { nextIncarnation } from "./durable-file.ts";
import { sketchTable } from "./feed/table-sketch.ts";
import { Gateway } from "./gateway.ts";
import { Rig } from "./rig.ts";
import { TableFile } from "./table-file.ts";

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-table-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const first = sketchTable({ generations: { 1: { auth: "auth-v1" } }, revisions: { "auth-v1": [] }, services: {} });

function next(table: Table, key: string): { readonly table: Table; readonly change: TableChange } {
  const position = { ...table.position, version: table.position.version + 1 };
  const change = {
    base: table.position,
    position,
    changes: [{ section: "generation" as const, key, value: { assignments: { auth: `auth-v${key}` } } }],
  };
  return { change, table: applyChange(table, change) };
}

async function saved(folder: string, updates: (file: TableFile) => void): Promise<TablePosition[]> {
  const durable: TablePosition[] = [];
  const file = new TableFile({ folder, log: silentLog, onDurable: (position) => durable.push(position) });
  file.load();
  updates(file);
  await file.close();
  return durable;
}

test("what was called durable is what is loaded again, snapshot and journal", async (t) => {
  const folder = folderOf(t);
  let table = first;
  const durable: TablePosition[] = [];
  const file = new TableFile({ folder, log: silentLog, onDurable: (position) => durable.push(position) });
  assert.equal(file.load(), undefined);
  file.save({ table }, table);
  for (let key = 2; key < 20; key++) {
    const step = next(table, String(key));
    table = step.table;
    file.save({ change: step.change }, table);
    if (key % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await file.close();
  assert.deepEqual(durable.at(-1), table.position);
  assert.ok(durable.length > 1 && durable.length < 18, "changes are gathered");
  assert.deepEqual(new TableFile({ folder, log: silentLog, onDurable: () => {} }).load(), table);
});

test("a journal line that power loss cut short is left out, and everything before it kept", async (t) => {
  const folder = folderOf(t);
  const one = next(first, "2");
  const two = next(one.table, "3");
  await saved(folder, (file) => file.save({ table: first }, first));
  appendFileSync(path.join(folder, "table.journal"), `${JSON.stringify(one.change)}\n${JSON.stringify(two.change).slice(0, 40)}`);
  assert.deepEqual(new TableFile({ folder, log: silentLog, onDurable: () => {} }).load(), one.table);
});

test("journal lines older than the snapshot are passed over", async (t) => {
  const folder = folderOf(t);
  const one = next(first, "2");
  const two = next(one.table, "3");
  await saved(folder, (file) => file.save({ table: one.table }, one.table));
  writeFileSync(path.join(folder, "table.journal"), `${JSON.stringify(one.change)}\n${JSON.stringify(two.change)}\n`);
  assert.deepEqual(new TableFile({ folder, log: silentLog, onDurable: () => {} }).load(), two.table);
});

test("a damaged snapshot is said, and nothing is served from it", (t) => {
  const folder = folderOf(t);
  writeFileSync(path.join(folder, "table.json"), '{"position":');
  const said: (LogFields | undefined)[] = [];
  const log = { ...silentLog, error: (_: string, fields?: LogFields) => said.push(fields) };
  assert.equal(new TableFile({ folder, log, onDurable: () => {} }).load(), undefined);
  assert.equal(said.length, 1);
});

test("each start has the next number, and a file that holds none is refused instead of counted from one", (t) => {
  const folder = folderOf(t);
  assert.deepEqual([nextIncarnation(folder), nextIncarnation(folder), nextIncarnation(folder)], [1, 2, 3]);
  assert.equal(readFileSync(path.join(folder, "incarnation"), "utf8"), "3\n");
  writeFileSync(path.join(folder, "incarnation"), "x");
  assert.throws(
    () => nextIncarnation(folder),
    (error) => isOrreryError(error, "gateway/incarnation"),
  );
});

test("a gateway that starts without the centre serves its last table, under a new number", async (t) => {
  const rig = await Rig.start();
  t.after(() => rig.close());
  const port = await rig.instance("portal-0");
  rig.table({
    generations: { 3: { portal: "portal-v1" } },
    revisions: { "portal-v1": [{ instance: "portal-0", port }] },
    services: { portal: { port: 1 } },
    routes: [{ service: "portal", path: { prefix: "/" } }],
    site: { limits: { requestHeadBytes: 4096 }, edge: { trustedProxies: ["127.0.0.1"] } },
  });
  await rig.feed.until(() => rig.feed.acknowledged.length > 0);
  await rig.gateway.stop();
  const { MemoryFeed } = await import("./feed/memory-feed.ts");
  const feed = new MemoryFeed();
  feed.isConnected = false;
  const asked: unknown[] = [];
  feed.onSubscribe = (position) => {
    asked.push(position);
    return undefined;
  };
  const again = new Gateway(rig.options({ feed: () => feed }));
  await again.start();
  rig.onClose(() => again.stop({ graceMs: 0 }));
  assert.equal(again.incarnation, rig.gateway.incarnation + 1);
  // Bounds and trust are the table's, too.
  assert.equal((await fetch(`${again.edgeUrl}/x`, { headers: { "x-long": "v".repeat(5000) } })).status, 431);
  const answer = await fetch(`${again.edgeUrl}/x`, { headers: { "x-forwarded-for": "198.51.100.2" } });
  const echo = (await answer.json()) as { headers: Record<string, string> };
  assert.equal(answer.status, 200);
  assert.match(echo.headers["x-b3-traceid"] ?? "", /^6f72000000030002/);
  assert.equal(echo.headers["x-forwarded-for"], "198.51.100.2, 127.0.0.1");
  assert.deepEqual(asked, [{ history: "sketch", epoch: 1, version: 1 }]);
});

test("an older table is not applied, a change that does not follow makes the gateway ask again, and sums wait for a connection", async (t) => {
  const rig = await Rig.start();
  t.after(() => rig.close());
  const at = (version: number, epoch = 1): Table =>
    sketchTable({
      version,
      epoch,
      generations: { [version]: { portal: "portal-v1" } },
      revisions: { "portal-v1": [] },
      services: {},
      routes: [{ service: "portal", path: { prefix: "/" } }],
    });
  const generation = (): number | undefined => rig.gateway.core.table.stamp?.generation;
  rig.feed.update({ table: at(5) });
  rig.feed.update({ table: at(4) });
  assert.equal(generation(), 5);
  rig.feed.update({ table: at(1, 2) });
  assert.equal(generation(), 1);
  rig.feed.update({ table: at(9, 1) });
  assert.equal(generation(), 1);
  const subscribed: unknown[] = [];
  rig.feed.onSubscribe = (position) => {
    subscribed.push(position);
    return { table: at(8, 2) };
  };
  rig.feed.update({ change: { base: at(6, 2).position, position: at(7, 2).position, changes: [] } });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(subscribed, [at(1, 2).position]);
  assert.equal(generation(), 8);
  await rig.feed.until(() => rig.feed.reports.at(-1)?.position.version === 8);
  const sequence = rig.feed.reports.at(-1)?.sequence ?? 0;
  rig.feed.isConnected = false;
  await rig.get("/");
  await rig.get("/");
  rig.feed.isConnected = true;
  await rig.feed.until(() => rig.feed.reports.some((one) => one.refused.some((sum) => sum.reason === "no-instance" && sum.calls === 2)));
  assert.equal(rig.feed.reports.at(-1)?.sequence, sequence + 1);
});

test("a counting round is answered at once", async (t) => {
  const rig = await Rig.start(sketch());
  t.after(() => rig.close());
  await rig.feed.until(() => rig.feed.acknowledged.length > 0);
  rig.feed.round(7);
  assert.equal(rig.feed.reports.at(-1)?.round, 7);
});

function sketch(): Parameters<typeof sketchTable>[0] {
  return { generations: { 1: { auth: "auth-v1" } }, revisions: { "auth-v1": [] }, services: {} };
}

test("a table that cannot be kept on disk is not acknowledged, and the reports say why, until it can", async (t) => {
  const rig = await Rig.start();
  t.after(() => rig.close());
  const { mkdirSync } = await import("node:fs");
  // A folder where the temporary file should be stands in for a disk that refuses.
  const blocker = path.join(rig.folder, "gateway", "table.json.tmp");
  mkdirSync(blocker);
  rig.table(sketch());
  await rig.feed.until(() => /EISDIR.*table\.json\.tmp/.test(rig.feed.reports.at(-1)?.tableFailure ?? ""));
  // It has none yet that it could count at.
  assert.deepEqual(rig.feed.reports.at(-1)?.position, { history: "", epoch: 0, version: 0 });
  assert.deepEqual(rig.feed.acknowledged, []);
  assert.equal(rig.gateway.core.table.stamp?.generation, 1);
  rmSync(blocker, { recursive: true });
  await rig.feed.until(() => rig.feed.acknowledged.length > 0 && rig.feed.reports.at(-1)?.tableFailure === undefined);
  assert.ok(readdirSync(path.join(rig.folder, "gateway")).includes("table.json"));
});
