import assert from "node:assert/strict";
import { request, type ServerResponse } from "node:http";
import test, { type TestContext } from "node:test";
import type { TableSketch } from "./feed/table-sketch.ts";
import { type Echo, Rig, signalOf } from "./rig.ts";

function site(port: number, more: Partial<TableSketch> = {}): TableSketch {
  return {
    generations: { 1: { portal: "portal-v1" } },
    revisions: { "portal-v1": [{ instance: "portal", port }] },
    services: { portal: { port: 1 } },
    routes: [{ service: "portal" }],
    ...more,
  };
}

async function rigOf(t: TestContext, more: Partial<TableSketch>, handler?: Parameters<Rig["instance"]>[1]): Promise<Rig> {
  const rig = await Rig.start();
  t.after(() => rig.close());
  rig.table(site(await rig.instance("portal", handler), more));
  return rig;
}

test("what a trusted proxy says of the client reaches the instance, the log, and the key of a ramp; from others it does not", async (t) => {
  const rig = await rigOf(t, { site: { edge: { trustedProxies: ["127.0.0.0/8"] } } });
  const said = { "x-forwarded-for": "198.51.100.2", "x-forwarded-proto": "https", "x-forwarded-host": "www.example.org" };
  const { headers } = (await rig.get("/a", { headers: said })).json as unknown as Echo;
  assert.equal(headers["x-forwarded-for"], "198.51.100.2, 127.0.0.1");
  assert.equal(headers["x-forwarded-proto"], "https");
  assert.equal(headers["x-forwarded-host"], "www.example.org");
  assert.equal(headers["forwarded"], "for=198.51.100.2;host=www.example.org;proto=https, for=127.0.0.1");
  const port = Number(rig.gateway.core.table.revision("portal-v1")?.endpoints[0]?.ports["http"]);
  rig.table({
    ...site(port),
    generations: { 1: { portal: "portal-v1" }, 2: { portal: "portal-v1" } },
    stamp: { generation: 1, ramp: { to: 2, share: 0.5, key: "client" } },
    site: { edge: { trustedProxies: ["127.0.0.0/8"] } },
  });
  const generations = new Map<string, Set<string>>();
  for (let index = 0; index < 60; index++) {
    const client = `198.51.100.${index % 20}`;
    const echo = (await rig.get("/b", { headers: { "x-forwarded-for": client } })).json as unknown as Echo;
    const seen = generations.get(client) ?? new Set();
    generations.set(client, seen.add(echo.headers["x-orrery-generation"]?.split("-")[0] ?? ""));
  }
  assert.ok([...generations.values()].every((seen) => seen.size === 1));
  assert.equal(new Set([...generations.values()].flatMap((seen) => [...seen])).size, 2);
  rig.table(site(port));
  const other = (await rig.get("/c", { headers: said })).json as unknown as Echo;
  assert.deepEqual([other.headers["x-forwarded-for"], other.headers["x-forwarded-proto"]], ["127.0.0.1", "http"]);
  await rig.gateway.stop();
  const clients = rig.accessLines().map((line) => [line["path"], line["client"]]);
  assert.deepEqual(clients[0], ["/a", "198.51.100.2"]);
  assert.deepEqual(clients.at(-1), ["/c", "127.0.0.1"]);
});

test("an answer may outlast the longest transaction if its media type, in any case, is named by its service or Route", async (t) => {
  const open = new Set<ServerResponse>();
  const rig = await rigOf(
    t,
    {
      services: { portal: { port: 1, streams: ["application/x-ndjson", "multipart/*", "application/grpc-web+proto"] } },
      routes: [{ service: "portal" }, { service: "portal", path: { prefix: "/all" }, streams: ["*"] }],
      site: { maxTransactionMs: 150 },
    },
    (req, res) => {
      const type = new URL(req.url ?? "", "http://a").searchParams.get("type");
      res.writeHead(200, type === null ? {} : { "content-type": type });
      res.write("x");
      open.add(res);
    },
  );
  t.after(() => {
    for (const res of open) res.destroy();
  });
  /** Whether the answer is still open when the longest transaction is long over. */
  const outlasts = async (path: string): Promise<boolean> => {
    const ended = signalOf<boolean>();
    const outgoing = request({ host: "127.0.0.1", port: rig.edgePort, path, agent: false }, (res) => {
      res.resume();
      res.on("error", () => {});
      res.on("close", () => ended.resolve(false));
      setTimeout(() => ended.resolve(true), 600);
    });
    outgoing.on("error", () => ended.resolve(false));
    outgoing.end();
    const answer = await ended.promise;
    outgoing.destroy();
    return answer;
  };
  const cases: readonly (readonly [string, boolean])[] = [
    ["/?type=text/event-stream", true],
    ["/?type=Text/Event-Stream;%20charset=utf-8", true],
    ["/?type=APPLICATION/X-NDJSON", true],
    ["/?type=application/x-ndjson%3Bcharset=utf-8", true],
    ["/?type=multipart/x-mixed-replace;boundary=x", true],
    ["/?type=application/grpc-web%2Bproto", true],
    ["/?type=text/event-streams", false],
    ["/?type=application/json", false],
    ["/?type=multipartx/a", false],
    ["/", false],
    ["/all?type=application/octet-stream", true],
    ["/all", true],
  ];
  assert.deepEqual(await Promise.all(cases.map(async ([path]) => [path, await outlasts(path)])), cases);
});

test("bounds that the Site sets are in force with its table", async (t) => {
  const held = signalOf<ServerResponse>();
  const rig = await rigOf(t, { site: { limits: { requestHeadBytes: 4096, openRequests: 1 } } }, (req, res) => {
    if (req.url === "/held") held.resolve(res);
    else res.end("x");
  });
  const long = { "x-long": "v".repeat(6000) };
  assert.equal((await rig.get("/", { headers: long })).status, 431);
  const first = rig.get("/held");
  const answer = await held.promise;
  const second = await rig.get("/");
  assert.deepEqual([second.status, second.json["code"]], [503, "gateway/overloaded"]);
  answer.end("x");
  await first;
  const port = Number(rig.gateway.core.table.revision("portal-v1")?.endpoints[0]?.ports["http"]);
  rig.table(site(port));
  assert.equal((await rig.get("/", { headers: long })).status, 200);
  rig.table(site(port, { site: { limits: { requestHeadBytes: 65_536 } } }));
  assert.notEqual((await rig.get("/", { headers: { "x-long": "v".repeat(20_000) } })).json["code"], "gateway/bad-request");
});

test("transactions beyond those that may be held are refused at once", async (t) => {
  const rig = await rigOf(t, {
    generations: { 1: { portal: "portal-v1" }, 2: { portal: "portal-v1" } },
    stamp: { generation: 1, hold: { to: 2, services: ["portal"], since: "2026-01-01T00:00:00Z" } },
    site: { holdMs: 300, limits: { heldTransactions: 2 } },
  });
  const answers = await Promise.all([1, 2, 3].map(() => rig.get("/")));
  assert.deepEqual(answers.map((one) => one.json["code"]).sort(), ["gateway/held", "gateway/held", "gateway/overloaded"]);
});
