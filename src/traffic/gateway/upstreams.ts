import type { LookupFunction } from "node:net";
import type { Clock } from "#/base/index.ts";
import type { GatewayLimits } from "#/traffic/routing/index.ts";
import type { Authority, EndpointState, Refusal } from "./core/index.ts";
import { checkedLookup } from "./outside-lookup.ts";
import { connectPatiently, Pool, prepareParser } from "./upstream/index.ts";

const HTTP_PORT = 80;

/** Connections, kept by instance and port, or by the host outside the site. Those to an instance belong to it as it is now: when it leaves the table or moves, they are closed as soon as their requests have ended. */
export class Upstreams {
  readonly #clock: Clock;
  readonly #limits: () => GatewayLimits;
  readonly #check: (authority: Authority, address: string) => Refusal | undefined;
  readonly #pools = new Map<EndpointState, Map<number, Pool>>();
  /** Only those with a connection. */
  readonly #outside = new Map<string, Pool>();

  /** `limits` are asked for again for each connection. `check` refuses addresses to which the name of a host outside the site leads. */
  constructor(clock: Clock, limits: () => GatewayLimits, check: (authority: Authority, address: string) => Refusal | undefined) {
    this.#check = check;
    this.#clock = clock;
    this.#limits = limits;
    prepareParser();
  }

  /** To a host outside the site. As many hosts as there are connections. */
  outside(authority: Authority): Pool {
    const { host, port = HTTP_PORT } = authority;
    const key = `${host}:${port}`;
    let pool = this.#outside.get(key);
    if (pool === undefined) {
      const name = host.replace(/^\[|\]$/g, "");
      pool = this.#pool(name, port, {
        lookup: checkedLookup((address) => this.#check(authority, address)),
        onEmpty: () => this.#outside.delete(key),
      });
      this.#outside.set(key, pool);
    }
    return pool;
  }

  /** To `port` of an instance. */
  pool(endpoint: EndpointState, port: number): Pool {
    let ports = this.#pools.get(endpoint);
    if (ports === undefined) {
      ports = new Map();
      this.#pools.set(endpoint, ports);
    }
    let pool = ports.get(port);
    if (pool === undefined) {
      pool = this.#pool(endpoint.address, port);
      ports.set(port, pool);
    }
    return pool;
  }

  #pool(host: string, port: number, { lookup, onEmpty }: { readonly lookup?: LookupFunction; readonly onEmpty?: () => void } = {}): Pool {
    return new Pool({
      clock: this.#clock,
      connect: () => connectPatiently({ host, port, noDelay: true, ...(lookup === undefined ? {} : { lookup }) }),
      limits: this.#limits,
      ...(onEmpty === undefined ? {} : { onEmpty }),
    });
  }

  /** Closes the connections of instances that the table does not name any more. */
  sweep(): void {
    for (const [endpoint, ports] of this.#pools) {
      if (!endpoint.isGone) continue;
      this.#pools.delete(endpoint);
      for (const pool of ports.values()) pool.close();
    }
  }

  /** Cuts everything. */
  destroy(): void {
    const pools = [...[...this.#pools.values()].flatMap((ports) => [...ports.values()]), ...this.#outside.values()];
    this.#pools.clear();
    this.#outside.clear();
    for (const pool of pools) pool.destroy();
  }
}
