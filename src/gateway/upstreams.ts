import { Agent, Pool } from "undici";
import type { EndpointState } from "./core/index.ts";

/** Connections to one instance at most; further requests wait for one. */
const CONNECTIONS_MAX = 1024;
/** Hosts outside the site to which connections are kept. */
const OUTSIDE_ORIGINS_MAX = 256;
const CONNECT_TIMEOUT_MS = 3000;
const HEADERS_BYTES_MAX = 32 * 1024;

/** Kept connections, by instance and port. They belong to the instance as it is now: when it leaves the table or moves, they are closed as soon as their requests have ended. */
export class Upstreams {
  readonly #pools = new Map<EndpointState, Map<number, Pool>>();
  readonly #outside = new Agent({
    maxOrigins: OUTSIDE_ORIGINS_MAX,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    maxHeaderSize: HEADERS_BYTES_MAX,
  });

  /** Connections to hosts outside the site. */
  get outside(): Agent {
    return this.#outside;
  }

  pool(endpoint: EndpointState, port: number): Pool {
    let ports = this.#pools.get(endpoint);
    if (ports === undefined) {
      ports = new Map();
      this.#pools.set(endpoint, ports);
    }
    let pool = ports.get(port);
    if (pool === undefined) {
      // Time limits are kept by the gateway itself: an answer that is late is still waited for, so that its transaction stays counted.
      pool = new Pool(`http://${endpoint.address}:${port}`, {
        connections: CONNECTIONS_MAX,
        headersTimeout: 0,
        bodyTimeout: 0,
        connect: { timeout: CONNECT_TIMEOUT_MS },
        maxHeaderSize: HEADERS_BYTES_MAX,
        allowH2: false,
      });
      ports.set(port, pool);
    }
    return pool;
  }

  /** Closes the connections of instances that the table does not name any more. */
  sweep(): void {
    for (const [endpoint, ports] of this.#pools) {
      if (!endpoint.isGone) continue;
      this.#pools.delete(endpoint);
      for (const pool of ports.values()) void pool.close();
    }
  }

  async destroy(): Promise<void> {
    const pools = [...this.#pools.values()].flatMap((ports) => [...ports.values()]);
    this.#pools.clear();
    await Promise.all([...pools.map((pool) => pool.destroy()), this.#outside.destroy()]);
  }
}
