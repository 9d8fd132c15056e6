import assert from "node:assert/strict";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import test, { type TestContext } from "node:test";
import type { GatewayOptions } from "./gateway.ts";
import { type Answer, callerAddress, type Echo, freePort, Rig, send, sendRaw } from "./rig.ts";

const PROXY = 3128;

interface Place {
  readonly rig: Rig;
  readonly caller: string;
  readonly other: string;
  readonly auth: number;
  readonly authPort: number;
  readonly tcpRoute: number;
}

/** `portal` calls nobody; `auth` is another service. */
async function placeOf(t: TestContext, options: Partial<GatewayOptions> = {}): Promise<Place> {
  const rig = await Rig.start(undefined, options);
  t.after(() => rig.close());
  const [caller, other, authPort, tcpRoute] = [callerAddress(), callerAddress(), await freePort(), await freePort()];
  const [portal, auth] = [await rig.instance("portal"), await rig.instance("auth")];
  rig.table({
    generations: { 1: { portal: "portal-v1", auth: "auth-v1" } },
    revisions: {
      "portal-v1": [{ instance: "portal", port: portal, caller }],
      "auth-v1": [
        { instance: "auth", port: auth, caller: other },
        { instance: "far", port: 9999, host: "h2", address: "192.0.2.9" },
      ],
    },
    calls: { "portal-v1": [] },
    services: { portal: { port: await freePort() }, auth: { port: authPort } },
    site: { callerCheck: "process" },
    routes: [{ service: "portal" }, { service: "auth", tcp: { address: "127.0.0.1", port: tcpRoute } }],
  });
  for (const address of [caller, other])
    while (
      !(await new Promise<boolean>((resolve) => {
        const socket = connect({ host: address, port: PROXY }, () => resolve(true)).on("error", () => resolve(false));
        socket.once("connect", () => socket.destroy());
      }))
    )
      await new Promise((resolve) => setImmediate(resolve));
  return { rig, caller, other, auth, authPort, tcpRoute };
}

const ask = (place: Place, url: string): Promise<Answer> =>
  send({ host: place.caller, port: PROXY, path: url, headers: { host: url.replace(/^http:\/\/([^/]*)\/.*$/, "$1") } });
const tunnel = async (place: Place, authority: string): Promise<string> => {
  const answer = await sendRaw(PROXY, `CONNECT ${authority} HTTP/1.1\r\nHost: x\r\n\r\n`, {
    host: place.caller,
    isEnough: (text) => text.includes("\r\n\r\n"),
  });
  return `${/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]} ${/gateway\/[a-z-]+/.exec(answer)?.[0] ?? ""}`.trim();
};
const told = (answer: Answer): string => `${answer.status} ${String(answer.json["code"] ?? answer.json["instance"] ?? "")}`.trim();

/** Names of this machine that lead to itself, as its resolver says. */
const ownNames = ["localhost", hostname()];

test("an instance's port is not reached past the gateway, however its address is written", async (t) => {
  const place = await placeOf(t);
  const own = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).filter((one) => one.family === "IPv4").map((one) => one.address));
  const hosts = [
    "127.0.0.1",
    "127.1",
    "0",
    "0.0.0.0",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "017700000001",
    "127.0.0.1.",
    "127.200.3.4",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "LOCALHOST",
    "localhost.",
    "x.localhost",
    ...own,
  ];
  for (const host of hosts) {
    assert.equal(told(await ask(place, `http://${host}:${place.auth}/`)), "403 gateway/bypass", host);
    assert.equal(await tunnel(place, `${host}:${place.auth}`), "403 gateway/bypass", host);
  }
});

test("a name that leads to an own address is refused when it is dialled", async (t) => {
  const place = await placeOf(t);
  const core = place.rig.gateway.core;
  for (const [address, port, isRefused] of [
    ["127.0.0.1", place.auth, true],
    ["::1", place.auth, true],
    ["::ffff:127.0.0.1", place.auth, true],
    ["127.0.0.1", place.authPort, true],
    ["127.0.0.1", place.rig.edgePort, true],
    ["127.0.0.1", place.tcpRoute, true],
    [place.other, PROXY, true],
    ["192.0.2.9", 9999, true],
    ["192.0.2.9", 9998, false],
    ["192.0.2.8", place.auth, false],
    ["127.0.0.1", await freePort(), false],
  ] as const)
    assert.equal(core.dial({ host: "name.example", port }, address) !== undefined, isRefused, `${address}:${port}`);
  for (const name of ownNames) {
    const answer = told(await ask(place, `http://${name}:${place.auth}/`));
    // A machine whose own name has no address refuses it, too.
    assert.match(answer, /^403 gateway\/bypass$|^502 gateway\/connect$/, name);
  }
});

test("the edge, TCP routes and other callers' proxy ports are not reached from a proxy port", async (t) => {
  const place = await placeOf(t);
  for (const url of [
    `http://127.0.0.1:${place.rig.edgePort}/`,
    `http://127.1:${place.rig.edgePort}/`,
    `http://127.0.0.1:${place.tcpRoute}/`,
    `http://${place.other}:${PROXY}/`,
  ])
    assert.equal(told(await ask(place, url)), "403 gateway/bypass", url);
  assert.equal(await tunnel(place, `${place.other}:${PROXY}`), "403 gateway/bypass");
  assert.equal(await tunnel(place, `localhost:${place.rig.edgePort}`), "403 gateway/bypass");
});

test("a service's own port is the service, however the address is written, and what it may call holds there, too", async (t) => {
  const place = await placeOf(t);
  for (const host of ["127.0.0.1", "127.1", "[::1]", "localhost", "0", place.other])
    assert.equal(told(await ask(place, `http://${host}:${place.authPort}/`)), "403 gateway/not-declared", host);
});

test("a service whose name is a number is a service", async (t) => {
  const rig = await Rig.start();
  t.after(() => rig.close());
  const caller = callerAddress();
  rig.table({
    generations: { 1: { "2024": "2024-v1" } },
    revisions: { "2024-v1": [{ instance: "i", port: await rig.instance("i"), caller }] },
    services: { "2024": { port: await freePort() } },
  });
  const core = rig.gateway.core;
  const target = core.resolve({ kind: "proxy", address: caller, port: PROXY }, { host: "2024", port: undefined }, "2024", "/");
  assert.equal(target.kind, "service");
});

test("what is outside stays reachable: other programs of this host, and an instance's own port", async (t) => {
  const place = await placeOf(t);
  const outside = await place.rig.instance("outside");
  for (const host of ["127.0.0.1", "127.1", "localhost"]) {
    const answer = await ask(place, `http://${host}:${outside}/a?b`);
    assert.deepEqual([answer.json["instance"], (answer.json as unknown as Echo).url], ["outside", "/a?b"]);
    assert.equal(await tunnel(place, `${host}:${outside}`), "200");
  }
  const own = place.rig.gateway.core.table.revision("portal-v1")?.endpoints[0]?.ports["http"];
  assert.equal(told(await ask(place, `http://127.1:${own}/`)), "200 portal");
});

test("where callers are known by their processes, another's address is refused, and the shared address gives nobody more than their own", async (t) => {
  /** Whose process the next connection comes from. */
  let who = "portal";
  const asked: string[] = [];
  const place = await placeOf(t, {
    ownerOf: async (_, instance) => {
      asked.push(instance);
      return { isOwn: who === instance, name: who };
    },
  });
  const byOther = { ...place, caller: place.other };
  const direct = (host: string): Promise<Answer> => send({ host, port: place.authPort, path: "/" });
  // portal calls nobody, auth may call anyone.
  assert.equal(told(await ask(place, "http://auth/")), "403 gateway/not-declared");
  assert.equal(told(await ask(byOther, "http://auth/")), "403 gateway/wrong-caller");
  assert.equal(told(await direct(place.other)), "403 gateway/wrong-caller");
  assert.match(String((await ask(byOther, "http://auth/")).json["detail"]), /address of auth, and this connection comes from portal/);
  assert.equal(await tunnel(byOther, "auth:80"), "403 gateway/wrong-caller");
  assert.equal(told(await direct("127.0.0.1")), "403 gateway/not-declared");
  who = "";
  assert.equal(told(await ask(byOther, "http://auth/")), "403 gateway/wrong-caller");
  assert.equal(told(await direct("127.0.0.1")), "200 auth");
  who = "auth";
  assert.equal(told(await ask(byOther, "http://auth/")), "200 auth");
  assert.equal(told(await direct("127.0.0.1")), "200 auth");
  assert.deepEqual([...new Set(asked)].sort(), ["", "auth", "portal"]);
});

test("no number of hosts outside the site is one too many", async (t) => {
  const place = await placeOf(t);
  // The whole loopback is this host, so that each of its addresses is a host of its own to a client.
  const server = createServer((req, res) => res.end(JSON.stringify({ instance: req.headers.host })));
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const hosts = Array.from({ length: 600 }, (_, index) => `127.201.${index >> 8}.${index & 0xff || 7}:${port}`);
  for (let start = 0; start < hosts.length; start += 100) {
    const some = hosts.slice(start, start + 100);
    assert.deepEqual(
      await Promise.all(some.map(async (host) => told(await ask(place, `http://${host}/`)))),
      some.map((host) => `200 ${host}`),
    );
  }
});
