import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import { type TestContext, test } from "node:test";
import { type Clock, isOrreryError, ManualClock, OrreryError, silentLog, systemClock } from "#/base/index.ts";
import type { Link } from "../contract.ts";
import { createLink } from "../peer.ts";
import { Board } from "./board.ts";
import { Hub, type PeerHandlers } from "./hub.ts";

const agentUser = { name: "agent", groups: ["orrery:agents"] };
const hello = { component: "agent", name: "one", host: "one", version: "0.1.0" };

function start(t: TestContext, handlers: PeerHandlers = {}, clock: Clock = systemClock) {
  const hub = new Hub({ clock, log: silentLog, version: "0.1.0", welcome: async () => ({ history: "h", epoch: 3 }) });
  hub.handle("agent", handlers);
  t.after(() => hub.close("test over"));
  const dial = (user = agentUser): Link => {
    const [near, far] = duplexPair();
    hub.accept(far, user);
    const link = createLink({ duplex: near, clock, log: silentLog });
    t.after(() => link.close("test over"));
    return link;
  };
  return { hub, dial };
}

test("a hello is answered with history, epoch and version, and the peer is known from then on", async (t) => {
  const { hub, dial } = start(t);
  const connected: string[] = [];
  hub.onConnect((peer) => connected.push(peer.hello.name));
  assert.deepEqual(await dial().call("hello", hello), { history: "h", epoch: 3, version: "0.1.0" });
  assert.deepEqual(connected, ["one"]);
  assert.equal(hub.peer("agent", "one")?.hello.host, "one");
  assert.equal(hub.peers("agent").length, 1);
  assert.equal(hub.peers("gateway").length, 0);
});

for (const [what, said, reason] of [
  ["another component than its token's", { ...hello, component: "gateway" }, /token of gateway/],
  ["no component", { ...hello, component: "console" }, /component/],
  ["a version two releases apart", { ...hello, version: "0.3.0" }, /one release apart/],
  ["another major version", { ...hello, version: "1.1.0" }, /one release apart/],
  ["a name that is a path", { ...hello, name: "../one" }, /usable name/],
  ["nothing", null, /component/],
] as const) {
  test(`a hello with ${what} is refused with the reason`, async (t) => {
    const { hub, dial } = start(t);
    await assert.rejects(dial().call("hello", said), (error) => isOrreryError(error, "link/refused") && reason.test(error.message));
    assert.equal(hub.peers("agent").length, 0);
  });
}

test("a version one release apart is welcome", async (t) => {
  const { dial } = start(t);
  await dial().call("hello", { ...hello, version: "0.2.7" });
});

test("a centre that does not lead refuses", async (t) => {
  const hub = new Hub({
    clock: systemClock,
    log: silentLog,
    version: "0.1.0",
    welcome: async () => {
      throw new OrreryError("link/refused", "another centre leads", { retry: "backoff" });
    },
  });
  t.after(() => hub.close("test over"));
  const [near, far] = duplexPair();
  hub.accept(far, agentUser);
  const link = createLink({ duplex: near, clock: systemClock, log: silentLog });
  await assert.rejects(link.call("hello", hello), (error) => isOrreryError(error, "link/refused") && error.retry === "backoff");
});

test("nothing is served before hello, and everything with the peer's name after it", async (t) => {
  const heard = Promise.withResolvers<unknown>();
  const { dial } = start(t, {
    calls: { "who/am": async (_params, peer) => peer.hello.name },
    streams: {
      "who/list": async function* (_params, peer) {
        yield peer.hello.name;
      },
    },
    notices: { "agent/report": (params, peer) => heard.resolve([params, peer.hello.name]) },
  });
  const link = dial();
  await assert.rejects(link.call("who/am", null), (error) => isOrreryError(error, "link/refused"));
  await link.call("hello", hello);
  assert.equal(await link.call("who/am", null), "one");
  for await (const name of link.stream("who/list", null)) assert.equal(name, "one");
  link.notify("agent/report", { cpu: 1 });
  assert.deepEqual(await heard.promise, [{ cpu: 1 }, "one"]);
});

test("a second connection of a name replaces the first, which is told", async (t) => {
  const { hub, dial } = start(t);
  const lost: string[] = [];
  hub.onDisconnect((peer, reason) => lost.push(`${peer.hello.name}: ${reason}`));
  const first = dial();
  await first.call("hello", hello);
  const second = dial();
  await second.call("hello", hello);
  assert.match(await first.closed, /replaced/);
  assert.equal(lost.length, 1);
  assert.equal(hub.peers("agent").length, 1);
  const gone = new Promise((resolve) => hub.onDisconnect((_peer, reason) => resolve(reason)));
  second.close("going home");
  assert.equal(await gone, "going home");
  assert.equal(hub.peer("agent", "one"), undefined);
});

test("a link without a hello is closed after 10 s", async (t) => {
  const clock = new ManualClock();
  const { dial } = start(t, {}, clock);
  const link = dial();
  clock.advance(10_000);
  assert.match(await link.closed, /no hello/);
});

test("the board keeps the latest observation with time and observer, and tells its listeners", () => {
  const clock = new ManualClock(1_000);
  const board = new Board(clock);
  const seen: unknown[] = [];
  const stop = board.subscribe("load", (key, entry) => seen.push([key, entry?.value]));
  board.put("load", "one", 0.5, "agent one");
  clock.advance(5);
  board.put("load", "one", 0.7, "agent one");
  assert.deepEqual(board.get("load", "one"), { value: 0.7, observedAtMs: 1_005, by: "agent one" });
  board.drop("load", "one");
  board.drop("load", "one");
  stop();
  board.put("load", "two", 1, "agent two");
  assert.deepEqual(seen, [
    ["one", 0.5],
    ["one", 0.7],
    ["one", undefined],
  ]);
  assert.equal(board.get("load", "one"), undefined);
  assert.deepEqual([...board.list("load").keys()], ["two"]);
  assert.deepEqual(board.topics(), ["load"]);
  assert.equal(board.list("nothing").size, 0);
});

test("a topic never holds more than 20,000 entries: the oldest observation gives way, and its listeners hear it", () => {
  const board = new Board(new ManualClock());
  const dropped: string[] = [];
  board.subscribe("load", (key, entry) => entry === undefined && dropped.push(key));
  for (let index = 0; index < 20_000; index++) board.put("load", `key-${index}`, index, "test");
  board.put("load", "key-0", "fresh", "test");
  board.put("load", "one more", 1, "test");
  assert.equal(board.list("load").size, 20_000);
  assert.deepEqual(dropped, ["key-1"]);
});
