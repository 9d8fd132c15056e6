import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { describeError } from "#/base/index.ts";
import { logAccess } from "./access-entry.ts";
import { CLIENT_GONE, ClientAnswer } from "./client-answer.ts";
import { ClientConnection, type UnderWay } from "./client-connection.ts";
import { type Authority, type Call, type FilteredRequest, type Refusal, type RequestHead, refuse } from "./core/index.ts";
import type { Bounded } from "./deadlines.ts";
import { findOverrun } from "./exchange-limits.ts";
import { isBeingStopped, refuseEvicted, refuseStreams, refuseTooLarge } from "./exchange-refusals.ts";
import { type Fault, faultOf } from "./fault.ts";
import { inletOf } from "./inlet.ts";
import { OutgoingRequest } from "./outgoing-request.ts";
import { NotDialled } from "./outside-lookup.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { type BodyOwner, RequestBody } from "./request-body.ts";
import { type Flushed, flushSoon } from "./response-flush.ts";
import { hasNoBody, passResponseHeaders, passResponseTrailers, upgradeOf } from "./response-headers.ts";
import type { Awaited } from "./silence.ts";
import { StreamRelay } from "./stream-relay.ts";
import type { AnswerHandler } from "./upstream/index.ts";

/** What is left of an answer whose client has gone is read up to this, so that its transaction is seen to end; beyond, the connection is cut. */
const ABANDONED_BYTES_MAX = 1024 * 1024;
/** So long an instance may take to tell on that the one that it has called was late. */
const TOLD_MS = 1000;

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

/** One request on its way to an instance (or outside the site) and its answer on the way back, with and without a body, also if it wants another protocol: there is no other way. Here the two are joined, watched, and ended; `OutgoingRequest`, `RequestBody` and `ClientAnswer` carry what goes and comes. It is itself the handler of its upstream call. */
export class Exchange implements AnswerHandler, BodyOwner, Bounded, Flushed, UnderWay {
  readonly #context: ProxyContext;
  readonly #req: IncomingMessage;
  readonly head: RequestHead;
  readonly #role: "edge" | "host";
  readonly client: string;
  readonly startedMs: number;
  readonly #upgrade: ExchangeOptions["upgrade"];
  readonly #connection: ClientConnection;
  readonly #body: RequestBody | undefined;
  readonly #answer: ClientAnswer;
  deadlineIndex = -1;
  #call: Call | undefined;
  #outgoing: OutgoingRequest | undefined;
  /** When anything of the answer has last come, or of the request gone. */
  #movedMs: number;
  #answerMs: number | undefined;
  /** When the answer began, while that is still the same moment; clocks cost. */
  #answeredAtMs: number | undefined;
  /** What the instance has answered, whoever still listens. */
  #instanceStatus = 0;
  #bytesLeft = 0;
  /** What the client has sent in the other protocol. */
  #relayedBytes = 0;
  #error: string | undefined;
  #fault: string | undefined;
  /** True: the client has its answer or has gone, and the instance's is only waited for. */
  #isDetached = false;
  /** When the client was told that it took too long. */
  #lateMs: number | undefined;
  #isOver = false;

  constructor(options: ExchangeOptions) {
    const { context, req, res, head, expectsContinue } = options;
    this.#context = context;
    this.#req = req;
    this.head = head;
    this.#role = options.role;
    this.client = options.client;
    this.startedMs = options.startedMs;
    this.#movedMs = options.startedMs;
    this.#upgrade = options.upgrade;
    // Kept, because Node takes the socket away from a request with a body as soon as its answer has gone out.
    this.#connection = ClientConnection.of(req.socket);
    this.#body = head.hasBody ? new RequestBody({ context, req, res, head, expectsContinue, owner: this }) : undefined;
    this.#answer = new ClientAnswer({ context, res, head, connection: this.#connection, body: this.#body });
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
    this.#tell(refusal);
    this.#isOver = true;
    this.#log(this.#context.clock.monotonic(), refusal);
  }

  #blame(refusal: Refusal, fault = faultOf(refusal.code, this.#call)): void {
    this.#error = refusal.code;
    this.#fault = fault;
  }

  #tell(refusal: Refusal): void {
    // The client was told another status, or nothing: the log says what became of that.
    if (!this.#answer.refuse(refusal)) this.#error = `broken off: ${refusal.code}`;
  }

  /** Sends the request to its instance. */
  forward(call: Call, request: FilteredRequest): void {
    this.#call = call;
    this.#start(request, call);
  }

  /** Sends the request to a host outside the site, as it is. */
  forwardOutside(outside: Authority, request: FilteredRequest): void {
    this.#start(request, outside);
  }

  #start(request: FilteredRequest, to: Call | Authority): void {
    const { head } = this;
    this.#outgoing = new OutgoingRequest({ context: this.#context, head, request, to, body: this.#body, isUpgrade: this.isUpgrade, handler: this });
    this.#connection.add(this);
    this.#context.deadlines.add(this);
    this.#outgoing.send();
  }

  onSent(): void {
    this.#outgoing?.sent();
  }

  onContinue(): void {
    this.#body?.wanted();
  }

  onDrain(): void {
    this.#body?.drained();
  }

  tooLarge(bytesMax: number): void {
    const refusal = refuseTooLarge(bytesMax, this.#call);
    this.#giveUp(refusal, refusal.status);
  }

  passedTrailers(trailers: readonly string[]): readonly string[] {
    return this.#call?.route?.filters.trailers(trailers, "request") ?? trailers;
  }

  onInformation(status: number, headers: readonly string[]): void {
    if (!this.#isDetached && this.#req.httpVersionMinor !== 0) this.#answer.inform(status, headers);
  }

  onHead(status: number, headers: readonly string[]): void {
    const nowMs = this.#context.clock.monotonic();
    this.#answerMs = nowMs - this.startedMs;
    this.#answeredAtMs = nowMs;
    this.#movedMs = nowMs;
    this.#body?.answered();
    this.#instanceStatus = status;
    const call = this.#call;
    const isChunkable = this.#req.httpVersionMinor !== 0 && !hasNoBody(status, this.head.method);
    const answer = passResponseHeaders(headers, status, isChunkable);
    this.#bytesLeft = answer.length ?? Number.POSITIVE_INFINITY;
    if (call !== undefined && this.#context.core.isStream(call, answer.type) && !this.#context.core.stream(call))
      return this.#giveUp(refuseStreams(call), CLIENT_GONE);
    // A stream for which nobody waits any more would go on without an end: it has no time limit.
    if (this.#isDetached) return call?.isStream === true ? this.#giveUpDetached() : undefined;
    const passed = answer.headers;
    if (call?.route?.filters.changesResponse === true) call.route.filters.response(passed, this.#outgoing?.request as FilteredRequest);
    this.#answer.begin(status, passed, answer.upgrade);
    if (call?.isStream === true && this.#connection.hasEnded) return this.#endStream();
    flushSoon(this);
  }

  /** Sends the head, if that has not been done. It is put off to the end of this turn of the event loop, because head and body of most answers come together and then go out as one write. */
  flush(): void {
    this.guarded(() => {
      this.#answeredAtMs = undefined;
      this.#answer.flush();
    });
  }

  onData(chunk: Buffer): void {
    const answer = this.#answer;
    this.#bytesLeft -= chunk.length;
    answer.bytes += chunk.length;
    if (this.#isDetached) {
      if (answer.bytes > ABANDONED_BYTES_MAX) this.#giveUpDetached();
      return;
    }
    if (answer.keep(chunk, this.#bytesLeft)) return;
    this.#movedMs = this.#answeredAtMs ?? this.#context.clock.monotonic();
    if (answer.write(chunk)) return;
    this.#outgoing?.pause();
    answer.drained(() => this.#outgoing?.resume());
  }

  onEnd(trailers: readonly string[]): void {
    if (!this.#isDetached) {
      const passed = trailers.length === 0 ? [] : passResponseTrailers(this.#call?.route?.filters.trailers(trailers, "response") ?? trailers);
      this.#answer.end(passed);
    }
    this.#finish(this.#isDetached ? this.#detachedStatus() : this.#instanceStatus);
  }

  /** How a call counts whose client was not there for the end: late is an error of the instance, a client that has left is not. */
  #detachedStatus(): number {
    if (this.#lateMs !== undefined) return 504;
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
      return this.#fail(refuseStreams(call), CLIENT_GONE);
    }
    this.#answerMs = this.#context.clock.monotonic() - this.startedMs;
    const { headers: passed } = passResponseHeaders(headers, 101, false);
    if (call.route?.filters.changesResponse === true) call.route.filters.response(passed, this.#outgoing?.request as FilteredRequest);
    passed.push("Connection", "Upgrade", "Upgrade", upgradeOf(headers) ?? this.head.upgrade ?? "");
    this.#context.deadlines.delete(this);
    this.#connection.delete(this);
    this.#answer.handOver(sides.socket);
    new StreamRelay({
      context: this.#context,
      client: sides.socket,
      upstream,
      call,
      isWebSocket: this.head.upgrade?.toLowerCase() === "websocket",
      done: ({ fromClient, fromInstance }, error) => {
        this.#relayedBytes = fromClient;
        this.#answer.bytes = fromInstance;
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
    // A head that has not gone out yet need not.
    this.#answer.drop();
    const call = this.#call;
    if (this.#isDetached || this.#answer.hasBegun) {
      this.#error ??= describeError(error);
      this.#fault ??= faultOf("gateway/broken-answer", call);
      if (!this.#isDetached) this.#answer.cut();
      return this.#finish(this.#isDetached ? this.#detachedStatus() : this.#failedStatus());
    }
    if (error instanceof NotDialled) {
      this.#context.core.refusedDial(inletOf(this.#connection.socket));
      return this.#fail(error.refusal, 0);
    }
    const outgoing = this.#outgoing as OutgoingRequest;
    if (call === undefined) return this.#fail(outgoing.refusal(error), 0);
    if (this.#context.isHurried)
      return this.#fail(refuse("gateway/stopping", "the site is being stopped, and waits for no request any longer", call), CLIENT_GONE);
    const isTriedAgain = outgoing.sendAgain(call, this.#answerMs === undefined);
    if (!isTriedAgain) this.#fail(outgoing.refusal(error), this.#failedStatus());
  }

  #failedStatus(): number {
    return this.#call !== undefined && isBeingStopped(this.#call) ? CLIENT_GONE : 0;
  }

  onFault(error: unknown): void {
    this.fault(error);
  }

  /** A fault of this program: this exchange ends, nothing else. */
  fault(error: unknown): void {
    this.#context.guard.caught("exchange", error);
    this.#context.core.failed(this.#call);
    if (this.#isOver) return;
    this.#giveUp(refuse("gateway/internal", "a fault of the gateway; it is in its log", this.#call), CLIENT_GONE);
  }

  guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fault(error);
    }
  }

  /** Ends both sides. `status` counts for the call; `fault`: default that of `refusal`. */
  #giveUp(refusal: Refusal, status: number, fault?: Fault): void {
    this.#outgoing?.abort();
    this.#answer.drop();
    this.#fail(refusal, status, fault);
  }

  #fail(refusal: Refusal, status: number, fault?: Fault): void {
    this.#blame(refusal, fault);
    if (!this.#isDetached) this.#tell(refusal);
    this.#finish(status);
  }

  #giveUpDetached(): void {
    this.#outgoing?.abort();
    this.#finish(this.#detachedStatus());
  }

  /** Looks at the time limits. After the first the client has its answer, but an instance that has the whole request is still waited for: it may still work for the transaction. */
  expire(nowMs: number): void {
    const overrun = findOverrun({
      call: this.#call,
      outsideHost: this.#outgoing?.request.host,
      outsideSilenceMs: this.#context.core.table.limits.outsideSilenceMs,
      nowMs,
      movedMs: this.#movedMs,
      hasAnswer: this.#answerMs !== undefined,
      isDetached: this.#isDetached,
      body: this.#body,
      answer: this.#answer,
      silence: this.#context.silence,
    });
    if (overrun === undefined) return;
    if (overrun.kind === "over") this.#endStream();
    else if (overrun.kind === "late") this.#beLate(overrun.refusal, nowMs, overrun.fault);
    else this.#giveUp(overrun.refusal, overrun.status, overrun.fault);
  }

  /** Whose answer the client waits for; one that was told no a moment ago has had no time yet to tell its own. */
  get awaited(): Awaited | undefined {
    const isWaitedFor = !this.#isDetached || (this.#lateMs !== undefined && this.#context.clock.monotonic() - this.#lateMs < TOLD_MS);
    if (this.#isOver || this.#answerMs !== undefined || !isWaitedFor) return undefined;
    const call = this.#call;
    if (call === undefined) return this.#awaitedOutside();
    const { callerInstance, traceId, endpoint, attemptStartedMs } = call;
    return callerInstance === undefined
      ? undefined
      : { callerInstance, traceId, name: endpoint.instance, isOutside: false, sinceMs: attemptStartedMs };
  }

  #awaitedOutside(): Awaited | undefined {
    const from = this.#context.core.whoAsks(inletOf(this.#connection.socket), this.head);
    const name = this.#outgoing?.request.host;
    return from === undefined || name === undefined ? undefined : { ...from, name, isOutside: true, sinceMs: this.startedMs };
  }

  #beLate(refusal: Refusal, nowMs: number, fault: Fault | undefined): void {
    const call = this.#call;
    // What has not gone out whole never will: who was told no must not be served later.
    if (call === undefined || this.#outgoing?.isWaiting !== false || this.#body?.isIncomplete === true) return this.#giveUp(refusal, 0, fault);
    this.#blame(refusal, fault);
    this.#tell(refusal);
    this.#isDetached = true;
    this.#lateMs = nowMs;
    this.#abandon(call);
  }

  /** Nobody waits for the answer: whoever needs the place may have it. */
  #abandon(call: Call): void {
    this.#context.core.abandon(call, () => this.#evict());
  }

  #evict(): void {
    if (this.#isOver) return;
    this.#outgoing?.abort();
    if (!this.#isDetached) this.#fail(refuseEvicted(this.#call), CLIENT_GONE);
    else this.#finish(this.#detachedStatus());
  }

  /** The time of a stream whose generation is no longer stamped is over. That is as its revision says, and no error; the client finds its end, and asks again. */
  #endStream(): void {
    this.#error ??= "stream ended";
    const { status } = this.#answer;
    this.#outgoing?.abort();
    if (!this.#isDetached) this.#answer.end([]);
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
    const isWhole = this.#outgoing?.isOut === true && this.#upgrade === undefined;
    if (call === undefined || !isWhole || (hasAnswer && (call.isStream || this.#bytesLeft > ABANDONED_BYTES_MAX))) return this.#giveUpDetached();
    this.#outgoing?.resume();
    this.#abandon(call);
  }

  /** Nobody gets an answer any more. */
  #leave(): void {
    if (this.#isDetached) return;
    this.#isDetached = true;
    this.#body?.end();
    this.#error ??= this.#context.isCut ? "the gateway was stopped" : "client gone";
    this.#fault ??= this.#context.isCut ? "gateway" : "client";
    this.#answer.leave();
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
    this.#body?.end();
    const nowMs = this.#answeredAtMs ?? this.#context.clock.monotonic();
    this.#context.deadlines.delete(this);
    this.#connection.delete(this);
    if (this.#call !== undefined) {
      this.#context.core.end(this.#call, status, nowMs);
      this.#context.placeFreed(this.#call.service);
    }
    this.#log(nowMs);
  }

  #log(nowMs: number, refusal?: Refusal): void {
    const { head, client, startedMs } = this;
    const { contentLength } = head;
    const bytesIn = this.#body?.bytes ?? this.#relayedBytes;
    logAccess(this.#context, {
      role: this.#role,
      client,
      method: head.method,
      head,
      call: this.#call,
      refusal,
      startedMs,
      nowMs,
      answerMs: this.#answerMs,
      status: this.#answer.status,
      bytesIn: bytesIn > 0 ? bytesIn : contentLength === undefined ? undefined : Number(contentLength),
      bytesOut: this.#answer.bytes,
      error: this.#error,
      fault: this.#error === undefined ? undefined : this.#fault,
    });
  }
}
