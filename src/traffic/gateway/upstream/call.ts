import type { Socket } from "node:net";

/** A request as it goes to an instance. */
export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  /** Names and values in turn, `host` and `content-length` among them; not `transfer-encoding`, `connection`, `upgrade`, `expect`. */
  readonly headers: readonly string[];
  readonly body: "none" | "length" | "chunked";
  /** Ask the instance whether it wants the body. */
  readonly expectsContinue: boolean;
  /** The client takes trailers (TE: trailers). */
  readonly acceptsTrailers: boolean;
  /** The protocol that is asked for, or none. */
  readonly upgrade: string | undefined;
}

/** What becomes of a request. After `onEnd`, `onUpgrade` or `onError` nothing more is said. */
export interface AnswerHandler {
  /** A connection is there and the head has been written: from now on the instance may have seen the request. */
  onSent(): void;
  /** The instance wants the body. */
  onContinue(): void;
  /** An interim answer other than 100 and 101. */
  onInformation(status: number, headers: readonly string[]): void;
  /** `headers`: names and values in turn, as written. */
  onHead(status: number, headers: readonly string[]): void;
  onData(chunk: Buffer): void;
  onEnd(trailers: readonly string[]): void;
  /** `early`: what the instance has said after its head already. */
  onUpgrade(headers: readonly string[], socket: Socket, early: Buffer): void;
  onError(error: Error): void;
  /** More of the body may be written. */
  onDrain(): void;
  /** One of the others has thrown: a fault of this program. The call is over. */
  onFault(error: unknown): void;
}

/** The connection that a request is given. */
export interface Line {
  readonly socket: Socket;
  destroy(error?: Error): void;
}

/** A request on its way to an instance, and the answer. */
export class UpstreamCall {
  readonly request: UpstreamRequest;
  readonly #handler: AnswerHandler;
  #connection: Line | undefined;
  #isPaused = false;
  #isOver = false;
  /** The whole request has been written. */
  isSent: boolean;
  hasHead = false;
  isAnswered = false;
  #switchedHeaders: readonly string[] = [];
  #cancelDial: (() => void) | undefined;

  constructor(request: UpstreamRequest, handler: AnswerHandler) {
    this.request = request;
    this.#handler = handler;
    this.isSent = request.body === "none";
  }

  /** True while there is no connection yet. */
  get isWaiting(): boolean {
    return this.#connection === undefined && !this.#isOver;
  }

  /** What gives up making a connection. */
  dialling(cancel: () => void): void {
    this.#cancelDial = cancel;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Writes a part of the body; false: wait for `onDrain`. Nothing is written any more once the answer is complete. */
  write(chunk: Buffer): boolean {
    const socket = this.#connection?.socket;
    if (socket === undefined || this.#isOver) return true;
    if (this.request.body === "length") return socket.write(chunk);
    socket.cork();
    socket.write(`${chunk.length.toString(16)}\r\n`, "latin1");
    socket.write(chunk);
    const isRoom = socket.write("\r\n", "latin1");
    socket.uncork();
    return isRoom;
  }

  /** The body is complete. */
  finish(trailers: readonly string[]): void {
    if (this.isSent) return;
    this.isSent = true;
    if (this.request.body === "chunked" && !this.#isOver) this.#connection?.socket.write(`0\r\n${renderHeaders(trailers)}\r\n`, "latin1");
  }

  /** Reads no more of the answer for now. */
  pause(): void {
    this.#isPaused = true;
    this.#connection?.socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#connection?.socket.resume();
  }

  /** Gives it up: nothing is said any more. The instance sees its connection closed. */
  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelDial?.();
    this.#connection?.destroy(new Error("given up"));
    this.#connection = undefined;
  }

  // What follows is for the connection and its pool.

  begin(connection: Line): void {
    this.#connection = connection;
    const { socket } = connection;
    const head = renderHead(this.request);
    if (this.request.body === "none") socket.write(head, "latin1");
    else {
      // The first part of a body mostly is there already and goes out with the head; one that is not there does not hold the head up.
      socket.cork();
      socket.write(head, "latin1");
      setImmediate(() => socket.uncork());
    }
    this.#tell(() => this.#handler.onSent());
  }

  /** An exception of the handler ends this call, and nothing else. */
  #tell(say: () => void): void {
    try {
      say();
    } catch (error) {
      this.#isOver = true;
      this.#connection?.destroy();
      this.#connection = undefined;
      this.#handler.onFault(error);
    }
  }

  informed(status: number, headers: readonly string[]): void {
    if (this.#isOver) return;
    if (status === 100) this.#tell(() => this.#handler.onContinue());
    else this.#tell(() => this.#handler.onInformation(status, headers));
  }

  head(status: number, headers: readonly string[]): void {
    this.hasHead = true;
    if (!this.#isOver) this.#tell(() => this.#handler.onHead(status, headers));
  }

  body(chunk: Buffer): void {
    if (!this.#isOver) this.#tell(() => this.#handler.onData(chunk));
  }

  complete(trailers: readonly string[]): void {
    this.isAnswered = true;
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tell(() => this.#handler.onEnd(trailers));
  }

  /** The connection is not this call's any more. */
  released(): void {
    this.#connection = undefined;
  }

  switched(headers: readonly string[]): void {
    this.#switchedHeaders = headers;
  }

  upgraded(socket: Socket, early: Buffer): void {
    this.#connection = undefined;
    if (this.#isOver) {
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    this.#isOver = true;
    this.#tell(() => this.#handler.onUpgrade(this.#switchedHeaders, socket, early));
  }

  failed(error: Error): void {
    this.#connection = undefined;
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tell(() => this.#handler.onError(error));
  }

  drained(): void {
    if (!this.#isOver) this.#tell(() => this.#handler.onDrain());
  }
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;

/** @throws Error: something in it would break the head open */
function renderHead({ method, path, headers, body, expectsContinue, acceptsTrailers, upgrade }: UpstreamRequest): string {
  if (!TOKEN.test(method)) throw new Error(`a method that HTTP does not allow: ${JSON.stringify(method)}`);
  if (!TARGET.test(path)) throw new Error(`a path that HTTP does not allow: ${JSON.stringify(path)}`);
  let head = `${method} ${path} HTTP/1.1\r\n${renderHeaders(headers)}`;
  if (body === "chunked") head += "transfer-encoding: chunked\r\n";
  if (expectsContinue) head += "expect: 100-continue\r\n";
  if (upgrade !== undefined) head += `connection: upgrade\r\n${renderHeaders(["upgrade", upgrade])}`;
  else head += acceptsTrailers ? "te: trailers\r\nconnection: te, keep-alive\r\n" : "connection: keep-alive\r\n";
  return `${head}\r\n`;
}

function renderHeaders(headers: readonly string[]): string {
  let text = "";
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string;
    const value = headers[index + 1] as string;
    if (!VALUE.test(value) || !TOKEN.test(name))
      throw new Error(`a header that HTTP does not allow: ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
    text += `${name}: ${value}\r\n`;
  }
  return text;
}
