import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { isSpokenVersion, type ParseFault, refusedRequestLine } from "#/base/index.ts";
import { ClientConnection } from "./client-connection.ts";
import { acceptConnect } from "./connect.ts";
import {
  type Admitted,
  type FilteredRequest,
  type HostTarget,
  hasToken,
  type Inlet,
  type Refusal,
  RequestHead,
  refuse,
  renderRefusal,
  type Undecided,
} from "./core/index.ts";
import { Exchange, type ExchangeOptions } from "./exchange.ts";
import { inletOf } from "./inlet.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { rawHead } from "./raw-head.ts";
import { isUndecided } from "./waiting.ts";

/** What a client may say in another protocol before it is agreed on. */
const EARLY_BYTES_MAX = 64 * 1024;

/** The HTTP side of a gateway: it is given sockets (`accept`), whatever listener they came from, and serves what they ask for. */
export class HttpProxy {
  readonly #context: ProxyContext;
  readonly #server: Server & { maxHeaderSize?: number };
  readonly #headersTimeoutMs: number | undefined;

  constructor(context: ProxyContext, options: { readonly headersTimeoutMs?: number } = {}) {
    this.#context = context;
    this.#headersTimeoutMs = options.headersTimeoutMs;
    const { limits } = context.core.table;
    this.#server = createServer({
      maxHeaderSize: limits.requestHeadBytes,
      headersTimeout: options.headersTimeoutMs ?? limits.requestHeadTimeMs,
      // A body may take as long as it likes while it comes: each exchange looks for silence.
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(2000, options.headersTimeoutMs ?? 2000),
      keepAliveTimeout: limits.idleConnectionMs,
      // A missing Host is refused by the core, with a reason.
      requireHostHeader: false,
      optimizeEmptyRequests: true,
      shouldUpgradeCallback: isWithoutBody,
    });
    // A client that closes its half still gets its answer.
    (this.#server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
    this.#server.on("request", (req, res) => this.#receive(req, res, false));
    this.#server.on("checkContinue", (req, res) => this.#receive(req, res, true));
    this.#server.on("checkExpectation", (req, res) => this.#receive(req, res, false));
    this.#server.on("upgrade", (req, socket, head) => this.#upgrade(req, socket as Socket, head));
    this.#server.on("connect", (req, socket, head) => this.#connect(req, socket as Socket, head));
    this.#server.on("clientError", (error, socket) => this.#clientError(error as NodeJS.ErrnoException, socket as Socket));
    // The server never listens itself: this starts its watch over slow heads, as listening would.
    this.#server.emit("listening");
  }

  /** Takes over the bounds of the table in force: for new connections, and for what comes next on those that there are. */
  tableChanged(): void {
    const { limits } = this.#context.core.table;
    this.#server.maxHeaderSize = limits.requestHeadBytes;
    this.#server.headersTimeout = this.#headersTimeoutMs ?? limits.requestHeadTimeMs;
    this.#server.keepAliveTimeout = limits.idleConnectionMs;
  }

  /** Serves a connection. */
  accept(socket: Socket): void {
    ClientConnection.of(socket);
    this.#server.emit("connection", socket);
  }

  #receive(req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): void {
    const { socket } = req;
    this.#inTurn(socket, (connection) => {
      const exchange = this.#exchange(req, res, { expectsContinue });
      connection.current = { exchange, req, res };
      this.#guarded(exchange, () => this.#serve(exchange, exchange.head, inletOf(socket)));
    });
  }

  /** A request that wants another protocol, without a body. If it does not get it, its answer goes out as every answer does. */
  #upgrade(req: IncomingMessage, socket: Socket, early: Buffer): void {
    socket.pause();
    this.#inTurn(socket, (connection) => this.#whenSent(connection, () => this.#offer(connection, req, early)));
  }

  /** An answer that is complete may still be on its way to the connection, and has it until then. */
  #whenSent(connection: ClientConnection, go: () => void): void {
    const former = connection.current?.res;
    if (former === undefined || former.writableFinished || former.destroyed) return go();
    former.once("finish", () => this.#context.guard.run("request", go, () => connection.socket.destroy()));
  }

  #offer(connection: ClientConnection, req: IncomingMessage, early: Buffer): void {
    const { socket } = connection;
    const isSpoken = !isUnspoken(req);
    const res = new ServerResponse(req);
    res.shouldKeepAlive = !isSpoken && req.httpVersion === "1.1" && !hasToken(req.headers.connection ?? "", "close");
    res.assignSocket(socket);
    const onDrain = (): void => void res.emit("drain");
    socket.on("drain", onDrain);
    res.once("finish", () => {
      res.detachSocket(socket);
      socket.off("drain", onDrain);
      // Whoever has closed its half sends nothing more, and its end would not be told a second time.
      if (isSpoken || connection.isClosing || connection.hasEnded) return connection.linger();
      // Goes on as HTTP/1.1, with what the client has sent behind it.
      if (early.length > 0) socket.unshift(early);
      this.accept(socket);
      socket.resume();
    });
    const upgrade = isSpoken ? holdEarly(socket, early) : undefined;
    const exchange = this.#exchange(req, res, { expectsContinue: false, upgrade });
    connection.current = { exchange, req, res };
    this.#guarded(exchange, () => this.#serve(exchange, exchange.head, inletOf(socket)));
  }

  #inTurn(socket: Socket, begin: (connection: ClientConnection) => void): void {
    const connection = ClientConnection.of(socket);
    connection.inTurn(() =>
      this.#context.guard.run(
        "request",
        () => begin(connection),
        () => socket.destroy(),
      ),
    );
  }

  #exchange(req: IncomingMessage, res: ServerResponse, more: Pick<ExchangeOptions, "expectsContinue" | "upgrade">): Exchange {
    const inlet = inletOf(req.socket);
    const head = new RequestHead(req.method ?? "", req.url ?? "", req.rawHeaders, req.httpVersion);
    if (inlet.kind !== "proxy" && head.proxyAuthorization !== undefined) head.passed.push("Proxy-Authorization", head.proxyAuthorization);
    return new Exchange({
      context: this.#context,
      req,
      res,
      head,
      role: inlet.kind === "edge" ? "edge" : "host",
      client: this.#clientOf(inlet, head, req.socket),
      startedMs: this.#context.clock.monotonic(),
      ...more,
    });
  }

  #serve(exchange: Exchange, head: RequestHead, inlet: Inlet): void {
    const { core, clock, deadlines, waiting } = this.#context;
    if (!isSpokenVersion(exchange.httpVersion))
      return exchange.refuse({ ...refuse("gateway/bad-request", `HTTP/${exchange.httpVersion} is not spoken here: use HTTP/1.1`), status: 505 });
    const { openRequests } = core.table.limits;
    if (deadlines.size >= openRequests)
      return exchange.refuse(refuse("gateway/overloaded", `${openRequests} requests are under way; no more are taken`));
    const { client, startedMs } = exchange;
    let decide = (nowMs: number): Admitted | Refusal | Undecided => core.edge(head, client, nowMs);
    if (inlet.kind !== "edge") {
      const target = core.target(inlet, head);
      if (target.kind === "refusal") return exchange.refuse(target);
      if (target.kind === "outside") {
        if (exchange.isUpgrade)
          return exchange.refuse(refuse("gateway/upgrade", `upgrades to hosts outside the site go through CONNECT (${target.host})`));
        return exchange.forwardOutside(target.authority, outsideRequest(head, target));
      }
      decide = (nowMs) => core.host(inlet, target, head, nowMs);
    }
    const decision = decide(startedMs);
    if (!isUndecided(decision)) return this.#take(exchange, decision);
    void waiting
      .settle(
        decision,
        () => decide(clock.monotonic()),
        () => exchange.isGone,
      )
      .then((settled) => this.#guarded(exchange, () => this.#take(exchange, settled)))
      .catch((error: unknown) => exchange.fault(error));
  }

  #take(exchange: Exchange, decision: Admitted | Refusal): void {
    if (decision.kind === "refusal") exchange.refuse(decision);
    else exchange.forward(decision.call, decision.request);
  }

  #guarded(exchange: Exchange, work: () => void): void {
    try {
      work();
    } catch (error) {
      exchange.fault(error);
    }
  }

  /** The client's address, as far as it is known. */
  #clientOf(inlet: Inlet, head: RequestHead, socket: Socket): string {
    const peer = socket.remoteAddress ?? "";
    if (inlet.kind !== "edge") return peer;
    if (inlet.lacksTls === true) head.violation = "this port speaks TLS: ask https:// instead of http://";
    head.origin = this.#context.core.origin(head, peer, inlet.isTls === true);
    return head.origin.client;
  }

  #connect(req: IncomingMessage, socket: Socket, early: Buffer): void {
    socket.pause();
    this.#inTurn(socket, (connection) =>
      this.#whenSent(connection, () =>
        acceptConnect({
          context: this.#context,
          req,
          socket,
          early,
          inlet: inletOf(socket),
          accept: (one) => {
            connection.answered(false);
            this.accept(one);
          },
        }),
      ),
    );
  }

  /** What a client has sent cannot be read. What it has sent before is answered first. */
  #clientError(error: NodeJS.ErrnoException, socket: Socket): void {
    this.#context.guard.run(
      "request",
      () => {
        const connection = ClientConnection.of(socket);
        if (error.code === "ECONNRESET" || !socket.writable) {
          socket.destroy();
          return;
        }
        if (connection.isClosing) return;
        const [status, detail] = describeClientError(error, socket);
        const refusal = { ...refuse("gateway/bad-request", detail), status };
        const { current } = connection;
        if (connection.isBusy && current !== undefined && !current.req.complete) return current.exchange.bodyBroken(refusal.detail);
        connection.close(() => {
          const { headers, body } = renderRefusal(refusal, this.#context.name);
          if (socket.writable) socket.write(Buffer.concat([rawHead(status, ["Connection", "close", ...headers]), Buffer.from(body)]));
          connection.linger();
        });
      },
      () => socket.destroy(),
    );
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

/** Reads on while the instance has not answered, so that a client that leaves is seen, and keeps what comes for the other protocol. */
function holdEarly(socket: Socket, early: Buffer): NonNullable<ExchangeOptions["upgrade"]> {
  const held = [early];
  let bytes = early.length;
  const hold = (chunk: Buffer): void => {
    held.push(chunk);
    bytes += chunk.length;
    if (bytes > EARLY_BYTES_MAX) socket.pause();
  };
  socket.on("data", hold);
  socket.resume();
  return {
    socket,
    takeEarly: () => {
      socket.off("data", hold);
      socket.pause();
      return Buffer.concat(held);
    },
  };
}

/** Called for requests that ask for another protocol. One with a body is served as it is: another protocol would leave the body unread. */
function isWithoutBody(req: IncomingMessage): boolean {
  return req.headers["transfer-encoding"] === undefined && Number(req.headers["content-length"] ?? 0) === 0;
}

/** HTTP/2 and TLS by upgrade are not spoken here: such a request is served as HTTP/1.1, as RFC 9110 (7.8) allows. */
function isUnspoken(req: IncomingMessage): boolean {
  return req.httpVersion !== "1.1" || /^(?:h2c|tls|http)(?:$|[/,\s])/i.test(req.headers.upgrade ?? "");
}

const HANDSHAKE = 22;

/** Status and words for what a client has sent that cannot be read. */
function describeClientError(error: NodeJS.ErrnoException & ParseFault, socket: Socket): readonly [number, string] {
  const { code, message, rawPacket } = error;
  if (code === "HPE_HEADER_OVERFLOW") return [431, `Request Header Fields Too Large: ${message}`];
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return [408, `Request Timeout: ${message}`];
  if (code === "HPE_INVALID_EOF_STATE")
    return [400, "the connection was closed in the middle of the request: there is less of it than its head says"];
  if (rawPacket !== undefined && rawPacket.length === socket.bytesRead && rawPacket[0] === HANDSHAKE)
    return [400, "this port does not speak TLS: ask http:// instead of https://"];
  const refused = refusedRequestLine(error);
  if (refused?.status === 505) return [505, `${refused.version} is not spoken here: use HTTP/1.1`];
  if (refused?.status === 501) return [501, `the method ${refused.method} is not known here, and cannot be passed on`];
  return [400, `Bad Request: ${message}`];
}

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
