import type { Socket } from "node:net";
import { readAnswerHead } from "./answer-head.ts";
import { AnswerParser, type AnswerSink } from "./answer-parser.ts";
import type { UpstreamCall } from "./call.ts";

/** Interim answers (1xx) before the one that counts. */
const INTERIM_MAX = 32;

/** Who keeps connections for later. */
export interface Keeper {
  /** May be used for another request for `idleMs`. */
  keep(connection: Connection, idleMs: number): void;
  /** It is closed, or belongs to somebody else now. */
  forget(connection: Connection): void;
}

/** One connection to an instance, with at most one request under way. */
export class Connection implements AnswerSink {
  readonly socket: Socket;
  readonly #keeper: Keeper;
  readonly #parser: AnswerParser;
  #call: UpstreamCall | undefined;
  #interim = 0;
  /** How long it may be kept after the present answer; 0: not at all. */
  #keepMs = 0;
  #isParsing = false;
  #isOver = false;
  #error: Error | undefined;
  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  readonly #onEnd = (): void => this.#ended();
  readonly #onError = (error: Error): void => {
    this.#error ??= error;
  };
  readonly #onClose = (): void => this.#close();
  readonly #onDrain = (): void => this.#call?.drained();

  /** `socket` is connected. `headBytesMax` of an answer's head, and of its trailers. */
  constructor(socket: Socket, keeper: Keeper, headBytesMax: number) {
    this.socket = socket;
    this.#keeper = keeper;
    this.#parser = new AnswerParser(this, headBytesMax);
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
    socket.on("drain", this.#onDrain);
  }

  /** Gives it to `call`, which writes its head now. */
  begin(call: UpstreamCall): void {
    this.#call = call;
    this.#interim = 0;
    this.#parser.isExpected = true;
    call.begin(this);
  }

  get isUsable(): boolean {
    return !this.#isOver && !this.socket.destroyed && this.socket.writable;
  }

  #take(chunk: Buffer): void {
    // Of somebody who says something without being asked no further answer is believed.
    if (this.#call === undefined) return this.destroy();
    this.#isParsing = true;
    let rest: Buffer | undefined;
    try {
      rest = this.#parser.execute(chunk);
    } catch (error) {
      this.#error ??= error as Error;
    }
    this.#isParsing = false;
    if (this.#isOver) return this.#free();
    if (this.#error !== undefined) return this.destroy();
    if (rest !== undefined) this.#handOver(rest);
    else if (this.#call.isAnswered) this.#release();
  }

  onHead(status: number, headers: string[], isKept: boolean): "body" | "no body" | "other protocol" {
    const call = this.#expected();
    if (status === 101) {
      if (call.request.upgrade === undefined) throw new Error("a change of protocol that nobody has asked for");
      call.switched(headers);
      return "other protocol";
    }
    if (status < 200) {
      if (status < 100 || ++this.#interim > INTERIM_MAX)
        throw new Error(status < 100 ? `status ${status}` : `more than ${INTERIM_MAX} interim answers`);
      call.informed(status, headers);
      return "no body";
    }
    const { keepMs, violation } = readAnswerHead(status, headers, call.request.method);
    if (violation !== undefined) throw new Error(violation);
    const hasBody = call.request.method !== "HEAD" && status !== 204 && status !== 304;
    this.#keepMs = isKept ? keepMs : 0;
    call.head(status, headers);
    return hasBody ? "body" : "no body";
  }

  /** An exception ends the parsing of what has come with the end of a call. */
  #expected(): UpstreamCall {
    if (this.#call === undefined) throw new Error("the call is over");
    return this.#call;
  }

  onBody(chunk: Buffer): void {
    this.#expected().body(chunk);
  }

  onComplete(trailers: string[]): void {
    const call = this.#expected();
    if (!call.hasHead) return;
    this.#parser.isExpected = false;
    call.complete(trailers);
  }

  /** The instance has closed its half: the end of an answer without a length, or a break. */
  #ended(): void {
    const call = this.#call;
    if (call === undefined) return this.destroy();
    let isWhole = false;
    this.#isParsing = true;
    try {
      isWhole = call.hasHead && this.#parser.finish();
    } catch (error) {
      this.#error ??= error as Error;
    }
    this.#isParsing = false;
    if (this.#isOver) return this.#free();
    if (isWhole && call.isAnswered) return this.#release();
    this.destroy(new Error("the other side has closed the connection"));
  }

  /** The answer is complete, and everything that came with it has been looked at. */
  #release(): void {
    const call = this.#call as UpstreamCall;
    this.#call = undefined;
    const isKept = this.#keepMs > 0 && call.isSent && this.isUsable && !this.socket.readableEnded;
    if (isKept) {
      this.socket.resume();
      this.#keeper.keep(this, this.#keepMs);
    } else this.destroy();
    call.released();
  }

  #handOver(rest: Buffer): void {
    const { socket } = this;
    const call = this.#call as UpstreamCall;
    this.#call = undefined;
    this.#isOver = true;
    socket.off("data", this.#onData);
    socket.off("end", this.#onEnd);
    socket.off("error", this.#onError);
    socket.off("close", this.#onClose);
    socket.off("drain", this.#onDrain);
    // Else what comes before somebody listens again would be lost.
    socket.pause();
    this.#keeper.forget(this);
    this.#free();
    call.upgraded(socket, rest);
  }

  /** Cuts it; its call fails, unless it is over. */
  destroy(error?: Error): void {
    this.#error ??= error;
    this.socket.destroy();
    this.#end();
  }

  #close(): void {
    this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#keeper.forget(this);
    if (!this.#isParsing) this.#free();
    const call = this.#call;
    this.#call = undefined;
    call?.failed(this.#error ?? new Error("the connection was closed"));
  }

  #isFree = false;
  #free(): void {
    if (this.#isFree) return;
    this.#isFree = true;
    this.#parser.free();
  }
}
