import { createServer, type Server, type Socket } from "node:net";
import { backoffDelayMs, type Clock, describeError, type Log, type Random } from "#/base/index.ts";

/** Where to listen. `use` says what for; a listener whose use changes is opened anew. */
export interface Listener {
  readonly address: string;
  readonly port: number;
  readonly use: string;
}

export interface ListenFailure {
  readonly address: string;
  readonly port: number;
  readonly reason: string;
}

export interface ListenersOptions {
  readonly onConnection: (socket: Socket, listener: Listener) => void;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
}

interface Open {
  readonly listener: Listener;
  readonly server: Server;
  isListening: boolean;
  failures: number;
  reason: string | undefined;
  cancelRetry: (() => void) | undefined;
}

const BACKOFF = { firstMs: 200, maxMs: 10_000 };
const BACKLOG = 1024;

/** Keeps as many listening sockets as are wanted. Those that go away stop listening; their connections live on. One that cannot listen is tried again. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #open = new Map<string, Open>();

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Opens what is new in `wanted`, closes what is not in it any more. */
  set(wanted: Iterable<Listener>): void {
    const keys = new Set<string>();
    for (const listener of wanted) {
      const key = `${listener.address} ${listener.port} ${listener.use}`;
      keys.add(key);
      if (!this.#open.has(key)) this.#add(key, listener);
    }
    for (const [key, open] of this.#open) {
      if (keys.has(key)) continue;
      this.#open.delete(key);
      close(open);
    }
  }

  #add(key: string, listener: Listener): void {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#options.onConnection(socket, listener));
    const open: Open = { listener, server, isListening: false, failures: 0, reason: undefined, cancelRetry: undefined };
    this.#open.set(key, open);
    server.on("error", (error) => this.#fail(open, error));
    server.on("listening", () => {
      open.isListening = true;
      open.failures = 0;
      open.reason = undefined;
    });
    this.#listen(open);
  }

  #listen({ server, listener }: Open): void {
    server.listen({ host: listener.address, port: listener.port, backlog: BACKLOG });
  }

  #fail(open: Open, error: Error): void {
    open.failures++;
    open.reason = describeError(error);
    const { address, port } = open.listener;
    if (open.failures === 1) this.#options.log.warn("cannot listen; trying again", { address, port, error: open.reason });
    const delayMs = backoffDelayMs(BACKOFF, open.failures, this.#options.random);
    open.cancelRetry = this.#options.clock.after(delayMs, () => this.#listen(open), { background: true });
  }

  /** Those that cannot listen now, and why. */
  get failures(): ListenFailure[] {
    return [...this.#open.values()].flatMap(({ listener, reason }) =>
      reason === undefined ? [] : [{ address: listener.address, port: listener.port, reason }],
    );
  }

  close(): void {
    for (const open of this.#open.values()) close(open);
    this.#open.clear();
  }
}

function close(open: Open): void {
  open.cancelRetry?.();
  // An error that comes now is of no interest any more.
  open.server.removeAllListeners("error");
  open.server.on("error", () => {});
  open.server.close();
}
