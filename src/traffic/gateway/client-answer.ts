import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ClientConnection } from "./client-connection.ts";
import { type GatewayErrorCode, type Refusal, type RequestHead, renderRefusal } from "./core/index.ts";
import type { ProxyContext } from "./proxy-context.ts";
import type { RequestBody } from "./request-body.ts";
import { passInterimHeaders } from "./response-headers.ts";

/** Status in the log where the client has left before it was told one; nginx's number for it. */
export const CLIENT_GONE = 499;
/** Answers up to this size that come at once are sent in one write. */
const WHOLE_BYTES_MAX = 16 * 1024;

/** Refusals behind which nothing is carried out: where the request's end is not certain, or more of it may be on its way. */
const LAST: ReadonlySet<GatewayErrorCode> = new Set(["gateway/bad-request", "gateway/too-large", "gateway/client-timeout"]);

export interface ClientAnswerOptions {
  readonly context: ProxyContext;
  readonly res: ServerResponse;
  readonly head: RequestHead;
  readonly connection: ClientConnection;
  /** Of the request, if it has one: what is left of it is thrown away with the end of the answer. */
  readonly body: RequestBody | undefined;
}

/** What one client is told: the gateway's own answer or an instance's, of which head and body go out together where they come together. */
export class ClientAnswer {
  readonly #context: ProxyContext;
  readonly #res: ServerResponse;
  readonly #head: RequestHead;
  readonly #connection: ClientConnection;
  readonly #body: RequestBody | undefined;
  /** What the client was told; `CLIENT_GONE` if it left before. */
  status = 0;
  /** Of the answer's body, also what came when the client was gone. */
  bytes = 0;
  /** The headers while they are not written yet. */
  #headers: string[] | undefined;
  /** A small body that has come at once. */
  #whole: Buffer | undefined;
  /** True: the connection ends with this answer, and the client is told so. */
  #isLast = false;

  constructor({ context, res, head, connection, body }: ClientAnswerOptions) {
    this.#context = context;
    this.#res = res;
    this.#head = head;
    this.#connection = connection;
    this.#body = body;
  }

  /** True once its head has gone out. */
  get hasBegun(): boolean {
    return this.#res.headersSent;
  }

  /** True while the client reads more slowly than it is written to. */
  get isStuck(): boolean {
    return this.#res.writableNeedDrain;
  }

  /** The gateway's own answer. False: it is too late for one, and what there is of another is broken off. */
  refuse(refusal: Refusal): boolean {
    if (this.#res.destroyed || this.#res.headersSent) {
      if (!this.#res.headersSent) this.status = CLIENT_GONE;
      this.cut();
      return false;
    }
    const { headers, body } = renderRefusal(refusal, this.#context.name);
    this.status = refusal.status;
    // What cannot be read for certain, or is not worth reading to keep the connection, ends it: nothing behind it is carried out.
    if (this.#isToClose || LAST.has(refusal.code)) this.#close(headers);
    this.#res.writeHead(refusal.status, headers);
    this.bytes += body.length;
    this.#res.end(this.#head.method === "HEAD" ? undefined : body);
    this.#answered();
    return true;
  }

  get #isToClose(): boolean {
    return this.#context.isStopping || this.#head.isLast || this.#body?.isIncomplete === true;
  }

  #close(headers: string[]): void {
    this.#isLast = true;
    headers.push("Connection", "close");
  }

  /** The client has all that it gets. */
  #answered(): void {
    this.#body?.discard();
    this.#connection.answered(this.#isLast || !this.#res.shouldKeepAlive);
  }

  /** Breaks it off: the client must not take it for a whole one. */
  cut(): void {
    this.#isLast = true;
    // What has come goes out first. Node holds the writes of one turn of the event loop back, and a client that has seen nothing at all takes its request for one that was never read, and sends it again.
    while (this.#res.writableCorked > 0) this.#res.uncork();
    // HTTP/1.0 has no chunks: an answer without a length ends with its connection, and only a reset says that it is not whole.
    if (this.#res.req.httpVersionMinor === 0 && this.#res.headersSent) this.#connection.socket.resetAndDestroy();
    this.#res.destroy();
    this.#connection.answered(true);
  }

  /** Passes an interim answer on, if none has gone before it that is more. */
  inform(status: number, headers: readonly string[]): void {
    if (!this.#res.headersSent) writeInformation(this.#res, status, passInterimHeaders(headers));
  }

  /** Its head, which is sent with the first part of the body, or by `flush`. `upgrade`: the protocol that the instance asks for. */
  begin(status: number, headers: string[], upgrade: string | undefined): void {
    this.status = status;
    if (upgrade !== undefined) {
      headers.push("Upgrade", upgrade, "Connection", "Upgrade");
      // Node takes any Connection for one that is kept, also for a client that did not ask for that.
      if (!this.#res.shouldKeepAlive) this.#close(headers);
    }
    if (!this.#isLast && this.#isToClose) this.#close(headers);
    this.#headers = headers;
  }

  /** Sends the head, if that has not been done. */
  flush(): void {
    if (this.#writeHead() && !this.#res.writableEnded) this.#res.flushHeaders();
  }

  /** True if the head was still to be written. */
  #writeHead(): boolean {
    const headers = this.#headers;
    if (headers === undefined) return false;
    this.#headers = undefined;
    this.#res.writeHead(this.status, headers);
    return true;
  }

  /** Keeps `chunk` for `end`, if it is the whole of a small body, and the head has not gone out; else false. */
  keep(chunk: Buffer, bytesLeft: number): boolean {
    if (bytesLeft !== 0 || this.#headers === undefined || chunk.length > WHOLE_BYTES_MAX) return false;
    this.#whole = chunk;
    return true;
  }

  /** Writes a part of the body. False: the next one waits for `drained`. */
  write(chunk: Buffer): boolean {
    this.#writeHead();
    return this.#res.write(chunk);
  }

  /** Calls `then` when the client has taken what was written. */
  drained(then: () => void): void {
    this.#res.once("drain", then);
  }

  /** All of it has come. `trailers`: as Node takes them. */
  end(trailers: readonly [string, string][]): void {
    this.#writeHead();
    // Where the answer has no chunks there is no place for them, and Node leaves them out.
    if (trailers.length > 0) this.#res.addTrailers(trailers);
    // Node writes a head and a string at once, but a head and a buffer apart: that costs a tenth of a request's time.
    if (this.#whole === undefined) this.#res.end();
    else this.#res.end(this.#whole.toString("latin1"), "latin1");
    this.#answered();
  }

  /** Forgets what has not gone out: the client gets a clear answer instead of half a one. */
  drop(): void {
    this.#headers = undefined;
    this.#whole = undefined;
  }

  /** The client has gone, and gets nothing any more. */
  leave(): void {
    this.drop();
    if (this.status === 0) this.status = CLIENT_GONE;
    this.#connection.answered(true);
  }

  /** The connection goes over to another protocol, and is this answer's no more. */
  handOver(socket: Socket): void {
    this.status = 101;
    this.#res.detachSocket(socket);
  }
}

/** Node takes pairs, too, so that a header may come twice; its types do not say so. */
function writeInformation(res: ServerResponse, status: number, headers: readonly [string, string][]): void {
  (res as unknown as { writeInformation(status: number, headers: readonly [string, string][]): void }).writeInformation(status, headers);
}
