import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";
import { type Clock, isOrreryError, OrreryError } from "#/base/index.ts";
import { headerOf, JSON_TYPE, type Reply, type Request, type Upgrade } from "./exchange.ts";
import { endedReason } from "./open-streams.ts";
import { STALLED_MS } from "./send.ts";
import { SharedLine } from "./shared-line.ts";

/** Clients have little to say, those of a watch nothing: a longer message ends the connection (close code 1009). */
const MESSAGE_BYTES_MAX = 64 * 1024;
/** More than this waits in the store's own bounded queue; and who sends pings without reading is cut at it. */
const UNSENT_BYTES_MAX = 256 * 1024;
/** So long the client may take to answer our close. */
const CLOSE_MS = 1_000;
/** RFC 6455 (7.4.1): a message, here the asker, is against the policy. */
const CLOSE_POLICY = 1008;
/** Of the reason (RFC 6455, 5.5). */
const CLOSE_BYTES_MAX = 123;
/** Where a browser, which cannot set headers, puts its token: kube-apiserver's name for it. */
const TOKEN_PROTOCOL = "base64url.bearer.authorization.k8s.io.";

/** True for a request that asks for a WebSocket, as browsers and fabric8 ask for a watch. Whatever else a client would upgrade to, it is answered in HTTP. */
export function asksForWebSocket(request: Request): boolean {
  return request.method === "GET" && /(?:^|,)\s*websocket\s*(?:,|$)/i.test(headerOf(request, "upgrade") ?? "");
}

/** The bearer token among the subprotocols of a WebSocket request; `undefined` if there is none.
 *  @throws api/unauthorized: more than one, not base64url, or no other subprotocol that could be agreed on */
export function protocolToken(request: Request): string | undefined {
  const offered = (headerOf(request, "sec-websocket-protocol") ?? "").split(",", 100).map((one) => one.trim());
  const tokens = offered.filter((one) => one.startsWith(TOKEN_PROTOCOL));
  if (tokens.length === 0) return undefined;
  const refuse = (why: string): never => {
    throw new OrreryError("api/unauthorized", `Unauthorized: ${why}`);
  };
  if (tokens.length > 1) return refuse("more than one token among the subprotocols");
  if (!offered.some((one) => one !== "" && !one.startsWith(TOKEN_PROTOCOL)))
    return refuse("offer one more subprotocol beside the token: the token's is never agreed on");
  const encoded = (tokens[0] ?? "").slice(TOKEN_PROTOCOL.length);
  if (!/^[\w-]+$/.test(encoded)) return refuse("the token's subprotocol is not base64url without padding");
  return Buffer.from(encoded, "base64url").toString("utf8");
}

export interface SendFramesOptions extends Upgrade {
  readonly request: Request;
  readonly reply: Extract<Reply, { readonly chunks: unknown }>;
  /** Aborted when the client is gone, or with `api/unavailable` when the server stops. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

const server = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  maxPayload: MESSAGE_BYTES_MAX,
  perMessageDeflate: false,
  autoPong: false,
  handleProtocols: (protocols) => [...protocols].find((one) => !one.startsWith(TOKEN_PROTOCOL)) ?? false,
});

/** The connection as a WebSocket; `undefined` where the handshake is no good one, which is answered. */
export async function acceptWebSocket(request: Request, { socket, head }: Upgrade): Promise<WebSocket | undefined> {
  const webSocket = await new Promise<WebSocket | undefined>((resolve) => {
    socket.once("close", () => resolve(undefined));
    // What is no good handshake is answered by the library, and the connection closed.
    server.handleUpgrade(request as IncomingMessage, socket, head, resolve);
  });
  if (webSocket === undefined) return undefined;
  // Also a message that is too long: the library closes with its code.
  webSocket.on("error", () => {});
  webSocket.on("ping", (data: Buffer) => {
    if (webSocket.bufferedAmount > UNSENT_BYTES_MAX) webSocket.terminate();
    else webSocket.pong(data);
  });
  return webSocket;
}

/** Sends a streamed reply over a WebSocket: each event of a watch, or each piece of a text, is one text frame. It is closed with 1000 at the end, with 1001 when the server stops; a client that takes nothing is cut.
 *  Resolves when the connection is closed. */
export async function sendFrames({ request, socket, head, reply, signal, clock }: SendFramesOptions): Promise<void> {
  const webSocket = await acceptWebSocket(request, { socket, head });
  if (webSocket === undefined) return;
  const isLines = reply.contentType === JSON_TYPE;
  for await (const chunk of reply.chunks) {
    if ((signal.aborted && endedReason(signal) === undefined) || webSocket.readyState !== webSocket.OPEN) break;
    socket.cork();
    const piece = chunk instanceof SharedLine ? chunk.text : chunk;
    for (const frame of isLines ? linesOf(String(piece)) : [piece]) webSocket.send(frame);
    socket.uncork();
    if (webSocket.bufferedAmount <= UNSENT_BYTES_MAX) continue;
    const cancel = clock.after(STALLED_MS, () => webSocket.terminate(), { background: true });
    if (socket.writableNeedDrain) await once(socket, "drain", { signal }).catch(() => undefined);
    cancel();
  }
  const isStopping = isOrreryError(signal.reason, "api/unavailable");
  const ended = endedReason(signal);
  if (ended !== undefined)
    webSocket.close(
      CLOSE_POLICY,
      Buffer.from(ended.message)
        .subarray(0, CLOSE_BYTES_MAX)
        .toString("utf8")
        .replace(/\ufffd$/, ""),
    );
  else webSocket.close(isStopping ? 1001 : 1000, isStopping ? "the centre stops" : "");
  const cancel = clock.after(CLOSE_MS, () => webSocket.terminate(), { background: true });
  if (!socket.destroyed) await once(socket, "close").catch(() => undefined);
  cancel();
}

function linesOf(text: string): string[] {
  const lines = text.split("\n");
  // Each line has its end: the last is empty.
  lines.pop();
  return lines;
}
