import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { isOrreryError, ManualClock, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { type Certificates, ensureCertificates } from "#/pki/index.ts";
import { createLink, type Link } from "#/state/link/index.ts";
import { type Client, createClient } from "./client.ts";

let folder: string;
let certificates: Certificates;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "orrery-client-"));
  certificates = await ensureCertificates({ folder, addresses: [], nowMs: Date.now(), random: systemRandom });
});
after(() => rm(folder, { recursive: true, force: true }));

type Respond = (stream: ServerHttp2Stream, path: string, authorization: string) => unknown;

async function serve(
  t: TestContext,
  respond: Respond,
  port = 0,
): Promise<{ readonly server: Http2SecureServer; readonly sessions: Set<ServerHttp2Session>; readonly port: number; stop(): Promise<void> }> {
  const server = createSecureServer({ cert: certificates.certificate, key: certificates.key });
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {}).once("close", () => sessions.delete(session));
  });
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => {});
    respond(stream, String(headers[":path"]), String(headers.authorization));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const stop = async (): Promise<void> => {
    for (const session of sessions) session.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  t.after(stop);
  return { server, sessions, port: (server.address() as AddressInfo).port, stop };
}

function clientOf(
  t: TestContext,
  port: number,
  options: { readonly ca?: string; readonly clock?: typeof systemClock; readonly serverName?: string } = {},
): Client {
  const client = createClient({
    url: `https://127.0.0.1:${port}`,
    ca: options.ca ?? certificates.ca,
    serverName: options.serverName,
    token: "secret",
    clock: options.clock ?? systemClock,
    random: systemRandom,
    log: silentLog,
    userAgent: "test",
  });
  t.after(() => client.close());
  return client;
}

const json = (stream: ServerHttp2Stream, status: number, body: unknown): void => {
  stream.respond({ ":status": status, "content-type": "application/json" });
  stream.end(JSON.stringify(body));
};

test("a server that is another site's is refused before it is sent a token", async (t) => {
  const { sessions, port } = await serve(t, (stream) => json(stream, 200, {}));
  const client = clientOf(t, port, { serverName: "site-1.orrery.internal" });
  await assert.rejects(
    client.request({ path: "/x" }),
    (error) => isOrreryError(error, "client/untrusted") && error.message.startsWith(`another site answers at https://127.0.0.1:${port}, `),
  );
  assert.deepEqual([...sessions], []);
});

test("requests, parallel ones too, share one connection and carry token, query and body", async (t) => {
  const { sessions, port } = await serve(t, async (stream, path, authorization) => {
    let body = "";
    for await (const chunk of stream) body += chunk;
    json(stream, 200, { path, authorization, body });
  });
  const client = clientOf(t, port);
  const answers = await Promise.all([
    client.request({ path: "/a", query: { x: "1 2", y: undefined } }),
    client.request({ method: "POST", path: "/b", body: { n: 1 } }),
    client.request({ path: "/c" }),
  ]);
  assert.deepEqual(
    answers.map((answer) => answer.body),
    [
      { path: "/a?x=1+2", authorization: "Bearer secret", body: "" },
      { path: "/b", authorization: "Bearer secret", body: '{"n":1}' },
      { path: "/c", authorization: "Bearer secret", body: "" },
    ],
  );
  assert.equal(sessions.size, 1);
});

test("a Status becomes the error that was thrown at the server", async (t) => {
  const { port } = await serve(t, (stream, path) => {
    if (path === "/carried")
      return json(stream, 409, {
        kind: "Status",
        message: "held by x",
        reason: "AlreadyExists",
        details: { orrery: { code: "store/duplicate", retry: "never", details: { holder: "x" } } },
      });
    if (path === "/apply")
      return json(stream, 409, {
        kind: "Status",
        message: "conflicts",
        reason: "Conflict",
        details: { causes: [{ reason: "FieldManagerConflict", message: 'conflict with "kubectl"', field: ".spec.id" }] },
      });
    if (path === "/plain") {
      stream.respond({ ":status": 503, "content-type": "text/plain" });
      return stream.end("come back later");
    }
    json(stream, 410, { kind: "Status", message: "too old", reason: "Expired" });
  });
  const client = clientOf(t, port);
  await assert.rejects(client.request({ path: "/carried" }), (error) => isOrreryError(error, "store/duplicate") && error.details["holder"] === "x");
  await assert.rejects(
    client.request({ path: "/apply" }),
    (error) =>
      isOrreryError(error, "store/apply-conflict") && JSON.stringify(error.details["conflicts"]) === '[{"field":".spec.id","manager":"kubectl"}]',
  );
  await assert.rejects(client.request({ path: "/gone" }), (error) => isOrreryError(error, "store/gone") && error.retry === "after-reread");
  await assert.rejects(
    client.request({ path: "/plain" }),
    (error) => isOrreryError(error, "store/unavailable") && error.retry === "backoff" && error.message === "come back later",
  );
});

test("a refused connection and a wrong CA say what to do", async (t) => {
  const { port, stop } = await serve(t, (stream) => json(stream, 200, {}));
  const otherFolder = await mkdtemp(join(tmpdir(), "orrery-other-"));
  t.after(() => rm(otherFolder, { recursive: true, force: true }));
  const other = await ensureCertificates({ folder: otherFolder, addresses: [], nowMs: Date.now(), random: systemRandom });
  await assert.rejects(
    clientOf(t, port, { ca: other.ca }).request({ path: "/" }),
    (error) => isOrreryError(error, "client/untrusted") && error.message.includes("pki/ca.crt"),
  );
  await stop();
  await assert.rejects(
    clientOf(t, port).request({ path: "/" }),
    (error) =>
      isOrreryError(error, "client/unavailable") &&
      error.message.includes("orrery up") &&
      error.retry === "backoff" &&
      error.details["wasSent"] === false,
  );
});

test("after a lost connection the next request makes a new one", async (t) => {
  const first = await serve(t, (stream) => json(stream, 200, { server: 1 }));
  const client = clientOf(t, first.port);
  assert.deepEqual((await client.request({ path: "/" })).body, { server: 1 });
  await first.stop();
  await serve(t, (stream) => json(stream, 200, { server: 2 }), first.port);
  assert.deepEqual((await client.request({ path: "/" })).body, { server: 2 });
});

test("a write whose connection is cut is not repeated, its outcome is said to be unknown", async (t) => {
  let requests = 0;
  const { port } = await serve(t, (stream) => {
    requests += 1;
    stream.session?.destroy();
  });
  await assert.rejects(
    clientOf(t, port).request({ method: "POST", path: "/", body: {} }),
    (error) => isOrreryError(error, "client/unavailable") && error.retry === "backoff" && error.details["wasSent"] === true,
  );
  assert.equal(requests, 1);
});

test("an answer that does not come in time is given up", async (t) => {
  const { port } = await serve(t, () => {});
  await assert.rejects(clientOf(t, port).request({ path: "/", timeoutMs: 50 }), (error) => isOrreryError(error, "client/timeout"));
});

test("an early refusal of a long body is read, although the body was not", async (t) => {
  const { port } = await serve(t, (stream) => {
    stream.respond({ ":status": 413, "content-type": "application/json" });
    stream.end(JSON.stringify({ kind: "Status", reason: "RequestEntityTooLarge", message: "too long" }), () => stream.close(0));
  });
  await assert.rejects(clientOf(t, port).request({ method: "POST", path: "/", body: "x".repeat(20_000_000) }), (error) =>
    isOrreryError(error, "api/too-large"),
  );
});

test("lines come as they are sent; the end ends them, a cut throws", async (t) => {
  const { port } = await serve(t, (stream, path) => {
    stream.respond({ ":status": 200 });
    stream.write('{"n":1}\n{"n"');
    stream.write(":2}\n");
    if (path === "/cut") setImmediate(() => stream.session?.destroy());
    else stream.end("rest");
  });
  const client = clientOf(t, port);
  assert.deepEqual(await Array.fromAsync(client.lines({ path: "/" })), ['{"n":1}', '{"n":2}', "rest"]);
  await assert.rejects(Array.fromAsync(client.lines({ path: "/cut" })), (error) => isOrreryError(error, "client/unavailable"));
});

test("an abort ends a stream with its reason", async (t) => {
  const { port } = await serve(t, (stream) => {
    stream.respond({ ":status": 200 });
    stream.write("first\n");
  });
  const controller = new AbortController();
  await assert.rejects(async () => {
    for await (const _line of clientOf(t, port).lines({ path: "/", signal: controller.signal })) controller.abort(new Error("enough"));
  }, /enough/);
});

test("a half-open connection is found by its unanswered ping", async (t) => {
  const clock = new ManualClock();
  const { server, port } = await serve(t, () => {});
  const [accepted] = [once(server, "secureConnection")];
  const client = clientOf(t, port, { clock });
  const request = client.request({ method: "POST", path: "/", body: {}, timeoutMs: 60_000 });
  const [socket] = (await accepted) as [import("node:net").Socket];
  await once(server, "stream");
  socket.pause();
  clock.advance(5_000);
  clock.advance(5_000);
  await assert.rejects(request, (error) => isOrreryError(error, "client/unavailable"));
});

test("a link is kept: opened with hello, and opened again after a loss", async (t) => {
  const links: Link[] = [];
  const { sessions, port } = await serve(t, (stream, path) => {
    assert.equal(path, "/link");
    stream.respond({ ":status": 200 });
    links.push(
      createLink({
        duplex: stream,
        clock: systemClock,
        log: silentLog,
        handlers: { calls: { hello: async (params) => ({ history: "h", epoch: 1, version: "0.1.0", said: params }) } },
      }),
    );
  });
  const client = clientOf(t, port);
  const hello = { component: "agent", name: "one", host: "one", version: "0.1.0" } as const;
  const up: { resolve(value: number): void; promise: Promise<number> }[] = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
  let count = 0;
  const reasons: string[] = [];
  const kept = client.keepLink({
    hello,
    handlers: { calls: { "echo/get": async (params) => params } },
    connected: (_link, welcome) => up[count++]?.resolve(welcome.epoch),
    disconnected: (reason) => reasons.push(reason),
  });
  assert.equal(await up[0]?.promise, 1);
  assert.deepEqual(await links[0]?.call("echo/get", { a: 1 }), { a: 1 });
  for (const session of sessions) session.destroy();
  assert.equal(await up[1]?.promise, 1);
  assert.equal(reasons.length, 1);
  assert.equal(links.length, 2);
  kept.stop();
  assert.equal(await links[1]?.closed, "stopped");
});
