import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import test from "node:test";
import type { GatewayOptions } from "./gateway.ts";
import { callerAddress, type Echo, freePort, type Rig, rigOf, sendRaw, portalSite as site } from "./rig.ts";

/** An instance in bytes: `talk` gets each connection and all that came on it so far, whenever more has come. Returns its port, and what each connection has received. */
async function rawInstance(rig: Rig, talk: (socket: Socket, seen: string) => void): Promise<{ port: number; seen: string[] }> {
  const seen: string[] = [];
  const port = await rig.tcpInstance((socket) => {
    const index = seen.push("") - 1;
    socket.on("end", () => socket.end());
    socket.on("data", (chunk) => {
      seen[index] += chunk.toString("latin1");
      talk(socket, seen[index] as string);
    });
  });
  return { port, seen };
}

/** Answers each request without a body. */
function each(answer: string): (socket: Socket, seen: string) => void {
  const answered = new WeakMap<Socket, number>();
  return (socket, seen) => {
    const heads = seen.split("\r\n\r\n").length - 1;
    for (let done = answered.get(socket) ?? 0; done < heads; done++) socket.write(answer, "latin1");
    answered.set(socket, heads);
  };
}

/** A client in bytes. */
class Client {
  readonly socket: Socket;
  received = "";
  isClosed = false;

  constructor(port: number, host = "127.0.0.1") {
    this.socket = connect({ port, host, allowHalfOpen: true });
    this.socket.on("error", () => {});
    this.socket.on("data", (chunk) => {
      this.received += chunk.toString("latin1");
    });
    this.socket.on("end", () => {
      this.isClosed = true;
    });
    this.socket.on("close", () => {
      this.isClosed = true;
    });
  }

  send(text: string): this {
    this.socket.write(text, "latin1");
    return this;
  }

  async until(isThere: () => boolean): Promise<void> {
    await until(isThere, () => this.received);
  }
}

async function until(isThere: () => boolean, tell: () => string = () => ""): Promise<void> {
  for (const endMs = performance.now() + 10_000; !isThere(); await new Promise((resolve) => setTimeout(resolve, 2)))
    if (performance.now() > endMs) throw new Error(`not in time: ${tell()}`);
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const CLOSE = "Connection: close\r\n\r\n";
const statusesOf = (answer: string): number[] => [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]));

test("a request that asks for another protocol goes the way of all requests: its body, its answer, and the end of one that breaks off", async (t) => {
  const rig = await rigOf(t);
  const port = await rig.instance("p");
  rig.table(site([port]));
  for (const upgrade of ["TLS/1.2", "websocket", "h2c", "tls/1.0, websocket", "other"]) {
    const answer = await sendRaw(
      rig.edgePort,
      `POST /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\nContent-Length: 5\r\n\r\nhelloGET /y HTTP/1.1\r\nHost: a\r\n${CLOSE}`,
    );
    assert.deepEqual(statusesOf(answer), [200], upgrade);
    assert.ok(answer.includes('"body":"hello"') && /\r\nConnection: close\r\n/i.test(answer), answer);
  }
  for (const upgrade of ["TLS/1.2", "h2c", "HTTP/2.0"]) {
    const answer = await sendRaw(
      rig.edgePort,
      `GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\nGET /y HTTP/1.1\r\nHost: a\r\n\r\nGET /z HTTP/1.1\r\nHost: a\r\n${CLOSE}`,
    );
    assert.deepEqual(statusesOf(answer), [200, 200, 200], answer);
    assert.ok(answer.includes('"url":"/z"'), answer);
  }
  const breaking = await rawInstance(rig, (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nX-Name: caf\xe9 \xe5\x8d\xab\r\nContent-Length: 100\r\n\r\nhalf", "latin1");
    setTimeout(() => socket.destroy(), 20);
  });
  rig.table(site([breaking.port]));
  const upgrade = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  const broken = await sendRaw(rig.edgePort, upgrade);
  assert.ok(broken.endsWith("half"), broken);
  assert.ok(broken.includes("X-Name: caf\xe9 \xe5\x8d\xab\r\n"), broken);
  const agreeing = await rawInstance(rig, each("HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: other\r\nX-Name: caf\xe9\r\n\r\nwelcome"));
  rig.table(site([agreeing.port]));
  const agreed = await sendRaw(rig.edgePort, `${upgrade}early`, { isEnough: (text) => text.endsWith("welcome") });
  assert.ok(agreed.includes("X-Name: caf\xe9\r\n"), agreed);
  await until(() => agreeing.seen.some((text) => text.endsWith("early")));
  // What the client says while the instance thinks is not lost either, nor what it asks for behind an answer that is on its way.
  const slow = await rawInstance(rig, (socket, seen) => {
    if (seen.endsWith("Host: a\r\n") || !seen.includes("upgrade: websocket")) return;
    if (seen.endsWith("\r\n\r\n")) setTimeout(() => socket.write("HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), 50);
  });
  rig.table(site([slow.port]));
  const talker = new Client(rig.edgePort).send(`${upgrade}one`);
  await until(() => slow.seen.length > 0);
  talker.send("two");
  await until(() => slow.seen.some((text) => text.endsWith("onetwo")));
  talker.socket.destroy();
  rig.table(site([port]));
  const ahead = await sendRaw(rig.edgePort, `GET /1 HTTP/1.1\r\nHost: a\r\n\r\n${upgrade}`);
  assert.deepEqual(statusesOf(ahead), [200, 200], ahead);
});

test("nothing behind a refused request is carried out", async (t) => {
  const rig = await rigOf(t);
  const urls: string[] = [];
  const port = await rig.instance("p", (req, res) => {
    urls.push(`${req.method} ${req.url}`);
    res.end("ok");
  });
  rig.table(site([port], { routes: [{ service: "portal", path: { prefix: "/" }, filters: [{ sizeLimit: { requestBytes: 4 } }] as never }] }));
  const next = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const bad of [
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nExpect: cake\r\n\r\n",
    "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
    "\x00\x01 / HTTP/1.1\r\n\r\n",
  ]) {
    const answer = await sendRaw(rig.edgePort, bad + next);
    assert.ok(!urls.includes("GET /hidden"), `${bad}: ${urls}`);
    assert.equal(statusesOf(answer).length, 1, answer);
  }
});

test("requests that are sent ahead are carried out one after the other, and answered in order", async (t) => {
  const rig = await rigOf(t);
  let open = 0;
  let openMax = 0;
  const port = await rig.instance("p", (req, res) => {
    openMax = Math.max(openMax, ++open);
    const end = (): void => {
      open--;
      res.end(req.url);
    };
    if (req.url === "/x") setImmediate(end);
    else setTimeout(end, 20);
  });
  rig.table(site([port]));
  const paths = Array.from({ length: 8 }, (_, index) => `/${index}`);
  const requests = paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n`);
  const answer = await sendRaw(rig.edgePort, `${requests.join("\r\n")}${CLOSE}`);
  assert.deepEqual(
    [...answer.matchAll(/\r\n\r\n(\/\d)/g)].map((match) => match[1]),
    paths,
  );
  assert.equal(openMax, 1);
  // As many as are taken ahead, then the connection ends: nobody's memory is filled.
  const many = await sendRaw(rig.edgePort, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n".repeat(300));
  assert.equal(statusesOf(many).length, 101);
});

test("interim answers: an unasked 100 is passed over, 103 goes to clients that know it, a change of protocol that nobody asked for is an error", async (t) => {
  const rig = await rigOf(t);
  const hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b>\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n";
  const instance = await rawInstance(rig, each(`HTTP/1.1 100 Continue\r\n\r\n${hints}HTTP/1.1 100 Continue\r\nX: y\r\n\r\n${OK}`));
  rig.table(site([instance.port]));
  const answer = await sendRaw(rig.edgePort, `GET /x HTTP/1.1\r\nHost: a\r\n${CLOSE}`);
  assert.deepEqual(statusesOf(answer), [103, 200]);
  assert.ok(answer.includes("Link: </a.css>; rel=preload\r\nLink: </b>\r\n\r\n"), answer);
  assert.deepEqual(statusesOf(await sendRaw(rig.edgePort, "GET /x HTTP/1.0\r\nHost: a\r\n\r\n")), [200]);
  assert.equal(instance.seen.join("").match(/GET \/x/g)?.length, 2);
  for (const odd of [
    "HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
    "HTTP/1.1 102 Wait\r\n\r\n".repeat(40),
    "HTTP/1.1 099 Odd\r\n\r\n",
  ]) {
    rig.table(site([(await rawInstance(rig, each(odd))).port], { services: { portal: { port: 1, retries: 0 } } }));
    const refused = await sendRaw(rig.edgePort, `GET /x HTTP/1.1\r\nHost: a\r\n${CLOSE}`);
    assert.deepEqual(statusesOf(refused).at(-1), 502, refused);
    assert.ok(refused.includes("gateway/broken-answer"), refused);
  }
});

test("trailers pass both ways, but none that would change the framing or the meaning", async (t) => {
  const rig = await rigOf(t);
  const answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nSet-Cookie: a=1\r\n\r\n";
  const answered = new WeakSet<Socket>();
  const instance = await rawInstance(rig, (socket, seen) => {
    if (!seen.endsWith("\r\n\r\n") || !seen.includes("0\r\n") || answered.has(socket)) return;
    answered.add(socket);
    socket.write(answer);
  });
  rig.table(site([instance.port]));
  const raw = await sendRaw(
    rig.edgePort,
    `POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: X-In\r\nTransfer-Encoding: chunked\r\nConnection: close, TE\r\n\r\n2\r\nhi\r\n0\r\nX-In: 1\r\nX-Forwarded-For: 9.9.9.9\r\nHost: b\r\n\r\n`,
  );
  assert.ok(raw.endsWith("0\r\nX-Sum: 7\r\n\r\n"), raw);
  assert.ok(/\r\nTrailer: X-Sum\r\n/.test(raw), raw);
  const [seen = ""] = instance.seen;
  assert.ok(seen.endsWith("2\r\nhi\r\n0\r\nX-In: 1\r\n\r\n"), seen);
  assert.ok(/\r\ntrailer: X-In\r\n/.test(seen) && /\r\nte: trailers\r\n/.test(seen), seen);
  // HTTP/1.0 has no chunks, and no place for trailers.
  rig.table(site([(await rawInstance(rig, each(answer))).port]));
  const old = await sendRaw(rig.edgePort, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  assert.ok(old.endsWith("\r\n\r\nok") && !old.includes("Trailer"), old);
});

test("an answer that breaks in the same bytes that it begins with is seen to have begun", async (t) => {
  const rig = await rigOf(t);
  const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n";
  for (const rest of ["0\r\nContent-Length: 9\r\n\r\n", "0\r\nno trailer\r\n\r\n", "zz\r\n", "1\r\nab\r\n"]) {
    const { port } = await rawInstance(rig, each(head + rest));
    rig.table(site([port]));
    const raw = await sendRaw(rig.edgePort, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert.ok(raw.startsWith("HTTP/1.1 200 OK\r\n") && /\r\n[23]\r\noka?\r\n/.test(raw), `${JSON.stringify(rest)}: ${raw}`);
    assert.ok(!raw.includes("\r\n0\r\n"), `${JSON.stringify(rest)} passes for a whole answer: ${raw}`);
  }
});

test("a client of HTTP/1.0 does not take an answer that breaks off for a whole one", async (t) => {
  const rig = await rigOf(t);
  const end = (): Promise<string> =>
    new Promise((resolve) => {
      let seen = "";
      const socket = connect({ port: rig.edgePort, host: "127.0.0.1" }, () => socket.write("GET / HTTP/1.0\r\nHost: a\r\n\r\n"));
      socket.on("data", (chunk) => {
        seen += chunk.toString("latin1");
      });
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(`${seen.split("\r\n\r\n")[1]} ${error.code}`));
      socket.on("end", () => resolve(`${seen.split("\r\n\r\n")[1]} end`));
    });
  for (const [answer, expected] of [
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", "ok ECONNRESET"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", "ok ECONNRESET"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok end"],
    ["HTTP/1.0 200 OK\r\n\r\nok", "ok end"],
  ] as const) {
    rig.table(site([(await rawInstance(rig, (socket) => socket.end(answer))).port]));
    assert.equal(await end(), expected, answer);
  }
});

test("a client is told what is wrong with what it has sent", async (t) => {
  const rig = await rigOf(t);
  rig.table(site([(await rawInstance(rig, each("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))).port]));
  for (const [text, status, words] of [
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/2 is not spoken here"],
    ["GET / HTTP/1.9\r\nHost: a\r\n\r\n", 505, "HTTP/1.9 is not spoken here"],
    ["FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "the method FOO is not known"],
    ["\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", 400, "does not speak TLS"],
  ] as const) {
    const answer = await sendRaw(rig.edgePort, Buffer.from(text, "latin1"));
    assert.deepEqual(statusesOf(answer), [status], answer);
    assert.ok(answer.includes(words), answer);
  }
  for (const body of ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "X: y"]) {
    const answer = await new Promise<string>((resolve) => {
      let seen = "";
      const socket = connect({ port: rig.edgePort, host: "127.0.0.1" }, () => socket.end(`POST / HTTP/1.1\r\nHost: a\r\n${body}`));
      socket.on("data", (chunk) => {
        seen += chunk.toString("latin1");
      });
      socket.on("error", () => {});
      socket.on("close", () => resolve(seen));
    });
    assert.deepEqual(statusesOf(answer), [400], body + answer);
    assert.ok(answer.includes("closed in the middle of the request"), body + answer);
  }
});

test("an answer in another version than HTTP/1.1 is named", async (t) => {
  const rig = await rigOf(t);
  for (const version of ["HTTP/2", "HTTP/2.0", "HTTP/1.2", "HTTP/3", "ICY", "RTSP/1.0"]) {
    rig.table(
      site([(await rawInstance(rig, each(`${version} 200 OK\r\nContent-Length: 2\r\n\r\nok`))).port], {
        services: { portal: { port: 1, retries: 0 } },
      }),
    );
    const answer = await sendRaw(rig.edgePort, `GET /x HTTP/1.1\r\nHost: a\r\n${CLOSE}`);
    assert.deepEqual(statusesOf(answer), [502], answer);
    assert.ok(answer.includes(version), answer);
  }
});

test("what a filter removes does not come back in a trailer, nor in another spelling", async (t) => {
  const rig = await rigOf(t);
  const answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Inner: 1\r\n\r\n2\r\nok\r\n0\r\nX-Inner: 2\r\nX-Sum: 7\r\n\r\n";
  const instance = await rawInstance(rig, (socket, seen) => {
    if (seen.endsWith("\r\n\r\n") && seen.includes("\r\n0\r\n")) socket.write(answer);
  });
  const filters = [
    { requestHeaders: { set: { "X-Role": "guest" }, remove: ["X-Admin"] } },
    { responseHeaders: { set: {}, remove: ["X-Inner"] } },
  ] as never;
  rig.table(site([instance.port], { routes: [{ service: "portal", path: { prefix: "/" }, filters }] }));
  const raw = await sendRaw(
    rig.edgePort,
    `POST / HTTP/1.1\r\nHost: a\r\nX_Admin: 1\r\nx-admin: 1\r\nX.Role: root\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nhi\r\n0\r\nX-Admin: 1\r\nX_Role: root\r\nX-In: 1\r\n\r\n`,
  );
  assert.ok(raw.endsWith("0\r\nX-Sum: 7\r\n\r\n") && !/x-inner/i.test(raw), raw);
  const [seen = ""] = instance.seen;
  assert.ok(seen.endsWith("0\r\nX-In: 1\r\n\r\n") && !/admin|root/i.test(seen) && seen.includes("X-Role: guest"), seen);
});

test("Expect goes on to the instance: one that refuses is heard before the body is sent, one that says nothing gets the body", async (t) => {
  const rig = await rigOf(t);
  const head = "PUT /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
  const refusing = await rawInstance(rig, each("HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno"));
  rig.table(site([refusing.port]));
  const client = new Client(rig.edgePort).send(head);
  await client.until(() => client.received.endsWith("no"));
  assert.deepEqual(statusesOf(client.received), [401]);
  assert.match(refusing.seen[0] ?? "", /\r\nexpect: 100-continue\r\n/);
  await client.until(() => client.isClosed);
  client.socket.destroy();

  const agreeing = await rawInstance(rig, (socket, seen) => {
    if (seen.endsWith("\r\n\r\n")) socket.write("HTTP/1.1 100 Continue\r\n\r\n");
    else if (seen.endsWith("body")) socket.write(OK);
  });
  rig.table(site([agreeing.port]));
  const asked = new Client(rig.edgePort).send(head);
  await asked.until(() => asked.received.endsWith("HTTP/1.1 100 Continue\r\n\r\n"));
  asked.send("body");
  await asked.until(() => asked.received.endsWith("ok"));
  assert.deepEqual(statusesOf(asked.received), [100, 200]);

  const silent = await rawInstance(rig, (socket, seen) => {
    if (seen.endsWith("body")) socket.write(OK);
  });
  rig.table(site([silent.port]));
  const waiting = new Client(rig.edgePort).send(head);
  await waiting.until(() => waiting.received.endsWith("HTTP/1.1 100 Continue\r\n\r\n"));
  waiting.send("body");
  await waiting.until(() => waiting.received.endsWith("ok"));
  for (const one of [asked, waiting]) one.socket.destroy();
});

test("a client that closes its half of the connection gets its answer; a stream ends with it", async (t) => {
  const rig = await rigOf(t);
  let streams = 0;
  const port = await rig.instance("p", (req, res) => {
    if (req.url !== "/events") return void setTimeout(() => res.end("late"), 50);
    streams++;
    req.socket.once("close", () => streams--);
    res.writeHead(200, { "content-type": "TEXT/Event-Stream" }).write("data: 1\n\n");
  });
  rig.table(site([port]));
  for (const body of ["", "Content-Length: 3\r\n"]) {
    const client = new Client(rig.edgePort);
    client.socket.end(`POST / HTTP/1.1\r\nHost: a\r\n${body}\r\n${body === "" ? "" : "abc"}`);
    await client.until(() => client.isClosed);
    assert.ok(client.received.endsWith("late"), client.received);
  }
  const listener = new Client(rig.edgePort).send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  await listener.until(() => listener.received.includes("data: 1"));
  listener.socket.end();
  await until(() => streams === 0);
});

test("a client that has closed its half is closed in its turn, also behind a wish for a protocol that is not spoken", async (t) => {
  const rig = await rigOf(t);
  const port = await rig.instance("p", (_, res) => void setTimeout(() => res.end("done"), 50));
  rig.table(site([port]));
  for (const upgrade of ["", "Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n", "Connection: Upgrade\r\nUpgrade: h2c\r\n"]) {
    const client = new Client(rig.edgePort);
    client.socket.end(`GET / HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`);
    await client.until(() => client.isClosed);
    assert.ok(client.received.endsWith("done"), client.received);
  }
});

test("a stream that begins when its client has closed its half, or has left, ends at once", async (t) => {
  const rig = await rigOf(t);
  let asked = 0;
  let streams = 0;
  const port = await rig.instance("p", (req, res) => {
    asked++;
    // It says nothing after its head: nobody would notice that the client is not there.
    setTimeout(() => {
      streams++;
      req.socket.once("close", () => streams--);
      res.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    }, 100);
  });
  rig.table(site([port]));
  for (const leave of ["end", "destroy", "reset"] as const) {
    const before = asked;
    const client = new Client(rig.edgePort).send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    await until(() => asked > before);
    if (leave === "end") client.socket.end();
    else if (leave === "destroy") client.socket.destroy();
    else client.socket.resetAndDestroy();
    await until(() => rig.gateway.core.open === 0);
    await until(() => streams === 0);
    client.socket.destroy();
  }
});

test("the head of a request goes on before the first chunk of its body, and an answer may come before the last", async (t) => {
  const rig = await rigOf(t);
  const instance = await rawInstance(rig, (socket, seen) => {
    if (seen.endsWith("\r\n\r\n") && !seen.includes("tick")) socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nready\r\n");
    else if (seen.endsWith("0\r\n\r\n")) socket.write("3\r\nend\r\n0\r\n\r\n");
    else if (seen.endsWith("tick\r\n")) socket.write("4\r\ntock\r\n");
  });
  rig.table(site([instance.port]));
  const client = new Client(rig.edgePort).send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  await client.until(() => client.received.includes("ready"));
  client.send("4\r\ntick\r\n");
  await client.until(() => client.received.includes("tock"));
  client.send("0\r\n\r\n");
  await client.until(() => client.received.endsWith("3\r\nend\r\n0\r\n\r\n"));
  client.socket.destroy();
});

test("garbage behind a good request does not replace its answer, garbage within one ends it", async (t) => {
  const rig = await rigOf(t);
  let broken = 0;
  let begun = 0;
  const port = await rig.instance("p", (req, res) => {
    req.on("error", () => broken++);
    req.once("data", () => begun++);
    req.resume();
    req.on("end", () => setTimeout(() => res.end("good"), 50));
  });
  rig.table(site([port]));
  for (const good of ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"]) {
    const answer = await sendRaw(rig.edgePort, `${good}\x16\x03\x01garbage\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.deepEqual(statusesOf(answer), [200, 400], answer);
    assert.ok(answer.includes("good"), answer);
  }
  begun = 0;
  const client = new Client(rig.edgePort).send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
  await until(() => begun === 1);
  client.send("zz\r\n");
  await client.until(() => client.isClosed);
  assert.deepEqual(statusesOf(client.received), [400], client.received);
  await until(() => broken === 1);
  client.socket.destroy();
});

test("204 and 304 have no body and no length that a client would wait for, and what an instance says behind them is never an answer", async (t) => {
  const rig = await rigOf(t);
  for (const [status, isTold] of [
    [204, false],
    [304, true],
  ] as const) {
    const instance = await rawInstance(rig, (socket, seen) => {
      if (seen.endsWith("\r\n\r\n"))
        socket.write(`HTTP/1.1 ${status} Odd\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`);
    });
    rig.table(site([instance.port]));
    const answer = await sendRaw(
      rig.edgePort,
      `GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /3 HTTP/1.1\r\nHost: a\r\n${CLOSE}`,
    );
    assert.deepEqual(statusesOf(answer), [status, status, status], answer);
    assert.equal(/content-length: 5/i.test(answer.slice(0, answer.indexOf("\r\n\r\n"))), isTold, answer);
    assert.ok(!answer.includes("poison"), answer);
  }
});

test("answers that cannot be read for certain are refused", async (t) => {
  const rig = await rigOf(t);
  for (const odd of [
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nX y: 1\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nX: \x00\r\n\r\nok",
    "ICY 200 OK\r\n\r\nok",
    `HTTP/1.1 200 OK\r\nX: ${"y".repeat(40_000)}\r\n\r\nok`,
    "nonsense\r\n\r\n",
  ]) {
    rig.table(site([(await rawInstance(rig, each(odd))).port], { services: { portal: { port: 1, retries: 0 } } }));
    const answer = await sendRaw(rig.edgePort, `GET /x HTTP/1.1\r\nHost: a\r\n${CLOSE}`);
    assert.deepEqual(statusesOf(answer), [502], odd.slice(0, 100) + answer);
  }
  rig.table(site([(await rawInstance(rig, (socket) => socket.end("HTTP/1.0 200 OK\r\nX: \xe9\r\n\r\nto the end", "latin1"))).port]));
  const old = await sendRaw(rig.edgePort, `GET /x HTTP/1.1\r\nHost: a\r\n${CLOSE}`);
  assert.ok(old.includes("X: \xe9\r\n") && old.includes("to the end"), old);
});

test("other versions of HTTP are refused as such", async (t) => {
  const rig = await rigOf(t);
  rig.table(site([await rig.instance("p")]));
  for (const [version, status] of [
    ["HTTP/2.0", 505],
    ["HTTP/0.9", 505],
    ["HTTP/1.2", 505],
    ["HTTP/3.0", 505],
    ["HTTP/1.10", 505],
    ["http/1.1", 400],
    ["ICE/1.0", 400],
  ] as const)
    assert.deepEqual(statusesOf(await sendRaw(rig.edgePort, `GET / ${version}\r\nHost: a\r\n\r\n`)), [status], version);
  assert.equal((await sendRaw(rig.edgePort, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")).includes("HTTP/1.1 200"), false);
});

test("what passes for word of a proxy does not come in from outside, however it is spelled; between services it goes on, but for what is ambiguous", async (t) => {
  const rig = await rigOf(t);
  const caller = callerAddress();
  const port = await rig.instance("p");
  const service = await freePort();
  rig.table(site([], { revisions: { "portal-v1": [{ instance: "portal-0", port, caller }] }, services: { portal: { port: service } } }));
  const forwarded = [
    "X-Forwarded-For",
    "x-forwarded-prefix",
    "X-Forwarded-Client-Cert",
    "Forwarded",
    "X-Real-IP",
    "True-Client-IP",
    "X-Original-URL",
  ];
  const never = [
    "X_Forwarded_For",
    "X_FORWARDED-Proto",
    "x.forwarded.host",
    "Proxy",
    "Content_Length",
    "Transfer_Encoding",
    "X_Real_IP",
    "X_Orrery_Generation",
    "Proxy_Connection",
  ];
  const pass = ["X_Custom", "X-Custom", "Authorization", "X.Y", "Forward", "X-Forward"];
  const headers = Object.fromEntries([...forwarded, ...never, ...pass].map((name) => [name, "fake"]));
  const namesOf = (echo: Echo): string[] => Object.entries(echo.headers).flatMap(([name, value]) => (value.includes("fake") ? [name] : []));
  const outside = (await rig.get("/", { headers })).json as unknown as Echo;
  const lower = (names: readonly string[]): string[] => names.map((name) => name.toLowerCase()).sort();
  assert.deepEqual(namesOf(outside).sort(), lower(pass));
  await until(() => rig.gateway.core.table.callers.size > 0);
  const between = (await rig.get("/", { host: caller, port: service, headers })).json as unknown as Echo;
  assert.deepEqual(namesOf(between).sort(), lower([...forwarded, ...pass]));
});

test("an instance has as many calls as it may have; one more is told so at once, and is never sent", async (t) => {
  const rig = await rigOf(t);
  let asked = 0;
  const waiting: (() => void)[] = [];
  const port = await rig.instance("p", (req, res) => {
    asked++;
    if (req.url === "/events") res.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    else waiting.push(() => res.end("done"));
  });
  rig.table(site([port], { services: { portal: { port: 1, concurrency: 3, concurrentStreams: 2 } } }));
  const streams = [1, 2].map(() => new Client(rig.edgePort).send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n"));
  for (const one of streams) await one.until(() => one.received.includes("event-stream"));
  const third = await rig.get("/events");
  assert.deepEqual([third.status, third.json["code"]], [503, "gateway/busy"]);
  // Streams take no place of calls.
  const calls = [1, 2, 3].map(() => rig.get("/call"));
  await until(() => waiting.length === 3);
  const beganMs = performance.now();
  const refused = await Promise.all([rig.get("/more"), rig.get("/more", { method: "POST", body: "x" })]);
  assert.ok(performance.now() - beganMs < 5000);
  for (const one of refused) assert.deepEqual([one.status, one.json["code"], one.headers["retry-after"]], [503, "gateway/busy", "1"]);
  assert.equal(asked, 6);
  // One that waits its moment gets the place of one that ends.
  const next = rig.get("/next");
  setTimeout(() => waiting.shift()?.(), 30);
  await until(() => asked === 7);
  for (const one of waiting) one();
  for (const one of await Promise.all([...calls, next])) assert.equal(one.body, "done");
  await rig.feed.until(() => rig.feed.reports.flatMap((one) => one.windows).reduce((sum, one) => sum + one.calls, 0) >= 5);
  assert.equal(
    rig.feed.reports.flatMap((one) => one.windows).reduce((sum, one) => sum + one.errors, 0),
    0,
    "what waits is no error of an instance",
  );
  for (const one of streams) one.socket.destroy();
});

test("who leaves gives way to who stays, whether by a reset or by closing its half", async (t) => {
  const rig = await rigOf(t);
  let closed = 0;
  const port = await rig.instance("p", (req, res) => {
    if (req.url !== "/quick") req.socket.once("close", () => closed++);
    if (req.url === "/quick") res.end("quick");
  });
  rig.table(site([port], { services: { portal: { port: 1, concurrency: 20 } } }));
  for (const leave of ["reset", "end", "destroy"] as const) {
    for (let round = 0; round < 3; round++) {
      const clients = Array.from({ length: 20 }, () => new Client(rig.edgePort).send("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n"));
      await until(() => rig.gateway.core.open === 40);
      for (const { socket } of clients)
        if (leave === "reset") socket.resetAndDestroy();
        else if (leave === "end") socket.end();
        else socket.destroy();
      await new Promise((resolve) => setTimeout(resolve, 50));
      const answers = await Promise.all(Array.from({ length: 20 }, () => rig.get("/quick")));
      assert.ok(
        answers.every((one) => one.body === "quick"),
        `${leave}: ${answers.map((one) => one.status)}`,
      );
      for (const { socket } of clients) socket.destroy();
      await until(() => rig.gateway.core.open <= 40);
    }
  }
  assert.ok(closed > 0, "the instance sees it");
});

test("an answer that is broken off is logged with the status that the client was told, and as broken off; what was told has its own status", async (t) => {
  const rig = await rigOf(t);
  const port = await rig.instance("p", (req, res) => {
    if (req.url === "/begun") res.write("some");
    else if (req.url === "/quick") res.end("quick");
  });
  rig.table(site([port], { services: { portal: { port: 1, concurrency: 1 } }, site: { maxTransactionMs: 600 } }));
  const begun = new Client(rig.edgePort).send("GET /begun HTTP/1.1\r\nHost: a\r\n\r\n");
  await begun.until(() => begun.received.includes("some"));
  begun.socket.end();
  await until(() => rig.gateway.core.open === 2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await rig.get("/quick")).body, "quick");
  const late = new Client(rig.edgePort).send("GET /begun HTTP/1.1\r\nHost: a\r\n\r\n");
  await until(() => late.socket.destroyed || late.socket.readableEnded);
  assert.equal((await rig.get("/hang")).status, 504);
  await rig.gateway.stop({ graceMs: 0 });
  const lines = rig.accessLines().map(({ path, status, error, fault }) => ({ path, status, error, fault }));
  assert.deepEqual(lines, [
    { path: "/begun", status: 200, error: "broken off: gateway/busy", fault: "limit" },
    { path: "/quick", status: 200, error: undefined, fault: undefined },
    { path: "/begun", status: 200, error: "broken off: gateway/max-transaction", fault: "instance" },
    { path: "/hang", status: 504, error: "gateway/max-transaction", fault: "instance" },
  ]);
});

test("an upload may take as long as it likes while it moves", async (t) => {
  const rig = await rigOf(t);
  const port = await rig.instance("p", (req, res) => {
    let bytes = 0;
    req.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    req.on("end", () => res.end(String(bytes)));
  });
  rig.table(site([port], { services: { portal: { port: 1, timeoutMs: 300 } } }));
  const client = new Client(rig.edgePort).send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
  for (let byte = 0; byte < 10; byte++) {
    await new Promise((resolve) => setTimeout(resolve, 80));
    client.send("x");
  }
  await client.until(() => client.received.endsWith("\r\n\r\n10"));
  client.socket.destroy();
});

test("an answer that comes before the body is read reaches a client that goes on sending, and ends the connection in order", async (t) => {
  const rig = await rigOf(t);
  const early = (socket: Socket, seen: string): void => {
    if (seen.length > 70_000 || !seen.includes("\r\n\r\n")) return;
    socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
    // Closed with unread data: a reset.
    setTimeout(() => socket.destroy(), 5);
  };
  const port = await rig.tcpInstance((socket) => {
    let seen = "";
    socket.on("data", (chunk) => {
      socket.pause();
      seen += chunk.toString("latin1");
      early(socket, seen);
    });
  });
  rig.table(
    site([port], {
      routes: [
        { service: "portal", path: { prefix: "/" } },
        { service: "portal", path: { prefix: "/small" }, filters: [{ sizeLimit: { requestBytes: 1000 } }] as never },
      ],
    }),
  );
  const body = "x".repeat(4_000_000);
  for (const path of ["/instance", "/small"]) {
    for (const framing of [
      `Content-Length: ${body.length}\r\n\r\n${body}`,
      `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    ]) {
      const client = new Client(rig.edgePort).send(`POST ${path} HTTP/1.1\r\nHost: a\r\n${framing}`);
      await client.until(() => client.isClosed);
      assert.deepEqual(statusesOf(client.received), [413], `${path}: ${client.received}`);
      assert.match(client.received, /\r\nConnection: close\r\n/i);
      client.socket.destroy();
    }
  }
});

test("a fault of this program ends its own exchange with 500, is counted and logged with its stack, and nothing else ends", async (t) => {
  const lines: (readonly [string, object | undefined])[] = [];
  const log = {
    debug() {},
    info() {},
    warn() {},
    error: (text: string, fields?: object) => void lines.push([text, fields]),
  } as unknown as GatewayOptions["log"];
  const rig = await rigOf(t, { log });
  rig.table(site([await rig.instance("p")]));
  const { core } = rig.gateway;
  const edge = core.edge.bind(core);
  core.edge = (head, ...rest) => {
    if (head.target === "/fault") throw new Error("a fault");
    return edge(head, ...rest);
  };
  const answer = await rig.get("/fault");
  assert.deepEqual([answer.status, answer.json["code"]], [500, "gateway/internal"]);
  assert.equal((await rig.get("/")).status, 200);
  const end = core.stream.bind(core);
  core.stream = () => {
    throw new Error("another");
  };
  rig.table(site([await rig.instance("e", (_req, res) => res.writeHead(200, { "content-type": "text/event-stream" }).end("x"))]));
  assert.equal((await rig.get("/")).status, 500);
  core.stream = end;
  assert.equal((await rig.get("/")).status, 200);
  assert.equal(rig.gateway.guard.count, 2);
  assert.match(JSON.stringify(lines), /a fault.*stack.*wire\.test/);
  assert.equal(rig.gateway.core.open, 0);
});

test("the access log says who had the fault", async (t) => {
  const rig = await rigOf(t);
  const breaking = await rawInstance(rig, (socket) => socket.destroy());
  rig.table(site([breaking.port], { services: { portal: { port: 1, retries: 0 } } }));
  await rig.get("/broken");
  await rig.get("/..");
  const hanging = await rig.instance("p", () => {});
  rig.table(site([hanging]));
  const client = new Client(rig.edgePort).send("GET /left HTTP/1.1\r\nHost: a\r\n\r\n");
  await until(() => rig.gateway.core.open === 2);
  client.socket.resetAndDestroy();
  const other = new Client(rig.edgePort).send("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n");
  await until(() => rig.gateway.core.open === 4);
  await rig.gateway.stop({ graceMs: 0 });
  other.socket.destroy();
  const faults = Object.fromEntries(rig.accessLines().map((line) => [line["path"], [line["error"], line["fault"]]]));
  assert.deepEqual(faults, {
    "/broken": ["gateway/broken-answer", "instance"],
    "/..": ["gateway/bad-request", "client"],
    "/left": ["client gone", "client"],
    "/cut": ["the gateway was stopped", "gateway"],
  });
});

test("a transaction that is ended while its client still owes a part of its body is the client's fault", async (t) => {
  const rig = await rigOf(t);
  const port = await rig.instance("p", () => {});
  rig.table(site([port], { site: { maxTransactionMs: 150 } }));
  const client = new Client(rig.edgePort).send("POST /owed HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  await until(() => rig.gateway.core.open > 0);
  await until(() => rig.gateway.core.open === 0);
  client.socket.destroy();
  await rig.gateway.stop();
  const lines = rig.accessLines().map(({ path, status, error, fault }) => ({ path, status, error, fault }));
  assert.deepEqual(lines, [{ path: "/owed", status: 504, error: "gateway/max-transaction", fault: "client" }]);
});
