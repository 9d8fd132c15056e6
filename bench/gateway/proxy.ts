/** One proxy to measure, as a process of its own: `proxy.ts KIND PORT`, where PORT is the backend's. Writes `{"port": N}` once it listens. */
// biome-ignore lint/style/noRestrictedImports: a part of a line that is lost changes no figure.
import { mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Dispatcher, Pool } from "undici";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { Gateway, MemoryFeed, sketchTable } from "#/traffic/gateway/index.ts";

const [kind = "", portText = ""] = process.argv.slice(2);
const backend = Number(portText);
const folder = mkdtempSync(path.join(tmpdir(), "orrery-bench-gateway-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
process.on("SIGTERM", () => process.exit(0));

const KINDS: Readonly<Record<string, () => Promise<number>>> = {
  "orrery edge": () => gateway(false),
  "orrery edge + host": () => gateway(true),
  "bare relay": () => relay(backend),
  "bare relay twice": async () => relay(await relay(backend)),
  "http-proxy-3": httpProxy3,
  "fast-proxy": fastProxy,
};
const start = KINDS[kind];
if (start === undefined) throw new Error(`no proxy ${kind}; there are: ${Object.keys(KINDS).join(", ")}`);
process.stdout.write(`${JSON.stringify({ port: await start() })}\n`);

/** The edge alone, or with a call between services behind it: the edge's instance is then the host gateway's own port for the next service. */
async function gateway(withHop: boolean): Promise<number> {
  const caller = "127.99.7.1";
  const servicePort = await freePort();
  const feed = new MemoryFeed();
  const one = new Gateway({
    name: "main",
    host: "h",
    folder: path.join(folder, "gateway"),
    accessLogFile: path.join(folder, "access.log"),
    edge: { address: "127.0.0.1", port: 0 },
    feed: () => feed,
    uptimeMs: () => performance.now(),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
  await one.start();
  const portal = withHop ? { instance: "portal-0", address: caller, port: servicePort, caller } : { instance: "portal-0", port: backend, caller };
  feed.update({
    table: sketchTable({
      generations: { 1: { portal: "portal-v1", auth: "auth-v1" } },
      revisions: { "portal-v1": [portal], "auth-v1": [{ instance: "auth-0", port: backend }] },
      services: { auth: { port: servicePort } },
      routes: [{ service: "portal", path: { prefix: "/" } }],
    }),
  });
  await feed.until(() => feed.acknowledged.length > 0);
  return Number(new URL(one.edgeUrl ?? "").port);
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What is the least that a proxy on Node can be: headers and body passed on as they are, one line of log for each request, written in batches. Nothing is checked, counted, balanced or labelled. */
function relay(port: number): Promise<number> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { headersTimeout: 0, bodyTimeout: 0 });
  const log = openSync(path.join(folder, `relay-${port}.log`), "a");
  let lines = "";
  setInterval(() => {
    if (lines !== "") writeSync(log, lines);
    lines = "";
  }, 200);
  const server = createServer((req, res) =>
    pool.dispatch(
      {
        path: req.url ?? "",
        method: req.method as Dispatcher.HttpMethod,
        headers: withoutHop(req.rawHeaders),
        body: req.headers["content-length"] === undefined && req.headers["transfer-encoding"] === undefined ? null : req,
      },
      handler(req, res, (line) => (lines += line)),
    ),
  );
  return listening(server);
}

function handler(req: IncomingMessage, res: ServerResponse, log: (line: string) => void): Dispatcher.DispatchHandler {
  const startedMs = performance.now();
  let status = 0;
  return {
    onRequestStart() {},
    onResponseStart(_controller, code, headers) {
      status = code;
      const { connection: _, "keep-alive": __, "transfer-encoding": ___, ...passed } = headers;
      res.writeHead(code, passed);
    },
    onResponseData(controller, chunk) {
      if (res.write(chunk)) return;
      controller.pause();
      res.once("drain", () => controller.resume());
    },
    onResponseEnd() {
      res.end();
      log(
        `${JSON.stringify({ time: new Date().toISOString(), client: req.socket.remoteAddress, method: req.method, path: req.url, status, ms: performance.now() - startedMs })}\n`,
      );
    },
    onResponseError() {
      res.destroy();
    },
  };
}

function withoutHop(raw: readonly string[]): string[] {
  const headers: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    if (name.length === 10 && name.toLowerCase() === "connection") continue;
    headers.push(name, raw[index + 1] as string);
  }
  return headers;
}

async function httpProxy3(): Promise<number> {
  const { createProxyServer } = await import("http-proxy-3");
  const { Agent } = await import("node:http");
  const proxy = createProxyServer({ target: `http://127.0.0.1:${backend}`, agent: new Agent({ keepAlive: true, maxSockets: 1000 }), xfwd: true });
  return listening(createServer((req, res) => void proxy.web(req, res)));
}

/** The package has no types of its own for its undici mode. */
type FastProxy = (options: object) => { proxy(req: IncomingMessage, res: ServerResponse, url: string, options: object): void };

function fastProxy(): Promise<number> {
  const create = createRequire(import.meta.url)("fast-proxy") as FastProxy;
  const { proxy } = create({ base: `http://127.0.0.1:${backend}`, undici: { connections: 1000, pipelining: 1 }, cacheURLs: 0 });
  return listening(createServer((req, res) => proxy(req, res, req.url ?? "/", {})));
}

function listening(server: ReturnType<typeof createTcpServer>): Promise<number> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
}
