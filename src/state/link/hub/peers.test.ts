import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import { test } from "node:test";
import { ManualClock, silentLog } from "#/base/index.ts";
import { createLink } from "../peer.ts";
import { Hub } from "./hub.ts";
import { watchPeers } from "./peers.ts";

const agentUser = { name: "agent", groups: ["orrery:agents"] };

/** A host `one` whose agent is connected, and then says what the test says, as little as a stopped process does. */
async function start() {
  const clock = new ManualClock();
  const hub = new Hub({ clock, log: silentLog, version: "0.1.0", welcome: async () => ({ history: "h", epoch: 3 }) });
  hub.handle("agent", { notices: { "agent/report": () => {} } });
  const peers = watchPeers(hub, clock, silentLog);
  const gone = new Promise((resolve) => hub.onDisconnect(resolve));
  const [near, far] = duplexPair();
  // Its own clock stands still: it sends no pings.
  const link = createLink({ duplex: near, clock: new ManualClock(), log: silentLog });
  hub.accept(far, agentUser);
  await link.call("hello", { component: "agent", name: "one", host: "one", version: "0.1.0" });
  return { clock, hub, peers, link, gone };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("a host whose agent says nothing is unknown with its link, which is cut within 20 s: the silence before counts", async () => {
  const { clock, hub, peers, link } = await start();
  for (let passedMs = 0; passedMs < 20_000; passedMs += 1000) {
    clock.advance(1000);
    await settle();
  }
  assert.deepEqual([peers.isAgentConnected("one"), peers.isHostKnown("one"), peers.agentSeenMs("one")], [false, false, clock.now() - 20_000]);
  link.close("test over");
  await hub.close("test over");
});

test("a host whose agent was heard just before its link was cut is known for 15 s after what was heard", async () => {
  const { clock, hub, peers, link, gone } = await start();
  clock.advance(4000);
  link.notify("agent/report", {});
  await settle();
  clock.advance(5000);
  link.close("it starts again");
  await gone;
  assert.equal(peers.isAgentConnected("one"), false);
  clock.advance(9000);
  assert.equal(peers.isHostKnown("one"), true);
  clock.advance(1000);
  assert.equal(peers.isHostKnown("one"), false);
  await hub.close("test over");
});

test("one that hangs is told as silent after some seconds, and still as connected; that it is heard again, too", async () => {
  const { clock, hub, peers, link } = await start();
  const told: unknown[] = [];
  peers.listen((...who) => told.push(who));
  const startMs = clock.now();
  const pass = async (ms: number): Promise<void> => {
    for (let passedMs = 0; passedMs < ms; passedMs += 1000) {
      clock.advance(1000);
      await settle();
    }
  };
  await pass(5000);
  assert.deepEqual([peers.silentSinceMs("agent", "one"), told], [undefined, []]);
  await pass(3000);
  assert.deepEqual([peers.silentSinceMs("agent", "one"), told, peers.isAgentConnected("one")], [startMs, [["agent", "one"]], true]);
  assert.deepEqual([...peers.silent()], [["agent one", startMs]]);
  link.notify("agent/report", {});
  await settle();
  await pass(1000);
  assert.deepEqual([peers.silentSinceMs("agent", "one"), told.length], [undefined, 2]);
  await pass(20_000);
  assert.deepEqual([peers.silentSinceMs("agent", "one"), peers.isAgentConnected("one"), [...peers.silent()]], [undefined, false, []]);
  link.close("test over");
  await hub.close("test over");
});
