import { fnv1a } from "#/base/index.ts";

/** Loopback ports that are given to services which name none. Below the range of instances' own ports. */
export const SERVICE_PORTS = { first: 10_000, last: 19_999 } as const;

/** A port for `service`: always the same first choice for a site and a name, the next free one if that is taken; `undefined` when all are. */
export function choosePort(site: string, service: string, isTaken: (port: number) => boolean): number | undefined {
  const count = SERVICE_PORTS.last - SERVICE_PORTS.first + 1;
  const start = fnv1a(`${site}/${service}`) % count;
  for (let offset = 0; offset < count; offset++) {
    const port = SERVICE_PORTS.first + ((start + offset) % count);
    if (!isTaken(port)) return port;
  }
  return undefined;
}

/** Who has which port. A port is asked for at each look at a service: the answer must not be gathered from all services. */
export class PortBook {
  readonly #holders = new Map<number, Set<string>>();
  readonly #held = new Map<string, ReadonlySet<number>>();
  /** Ports that were given here and may not yet be noted. */
  readonly #given = new Map<string, number>();

  /** `service` is seen to wish or have `ports`; `undefined`: it is gone, and holds nothing. */
  note(service: string, ports: readonly (number | undefined)[] | undefined): void {
    if (ports === undefined || ports[0] !== undefined) this.#given.delete(service);
    this.#hold(service, [...(ports ?? []), this.#given.get(service)]);
  }

  /** The port of `service`: the one that it has (`noted`, or given before) unless another holds it, else what `choose` says. */
  give(service: string, noted: number | undefined, choose: (isTaken: (port: number) => boolean) => number | undefined): number | undefined {
    const isTaken = (port: number): boolean => {
      const holders = this.#holders.get(port);
      return holders !== undefined && (holders.size > 1 || !holders.has(service));
    };
    const kept = noted ?? this.#given.get(service);
    // Looked at once: of two services that both have it, one gets another, and the other keeps it.
    if (kept !== undefined && this.#given.get(service) === kept) return kept;
    const port = kept !== undefined && !isTaken(kept) ? kept : choose(isTaken);
    if (port === undefined) return undefined;
    this.#given.set(service, port);
    this.#hold(service, [noted, port]);
    return port;
  }

  #hold(service: string, ports: readonly (number | undefined)[]): void {
    const wanted = new Set(ports.filter((port) => port !== undefined));
    for (const port of this.#held.get(service) ?? []) {
      if (wanted.has(port)) continue;
      const holders = this.#holders.get(port);
      holders?.delete(service);
      if (holders?.size === 0) this.#holders.delete(port);
    }
    if (wanted.size === 0) this.#held.delete(service);
    else this.#held.set(service, wanted);
    for (const port of wanted) {
      const holders = this.#holders.get(port);
      if (holders === undefined) this.#holders.set(port, new Set([service]));
      else holders.add(service);
    }
  }
}
