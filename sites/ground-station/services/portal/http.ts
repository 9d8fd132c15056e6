import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** An answer that is not a success; sent as application/problem+json (RFC 9457) with `more` as further members. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly more: Readonly<Record<string, unknown>>;

  constructor(status: number, code: string, detail: string, more: Readonly<Record<string, unknown>> = {}) {
    super(detail);
    this.status = status;
    this.code = code;
    this.more = more;
  }
}

/** A handler's answer that is not JSON. */
export class Page {
  readonly html: string;
  readonly policy: string;

  constructor(html: string, policy: string) {
    this.html = html;
    this.policy = policy;
  }
}

/** A handler's answer that goes on: `run` sends events until it returns, or `signal` says that the client has left or the service stops. */
export class EventStream {
  readonly run: (send: (event: string, data: unknown) => void, signal: AbortSignal) => Promise<void>;

  constructor(run: EventStream["run"]) {
    this.run = run;
  }
}

/** Answers one request with what it returns: a Page, an EventStream, or anything else as JSON; a Problem that it throws is sent as such. */
export type Handler = (request: IncomingMessage, url: URL) => unknown;

const STREAMS_MAX = 200;

/** Serves `routes` (keys such as `GET /health`) on $HOST:$PORT until SIGTERM or SIGINT; then ends the streams, finishes the running requests and exits with 0. */
export function serve(service: string, routes: Readonly<Record<string, Handler>>): void {
  const stopping = new AbortController();
  let streams = 0;
  const server = createServer((request, response) => {
    void answer(request, response);
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    try {
      const url = new URL(request.url ?? "/", "http://service");
      const result = await find(routes, request.method ?? "GET", url.pathname)(request, url);
      if (result instanceof EventStream) await stream(result, response);
      else if (result instanceof Page)
        send(request, response, 200, "text/html; charset=utf-8", result.html, { "content-security-policy": result.policy });
      else send(request, response, 200, "application/json", JSON.stringify(result));
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem(500, "internal", "The service failed; its log says why.");
      if (problem !== error) console.error(error);
      const { status, code, message, more } = problem;
      send(
        request,
        response,
        status,
        "application/problem+json",
        JSON.stringify({ type: "about:blank", title: code, status, detail: message, service, ...more }),
      );
    }
    if (request.url !== "/health") {
      log({
        method: request.method,
        path: request.url?.slice(0, 200),
        status: response.statusCode,
        ms: Math.round(performance.now() - startedAt),
        trace: traceId(request),
      });
    }
  }

  function send(
    request: IncomingMessage,
    response: ServerResponse,
    status: number,
    type: string,
    text: string,
    headers: Record<string, string> = {},
  ): void {
    const bytes = Buffer.from(text);
    const last = stopping.signal.aborted ? { connection: "close" } : {};
    response.writeHead(status, {
      "content-type": type,
      "content-length": bytes.length,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...headers,
      ...last,
    });
    response.end(request.method === "HEAD" ? undefined : bytes);
  }

  async function stream(events: EventStream, response: ServerResponse): Promise<void> {
    if (streams >= STREAMS_MAX) throw new Problem(503, "too-many-streams", `${STREAMS_MAX} streams are open; try again later.`);
    streams += 1;
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", connection: "close", "x-accel-buffering": "no" });
    response.write("retry: 2000\n\n");
    let id = 0;
    try {
      await events.run(
        (event, data) => {
          // A reader too slow to take a few kilobytes gets no more until it has.
          if (response.writableLength > 65_536) return;
          id += 1;
          response.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
        },
        AbortSignal.any([gone.signal, stopping.signal]),
      );
    } finally {
      streams -= 1;
      response.end();
    }
  }

  function stop(signal: string): void {
    if (stopping.signal.aborted) return;
    log({ message: `${signal}: finishing running requests` });
    stopping.abort();
    server.close(() => {
      log({ message: "stopped" });
      process.exit(0);
    });
  }

  // On a full disk lines of the log are lost; the service goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  server.on("error", (error) => {
    console.error(`${service}: cannot listen: ${error.message}`);
    process.exit(1);
  });
  server.listen(Number(process.env.PORT ?? 0), process.env.HOST ?? "127.0.0.1", () => {
    const address = server.address();
    log({ message: "listening", port: typeof address === "object" ? address?.port : address });
  });

  function log(fields: Record<string, unknown>): void {
    console.log(JSON.stringify({ at: new Date().toISOString(), service, ...fields }));
  }
}

function find(routes: Readonly<Record<string, Handler>>, method: string, path: string): Handler {
  const handler = routes[`${method === "HEAD" ? "GET" : method} ${path}`];
  if (handler !== undefined) return handler;
  const allowed = Object.keys(routes)
    .filter((route) => route.endsWith(` ${path}`))
    .map((route) => route.split(" ")[0]);
  if (allowed.length > 0) throw new Problem(405, "method-not-allowed", `${path} takes ${allowed.join(", ")}, not ${method}.`);
  throw new Problem(404, "no-such-path", `There is no ${path} here; paths: ${Object.keys(routes).join(", ")}.`);
}

const TRACE_HEADERS = ["traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"] as const;

/** The trace headers of a request, to be sent along with every call made for it. */
export function traceHeaders(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of TRACE_HEADERS) {
    const value = request.headers[name];
    if (typeof value === "string") headers[name] = value;
  }
  return headers;
}

function traceId(request: IncomingMessage): string | undefined {
  const { traceparent, b3, "x-b3-traceid": b3TraceId } = request.headers;
  if (typeof traceparent === "string") return traceparent.split("-")[1];
  if (typeof b3TraceId === "string") return b3TraceId;
  return typeof b3 === "string" ? b3.split("-")[0] : undefined;
}
