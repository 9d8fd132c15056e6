import { PROXY_PORT } from "#/traffic/routing/index.ts";
import { isLoopbackAddress, plainAddress } from "./address.ts";
import type { EndpointState } from "./endpoint.ts";
import type { LiveTable } from "./live-table.ts";

/** What a gateway knows of the host that it runs on. */
export interface OwnHost {
  /** Addresses of its interfaces. */
  readonly addresses: ReadonlySet<string>;
  /** Ports where its gateway takes requests from outside, beside those of TCP routes. */
  readonly edgePort: number | undefined;
  /** Where callers' requests come in; default 3128. */
  readonly proxyPort?: number | undefined;
}

/** What stands at an address and port, if it is something that calls between services may not reach by it. */
export type OwnPlace =
  | { readonly kind: "service"; readonly service: string }
  | { readonly kind: "instance"; readonly endpoint: EndpointState }
  | { readonly kind: "edge" }
  | { readonly kind: "proxy" };

/** Looks at the address that is dialled, whatever was written: `undefined` for what is none of the site's. */
export function findOwnPlace(table: LiveTable, own: OwnHost, address: string, port: number): OwnPlace | undefined {
  const plain = plainAddress(address);
  const isLoopback = isLoopbackAddress(plain);
  if (!isLoopback && !own.addresses.has(plain)) {
    const endpoint = table.endpointElsewhere(plain, port);
    return endpoint === undefined ? undefined : { kind: "instance", endpoint };
  }
  const service = table.serviceAt(port);
  if (service !== undefined) return { kind: "service", service };
  const endpoint = table.endpointAt(port);
  if (endpoint !== undefined) return { kind: "instance", endpoint };
  if (port === own.edgePort || table.tcpRoutes.some((route) => route.tcp?.port === port)) return { kind: "edge" };
  return isLoopback && port === (own.proxyPort ?? PROXY_PORT) ? { kind: "proxy" } : undefined;
}
