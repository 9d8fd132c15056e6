import { once } from "node:events";
import { type IncomingMessage, ServerResponse } from "node:http";
import { constants, createSecureServer, type Http2SecureServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import {
  type Clock,
  describeError,
  isOrreryError,
  type LastGuard,
  type Log,
  type MetricFamily,
  type MetricSource,
  OrreryError,
  type Random,
} from "#/base/index.ts";
import type { Pages } from "#/face/pages/index.ts";
import type { TableLook } from "#/face/views/index.ts";
import { DEFAULT_NAMESPACE, type Kind, type Template } from "#/model/index.ts";
import {
  ANONYMOUS,
  type Approvals,
  type Authenticate,
  type Authorizer,
  fixedRoles,
  type Identity,
  type OnRevoked,
  type Wish,
} from "#/people/access/index.ts";
import type { Login } from "#/people/login/index.ts";
import type { Hub } from "#/state/link/hub/index.ts";
import type { CentrePart, PartPath, PeerRight } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import { YamlReader } from "#/text/index.ts";
import type { SeriesStore } from "#/watch/series/index.ts";
import { Askers, isSessionLater, refuseImpersonation } from "./askers.ts";
import { readCalled } from "./body.ts";
import type { BrowserRules } from "./browser.ts";
import type { Exchange, Reply, Request, Response, Upgrade } from "./exchange.ts";
import { failedReply } from "./failed-reply.ts";
import type { ReadyCheck } from "./health.ts";
import { LiveExchange } from "./live-exchange.ts";
import { checkOnce, checkSpoken } from "./methods.ts";
import { Metrics } from "./metrics.ts";
import { OpenStreams } from "./open-streams.ts";
import { PlainListener } from "./plain-listener.ts";
import { parseUrl } from "./request-url.ts";
import { type Route, Routes } from "./routes.ts";
import { cut, sendReply } from "./send.ts";
import type { TrailOptions } from "./trail.ts";
import { refusePlain, refuseUnreadable } from "./unreadable.ts";
import { WatcherCount } from "./watch.ts";
import { asksForWebSocket, sendFrames } from "./web-socket.ts";
import type { CheckChange, CheckDeletion } from "./writes.ts";

const CONNECTIONS_MAX = 5_000;
const IN_FLIGHT_MAX = 1_000;
/** Of all head fields together, the URL among them. */
const HEAD_BYTES_MAX = 64 * 1024;
const HEAD_MS_MAX = 10_000;
const BODY_MS_MAX = 60_000;
const KEEP_ALIVE_MS = 30_000;
/** So long a client may take to read a refusal while it still sends. */
const LINGER_MS = 1_000;
const DROPPED_BYTES_MAX = 1024 * 1024;
/** Running requests may end for so long when the server stops. */
const STOP_MS = 5_000;
/** What one connection may hold; a list of 20,000 objects fits. */
const SESSION_MEMORY_MB = 64;

export interface ApiOptions {
  readonly store: Store;
  readonly kinds: readonly Kind[];
  /** Default: the one, `default`. */
  readonly namespaces?: readonly string[];
  /** Absent: no /live, /link, logs, scripts. */
  readonly hub?: Hub;
  readonly authenticate: Authenticate;
  /** Absent: nothing is ever revoked. */
  readonly onRevoked?: OnRevoked;
  /** Serves logging in, sessions and tokens, by these rules for browsers. Absent: not served. */
  readonly login?: { readonly login: Login; readonly browser: BrowserRules };
  /** What agents and gateways may write; default nothing. */
  readonly rights?: readonly PeerRight[];
  /** Paths of parts, beside the kinds. */
  readonly paths?: readonly PartPath[];
  /** Parts that this site does without: who asks for what they would serve is told so. */
  readonly leftOut?: readonly Pick<CentrePart, "name" | "kinds" | "topics">[];
  /** Live topics of the parts that there are; those that hold something are served, too. Default: none. */
  readonly topics?: readonly string[];
  /** Default: the fixed roles, with `rights` and `paths`. */
  readonly authorizer?: Authorizer;
  /** What needs more than one person. Absent: nothing. */
  readonly approvals?: Approvals;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Told what people and outside tools do, before they do it. Absent: nobody is told. */
  readonly trail?: TrailOptions;
  /** Orrery's version. */
  readonly version: string;
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** For /readyz. */
  readonly checks?: readonly ReadyCheck[];
  /** Shown in the console beside these: what is not as it should be although the centre can work. */
  readonly warnings?: readonly ReadyCheck[];
  /** Answers POST /backup: makes a backup of the store and tells where it is. Absent: not served. */
  readonly backup?: () => Promise<object>;
  /** The console's files, served to everybody below /console. Absent: not served. */
  readonly pages?: Pages;
  /** Asked below /prometheus, as a Prometheus is. Absent: not served. */
  readonly series?: SeriesStore;
  /** The routing table, by which views tell what would become of a request. Absent: they do not. */
  readonly table?: TableLook;
  /** A version of a service that the site's folder offers, for forecasts of Updates. Absent: none is offered. */
  readonly offeredTemplate?: (service: string, version: string) => Promise<Template | undefined>;
  /** Default: everything may be deleted. */
  readonly checkDeletion?: CheckDeletion;
  /** Default: whatever its kind allows may be written. */
  readonly checkChange?: CheckChange;
  /** Told of what fails in a way that nobody expected. */
  readonly guard?: LastGuard;
  /** For /metrics. */
  readonly metrics?: readonly MetricSource[];
}

/** The running API. */
export interface Api {
  /** Begins to listen. Port 0: any free one. Resolves with the port.
   *  @throws api/port-in-use, api/cannot-listen */
  listen(address: { readonly host: string; readonly port: number }): Promise<{ readonly host: string; readonly port: number }>;
  /** The same over plain HTTP, for browsers on this machine: `host` is a loopback address. Listens on the first of `ports` that is free.
   *  @throws api/port-in-use, api/cannot-listen */
  listenPlain(address: { readonly host: string; readonly ports: readonly number[] }): Promise<{ readonly port: number }>;
  /** Answers a request that has come another way than over the port; resolves when it is answered. Never throws: what fails in a way that nobody expected ends this exchange alone, is logged with its stack and counted. */
  handle(request: Request, response: Response): Promise<void>;
  /** What stands at /metrics, as values. */
  metrics(): Promise<readonly MetricFamily[]>;
  /** Takes nothing new, ends watches and links, lets requests end for at most 5 s, then closes. */
  close(): Promise<void>;
}

/** The HTTPS API over `store`: Kubernetes' conventions over HTTP/2 and HTTP/1.1, plus live reads, logs, scripts and links. */
export function createApi(options: ApiOptions): Api {
  return new ApiServer(options);
}

/** One for all: an error's stack costs as much as a small request. */
const GONE = new OrreryError("api/cancelled", "the client is gone");

class ApiServer implements Api {
  readonly #options: ApiOptions;
  readonly #authorizer: Authorizer;
  readonly #server: Http2SecureServer;
  readonly #routes: Routes;
  readonly #metrics: Metrics;
  readonly #streams: OpenStreams;
  readonly #plain: PlainListener;
  readonly #askers: Askers;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  readonly #yaml: YamlReader;
  #inFlight = 0;
  #isStopping = false;

  constructor(options: ApiOptions) {
    const { store, kinds, hub, clock, random, log, version, checks = [], warnings = [], metrics = [] } = options;
    this.#options = options;
    this.#yaml = new YamlReader({ clock });
    this.#authorizer = options.authorizer ?? fixedRoles(options.rights ?? [], options.paths);
    this.#askers = new Askers({ authenticate: options.authenticate, authorizer: this.#authorizer, browser: options.login?.browser });
    const watchers = new WatcherCount();
    this.#metrics = new Metrics([...metrics, () => this.#routes.views.metrics()], { watchers: () => watchers.all, inFlight: () => this.#inFlight });
    this.#routes = new Routes({
      store,
      kinds,
      namespaces: options.namespaces ?? [DEFAULT_NAMESPACE],
      ...(hub !== undefined && { hub }),
      authorizer: this.#authorizer,
      ...(options.approvals !== undefined && { approvals: options.approvals }),
      clock,
      random,
      log,
      version,
      checks,
      warnings,
      metrics: this.#metrics,
      watchers,
      ...(options.backup !== undefined && { backup: options.backup }),
      ...(options.trail !== undefined && { trail: options.trail }),
      ...(options.pages !== undefined && { pages: options.pages }),
      ...(options.series !== undefined && { series: options.series }),
      ...(options.login !== undefined && { login: options.login }),
      ...(options.checkDeletion !== undefined && { checkDeletion: options.checkDeletion }),
      ...(options.checkChange !== undefined && { checkChange: options.checkChange }),
      authenticate: options.authenticate,
      ...(options.onRevoked !== undefined && { onRevoked: options.onRevoked }),
      ...(options.guard !== undefined && { guard: options.guard }),
      ...(options.table !== undefined && { table: options.table }),
      ...(options.offeredTemplate !== undefined && { offeredTemplate: options.offeredTemplate }),
      paths: options.paths ?? [],
      leftOut: options.leftOut ?? [],
      topics: options.topics ?? [],
    });
    this.#streams = new OpenStreams({ authorizer: this.#authorizer, clock, ...(options.login !== undefined && { login: options.login.login }) });
    this.#server = this.#createServer();
    this.#plain = new PlainListener({
      handle: (request, response) => void this.handle(request, response),
      upgrade: (request, socket, head) => this.#upgrade(request, socket, head),
      ...{ headBytesMax: HEAD_BYTES_MAX, headMsMax: HEAD_MS_MAX, bodyMsMax: BODY_MS_MAX, clock, log },
    });
  }

  async listenPlain({ host, ports }: { readonly host: string; readonly ports: readonly number[] }): Promise<{ readonly port: number }> {
    return { port: await this.#plain.listen(host, ports) };
  }

  async listen({ host, port }: { readonly host: string; readonly port: number }): Promise<{ readonly host: string; readonly port: number }> {
    this.#server.listen(port, host);
    try {
      await once(this.#server, "listening");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EADDRINUSE")
        throw new OrreryError(
          "api/port-in-use",
          `port ${port} on ${host} is in use: stop what listens there, or choose another with --api-port (0: any free one)`,
          { cause: error },
        );
      throw new OrreryError("api/cannot-listen", `cannot listen on ${host}:${port}: ${describeError(error)}`, { cause: error });
    }
    return { host, port: (this.#server.address() as AddressInfo).port };
  }

  async close(): Promise<void> {
    this.#isStopping = true;
    const closed = this.#server.listening ? new Promise<void>((resolve) => this.#server.close(() => resolve())) : Promise.resolve();
    this.#streams.close(new OrreryError("api/unavailable", "the centre stops", { retry: "backoff" }));
    this.#routes.views.close(new OrreryError("api/unavailable", "the centre stops", { retry: "backoff" }));
    const plainClosed = this.#plain.close();
    for (const session of this.#sessions) session.close();
    const cancel = this.#options.clock.after(STOP_MS, () => {
      for (const socket of this.#sockets) socket.destroy();
      this.#plain.cut();
    });
    // Idle HTTP/1 connections know of no end.
    (this.#server as unknown as { closeIdleConnections?(): void }).closeIdleConnections?.();
    await Promise.all([closed, plainClosed]);
    cancel();
    await this.#yaml.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #createServer(): Http2SecureServer {
    const { certificate, key, log } = this.#options;
    const server = createSecureServer({
      cert: certificate,
      key,
      allowHTTP1: true,
      minVersion: "TLSv1.2",
      handshakeTimeout: HEAD_MS_MAX,
      maxSessionMemory: SESSION_MEMORY_MB,
      // Of HTTP/1; the types do not know that it is handed on.
      ...{ maxHeaderSize: HEAD_BYTES_MAX },
      settings: { maxConcurrentStreams: 1_000, initialWindowSize: 1024 * 1024, maxHeaderListSize: HEAD_BYTES_MAX, enableConnectProtocol: false },
    });
    server.maxConnections = CONNECTIONS_MAX;
    Object.assign(server, { headersTimeout: HEAD_MS_MAX, requestTimeout: BODY_MS_MAX, keepAliveTimeout: 75_000 });
    Object.assign(server, { shouldUpgradeCallback: asksForWebSocket });
    // There is no tunnel here; without a listener Node.js would say so without a word, or cut the connection.
    server.on("connect", (request: Request, given: Duplex | Response, head: Buffer) =>
      "writeHead" in given ? void this.handle(request, given) : this.#upgrade(request as IncomingMessage, given, head),
    );
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket, head));
    server.on("request", (request: Request, response: Response) => void this.handle(request, response));
    server.on("secureConnection", (socket: TLSSocket) => {
      socket.setNoDelay(true);
      // Peers whose machine has gone say nothing: the system asks.
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on("session", (session) => {
      this.#sessions.add(session);
      session.once("close", () => this.#sessions.delete(session));
    });
    server.on("sessionError", (error) => log.debug("api: a connection failed", { error: describeError(error) }));
    server.on("tlsClientError", (error) => log.debug("api: a TLS handshake failed", { error: describeError(error) }));
    // What is no HTTP is told so and cut.
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      log.debug("api: malformed HTTP", { error: describeError(error) });
      if (socket.writable) refuseUnreadable(socket, error, this.#options.clock);
      else if (!socket.writableEnded) socket.destroy();
    });
    refusePlain(server, this.#options.clock, HEAD_MS_MAX);
    return server;
  }

  /** A request that would become a WebSocket goes the way of any other: what is a stream is sent in frames, all else is answered in HTTP and the connection closed. */
  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => {});
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Socket);
    response.once("finish", () => {
      socket.end();
      const cancel = this.#options.clock.after(LINGER_MS, () => socket.destroy(), { background: true });
      socket.once("close", cancel);
    });
    void this.handle(request, response, { socket, head });
  }

  metrics(): Promise<readonly MetricFamily[]> {
    return this.#metrics.families();
  }

  async handle(request: Request, response: Response, upgrade?: Upgrade): Promise<void> {
    try {
      await this.#handle(request, response, upgrade);
    } catch (error) {
      this.#unexpected("request", error);
      cut(response);
    }
  }

  async #handle(request: Request, response: Response, upgrade?: Upgrade): Promise<void> {
    const { clock, log } = this.#options;
    const startMs = clock.monotonic();
    response.on("error", ignore);
    request.on("error", ignore);
    const method = request.method ?? "GET";
    const exchange = new LiveExchange({
      request,
      response,
      method,
      clock,
      yaml: this.#yaml,
      audit: this.#options.trail,
      trustedProxies: this.#options.login?.browser.trustedProxies,
    });
    if (upgrade !== undefined) exchange.upgrade = upgrade;
    response.once("close", () => {
      const { knownController } = exchange;
      if (knownController !== undefined) this.#streams.delete(knownController);
      exchange.end(GONE);
    });
    let route: Route | undefined;
    let reply: Reply;
    let isCounted = false;
    try {
      checkSpoken(request, method, "stream" in response);
      checkOnce(request);
      const { path, query } = parseUrl(request.url ?? "/");
      exchange.path = path;
      exchange.query = query;
      const user = this.#askers.authenticate(exchange);
      // Waits only where somebody has to be looked up: a promise costs a turn.
      exchange.user = user instanceof Promise ? await user : user;
      refuseImpersonation(exchange);
      route = this.#routes.find(method, exchange.path, exchange.query);
      exchange.trail.follow(route);
      // Waits only where somebody is refused: a promise costs a turn.
      const refusing = this.#authorize(exchange, route);
      if (refusing !== undefined) await refusing;
      if (this.#isStopping) throw new OrreryError("api/unavailable", "the centre stops", { retry: "backoff" });
      if (route.isStream) this.#openStream(exchange, route.wish, exchange.controller);
      else {
        if (this.#inFlight >= IN_FLIGHT_MAX) throw new OrreryError("api/busy", `${IN_FLIGHT_MAX} requests are being answered`, { retry: "backoff" });
        this.#inFlight += 1;
        isCounted = true;
      }
      reply = await route.serve(exchange);
      exchange.trail.done(reply.status);
    } catch (error) {
      reply = failedReply(exchange, route?.subject ?? { verb: "unknown" }, error, {
        log,
        onUnexpected: (found) => this.#unexpected("request", found),
      });
    }
    if (this.#isStopping && !("stream" in response)) response.setHeader("connection", "close");
    try {
      if (upgrade !== undefined && "chunks" in reply) await sendFrames({ ...upgrade, request, reply, signal: exchange.signal, clock });
      else await sendReply(exchange, reply, clock);
    } catch (error) {
      if (!exchange.isOver && !isOrreryError(error)) this.#unexpected(route?.isStream === true ? "watch" : "request", error);
      else if (!exchange.isOver)
        log.error("api: an answer could not be sent", { error: describeError(error), method, path: exchange.path.join("/") });
      cut(response);
    } finally {
      if (isCounted) this.#inFlight -= 1;
    }
    const verb = route?.subject.verb ?? "unknown";
    this.#metrics.count(verb, route?.resource ?? "/other", reply.status);
    if (route?.isStream === false) this.#metrics.time(verb, route.resource, (clock.monotonic() - startMs) / 1_000);
    if (!("isTaken" in reply)) this.#endRequest(request, response);
  }

  /** @throws api/forbidden */
  #authorize(exchange: Exchange, route: Route): Promise<void> | undefined {
    try {
      this.#askers.authorize(exchange, route);
      return undefined;
    } catch (error) {
      // The audit is told what was to be made.
      if (route.subject.verb !== "create" || route.subject.name !== undefined || exchange.user === ANONYMOUS) throw error;
      return readCalled(exchange).then(() => {
        throw error;
      });
    }
  }

  #openStream(exchange: Exchange, wish: Wish, controller: AbortController): void {
    const isLater = isSessionLater(exchange.request, exchange.path);
    this.#streams.add({ ...(!isLater && { who: exchange.user }), wish, controller });
    const identify = (who: Identity): void => {
      if (!controller.signal.aborted) this.#streams.add({ who, wish, controller });
    };
    Object.assign(exchange, { identify, endFor: (reason: OrreryError) => controller.abort(reason) });
  }

  /** A unit of work that ended in a way that nobody expected. */
  #unexpected(unit: "request" | "watch", error: unknown): void {
    const { guard, log } = this.#options;
    if (guard !== undefined) return guard.caught(unit, error);
    log.error(`api: a ${unit} failed in a way that nobody expected`, {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }

  /** A body that was not read, or not to its end: its sender gets time to read the answer, a little more of the body is taken and dropped, then connection (HTTP/1) or stream (HTTP/2) is cut. */
  #endRequest(request: Request, response: Response): void {
    if (!isWrite(request.method ?? "GET") || request.complete || request.destroyed) return;
    let dropped = 0;
    request.on("data", (chunk: Buffer) => {
      dropped += chunk.length;
      if (dropped > DROPPED_BYTES_MAX) request.pause();
    });
    const end = (): unknown => {
      if (!("stream" in response)) return request.destroy();
      response.stream.close(constants.NGHTTP2_NO_ERROR);
      // A stream with something unread would stay, and keep its connection from closing.
      response.stream.destroy();
    };
    const cancel = this.#options.clock.after(LINGER_MS, end, { background: true });
    request.once("close", cancel).once("end", cancel);
  }
}

/** Both ends of an exchange may fail at any time; what matters of it is told by its close. */
function ignore(): void {}

function isWrite(method: string): boolean {
  return method !== "GET" && method !== "HEAD";
}
