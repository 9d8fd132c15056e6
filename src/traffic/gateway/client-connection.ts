import type { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";

/** Requests that a client has sent ahead of its answers; the connection of one that sends more is closed after these. */
const AHEAD_MAX = 100;
/** A connection that is closed while its client may still be sending is read on for so long, so that the last answer is not lost to a reset. */
const LINGER_MS = 30_000;
/** It is closed earlier when nothing has come for so long. */
const LINGER_SILENCE_MS = 2000;

/** Something that is under way on a connection. */
export interface UnderWay {
  /** The client has closed its half: it may still read, or have left. */
  clientEnded(): void;
  /** The connection is closed. */
  clientGone(): void;
  /** What the client sends of its body cannot be read. */
  bodyBroken(detail: string): void;
}

const CONNECTION: unique symbol = Symbol("connection");

interface KnownSocket extends Socket {
  [CONNECTION]?: ClientConnection;
}

/** One client's connection. Requests that come ahead of answers are carried out one after the other: none behind one that ends the connection, and none before the answer to the one before it is complete. */
export class ClientConnection {
  readonly socket: Socket;
  /** The request whose answer is not complete, or was the last. */
  current: { readonly exchange: UnderWay; readonly req: IncomingMessage; readonly res: ServerResponse } | undefined;
  readonly #underWay: UnderWay[] = [];
  readonly #ahead: (() => void)[] = [];
  #isBusy = false;
  #isPaused = false;
  #isClosing = false;
  #lastWords: (() => void) | undefined;
  #linger: NodeJS.Timeout | undefined;
  #hasEnded = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    // An error is followed by `close`, which is what matters.
    socket.on("error", () => {});
    socket.once("end", () => this.#ended());
    socket.once("close", () => this.#closed());
    // Node closes so after the last answer.
    socket.destroySoon = () => this.linger();
  }

  /** That of `socket`; made at the first call. */
  static of(socket: Socket): ClientConnection {
    const known = socket as KnownSocket;
    known[CONNECTION] ??= new ClientConnection(socket);
    return known[CONNECTION];
  }

  /** True once nothing more is carried out. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Calls `begin` when the answers to all requests before are complete; never, if the connection ends with one of them. */
  inTurn(begin: () => void): void {
    if (this.#isClosing) return;
    if (!this.#isBusy) {
      this.#isBusy = true;
      begin();
      return;
    }
    if (this.#lastWords !== undefined) return;
    if (this.#ahead.length >= AHEAD_MAX) {
      this.#lastWords = () => this.linger();
      return;
    }
    this.#ahead.push(begin);
    this.#isPaused = true;
    this.socket.pause();
  }

  /** Calls `say` after the answers to all requests so far, and carries out nothing that comes behind them: what the client has sent there cannot be read. */
  close(say: () => void): void {
    if (this.#isClosing || this.#lastWords !== undefined) return;
    if (this.#isBusy) this.#lastWords = say;
    else {
      this.#isClosing = true;
      say();
    }
  }

  /** The present answer is complete. `isLast`: the connection ends with it. */
  answered(isLast: boolean): void {
    if (!this.#isBusy) return;
    this.#isBusy = false;
    if (isLast) this.#isClosing = true;
    if (this.#isClosing || this.socket.destroyed) {
      this.#ahead.length = 0;
      return;
    }
    const next = this.#ahead.shift();
    if (next !== undefined) {
      this.#isBusy = true;
      setImmediate(next);
      return;
    }
    if (this.#lastWords !== undefined) {
      this.#isClosing = true;
      this.#lastWords();
      return;
    }
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.socket.resume();
  }

  add(one: UnderWay): void {
    this.#underWay.push(one);
  }

  delete(one: UnderWay): void {
    const list = this.#underWay;
    if (list.length === 1 && list[0] === one) list.pop();
    else {
      const index = list.indexOf(one);
      if (index >= 0) list.splice(index, 1);
    }
  }

  /** Closes our half and reads on, throwing away what comes, until the client closes its own or the time is over. */
  linger(): void {
    this.#isClosing = true;
    const { socket } = this;
    if (this.#linger !== undefined || socket.destroyed) return;
    if (this.#hasEnded) return this.#destroySoon();
    socket.end();
    socket.resume();
    const beganMs = performance.now();
    let read = socket.bytesRead;
    this.#linger = setInterval(() => {
      if (socket.bytesRead === read || performance.now() - beganMs > LINGER_MS) socket.destroy();
      read = socket.bytesRead;
    }, LINGER_SILENCE_MS).unref();
  }

  #destroySoon(): void {
    Socket.prototype.destroySoon.call(this.socket);
  }

  #ended(): void {
    this.#hasEnded = true;
    if (this.#linger !== undefined) return this.#destroySoon();
    for (const one of [...this.#underWay]) one.clientEnded();
  }

  #closed(): void {
    this.#isClosing = true;
    this.#ahead.length = 0;
    clearInterval(this.#linger);
    for (const one of [...this.#underWay]) one.clientGone();
  }
}
