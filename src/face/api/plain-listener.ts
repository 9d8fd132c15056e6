import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Clock, describeError, type Log, OrreryError } from "#/base/index.ts";
import type { Request, Response } from "./exchange.ts";
import { refuseUnreadable } from "./unreadable.ts";
import { asksForWebSocket } from "./web-socket.ts";

/** Browsers that speak HTTP/1.1 hold six for a host; some dozens of people, on one machine. */
const CONNECTIONS_MAX = 500;

export interface PlainListenerOptions {
  readonly handle: (request: Request, response: Response) => void;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly headBytesMax: number;
  readonly headMsMax: number;
  readonly bodyMsMax: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Plain HTTP for browsers on this machine: a certificate that no browser knows would have them warn of it. It is for loopback alone: whatever is said here, whoever shares the wire could read. */
export class PlainListener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor({ handle, upgrade, headBytesMax, headMsMax, bodyMsMax, clock, log }: PlainListenerOptions) {
    const server = createServer({ maxHeaderSize: headBytesMax, headersTimeout: headMsMax, requestTimeout: bodyMsMax, keepAliveTimeout: 75_000 });
    server.maxConnections = CONNECTIONS_MAX;
    Object.assign(server, { shouldUpgradeCallback: asksForWebSocket });
    server.on("request", (request, response) => {
      // Whatever a browser is made to load from here is what its head says, and stands in no frame of another page.
      response.setHeader("x-content-type-options", "nosniff");
      response.setHeader("x-frame-options", "DENY");
      response.setHeader("cross-origin-resource-policy", "same-origin");
      handle(request, response);
    });
    server.on("upgrade", upgrade);
    server.on("connect", upgrade);
    server.on("connection", (socket) => {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      log.debug("api: malformed HTTP", { error: describeError(error) });
      if (socket.writable) refuseUnreadable(socket, error, clock);
      else if (!socket.writableEnded) socket.destroy();
    });
    this.#server = server;
  }

  /** Listens on the first of `ports` that is free (0: any); resolves with it.
   *  @throws api/port-in-use: none is; api/cannot-listen */
  async listen(host: string, ports: readonly number[]): Promise<number> {
    for (const port of ports) {
      this.#server.listen(port, host);
      try {
        await once(this.#server, "listening");
        return (this.#server.address() as AddressInfo).port;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE")
          throw new OrreryError("api/cannot-listen", `cannot listen on ${host}:${port}: ${describeError(error)}`, { cause: error });
      }
    }
    throw new OrreryError(
      "api/port-in-use",
      `port ${ports.join(", ")} on ${host} is in use: stop what listens there, or choose another with --console-port (0: any free one)`,
    );
  }

  /** Takes no new connections; resolves when the last has gone. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    await closed;
  }

  /** Cuts whatever is left. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
