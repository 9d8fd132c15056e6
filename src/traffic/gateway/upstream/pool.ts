import type { Socket } from "node:net";
import type { Clock } from "#/base/index.ts";
import type { UpstreamCall } from "./call.ts";
import { Connection, type Keeper } from "./connection.ts";

export interface PoolOptions {
  readonly clock: Clock;
  /** Begins a connection. */
  readonly connect: () => Socket;
  /** Bounds of the connections that are made from now on. */
  readonly limits: () => { readonly connectTimeMs: number; readonly answerHeadBytes: number };
  /** Nothing is open here any more, and nothing kept. */
  readonly onEmpty?: () => void;
}

interface Kept {
  readonly connection: Connection;
  readonly untilMs: number;
}

/** The connections to one place. A request takes one that is free, or makes one: nothing waits here, and how many there may be is for whoever sends requests to say. */
export class Pool implements Keeper {
  readonly #options: PoolOptions;
  /** Used last, first taken. */
  readonly #kept: Kept[] = [];
  readonly #all = new Set<Connection>();
  readonly #dials = new Set<Socket>();
  #cancelSweep: (() => void) | undefined;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Sends the request of `call`, whose handler may hear of it at once. */
  send(call: UpstreamCall): void {
    const nowMs = this.#options.clock.monotonic();
    for (let kept = this.#kept.pop(); kept !== undefined; kept = this.#kept.pop()) {
      if (kept.untilMs > nowMs && kept.connection.isUsable) {
        begin(kept.connection, call);
        return;
      }
      kept.connection.destroy();
    }
    this.#dial(call);
  }

  #dial(call: UpstreamCall): void {
    const { clock, connect } = this.#options;
    const { connectTimeMs, answerHeadBytes } = this.#options.limits();
    const socket = connect();
    this.#dials.add(socket);
    let isOver = false;
    const over = (): boolean => {
      if (isOver) return false;
      isOver = true;
      cancelTimer();
      socket.off("error", onError);
      socket.off("close", onClose);
      this.#dials.delete(socket);
      return true;
    };
    const fail = (error: Error): void => {
      if (!over()) return;
      socket.on("error", () => {});
      socket.destroy();
      call.failed(error);
      this.#tellIfEmpty();
    };
    const onError = (error: Error): void => fail(error);
    const onClose = (): void => fail(new Error("closed"));
    const cancelTimer = clock.after(connectTimeMs, () => fail(late(connectTimeMs)), { background: true });
    socket.once("error", onError);
    socket.once("close", onClose);
    socket.once("connect", () => {
      if (!over()) return;
      const connection = new Connection(socket, this, answerHeadBytes);
      this.#all.add(connection);
      begin(connection, call);
    });
    call.dialling(() => fail(new Error("given up")));
  }

  keep(connection: Connection, idleMs: number): void {
    if (this.#isClosed) return connection.destroy();
    this.#kept.push({ connection, untilMs: this.#options.clock.monotonic() + idleMs });
    this.#cancelSweep ??= this.#options.clock.after(1000, () => this.#sweep(), { background: true });
  }

  #sweep(): void {
    this.#cancelSweep = undefined;
    const nowMs = this.#options.clock.monotonic();
    const old = this.#kept.filter((one) => one.untilMs <= nowMs);
    for (const one of old) one.connection.destroy();
    if (this.#kept.length > 0) this.#cancelSweep ??= this.#options.clock.after(1000, () => this.#sweep(), { background: true });
  }

  forget(connection: Connection): void {
    this.#all.delete(connection);
    const index = this.#kept.findIndex((one) => one.connection === connection);
    if (index >= 0) this.#kept.splice(index, 1);
    this.#tellIfEmpty();
  }

  #tellIfEmpty(): void {
    if (this.#all.size === 0 && this.#dials.size === 0) this.#options.onEmpty?.();
  }

  /** Keeps nothing from now on; what is under way goes on. */
  close(): void {
    this.#isClosed = true;
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    for (const { connection } of [...this.#kept]) connection.destroy();
  }

  /** Cuts everything. */
  destroy(): void {
    this.close();
    for (const socket of this.#dials) socket.destroy();
    for (const connection of [...this.#all]) connection.destroy(new Error("the gateway has stopped"));
  }
}

function late(connectTimeMs: number): Error {
  return Object.assign(new Error(`no connection within ${connectTimeMs} ms`), { code: "ETIMEDOUT" });
}

/** What the handler throws at the first word ends this call alone. */
function begin(connection: Connection, call: UpstreamCall): void {
  try {
    connection.begin(call);
  } catch (error) {
    connection.destroy(error as Error);
  }
}
