import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { describeError } from "#/base/index.ts";
import { bodyWithin, isTooLarge } from "./body-limit.ts";
import { type Call, type FilteredRequest, type Refusal, type RequestHead, refuse, renderRefusal } from "./core/index.ts";
import { pathOf } from "./core/request-target.ts";
import type { Bounded } from "./deadlines.ts";
import { pushForwarded } from "./forwarded.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { flushSoon } from "./response-flush.ts";
import { passResponseHeaders } from "./response-headers.ts";

/** What is left of an answer whose client has gone is read up to this, so that its transaction is seen to end; beyond, the connection is cut. */
const ABANDONED_BYTES_MAX = 1024 * 1024;
/** Status in the log where the client has left before it was told one; nginx's number for it. */
const CLIENT_GONE = 499;
/** Answers up to this size that come at once are sent in one write. */
const WHOLE_BYTES_MAX = 16 * 1024;
/** Requests to hosts outside the site that are not answered in this time end with 504. */
const OUTSIDE_TIMEOUT_MS = 300_000;

export interface ExchangeOptions {
  readonly context: ProxyContext;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly head: RequestHead;
  readonly role: "edge" | "host";
  readonly client: string;
  readonly startedMs: number;
}

/** One HTTP request on its way to an instance (or outside the site) and its answer on the way back. It is itself undici's handler: one object for each request. */
export class Exchange implements Dispatcher.DispatchHandler, Bounded {
  readonly #context: ProxyContext;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #head: RequestHead;
  readonly #role: "edge" | "host";
  readonly #client: string;
  readonly #startedMs: number;
  deadlineIndex = -1;
  /** Kept, because Node takes the socket away from a request with a body as soon as its answer has gone out. */
  #socket: ClientSocket | undefined;
  #call: Call | undefined;
  #request: FilteredRequest | undefined;
  #headers: string[] = [];
  #body: Readable | null = null;
  /** Where a host outside the site is called. */
  #origin: string | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #answerDeadlineMs = Number.POSITIVE_INFINITY;
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
  /** True: the client has its answer or has gone, and the instance's is only waited for. */
  #isDetached = false;
  /** True: the client was told that it took too long. */
  #isLate = false;
  #isOver = false;

  constructor(options: ExchangeOptions) {
    this.#context = options.context;
    this.#req = options.req;
    this.#res = options.res;
    this.#head = options.head;
    this.#role = options.role;
    this.#client = options.client;
    this.#startedMs = options.startedMs;
  }

  /** The gateway's own answer. */
  refuse(refusal: Refusal): void {
    this.#error = refusal.code;
    this.#answer(refusal);
    this.#isOver = true;
    this.#log(this.#context.clock.monotonic(), refusal.generation, refusal.traceId);
  }

  #answer(refusal: Refusal): void {
    const { headers, body } = renderRefusal(refusal, this.#context.name);
    this.#status = refusal.status;
    // What is left of the request's body is not worth reading to keep the connection.
    if (this.#context.isStopping || (this.#head.hasBody && !this.#req.complete)) headers.push("Connection", "close");
    this.#res.writeHead(refusal.status, headers);
    this.#bytesOut += body.length;
    this.#res.end(this.#head.method === "HEAD" ? undefined : body);
  }

  /** Sends the request to its instance. */
  forward(call: Call, request: FilteredRequest): void {
    this.#call = call;
    this.#request = request;
    this.#answerDeadlineMs = this.#startedMs + call.policy.timeoutMs;
    const headers = request.headers;
    headers.push("host", request.host);
    for (const item of call.traceHeaders) headers.push(item);
    if (call.role === "edge") pushForwarded(headers, this.#client, this.#head.host);
    this.#start(headers, request);
  }

  /** Sends the request to a host outside the site, as it is. */
  forwardOutside(origin: string, request: FilteredRequest): void {
    this.#origin = origin;
    this.#request = request;
    this.#answerDeadlineMs = this.#startedMs + OUTSIDE_TIMEOUT_MS;
    const { headers } = request;
    headers.push("host", request.host, ...this.#head.forwarded, ...traceAsWritten(this.#head));
    this.#start(headers, request);
  }

  #start(headers: string[], request: FilteredRequest): void {
    headers.push("via", this.#head.via === undefined ? "1.1 orrery" : `${this.#head.via}, 1.1 orrery`);
    if (this.#head.contentLength !== undefined) headers.push("content-length", this.#head.contentLength);
    this.#headers = headers;
    if (this.#head.hasBody) this.#body = this.#head.isChunked ? bodyWithin(this.#req, request.requestBytesMax) : this.#req;
    this.#socket = this.#req.socket;
    attach(this.#socket, this);
    this.#context.deadlines.add(this);
    this.#dispatch();
  }

  #dispatch(): void {
    const { method, path } = this.#request as FilteredRequest;
    const options = { method: method as Dispatcher.HttpMethod, path, headers: this.#headers, body: this.#body };
    try {
      if (this.#call === undefined) this.#context.upstreams.outside.dispatch({ ...options, origin: this.#origin as string }, this);
      else this.#context.upstreams.pool(this.#call.endpoint, portOf(this.#call)).dispatch(options, this);
    } catch (error) {
      this.onResponseError(undefined, error as Error);
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Record<string, string | string[] | undefined>): void {
    if (status < 200) return;
    const nowMs = this.#context.clock.monotonic();
    this.#answerMs = nowMs - this.#startedMs;
    this.#answeredAtMs = nowMs;
    this.#answerDeadlineMs = Number.POSITIVE_INFINITY;
    const length = headers["content-length"];
    this.#bytesLeft = typeof length === "string" ? Number(length) : Number.POSITIVE_INFINITY;
    const call = this.#call;
    const type = headers["content-type"];
    if (call !== undefined && typeof type === "string" && type.startsWith("text/event-stream")) this.#context.core.stream(call);
    this.#instanceStatus = status;
    if (this.#isDetached) return;
    this.#status = status;
    const passed = passResponseHeaders(headers);
    if (call?.route?.filters.changesResponse === true) call.route.filters.response(passed, this.#request as FilteredRequest);
    if (this.#context.isStopping) passed.push("Connection", "close");
    this.#answerHeaders = passed;
    flushSoon(this);
  }

  /** Sends the head, if that has not been done. It is put off to the end of this turn of the event loop, because head and body of most answers come together and then go out as one write. */
  flush(): void {
    this.#answeredAtMs = undefined;
    if (this.#writeHead() && !this.#res.writableEnded) this.#res.flushHeaders();
  }

  /** True if the head was still to be written. */
  #writeHead(): boolean {
    const headers = this.#answerHeaders;
    if (headers === undefined || this.#isDetached) return false;
    this.#answerHeaders = undefined;
    this.#res.writeHead(this.#status, headers);
    return true;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytesLeft -= chunk.length;
    this.#bytesOut += chunk.length;
    if (this.#isDetached) {
      if (this.#bytesOut > ABANDONED_BYTES_MAX) controller.abort(new Error("the client has gone"));
      return;
    }
    if (this.#bytesLeft === 0 && this.#answerHeaders !== undefined && chunk.length <= WHOLE_BYTES_MAX) {
      this.#whole = chunk;
      return;
    }
    this.#writeHead();
    if (this.#res.write(chunk)) return;
    controller.pause();
    this.#res.once("drain", () => controller.resume());
  }

  onResponseEnd(): void {
    if (!this.#isDetached) {
      this.#writeHead();
      // Node writes a head and a string at once, but a head and a buffer apart: that costs a tenth of a request's time.
      if (this.#whole === undefined) this.#res.end();
      else this.#res.end(this.#whole.toString("latin1"), "latin1");
    }
    this.#finish(this.#isDetached ? this.#detachedStatus() : this.#instanceStatus);
  }

  /** How a call counts whose client was not there for the end: late is an error of the instance, a client that has left is not. */
  #detachedStatus(): number {
    if (this.#isLate) return 504;
    return this.#instanceStatus === 0 ? CLIENT_GONE : this.#instanceStatus;
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.#isOver) return;
    const wasSent = this.#controller !== undefined;
    // A head that has not gone out yet need not: the client gets a clear answer instead of half a one.
    this.#answerHeaders = undefined;
    const call = this.#call;
    if (isTooLarge(error) && !this.#res.headersSent) return this.#fail(refuse("gateway/too-large", error.message, call), 413);
    if (this.#isDetached || this.#res.headersSent) {
      this.#error ??= describeError(error);
      if (!this.#isDetached) this.#res.destroy();
      return this.#finish(this.#isDetached ? this.#detachedStatus() : 0);
    }
    if (call === undefined) return this.#fail(refuse("gateway/connect", `${this.#origin}: ${describeError(error)}`), 0);
    const isReplayable = this.#answerMs === undefined && (this.#body === null || (!wasSent && !this.#req.readableDidRead));
    const nowMs = this.#context.clock.monotonic();
    if (this.#context.core.retry(call, { status: 0, wasSent }, { method: this.#head.method, isReplayable }, nowMs) !== undefined) {
      this.#controller = undefined;
      return this.#dispatch();
    }
    const { instance } = call.endpoint;
    const refusal = wasSent
      ? refuse("gateway/broken-answer", `${instance} closed the connection before it answered: ${describeError(error)}`, call)
      : refuse("gateway/connect", `${instance}: ${describeError(error)}`, call);
    this.#fail(refusal, 0);
  }

  #fail(refusal: Refusal, status: number): void {
    this.#error = refusal.code;
    if (!this.#isDetached && !this.#res.headersSent) this.#answer(refusal);
    this.#finish(status);
  }

  /** Looks at the two time limits. After the first the client has its answer, but the instance is still waited for: it may still work for the transaction. */
  expire(nowMs: number): void {
    const call = this.#call;
    if (call !== undefined && nowMs >= call.deadlineMs && call.isStream) return this.#endStream();
    if (call !== undefined && nowMs >= call.deadlineMs) {
      const refusal = refuse("gateway/max-transaction", `the transaction took longer than ${Math.round(call.deadlineMs - call.startedMs)} ms`, call);
      this.#error = refusal.code;
      if (!this.#isDetached && !this.#res.headersSent) this.#answer(refusal);
      else if (!this.#isDetached) this.#res.destroy();
      this.#isDetached = true;
      this.#abort(refusal.detail);
      return this.#finish(0);
    }
    if (nowMs < this.#answerDeadlineMs || this.#isDetached) return;
    this.#answerDeadlineMs = Number.POSITIVE_INFINITY;
    const who = call === undefined ? this.#origin : call.endpoint.instance;
    const refusal = refuse("gateway/timeout", `${who} has not answered within ${Math.round(nowMs - this.#startedMs)} ms`, call);
    this.#error = refusal.code;
    this.#answer(refusal);
    this.#isDetached = true;
    this.#isLate = true;
    if (call !== undefined) return;
    this.#abort(refusal.detail);
    this.#finish(0);
  }

  /** The time of a stream whose generation is no longer stamped is over. That is as its revision says, and no error; the client finds its end, and asks again. */
  #endStream(): void {
    this.#error ??= "stream ended";
    const status = this.#status;
    if (!this.#isDetached) this.#res.end();
    this.#isDetached = true;
    this.#abort("the stream's time is over");
    this.#finish(status);
  }

  /** The client's connection is closed, or its answer is complete. */
  clientGone(): void {
    if (this.#isOver || this.#isDetached) return;
    this.#isDetached = true;
    this.#error ??= "client gone";
    if (this.#status === 0) this.#status = CLIENT_GONE;
    const hasAnswer = this.#answerMs !== undefined;
    // Before the answer the instance works on, and is waited for. A stream, or a long rest, ends here.
    if (this.#call === undefined || (hasAnswer && (this.#call.isStream || this.#bytesLeft > ABANDONED_BYTES_MAX))) this.#abort("the client has gone");
    else this.#controller?.resume();
  }

  #abort(reason: string): void {
    this.#controller?.abort(new Error(reason));
  }

  #finish(status: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const nowMs = this.#answeredAtMs ?? this.#context.clock.monotonic();
    this.#context.deadlines.delete(this);
    if (this.#socket !== undefined) detach(this.#socket, this);
    if (this.#call !== undefined) this.#context.core.end(this.#call, status, nowMs);
    this.#log(nowMs, this.#call?.generation, this.#call?.traceId);
  }

  #log(nowMs: number, generation: number | undefined, traceId: string | undefined): void {
    const { accessLog } = this.#context;
    const call = this.#call;
    const durationMs = nowMs - this.#startedMs;
    accessLog.add({
      startedMs: this.#startedMs,
      role: this.#role,
      client: this.#client,
      method: this.#head.method,
      host: this.#head.host ?? "",
      path: pathOf(this.#head.target),
      status: this.#status,
      durationMs,
      answerMs: this.#answerMs,
      bytesIn: this.#head.contentLength === undefined ? undefined : Number(this.#head.contentLength),
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
    });
  }
}

/** A client's connection with the exchanges that are under way on it: more than one where it sends requests ahead of answers. */
interface ClientSocket extends Socket {
  exchanges?: Exchange[];
}

function attach(socket: ClientSocket, exchange: Exchange): void {
  if (socket.exchanges === undefined) {
    socket.exchanges = [exchange];
    // One listener for the connection's life instead of one for each request.
    socket.once("close", onClose);
  } else socket.exchanges.push(exchange);
}

function detach(socket: ClientSocket, exchange: Exchange): void {
  const list = socket.exchanges;
  if (list === undefined) return;
  if (list.length === 1 && list[0] === exchange) list.pop();
  else list.splice(list.indexOf(exchange) >>> 0, 1);
}

function onClose(this: ClientSocket): void {
  for (const exchange of [...(this.exchanges ?? [])]) exchange.clientGone();
}

/** The number of the port that a call is for. */
export function portOf(call: Call): number {
  return call.endpoint.ports[call.port] ?? Object.values(call.endpoint.ports)[0] ?? 0;
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
