import { serve } from "@hono/node-server";
import { Hono } from "hono";

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

let isStopping = false;

/** A Hono app that answers errors as problems and prints a line of JSON for each request. */
export function newApp(service: string): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    const startedAt = performance.now();
    await next();
    c.header("cache-control", "no-store");
    if (isStopping) c.header("connection", "close");
    const { method, path } = c.req;
    const trace = c.req.header("traceparent")?.split("-")[1];
    if (path !== "/health") log(service, { method, path, status: c.res.status, ms: Math.round(performance.now() - startedAt), trace });
  });
  app.onError((error) => {
    if (error instanceof Problem) return answer(error);
    console.error(error);
    return answer(new Problem(500, "internal", "The service failed; its log says why."));
  });
  app.notFound((c) => {
    const { method, path } = c.req;
    const routes = [...new Set(app.routes.filter((route) => route.method !== "ALL").map((route) => `${route.method} ${route.path}`))];
    const allowed = routes.filter((route) => route.endsWith(` ${path}`)).map((route) => route.split(" ")[0]);
    if (allowed.length > 0) return answer(new Problem(405, "method-not-allowed", `${path} takes ${allowed.join(", ")}, not ${method}.`));
    return answer(new Problem(404, "no-such-path", `There is no ${path} here; paths: ${routes.join(", ")}.`));
  });
  return app;

  function answer({ status, code, message, more }: Problem): Response {
    const body = { type: "about:blank", title: code, status, detail: message, service, ...more };
    const headers = { "content-type": "application/problem+json", ...(status === 401 ? { "www-authenticate": "Bearer" } : {}) };
    return Response.json(body, { status, headers });
  }
}

/** Serves `app` on $HOST:$PORT until SIGTERM or SIGINT; then finishes the running requests and exits with 0. */
export function listen(app: Hono, service: string): void {
  const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 0), hostname: process.env.HOST ?? "127.0.0.1" }, ({ port }) =>
    log(service, { message: "listening", port }),
  );
  server.on("error", (error) => {
    console.error(`${service}: cannot listen: ${error.message}`);
    process.exit(1);
  });
  for (const signal of ["SIGTERM", "SIGINT"]) {
    process.on(signal, () => {
      if (isStopping) return;
      isStopping = true;
      log(service, { message: `${signal}: finishing running requests` });
      server.close(() => process.exit(0));
    });
  }
  // On a full disk lines of the log are lost; the service goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
}

function log(service: string, fields: object): void {
  console.log(JSON.stringify({ at: new Date().toISOString(), service, ...fields }));
}
