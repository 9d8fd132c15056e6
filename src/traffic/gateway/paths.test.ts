import assert from "node:assert/strict";
import { connect } from "node:net";
import test, { type TestContext } from "node:test";
import type { TableSketch } from "./feed/table-sketch.ts";
import { callerAddress, type Echo, freePort, Rig, send, sendRaw } from "./rig.ts";

type Routes = NonNullable<TableSketch["routes"]>;
type Filters = NonNullable<Routes[number]["filters"]>;

/** `pub` behind /pub, `private` behind /pub/private and everything else. */
async function rigOf(t: TestContext, routes: Routes, handler?: Parameters<Rig["instance"]>[1]): Promise<Rig & { caller: string }> {
  const rig = await Rig.start();
  t.after(() => rig.close());
  const caller = callerAddress();
  const ports = [await rig.instance("pub", handler), await rig.instance("private")];
  rig.table({
    generations: { 1: { pub: "pub-v1", private: "private-v1" } },
    revisions: {
      "pub-v1": [{ instance: "pub", port: ports[0] as number, caller }],
      "private-v1": [{ instance: "private", port: ports[1] as number }],
    },
    services: { pub: { port: await freePort() }, private: { port: await freePort() } },
    routes,
  });
  return Object.assign(rig, { caller });
}

const filters = (...list: object[]): Filters => list as unknown as Filters;
const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);

async function proxyOf(rig: { caller: string }): Promise<string> {
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: rig.caller, port: 3128 }, () => resolve(true)).on("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isOpen) return rig.caller;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("a path that leads out of its folder is refused in every form: plain, absolute, as an upgrade, between services", async (t) => {
  const rig = await rigOf(t, [{ service: "pub", path: { prefix: "/pub" } }]);
  const proxy = await proxyOf(rig);
  for (const path of [
    "/pub/x%2f..%2f..%2fsecret/key.txt",
    "/pub/..;/x",
    "/pub/..%5cx",
    "/pub/%252e%252e/x",
    "/pub/%c0%ae./x",
    "/pub/\\..\\x",
    "/pub/%00",
  ]) {
    const close = "Host: a\r\nConnection: close\r\n\r\n";
    const upgrade =
      "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    const answers = [
      await sendRaw(rig.edgePort, `GET ${path} HTTP/1.1\r\n${close}`),
      await sendRaw(rig.edgePort, `GET http://a${path} HTTP/1.1\r\n${close}`),
      await sendRaw(rig.edgePort, `GET ${path} HTTP/1.1\r\n${upgrade}`),
      await sendRaw(3128, `GET http://private${path} HTTP/1.1\r\n${close.replace("Host: a", "Host: private")}`, { host: proxy }),
      await sendRaw(3128, `GET http://private${path} HTTP/1.1\r\n${upgrade.replace("Host: a", "Host: private")}`, { host: proxy }),
    ];
    assert.deepEqual(answers.map(statusOf), [400, 400, 400, 400, 400], path);
  }
});

test("a Route that is more specific is not walked around, and the path goes on as it was written", async (t) => {
  const rig = await rigOf(t, [
    { service: "pub", path: { prefix: "/pub" } },
    { service: "private", path: { prefix: "/pub/private" } },
  ]);
  for (const path of [
    "/pub/private/k",
    "/pub//private/k",
    "/pub%2Fprivate/k",
    "/pub%5Cprivate/k",
    "/pub/;x/private/k",
    "/pub;v=1/private;w/k",
    "/pub/%70rivate/k",
  ]) {
    const { instance, url } = (await rig.get(path)).json as unknown as Echo;
    assert.deepEqual([instance, url], ["private", path]);
  }
  assert.equal(((await rig.get("/pub/http://x//y")).json as unknown as Echo).url, "/pub/http://x//y");
  assert.equal(((await rig.get("//pub/x")).json as unknown as Echo).url, "/pub/x");
  assert.equal((await rig.get("/pub/a%2Fb")).json["instance"], "pub");
});

test("a path in other than ASCII characters matches as they are and percent-encoded", async (t) => {
  const rig = await rigOf(t, [
    { service: "pub", path: { prefix: "/卫星" }, filters: filters({ rewritePath: { prefix: "/sat" } }) },
    { service: "private", path: { exact: "/a%20b/%e5%9c%b0" } },
  ]);
  assert.equal(((await rig.get("/%E5%8D%AB%e6%98%9f/1?q=%")).json as unknown as Echo).url, "/sat/1?q=%");
  const raw = await sendRaw(rig.edgePort, Buffer.from("GET /卫星/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  // Bytes that are no ASCII are no part of a request line (RFC 9112, 3.2): clients encode them.
  assert.equal(statusOf(raw), 400);
  assert.equal((await rig.get("/a%20b/%E5%9C%B0")).json["instance"], "private");
});

test("a rewritten path keeps what stood behind the matched segments, however they were written", async (t) => {
  const rig = await rigOf(t, [
    { service: "pub", path: { prefix: "/in/" }, filters: filters({ rewritePath: { prefix: "/" } }) },
    { service: "private", path: { exact: "/one" }, filters: filters({ rewritePath: { prefix: "/other" } }) },
  ]);
  for (const [path, url] of [
    ["/in/a/b?c=/d", "/a/b?c=/d"],
    ["/in", "/"],
    ["/in?x", "/?x"],
    ["/in//evil.org/x", "/evil.org/x"],
    ["/%69n/a%2Fb", "/a%2Fb"],
    ["/in;v=1/a;w=2", "/a;w=2"],
    ["/one?x=1", "/other?x=1"],
  ] as const)
    assert.equal(((await rig.get(path)).json as unknown as Echo).url, url, path);
});

test("what an answer says of addresses is put back as the client knows them", async (t) => {
  let says: Record<string, string | string[]> = {};
  const rig = await rigOf(
    t,
    [
      { service: "pub", path: { prefix: "/pub" }, filters: filters({ rewritePath: { prefix: "/app" } }) },
      { service: "pub", path: { prefix: "/root" }, filters: filters({ rewritePath: { prefix: "/" } }, { rewriteHost: { host: "inner:81" } }) },
      { service: "pub", path: { prefix: "/std" }, filters: filters({ rewriteHost: { host: "inner.example" } }) },
    ],
    (_, res) => res.writeHead(302, says).end(),
  );
  const locationOf = async (path: string, location: string): Promise<unknown> => {
    says = { location };
    return (await rig.get(path, { headers: { host: "www.example.org" } })).headers.location;
  };
  for (const [path, from, to] of [
    ["/pub/x", "/app/login?a=/app#b", "/pub/login?a=/app#b"],
    ["/pub/x", "/app", "/pub"],
    ["/pub/x", "/application", "/application"],
    ["/pub/x", "/elsewhere", "/elsewhere"],
    ["/pub/x", "login", "login"],
    ["/pub/x", "?a", "?a"],
    ["/pub/x", "http://www.example.org/app/y", "http://www.example.org/pub/y"],
    ["/pub/x", "//www.example.org/app/y", "//www.example.org/pub/y"],
    ["/pub/x", "HTTP://WWW.Example.org/app/y", "HTTP://WWW.Example.org/pub/y"],
    ["/pub/x", "https://other.org/app/y", "https://other.org/app/y"],
    ["/pub/x", "mailto:a@b", "mailto:a@b"],
    ["/root/x", "/login", "/root/login"],
    ["/root/x", "/", "/root/"],
    ["/root/x", "/root/login", "/root/login"],
    ["/root/x", "http://inner:81/y", "http://www.example.org/root/y"],
    ["/root/x", "http://inner:81", "http://www.example.org/root/"],
    ["/root/x", "https://inner:81/y", "https://www.example.org/root/y"],
    ["/root/x", "HTTPS://INNER:81/y", "https://www.example.org/root/y"],
    ["/root/x", "//inner:81/y", "http://www.example.org/root/y"],
    ["/root/x", "http://inner/y", "http://inner/y"],
    ["/std/x", "http://inner.example:80/y", "http://www.example.org/y"],
    ["/std/x", "https://inner.example:443/y", "https://www.example.org/y"],
    ["/std/x", "https://inner.example:80/y", "https://inner.example:80/y"],
    ["/std/x", "http://inner.example:8080/y", "http://inner.example:8080/y"],
  ] as const)
    assert.equal(await locationOf(path, from), to, `${path} ${from}`);
  says = { "content-location": "/app/1", "set-cookie": ["a=1; Path=/app; HttpOnly", "b=path=/app; path=/", "c=1;path=/app/x"] };
  const { headers } = await rig.get("/pub/x");
  assert.equal(headers["content-location"], "/pub/1");
  assert.deepEqual(headers["set-cookie"], ["a=1; Path=/pub; HttpOnly", "b=path=/app; path=/", "c=1;path=/pub/x"]);
  says = { "set-cookie": ["a=1; Domain=inner; Path=/x", "b=1; Domain=.example.org"] };
  assert.deepEqual((await rig.get("/root/x")).headers["set-cookie"], ["a=1; Path=/root/x", "b=1; Domain=.example.org"]);
});

test("filters of an older release that HTTP would refuse do nothing, and end nothing", async (t) => {
  const bad = filters(
    { responseHeaders: { set: { "x-title": "地面站", "x-end": "a\n", "x-good": "1" }, remove: ["Content-Length"] } },
    { requestHeaders: { set: { "x-title": "地面站", host: "a b", traceparent: "x" }, remove: [] } },
    { rewritePath: { prefix: "/a b\n" } },
    { rewriteHost: { host: "a\nb" } },
  );
  const rig = await rigOf(t, [
    { service: "pub", path: { prefix: "/" }, filters: bad },
    { service: "private", path: { prefix: "/../x" } },
  ]);
  const answer = await rig.get("/x");
  assert.deepEqual([answer.status, answer.headers["x-good"], answer.json["url"]], [200, "1", "/x"]);
  const upgrade = await sendRaw(
    rig.edgePort,
    "GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
  assert.equal(statusOf(upgrade), 200);
  assert.equal((await send({ port: rig.edgePort, path: "/y" })).status, 200);
});
