import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { after, describe, it } from "node:test";
import { probe } from "#/model/index.ts";
import type { CheckTarget } from "./contract.ts";
import { isBuiltIn, runCheck, runProbe } from "./registry.ts";

const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const answer = (handler: http.RequestListener): Promise<number> => listen(http.createServer(handler));

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, "close");
  return port;
}

const at = (port: number | undefined): CheckTarget => ({
  address: "127.0.0.1",
  port: () => port,
  env: { PATH: process.env["PATH"] ?? "", WHO: "probe" },
  workingDir: tmpdir(),
});
const httpCheck = (path: string) => ({ http: { path, scheme: "http" as const } });
const quick = { timeoutMs: 2000 };

describe("a health check over http", () => {
  it("is well from 200 to 399 and says what it asked", async () => {
    const port = await answer((request, reply) => reply.writeHead(request.url === "/live?deep=1" ? 204 : 503).end());
    assert.deepEqual(await runCheck(httpCheck("/live?deep=1"), at(port), quick), {
      isOk: true,
      message: `GET http://127.0.0.1:${port}/live?deep=1 answered 204`,
    });
    assert.deepEqual(await runCheck(httpCheck("/other"), at(port), quick), {
      isOk: false,
      message: `GET http://127.0.0.1:${port}/other answered 503, expected 200 to 399`,
    });
  });

  it("says that nothing listens, that no answer came, or that there is no port", async () => {
    const port = await freePort();
    assert.match((await runCheck(httpCheck("/"), at(port), quick)).message, new RegExp(`nothing listens on 127.0.0.1:${port}$`));
    const silent = await answer(() => {});
    const unanswered = await runCheck(httpCheck("/"), at(silent), { timeoutMs: 100 });
    assert.match(unanswered.message, /no answer from 127\.0\.0\.1:\d+ within 100 ms$/);
    assert.equal(unanswered.isUnanswered, true);
    assert.equal((await runCheck(httpCheck("/"), at(port), quick)).isUnanswered, undefined);
    assert.equal((await runCheck(httpCheck("/"), at(undefined), quick)).isOk, false);
  });

  it("does not wait for an endless answer", async () => {
    const port = await answer((_, reply) => {
      const timer = setInterval(() => reply.write("x".repeat(1000)), 5);
      reply.on("close", () => clearInterval(timer));
    });
    assert.equal((await runCheck(httpCheck("/"), at(port), quick)).isOk, true);
  });

  it("hears an answer that came in time, however late itself comes to it", async () => {
    const server = spawn(process.execPath, [
      "-e",
      `require("node:http").createServer((_, reply) => reply.end()).listen(0, "127.0.0.1", function () { console.log(this.address().port); })`,
    ]);
    after(() => server.kill());
    const [port] = (await once(server.stdout, "data")) as [Buffer];
    const asked = [runCheck(httpCheck("/"), at(Number(port)), { timeoutMs: 200 }), runCheck({ tcp: {} }, at(Number(port)), { timeoutMs: 200 })];
    await new Promise(setImmediate);
    const busyUntilMs = performance.now() + 400;
    while (performance.now() < busyUntilMs);
    for (const { isOk, message } of await Promise.all(asked)) assert.ok(isOk, message);
  });

  it("rejects with the reason of its signal", async () => {
    const silent = await answer(() => {});
    const stop = new AbortController();
    const asked = runCheck(httpCheck("/"), at(silent), { timeoutMs: 60_000, signal: stop.signal });
    stop.abort(new Error("stopping"));
    await assert.rejects(asked, /stopping/);
  });
});

describe("a health check over tcp", () => {
  it("is well when the port takes a connection", async () => {
    const port = await listen(createServer((socket) => socket.destroy()));
    assert.equal((await runCheck({ tcp: {} }, at(port), quick)).isOk, true);
    assert.match((await runCheck({ tcp: {} }, at(await freePort()), quick)).message, /nothing listens/);
  });
});

describe("a health check by a command", () => {
  it("is well with exit status 0, in the instance's environment", async () => {
    assert.equal((await runCheck({ exec: { command: ["sh", "-c", '[ "$WHO" = probe ]'] } }, at(undefined), quick)).isOk, true);
    assert.deepEqual(await runCheck({ exec: { command: ["sh", "-c", "echo no disk >&2; exit 3"] } }, at(undefined), quick), {
      isOk: false,
      message: "sh -c echo no disk >&2; exit 3: exit status 3: no disk",
    });
  });

  it("is killed at its time limit", async () => {
    const { message, isUnanswered } = await runCheck({ exec: { command: ["sleep", "60"] } }, at(undefined), { timeoutMs: 100 });
    assert.match(message, /did not end within 100 ms and was killed/);
    assert.equal(isUnanswered, true);
  });
});

describe("a built-in probe", () => {
  const context = { env: { PATH: process.env["PATH"] ?? "" }, workingDir: tmpdir() };
  // What a manifest could not say today may come from a store of yesterday.
  const look = (spec: object, timeoutMs = 2000) => runProbe({ ...probe.parse({ host: {} }), host: undefined, ...spec }, context, { timeoutMs });

  it("over http observes the JSON object of the answer", async () => {
    const port = await answer((_, reply) => reply.end('{"azimuth": 12.5}'));
    assert.deepEqual(await look({ http: { url: `http://127.0.0.1:${port}/state` } }), { observed: { azimuth: 12.5 } });
  });

  it("over http tells anything else as an error", async () => {
    const errorOf = async (spec: object): Promise<string> => {
      const found = await look(spec, 500);
      return "error" in found ? found.error : assert.fail(JSON.stringify(found));
    };
    const list = await answer((_, reply) => reply.end("[1]"));
    assert.match(await errorOf({ http: { url: `http://127.0.0.1:${list}/` } }), /no JSON object: "\[1\]"/);
    const broken = await answer((_, reply) => reply.writeHead(500).end());
    assert.match(await errorOf({ http: { url: `http://127.0.0.1:${broken}/` } }), /answered 500, expected 200/);
    const huge = await answer((_, reply) => reply.end(JSON.stringify({ text: "x".repeat(300_000) })));
    assert.match(await errorOf({ http: { url: `http://127.0.0.1:${huge}/` } }), /more than 262144 bytes/);
    assert.match(await errorOf({ http: { url: "ftp://somewhere/" } }), /no http or https URL/);
    assert.match(await errorOf({ http: { url: `http://127.0.0.1:${await freePort()}/` } }), /nothing listens/);
  });

  it("over tcp observes that an address can be reached", async () => {
    const port = await listen(createServer((socket) => socket.destroy()));
    const found = await look({ tcp: { address: `127.0.0.1:${port}` } });
    assert.ok("observed" in found && found.observed["reachable"] === true);
    assert.deepEqual(await look({ tcp: { address: "nowhere" } }), { error: '"nowhere" is no address; write host:port or [IPv6]:port' });
  });

  it("by a command takes the last line that it prints, and tells what was wrong with others", async () => {
    const print = (script: string) => look({ exec: { command: ["sh", "-c", script] } });
    assert.deepEqual(await print(`echo '{"observed": {"n": 1}}'; echo '{"observed": {"n": 2}}'`), { observed: { n: 2 } });
    assert.deepEqual(await print(`echo '{"error": "no antenna"}'`), { error: "no antenna" });
    const nothing = await print("echo hello");
    assert.ok("error" in nothing && /printed no line .*1 line is no observation: "hello"/.test(nothing.error), JSON.stringify(nothing));
    const failed = await print("exit 2");
    assert.ok("error" in failed && /exit status 2/.test(failed.error));
  });

  it("of the host observes its use", async () => {
    const found = await look({ host: {} });
    assert.ok("observed" in found);
    const { memory, load, uptimeSeconds } = found.observed as {
      memory: { totalBytes: number; availableBytes: number };
      load: number[];
      uptimeSeconds: number;
    };
    assert.ok(memory.totalBytes > memory.availableBytes && memory.availableBytes > 0);
    assert.equal(load.length, 3);
    assert.ok(uptimeSeconds > 0);
  });

  it("is told from a program and from an image", () => {
    assert.equal(isBuiltIn(probe.parse({ host: {} })), true);
    assert.equal(isBuiltIn(probe.parse({ command: ["./probe"], image: "x" })), false);
  });
});
