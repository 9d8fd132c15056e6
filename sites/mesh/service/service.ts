import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { type Calls, parseCalls } from "./calls.ts";

/** One service of the mesh; which one, and what it does, is told by its environment (see README.md). It answers with a tree of who served what. */
interface Tree {
  readonly service: string;
  readonly version: string;
  /** Trace id as this service received it, W3C or B3. */
  readonly trace?: string;
  readonly calls: readonly Tree[];
}

const CALL_TIMEOUT_MS = 10_000;
const TTL_DEFAULT = 4;
const STREAM_EVENTS_MAX = 100_000;
const STREAM_WAITING_BYTES_MAX = 1_048_576;
const CARRIERS: Readonly<Record<string, readonly string[]>> = {
  w3c: ["traceparent", "tracestate"],
  b3: ["b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"],
  none: [],
};

const settings = readSettings();
const stopping = new AbortController();
const server = createServer((request, response) => {
  void answer(request, response);
});
server.on("error", (error) => fail(`cannot listen: ${error.message}`));
server.listen(Number(process.env.PORT ?? 0), process.env.HOST ?? "127.0.0.1", () => {
  const address = server.address();
  log("listening", typeof address === "object" ? { port: address?.port } : {});
});
// On a full disk lines of the log are lost; the service goes on.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
process.on("SIGTERM", stop);
process.on("SIGINT", stop);

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://service");
  try {
    if (url.pathname === "/health") send(response, 200, { status: "ok", version: settings.version });
    else if (url.pathname === "/") send(response, 200, await serveTree(request, readCount(url, "ttl", TTL_DEFAULT, 0, 20)));
    else if (url.pathname === "/stream") await stream(request, response, url);
    else send(response, 404, { title: "no-such-path", detail: `paths: /, /stream, /health; found ${url.pathname}` });
  } catch (error) {
    const { status, message } = error as Failure;
    if (response.headersSent) response.end(`event: problem\ndata: ${JSON.stringify({ detail: message })}\n\n`);
    else
      send(response, error instanceof Failure ? status : 500, {
        title: "failed",
        status: status ?? 500,
        service: settings.name,
        version: settings.version,
        detail: message,
      });
  }
}

/** An answer that is not a success. */
class Failure extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/** Works for a while, calls the services it is told to call, as long as `ttl` lasts, and tells who served. Throws Failure with the first call that failed. */
async function serveTree(request: IncomingMessage, ttl: number): Promise<Tree> {
  if (settings.workMs > 0) await wait(settings.workMs * (0.5 + Math.random()));
  if (Math.random() < settings.failureRate) throw new Failure(500, `${settings.name} fails at random, as FAILURE_RATE asks`);
  const headers: Record<string, string> = {};
  for (const name of settings.carriers) {
    const value = request.headers[name];
    if (typeof value === "string") headers[name] = value;
  }
  const calls: Tree[] = [];
  for (const step of ttl > 0 ? settings.calls : []) {
    const branches = await Promise.all(step.map(({ service, times }) => callInTurn(service, times, ttl - 1, headers)));
    calls.push(...branches.flat());
  }
  const trace = traceId(request);
  return { service: settings.name, version: settings.version, ...(trace === undefined ? {} : { trace }), calls };
}

async function callInTurn(service: string, times: number, ttl: number, headers: Readonly<Record<string, string>>): Promise<Tree[]> {
  const trees: Tree[] = [];
  for (let count = 0; count < times; count++) trees.push(await call(service, ttl, headers));
  return trees;
}

function call(service: string, ttl: number, headers: Readonly<Record<string, string>>): Promise<Tree> {
  return new Promise((resolve, reject) => {
    const fail = (detail: string): void => reject(new Failure(502, `${settings.name} called ${service}: ${detail}`));
    const request = get(`${settings.urls.get(service)}/?ttl=${ttl}`, { headers, timeout: CALL_TIMEOUT_MS }, (response) => {
      text(response).then(
        (body) => {
          if (response.statusCode === 200) resolve(JSON.parse(body) as Tree);
          else fail(`${response.statusCode} ${reasonIn(body)}`);
        },
        (error: Error) => fail(error.message),
      );
    });
    request.on("timeout", () => request.destroy(new Error(`no answer within ${CALL_TIMEOUT_MS} ms`)));
    request.on("error", (error) => fail(error.message));
  });
}

/** What an answer says of its failure: the detail of a problem (RFC 9457), else its beginning. */
function reasonIn(body: string): string {
  try {
    const { detail } = JSON.parse(body) as { detail?: unknown };
    if (typeof detail === "string") return detail;
  } catch {
    // No JSON: it is quoted as it is.
  }
  return body.slice(0, 500);
}

/** Server-Sent Events: a tree every `intervalMs`, `count` times (0: until the client leaves), all for the request that opened the stream. */
async function stream(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const ttl = readCount(url, "ttl", TTL_DEFAULT, 0, 20);
  const intervalMs = readCount(url, "intervalMs", 500, 10, 60_000);
  const count = readCount(url, "count", 0, 0, STREAM_EVENTS_MAX) || STREAM_EVENTS_MAX;
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const signal = AbortSignal.any([gone.signal, stopping.signal]);
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", connection: "close" });
  for (let sent = 0; sent < count && !signal.aborted; sent++) {
    if (sent > 0 && (await wait(intervalMs, false, { signal }).catch(() => true))) break;
    // A client that reads slower than it asked for is cut, lest its events pile up here.
    if (response.writableLength > STREAM_WAITING_BYTES_MAX) break;
    response.write(`event: tree\ndata: ${JSON.stringify(await serveTree(request, ttl))}\n\n`);
  }
  response.end("event: end\ndata: {}\n\n");
}

function send(response: ServerResponse, status: number, body: object): void {
  const bytes = Buffer.from(JSON.stringify(body));
  const type = status < 400 ? "application/json" : "application/problem+json";
  response.writeHead(status, { "content-type": type, "content-length": bytes.length, ...(stopping.signal.aborted ? { connection: "close" } : {}) });
  response.end(bytes);
}

function stop(): void {
  if (stopping.signal.aborted) return;
  log("stopping");
  stopping.abort();
  server.close(() => process.exit(0));
}

function traceId(request: IncomingMessage): string | undefined {
  const { traceparent, b3, "x-b3-traceid": b3TraceId } = request.headers;
  if (typeof traceparent === "string") return traceparent.split("-")[1];
  if (typeof b3TraceId === "string") return b3TraceId;
  return typeof b3 === "string" ? b3.split("-")[0] : undefined;
}

function readCount(url: URL, name: string, byDefault: number, least: number, most: number): number {
  const given = url.searchParams.get(name);
  const value = given === null ? byDefault : Number(given || Number.NaN);
  if (!(Number.isInteger(value) && value >= least && value <= most))
    throw new Failure(400, `${name} must be a whole number from ${least} to ${most}; found "${given}"`);
  return value;
}

function readSettings(): {
  name: string;
  version: string;
  calls: Calls;
  urls: Map<string, string>;
  carriers: readonly string[];
  workMs: number;
  failureRate: number;
} {
  const { NAME = "", VERSION = "v1", FORWARD = "w3c", CALLS = "", WORK_MS = "0", FAILURE_RATE = "0" } = process.env;
  if (NAME === "") fail("NAME must be set: the service's name");
  const carriers = CARRIERS[FORWARD];
  if (carriers === undefined) fail(`FORWARD is "${FORWARD}"; allowed: ${Object.keys(CARRIERS).join(", ")}`);
  const [workMs, failureRate] = [Number(WORK_MS), Number(FAILURE_RATE)];
  if (!(workMs >= 0 && workMs <= 60_000)) fail(`WORK_MS is "${WORK_MS}"; allowed: 0 to 60000`);
  if (!(failureRate >= 0 && failureRate <= 1)) fail(`FAILURE_RATE is "${FAILURE_RATE}"; allowed: 0 to 1`);
  let calls: Calls = [];
  try {
    calls = parseCalls(CALLS);
  } catch (error) {
    fail((error as Error).message);
  }
  const urls = new Map<string, string>();
  for (const { service } of calls.flat()) {
    const variable = `SERVICE_${service.toUpperCase().replaceAll("-", "_")}_URL`;
    const url = process.env[variable] ?? fail(`${variable} must be set, as ${NAME} calls ${service}`);
    urls.set(service, url.replace(/\/$/, ""));
  }
  return { name: NAME, version: VERSION, calls, urls, carriers, workMs, failureRate };
}

function fail(message: string): never {
  console.error(`mesh service: ${message}`);
  process.exit(1);
}

function log(message: string, fields: object = {}): void {
  console.log(JSON.stringify({ at: new Date().toISOString(), service: settings.name, version: settings.version, message, ...fields }));
}
