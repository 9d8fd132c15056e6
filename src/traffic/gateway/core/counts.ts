import type { GenerationCount } from "#/traffic/routing/index.ts";

/** Calls of one service in one generation. */
export class ServiceCounts {
  open = 0;
  started = 0;
}

/** What is open, and what has ever been begun, of one generation in this gateway. */
export class GenerationCounts {
  readonly generation: number;
  edge = 0;
  streams = 0;
  outbound = 0;
  inbound = 0;
  begun = 0;
  started = 0;
  readonly #services = new Map<string, ServiceCounts>();

  constructor(generation: number) {
    this.generation = generation;
  }

  get open(): number {
    return this.edge + this.outbound + this.inbound;
  }

  ofService(service: string): ServiceCounts {
    let counts = this.#services.get(service);
    if (counts === undefined) {
      counts = new ServiceCounts();
      this.#services.set(service, counts);
    }
    return counts;
  }

  read(): GenerationCount {
    const { generation, edge, streams, outbound, inbound, begun, started } = this;
    const services = Object.fromEntries([...this.#services].map(([name, counts]) => [name, { open: counts.open, started: counts.started }]));
    return { generation, edge, streams, outbound, inbound, begun, started, services };
  }
}

/** Calls by caller, reason and called service, since the report before. */
export class Tally {
  readonly #sums = new Map<string, { readonly service: string; readonly reason: string; readonly called: string; calls: number }>();

  add(service: string, reason = "", called = ""): void {
    const key = `${service} ${reason} ${called}`;
    const sum = this.#sums.get(key);
    if (sum === undefined) this.#sums.set(key, { service, reason, called, calls: 1 });
    else sum.calls++;
  }

  get isEmpty(): boolean {
    return this.#sums.size === 0;
  }

  read(): readonly { readonly service: string; readonly reason: string; readonly called: string; readonly calls: number }[] {
    return [...this.#sums.values()].map((sum) => ({ ...sum }));
  }

  clear(): void {
    this.#sums.clear();
  }
}
