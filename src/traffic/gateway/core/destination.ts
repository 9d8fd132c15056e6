import { readPath } from "#/model/index.ts";
import { addressOf, isLoopbackAddress } from "./address.ts";
import { type Authority, isLoopback, parseAuthority } from "./authority.ts";
import type { CallLedger } from "./call-ledger.ts";
import type { LiveTable } from "./live-table.ts";
import { findOwnPlace, type OwnHost, type OwnPlace } from "./own-places.ts";
import { type Refusal, refuse } from "./refusal.ts";
import type { RequestHead } from "./request-head.ts";
import { findViolation, parseTarget, pathOf } from "./request-target.ts";

const HTTP_PORT = 80;
const LOOPBACK = "127.0.0.1";

/** Where a connection came in: at the edge, on a caller's proxy port, or on a service's port (of a caller's address, or of 127.0.0.1, where the caller is unknown). */
export interface Inlet {
  readonly kind: "edge" | "proxy" | "service";
  readonly address: string;
  readonly port: number;
  /** After a CONNECT to a service: that service. */
  readonly connectedTo?: string;
  /** Set where the connection comes from no process of the instance whose address it uses: of whom it is, as far as that is known. */
  readonly borrowedBy?: string;
  /** The client speaks TLS. */
  readonly isTls?: boolean;
  /** The client speaks plain HTTP where TLS is spoken. */
  readonly lacksTls?: boolean;
}

/** What a request on an inlet is for. */
export type HostTarget =
  | { readonly kind: "service"; readonly service: string; readonly host: string; readonly path: string }
  | { readonly kind: "outside"; readonly authority: Authority; readonly host: string; readonly path: string }
  | Refusal;

/** Says what the requests and connections of callers are for, and what they may not reach past the gateway. What `GatewayCore` has under the same name is promised there. */
export class Destinations {
  readonly #table: LiveTable;
  readonly #ledger: CallLedger;
  readonly #ownHost: () => OwnHost;

  /** `ownHost` is asked for again for each look. */
  constructor(table: LiveTable, ledger: CallLedger, ownHost: () => OwnHost) {
    this.#table = table;
    this.#ledger = ledger;
    this.#ownHost = ownHost;
  }

  target(inlet: Inlet, head: RequestHead): HostTarget {
    if (inlet.borrowedBy !== undefined) return this.refuseBorrowed(inlet, inlet.borrowedBy);
    const target = parseTarget(head.method, head.target);
    const authority = head.host === undefined ? undefined : parseAuthority(head.host);
    const violation = head.violation ?? findViolation(head, target, authority);
    if (violation !== undefined || target.form === "bad") return refuse("gateway/bad-request", violation ?? "malformed");
    const key = readPath(pathOf(target.path));
    if (inlet.kind !== "proxy" || inlet.connectedTo !== undefined) {
      if (typeof key !== "string") return refuse("gateway/bad-request", key.fault);
      const service = inlet.connectedTo ?? this.#table.serviceAt(inlet.port);
      if (service === undefined) return refuse("gateway/no-service", `port ${inlet.port} belongs to no service any more`);
      return { kind: "service", service, host: head.host ?? service, path: target.path };
    }
    if (target.form === "absolute" && target.isHttps)
      return refuse(
        "gateway/bad-request",
        `https is not proxied by its URL: use CONNECT for hosts outside the site, and http://${target.text}/ for services`,
      );
    if (target.form !== "absolute")
      return refuse(
        "gateway/bad-request",
        target.path === "*"
          ? "OPTIONS * asks about this proxy itself, which has nothing to tell: send the whole URL of what you mean, as in OPTIONS http://auth/"
          : "this is a proxy port: send the whole URL (HTTP_PROXY does), or use the service's own port",
      );
    const resolved = this.resolve(inlet, target.authority, target.text, target.path);
    // A host outside the site reads its paths as it likes.
    return resolved.kind === "service" && typeof key !== "string" ? refuse("gateway/bad-request", key.fault) : resolved;
  }

  resolve(inlet: Inlet, authority: Authority, host: string, path: string): HostTarget {
    if (inlet.borrowedBy !== undefined) return this.refuseBorrowed(inlet, inlet.borrowedBy);
    const { port = HTTP_PORT } = authority;
    // A service may be named 2024, which is an address to others.
    if (this.#table.isService(authority.host)) return { kind: "service", service: authority.host, host, path };
    const address = isLoopback(authority.host) ? LOOPBACK : addressOf(authority.host);
    // Where a name leads is seen when it is dialled.
    if (address === undefined) return { kind: "outside", authority, host, path };
    const place = findOwnPlace(this.#table, this.#ownHost(), address, port);
    const caller = this.#table.callers.get(inlet.address);
    if (place === undefined || (place.kind === "instance" && place.endpoint.instance === caller?.instance))
      // What has been looked at is what is dialled.
      return { kind: "outside", authority: { host: address.includes(":") ? `[${address}]` : address, port: authority.port }, host, path };
    if (place.kind === "service" && isLoopbackAddress(address)) return { kind: "service", service: place.service, host, path };
    this.refusedDial(inlet, place.kind === "instance" ? place.endpoint.service : "");
    return refusePlace(place, host);
  }

  /** The answer to a connection from the address of an instance that comes from no process of it. */
  refuseBorrowed({ address }: Inlet, borrower: string): Refusal {
    const owner = this.#table.callers.get(address)?.instance ?? "nobody";
    const who = [...this.#table.callers.values()].find((one) => one.instance === borrower);
    this.#ledger.refusedCall(who, "wrong-caller", "");
    return refuse(
      "gateway/wrong-caller",
      `${address} is the address of ${owner}, and this connection comes from ${borrower === "" ? "no process of it" : borrower}: call through your own, in HTTP_PROXY and SERVICE_<NAME>_URL`,
    );
  }

  dial({ host, port = HTTP_PORT }: Authority, address: string): Refusal | undefined {
    const place = findOwnPlace(this.#table, this.#ownHost(), address, port);
    return place === undefined ? undefined : refusePlace(place, `${host}:${port} (${address})`);
  }

  refusedDial(inlet: Inlet, service = ""): void {
    this.#ledger.refusedCall(this.#table.callers.get(inlet.address), "bypass", service);
  }
}

function refusePlace(place: OwnPlace, written: string): Refusal {
  if (place.kind === "edge")
    return refuse(
      "gateway/bypass",
      `${written} is the edge, where another transaction would begin, perhaps of another generation: call the service by its name, as in http://auth/`,
    );
  if (place.kind === "proxy") return refuse("gateway/bypass", `${written} is a proxy port of this gateway: use your own, in HTTP_PROXY`);
  const service = place.kind === "service" ? place.service : place.endpoint.service;
  const what = place.kind === "service" ? `is the port of ${service}` : `belongs to an instance of ${service}`;
  return refuse("gateway/bypass", `${written} ${what}: call http://${service}/ instead`);
}
