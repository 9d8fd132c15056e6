import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import test from "node:test";
import { askBusy } from "./index.ts";

const target = (port: number | undefined) => ({ address: "127.0.0.1", port: () => port, env: { PATH: process.env["PATH"] ?? "" }, workingDir: "/" });

test("over HTTP 200 is busy, 204 idle, and anything else not known", async (t) => {
  let status = 200;
  const server = createServer((_, res) => res.writeHead(status).end());
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const ask = async (): Promise<string> => (await askBusy({ http: { path: "/busy" }, timeout: "1s" }, target(port), { timeoutMs: 1000 })).state;
  assert.equal(await ask(), "busy");
  status = 204;
  assert.equal(await ask(), "idle");
  status = 404;
  assert.equal(await ask(), "unknown");
});

test("an instance that does not answer, or has no such port, is not idle", async () => {
  const refused = await askBusy({ http: { path: "/" }, timeout: "1s" }, target(1), { timeoutMs: 1000 });
  assert.equal(refused.state, "unknown");
  assert.match(refused.message, /GET http:\/\/127\.0\.0\.1:1\//);
  assert.equal((await askBusy({ http: { path: "/", port: "x" }, timeout: "1s" }, target(undefined), { timeoutMs: 1000 })).state, "unknown");
});

test("a command says busy by exit status 0, idle by 1", async () => {
  const ask = async (script: string): Promise<string> =>
    (await askBusy({ exec: { command: ["sh", "-c", script] }, timeout: "1s" }, target(1), { timeoutMs: 500 })).state;
  assert.equal(await ask("exit 0"), "busy");
  assert.equal(await ask("exit 1"), "idle");
  assert.equal(await ask("exit 3"), "unknown");
  assert.equal(await ask("sleep 5"), "unknown");
});
