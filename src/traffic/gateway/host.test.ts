import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import test, { type TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import { seededRandom } from "#/base/index.ts";
import { formatGenerationHeader, formatTraceparent, makeSpanId, makeTraceId, parseTraceKey } from "#/traffic/trace/index.ts";
import type { TableSketch } from "./feed/table-sketch.ts";
import { type Answer, callerAddress, type Echo, freePort, portalSite, Rig, type SendOptions, send, sendRaw } from "./rig.ts";

/** The key of sketched tables. */
const key = parseTraceKey("00112233445566778899aabbccddeeff");
const PROXY = 3128;

function label(generation: number): Record<string, string> {
  const random = seededRandom(generation);
  return { traceparent: formatTraceparent({ traceId: makeTraceId(key, { generation, incarnation: 7 }, random), spanId: makeSpanId(random) }) };
}

/** `portal` (one instance of v1, one of v2) calls `auth` (the same); generation 1 has both at v1, 2 has auth at v2, 3 has both at v2. */
class Site {
  readonly rig: Rig;
  readonly portal1 = callerAddress();
  readonly portal2 = callerAddress();
  readonly authPort: number;
  readonly instances: { readonly auth1: number; readonly auth2: number; readonly portal1: number };

  constructor(rig: Rig, authPort: number, instances: Site["instances"]) {
    this.rig = rig;
    this.authPort = authPort;
    this.instances = instances;
  }

  static async start(t: TestContext, more: Partial<TableSketch> = {}): Promise<Site> {
    const rig = await Rig.start();
    t.after(() => rig.close());
    const site = new Site(rig, await freePort(), {
      auth1: await rig.instance("auth-1"),
      auth2: await rig.instance("auth-2"),
      portal1: await rig.instance("portal-1"),
    });
    site.table(more);
    await site.listening();
    return site;
  }

  /** Connects where the newest listener is, until somebody answers. */
  async listening(): Promise<void> {
    for (const address of [this.portal1, this.portal2]) {
      while (
        !(await new Promise<boolean>((resolve) => {
          const socket = connect({ host: address, port: PROXY }, () => {
            socket.destroy();
            resolve(true);
          });
          socket.on("error", () => resolve(false));
        }))
      )
        await new Promise((resolve) => setImmediate(resolve));
    }
  }

  table(more: Partial<TableSketch> = {}): void {
    const { auth1, auth2, portal1 } = this.instances;
    this.rig.table({
      stamp: { generation: 2 },
      generations: {
        1: { portal: "portal-v1", auth: "auth-v1" },
        2: { portal: "portal-v1", auth: "auth-v2" },
        3: { portal: "portal-v2", auth: "auth-v2" },
      },
      revisions: {
        "portal-v1": [{ instance: "portal-1", port: portal1, caller: this.portal1 }],
        "portal-v2": [{ instance: "portal-2", port: 1, caller: this.portal2 }],
        "auth-v1": [{ instance: "auth-1", port: auth1 }],
        "auth-v2": [{ instance: "auth-2", port: auth2 }],
      },
      services: { auth: { port: this.authPort }, portal: { port: 1 } },
      ...more,
    });
  }

  /** A call through the proxy port, as HTTP_PROXY makes it. */
  proxied(from: string, url: string, options: SendOptions = {}): Promise<Answer> {
    return send({ host: from, port: PROXY, path: url, ...options, headers: { host: new URL(url).host, ...options.headers } });
  }
}

const told = (answer: Answer): unknown =>
  answer.status === 200 ? (answer.json as unknown as Echo).instance : `${answer.status} ${String(answer.json["code"])}`;

test("a labelled call goes to its generation's revision, by name, by the service's port, and by localhost", async (t) => {
  const site = await Site.start(t);
  for (const [generation, instance] of [
    [1, "auth-1"],
    [2, "auth-2"],
  ] as const) {
    const headers = label(generation);
    assert.equal(told(await site.proxied(site.portal1, "http://auth/verify", { headers })), instance);
    assert.equal(told(await site.proxied(site.portal1, `http://AUTH.:${site.authPort}/verify`, { headers })), instance);
    assert.equal(told(await site.proxied(site.portal1, `http://localhost:${site.authPort}/verify`, { headers })), instance);
    assert.equal(told(await site.proxied(site.portal1, `http://127.0.0.1:${site.authPort}/verify`, { headers })), instance);
    assert.equal(told(await send({ host: site.portal1, port: site.authPort, path: "/verify", headers })), instance);
    assert.equal(told(await send({ host: "127.0.0.1", port: site.authPort, path: "/verify", headers })), instance);
  }
});

test("a label that is given twice, in two lines or joined, holds as if it were given once; two different ones are a conflict", async (t) => {
  const site = await Site.start(t);
  const [first = "", other = ""] = [label(1)["traceparent"], label(2)["traceparent"]];
  // Another span of the same trace, as a tracing library makes it beside what the program copies.
  const span = first.replace(/-[0-9a-f]{16}-/, "-00000000000000aa-");
  const foreign = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  for (const traceparent of [[first, first], [first, span], `${first}, ${span}`, [foreign, first], [first, foreign], `${first},`]) {
    const answer = await site.proxied(site.portal1, "http://auth/", { headers: { traceparent } });
    assert.equal(told(answer), "auth-1", String(traceparent));
    assert.match(
      (answer.json as unknown as Echo).headers["traceparent"] ?? "",
      /^00-6f7200000001[0-9a-f]{20}-[0-9a-f]{16}-0[13]$/,
      String(traceparent),
    );
  }
  for (const traceparent of [[first, other], `${first}, ${other}`, [foreign, first, other]])
    assert.equal(told(await site.proxied(site.portal1, "http://auth/", { headers: { traceparent } })), "409 gateway/conflict", String(traceparent));
});

test("a call carries its trace on unchanged, and every other carrier with it", async (t) => {
  const site = await Site.start(t);
  const headers = label(1);
  const echo = (
    await site.proxied(site.portal1, "http://auth/verify?x=1", {
      headers: { ...headers, tracestate: "a=b", "x-forwarded-for": "1.2.3.4", "proxy-authorization": "x" },
    })
  ).json as unknown as Echo;
  const traceId = headers["traceparent"]?.slice(3, 35) ?? "";
  assert.equal(echo.url, "/verify?x=1");
  assert.equal(echo.headers["host"], "auth");
  assert.equal(echo.headers["traceparent"], headers["traceparent"]);
  assert.equal(echo.headers["tracestate"], "a=b");
  assert.equal(echo.headers["x-b3-traceid"], traceId);
  assert.equal(echo.headers["b3"]?.slice(0, 32), traceId);
  assert.equal(echo.headers["x-orrery-generation"], formatGenerationHeader(key, { generation: 1, incarnation: 7 }));
  assert.equal(echo.headers["x-forwarded-for"], "1.2.3.4");
  assert.equal(echo.headers["proxy-authorization"], undefined);
});

test("a service that forwards only B3, or only the second carrier, keeps its generation", async (t) => {
  const site = await Site.start(t);
  const traceId = makeTraceId(key, { generation: 1, incarnation: 7 }, seededRandom(1));
  const byB3 = await site.proxied(site.portal1, "http://auth/", { headers: { "x-b3-traceid": traceId, "x-b3-spanid": "00000000000000aa" } });
  assert.equal(told(byB3), "auth-1");
  assert.equal((byB3.json as unknown as Echo).headers["traceparent"], `00-${traceId}-00000000000000aa-03`);
  const bySecond = await site.proxied(site.portal1, "http://auth/", {
    headers: { b3: `${traceId.slice(16)}-00000000000000aa-1`, "x-orrery-generation": formatGenerationHeader(key, { generation: 1, incarnation: 7 }) },
  });
  assert.equal(told(bySecond), "auth-1");
  const echo = bySecond.json as unknown as Echo;
  assert.match(echo.headers["traceparent"] ?? "", /^00-6f7200000001/);
  assert.equal(echo.headers["tracestate"], `orrery=${"0".repeat(16)}${traceId.slice(16)}-00000000000000aa`);
});

test("a labelled call is refused if the caller's revision is not of its generation", async (t) => {
  const site = await Site.start(t);
  assert.equal(told(await site.proxied(site.portal2, "http://auth/", { headers: label(1) })), "409 gateway/wrong-revision");
  assert.equal(told(await site.proxied(site.portal1, "http://auth/", { headers: label(3) })), "409 gateway/wrong-revision");
  assert.equal(told(await site.proxied(site.portal2, "http://auth/", { headers: label(3) })), "auth-2");
  await site.rig.feed.until(() =>
    site.rig.feed.reports.some((one) => one.refused.some((sum) => sum.service === "portal" && sum.reason === "revision" && sum.called === "auth")),
  );
});

test("an unlabelled call gets the newest generation in service that has the caller's revision, and is counted", async (t) => {
  const site = await Site.start(t);
  // Generation 3 is only being prepared: nobody stamps it yet.
  assert.equal(told(await site.proxied(site.portal2, "http://auth/")), "503 gateway/no-generation");
  const answer = await site.proxied(site.portal1, "http://auth/");
  assert.equal(told(answer), "auth-2");
  assert.match((answer.json as unknown as Echo).headers["traceparent"] ?? "", /^00-6f7200000002/);
  site.table({ stamp: { generation: 3 } });
  assert.equal(told(await site.proxied(site.portal2, "http://auth/")), "auth-2");
  assert.match(((await site.proxied(site.portal1, "http://auth/")).json as unknown as Echo).headers["traceparent"] ?? "", /^00-6f7200000002/);
  await site.rig.feed.until(
    () => site.rig.feed.reports.flatMap((one) => one.unlabelled).reduce((sum, one) => sum + (one.service === "portal" ? one.calls : 0), 0) === 4,
  );
  // The first one went nowhere.
  const windows = site.rig.feed.reports.flatMap((one) => one.windows);
  assert.equal(
    windows.reduce((sum, one) => sum + (one.unlabelled ?? 0), 0),
    3,
  );
});

test("a foreign or forged context is no context", async (t) => {
  const site = await Site.start(t);
  for (const traceparent of [
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-6f720000000100070000000000000001-b7ad6b7169203331-01",
    "nonsense",
  ]) {
    assert.equal(told(await site.proxied(site.portal1, "http://auth/", { headers: { traceparent } })), "auth-2", traceparent);
  }
});

test("where the policy rejects unlabelled calls they are refused", async (t) => {
  const site = await Site.start(t, { site: { unlabelled: "reject" } });
  assert.equal(told(await site.proxied(site.portal1, "http://auth/")), "403 gateway/unlabelled");
  assert.equal(told(await site.proxied(site.portal1, "http://auth/", { headers: label(1) })), "auth-1");
});

test("carriers that name different generations are refused", async (t) => {
  const site = await Site.start(t);
  assert.equal(
    told(
      await site.proxied(site.portal1, "http://auth/", {
        headers: { ...label(1), "x-orrery-generation": formatGenerationHeader(key, { generation: 2, incarnation: 7 }) },
      }),
    ),
    "409 gateway/conflict",
  );
});

test("an unknown generation waits for a table that knows it, and gives 503 if none comes: never another revision", async (t) => {
  const site = await Site.start(t);
  assert.equal(told(await site.proxied(site.portal1, "http://auth/", { headers: label(9) })), "503 gateway/unknown-generation");
  const call = site.proxied(site.portal1, "http://auth/", { headers: label(4) });
  await new Promise((resolve) => setTimeout(resolve, 50));
  site.table({ generations: { 2: { portal: "portal-v1", auth: "auth-v2" }, 4: { portal: "portal-v1", auth: "auth-v1" } } });
  assert.equal(told(await call), "auth-1");
});

test("on the shared address the caller is unknown: labelled calls go unguarded, others get the stamped generation", async (t) => {
  const site = await Site.start(t);
  assert.equal(told(await send({ port: site.authPort, path: "/", headers: label(3) })), "auth-2");
  assert.equal(told(await send({ port: site.authPort, path: "/" })), "auth-2");
  await site.rig.feed.until(() => site.rig.feed.reports.some((one) => one.unlabelled.some((sum) => sum.service === "?")));
});

test("a call that the caller's revision does not declare is refused", async (t) => {
  const site = await Site.start(t, { calls: { "portal-v1": ["mail"] } });
  assert.equal(told(await site.proxied(site.portal1, "http://auth/", { headers: label(1) })), "403 gateway/not-declared");
  await assert.rejects(send({ host: site.portal1, port: site.authPort, path: "/" }), { code: "ECONNREFUSED" });
});

test("another instance's own port is not reached past the gateway; one's own is", async (t) => {
  const site = await Site.start(t);
  assert.equal(told(await site.proxied(site.portal1, `http://127.0.0.1:${site.instances.auth1}/`, { headers: label(1) })), "403 gateway/bypass");
  assert.equal(told(await site.proxied(site.portal1, `http://localhost:${site.instances.portal1}/`)), "portal-1");
});

test("hosts outside the site are passed through unchanged", async (t) => {
  const site = await Site.start(t);
  const port = await site.rig.instance("outside");
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const answer = await site.proxied(site.portal1, `http://127.0.0.1:${port}/a?b`, {
    method: "POST",
    body: "text",
    headers: { traceparent, "x-forwarded-for": "9.9.9.9", "proxy-connection": "keep-alive" },
  });
  const echo = answer.json as unknown as Echo;
  assert.deepEqual(
    [
      echo.instance,
      echo.url,
      echo.body,
      echo.headers["traceparent"],
      echo.headers["x-forwarded-for"],
      echo.headers["x-orrery-generation"],
      echo.headers["proxy-connection"],
    ],
    ["outside", "/a?b", "text", traceparent, "9.9.9.9", undefined, undefined],
  );
});

test("what a host outside the site does wrong is not told of an instance, nor what a client does of the host", async (t) => {
  const site = await Site.start(t);
  const silent = await site.rig.tcpInstance((socket) => socket.once("data", () => socket.end()));
  const odd = await site.rig.tcpInstance((socket) => socket.once("data", () => socket.end("HTTP/2.0 200 OK\r\n\r\n")));
  const upgrade = { headers: { connection: "upgrade", upgrade: "websocket" } };
  for (const [url, options, status, code, proxyError] of [
    [`http://127.0.0.1:${await freePort()}/`, {}, 502, "gateway/connect", "connection_refused"],
    ["http://no-such-host.invalid/", {}, 502, "gateway/connect", "dns_error"],
    [`http://127.0.0.1:${silent}/`, {}, 502, "gateway/broken-answer", "connection_terminated"],
    [`http://127.0.0.1:${odd}/`, {}, 502, "gateway/broken-answer", "connection_terminated"],
    [`http://127.0.0.1:${silent}/`, upgrade, 501, "gateway/upgrade", "http_upgrade_failed"],
    [`http://127.0.0.1:${site.rig.edgePort}/`, {}, 403, "gateway/bypass", "destination_ip_prohibited"],
    [`http://127.0.0.1:${PROXY}/`, {}, 403, "gateway/bypass", "destination_ip_prohibited"],
  ] as const) {
    const answer = await site.proxied(site.portal1, url, options);
    assert.deepEqual([answer.status, answer.json["code"]], [status, code], url);
    assert.match(String(answer.headers["proxy-status"]), new RegExp(`error=${proxyError};`), url);
    assert.doesNotMatch(String(answer.json["title"]), /instance/i, url);
    assert.match(String(answer.json["detail"]), new RegExp(new URL(url).hostname), url);
  }
});

test("OPTIONS * on the proxy port is told whom it asks", async (t) => {
  const site = await Site.start(t);
  const text = await sendRaw(PROXY, "OPTIONS * HTTP/1.1\r\nHost: auth\r\nConnection: close\r\n\r\n", { host: site.portal1 });
  assert.match(text, /^HTTP\/1.1 400 [\s\S]*"detail":"OPTIONS \* asks about this proxy itself/);
});

test("an origin-form request on the proxy port is refused with what to do", async (t) => {
  const site = await Site.start(t);
  assert.equal(told(await send({ host: site.portal1, port: PROXY, path: "/", headers: { host: "auth" } })), "400 gateway/bad-request");
});

test("a CONNECT to a service is ended in the gateway and read as HTTP, request by request", async (t) => {
  const site = await Site.start(t);
  const head = (generation: number, more = ""): string =>
    `GET /x HTTP/1.1\r\nHost: auth\r\ntraceparent: ${label(generation)["traceparent"]}\r\n${more}\r\n`;
  const answer = await sendRaw(PROXY, `CONNECT auth:80 HTTP/1.1\r\nHost: auth:80\r\n\r\n`, {
    host: site.portal1,
    isEnough: (one) => one.includes("\r\n\r\n"),
  });
  assert.match(answer, /^HTTP\/1.1 200 /);
  const whole = await new Promise<string>((resolve) => {
    let text = "";
    const socket = connect({ host: site.portal1, port: PROXY }, () => socket.write("CONNECT auth:80 HTTP/1.1\r\nHost: auth:80\r\n\r\n"));
    let isAsked = false;
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (isAsked || !text.includes("\r\n\r\n")) return;
      isAsked = true;
      socket.write(head(1) + head(2) + head(3, "Connection: close\r\n"));
    });
    socket.on("close", () => resolve(text));
  });
  assert.deepEqual(
    [...whole.matchAll(/"instance":"([^"]+)"|"code":"([^"]+)"/g)].map((match) => match[1] ?? match[2]),
    ["auth-1", "auth-2", "gateway/wrong-revision"],
  );
});

test("a CONNECT whose client speaks at once is served as well", async (t) => {
  const site = await Site.start(t);
  const answer = await sendRaw(
    PROXY,
    `CONNECT auth:80 HTTP/1.1\r\nHost: auth:80\r\n\r\nGET / HTTP/1.1\r\nHost: auth\r\ntraceparent: ${label(1)["traceparent"]}\r\nConnection: close\r\n\r\n`,
    { host: site.portal1 },
  );
  assert.match(answer, /"instance":"auth-1"/);
});

test("TLS inside a CONNECT to a service is refused with a TLS alert", async (t) => {
  const site = await Site.start(t);
  const socket = await connected(site.portal1);
  socket.write("CONNECT auth:443 HTTP/1.1\r\nHost: auth:443\r\n\r\n");
  await new Promise((resolve) => socket.once("data", resolve));
  const secure = connectTls({ socket, servername: "auth", rejectUnauthorized: false });
  const error = await new Promise<NodeJS.ErrnoException>((resolve) => secure.once("error", resolve));
  assert.match(error.code ?? "", /ACCESS_DENIED/);
  socket.destroy();
});

test("a CONNECT to a host outside the site is a tunnel; one to an instance's port is refused", async (t) => {
  const site = await Site.start(t);
  const port = await site.rig.tcpInstance((one) => one.pipe(one));
  const socket = await connected(site.portal1);
  socket.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: x\r\n\r\nearly `);
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (text.endsWith("early ")) socket.end("bird");
  });
  await new Promise((resolve) => socket.once("end", resolve));
  assert.match(text, /^HTTP\/1.1 200 Connection Established\r\n\r\nearly bird$/);
  assert.match(
    await sendRaw(PROXY, `CONNECT 127.0.0.1:${site.instances.auth1} HTTP/1.1\r\nHost: x\r\n\r\n`, { host: site.portal1 }),
    /^HTTP\/1.1 403 [\s\S]*gateway\/bypass/,
  );
  assert.match(await sendRaw(PROXY, `CONNECT 127.0.0.1:${await freePort()} HTTP/1.1\r\nHost: x\r\n\r\n`, { host: site.portal1 }), /^HTTP\/1.1 502 /);
});

test("where a strategy keeps no versions, what was moved is met instead of what the generation's map says", async (t) => {
  const site = await Site.start(t);
  site.table({
    services: {
      auth: {
        port: site.authPort,
        moves: [{ before: 2, from: "auth-v1", to: "auth-v2", isPartial: true }],
      },
      portal: { port: 1 },
    },
  });
  const seen = new Set<unknown>();
  for (let index = 0; index < 40; index++) seen.add(told(await site.proxied(site.portal1, "http://auth/", { headers: label(1) })));
  assert.deepEqual([...seen].sort(), ["auth-1", "auth-2"]);
});

test("an instance of a fenced host serves no generation beyond its fence", async (t) => {
  const site = await Site.start(t);
  const { auth1, auth2, portal1 } = site.instances;
  site.table({
    revisions: {
      "portal-v1": [{ instance: "portal-1", port: portal1, caller: site.portal1 }],
      "auth-v2": [
        { instance: "auth-1", port: auth1, upTo: 1 },
        { instance: "auth-2", port: auth2 },
      ],
    },
    generations: { 1: { portal: "portal-v1", auth: "auth-v2" }, 2: { portal: "portal-v1", auth: "auth-v2" } },
  });
  const seen = async (generation: number): Promise<unknown[]> => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => site.proxied(site.portal1, "http://auth/", { headers: label(generation) })));
    return [...new Set(answers.map(told))].sort();
  };
  assert.deepEqual(await seen(1), ["auth-1", "auth-2"]);
  assert.deepEqual(await seen(2), ["auth-2"]);
});

test("listeners come and go with the table, and connections under way outlive them", async (t) => {
  const site = await Site.start(t);
  const mailPort = await freePort();
  const slow = Promise.withResolvers<() => void>();
  const port = await site.rig.instance("mail-1", (_req, res) => slow.resolve(() => res.end("whole")));
  site.table({
    generations: { 2: { portal: "portal-v1", mail: "mail-v1" } },
    revisions: { "portal-v1": [{ instance: "portal-1", port: 1, caller: site.portal1 }], "mail-v1": [{ instance: "mail-1", port }] },
    services: { mail: { port: mailPort } },
  });
  const running = (async () => {
    for (;;) {
      try {
        return await send({ host: site.portal1, port: mailPort, path: "/" });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") throw error;
      }
    }
  })();
  const finish = await slow.promise;
  site.table();
  await assert.rejects(send({ host: site.portal1, port: mailPort, path: "/" }), { code: "ECONNREFUSED" });
  finish();
  assert.equal((await running).body, "whole");
});

test("a port that is taken is reported, and used once it is free", async (t) => {
  const site = await Site.start(t);
  const { createServer } = await import("node:net");
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
  const { port } = blocker.address() as { port: number };
  site.table({ services: { auth: { port } } });
  await site.rig.feed.until(
    () => site.rig.feed.reports.at(-1)?.listenFailures.some((one) => one.port === port && /EADDRINUSE/.test(one.reason)) === true,
  );
  await new Promise((resolve) => blocker.close(resolve));
  await site.rig.feed.until(() => site.rig.feed.reports.at(-1)?.listenFailures.length === 0);
  assert.equal(told(await send({ port, path: "/" })), "auth-2");
});

test("a call between services counts as outbound and inbound while it runs", async (t) => {
  const site = await Site.start(t);
  const running = Promise.withResolvers<() => void>();
  const port = await site.rig.instance("auth-1", (_req, res) => running.resolve(() => res.end()));
  site.table({ revisions: { "portal-v1": [{ instance: "portal-1", port: 1, caller: site.portal1 }], "auth-v1": [{ instance: "auth-1", port }] } });
  const call = site.proxied(site.portal1, "http://auth/", { headers: label(1) });
  const finish = await running.promise;
  await site.rig.feed.until(() => site.rig.feed.reports.at(-1)?.counts.find((one) => one.generation === 1)?.outbound === 1);
  const report = site.rig.feed.reports.at(-1);
  assert.deepEqual(
    report?.counts.find((one) => one.generation === 1),
    {
      generation: 1,
      edge: 0,
      streams: 0,
      outbound: 1,
      inbound: 1,
      begun: 0,
      started: 2,
      services: { auth: { open: 2, started: 2 }, portal: { open: 1, started: 1 } },
    },
  );
  assert.deepEqual(
    report?.windows.map((one) => [one.caller, one.instance, one.calls, one.inFlight]),
    [["portal", "auth-1", 0, 1]],
  );
  finish();
  await call;
  await site.rig.feed.until(() => site.rig.feed.reports.at(-1)?.counts.every((one) => one.outbound === 0 && one.inbound === 0) === true);
});

async function connected(host: string): Promise<Socket> {
  const socket = connect({ host, port: PROXY });
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("connect", resolve));
  return socket;
}

test("a request that runs while the gateway stops may still call other services; then calls end, too", async (t) => {
  const rig = await Rig.start();
  t.after(() => rig.close());
  const [caller, authPort] = [callerAddress(), await freePort()];
  const call = (headers: Readonly<Record<string, string>>): Promise<Answer> =>
    send({ host: caller, port: PROXY, path: "http://auth/verify", headers: { host: "auth", ...headers } });
  const isRunning = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const portal = await rig.instance("portal-1", async (req, res) => {
    isRunning.resolve();
    await goOn.promise;
    const answer = await call({ traceparent: String(req.headers["traceparent"]) }).catch(String);
    res.end(typeof answer === "string" ? answer : String(answer.status));
  });
  rig.table({
    stamp: { generation: 1 },
    generations: { 1: { portal: "portal-v1", auth: "auth-v1" } },
    revisions: {
      "portal-v1": [{ instance: "portal-1", port: portal, caller }],
      "auth-v1": [{ instance: "auth-1", port: await rig.instance("auth-1") }],
    },
    services: { auth: { port: authPort }, portal: { port: 1 } },
    routes: [{ service: "portal" }],
  });
  const running = rig.get("/");
  await isRunning.promise;
  const { edgePort } = rig;
  const stopped = rig.gateway.stop();
  await assert.rejects(send({ port: edgePort, path: "/" }));
  assert.equal(rig.gateway.isDrained, false);
  goOn.resolve();
  const answer = await running;
  assert.deepEqual([answer.status, answer.body], [200, "200"]);
  await stopped;
  assert.equal(rig.gateway.isDrained, true);
  await assert.rejects(call({}));
});

test("a worker that is called answers 503 with what its template has to say, and is not blamed", async (t) => {
  const rig = await Rig.start({
    generations: { 1: { worker: "worker-v1" } },
    revisions: { "worker-v1": [{ instance: "worker-0", ports: {} }] },
    services: { worker: { port: 1, ports: [] } },
    routes: [{ service: "worker", path: { prefix: "/" } }],
  });
  t.after(() => rig.close());
  const { status, json } = await send({ port: rig.edgePort, path: "/" });
  assert.deepEqual([status, json["code"]], [503, "gateway/no-service"]);
  assert.equal(json["detail"], "worker takes no calls: the template of worker-v1 says `ports: []` (a worker); give it a port");
});

test("what an instance leaves without an answer because the site does not wait for it is answered for the site, and tried nowhere else", async (t) => {
  for (const isHurried of [true, false]) {
    const rig = await Rig.start();
    t.after(() => rig.close());
    const running: Promise<IncomingMessage>[] = [];
    const ports = await Promise.all(
      ["portal-0", "portal-1"].map((name) => {
        const asked = Promise.withResolvers<IncomingMessage>();
        running.push(asked.promise);
        return rig.instance(name, (req) => asked.resolve(req));
      }),
    );
    rig.table(portalSite(ports));
    const answer = rig.get("/");
    const first = await Promise.race(running);
    if (isHurried) rig.gateway.hurry();
    else void rig.gateway.drain();
    first.socket.destroy();
    if (isHurried) {
      const { status, json } = await answer;
      assert.deepEqual(
        [status, json["code"], json["detail"]],
        [503, "gateway/stopping", "the site is being stopped, and waits for no request any longer"],
      );
    } else {
      // A site that waits for what runs tries the other instance, as ever.
      const other = await Promise.race(running.map(async (one) => ((await one) === first ? await new Promise<never>(() => {}) : await one)));
      other.socket.destroy();
      assert.equal((await answer).status, 502);
    }
  }
});

test("a line of the access log says which service called, and where the call stands in its trace; who listens gets the same lines", async (t) => {
  const site = await Site.start(t);
  const heard: string[] = [];
  site.rig.gateway.listenToLines((lines) => void heard.push(Buffer.from(lines).toString()));
  const headers = label(1);
  const [, traceId, span] = /^00-(.{32})-(.{16})-/.exec(headers["traceparent"] ?? "") ?? [];
  await site.proxied(site.portal1, "http://auth/carried", { headers });
  const begun = (await site.proxied(site.portal1, "http://auth/begun")).json as unknown as Echo;
  await send({ host: "127.0.0.1", port: site.authPort, path: "/unknown", headers });
  const [, newTrace, newSpan] = /^00-(.{32})-(.{16})-/.exec(String(begun.headers["traceparent"])) ?? [];
  await site.rig.gateway.stop({ graceMs: 0 });
  const lines = heard
    .join("")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    lines.map((one) => [one["from"], one["caller"], one["traceId"], one["parent"], one["span"]]),
    [
      ["portal", "portal-1", traceId, span, undefined],
      ["portal", "portal-1", newTrace, undefined, newSpan],
      [undefined, "?", traceId, span, undefined],
    ],
  );
  assert.deepEqual(site.rig.accessLines(), lines);
});
