import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { describeError } from "#/base/index.ts";
import { logConnection } from "./connection-log.ts";
import {
  type Admitted,
  type Call,
  type FilteredRequest,
  type Refusal,
  type RequestHead,
  refuse,
  renderRefusal,
  WebSocketFrames,
} from "./core/index.ts";
import type { Bounded } from "./deadlines.ts";
import { portOf } from "./exchange.ts";
import { pushForwarded } from "./forwarded.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { passResponseHeaders } from "./response-headers.ts";
import { LAST_READ_MS, part, splice } from "./splice.ts";

/** A WebSocket's close frame with code 1012, service restart (RFC 6455, 5.5.1 and 7.4). */
const CLOSE_FRAME = Buffer.from([0x88, 0x02, 0x03, 0xf4]);

export interface UpgradeOptions {
  readonly context: ProxyContext;
  readonly socket: Duplex;
  /** What the client has sent after its head. */
  readonly early: Buffer;
  readonly head: RequestHead;
  readonly role: "edge" | "host";
  readonly client: string;
  readonly startedMs: number;
  readonly decision: Admitted | Refusal;
}

/** Relays a request that wants another protocol (WebSocket): if the instance agrees, both connections are joined and the call is a stream until either ends; if it answers otherwise, its answer is passed on and the connection closed. */
export function relayUpgrade(options: UpgradeOptions): void {
  const { decision } = options;
  if (decision.kind === "refusal") answerRefusal(options, decision);
  else new UpgradeRelay(options, decision.call, decision.request).start();
}

class UpgradeRelay implements Bounded {
  readonly #options: UpgradeOptions;
  readonly #call: Call;
  readonly #request: FilteredRequest;
  #outgoing: ClientRequest | undefined;
  #deadlineMs: number;
  /** The two sides, once they are joined. */
  #upstream: Duplex | undefined;
  /** Of what the instance says through a WebSocket. */
  #frames: WebSocketFrames | undefined;
  readonly #follow = (chunk: Buffer): void => this.#frames?.take(chunk);
  #isOver = false;

  constructor(options: UpgradeOptions, call: Call, request: FilteredRequest) {
    this.#options = options;
    this.#call = call;
    this.#request = request;
    this.#deadlineMs = Math.min(call.deadlineMs, options.startedMs + call.policy.timeoutMs);
  }

  start(): void {
    const { context, socket, head } = this.#options;
    const headers: string[] = [...this.#request.headers, "Host", this.#request.host, ...this.#call.traceHeaders];
    if (this.#options.role === "edge") pushForwarded(headers, this.#options.client, head.host);
    headers.push("Via", head.via === undefined ? "1.1 orrery" : `${head.via}, 1.1 orrery`, "Connection", "Upgrade", "Upgrade", head.upgrade ?? "");
    context.deadlines.add(this);
    socket.on("error", () => this.#end(0, "client gone", 0, 0));
    socket.once("close", () => this.#outgoing?.destroy());
    this.#send(headers);
  }

  #send(headers: string[]): void {
    const { endpoint } = this.#call;
    const outgoing = httpRequest({
      host: endpoint.address,
      port: portOf(this.#call),
      method: this.#request.method,
      path: this.#request.path,
      headers: headers as unknown as Record<string, string>,
      agent: false,
      setHost: false,
    });
    this.#outgoing = outgoing;
    let wasSent = false;
    outgoing.once("socket", (one) =>
      one.once("connect", () => {
        wasSent = true;
      }),
    );
    outgoing.once("upgrade", (answer, upstream, early) => this.#join(answer, upstream, early));
    outgoing.once("response", (answer) => this.#passAnswer(answer));
    outgoing.once("error", (error) => {
      if (this.#isOver) return;
      const nowMs = this.#options.context.clock.monotonic();
      const next = this.#options.context.core.retry(
        this.#call,
        { status: 0, wasSent },
        { method: this.#request.method, isReplayable: !this.#options.socket.destroyed },
        nowMs,
      );
      if (next !== undefined) return this.#send(headers);
      this.#refuse(refuse(wasSent ? "gateway/upgrade" : "gateway/connect", `${endpoint.instance}: ${describeError(error)}`, this.#call));
    });
    outgoing.end();
  }

  #join(answer: IncomingMessage, upstream: Duplex, early: Buffer): void {
    const { context, socket, head } = this.#options;
    if (socket.destroyed) {
      upstream.destroy();
      return this.#end(0, "client gone", 0, 0);
    }
    context.core.stream(this.#call);
    this.#upstream = upstream;
    const passed = passResponseHeaders(answer.headers);
    this.#call.route?.filters.response(passed, this.#request);
    const headers = [...passed, "Connection", "Upgrade", "Upgrade", answer.headers.upgrade ?? ""];
    socket.write(renderHead(101, "Switching Protocols", headers));
    if (head.upgrade?.toLowerCase() === "websocket") {
      this.#frames = new WebSocketFrames();
      this.#frames.take(early);
      upstream.on("data", this.#follow);
    }
    if (early.length > 0) socket.write(early);
    if (this.#options.early.length > 0) upstream.write(this.#options.early);
    splice(socket, upstream, ({ fromA, fromB }, error) => this.#end(101, error === undefined ? undefined : describeError(error), fromA, fromB));
  }

  #passAnswer(answer: IncomingMessage): void {
    const { socket } = this.#options;
    const status = answer.statusCode ?? 502;
    this.#deadlineMs = this.#call.deadlineMs;
    // The body's end is the connection's: the instance's own framing has been taken off.
    const headers = passResponseHeaders(answer.headers);
    this.#call.route?.filters.response(headers, this.#request);
    socket.write(renderHead(status, answer.statusMessage ?? "", [...headers, "Connection", "close"]));
    let bytes = 0;
    answer.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    answer.pipe(socket);
    answer.once("close", () => this.#end(status, answer.complete ? undefined : "the answer broke off", 0, bytes));
  }

  expire(nowMs: number): void {
    if (this.#isOver) return;
    if (this.#upstream !== undefined) {
      if (nowMs >= this.#call.deadlineMs) this.#terminate(this.#upstream);
      return;
    }
    if (nowMs < this.#deadlineMs) return;
    this.#refuse(refuse("gateway/timeout", `${this.#call.endpoint.instance} has not answered in time`, this.#call));
    this.#outgoing?.destroy();
  }

  /** Ends a stream whose generation has drained long enough: a WebSocket by a close frame, when the frame that is being sent is whole, others by the end of the connection. */
  #terminate(upstream: Duplex): void {
    const { context, socket } = this.#options;
    const frames = this.#frames;
    context.deadlines.delete(this);
    if (frames === undefined) return part(context.clock, socket, upstream);
    if (frames.isBetween) return part(context.clock, socket, upstream, CLOSE_FRAME);
    upstream.unpipe(socket);
    upstream.off("data", this.#follow);
    upstream.on("data", (chunk: Buffer) => {
      if (frames.isBetween) return;
      const isRoom = socket.write(chunk.subarray(0, frames.finish(chunk)));
      if (frames.isBetween) return part(context.clock, socket, upstream, CLOSE_FRAME);
      if (isRoom) return;
      upstream.pause();
      socket.once("drain", () => upstream.resume());
    });
    upstream.resume();
    const giveUp = (): void => {
      if (!frames.isBetween) part(context.clock, socket, upstream);
    };
    context.clock.after(LAST_READ_MS, giveUp, { background: true });
  }

  #refuse(refusal: Refusal): void {
    if (this.#isOver) return;
    this.#end(0, refusal.code, 0, 0, refusal.status);
    writeRefusal(this.#options, refusal);
  }

  #end(status: number, error: string | undefined, bytesIn: number, bytesOut: number, shownStatus = status): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { context, role, client, head, startedMs } = this.#options;
    context.deadlines.delete(this);
    context.core.end(this.#call, status, context.clock.monotonic());
    logConnection(context, { role, client, method: head.method, head, call: this.#call, startedMs, status: shownStatus, bytesIn, bytesOut, error });
  }
}

function answerRefusal(options: UpgradeOptions, refusal: Refusal): void {
  writeRefusal(options, refusal);
  const { context, role, client, head, startedMs } = options;
  logConnection(context, { role, client, method: head.method, head, refusal, startedMs, status: refusal.status, bytesOut: 0 });
}

function writeRefusal({ context, socket }: UpgradeOptions, refusal: Refusal): void {
  if (socket.destroyed) return;
  socket.on("error", () => socket.destroy());
  const { headers, body } = renderRefusal(refusal, context.name);
  socket.end(renderHead(refusal.status, "Refused", [...headers, "Connection", "close"]) + body);
}

/** The head of an answer as text; for connections that have left the HTTP server's care. */
export function renderHead(status: number, phrase: string, headers: readonly string[]): string {
  let text = `HTTP/1.1 ${status} ${phrase.replace(/[^\t\x20-\x7e]/g, "")}\r\n`;
  for (let index = 0; index < headers.length; index += 2) text += `${headers[index]}: ${headers[index + 1]}\r\n`;
  return `${text}\r\n`;
}
