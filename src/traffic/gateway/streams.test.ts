import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import test, { describe, type TestContext } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import type { GenerationCount } from "#/traffic/routing/index.ts";
import type { TableSketch } from "./feed/table-sketch.ts";
import { callerAddress, freePort, Rig, sendRaw } from "./rig.ts";

async function rigOf(t: TestContext): Promise<Rig> {
  const rig = await Rig.start();
  t.after(() => rig.close());
  return rig;
}

/** An instance that echoes messages; `path` /no is refused with 401. */
async function echoSockets(t: TestContext): Promise<number> {
  const server = createServer((_req, res) => res.end("plain"));
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (req, socket, head) => {
    if (req.url === "/no") return void socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\nX-Why: token\r\n\r\nno!");
    sockets.handleUpgrade(req, socket, head, (one) => {
      one.send(
        JSON.stringify({
          traceparent: req.headers.traceparent,
          generation: req.headers["x-orrery-generation"],
          forwarded: req.headers["x-forwarded-for"],
        }),
      );
      one.on("message", (data, isBinary) => one.send(data, { binary: isBinary }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    for (const one of sockets.clients) one.terminate();
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

function site(port: number, more: Partial<TableSketch> = {}): TableSketch {
  return {
    generations: { 3: { portal: "portal-v1" } },
    revisions: { "portal-v1": [{ instance: "portal-0", port }] },
    services: { portal: { port: 1 } },
    routes: [{ service: "portal", path: { prefix: "/" } }],
    ...more,
  };
}

function countOf(rig: Rig): GenerationCount | undefined {
  return rig.feed.reports.at(-1)?.counts[0];
}

test("a WebSocket is relayed both ways, is a stream of its generation while it lasts, and ends with either side", async (t) => {
  const rig = await rigOf(t);
  rig.table(site(await echoSockets(t), { site: { maxTransactionMs: 300 } }));
  const socket = new WebSocket(`ws://127.0.0.1:${rig.edgePort}/live`);
  const [first] = await once(socket, "message");
  const seen = JSON.parse(String(first)) as Record<string, string>;
  assert.match(seen["traceparent"] ?? "", /^00-6f7200000003/);
  assert.match(seen["generation"] ?? "", /^3-/);
  assert.equal(seen["forwarded"], "127.0.0.1");
  const big = "x".repeat(300_000);
  for (const text of ["one", big]) {
    socket.send(text);
    const [answer] = await once(socket, "message");
    assert.equal(String(answer), text);
  }
  await rig.feed.until(() => countOf(rig)?.streams === 1 && countOf(rig)?.edge === 1 && countOf(rig)?.inbound === 1);
  // Longer than the longest transaction: a stream is none.
  await new Promise((resolve) => setTimeout(resolve, 500));
  socket.send("still there");
  const [still] = await once(socket, "message");
  assert.equal(String(still), "still there");
  socket.close(1000);
  await rig.feed.until(() => countOf(rig)?.streams === 0 && countOf(rig)?.edge === 0 && countOf(rig)?.inbound === 0);
  await rig.gateway.stop({ graceMs: 0 });
  const line = rig.accessLines().at(-1);
  assert.deepEqual([line?.["status"], line?.["instance"], line?.["path"]], [101, "portal-0", "/live"]);
});

test("an instance has as many streams as it may have, whatever their kind: one more WebSocket is told so, one more TCP connection is reset", async (t) => {
  const rig = await rigOf(t);
  const port = await echoSockets(t);
  const line = await rig.tcpInstance((socket) => socket.pipe(socket));
  const [first, second] = [await freePort(), await freePort()];
  const sketch = site(port, {
    revisions: { "portal-v1": [{ instance: "portal-0", ports: { http: port, line } }] },
    services: {
      portal: {
        port: 1,
        ports: [
          { name: "http", protocol: "http" },
          { name: "line", protocol: "tcp" },
        ],
        concurrentStreams: 2,
      },
    },
    routes: [
      { service: "portal", path: { prefix: "/" } },
      { service: "portal", port: "line", tcp: { address: "127.0.0.1", port: first } },
      { service: "portal", port: "line", tcp: { address: "127.0.0.1", port: second } },
    ],
  });
  rig.table(sketch);
  const socket = new WebSocket(`ws://127.0.0.1:${rig.edgePort}/live`);
  await once(socket, "message");
  const tunnel = await dial(first);
  tunnel.write("one");
  assert.equal(String((await once(tunnel, "data"))[0]), "one");
  await assert.rejects(tcpCall(second, "x"), { code: "ECONNRESET" });
  const refused = new WebSocket(`ws://127.0.0.1:${rig.edgePort}/live`);
  const [, answer] = (await once(refused, "unexpected-response")) as [unknown, { readonly statusCode: number }];
  assert.equal(answer.statusCode, 503);
  refused.on("error", () => undefined).terminate();
  assert.equal((await rig.get("/plain")).status, 200);
  tunnel.destroy();
  await rig.feed.until(() => countOf(rig)?.streams === 1);
  const next = new WebSocket(`ws://127.0.0.1:${rig.edgePort}/live`);
  await once(next, "message");
  for (const one of [socket, next]) one.terminate();
});

for (const [what, restMs, expected] of [
  ["after the message that is being sent", 300, [["helloworld"], 1012]],
  ["without it if the instance does not finish a message within a second", undefined, [[], 1006]],
] as const)
  test(`a WebSocket whose time is over is closed with 1012 ${what}`, async (t) => {
    const rig = await rigOf(t);
    const server = createServer();
    const sockets = new WebSocketServer({ noServer: true });
    let sendRest = (): unknown => assert.fail("it was asked for nothing");
    server.on("upgrade", (request, raw, head) => {
      sockets.handleUpgrade(request, raw, head, () => {
        raw.write(Buffer.from([0x81, 10, ...Buffer.from("hello")]));
        sendRest = () => raw.write(Buffer.concat([Buffer.from("world"), Buffer.from([0x81, 4]), Buffer.from("late")]));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      for (const one of sockets.clients) one.terminate();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    rig.table(site(port, { streamsEndAfterMs: 100 }));
    const socket = new WebSocket(`ws://127.0.0.1:${rig.edgePort}/live`);
    const messages: string[] = [];
    socket.on("message", (data) => messages.push(String(data)));
    await once(socket, "open");
    const revisions = { "portal-v1": [{ instance: "portal-0", port }], "portal-v2": [{ instance: "portal-1", port }] };
    rig.table(site(port, { streamsEndAfterMs: 100, revisions, generations: { 3: { portal: "portal-v1" }, 4: { portal: "portal-v2" } } }));
    const closed = once(socket, "close");
    // From here on the stream's time is running.
    await rig.feed.until(() => rig.feed.acknowledged.length === 2);
    if (restMs !== undefined) setTimeout(sendRest, restMs);
    assert.deepEqual([messages, (await closed)[0]], expected);
    await rig.feed.until(() => rig.feed.reports.at(-1)?.counts.find((one) => one.generation === 3)?.edge === 0);
  });

// They wait for what is to come, or not to come, in its time: beside each other.
describe("streams that are to end", { concurrency: true }, () => {
  test("a WebSocket of a generation that drains is closed with 1012 after the time that its revision gives, one of the stamped generation goes on", async (t) => {
    const rig = await rigOf(t);
    const port = await echoSockets(t);
    rig.table(site(port, { streamsEndAfterMs: 100 }));
    const old = new WebSocket(`ws://127.0.0.1:${rig.edgePort}/live`);
    await once(old, "message");
    const revisions = { "portal-v1": [{ instance: "portal-0", port }], "portal-v2": [{ instance: "portal-1", port }] };
    rig.table(site(port, { streamsEndAfterMs: 100, revisions, generations: { 3: { portal: "portal-v1" }, 4: { portal: "portal-v2" } } }));
    const fresh = new WebSocket(`ws://127.0.0.1:${rig.edgePort}/live`);
    const [[code]] = await Promise.all([once(old, "close"), once(fresh, "message")]);
    assert.equal(code, 1012);
    await rig.feed.until(() => rig.feed.reports.at(-1)?.counts.find((one) => one.generation === 3)?.edge === 0);
    fresh.send("still there");
    const [answer] = await once(fresh, "message");
    assert.equal(String(answer), "still there");
    fresh.terminate();
  });

  for (const [what, ownMs, streamEnds] of [
    ["is closed with 1012 as the update says though its revision says to wait", undefined, { before: 4, afterMs: 100 }],
    ["goes on as the update says though its revision says to end it", 100, { before: 4 }],
  ] as const)
    test(`a WebSocket of a generation that an update drains ${what}`, async (t) => {
      const rig = await rigOf(t);
      const port = await echoSockets(t);
      const own = ownMs === undefined ? {} : { streamsEndAfterMs: ownMs };
      rig.table(site(port, own));
      const socket = new WebSocket(`ws://127.0.0.1:${rig.edgePort}/live`);
      await once(socket, "message");
      rig.table(
        site(port, {
          ...own,
          revisions: { "portal-v1": [{ instance: "portal-0", port }], "portal-v2": [{ instance: "portal-1", port }] },
          generations: { 3: { portal: "portal-v1" }, 4: { portal: "portal-v2" } },
          services: { portal: { port: 1, streamEnds } },
        }),
      );
      if ("afterMs" in streamEnds) return assert.equal((await once(socket, "close"))[0], 1012);
      await rig.feed.until(() => rig.feed.reports.at(-1)?.counts.find((one) => one.generation === 3)?.streamEnds?.waited === 1);
      await new Promise((resolve) => setTimeout(resolve, 300));
      socket.send("still there");
      assert.equal(String((await once(socket, "message"))[0]), "still there");
      socket.terminate();
    });

  for (const [what, streamEnds, leastMs] of [
    ["after the time that its revision gives", undefined, 100],
    ["as the update says that replaces it", { before: 4, afterMs: 0 }, 0],
  ] as const)
    test(`a WebSocket of the stamped generation is closed with 1012 where its instance is to be stopped, ${what}; those of other instances go on`, async (t) => {
      const rig = await rigOf(t);
      const ports = [await echoSockets(t), await echoSockets(t)];
      const sketch = (isLeaving: boolean): TableSketch =>
        site(0, {
          streamsEndAfterMs: leastMs === 0 ? 60_000 : leastMs,
          revisions: {
            "portal-v1": ports.map((port, index) => ({
              instance: `portal-${index}`,
              port,
              ...(isLeaving && index === 0 ? { ready: false, isLeaving } : {}),
            })),
          },
          services: { portal: { port: 1, ...(isLeaving && streamEnds !== undefined ? { streamEnds } : {}) } },
        });
      rig.table(sketch(false));
      const sockets = [0, 1].map(() => new WebSocket(`ws://127.0.0.1:${rig.edgePort}/live`));
      await Promise.all(sockets.map((one) => once(one, "message")));
      const begunMs = performance.now();
      rig.table(sketch(true));
      const ended = sockets.map((one) => once(one, "close").then(([code]) => ({ one, code: code as number })));
      const { one: cut, code } = await Promise.race(ended);
      assert.equal(code, 1012);
      assert.ok(performance.now() - begunMs >= leastMs);
      const [other] = sockets.filter((one) => one !== cut);
      await new Promise((resolve) => setTimeout(resolve, 300));
      other?.send("still there");
      assert.equal(String((await once(other as WebSocket, "message"))[0]), "still there");
      assert.equal(rig.feed.reports.at(-1)?.counts[0]?.streams, 1);
      other?.terminate();
    });

  test("Server-Sent Events of a generation that drains end properly after the time that their revision gives: no error, and the client may ask again", async (t) => {
    const rig = await rigOf(t);
    const port = await rig.instance("portal-0", (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write("data: begun\n\n");
    });
    const revisions = { "portal-v1": [{ instance: "portal-0", port }], "portal-v2": [{ instance: "portal-1", port }] };
    rig.table(site(port, { streamsEndAfterMs: 100 }));
    const stream = await fetch(`http://127.0.0.1:${rig.edgePort}/events`);
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    assert.match(Buffer.from((await reader.read()).value ?? []).toString(), /begun/);
    await rig.feed.until(() => countOf(rig)?.streams === 1);
    rig.table(site(port, { streamsEndAfterMs: 100, revisions, generations: { 3: { portal: "portal-v1" }, 4: { portal: "portal-v2" } } }));
    assert.equal((await reader.read()).done, true);
    await rig.feed.until(() => rig.feed.reports.at(-1)?.counts.find((one) => one.generation === 3)?.edge === 0);
    await rig.gateway.stop({ graceMs: 0 });
    const line = rig.accessLines().find((one) => one["path"] === "/events");
    assert.deepEqual([line?.["status"], line?.["error"]], [200, "stream ended"]);
    const windows = rig.feed.reports.flatMap((one) => one.windows).filter((one) => one.generation === 3);
    assert.equal(
      windows.reduce((sum, one) => sum + one.errors, 0),
      0,
    );
  });

  for (const streamsEndAfterMs of [100, undefined]) {
    const ends = streamsEndAfterMs === undefined ? "goes on where it is waited for" : "ends after the time that its revision gives";
    test(`a TCP connection of a generation that drains ${ends}`, async (t) => {
      const rig = await rigOf(t);
      const port = await freePort();
      const line = await rig.tcpInstance((socket) => socket.pipe(socket));
      const sketch: TableSketch = site(0, {
        revisions: { "portal-v1": [{ instance: "portal-0", ports: { line } }], "portal-v2": [{ instance: "portal-1", ports: { line } }] },
        services: { portal: { port: 1, ports: [{ name: "line", protocol: "tcp" }] } },
        routes: [{ service: "portal", tcp: { address: "127.0.0.1", port } }],
        ...(streamsEndAfterMs === undefined ? {} : { streamsEndAfterMs }),
      });
      rig.table(sketch);
      const socket = connect(port, "127.0.0.1");
      t.after(() => socket.destroy());
      const ping = async (): Promise<void> => {
        socket.write("ping");
        await once(socket, "data");
      };
      await ping();
      rig.table({ ...sketch, generations: { 3: { portal: "portal-v1" }, 4: { portal: "portal-v2" } } });
      if (streamsEndAfterMs === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 400));
        return await ping();
      }
      await once(socket, "close");
      await rig.feed.until(() => rig.feed.reports.at(-1)?.counts.find((one) => one.generation === 3)?.edge === 0);
    });
  }

  for (const kind of ["TCP connection", "WebSocket", "WebSocket in the middle of a message"] as const)
    test(`a ${kind} of a generation that drains ends in its time also if the client does not read`, async (t) => {
      const isWebSocket = kind !== "TCP connection";
      const rig = await rigOf(t);
      const port = await freePort();
      const flood = await rig.tcpInstance((socket) => {
        if (isWebSocket) socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        // A message of a terabyte; else many of no length.
        if (kind === "WebSocket in the middle of a message") socket.write(Buffer.from([0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0]));
        const more = (): void => {
          while (!socket.destroyed && socket.write(Buffer.alloc(65_536)));
        };
        socket.on("drain", more);
        more();
      });
      const sketch: TableSketch = site(flood, {
        revisions: { "portal-v1": [{ instance: "portal-0", port: flood, ports: { line: flood } }], "portal-v2": [] },
        services: { portal: { port: 1, ports: [{ name: "line", protocol: "tcp" }] } },
        routes: [
          { service: "portal", path: { prefix: "/" } },
          { service: "portal", tcp: { address: "127.0.0.1", port } },
        ],
        streamsEndAfterMs: 100,
      });
      rig.table(sketch);
      const socket = await dial(isWebSocket ? rig.edgePort : port);
      t.after(() => socket.destroy());
      socket.pause();
      if (isWebSocket) socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
      await rig.feed.until(() => countOf(rig)?.streams === 1);
      // Until no buffer on the way takes any more.
      await new Promise((resolve) => setTimeout(resolve, 500));
      rig.table({ ...sketch, generations: { 3: { portal: "portal-v1" }, 4: { portal: "portal-v2" } } });
      await rig.feed.until(() => rig.feed.reports.at(-1)?.counts.find((one) => one.generation === 3)?.edge === 0);
    });
});

/** A connection to a port on which somebody listens soon. */
async function dial(port: number): Promise<Socket> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const isThere = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    if (isThere) return socket;
  }
}

test("an instance that refuses an upgrade is heard", async (t) => {
  const rig = await rigOf(t);
  rig.table(site(await echoSockets(t)));
  const answer = await sendRaw(rig.edgePort, "GET /no HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  assert.match(answer, /^HTTP\/1.1 401 [\s\S]*x-why: token[\s\S]*\r\n\r\nno!$/i);
  assert.equal(rig.gateway.core.open, 0);
});

test("an upgrade without an instance, or to a dead one, gets the gateway's answer", async (t) => {
  const rig = await rigOf(t);
  rig.table(site(0, { revisions: { "portal-v1": [] } }));
  const text = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  assert.match(await sendRaw(rig.edgePort, text), /^HTTP\/1.1 503 [\s\S]*gateway\/no-instance/);
  rig.table(site(await freePort()));
  assert.match(await sendRaw(rig.edgePort, text), /^HTTP\/1.1 502 [\s\S]*gateway\/connect/);
});

test("an upgrade to HTTP/2 is not spoken: the request is served as it is", async (t) => {
  const rig = await rigOf(t);
  rig.table(site(await echoSockets(t)));
  const answer = await sendRaw(
    rig.edgePort,
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    { isEnough: (one) => one.includes("plain") },
  );
  assert.match(answer, /^HTTP\/1.1 200 [\s\S]*plain$/);
});

test("a WebSocket between services goes to the generation's revision", async (t) => {
  const rig = await rigOf(t);
  const servicePort = await freePort();
  const caller = callerAddress();
  rig.table(
    site(await echoSockets(t), {
      generations: { 3: { portal: "portal-v1", feed: "feed-v1" } },
      revisions: { "portal-v1": [{ instance: "portal-0", port: await echoSockets(t) }], "feed-v1": [{ instance: "feed-0", port: 1, caller }] },
      services: { portal: { port: servicePort } },
    }),
  );
  const socket = await retried(() => new WebSocket(`ws://${caller}:${servicePort}/live`));
  socket.send("hello");
  const [answer] = await once(socket, "message");
  assert.equal(String(answer), "hello");
  await rig.feed.until(() => countOf(rig)?.outbound === 1 && countOf(rig)?.inbound === 1);
  socket.terminate();
  await rig.feed.until(() => countOf(rig)?.outbound === 0);
});

/** Until the listener that the table wants is there. */
async function retried(open: () => WebSocket): Promise<WebSocket> {
  for (;;) {
    const socket = open();
    const how = await Promise.race([once(socket, "message").then(() => true), once(socket, "error").then(() => false)]);
    if (how) return socket;
  }
}

test("a TCP route relays bytes both ways, half-closed too, and tries the next instance where one is dead", async (t) => {
  const rig = await rigOf(t);
  const port = await freePort();
  const alive = await rig.tcpInstance((socket) => {
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.on("end", () => socket.end(`got ${text}`));
  });
  rig.table(
    site(0, {
      revisions: {
        "portal-v1": [
          { instance: "portal-0", ports: { line: await freePort() } },
          { instance: "portal-1", ports: { line: alive } },
        ],
      },
      services: { portal: { port: 1, ports: [{ name: "line", protocol: "tcp" }] } },
      routes: [{ service: "portal", tcp: { address: "127.0.0.1", port } }],
    }),
  );
  for (let index = 0; index < 3; index++) assert.equal(await tcpCall(port, `frame ${index}`), `got frame ${index}`);
  await rig.feed.until(() => countOf(rig)?.begun === 3 && countOf(rig)?.edge === 0 && countOf(rig)?.streams === 0);
  await rig.gateway.stop({ graceMs: 0 });
  const line = rig.accessLines().at(-1);
  assert.deepEqual([line?.["method"], line?.["instance"], line?.["bytesIn"], line?.["bytesOut"]], ["TCP", "portal-1", 7, 11]);
});

function tcpCall(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const dial = (): void => {
      const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true }, () => socket.end(text));
      socket.on("data", (chunk: Buffer) => {
        answer += chunk.toString();
      });
      socket.on("end", () => resolve(answer));
      socket.on("error", (error: NodeJS.ErrnoException) => (error.code === "ECONNREFUSED" ? dial() : reject(error)));
    };
    dial();
  });
}

test("a TCP connection without a ready instance is reset", async (t) => {
  const rig = await rigOf(t);
  const port = await freePort();
  rig.table(site(0, { revisions: { "portal-v1": [] }, routes: [{ service: "portal", tcp: { address: "127.0.0.1", port } }] }));
  await assert.rejects(tcpCall(port, "x"), { code: "ECONNRESET" });
});

test("a TCP service is reached on the caller's own address", async (t) => {
  const rig = await rigOf(t);
  const servicePort = await freePort();
  const caller = callerAddress();
  const port = await rig.tcpInstance((socket) => socket.pipe(socket));
  rig.table(
    site(0, {
      generations: { 3: { portal: "portal-v1", line: "line-v1" } },
      revisions: { "portal-v1": [{ instance: "portal-0", port: 1, caller }], "line-v1": [{ instance: "line-0", ports: { tcp: port } }] },
      services: { line: { port: servicePort, ports: [{ name: "tcp", protocol: "tcp" }] } },
    }),
  );
  assert.equal(await tcpCallFrom(caller, servicePort, "ping"), "ping");
  await rig.feed.until(() => rig.feed.reports.flatMap((one) => one.unlabelled).some((one) => one.service === "portal"));
});

test("a TCP connection is told apart from calls that could carry a context, and is no labelled call of the service that it reaches", async (t) => {
  const rig = await rigOf(t);
  const [portalPort, linePort] = [await freePort(), await freePort()];
  const [portal, line] = [callerAddress(), callerAddress()];
  const tcp = await rig.tcpInstance((socket) => socket.pipe(socket));
  const http = await rig.instance("portal-0", (_req, res) => void res.end("page"));
  rig.table(
    site(0, {
      generations: { 3: { portal: "portal-v1", line: "line-v1" } },
      revisions: {
        "portal-v1": [{ instance: "portal-0", port: http, caller: portal }],
        "line-v1": [{ instance: "line-0", ports: { tcp }, caller: line }],
      },
      services: { portal: { port: portalPort }, line: { port: linePort, ports: [{ name: "tcp", protocol: "tcp" }] } },
    }),
  );
  assert.equal(await (await fetch(`http://127.0.0.1:${rig.edgePort}/`)).text(), "page");
  assert.equal(await tcpCallFrom(portal, linePort, "ping"), "ping");
  assert.equal(await (await fetch(`http://${line}:${portalPort}/`)).text(), "page");
  const rows = (service: string) => rig.feed.reports.flatMap((one) => one.unlabelled).filter((one) => one.service === service);
  await rig.feed.until(() => rows("portal").length > 0 && rows("line").length > 0);
  assert.ok(rows("portal").every((one) => one.isTcp === true));
  assert.ok(rows("line").every((one) => one.isTcp === undefined && one.labelledIn === 0));
});

test("where unlabelled calls are rejected a TCP connection of a known caller belongs to its own revision's generation, one of an unknown caller is reset", async (t) => {
  const rig = await rigOf(t);
  const servicePort = await freePort();
  const caller = callerAddress();
  const ports = await Promise.all(["v1", "v2"].map((version) => rig.tcpInstance((socket) => void socket.end(version))));
  const lines = ports.map((tcp, index) => [`line-v${index + 1}`, [{ instance: `line-${index}`, ports: { tcp: tcp ?? 0 } }]] as const);
  rig.table(
    site(0, {
      site: { unlabelled: "reject" },
      generations: { 3: { portal: "portal-v1", line: "line-v1" }, 4: { portal: "portal-v2", line: "line-v2" } },
      revisions: { "portal-v1": [{ instance: "portal-0", port: 1, caller }], "portal-v2": [], ...Object.fromEntries(lines) },
      services: { line: { port: servicePort, ports: [{ name: "tcp", protocol: "tcp" }] } },
    }),
  );
  let answer = "";
  while (answer === "") answer = await sendRaw(servicePort, "x", { host: caller, isEnough: (one) => one.length === 2 });
  assert.equal(answer, "v1");
  await assert.rejects(tcpCall(servicePort, "x"), { code: "ECONNRESET" });
  const reported = () => rig.feed.reports.flatMap((one) => [...one.unlabelled, ...one.refused]);
  await rig.feed.until(() => reported().some((one) => one.service === "?" && "reason" in one && one.reason === "unlabelled"));
  assert.ok(reported().some((one) => one.service === "portal" && "labelledIn" in one));
  assert.ok(!reported().some((one) => one.service === "portal" && "reason" in one));
});

async function tcpCallFrom(host: string, port: number, text: string): Promise<string> {
  for (;;) {
    const answer = await sendRaw(port, text, { host, isEnough: (one) => one === text });
    if (answer !== "") return answer;
  }
}

test("a gateway that stops ends its streams and tunnels at once, WebSockets with 1012", async (t) => {
  const rig = await rigOf(t);
  const caller = callerAddress();
  const echo = await rig.tcpInstance((socket) => socket.pipe(socket));
  rig.table(site(await echoSockets(t), { revisions: { "portal-v1": [{ instance: "portal-0", port: await echoSockets(t), caller }] } }));
  const socket = new WebSocket(`ws://127.0.0.1:${rig.edgePort}/live`);
  await once(socket, "message");
  const tunnel = await retriedTunnel(caller, echo);
  const closed = once(socket, "close");
  const cut = once(tunnel, "close");
  const startedMs = performance.now();
  await rig.gateway.stop();
  const [code] = await closed;
  assert.equal(code, 1012);
  await cut;
  assert.ok(performance.now() - startedMs < 5000);
});

async function retriedTunnel(caller: string, port: number): Promise<Socket> {
  for (;;) {
    const socket = connect({ host: caller, port: 3128 });
    const isOpen = await Promise.race([once(socket, "connect").then(() => true), once(socket, "error").then(() => false)]);
    if (!isOpen) continue;
    socket.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await once(socket, "data");
    socket.on("error", () => {});
    return socket;
  }
}
