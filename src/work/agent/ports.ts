import { createHash } from "node:crypto";
import { connect, createServer } from "node:net";
import { OrreryError } from "#/base/index.ts";
import { Reservations } from "./reservations.ts";

/** Below the range from which the kernel takes ports for outgoing connections (32768 on Linux), so that none of those is in the way. */
const PORT_MIN = 20_000;
const PORT_COUNT = 10_000;
/** A port that was given back may still stand in someone's table or in a browser: others are given first. */
const REST_MS = 15 * 60_000;

/** Ports of 127.0.0.1 that this agent has given to its instances. */
export class PortPool {
  readonly #seed: string;
  readonly #given = new Set<number>();
  readonly #resting = new Map<number, number>();
  readonly #reservations = new Reservations("port");

  /** `seed` differs between agents on one machine, so that they do not try the same ports first. */
  constructor(seed: string) {
    this.#seed = seed;
  }

  /** Takes ports that are on the record of an instance; see `reserve`. */
  keep(ports: Iterable<number>): void {
    for (const port of ports) {
      this.#given.add(port);
      void this.#reservations.take(String(port));
    }
  }

  /** Keeps a port of an instance from the other agents of this machine; false: one of them has given it away meanwhile. */
  async reserve(port: number): Promise<boolean> {
    return await this.#reservations.take(String(port));
  }

  /** Lets others have the ports. */
  async close(): Promise<void> {
    await this.#reservations.giveBackAll();
  }

  /** A free port for `owner`: given to nobody on this machine, and nobody listens on it.
   *  @throws agent/no-port (backoff): none of the 10,000 is free */
  async take(owner: string, nowMs: number): Promise<number> {
    const first = createHash("sha256").update(`${this.#seed} ${owner}`).digest().readUInt32BE(0) % PORT_COUNT;
    for (const mayRest of [false, true]) {
      for (let offset = 0; offset < PORT_COUNT; offset++) {
        const port = PORT_MIN + ((first + offset) % PORT_COUNT);
        if (this.#given.has(port) || (!mayRest && (this.#resting.get(port) ?? 0) > nowMs)) continue;
        // Reserved before the test, which lets others take their turn.
        this.#given.add(port);
        if ((await this.reserve(port)) && (await canListen("127.0.0.1", port))) return port;
        this.#reservations.giveBack(String(port));
        this.#given.delete(port);
      }
    }
    throw new OrreryError("agent/no-port", `no free port between ${PORT_MIN} and ${PORT_MIN + PORT_COUNT - 1} on this host; stop something`, {
      retry: "backoff",
    });
  }

  giveBack(ports: Iterable<number>, nowMs: number): void {
    for (const port of ports) {
      this.#given.delete(port);
      this.#reservations.giveBack(String(port));
      this.#resting.set(port, nowMs + REST_MS);
    }
    for (const [port, untilMs] of this.#resting) if (untilMs <= nowMs) this.#resting.delete(port);
  }
}

/** True if somebody listens there now. */
export function isListening(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const settle = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}

/** True if a listener could be opened there now. */
export function canListen(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
