import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { acceptConnect } from "./connect.ts";
import {
  type Admitted,
  type FilteredRequest,
  type HostTarget,
  type Refusal,
  RequestHead,
  refuse,
  renderRefusal,
  type Undecided,
} from "./core/index.ts";
import { Exchange } from "./exchange.ts";
import { inletOf } from "./inlet.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { relayUpgrade } from "./upgrade.ts";
import { isUndecided } from "./waiting.ts";

/** Bytes of a request's head at most: line and headers. */
export const HEAD_BYTES_MAX = 16 * 1024;
const HEADERS_TIMEOUT_MS = 15_000;
/** For a whole request to come in. */
const REQUEST_TIMEOUT_MS = 30 * 60_000;
const KEEP_ALIVE_MS = 65_000;
/** Requests and streams under way at most, those included whose client has gone. */
const OPEN_MAX = 50_000;

/** The HTTP side of a gateway: it is given sockets (`accept`), whatever listener they came from, and serves what they ask for. */
export class HttpProxy {
  readonly #context: ProxyContext;
  readonly #server: Server;

  constructor(context: ProxyContext, options: { readonly headersTimeoutMs?: number } = {}) {
    this.#context = context;
    this.#server = createServer({
      maxHeaderSize: HEAD_BYTES_MAX,
      headersTimeout: options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: Math.min(2000, options.headersTimeoutMs ?? 2000),
      keepAliveTimeout: KEEP_ALIVE_MS,
      // A missing Host is refused by the core, with a reason.
      requireHostHeader: false,
      optimizeEmptyRequests: true,
      // HTTP/2 by upgrade is not spoken here: such a request is served as HTTP/1.1, as RFC 9110 allows.
      shouldUpgradeCallback: (req) => req.headers.upgrade?.toLowerCase() !== "h2c",
    });
    this.#server.on("request", (req, res) => this.#serve(req, res, false));
    this.#server.on("checkContinue", (req, res) => this.#serve(req, res, true));
    this.#server.on("upgrade", (req, socket, head) => this.#upgrade(req, socket, head));
    this.#server.on("connect", (req, socket, head) => this.#connect(req, socket, head));
    this.#server.on("clientError", (error, socket) => this.#clientError(error as NodeJS.ErrnoException, socket));
    // The server never listens itself: this starts its watch over slow heads, as listening would.
    this.#server.emit("listening");
  }

  /** Serves a connection. */
  accept(socket: Socket): void {
    this.#server.emit("connection", socket);
  }

  #serve(req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): void {
    const inlet = inletOf(req.socket);
    const startedMs = this.#context.clock.monotonic();
    const head = new RequestHead(req.method ?? "", req.url ?? "", req.rawHeaders, req.httpVersionMinor === 0);
    const client = req.socket.remoteAddress ?? "";
    const exchange = new Exchange({ context: this.#context, req, res, head, role: inlet.kind === "edge" ? "edge" : "host", client, startedMs });
    if (this.#context.deadlines.size >= OPEN_MAX)
      return exchange.refuse(refuse("gateway/overloaded", `${OPEN_MAX} requests are under way; no more are taken`));
    const { core, clock } = this.#context;
    if (inlet.kind === "edge") {
      const decision = core.edge(head, client, startedMs);
      if (!isUndecided(decision)) return this.#take(exchange, decision, res, expectsContinue);
      void this.#context.waiting
        .settle(
          decision,
          () => core.edge(head, client, clock.monotonic()),
          () => res.destroyed,
        )
        .then((settled) => this.#take(exchange, settled, res, expectsContinue));
      return;
    }
    const target = core.target(inlet, head);
    if (target.kind === "refusal") return exchange.refuse(target);
    if (expectsContinue) res.writeContinue();
    if (target.kind === "outside") return exchange.forwardOutside(`http://${target.host}`, outsideRequest(head, target));
    const decision = core.host(inlet, target, head, startedMs);
    if (!isUndecided(decision)) return this.#take(exchange, decision, res, false);
    void this.#context.waiting
      .settle(
        decision,
        () => core.host(inlet, target, head, clock.monotonic()),
        () => res.destroyed,
      )
      .then((settled) => this.#take(exchange, settled, res, false));
  }

  #take(exchange: Exchange, decision: Admitted | Refusal, res: ServerResponse, expectsContinue: boolean): void {
    if (decision.kind === "refusal") return exchange.refuse(decision);
    if (expectsContinue) res.writeContinue();
    exchange.forward(decision.call, decision.request);
  }

  #upgrade(req: IncomingMessage, socket: Duplex, early: Buffer): void {
    const inlet = inletOf(req.socket);
    const startedMs = this.#context.clock.monotonic();
    const head = new RequestHead(req.method ?? "", req.url ?? "", req.rawHeaders, req.httpVersionMinor === 0);
    const client = req.socket.remoteAddress ?? "";
    if (this.#context.deadlines.size >= OPEN_MAX) {
      socket.destroy();
      return;
    }
    const relay = (decision: Admitted | Refusal): void =>
      relayUpgrade({ context: this.#context, socket, early, head, role: inlet.kind === "edge" ? "edge" : "host", client, startedMs, decision });
    const { core, clock, waiting } = this.#context;
    const decide = (nowMs: number): Admitted | Refusal | Undecided => {
      if (inlet.kind === "edge") return core.edge(head, client, nowMs);
      const target = core.target(inlet, head);
      if (target.kind === "refusal") return target;
      if (target.kind === "outside") return refuse("gateway/upgrade", `upgrades to hosts outside the site go through CONNECT (${target.host})`);
      return core.host(inlet, target, head, nowMs);
    };
    const decision = decide(startedMs);
    if (!isUndecided(decision)) return relay(decision);
    void waiting
      .settle(
        decision,
        () => decide(clock.monotonic()),
        () => socket.destroyed,
      )
      .then(relay);
  }

  #connect(req: IncomingMessage, socket: Duplex, early: Buffer): void {
    acceptConnect({ context: this.#context, req, socket: socket as Socket, early, inlet: inletOf(req.socket), accept: (one) => this.accept(one) });
  }

  #clientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    if (error.code === "ECONNRESET" || !socket.writable) {
      socket.destroy();
      return;
    }
    const [status, phrase] = CLIENT_ERRORS[error.code ?? ""] ?? [400, "Bad Request"];
    const { headers, body } = renderRefusal({ ...refuse("gateway/bad-request", `${phrase}: ${error.message}`), status }, this.#context.name);
    const lines = [`HTTP/1.1 ${status} ${phrase}`, "Connection: close"];
    for (let index = 0; index < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`);
    socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
    socket.once("finish", () => socket.destroy());
  }

  /** Closes kept connections that serve nothing now. */
  closeIdle(): void {
    this.#server.closeIdleConnections();
  }

  /** Cuts every connection. */
  closeAll(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout"],
};

function outsideRequest(head: RequestHead, target: HostTarget & { readonly kind: "outside" }): FilteredRequest {
  return {
    method: head.method,
    path: target.path,
    host: target.host,
    headers: head.passed,
    contentLength: head.isChunked ? undefined : Number(head.contentLength ?? 0),
    requestBytesMax: Number.POSITIVE_INFINITY,
  };
}
