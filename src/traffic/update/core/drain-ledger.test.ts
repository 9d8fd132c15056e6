import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayReport } from "#/traffic/routing/index.ts";
import { DrainLedger, type KnownGateway } from "./drain-ledger.ts";

const gateway = (name: string, more: Partial<KnownGateway> = {}): KnownGateway => ({ name, host: name, isConnected: true, incarnation: 1, ...more });
const at = (version: number): GatewayReport["position"] => ({ history: "h", epoch: 1, version });

function report(name: string, round: number, more: { open?: number; started?: number; version?: number; incarnation?: number } = {}): GatewayReport {
  return {
    gateway: name,
    host: "here",
    roles: ["edge", "host"],
    incarnation: more.incarnation ?? 1,
    sequence: round,
    position: at(more.version ?? 10),
    round,
    counts: [{ generation: 1, edge: more.open ?? 0, streams: 0, outbound: 0, inbound: 0, begun: 5, started: more.started ?? 5 }],
    windows: [],
    unlabelled: [],
    refused: [],
    held: { now: 0, total: 0, timeSumMs: 0, timeMaxMs: 0 },
    listenFailures: [],
  };
}

function drainingLedger(...gateways: KnownGateway[]): DrainLedger {
  const ledger = new DrainLedger();
  ledger.setPolicy({ lingerMs: 500 });
  ledger.setGateways(gateways, 0);
  ledger.begin(1, at(10), 0);
  return ledger;
}

/** Asks a round at `nowMs` and gives every answer. */
function round(ledger: DrainLedger, nowMs: number, ...answers: ((number: number) => GatewayReport)[]): void {
  const number = ledger.roundToAsk(nowMs, 0);
  assert.ok(number !== undefined);
  for (const answer of answers) ledger.report(answer(number), nowMs);
}

test("two quiet rounds with the linger between them prove a generation empty; one does not", () => {
  const ledger = drainingLedger(gateway("a"));
  round(ledger, 0, (n) => report("a", n));
  assert.equal(ledger.stateOf(1, 0).isEmpty, false);
  round(ledger, 499, (n) => report("a", n));
  assert.equal(ledger.stateOf(1, 499).waits[0]?.reason, "Counting");
  round(ledger, 500, (n) => report("a", n));
  assert.equal(ledger.stateOf(1, 500).isEmpty, true);
  assert.equal(ledger.roundToAsk(1000, 0), undefined);
});

test("a call that came and went between two rounds begins the counting again", () => {
  const ledger = drainingLedger(gateway("a"));
  round(ledger, 0, (n) => report("a", n));
  round(ledger, 600, (n) => report("a", n, { started: 6 }));
  assert.equal(ledger.stateOf(1, 600).isEmpty, false);
  round(ledger, 1200, (n) => report("a", n, { started: 6 }));
  assert.equal(ledger.stateOf(1, 1200).isEmpty, true);
});

test("a zero counted at a table that still stamps the generation does not count", () => {
  const ledger = drainingLedger(gateway("a"));
  round(ledger, 0, (n) => report("a", n, { version: 9 }));
  round(ledger, 600, (n) => report("a", n));
  assert.equal(ledger.stateOf(1, 600).isEmpty, false);
});

test("a gateway that is lost holds the generation, and the message says what a person can do", () => {
  const ledger = drainingLedger(gateway("a"), gateway("b", { isConnected: false, lostSinceMs: 3 }));
  round(ledger, 0, (n) => report("a", n));
  const { isEmpty, waits } = ledger.stateOf(1, 10_000);
  assert.equal(isEmpty, false);
  assert.equal(waits[0]?.reason, "GatewayLost");
  assert.match(waits[0]?.message ?? "", /orrery gateway forget b/);
  ledger.setGateways([gateway("a")], 10_000);
  round(ledger, 10_500, (n) => report("a", n));
  assert.equal(ledger.stateOf(1, 10_500).isEmpty, true);
});

test("a report of an earlier round, or of a former incarnation, does not answer a round", () => {
  const ledger = drainingLedger(gateway("a", { incarnation: 2, incarnationCounter: 0 }));
  const number = ledger.roundToAsk(0, 0) ?? 0;
  ledger.report(report("a", number - 1, { incarnation: 2 }), 0);
  ledger.report(report("a", number, { incarnation: 1 }), 0);
  assert.equal(ledger.roundToAsk(0, 0), number);
  ledger.report(report("a", number, { incarnation: 2 }), 0);
  assert.notEqual(ledger.roundToAsk(0, 0), number);
});

test("what a restarted gateway had in flight is unknown until the longest transaction is over", () => {
  const ledger = drainingLedger(gateway("a", { incarnation: 2, incarnationSinceMs: 0, unknownUntilMs: 60_000, incarnationCounter: 1 }));
  round(ledger, 0, (n) => report("a", n, { incarnation: 2 }));
  round(ledger, 600, (n) => report("a", n, { incarnation: 2 }));
  assert.equal(ledger.stateOf(1, 59_999).waits[0]?.reason, "FormerIncarnation");
  assert.equal(ledger.stateOf(1, 60_000).isEmpty, true);
});

test("an open call seen after the proof takes the proof back", () => {
  const ledger = drainingLedger(gateway("a"));
  round(ledger, 0, (n) => report("a", n));
  round(ledger, 500, (n) => report("a", n));
  ledger.report(report("a", 2, { open: 1, started: 6 }), 600);
  assert.equal(ledger.stateOf(1, 600).waits[0]?.reason, "TransactionsOpen");
});

test("a generation whose draining has not begun here says what it waits for, too", () => {
  const ledger = new DrainLedger();
  ledger.setGateways([gateway("a")], 0);
  const state = ledger.stateOf(7, 5);
  assert.equal(state.isEmpty, false);
  assert.deepEqual(
    state.waits.map((wait) => wait.reason),
    ["Counting"],
  );
});

test("an answer to a former leader's round is none to a new leader's", () => {
  const former = new DrainLedger(3);
  former.begin(1, at(1), 0);
  const old = former.roundToAsk(0, 0) ?? 0;
  const ledger = new DrainLedger(4);
  ledger.setGateways([gateway("a")], 0);
  ledger.setPolicy({ lingerMs: 0 });
  ledger.begin(1, at(1), 0);
  const asked = ledger.roundToAsk(0, 0) ?? 0;
  assert.ok(asked > old + 1000);
  for (let count = 0; count < 3; count++) ledger.report(report("a", old + 50), count);
  assert.equal(ledger.roundToAsk(10, 0), asked);
});

/** A ledger of one gateway in which `worker-0` may have work that no call shows. */
function busyLedger(): DrainLedger {
  const ledger = drainingLedger(gateway("a"));
  ledger.setBusyDeclared(() => [{ instance: "worker-0", service: "worker" }]);
  return ledger;
}

test("before no call is seen nobody is asked for work in the background", () => {
  const ledger = busyLedger();
  round(ledger, 0, (n) => report("a", n, { open: 1 }));
  assert.deepEqual(ledger.busyToAsk(0), []);
});

test("work that no call shows keeps a generation open until its instance says, between two rounds, that it is idle", () => {
  const ledger = busyLedger();
  round(ledger, 0, (n) => report("a", n));
  assert.deepEqual(ledger.busyToAsk(10), ["worker-0"]);
  assert.deepEqual(ledger.busyToAsk(20), []);
  ledger.busyAnswered("worker-0", { askedAtMs: 10, answeredAtMs: 30, state: "busy", message: "GET /busy answered 200" });
  round(ledger, 600, (n) => report("a", n));
  assert.equal(ledger.stateOf(1, 600).waits[0]?.reason, "Busy");
  assert.deepEqual(ledger.busyToAsk(600), ["worker-0"]);
  ledger.busyAnswered("worker-0", { askedAtMs: 600, answeredAtMs: 620, state: "idle", message: "" });
  assert.equal(ledger.stateOf(1, 620).isEmpty, false);
  round(ledger, 700, (n) => report("a", n));
  assert.equal(ledger.stateOf(1, 700).isEmpty, true);
});

test("an answer from before the calls were over proves nothing", () => {
  const ledger = busyLedger();
  round(ledger, 0, (n) => report("a", n));
  ledger.busyToAsk(10);
  ledger.busyAnswered("worker-0", { askedAtMs: 10, answeredAtMs: 20, state: "idle", message: "" });
  round(ledger, 600, (n) => report("a", n, { started: 9 }));
  round(ledger, 1200, (n) => report("a", n, { started: 9 }));
  assert.equal(ledger.stateOf(1, 1200).isEmpty, false);
  assert.deepEqual(ledger.busyToAsk(1200), ["worker-0"]);
});

test("an instance that cannot be asked is not idle", () => {
  const ledger = busyLedger();
  round(ledger, 0, (n) => report("a", n));
  ledger.busyToAsk(10);
  ledger.busyAnswered("worker-0", { askedAtMs: 10, answeredAtMs: 20, state: "unknown", message: "the agent of host h is not connected" });
  round(ledger, 900, (n) => report("a", n));
  assert.match(ledger.stateOf(1, 900).waits[0]?.message ?? "", /not known: the agent of host h is not connected/);
});

/** `open` calls of each service, beside the sums of all. */
function withServices(one: GatewayReport, services: Readonly<Record<string, { readonly open: number; readonly started: number }>>): GatewayReport {
  return { ...one, counts: one.counts.map((count) => ({ ...count, services })) };
}

test("calls that can reach a service are counted by themselves: a stream elsewhere does not hold it", () => {
  const ledger = drainingLedger(gateway("a"));
  ledger.setScopes(1, [{ name: "auth", services: new Set(["auth", "portal"]) }]);
  const counts = { news: { open: 1, started: 1 }, auth: { open: 0, started: 7 }, portal: { open: 0, started: 3 } };
  round(ledger, 0, (n) => withServices(report("a", n, { open: 1 }), counts));
  round(ledger, 500, (n) => withServices(report("a", n, { open: 1 }), { ...counts, news: { open: 1, started: 9 } }));
  assert.equal(ledger.stateOf(1, 500, "auth").isEmpty, true);
  assert.equal(ledger.stateOf(1, 500).isEmpty, false);
  ledger.report(withServices(report("a", 9, { open: 2 }), { ...counts, portal: { open: 1, started: 4 } }), 600);
  assert.equal(ledger.stateOf(1, 600, "auth").isEmpty, false);
});

test("a call that can reach the service and came and went between the rounds begins its counting again", () => {
  const ledger = drainingLedger(gateway("a"));
  ledger.setScopes(1, [{ name: "auth", services: new Set(["auth"]) }]);
  round(ledger, 0, (n) => withServices(report("a", n, { open: 1 }), { auth: { open: 0, started: 7 } }));
  round(ledger, 500, (n) => withServices(report("a", n, { open: 1 }), { auth: { open: 0, started: 8 } }));
  assert.equal(ledger.stateOf(1, 500, "auth").isEmpty, false);
});

test("a gateway that does not tell calls by service counts with all its calls, and an unknown part is the whole", () => {
  const ledger = drainingLedger(gateway("a"));
  ledger.setScopes(1, [{ name: "auth", services: new Set(["auth"]) }]);
  round(ledger, 0, (n) => report("a", n, { open: 1 }));
  round(ledger, 500, (n) => report("a", n, { open: 1 }));
  assert.equal(ledger.stateOf(1, 500, "auth").isEmpty, false);
  assert.equal(ledger.stateOf(1, 500, "other").isEmpty, false);
});

test("a gateway that is lost leaves every part unknown", () => {
  const ledger = drainingLedger(gateway("a"));
  ledger.setScopes(1, [{ name: "auth", services: new Set(["auth"]) }]);
  for (const nowMs of [0, 500]) round(ledger, nowMs, (n) => withServices(report("a", n, { open: 1 }), { auth: { open: 0, started: 7 } }));
  ledger.setGateways([gateway("a", { isConnected: false })], 600);
  assert.equal(ledger.stateOf(1, 600, "auth").waits[0]?.reason, "GatewayLost");
});

test("an instance that was made when no call was seen any more is not asked: it has nothing of before", () => {
  const ledger = drainingLedger(gateway("a"));
  ledger.setBusyDeclared(() => [{ instance: "worker-0", service: "worker", createdMs: 300 }]);
  round(ledger, 100, (n) => report("a", n));
  assert.deepEqual(ledger.busyToAsk(200), []);
  round(ledger, 700, (n) => report("a", n));
  assert.equal(ledger.stateOf(1, 700).isEmpty, true);
});

test("a wait for streams says when they are ended, and says the same while reports take their time; those that are never ended are told apart", () => {
  const ledger = drainingLedger(gateway("a"));
  const told = (streamEnds: NonNullable<GatewayReport["counts"][number]["streamEnds"]>, atMs: number): string => {
    const answer = report("a", 0, { open: 3 });
    ledger.report({ ...answer, counts: answer.counts.map((one) => ({ ...one, streamEnds })) }, atMs);
    const [wait] = ledger.stateOf(1, atMs).waits;
    assert.equal(wait?.reason, "TransactionsOpen");
    return wait?.message ?? "";
  };
  const first = told({ ended: 1, lastInMs: 30_000, waited: 1 }, 1000);
  assert.match(
    first,
    /^3 calls of generation 1 are open at gateway a, 2 of them streams .*: 1 is ended by 1970-01-01T00:00:31\.000Z at the latest, 1 ends only with the client or the instance \(drain\.streams: wait\), so close the client where it must not last; the others end by themselves$/,
  );
  assert.equal(told({ ended: 1, lastInMs: 29_000, waited: 1 }, 2180), first);
  assert.match(told({ ended: 3, lastInMs: 3000, waited: 0 }, 3000), /3 of them streams .*: 3 are ended by 1970-01-01T00:00:06\.000Z at the latest$/);
});

test("a connected gateway that does not answer a round is named, with the time since when, as soon as that lasts", () => {
  const ledger = drainingLedger(gateway("a"), gateway("b"), gateway("lost", { isConnected: false }));
  const number = ledger.roundToAsk(1000, 0) ?? 0;
  ledger.report(report("a", number), 1010);
  const reasons = (nowMs: number): string[] => ledger.stateOf(1, nowMs).waits.map((one) => `${one.reason} ${one.object} ${one.sinceMs}`);
  assert.deepEqual(reasons(1999), ["GatewayLost gateway/lost 0"]);
  assert.deepEqual(reasons(2000), ["GatewayLost gateway/lost 0", "GatewaySilent gateway/b 1000"]);
  assert.match(ledger.stateOf(1, 2000).waits[1]?.message ?? "", /has not answered the counting round that was asked at 1970-01-01T00:00:01\.000Z/);
  ledger.setGateways([gateway("a"), gateway("b")], 2000);
  // An answer of the incarnation before is none.
  ledger.report(report("b", number, { incarnation: 0 }), 2100);
  assert.deepEqual(reasons(2200), ["GatewaySilent gateway/b 1000"]);
  ledger.report(report("b", number), 2300);
  assert.deepEqual(reasons(2300), ["Counting generation/g1 0"]);
});

test("a gateway that counts at a table which may stamp the generation holds the counting up, and is named with what its disk says", () => {
  const full = gateway("a", { tableFailure: "ENOSPC: no space left on device, write" });
  const ledger = drainingLedger(full);
  round(ledger, 0, (n) => report("a", n, { version: 9 }));
  assert.deepEqual(
    ledger.stateOf(1, 900).waits.map((one) => one.reason),
    ["Counting"],
  );
  const [wait] = ledger.stateOf(1, 1000).waits;
  assert.deepEqual([wait?.reason, wait?.object], ["TableNotAcknowledged", "gateway/a"]);
  assert.match(wait?.message ?? "", /^gateway a cannot acknowledge a table that does not stamp generation 1 any more: its disk refuses .*ENOSPC/);
  ledger.setGateways([gateway("a")], 1100);
  round(ledger, 1100, (n) => report("a", n));
  assert.deepEqual(
    ledger.stateOf(1, 1100).waits.map((one) => one.reason),
    ["Counting"],
  );
});
