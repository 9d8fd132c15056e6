import assert from "node:assert/strict";
import { connect } from "node:net";
import test, { type TestContext } from "node:test";
import type { TableSketch } from "./feed/table-sketch.ts";
import { Rig } from "./rig.ts";

const HOLD = { to: 4, services: ["antenna"], since: "2026-01-01T00:00:00Z" };

/** Two services: `portal` may call the antenna's, `news` calls none. */
async function startRig(t: TestContext, holdMs = 5000): Promise<{ readonly rig: Rig; table(stamp: TableSketch["stamp"]): void }> {
  const rig = await Rig.start();
  t.after(() => rig.close());
  const ports = { portal: await rig.instance("portal-0"), news: await rig.instance("news-0"), antenna: await rig.instance("antenna-1") };
  const table = (stamp: TableSketch["stamp"]): void =>
    rig.table({
      site: { holdMs },
      generations: {
        3: { portal: "portal-v1", news: "news-v1", antenna: "antenna-v1" },
        4: { portal: "portal-v1", news: "news-v1", antenna: "antenna-v2" },
      },
      revisions: {
        "portal-v1": [{ instance: "portal-0", port: ports.portal }],
        "news-v1": [{ instance: "news-0", port: ports.news }],
        "antenna-v1": [],
        "antenna-v2": [{ instance: "antenna-1", port: ports.antenna }],
      },
      calls: { "portal-v1": ["antenna"], "news-v1": [] },
      services: { portal: { port: 1 }, news: { port: 2 }, antenna: { port: 3 } },
      routes: [
        { service: "portal", path: { prefix: "/" } },
        { service: "news", path: { prefix: "/news" } },
      ],
      ...(stamp === undefined ? {} : { stamp }),
    });
  return { rig, table };
}

function generationOf(answer: { readonly json: Record<string, unknown> }): number {
  const headers = answer.json["headers"] as Record<string, string>;
  return Number.parseInt((headers["x-b3-traceid"] ?? "").slice(4, 12), 16);
}

const heldNow = (rig: Rig): number =>
  rig.gateway.core.report({ position: { history: "h", epoch: 1, version: 1 }, round: 0, nowMs: 0, listenFailures: [] }).held.now;

async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("new transactions that can reach what is handed over wait, and get the new generation; others pass at once in it", async (t) => {
  const { rig, table } = await startRig(t);
  table({ generation: 3, hold: HOLD });
  const waiting = [rig.get("/"), rig.get("/")];
  await until(() => heldNow(rig) === 2);
  const news = await rig.get("/news");
  assert.equal(news.status, 200);
  assert.equal(generationOf(news), 4);
  assert.equal(heldNow(rig), 2);
  table({ generation: 4 });
  for (const answer of await Promise.all(waiting)) assert.deepEqual([answer.status, generationOf(answer)], [200, 4]);
  assert.equal(heldNow(rig), 0);
});

test("when the handover is given up, what waits goes on in the generation before", async (t) => {
  const { rig, table } = await startRig(t);
  table({ generation: 3, hold: HOLD });
  const waiting = rig.get("/");
  await until(() => heldNow(rig) === 1);
  table({ generation: 3 });
  assert.equal(generationOf(await waiting), 3);
});

test("a transaction that is held for too long is refused, with the reason and when to try again", async (t) => {
  const { rig, table } = await startRig(t, 50);
  table({ generation: 3, hold: HOLD });
  const answer = await rig.get("/");
  assert.equal(answer.status, 503);
  assert.equal(answer.json["code"], "gateway/held");
  assert.match(String(answer.json["detail"]), /antenna is being handed over .* longer than 50 ms: try again/);
  assert.equal(answer.headers["retry-after"], "1");
});

test("a client that leaves while it is held begins no transaction", async (t) => {
  const { rig, table } = await startRig(t);
  table({ generation: 3, hold: HOLD });
  const socket = connect(rig.edgePort, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await until(() => heldNow(rig) === 1);
  socket.destroy();
  await new Promise((resolve) => socket.once("close", resolve));
  // Until the gateway has seen it, too.
  await new Promise((resolve) => setTimeout(resolve, 50));
  table({ generation: 4 });
  await until(() => heldNow(rig) === 0);
  const { counts } = rig.gateway.core.report({ position: { history: "h", epoch: 1, version: 1 }, round: 0, nowMs: 0, listenFailures: [] });
  assert.equal(
    counts.reduce((sum, one) => sum + one.begun, 0),
    0,
  );
});

test("a gateway that stops does not go on holding", async (t) => {
  const rig = await Rig.start();
  t.after(() => rig.close());
  const port = await rig.instance("portal-0");
  rig.table({
    generations: { 3: { portal: "portal-v1" }, 4: { portal: "portal-v2" } },
    revisions: { "portal-v1": [{ instance: "portal-0", port }], "portal-v2": [] },
    services: { portal: { port: 1 } },
    routes: [{ service: "portal", path: { prefix: "/" } }],
    stamp: { generation: 3, hold: { to: 4, services: ["portal"], since: "2026-01-01T00:00:00Z" } },
  });
  const waiting = rig.get("/");
  await until(() => heldNow(rig) === 1);
  const stopped = rig.gateway.stop({ graceMs: 2000 });
  assert.equal((await waiting).status, 503);
  await stopped;
});
