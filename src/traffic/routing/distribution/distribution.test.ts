import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#/base/index.ts";
import type { GatewayReport, Table, TableChange, TableMessage } from "../contract.ts";
import { type DistributionMark, TableDistribution } from "./distribution.ts";

class Source {
  changes: { section: "generation"; key: string; value: unknown }[] = [];
  readonly all: Record<string, unknown> = {};
  set(key: string, value: unknown): void {
    this.all[key] = value;
    this.changes.push({ section: "generation", key, value });
  }
  takeChanges(): TableChange["changes"] {
    return this.changes.splice(0);
  }
  entries(): Table["entries"] {
    return { generation: { ...this.all } } as unknown as Table["entries"];
  }
}

function setUp(): { clock: ManualClock; source: Source; mark: { now: DistributionMark }; distribution: TableDistribution } {
  const clock = new ManualClock();
  const source = new Source();
  const mark = { now: { distributed: [], unstamped: new Map(), fences: "" } as DistributionMark };
  const distribution = new TableDistribution({ history: "h", epoch: 1, source, mark: () => mark.now, clock, onProgress: () => {} });
  return { clock, source, mark, distribution };
}

async function next(stream: AsyncGenerator<TableMessage>): Promise<TableMessage> {
  const result = await stream.next();
  assert.equal(result.done, false);
  return result.value as TableMessage;
}

test("a new gateway gets the whole table, then changes in batches", async () => {
  const { clock, source, distribution } = setUp();
  source.set("1", "a");
  const stream = distribution.connect("main", undefined, AbortSignal.timeout(60_000));
  const first = await next(stream);
  assert.ok("table" in first);
  assert.deepEqual(first.table.entries.generation, { "1": "a" });
  source.set("2", "b");
  distribution.touch();
  source.set("3", "c");
  distribution.touch();
  clock.advance(20);
  const second = await next(stream);
  assert.ok("change" in second);
  assert.deepEqual(second.change.base, first.table.position);
  assert.equal(second.change.changes.length, 2);
  await stream.return();
});

test("a gateway that comes back with a known position gets only what it missed; one of another leader gets all", async () => {
  const { source, distribution } = setUp();
  source.set("1", "a");
  distribution.flush();
  const position = distribution.position;
  source.set("2", "b");
  distribution.flush();
  const back = distribution.connect("main", position, AbortSignal.timeout(60_000));
  assert.ok("change" in (await next(back)));
  const foreign = distribution.connect("other", { ...position, epoch: 0 }, AbortSignal.timeout(60_000));
  assert.ok("table" in (await next(foreign)));
  await back.return();
  await foreign.return();
});

test("the table in which a generation was first distributed, and first unstamped, is remembered", () => {
  const { source, mark, distribution } = setUp();
  source.set("1", "a");
  distribution.flush();
  assert.equal(distribution.distributedAt(1), undefined);
  mark.now = { distributed: [1], unstamped: new Map(), fences: "" };
  distribution.flush();
  assert.equal(distribution.distributedAt(1)?.version, 1);
  source.set("2", "b");
  mark.now = { distributed: [1, 2], unstamped: new Map([[1, "noon"]]), fences: "" };
  distribution.flush();
  assert.equal(distribution.distributedAt(1)?.version, 1);
  assert.equal(distribution.unstampedAt(1, "noon")?.version, 2);
  assert.equal(distribution.unstampedAt(1, "later"), undefined, "it was stamped again meanwhile");
  source.set("3", "c");
  mark.now = { distributed: [1, 2], unstamped: new Map([[1, "later"]]), fences: "" };
  distribution.flush();
  assert.equal(distribution.unstampedAt(1, "later")?.version, 3);
});

test("since when a gateway is offered a generation counts from its connection and from the present fences", async () => {
  const { mark, distribution, clock } = setUp();
  const stream = distribution.connect("main", undefined, AbortSignal.timeout(60_000));
  await next(stream);
  assert.equal(distribution.offeredMs("main", 1), undefined);
  clock.advance(1000);
  mark.now = { distributed: [1], unstamped: new Map(), fences: "" };
  distribution.flush();
  const firstMs = clock.now();
  clock.advance(1000);
  distribution.flush();
  assert.equal(distribution.offeredMs("main", 1), firstMs);
  assert.equal(distribution.offeredMs("other", 1), undefined);
  // A fence changes what has to be known.
  mark.now = { distributed: [1], unstamped: new Map(), fences: "b" };
  distribution.flush();
  assert.equal(distribution.offeredMs("main", 1), clock.now());
  clock.advance(1000);
  await stream.return();
  const back = distribution.connect("main", undefined, AbortSignal.timeout(60_000));
  await next(back);
  assert.equal(distribution.offeredMs("main", 1), clock.now());
  await back.return();
});

test("an instance is held until every gateway has acknowledged a table without it and counted none of its calls", async () => {
  const { source, distribution } = setUp();
  source.set("1", "a");
  const stream = distribution.connect("main", undefined, AbortSignal.timeout(60_000));
  await next(stream);
  source.set("1", null);
  assert.match(distribution.holders("auth-0", ["main"]) ?? "", /not yet acknowledged/);
  const position = distribution.position;
  distribution.report({ gateway: "main", position: { ...position, version: 1 }, windows: [], tableFailure: "ENOSPC" } as unknown as GatewayReport);
  assert.match(
    distribution.holders("auth-0", ["main"]) ?? "",
    /^gateway main cannot acknowledge a table without it: its disk refuses to keep it \(ENOSPC\)\. .* is the disk full\?$/,
  );
  distribution.acknowledge("main", position);
  assert.match(distribution.holders("auth-0", ["main"]) ?? "", /not yet counted/);
  // By a table of another history of the same number.
  distribution.report({ gateway: "main", position: { ...position, history: "former", version: 99 }, windows: [] } as unknown as GatewayReport);
  assert.match(distribution.holders("auth-0", ["main"]) ?? "", /not yet counted/);
  const report = { gateway: "main", position, windows: [{ instance: "auth-0", inFlight: 2 }] } as unknown as GatewayReport;
  distribution.report(report);
  assert.match(distribution.holders("auth-0", ["main"]) ?? "", /2 calls open/);
  distribution.report({ ...report, windows: [] });
  assert.equal(distribution.holders("auth-0", ["main"]), undefined);
  assert.match(distribution.holders("auth-0", ["main", "lost"]) ?? "", /gateway lost is not connected/);
  await stream.return();
});

test("acknowledgements of another epoch, or older ones, are ignored", async () => {
  const { source, distribution } = setUp();
  source.set("1", "a");
  const stream = distribution.connect("main", undefined, AbortSignal.timeout(60_000));
  await next(stream);
  distribution.acknowledge("main", { history: "h", epoch: 9, version: 50 });
  assert.equal(distribution.acknowledged("main"), undefined);
  distribution.acknowledge("main", distribution.position);
  distribution.acknowledge("main", { ...distribution.position, version: 0 });
  assert.equal(distribution.acknowledged("main")?.version, 1);
  await stream.return();
});

test("a gateway is told nothing before it is admitted", () => {
  const source = new Source();
  const connected: string[] = [];
  const mark = (): DistributionMark => ({ distributed: [], unstamped: new Map(), fences: "" });
  const clock = new ManualClock();
  const distribution = new TableDistribution({
    history: "h",
    epoch: 1,
    source,
    mark,
    clock,
    onProgress: () => {},
    onConnect: (gateway) => connected.push(gateway),
  });
  source.set("1", "a");
  let wakes = 0;
  const stream = distribution.open("main", undefined, () => wakes++);
  assert.deepEqual(connected, ["main"]);
  assert.equal(stream.take(), undefined);
  distribution.admit("main");
  assert.equal(wakes, 1);
  assert.ok("table" in (stream.take() as TableMessage));
  assert.equal(stream.take(), undefined);
  distribution.dismiss("main");
  assert.equal(distribution.isAdmitted("main"), false);
  assert.equal(stream.isEnded, true);
  assert.equal(distribution.isConnected("main"), false);
});

test("a report acknowledges the table that it names", () => {
  const { source, distribution } = setUp();
  source.set("1", "a");
  const stream = distribution.open("main", undefined, () => {});
  stream.take();
  const report = { gateway: "main", position: distribution.position, windows: [] } as unknown as GatewayReport;
  distribution.report(report);
  assert.deepEqual(distribution.acknowledged("main"), distribution.position);
});
