import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import test, { type TestContext } from "node:test";
import { silentLog, systemClock } from "#/base/index.ts";
import { createLink, type Link } from "#/state/link/index.ts";
import { TableDistribution } from "#/traffic/routing/distribution/index.ts";
import type { GatewayReport, PublishedLoad, Table, TableMessage, TablePosition } from "#/traffic/routing/index.ts";
import { applyChange, parsePosition, TableBuilder } from "#/traffic/routing/table/index.ts";
import { LinkFeed } from "./link-feed.ts";

/** A centre that distributes a table of generations, behind a link. */
class Centre {
  readonly distribution: TableDistribution;
  readonly reports: GatewayReport[] = [];
  readonly acknowledged: TablePosition[] = [];
  readonly #t: TestContext;
  #waiting: (() => void)[] = [];
  #changes: { section: "generation"; key: string; value: unknown }[] = [];
  readonly #all: Record<string, unknown> = {};

  constructor(t: TestContext) {
    this.#t = t;
    const source = {
      takeChanges: () => this.#changes.splice(0),
      entries: () => ({ ...new TableBuilder().entries(), generation: { ...this.#all } as never }),
    };
    this.distribution = new TableDistribution({
      history: "h",
      epoch: 1,
      source,
      mark: () => ({ distributed: [], unstamped: new Map(), fences: "" }),
      clock: systemClock,
      onProgress: () => {},
    });
  }

  issue(number: number): void {
    this.#all[number] = { assignments: {} };
    this.#changes.push({ section: "generation", key: String(number), value: { assignments: {} } });
    this.distribution.flush();
  }

  /** A new connection; the gateway's side of it. */
  connect(): { readonly link: Link; cut(): void } {
    const [own, other] = duplexPair();
    const centre = createLink({
      duplex: own,
      clock: systemClock,
      log: silentLog,
      handlers: {
        streams: { table: (params, signal) => this.#table(params, signal) },
        notices: {
          "table/ack": (params) => {
            const position = parsePosition(params);
            if (position !== undefined) this.acknowledged.push(position);
            if (position !== undefined) this.distribution.acknowledge("main", position);
            this.#wake();
          },
          "gateway/report": (params) => {
            this.reports.push(params as GatewayReport);
            this.#wake();
          },
        },
      },
    });
    const link = createLink({ duplex: other, clock: systemClock, log: silentLog });
    this.#t.after(() => {
      link.close("test over");
      centre.close("test over");
    });
    return { link, cut: () => centre.close("cut") };
  }

  #table(params: unknown, signal: AbortSignal): AsyncIterable<TableMessage> {
    const { position } = params as { position: TablePosition | null };
    return this.distribution.connect("main", position ?? undefined, signal);
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

/** A gateway as far as the feed sees it: keeps the table and acknowledges. */
class Receiver {
  table: Table | undefined;
  readonly kinds: string[] = [];
  readonly rounds: number[] = [];
  readonly loads: PublishedLoad[] = [];
  #waiting: (() => void)[] = [];

  constructor(feed: LinkFeed) {
    feed.subscribe(() => (this.table === undefined ? undefined : { position: this.table.position, newest: 0, maps: {} }), {
      update: (update) => {
        if ("table" in update) this.table = update.table;
        else if (this.table !== undefined) this.table = applyChange(this.table, update.change);
        this.kinds.push("table" in update ? "table" : "change");
        if (this.table !== undefined) feed.acknowledge(this.table.position);
        this.#wake();
      },
      load: (load) => {
        this.loads.push(load);
        this.#wake();
      },
      round: (number) => {
        this.rounds.push(number);
        this.#wake();
      },
    });
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

const report = (sequence: number): GatewayReport => ({
  gateway: "main",
  host: "h",
  roles: ["edge"],
  incarnation: 1,
  sequence,
  position: { history: "h", epoch: 1, version: 1 },
  round: 0,
  counts: [],
  windows: [],
  unlabelled: [],
  refused: [],
  held: { now: 0, total: 0, timeSumMs: 0, timeMaxMs: 0 },
  listenFailures: [],
});

test("the table comes over the link, then its changes, loads and rounds; acknowledgements and reports go back", async (t) => {
  const centre = new Centre(t);
  centre.issue(1);
  const feed = new LinkFeed({ log: silentLog, clock: systemClock });
  const receiver = new Receiver(feed);
  assert.equal(feed.report(report(1)), false, "there is no link yet");
  feed.connected(centre.connect().link);
  await receiver.until(() => receiver.table !== undefined);
  centre.issue(2);
  await receiver.until(() => receiver.table?.entries.generation["2"] !== undefined);
  centre.distribution.publishLoad({ hosts: { h: 0.5 } });
  centre.distribution.askRound(4);
  await receiver.until(() => receiver.rounds.includes(4) && receiver.loads.length === 1);
  assert.deepEqual(receiver.kinds, ["table", "change"]);
  assert.deepEqual(receiver.loads, [{ hosts: { h: 0.5 } }]);
  assert.equal(feed.report(report(1)), true);
  await centre.until(() => centre.reports.length === 1 && centre.acknowledged.at(-1)?.version === 2);
});

test("after a cut the next link brings only what was missed, what was acknowledged is said again, and rounds begin anew", async (t) => {
  const centre = new Centre(t);
  centre.issue(1);
  const feed = new LinkFeed({ log: silentLog, clock: systemClock });
  const receiver = new Receiver(feed);
  const first = centre.connect();
  feed.connected(first.link);
  await receiver.until(() => receiver.table !== undefined);
  centre.distribution.askRound(9);
  await receiver.until(() => receiver.rounds.includes(9));
  first.cut();
  await first.link.closed;
  feed.disconnected();
  assert.equal(feed.report(report(2)), false);
  centre.issue(2);
  centre.acknowledged.length = 0;
  feed.connected(centre.connect().link);
  await receiver.until(() => receiver.table?.entries.generation["2"] !== undefined);
  assert.deepEqual(receiver.kinds, ["table", "change"]);
  assert.deepEqual(receiver.rounds.slice(0, 3), [0, 9, 0]);
  await centre.until(() => centre.acknowledged.some((one) => one.version === 1) && centre.acknowledged.at(-1)?.version === 2);
});

test("a gateway that was up to date is known to be so after a new connection without a change", async (t) => {
  const centre = new Centre(t);
  centre.issue(1);
  const feed = new LinkFeed({ log: silentLog, clock: systemClock });
  const receiver = new Receiver(feed);
  const first = centre.connect();
  feed.connected(first.link);
  await receiver.until(() => receiver.table !== undefined);
  first.cut();
  await first.link.closed;
  feed.disconnected();
  feed.connected(centre.connect().link);
  await centre.until(() => centre.distribution.acknowledged("main")?.version === 1);
});
