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

/** Answers one request: what it returns is sent as JSON with status 200; a Problem that it throws is sent as such. */
export type Handler = (request: IncomingMessage, url: URL) => unknown;

/** Serves `routes` (keys such as `GET /health`) on $HOST:$PORT until SIGTERM or SIGINT; then finishes the running requests and exits with 0. */
export function serve(service: string, routes: Readonly<Record<string, Handler>>): void {
  let isStopping = false;
  const server = createServer((request, response) => {
    void answer(request, response);
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    let status = 200;
    let body: unknown;
    try {
      const url = new URL(request.url ?? "/", "http://service");
      body = await find(routes, request.method ?? "GET", url.pathname)(request, url);
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem(500, "internal", "The service failed; its log says why.");
      if (problem !== error) console.error(error);
      status = problem.status;
      body = { type: "about:blank", title: problem.code, status, detail: problem.message, service, ...problem.more };
      if (problem.status === 401) response.setHeader("www-authenticate", "Bearer");
    }
    const bytes = Buffer.from(JSON.stringify(body));
    response.writeHead(status, {
      "content-type": status < 400 ? "application/json" : "application/problem+json",
      "content-length": bytes.length,
      "cache-control": "no-store",
      ...(isStopping ? { connection: "close" } : {}),
    });
    response.end(request.method === "HEAD" ? undefined : bytes);
    if (request.url !== "/health") {
      log({
        method: request.method,
        path: request.url?.split("?")[0],
        status,
        ms: Math.round(performance.now() - startedAt),
        trace: traceId(request),
      });
    }
  }

  function stop(signal: string): void {
    if (isStopping) return;
    isStopping = true;
    log({ message: `${signal}: finishing running requests` });
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
