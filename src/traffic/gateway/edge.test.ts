import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import test, { type TestContext } from "node:test";
import type { TableSketch } from "./feed/table-sketch.ts";
import { type Echo, freePort, Rig, rigOf, sendRaw, signalOf, portalSite as site } from "./rig.ts";

type Routes = NonNullable<TableSketch["routes"]>;

/** A gateway with one echoing instance. */
async function echoRig(t: TestContext, more: Partial<TableSketch> = {}): Promise<Rig> {
  const rig = await rigOf(t);
  rig.table(site([await rig.instance("portal-0")], more));
  return rig;
}

const codeOf = (answer: { readonly json: Record<string, unknown> }): unknown => answer.json["code"];

test("a request reaches its instance with the generation in every carrier, and with who asked", async (t) => {
  const rig = await echoRig(t);
  const answer = await rig.get("/api/x?y=1", {
    headers: {
      host: "www.example.org",
      connection: "keep-alive, x-private",
      "x-private": "1",
      "x-kept": "2",
      te: "trailers",
      "keep-alive": "timeout=3",
      "proxy-authorization": "secret",
      "x-forwarded-for": "6.6.6.6",
      forwarded: "for=6.6.6.6",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "x-orrery-generation": "1-0001-00",
    },
  });
  const { headers, url } = answer.json as unknown as Echo;
  assert.equal(answer.status, 200);
  assert.equal(url, "/api/x?y=1");
  const traceId = headers["x-b3-traceid"] ?? "";
  assert.match(traceId, /^6f72000000030001/);
  assert.equal(headers["traceparent"], `00-${traceId}-${headers["x-b3-spanid"]}-03`);
  assert.equal(headers["b3"], `${traceId}-${headers["x-b3-spanid"]}-1`);
  assert.match(headers["x-orrery-generation"] ?? "", /^3-0001-[0-9a-f]{2}$/);
  assert.equal(headers["tracestate"], "orrery=0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331");
  assert.equal(headers["host"], "www.example.org");
  assert.equal(headers["x-forwarded-for"], "127.0.0.1");
  assert.equal(headers["forwarded"], "for=127.0.0.1;host=www.example.org;proto=http");
  assert.equal(headers["x-kept"], "2");
  assert.equal(headers["via"], "1.1 orrery");
  for (const name of ["x-private", "keep-alive"]) assert.equal(headers[name], undefined, name);
  // The edge asks for none: it is for a service that is a proxy itself.
  assert.equal(headers["proxy-authorization"], "secret");
});

test("426 and 407 say what they ask for, and no other answer does; the connection goes on as the client wants it", async (t) => {
  const rig = await rigOf(t);
  const port = await rig.instance("p", (req, res) => {
    res.writeHead(Number(req.url?.slice(1)), [
      ["Connection", "Upgrade"],
      ["Upgrade", "example/2"],
      ["Upgrade", "websocket"],
      ["Proxy-Authenticate", 'Basic realm="a"'],
      ["Proxy-Authenticate", "Negotiate"],
    ]);
    res.end("ok");
  });
  rig.table(site([port]));
  const ask = async (status: number, version = "1.1", more = ""): Promise<string> =>
    await sendRaw(rig.edgePort, `GET /${status} HTTP/${version}\r\nHost: x\r\n${more}\r\n`, { isEnough: (text) => /\r\n\r\n[\s\S]*ok/.test(text) });
  const headersOf = (text: string, name: string): string[] =>
    [...text.matchAll(new RegExp(`^${name}: (.*)\r$`, "gim"))].map((match) => match[1] ?? "");
  for (const status of [200, 401, 404, 407, 426, 501]) {
    const text = await ask(status);
    assert.deepEqual(headersOf(text, "upgrade"), status === 426 ? ["example/2, websocket"] : [], `${status}`);
    assert.deepEqual(headersOf(text, "proxy-authenticate"), status === 407 ? ['Basic realm="a"', "Negotiate"] : [], `${status}`);
    if (status === 426) assert.deepEqual(headersOf(text, "connection"), ["Upgrade"]);
  }
  // Asked for in words that end the connection, it ends; the answer comes without a limit of time else.
  for (const [version, more] of [
    ["1.0", ""],
    ["1.1", "Connection: close\r\n"],
  ] as const) {
    const text = await sendRaw(rig.edgePort, `GET /426 HTTP/${version}\r\nHost: x\r\n${more}\r\n`);
    assert.deepEqual(headersOf(text, "connection"), ["Upgrade", "close"], version);
  }
  const two = await sendRaw(rig.edgePort, "GET /426 HTTP/1.1\r\nHost: x\r\n\r\nGET /200 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  assert.match(two, /^HTTP\/1.1 426 [\s\S]*HTTP\/1.1 200 /);
});

test("an instance that answers in another version of HTTP is told as what it is", async (t) => {
  const rig = await rigOf(t);
  for (const [line, seen] of [
    ["HTTP/2.0 200 OK", "HTTP/2.0"],
    ["HTTP/0.9 200 OK", "HTTP/0.9"],
  ] as const) {
    const port = await rig.tcpInstance((socket) => socket.once("data", () => socket.end(`${line}\r\nContent-Length: 2\r\n\r\nok`)));
    rig.table(site([port]));
    const answer = await rig.get("/", { method: "POST" });
    assert.deepEqual([answer.status, codeOf(answer)], [502, "gateway/broken-answer"], line);
    assert.match(String(answer.json["detail"]), new RegExp(`portal-0.*${seen}.*HTTP/1\\.1`));
  }
});

test("what asks about the edge as a whole is told that Routes match paths", async (t) => {
  const rig = await echoRig(t);
  const text = await sendRaw(rig.edgePort, "OPTIONS * HTTP/1.1\r\nHost: www.example.org\r\nConnection: close\r\n\r\n");
  assert.match(text, /^HTTP\/1.1 404 [\s\S]*"detail":"OPTIONS \* asks about the server www\.example\.org as a whole, .*OPTIONS \//);
});

test("an answer passes with all its headers but those of the hop", async (t) => {
  const rig = await rigOf(t);
  const port = await rig.instance("p", (_req, res) => {
    res.writeHead(203, [
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"],
      ["Connection", "close, X-Hop"],
      ["X-Hop", "1"],
      ["X-Kept", "2"],
    ] as never);
    res.end("hello");
  });
  rig.table(site([port]));
  const answer = await rig.get("/");
  assert.deepEqual(
    [answer.status, answer.body, answer.headers["set-cookie"], answer.headers["x-kept"], answer.headers["x-hop"]],
    [203, "hello", ["a=1", "b=2"], "2", undefined],
  );
});

test("HEAD, 204 and 304 pass without a body, and the connection goes on", async (t) => {
  const rig = await rigOf(t);
  const port = await rig.instance("p", (req, res) => {
    res.writeHead(Number(req.url?.slice(1)), { "x-seen": req.method ?? "" });
    res.end();
  });
  rig.table(site([port]));
  const one = (method: string, status: number, more = ""): string => `${method} /${status} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
  const answer = await sendRaw(rig.edgePort, one("HEAD", 200) + one("GET", 204) + one("GET", 304) + one("DELETE", 200, "Connection: close\r\n"));
  assert.deepEqual(
    [...answer.matchAll(/^HTTP\/1.1 (\d+)[\s\S]*?x-seen: (\w+)/gim)].map((match) => [match[1], match[2]]),
    [
      ["200", "HEAD"],
      ["204", "GET"],
      ["304", "GET"],
      ["200", "DELETE"],
    ],
  );
});

test("large bodies pass both ways unchanged, whatever their framing", async (t) => {
  const rig = await rigOf(t);
  const port = await rig.instance("p", (req, res) => {
    req.pipe(res);
  });
  rig.table(site([port]));
  const body = randomBytes(8 * 1024 * 1024);
  for (const framing of [{ "content-length": String(body.length) }, { "transfer-encoding": "chunked" }]) {
    const hash = createHash("sha256");
    await new Promise<void>((resolve, reject) => {
      const outgoing = request({ port: rig.edgePort, path: "/", method: "POST", headers: framing }, (res) => {
        res.on("data", (chunk: Buffer) => hash.update(chunk));
        res.on("end", resolve);
        res.on("error", reject);
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    });
    assert.equal(hash.digest("hex"), createHash("sha256").update(body).digest("hex"));
  }
});

test("a request with a body ends with its answer: nothing stays open, and its line is in the log", async (t) => {
  const rig = await Rig.start();
  rig.onClose(() =>
    assert.deepEqual(
      rig.accessLines().map(({ method, status }) => `${method} ${status}`),
      ["POST 200", "POST 200"],
    ),
  );
  t.after(() => rig.close());
  rig.table(site([await rig.instance("portal-0")]));
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  for (const turn of ["first", "second"]) {
    const answer = await rig.get("/token", { method: "POST", body: turn, agent });
    assert.equal(answer.json["body"], turn);
    assert.equal(rig.gateway.core.open, 0);
  }
});

test("a slow reader holds the instance back instead of filling the gateway's memory", async (t) => {
  const rig = await rigOf(t);
  let written = 0;
  const chunk = Buffer.alloc(256 * 1024);
  const port = await rig.instance("p", (_req, res) => {
    const pour = (): void => {
      while (written < 400 * chunk.length && res.write(chunk)) written += chunk.length;
      written += chunk.length;
      if (written < 400 * chunk.length) res.once("drain", pour);
    };
    pour();
  });
  rig.table(site([port]));
  const socket = connect(rig.edgePort, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  t.after(() => socket.destroy());
  await new Promise<void>((resolve) => socket.once("readable", resolve));
  let former = -1;
  while (former !== written) {
    former = written;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  assert.ok(written < 60 * 1024 * 1024, `${written}`);
});

test("events are passed on as they come", async (t) => {
  const rig = await rigOf(t);
  const send = signalOf<(text: string) => void>();
  const port = await rig.instance("p", (_req, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    send.resolve((text) => res.write(text));
    res.flushHeaders();
  });
  rig.table(site([port]));
  await new Promise<void>((resolve, reject) => {
    const outgoing = request({ port: rig.edgePort, path: "/" }, (res) => {
      res.setEncoding("utf8");
      res.once("data", (first) => {
        assert.equal(first, "data: 1\n\n");
        assert.deepEqual(
          rig.gateway.core.report({ position: { history: "", epoch: 0, version: 0 }, round: 0, nowMs: 0, listenFailures: [] }).counts[0],
          {
            generation: 3,
            edge: 1,
            streams: 1,
            outbound: 0,
            inbound: 1,
            begun: 1,
            started: 2,
            services: { portal: { open: 2, started: 2 } },
          },
        );
        outgoing.destroy();
        resolve();
      });
      void send.promise.then((write) => write("data: 1\n\n"));
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
});

test("without a route the gateway answers itself, and says so", async (t) => {
  const rig = await echoRig(t, { routes: [{ service: "portal", path: { prefix: "/api" } }] });
  const answer = await rig.get("/other");
  assert.equal(answer.status, 404);
  assert.equal(answer.headers["content-type"], "application/problem+json");
  assert.equal(answer.headers["proxy-status"], 'orrery-main; error=destination_not_found; details="gateway/no-route"');
  assert.equal(codeOf(answer), "gateway/no-route");
});

test("before the first table every request is told that nothing is served yet", async (t) => {
  const rig = await rigOf(t);
  const answer = await rig.get("/");
  assert.deepEqual([answer.status, codeOf(answer)], [503, "gateway/no-generation"]);
});

test("without a ready instance the answer is 503 with generation and trace id", async (t) => {
  const rig = await rigOf(t);
  rig.table(site([], { revisions: { "portal-v1": [{ instance: "portal-0", port: 1, ready: false }] } }));
  const answer = await rig.get("/");
  assert.deepEqual([answer.status, codeOf(answer), answer.json["generation"], answer.headers["retry-after"]], [503, "gateway/no-instance", 3, "1"]);
  assert.match(String(answer.json["traceId"]), /^6f72/);
});

test("an instance that cannot be reached is passed over, with the body of a POST too; one alone gives 502", async (t) => {
  const rig = await rigOf(t);
  const dead = await freePort();
  const alive = await rig.instance("portal-1");
  rig.table(site([dead, alive]));
  for (let index = 0; index < 4; index++) {
    const answer = await rig.get("/", { method: "POST", body: `body ${index}`, headers: { "content-length": "6" } });
    assert.deepEqual(
      [answer.status, (answer.json as unknown as Echo).instance, (answer.json as unknown as Echo).body],
      [200, "portal-1", `body ${index}`],
    );
  }
  rig.table(site([dead]));
  const answer = await rig.get("/");
  assert.deepEqual([answer.status, codeOf(answer)], [502, "gateway/connect"]);
});

test("after a broken connection an idempotent request is tried again, another one is not", async (t) => {
  const rig = await rigOf(t);
  let calls = 0;
  const breaking = await rig.instance("portal-0", (req) => {
    calls++;
    req.socket.destroy();
  });
  const alive = await rig.instance("portal-1");
  rig.table(site([breaking, alive]));
  for (let index = 0; index < 4; index++) assert.equal(((await rig.get("/")).json as unknown as Echo).instance, "portal-1");
  assert.ok(calls >= 2);
  rig.table(site([breaking]));
  calls = 0;
  const answer = await rig.get("/", { method: "POST" });
  assert.deepEqual([answer.status, codeOf(answer), calls], [502, "gateway/broken-answer", 1]);
});

test("an answer that breaks off is cut off at the client as well", async (t) => {
  const rig = await rigOf(t);
  const port = await rig.instance("p", (_req, res) => {
    res.writeHead(200, { "content-length": "100" });
    res.write("part");
    setTimeout(() => res.destroy(), 20);
  });
  rig.table(site([port]));
  await assert.rejects(rig.get("/"));
});

test("filters change what passes", async (t) => {
  const routes: Routes = [
    {
      service: "portal",
      path: { prefix: "/v1" },
      filters: [
        { rewritePath: { prefix: "/api" } },
        { rewriteHost: { host: "inner" } },
        { requestHeaders: { set: { "X-Site": "north", traceparent: "no" }, remove: ["cookie"] } },
        { responseHeaders: { set: { "X-Frame-Options": "DENY" }, remove: ["date"] } },
      ],
    },
  ];
  const rig = await echoRig(t, { routes });
  const answer = await rig.get("/v1/x?y", { headers: { cookie: "a=b", "x-site": "south" } });
  const echo = answer.json as unknown as Echo;
  assert.deepEqual(
    [echo.url, echo.headers["host"], echo.headers["x-site"], echo.headers["cookie"], answer.headers["x-frame-options"]],
    ["/api/x?y", "inner", "north", undefined, "DENY"],
  );
  assert.match(echo.headers["traceparent"] ?? "", /^00-6f72/);
  assert.equal(((await rig.get("/v1")).json as unknown as Echo).url, "/api");
});

test("a body beyond the route's limit is refused with 413, announced or not", async (t) => {
  const rig = await echoRig(t, { routes: [{ service: "portal", path: { prefix: "/" }, filters: [{ sizeLimit: { requestBytes: 10 } }] }] });
  assert.equal((await rig.get("/", { method: "POST", body: "0123456789" })).status, 200);
  assert.equal((await rig.get("/", { method: "POST", body: "0123456789a", headers: { "content-length": "11" } })).status, 413);
  const answer = await rig.get("/", { method: "POST", body: "0123456789a", headers: { "transfer-encoding": "chunked" } });
  assert.deepEqual([answer.status, codeOf(answer)], [413, "gateway/too-large"]);
});

test("an announced 100 MB body is refused before it is sent", async (t) => {
  const rig = await echoRig(t, { routes: [{ service: "portal", path: { prefix: "/" }, filters: [{ sizeLimit: { requestBytes: 1000 } }] }] });
  const answer = await sendRaw(rig.edgePort, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 104857600\r\n\r\n");
  assert.match(answer, /^HTTP\/1.1 413 /);
});

test("a client that waits for leave to send its body gets it", async (t) => {
  const rig = await echoRig(t);
  const answer = await sendRaw(
    rig.edgePort,
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab",
  );
  assert.match(answer, /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK[\s\S]*"body":"ab"/);
});

test("a late answer gives 504, and its transaction counts until the instance has answered", async (t) => {
  const rig = await rigOf(t);
  const answerNow = signalOf<() => void>();
  const port = await rig.instance("p", (_req, res) => answerNow.resolve(() => res.end("late")));
  rig.table(site([port], { services: { portal: { port: 1, timeoutMs: 50 } } }));
  const answer = await rig.get("/");
  assert.deepEqual([answer.status, codeOf(answer)], [504, "gateway/timeout"]);
  assert.equal(rig.gateway.core.open, 2);
  (await answerNow.promise)();
  await rig.feed.until(() => rig.feed.reports.at(-1)?.counts[0]?.edge === 0 && rig.feed.reports.at(-1)?.counts[0]?.begun === 1);
  assert.equal(rig.gateway.core.open, 0);
  assert.equal(
    rig.feed.reports.flatMap((one) => one.windows).reduce((sum, one) => sum + one.errors, 0),
    1,
  );
});

test("a client that leaves does not end its transaction", async (t) => {
  const rig = await rigOf(t);
  const answerNow = signalOf<() => void>();
  const port = await rig.instance("p", (_req, res) => answerNow.resolve(() => res.end("late")));
  rig.table(site([port]));
  const client = connect(rig.edgePort, "127.0.0.1", () => client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  const finish = await answerNow.promise;
  client.resetAndDestroy();
  await rig.feed.until(() => rig.feed.reports.some((one) => one.counts[0]?.edge === 1));
  assert.equal(rig.gateway.core.open, 2);
  finish();
  await rig.feed.until(() => rig.feed.reports.at(-1)?.counts[0]?.edge === 0);
  const windows = rig.feed.reports.flatMap((one) => one.windows);
  assert.deepEqual([windows.reduce((sum, one) => sum + one.calls, 0), windows.reduce((sum, one) => sum + one.errors, 0)], [1, 0]);
  await rig.gateway.stop();
  assert.deepEqual([rig.accessLines()[0]?.["status"], rig.accessLines()[0]?.["error"]], [499, "client gone"]);
});

test("a transaction is ended at its limit", async (t) => {
  const rig = await rigOf(t);
  const port = await rig.instance("p", () => {});
  rig.table(site([port], { site: { maxTransactionMs: 60 } }));
  const answer = await rig.get("/");
  assert.deepEqual([answer.status, codeOf(answer)], [504, "gateway/max-transaction"]);
  assert.equal(rig.gateway.core.open, 0);
});

const REFUSED: Readonly<Record<string, string>> = {
  "two Hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
  "no Host": "GET / HTTP/1.1\r\nA: b\r\n\r\n",
  "a malformed Host": "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
  "a Host with a user": "GET / HTTP/1.1\r\nHost: me@a\r\n\r\n",
  "a Host with a path": "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
  "a Host port out of range": "GET / HTTP/1.1\r\nHost: a:70000\r\n\r\n",
  "Content-Length beside Transfer-Encoding": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "two Content-Lengths": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
  "two equal Content-Lengths": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
  "a Content-Length list": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd",
  "a signed Content-Length": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd",
  "a hexadecimal Content-Length": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x4\r\n\r\nabcd",
  "an unknown Transfer-Encoding": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
  "chunked after something else": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
  "chunked twice": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "chunked then identity": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
  "Transfer-Encoding with a vertical tab": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u000bchunked\r\n\r\n0\r\n\r\n",
  "Transfer-Encoding in HTTP/1.0": "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "a folded header": "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
  "a space before the colon": "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
  "a space in a header's name": "GET / HTTP/1.1\r\nHost: a\r\nTransfer Encoding: chunked\r\n\r\n",
  "a NUL in a header": "GET / HTTP/1.1\r\nHost: a\r\nX: a\u0000b\r\n\r\n",
  "a bare LF": "GET / HTTP/1.1\nHost: a\n\n",
  "a bare CR in a header": "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
  "a space in the path": "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
  "a byte above ASCII in the path": "GET /\u00e9 HTTP/1.1\r\nHost: a\r\n\r\n",
  "a fragment": "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
  "dots in the path": "GET /a/../admin HTTP/1.1\r\nHost: a\r\n\r\n",
  "encoded dots in the path": "GET /a/%2e%2E/admin HTTP/1.1\r\nHost: a\r\n\r\n",
  "a request target with another host": "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
  "a request target that is no http URL": "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
  "a chunk extension with a line end": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4;\nx\r\nabcd\r\n0\r\n\r\n",
  "Connection that names Content-Length": "POST / HTTP/1.1\r\nHost: a\r\nConnection: content-length\r\nContent-Length: 2\r\n\r\nab",
  "Connection that names Host": "GET / HTTP/1.1\r\nHost: a\r\nConnection: host\r\n\r\n",
  "an unknown expectation": "GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n",
  "CONNECT at the edge": "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
  "no HTTP at all": "\u0016\u0003\u0001\u0000\u00a5\u0001\u0000",
};

test("what is malformed or ambiguous is refused with 400, and never reaches an instance", async (t) => {
  const rig = await rigOf(t);
  const seen: string[] = [];
  const port = await rig.instance("p", (req, res) => {
    seen.push(`${req.method} ${req.url}`);
    req.resume();
    res.end("reached");
  });
  rig.table(site([port]));
  for (const [name, text] of Object.entries(REFUSED)) {
    const answer = await sendRaw(rig.edgePort, Buffer.from(text, "latin1"), { isEnough: (one) => /\r\n\r\n/.test(one) });
    assert.match(answer, /^HTTP\/1.1 (400|417) /, `${name}: ${JSON.stringify(answer.slice(0, 300))}`);
  }
  // A body that turns out malformed only after its head may have been passed on; the instance never sees it as whole.
  assert.deepEqual(seen, []);
});

test("a smuggled second request is not served", async (t) => {
  const rig = await echoRig(t);
  const answer = await sendRaw(
    rig.edgePort,
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n",
  );
  assert.equal(answer.match(/HTTP\/1.1 /g)?.length, 1);
});

test("too large a head is refused with 431", async (t) => {
  const rig = await echoRig(t);
  assert.match(await sendRaw(rig.edgePort, `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(20_000)}\r\n\r\n`), /^HTTP\/1.1 431 /);
});

test("a head that comes too slowly is refused with 408", async (t) => {
  const rig = await rigOf(t, { headersTimeoutMs: 100 });
  assert.match(await sendRaw(rig.edgePort, "GET / HTTP/1.1\r\nHost: a\r\nX: "), /^HTTP\/1.1 408 /);
});

test("HTTP/1.0 is served, and the connection closed", async (t) => {
  const rig = await echoRig(t);
  const answer = await sendRaw(rig.edgePort, "GET /old HTTP/1.0\r\n\r\n");
  assert.match(answer, /^HTTP\/1.1 200 [\s\S]*"url":"\/old"/);
});

test("an absolute request target of the same host is served", async (t) => {
  const rig = await echoRig(t);
  assert.match(await sendRaw(rig.edgePort, "GET http://a/x HTTP/1.1\r\nHost: A:80\r\nConnection: close\r\n\r\n"), /"url":"\/x"/);
});

test("a stopping gateway finishes what it has and takes nothing new", async (t) => {
  const rig = await rigOf(t);
  const answerNow = signalOf<() => void>();
  const port = await rig.instance("p", (_req, res) => answerNow.resolve(() => res.end("whole")));
  rig.table(site([port]));
  const running = rig.get("/");
  const finish = await answerNow.promise;
  const edgePort = rig.edgePort;
  const stopped = rig.gateway.stop();
  await assert.rejects(sendRawStrict(edgePort));
  finish();
  const answer = await running;
  assert.deepEqual([answer.status, answer.body, answer.headers.connection], [200, "whole", "close"]);
  await stopped;
  const line = rig.accessLines().at(-1);
  assert.deepEqual(
    [line?.["status"], line?.["service"], line?.["revision"], line?.["instance"], line?.["generation"], line?.["path"]],
    [200, "portal", "portal-v1", "portal-0", 3, "/"],
  );
});

function sendRawStrict(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve();
    });
    socket.on("error", reject);
  });
}

test("a client that leaves in the middle of a long answer ends it, and is no error of the instance", async (t) => {
  const rig = await rigOf(t);
  const closed = signalOf();
  const port = await rig.instance("p", (_req, res) => {
    res.writeHead(200, { "content-length": String(1 << 30) });
    res.write(Buffer.alloc(1 << 20));
    res.on("close", () => closed.resolve());
  });
  rig.table(site([port]));
  const socket = connect(rig.edgePort, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  await new Promise<void>((resolve) => socket.once("data", () => resolve()));
  socket.destroy();
  await closed.promise;
  await rig.feed.until(() => rig.feed.reports.at(-1)?.counts[0]?.edge === 0 && rig.feed.reports.at(-1)?.counts[0]?.begun === 1);
  assert.equal(
    rig.feed.reports.flatMap((one) => one.windows).reduce((sum, one) => sum + one.errors, 0),
    0,
  );
});
