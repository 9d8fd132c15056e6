import type { Duplex } from "node:stream";
import { BoundedQueue, type Clock, describeError, type LastGuard, type Log, OrreryError } from "#/base/index.ts";
import { Answering } from "./answering.ts";
import type { Link, LinkHandlers } from "./contract.ts";
import { LineReader } from "./json-lines.ts";
import { decodeError, type Message, parseMessage, STREAM_ITEMS_MAX } from "./message.ts";

const PING_EVERY_MS = 5_000;
const SILENCE_MS_MAX = 15_000;
const CALL_TIMEOUT_MS = 10_000;
const LINE_BYTES_MAX = 32 * 1024 * 1024;
/** Notices are refused above this, so that calls and pings still get through. */
const NOTICE_BYTES_MAX = 4 * 1024 * 1024;
/** Nothing is this far behind but a side that does not read. */
const UNSENT_BYTES_MAX = 64 * 1024 * 1024;
const CALLS_MAX = 1_000;
/** After how many read items the sender hears of it. */
const STREAM_ITEMS_STEP = 64;
const FAREWELL_MS = 1_000;

export interface LinkOptions {
  readonly duplex: Duplex;
  readonly handlers?: LinkHandlers;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of what a handler throws that is no OrreryError. */
  readonly guard?: LastGuard;
  /** Of one line that the other side may send; default 32 MiB: a whole routing table must fit. */
  readonly lineBytesMax?: number;
}

/** A link over `duplex`, which it owns from now on. */
export function createLink(options: LinkOptions): Link {
  return new Peer(options);
}

interface PendingCall {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

interface PendingStream {
  readonly items: BoundedQueue<unknown>;
  failure?: unknown;
}

class Peer implements Link {
  readonly closed: Promise<string>;
  readonly #duplex: Duplex;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #lines: LineReader;
  readonly #answering: Answering;
  readonly #calls = new Map<number, PendingCall>();
  readonly #streams = new Map<number, PendingStream>();
  #nextId = 1;
  #heardAtMs: number;
  #cancelPing: () => void = () => {};
  #draining: Promise<void> | undefined;
  #closedReason: string | undefined;
  #resolveClosed: (reason: string) => void = () => {};

  constructor({ duplex, handlers = {}, clock, log, guard, lineBytesMax = LINE_BYTES_MAX }: LinkOptions) {
    this.#lines = new LineReader(lineBytesMax);
    this.#duplex = duplex;
    this.#clock = clock;
    this.#log = log;
    this.#answering = new Answering({ handlers, log, guard, send: (message) => this.#send(message), drained: () => this.#drained() });
    this.#heardAtMs = clock.monotonic();
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    duplex.on("data", (chunk: Buffer) => this.#receive(chunk));
    duplex.on("end", () => this.#finish("the other side ended the connection"));
    duplex.on("close", () => this.#finish("the connection was lost"));
    duplex.on("error", (error) => this.#finish(`the connection failed: ${describeError(error)}`));
    this.#schedulePing();
  }

  call(method: string, params: unknown, options: { readonly signal?: AbortSignal; readonly timeoutMs?: number } = {}): Promise<unknown> {
    const { signal, timeoutMs = CALL_TIMEOUT_MS } = options;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    if (this.#calls.size >= CALLS_MAX)
      return Promise.reject(new OrreryError("link/busy", `${CALLS_MAX} calls wait for an answer`, { retry: "backoff" }));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#calls.delete(id);
        cancelTimer();
        signal?.removeEventListener("abort", onAbort);
      };
      const giveUp = (error: unknown): void => {
        settle();
        this.#trySend({ t: "cancel", id });
        reject(error);
      };
      const onAbort = (): void => giveUp(signal?.reason);
      const cancelTimer = this.#clock.after(timeoutMs, () =>
        giveUp(new OrreryError("link/timeout", `${method}: no answer within ${timeoutMs} ms`, { retry: "backoff" })),
      );
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#calls.set(id, {
        resolve: (value) => {
          settle();
          resolve(value);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      try {
        this.#send({ t: "call", id, method, params });
      } catch (error) {
        this.#calls.get(id)?.reject(error);
      }
    });
  }

  async *stream(method: string, params: unknown, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<unknown, void, undefined> {
    const { signal } = options;
    signal?.throwIfAborted();
    if (this.#streams.size >= CALLS_MAX) throw new OrreryError("link/busy", `${CALLS_MAX} streams are open`, { retry: "backoff" });
    const id = this.#nextId++;
    const pending: PendingStream = { items: new BoundedQueue(STREAM_ITEMS_MAX) };
    const onAbort = (): void => pending.items.fail(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#streams.set(id, pending);
    try {
      this.#send({ t: "open", id, method, params });
      let read = 0;
      for await (const item of pending.items) {
        yield item;
        read += 1;
        if (read % STREAM_ITEMS_STEP === 0) this.#trySend({ t: "more", id, items: STREAM_ITEMS_STEP });
      }
      if (pending.failure !== undefined) throw pending.failure;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      if (this.#streams.delete(id)) this.#trySend({ t: "cancel", id });
    }
  }

  notify(method: string, params: unknown): boolean {
    if (this.#closedReason !== undefined || this.#duplex.writableLength > NOTICE_BYTES_MAX) return false;
    this.#send({ t: "notice", method, params });
    return true;
  }

  silentMs(): number {
    return this.#clock.monotonic() - this.#heardAtMs;
  }

  close(reason: string): void {
    if (this.#closedReason !== undefined) return;
    this.#trySend({ t: "bye", reason: reason.slice(0, 1_000) });
    this.#finish(reason);
  }

  /** @throws link/closed, link/too-large */
  #send(message: Message): void {
    if (this.#closedReason !== undefined) throw closedError(this.#closedReason);
    const line = `${JSON.stringify(message)}\n`;
    if (line.length > LINE_BYTES_MAX / 4 && Buffer.byteLength(line) > LINE_BYTES_MAX)
      throw new OrreryError("link/too-large", `a message is longer than ${LINE_BYTES_MAX} bytes`);
    this.#duplex.write(line);
    if (this.#duplex.writableLength > UNSENT_BYTES_MAX) this.#finish("the other side does not read");
  }

  #trySend(message: Message): void {
    if (this.#closedReason === undefined) this.#send(message);
  }

  /** Resolves when the stream takes more, or the link is down; one promise for all that wait. */
  #drained(): Promise<void> {
    if (!this.#duplex.writableNeedDrain || this.#closedReason !== undefined) return Promise.resolve();
    this.#draining ??= new Promise<void>((resolve) => {
      const done = (): void => {
        this.#duplex.off("drain", done).off("close", done);
        this.#draining = undefined;
        resolve();
      };
      this.#duplex.on("drain", done).on("close", done);
    });
    return this.#draining;
  }

  #receive(chunk: Buffer): void {
    this.#heardAtMs = this.#clock.monotonic();
    try {
      for (const line of this.#lines.push(chunk)) {
        if (this.#closedReason !== undefined) return;
        this.#dispatch(parseMessage(line));
      }
    } catch (error) {
      this.#log.warn("link: closed for what the other side sent", { error: describeError(error) });
      this.close(describeError(error));
    }
  }

  #dispatch(message: Message): void {
    switch (message.t) {
      case "ok":
        return this.#calls.get(message.id)?.resolve(message.value);
      case "item":
        return this.#takeItem(message.id, message.value ?? null);
      case "error":
        this.#calls.get(message.id)?.reject(decodeError(message.error));
        return this.#endStream(message.id, decodeError(message.error));
      case "end":
        return this.#endStream(message.id);
      case "bye":
        return this.#finish(message.reason);
      case "ping":
        return;
      default:
        return this.#answering.take(message);
    }
  }

  #takeItem(id: number, item: unknown): void {
    const pending = this.#streams.get(id);
    // Items of a stream that was given up meanwhile are dropped.
    if (pending === undefined || pending.items.isEnded) return;
    if (!pending.items.offer(item)) throw new OrreryError("link/malformed", `more than ${STREAM_ITEMS_MAX} unread items in a stream`);
  }

  #endStream(id: number, failure?: unknown): void {
    const pending = this.#streams.get(id);
    if (pending === undefined) return;
    this.#streams.delete(id);
    pending.failure = failure;
    pending.items.end();
  }

  #schedulePing(): void {
    this.#cancelPing = this.#clock.after(
      PING_EVERY_MS,
      () => {
        if (this.#clock.monotonic() - this.#heardAtMs > SILENCE_MS_MAX)
          return this.close(`no word from the other side for ${SILENCE_MS_MAX / 1_000} s`);
        // While the stream is blocked, what waits in it is word enough once it moves.
        if (!this.#duplex.writableNeedDrain) this.#trySend({ t: "ping" });
        this.#schedulePing();
      },
      { background: true },
    );
  }

  #finish(reason: string): void {
    if (this.#closedReason !== undefined) return;
    this.#closedReason = reason;
    this.#cancelPing();
    const error = closedError(reason);
    for (const call of [...this.#calls.values()]) call.reject(error);
    for (const id of [...this.#streams.keys()]) this.#endStream(id, error);
    this.#answering.abort(error);
    this.#duplex.end();
    // A side that never reads would keep the stream, and what waits in it, for ever.
    const cancel = this.#clock.after(FAREWELL_MS, () => this.#duplex.destroy(), { background: true });
    this.#duplex.once("close", cancel);
    this.#resolveClosed(reason);
  }
}

function closedError(reason: string): OrreryError {
  return new OrreryError("link/closed", `the link is down: ${reason}`, { retry: "backoff" });
}
