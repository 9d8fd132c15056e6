import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { describeError } from "#/base/index.ts";
import { ClientConnection, type UnderWay } from "./client-connection.ts";
import { refuseConnection } from "./connect-refusal.ts";
import {
  type Authority,
  type Call,
  type FilteredRequest,
  type GatewayErrorCode,
  type Refusal,
  type RequestHead,
  refuse,
  renderRefusal,
} from "./core/index.ts";
import { passTrailers } from "./core/request-head.ts";
import { pathOf } from "./core/request-target.ts";
import type { Bounded } from "./deadlines.ts";
import { faultOf } from "./fault.ts";
import { inletOf } from "./inlet.ts";
import { NotDialled } from "./outside-lookup.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { flushSoon } from "./response-flush.ts";
import { hasNoBody, passInterimHeaders, passResponseHeaders, passResponseTrailers } from "./response-headers.ts";
import { StreamRelay } from "./stream-relay.ts";
import { type AnswerHandler, UpstreamCall } from "./upstream/index.ts";

/** What is left of an answer whose client has gone is read up to this, so that its transaction is seen to end; beyond, the connection is cut. */
const ABANDONED_BYTES_MAX = 1024 * 1024;
/** Status in the log where the client has left before it was told one; nginx's number for it. */
const CLIENT_GONE = 499;
/** Answers up to this size that come at once are sent in one write. */
const WHOLE_BYTES_MAX = 16 * 1024;
/** A client that is silent for so long in the middle of its body is given up. */
const CLIENT_SILENCE_MS = 60_000;
/** An instance that has not said within this time whether it wants a body gets it. */
const CONTINUE_MS = 1000;

/** Refusals behind which nothing is carried out: where the request's end is not certain, or more of it may be on its way. */
const LAST: ReadonlySet<GatewayErrorCode> = new Set(["gateway/bad-request", "gateway/too-large", "gateway/client-timeout"]);

export interface ExchangeOptions {
  readonly context: ProxyContext;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly head: RequestHead;
  readonly role: "edge" | "host";
  readonly client: string;
  readonly startedMs: number;
  /** The client waits for leave to send its body. */
  readonly expectsContinue: boolean;
  /** For a request that wants another protocol: its connection, and what gives what the client has sent after its head, once. */
  readonly upgrade?: { readonly socket: Socket; readonly takeEarly: () => Buffer } | undefined;
}

/** One request on its way to an instance (or outside the site) and its answer on the way back, with and without a body, also if it wants another protocol: there is no other way. It is itself the handler of its upstream call: one object for each request. */
export class Exchange implements AnswerHandler, Bounded, UnderWay {
  readonly #context: ProxyContext;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly head: RequestHead;
  readonly #role: "edge" | "host";
  readonly client: string;
  readonly startedMs: number;
  readonly #upgrade: ExchangeOptions["upgrade"];
  readonly #expectsContinue: boolean;
  readonly #connection: ClientConnection;
  deadlineIndex = -1;
  #call: Call | undefined;
  #request: FilteredRequest | undefined;
  #headers: string[] = [];
  /** Where a host outside the site is called. */
  #outside: Authority | undefined;
  #upstream: UpstreamCall | undefined;
  #wasSent = false;
  #isReadingBody = false;
  #isBodyRead = false;
  /** The instance takes no more of the body for now. */
  #isBlocked = false;
  #bodyBytes = 0;
  #cancelContinue: (() => void) | undefined;
  /** When anything has last come or gone. */
  #movedMs: number;
  #answerMs: number | undefined;
  /** When the answer began, while that is still the same moment; clocks cost. */
  #answeredAtMs: number | undefined;
  /** What the client was told; `CLIENT_GONE` if it left before. */
  #status = 0;
  /** What the instance has answered, whoever still listens. */
  #instanceStatus = 0;
  /** The answer's headers while they are not written yet. */
  #answerHeaders: string[] | undefined;
  /** A small body that has come at once. */
  #whole: Buffer | undefined;
  #bytesOut = 0;
  #bytesLeft = 0;
  #error: string | undefined;
  #fault: string | undefined;
  /** True: the connection ends with this answer, and the client is told so. */
  #isLast = false;
  /** True: the client has its answer or has gone, and the instance's is only waited for. */
  #isDetached = false;
  /** True: the client was told that it took too long. */
  #isLate = false;
  #isOver = false;

  constructor(options: ExchangeOptions) {
    this.#context = options.context;
    this.#req = options.req;
    this.#res = options.res;
    this.head = options.head;
    this.#role = options.role;
    this.client = options.client;
    this.startedMs = options.startedMs;
    this.#movedMs = options.startedMs;
    this.#upgrade = options.upgrade;
    this.#expectsContinue = options.expectsContinue;
    // Kept, because Node takes the socket away from a request with a body as soon as its answer has gone out.
    this.#connection = ClientConnection.of(options.req.socket);
  }

  /** As in the request line. */
  get httpVersion(): string {
    return this.#req.httpVersion;
  }

  get isUpgrade(): boolean {
    return this.#upgrade !== undefined;
  }

  /** Nobody waits for the answer any more. */
  get isGone(): boolean {
    // One that closes its half while its request waits for something has mostly left; it is answered, but nothing is begun for it.
    return this.#connection.socket.destroyed || this.#connection.hasEnded;
  }

  /** The gateway's own answer. */
  refuse(refusal: Refusal): void {
    this.#blame(refusal);
    this.#answer(refusal);
    this.#isOver = true;
    this.#log(this.#context.clock.monotonic(), refusal.generation, refusal.traceId);
  }

  #blame(refusal: Refusal): void {
    this.#error = refusal.code;
    this.#fault = faultOf(refusal.code, this.#call);
  }

  #answer(refusal: Refusal): void {
    if (this.#res.destroyed || this.#res.headersSent) {
      // The client was told another status, or nothing: the log says what became of that.
      this.#error = `broken off: ${refusal.code}`;
      if (!this.#res.headersSent) this.#status = CLIENT_GONE;
      return this.#cut();
    }
    const { headers, body } = renderRefusal(refusal, this.#context.name);
    this.#status = refusal.status;
    // What cannot be read for certain, or is not worth reading to keep the connection, ends it: nothing behind it is carried out.
    if (this.#context.isStopping || this.head.isLast || LAST.has(refusal.code) || this.#isIncomplete()) this.#close(headers);
    this.#res.writeHead(refusal.status, headers);
    this.#bytesOut += body.length;
    this.#res.end(this.head.method === "HEAD" ? undefined : body);
    this.#answered();
  }

  /** There is more of the request to come; or there may be more behind it, which Node loses: what follows a request with a body that asked for another protocol, in vain. */
  #isIncomplete(): boolean {
    return this.head.hasBody && (!this.#req.complete || this.head.upgrade !== undefined);
  }

  #close(headers: string[]): void {
    this.#isLast = true;
    headers.push("Connection", "close");
  }

  /** The client has all that it gets. */
  #answered(): void {
    this.#cancelContinue?.();
    if (this.head.hasBody) this.#discardBody();
    this.#connection.answered(this.#isLast || !this.#res.shouldKeepAlive);
  }

  /** What is still to come is read and thrown away. */
  #discardBody(): void {
    this.#req.off("data", this.#onBody);
    this.#req.resume();
  }

  /** Breaks the answer off: the client must not take it for a whole one. */
  #cut(): void {
    this.#isLast = true;
    // What has come goes out first. Node holds the writes of one turn of the event loop back, and a client that has seen nothing at all takes its request for one that was never read, and sends it again.
    while (this.#res.writableCorked > 0) this.#res.uncork();
    this.#res.destroy();
    this.#connection.answered(true);
  }

  /** Sends the request to its instance. */
  forward(call: Call, request: FilteredRequest): void {
    this.#call = call;
    this.#request = request;
    const headers = request.headers;
    headers.push("host", request.host);
    for (const item of call.traceHeaders) headers.push(item);
    for (const item of this.head.origin?.headers ?? []) headers.push(item);
    this.#start(headers);
  }

  /** Sends the request to a host outside the site, as it is. */
  forwardOutside(outside: Authority, request: FilteredRequest): void {
    this.#outside = outside;
    this.#request = request;
    const { headers } = request;
    headers.push("host", request.host, ...this.head.forwarded, ...traceAsWritten(this.head));
    this.#start(headers);
  }

  #start(headers: string[]): void {
    const head = this.head;
    headers.push("via", head.via === undefined ? "1.1 orrery" : `${head.via}, 1.1 orrery`);
    if (head.contentLength !== undefined) headers.push("content-length", head.contentLength);
    if (head.isChunked && head.trailer !== undefined) headers.push("trailer", head.trailer);
    this.#headers = headers;
    // What goes wrong in the body is seen at the connection.
    if (head.hasBody) this.#req.on("error", () => {});
    this.#connection.add(this);
    this.#context.deadlines.add(this);
    this.#send();
  }

  #send(): void {
    const { method, path } = this.#request as FilteredRequest;
    const body = !this.head.hasBody ? "none" : this.head.isChunked ? "chunked" : "length";
    const upgrade = this.#upgrade === undefined ? undefined : this.head.upgrade;
    const { acceptsTrailers } = this.head;
    this.#wasSent = false;
    this.#upstream = new UpstreamCall(
      { method, path, headers: this.#headers, body, expectsContinue: this.#expectsContinue && body !== "none", acceptsTrailers, upgrade },
      this,
    );
    const { upstreams } = this.#context;
    const pool = this.#call === undefined ? upstreams.outside(this.#outside as Authority) : upstreams.pool(this.#call.endpoint, portOf(this.#call));
    pool.send(this.#upstream);
  }

  onSent(): void {
    this.#wasSent = true;
    if (!this.head.hasBody) return;
    if (!this.#expectsContinue) return this.#readBody();
    this.#cancelContinue = this.#context.clock.after(CONTINUE_MS, () => this.#guarded(() => this.onContinue()), { background: true });
  }

  onContinue(): void {
    this.#cancelContinue?.();
    if (!this.#expectsContinue || this.#isReadingBody || this.#isOver || this.#isDetached || this.#res.headersSent) return;
    this.#res.writeContinue();
    this.#readBody();
  }

  #readBody(): void {
    this.#isReadingBody = true;
    this.#movedMs = this.#context.clock.monotonic();
    this.#req.on("data", this.#onBody);
    this.#req.once("end", this.#onBodyEnd);
  }

  readonly #onBody = (chunk: Buffer): void =>
    this.#guarded(() => {
      if (this.#isOver) return;
      this.#movedMs = this.#context.clock.monotonic();
      this.#bodyBytes += chunk.length;
      const bytesMax = this.#request?.requestBytesMax ?? Number.POSITIVE_INFINITY;
      if (this.#bodyBytes > bytesMax) {
        const refusal = refuse("gateway/too-large", `the body is larger than the ${bytesMax} bytes that this route takes`, this.#call);
        return this.#giveUp(refusal, refusal.status);
      }
      if (this.#upstream?.write(chunk) !== false) return;
      this.#isBlocked = true;
      this.#req.pause();
    });

  readonly #onBodyEnd = (): void =>
    this.#guarded(() => {
      this.#isBodyRead = true;
      this.#movedMs = this.#context.clock.monotonic();
      if (!this.#isOver) {
        const trailers = passTrailers(this.#req.rawTrailers);
        this.#upstream?.finish(this.#call?.route?.filters.trailers(trailers, "request") ?? trailers);
      }
    });

  onDrain(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.#movedMs = this.#context.clock.monotonic();
    this.#req.resume();
  }

  onInformation(status: number, headers: readonly string[]): void {
    if (this.#isDetached || this.#res.headersSent || this.#req.httpVersionMinor === 0) return;
    writeInformation(this.#res, status, passInterimHeaders(headers));
  }

  onHead(status: number, headers: readonly string[]): void {
    const nowMs = this.#context.clock.monotonic();
    this.#answerMs = nowMs - this.startedMs;
    this.#answeredAtMs = nowMs;
    this.#movedMs = nowMs;
    this.#cancelContinue?.();
    this.#instanceStatus = status;
    const call = this.#call;
    const isChunkable = this.#req.httpVersionMinor !== 0 && !hasNoBody(status, this.head.method);
    const answer = passResponseHeaders(headers, status, isChunkable);
    this.#bytesLeft = answer.length ?? Number.POSITIVE_INFINITY;
    if (call !== undefined && this.#context.core.isStream(call, answer.type) && !this.#context.core.stream(call)) {
      const refusal = refuse("gateway/busy", `${call.endpoint.instance} has as many streams as it may have: try again later`, call);
      return this.#giveUp(refusal, CLIENT_GONE);
    }
    // A stream for which nobody waits any more would go on without an end: it has no time limit.
    if (this.#isDetached) return call?.isStream === true ? this.#giveUpDetached() : undefined;
    this.#status = status;
    const passed = answer.headers;
    if (call?.route?.filters.changesResponse === true) call.route.filters.response(passed, this.#request as FilteredRequest);
    if (answer.upgrade !== undefined) {
      passed.push("Upgrade", answer.upgrade, "Connection", "Upgrade");
      // Node takes any Connection for one that is kept, also for a client that did not ask for that.
      if (!this.#res.shouldKeepAlive) this.#close(passed);
    }
    if (!this.#isLast && (this.#context.isStopping || this.head.isLast || this.#isIncomplete())) this.#close(passed);
    this.#answerHeaders = passed;
    if (call?.isStream === true && this.#connection.hasEnded) return this.#endStream();
    flushSoon(this);
  }

  /** Sends the head, if that has not been done. It is put off to the end of this turn of the event loop, because head and body of most answers come together and then go out as one write. */
  flush(): void {
    this.#guarded(() => {
      this.#answeredAtMs = undefined;
      if (this.#writeHead() && !this.#res.writableEnded) this.#res.flushHeaders();
    });
  }

  /** True if the head was still to be written. */
  #writeHead(): boolean {
    const headers = this.#answerHeaders;
    if (headers === undefined || this.#isDetached) return false;
    this.#answerHeaders = undefined;
    this.#res.writeHead(this.#status, headers);
    return true;
  }

  onData(chunk: Buffer): void {
    this.#bytesLeft -= chunk.length;
    this.#bytesOut += chunk.length;
    if (this.#isDetached) {
      if (this.#bytesOut > ABANDONED_BYTES_MAX) this.#giveUpDetached();
      return;
    }
    if (this.#bytesLeft === 0 && this.#answerHeaders !== undefined && chunk.length <= WHOLE_BYTES_MAX) {
      this.#whole = chunk;
      return;
    }
    this.#movedMs = this.#answeredAtMs ?? this.#context.clock.monotonic();
    this.#writeHead();
    if (this.#res.write(chunk)) return;
    const upstream = this.#upstream;
    upstream?.pause();
    this.#res.once("drain", () => upstream?.resume());
  }

  onEnd(trailers: readonly string[]): void {
    if (!this.#isDetached) {
      this.#writeHead();
      if (trailers.length > 0) this.#addTrailers(trailers);
      // Node writes a head and a string at once, but a head and a buffer apart: that costs a tenth of a request's time.
      if (this.#whole === undefined) this.#res.end();
      else this.#res.end(this.#whole.toString("latin1"), "latin1");
      this.#answered();
    }
    this.#finish(this.#isDetached ? this.#detachedStatus() : this.#instanceStatus);
  }

  #addTrailers(trailers: readonly string[]): void {
    const passed = passResponseTrailers(this.#call?.route?.filters.trailers(trailers, "response") ?? trailers);
    // Where the answer has no chunks there is no place for them, and Node leaves them out.
    if (passed.length > 0) this.#res.addTrailers(passed);
  }

  /** How a call counts whose client was not there for the end: late is an error of the instance, a client that has left is not. */
  #detachedStatus(): number {
    if (this.#isLate) return 504;
    return this.#instanceStatus === 0 ? CLIENT_GONE : this.#instanceStatus;
  }

  onUpgrade(headers: readonly string[], upstream: Socket, early: Buffer): void {
    const call = this.#call;
    const sides = this.#upgrade;
    if (call === undefined || sides === undefined || this.#isDetached || sides.socket.destroyed) {
      upstream.on("error", () => {});
      upstream.destroy();
      return this.#finish(this.#detachedStatus());
    }
    if (!this.#context.core.stream(call)) {
      upstream.on("error", () => {});
      upstream.destroy();
      const refusal = refuse("gateway/busy", `${call.endpoint.instance} has as many streams as it may have: try again later`, call);
      return this.#fail(refusal, CLIENT_GONE);
    }
    this.#answerMs = this.#context.clock.monotonic() - this.startedMs;
    this.#status = 101;
    const { headers: passed } = passResponseHeaders(headers, 101, false);
    if (call.route?.filters.changesResponse === true) call.route.filters.response(passed, this.#request as FilteredRequest);
    passed.push("Connection", "Upgrade", "Upgrade", upgradeOf(headers) ?? this.head.upgrade ?? "");
    this.#context.deadlines.delete(this);
    this.#connection.delete(this);
    this.#res.detachSocket(sides.socket);
    new StreamRelay({
      context: this.#context,
      client: sides.socket,
      upstream,
      call,
      isWebSocket: this.head.upgrade?.toLowerCase() === "websocket",
      done: ({ fromClient, fromInstance }, error) => {
        this.#bodyBytes = fromClient;
        this.#bytesOut = fromInstance;
        this.#error ??= error;
        this.#finish(101);
      },
    }).join(passed, early, sides.takeEarly());
  }

  onError(error: Error): void {
    if (this.#isOver) return;
    if (this.#context.isCut) {
      this.#leave();
      return this.#finish(this.#detachedStatus());
    }
    // A head that has not gone out yet need not: the client gets a clear answer instead of half a one.
    this.#answerHeaders = undefined;
    this.#whole = undefined;
    const call = this.#call;
    if (this.#isDetached || this.#res.headersSent) {
      this.#error ??= describeError(error);
      this.#fault ??= faultOf("gateway/broken-answer", call);
      if (!this.#isDetached) this.#cut();
      return this.#finish(this.#isDetached ? this.#detachedStatus() : this.#failedStatus());
    }
    if (error instanceof NotDialled) {
      this.#context.core.refusedDial(inletOf(this.#connection.socket));
      return this.#fail(error.refusal, 0);
    }
    if (call === undefined) return this.#fail(this.#outsideFailure(error), 0);
    if (this.#context.isHurried)
      return this.#fail(refuse("gateway/stopping", "the site is being stopped, and waits for no request any longer", call), CLIENT_GONE);
    const isReplayable = this.#answerMs === undefined && !this.#isReadingBody;
    const nowMs = this.#context.clock.monotonic();
    if (this.#context.core.retry(call, { status: 0, wasSent: this.#wasSent }, { method: this.head.method, isReplayable }, nowMs) !== undefined)
      return this.#send();
    this.#fail(this.#failure(call, error), this.#failedStatus());
  }

  #failure(call: Call, error: Error): Refusal {
    const { instance, isLeaving, isGone } = call.endpoint;
    const reason = describeError(error);
    if (isLeaving || isGone) return refuse("gateway/leaving", `${instance} was stopped by the platform before it had answered: ${reason}`, call);
    if (!this.#wasSent) return refuseConnection(instance, error, call);
    return refuse("gateway/broken-answer", `${instance} closed the connection before it had answered, or its answer is not HTTP: ${reason}`, call);
  }

  #outsideFailure(error: Error): Refusal {
    const host = this.#request?.host ?? "";
    if (!this.#wasSent) return refuseConnection(host, error);
    return refuse(
      "gateway/broken-answer",
      `${host} closed the connection before it had answered, or its answer is not HTTP: ${describeError(error)}`,
    );
  }

  /** An instance that is being stopped has done nothing wrong. */
  #failedStatus(): number {
    const endpoint = this.#call?.endpoint;
    return endpoint !== undefined && (endpoint.isLeaving || endpoint.isGone) ? CLIENT_GONE : 0;
  }

  onFault(error: unknown): void {
    this.fault(error);
  }

  /** A fault of this program: this exchange ends, nothing else. */
  fault(error: unknown): void {
    this.#context.guard.caught("exchange", error);
    this.#context.core.failed(this.#call);
    if (this.#isOver) return;
    this.#answerHeaders = undefined;
    this.#giveUp(refuse("gateway/internal", "a fault of the gateway; it is in its log", this.#call), CLIENT_GONE);
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fault(error);
    }
  }

  /** Ends both sides. `status` counts for the call. */
  #giveUp(refusal: Refusal, status: number): void {
    this.#upstream?.abort();
    this.#answerHeaders = undefined;
    this.#fail(refusal, status);
  }

  #fail(refusal: Refusal, status: number): void {
    this.#blame(refusal);
    if (!this.#isDetached) this.#answer(refusal);
    this.#finish(status);
  }

  #giveUpDetached(): void {
    this.#upstream?.abort();
    this.#finish(this.#detachedStatus());
  }

  /** Looks at the time limits. After the first the client has its answer, but an instance that has the whole request is still waited for: it may still work for the transaction. */
  expire(nowMs: number): void {
    const call = this.#call;
    if (call !== undefined && nowMs >= call.deadlineMs) {
      if (call.isStream) this.#endStream();
      else this.#endTransaction(call);
      return;
    }
    if (this.#isDetached) return;
    const silentMs = nowMs - this.#movedMs;
    if (call === undefined) {
      if (silentMs >= this.#context.core.table.limits.outsideSilenceMs)
        this.#giveUp(refuse("gateway/timeout", `${this.#request?.host} has been silent for ${Math.round(silentMs)} ms`), 0);
      return;
    }
    if (this.#answerMs !== undefined) return;
    if (this.#isReadingBody && !this.#isBodyRead && !this.#isBlocked) {
      if (silentMs >= CLIENT_SILENCE_MS)
        this.#giveUp(refuse("gateway/client-timeout", `nothing more of the body has come for ${Math.round(silentMs)} ms`, call), CLIENT_GONE);
    } else if (silentMs >= call.policy.timeoutMs) this.#beLate(call, silentMs);
  }

  #endTransaction(call: Call): void {
    const isClients = this.#res.writableNeedDrain || (this.#isReadingBody && !this.#isBodyRead && !this.#isBlocked);
    const refusal = refuse("gateway/max-transaction", `the transaction took longer than ${Math.round(call.deadlineMs - call.startedMs)} ms`, call);
    this.#giveUp(refusal, isClients ? CLIENT_GONE : 0);
    if (isClients) this.#fault = "client";
  }

  #beLate(call: Call, silentMs: number): void {
    const refusal = refuse("gateway/timeout", `${call.endpoint.instance} has not answered within ${Math.round(silentMs)} ms`, call);
    // What has not gone out whole never will: who was told no must not be served later.
    if (this.#upstream?.isWaiting !== false || this.#isIncomplete()) return this.#giveUp(refusal, 0);
    this.#blame(refusal);
    this.#answer(refusal);
    this.#isDetached = true;
    this.#isLate = true;
    this.#abandon(call);
  }

  /** Nobody waits for the answer: whoever needs the place may have it. */
  #abandon(call: Call): void {
    this.#context.core.abandon(call, () => this.#evict());
  }

  #evict(): void {
    if (this.#isOver) return;
    this.#upstream?.abort();
    if (!this.#isDetached)
      this.#fail(
        refuse("gateway/busy", "other requests needed the place of this one, whose client has closed its half of the connection", this.#call),
        CLIENT_GONE,
      );
    else this.#finish(this.#detachedStatus());
  }

  /** The time of a stream whose generation is no longer stamped is over. That is as its revision says, and no error; the client finds its end, and asks again. */
  #endStream(): void {
    this.#error ??= "stream ended";
    const status = this.#status;
    this.#upstream?.abort();
    if (!this.#isDetached) {
      this.#writeHead();
      this.#res.end();
      this.#answered();
    }
    this.#isDetached = true;
    this.#finish(status);
  }

  /** The client may read on, or have left, which is seen only when something is written: it gets its answer, but gives way to others. A stream ends, as nothing may be written for long. */
  clientEnded(): void {
    const call = this.#call;
    if (this.#isOver || this.#isDetached || call === undefined) return;
    if (this.#upgrade !== undefined) return this.clientGone();
    this.#error ??= "the client has closed its half";
    if (call.isStream) this.#endStream();
    else this.#abandon(call);
  }

  /** The client's connection is closed. */
  clientGone(): void {
    if (this.#isOver || this.#isDetached) return;
    this.#leave();
    const call = this.#call;
    const hasAnswer = this.#answerMs !== undefined;
    // An instance that has the whole request works on, and is waited for. A stream, or a long rest, ends here, and what has not gone out whole.
    const isWhole = this.#upstream?.isSent === true && !this.#upstream.isWaiting && this.#upgrade === undefined;
    if (call === undefined || !isWhole || (hasAnswer && (call.isStream || this.#bytesLeft > ABANDONED_BYTES_MAX))) return this.#giveUpDetached();
    this.#upstream?.resume();
    this.#abandon(call);
  }

  /** Nobody gets an answer any more. */
  #leave(): void {
    if (this.#isDetached) return;
    this.#isDetached = true;
    this.#answerHeaders = undefined;
    this.#error ??= this.#context.isCut ? "the gateway was stopped" : "client gone";
    this.#fault ??= this.#context.isCut ? "gateway" : "client";
    if (this.#status === 0) this.#status = CLIENT_GONE;
    this.#connection.answered(true);
    if (this.#upgrade !== undefined) this.#upgrade.socket.destroy();
  }

  /** What the client has sent of its body cannot be read. */
  bodyBroken(detail: string): void {
    if (this.#isOver) {
      this.#connection.linger();
      return;
    }
    this.#giveUp(refuse("gateway/bad-request", detail, this.#call), CLIENT_GONE);
  }

  #finish(status: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelContinue?.();
    const nowMs = this.#answeredAtMs ?? this.#context.clock.monotonic();
    this.#context.deadlines.delete(this);
    this.#connection.delete(this);
    if (this.#call !== undefined) {
      this.#context.core.end(this.#call, status, nowMs);
      this.#context.placeFreed(this.#call.service);
    }
    this.#log(nowMs, this.#call?.generation, this.#call?.traceId);
  }

  #log(nowMs: number, generation: number | undefined, traceId: string | undefined): void {
    const { accessLog } = this.#context;
    const call = this.#call;
    const { contentLength } = this.head;
    accessLog.add({
      startedMs: this.startedMs,
      role: this.#role,
      client: this.client,
      method: this.head.method,
      host: this.head.host ?? "",
      path: pathOf(this.head.target),
      status: this.#status,
      durationMs: nowMs - this.startedMs,
      answerMs: this.#answerMs,
      bytesIn: this.#bodyBytes > 0 ? this.#bodyBytes : contentLength === undefined ? undefined : Number(contentLength),
      bytesOut: this.#bytesOut,
      traceId,
      generation,
      caller: call?.callerInstance ?? call?.caller,
      service: call?.service,
      revision: call?.revision.name,
      instance: call?.endpoint.instance,
      route: call?.route?.entry.name,
      tries: 1 + (call?.tried?.length ?? 0),
      error: this.#error,
      fault: this.#error === undefined ? undefined : this.#fault,
    });
  }
}

/** The number of the port that a call is for. */
export function portOf(call: Call): number {
  return call.endpoint.ports[call.port] ?? Object.values(call.endpoint.ports)[0] ?? 0;
}

/** Node takes pairs, too, so that a header may come twice; its types do not say so. */
function writeInformation(res: ServerResponse, status: number, headers: readonly [string, string][]): void {
  (res as unknown as { writeInformation(status: number, headers: readonly [string, string][]): void }).writeInformation(status, headers);
}

function upgradeOf(headers: readonly string[]): string | undefined {
  for (let index = 0; index < headers.length; index += 2) if (headers[index]?.toLowerCase() === "upgrade") return headers[index + 1];
  return undefined;
}

/** Outside the site trace headers are none of our business: they go on as they came. */
function traceAsWritten(head: RequestHead): string[] {
  const headers: string[] = [];
  const push = (name: string, value: string | undefined): void => {
    if (value !== undefined) headers.push(name, value);
  };
  push("traceparent", head.traceparent);
  push("tracestate", head.tracestate);
  push("b3", head.b3);
  push("X-B3-TraceId", head.b3TraceId);
  push("X-B3-SpanId", head.b3SpanId);
  push("X-B3-Sampled", head.b3Sampled);
  headers.push(...head.b3Other);
  push("x-orrery-generation", head.generation);
  return headers;
}
