import type { IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { describeError } from "#/base/index.ts";
import { logAccess } from "./access-entry.ts";
import { refuseConnection } from "./connect-refusal.ts";
import { type Inlet, parseAuthority, type Refusal, refuse, renderRefusal } from "./core/index.ts";
import { tagSocket } from "./inlet.ts";
import { checkedLookup, NotDialled } from "./outside-lookup.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { rawHead } from "./raw-head.ts";
import { splice } from "./splice.ts";

/** What a client must have sent after CONNECT to a service. */
const FIRST_BYTE_TIMEOUT_MS = 15_000;
/** First byte of a TLS handshake. */
const TLS_HANDSHAKE = 0x16;
/** A TLS alert (RFC 8446, 6): fatal, access_denied. The client says so, instead of "connection reset". */
const TLS_ACCESS_DENIED = Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x31]);

export interface ConnectOptions {
  readonly context: ProxyContext;
  readonly req: IncomingMessage;
  readonly socket: Socket;
  /** What the client has sent after its CONNECT. */
  readonly early: Buffer;
  readonly inlet: Inlet;
  /** Serves HTTP on a connection. */
  readonly accept: (socket: Socket) => void;
}

/** CONNECT: to a service of the site it is ended here and read as HTTP, so that no call goes past the gateway; TLS inside cannot be read and is refused. To hosts outside the site it is a tunnel. */
export function acceptConnect(options: ConnectOptions): void {
  const { context, req, socket, inlet } = options;
  const startedMs = context.clock.monotonic();
  socket.on("error", () => socket.destroy());
  const authority = parseAuthority(req.url ?? "");
  if (inlet.kind !== "proxy") return answer(options, startedMs, refuse("gateway/bad-request", "CONNECT is for the proxy port only"));
  if (authority?.port === undefined) return answer(options, startedMs, refuse("gateway/bad-request", "CONNECT needs host:port"));
  const target = context.core.resolve(inlet, authority, req.url ?? "", "");
  if (target.kind === "refusal") return answer(options, startedMs, target);
  if (target.kind === "service") openService(options, target.service, startedMs);
  else openTunnel(options, { host: target.authority.host, port: authority.port }, startedMs);
}

function openService(options: ConnectOptions, service: string, startedMs: number): void {
  const { context, socket, early, inlet, accept } = options;
  socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
  if (early.length > 0) socket.unshift(early);
  const timer = setTimeout(() => socket.destroy(), FIRST_BYTE_TIMEOUT_MS);
  socket.once("close", () => clearTimeout(timer));
  socket.once("readable", () => {
    clearTimeout(timer);
    const first: unknown = socket.read();
    if (!Buffer.isBuffer(first)) {
      socket.destroy();
      return;
    }
    if (first[0] === TLS_HANDSHAKE) {
      socket.end(TLS_ACCESS_DENIED);
      const refusal = refuse("gateway/bad-request", `TLS to ${service} cannot be read by the gateway: call http://${service}/ instead`);
      logAccess(context, {
        role: "host",
        client: inlet.address,
        method: "CONNECT",
        host: options.req.url,
        refusal,
        startedMs,
        status: 0,
        bytesOut: 0,
        error: `${refusal.code}: ${refusal.detail}`,
      });
      return;
    }
    socket.removeAllListeners("readable");
    socket.unshift(first);
    tagSocket(socket, { ...inlet, connectedTo: service });
    accept(socket);
  });
}

function openTunnel(options: ConnectOptions, authority: { readonly host: string; readonly port: number }, startedMs: number): void {
  const { context, socket, early, inlet, req } = options;
  const upstream = connect({
    host: authority.host.replace(/^\[|\]$/g, ""),
    port: authority.port,
    noDelay: true,
    allowHalfOpen: true,
    lookup: checkedLookup((address) => context.core.dial(authority, address)),
  });
  const timer = setTimeout(
    () => upstream.destroy(Object.assign(new Error("no connection in time"), { code: "ETIMEDOUT" })),
    context.core.table.limits.connectTimeMs,
  );
  const onError = (error: Error): void => {
    clearTimeout(timer);
    if (error instanceof NotDialled) context.core.refusedDial(inlet);
    answer(options, startedMs, error instanceof NotDialled ? error.refusal : refuseConnection(req.url ?? "", error));
  };
  upstream.once("error", onError);
  upstream.once("connect", () => {
    clearTimeout(timer);
    upstream.off("error", onError);
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    if (early.length > 0) upstream.write(early);
    splice(socket, upstream, ({ fromA, fromB }, error) =>
      logAccess(context, {
        role: "host",
        client: inlet.address,
        method: "CONNECT",
        host: req.url,
        startedMs,
        status: 200,
        bytesIn: fromA,
        bytesOut: fromB,
        error: error === undefined ? undefined : describeError(error),
      }),
    );
  });
}

function answer({ context, socket, inlet, req }: ConnectOptions, startedMs: number, refusal: Refusal): void {
  const { headers, body } = renderRefusal(refusal, context.name);
  if (!socket.destroyed) socket.end(Buffer.concat([rawHead(refusal.status, [...headers, "Connection", "close"]), Buffer.from(body)]));
  logAccess(context, {
    role: inlet.kind === "edge" ? "edge" : "host",
    client: inlet.address,
    method: "CONNECT",
    host: req.url,
    refusal,
    startedMs,
    status: refusal.status,
    bytesOut: body.length,
  });
}
