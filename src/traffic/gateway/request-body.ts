import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestHead } from "./core/index.ts";
import { passTrailers } from "./core/request-head.ts";
import type { ProxyContext } from "./proxy-context.ts";
import type { UpstreamCall } from "./upstream/index.ts";

/** An instance that has not said within this time whether it wants a body gets it. */
const CONTINUE_MS = 1000;

/** Whose body it is. */
export interface BodyOwner {
  /** Does `work`; a fault in it ends the exchange, and nothing else. */
  guarded(work: () => void): void;
  /** More has come than `bytesMax`. */
  tooLarge(bytesMax: number): void;
  /** Trailers as they go on. */
  passedTrailers(trailers: readonly string[]): readonly string[];
}

export interface RequestBodyOptions {
  readonly context: ProxyContext;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly head: RequestHead;
  /** The client waits for leave to send it. */
  readonly expectsContinue: boolean;
  readonly owner: BodyOwner;
}

/** The body of a request: read from the client once it is wanted, no faster than the instance takes it, and thrown away when nobody wants it any more. */
export class RequestBody {
  readonly #context: ProxyContext;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #hasUpgrade: boolean;
  readonly #owner: BodyOwner;
  readonly expectsContinue: boolean;
  #upstream: UpstreamCall | undefined;
  #bytesMax = Number.POSITIVE_INFINITY;
  #isReading = false;
  #isRead = false;
  /** The instance takes no more for now. */
  #isBlocked = false;
  #isOver = false;
  #cancelContinue: (() => void) | undefined;
  /** Read so far. */
  bytes = 0;
  /** When anything of it has last come or gone. */
  movedMs = Number.NEGATIVE_INFINITY;

  constructor({ context, req, res, head, expectsContinue, owner }: RequestBodyOptions) {
    this.#context = context;
    this.#req = req;
    this.#res = res;
    this.#hasUpgrade = head.upgrade !== undefined;
    this.#owner = owner;
    this.expectsContinue = expectsContinue;
    // What goes wrong in it is seen at the connection.
    req.on("error", () => {});
  }

  /** There is more of it to come; or there may be more behind it, which Node loses: what follows a request with a body that asked for another protocol, in vain. */
  get isIncomplete(): boolean {
    return !this.#req.complete || this.#hasUpgrade;
  }

  /** True once some of it may have been read: it cannot be sent a second time. */
  get isTouched(): boolean {
    return this.#isReading;
  }

  /** True while it is for the client to send more. */
  get isAwaited(): boolean {
    return this.#isReading && !this.#isRead && !this.#isBlocked;
  }

  /** The request's head has gone to `upstream`, which gets the body: at once, or when it wants it. */
  sent(upstream: UpstreamCall, bytesMax: number): void {
    this.#upstream = upstream;
    this.#bytesMax = bytesMax;
    if (!this.expectsContinue) return this.#read();
    this.#cancelContinue = this.#context.clock.after(CONTINUE_MS, () => this.#owner.guarded(() => this.wanted()), { background: true });
  }

  /** The instance wants it. */
  wanted(): void {
    this.#cancelContinue?.();
    if (!this.expectsContinue || this.#isReading || this.#isOver || this.#res.headersSent) return;
    this.#res.writeContinue();
    this.#read();
  }

  #read(): void {
    this.#isReading = true;
    this.movedMs = this.#context.clock.monotonic();
    this.#req.on("data", this.#onData);
    this.#req.once("end", this.#onEnd);
  }

  readonly #onData = (chunk: Buffer): void =>
    this.#owner.guarded(() => {
      if (this.#isOver) return;
      this.movedMs = this.#context.clock.monotonic();
      this.bytes += chunk.length;
      if (this.bytes > this.#bytesMax) return this.#owner.tooLarge(this.#bytesMax);
      if (this.#upstream?.write(chunk) !== false) return;
      this.#isBlocked = true;
      this.#req.pause();
    });

  readonly #onEnd = (): void =>
    this.#owner.guarded(() => {
      this.#isRead = true;
      this.movedMs = this.#context.clock.monotonic();
      if (!this.#isOver) this.#upstream?.finish(this.#owner.passedTrailers(passTrailers(this.#req.rawTrailers)));
    });

  /** The instance takes more. */
  drained(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.movedMs = this.#context.clock.monotonic();
    this.#req.resume();
  }

  /** The instance has answered, and says no more whether it wants it. */
  answered(): void {
    this.#cancelContinue?.();
  }

  /** Nothing of it goes on any more. */
  end(): void {
    this.#isOver = true;
    this.#cancelContinue?.();
  }

  /** What is still to come is read and thrown away. */
  discard(): void {
    this.end();
    this.#req.off("data", this.#onData);
    this.#req.resume();
  }
}
