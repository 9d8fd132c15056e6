/** The objects of a large site, changed as updates change them, before the table's builder and its distribution to gateways over links. */
import { duplexPair } from "node:stream";
import { systemClock as clock, silentLog } from "#/base/index.ts";
import {
  API_VERSION,
  type Generation,
  generationName,
  type Instance,
  type Microservice,
  microservice,
  type Revision,
  revision,
  type Site,
  site,
} from "#/model/index.ts";
import { SimulatedGateway } from "#/simulation/index.ts";
import { createLink, type Link } from "#/state/link/index.ts";
import { TableDistribution } from "#/traffic/routing/distribution/index.ts";
import type { GatewayReport, TableMessage } from "#/traffic/routing/index.ts";
import { parsePosition, TableBuilder } from "#/traffic/routing/table/index.ts";
import { DrainLedger, distributionMark, type OpenGeneration, readSiteState } from "#/traffic/update/core/index.ts";
import { nowMs } from "./load.ts";

export interface TableSite {
  readonly services: number;
  readonly instances: number;
  readonly gateways: number;
}

const AT = "2030-01-01T00:00:00.000Z";
const HOSTS = 20;

/** A site without a store: Site, Generations, Revisions and Instances as objects in memory. */
export class LargeSite {
  readonly distribution: TableDistribution;
  readonly gateways: SimulatedGateway[] = [];
  readonly ledger = new DrainLedger();
  /** Items and notices over all links. */
  messages = 0;
  readonly #size: TableSite;
  readonly #builder = new TableBuilder();
  readonly #links: Link[] = [];
  readonly #stopping = new AbortController();
  readonly #map: Record<string, string> = {};
  readonly #mapOf = new Map<number, Readonly<Record<string, string>>>();
  #open: OpenGeneration[] = [];
  #site: Site;
  #counter = 0;
  #stamp = 0;
  #version = 0;
  #wake: (() => void)[] = [];

  constructor(size: TableSite) {
    this.#size = size;
    this.#site = this.#makeSite();
    this.distribution = new TableDistribution({
      history: "bench",
      epoch: 1,
      source: this.#builder,
      clock,
      mark: () => distributionMark(readSiteState(this.#site.status), (number, services) => this.#builder.isComplete(number, services)),
      onProgress: () => this.#progress(),
      onReport: (report) => {
        this.ledger.report(report, clock.now());
        this.#progress();
      },
    });
    this.ledger.setPolicy({ lingerMs: 0 });
  }

  /** Fills the site with its first generation and connects the gateways. */
  async begin(): Promise<void> {
    for (let index = 0; index < this.#size.services; index++) {
      const name = serviceName(index);
      this.#builder.put("Microservice", makeMicroservice(name, 10_000 + index));
      this.#addRevision(name, "v0", true);
      this.#map[name] = `${name}-v0`;
    }
    await this.#issue();
    for (let index = 0; index < this.#size.gateways; index++) this.#connect(`gateway-${index}`);
    const known = this.gateways.map((_, index) => ({ name: `gateway-${index}`, host: `host-${index % HOSTS}`, isConnected: true, incarnation: 1 }));
    this.ledger.setGateways(known, clock.now());
    this.#switch();
    await this.#acknowledged();
  }

  /** Prepares a new revision of a service and a generation with it; the times from a change to the table being acknowledged by every gateway. */
  async update(index: number, version: string): Promise<number[]> {
    const name = serviceName(index);
    this.#addRevision(name, version, false);
    this.#map[name] = `${name}-${version}`;
    await this.#issue();
    this.#addRevision(name, version, true);
    this.#setPhase(this.#counter, "Distributing");
    const distributed = await this.#acknowledged();
    const former = this.#stamp;
    for (const gateway of this.gateways) {
      gateway.open.set(former, 1 + (index % 1000));
      gateway.open.set(this.#counter, 1);
    }
    this.#switch();
    return [distributed, await this.#acknowledged()];
  }

  /** The transactions of `generation` end everywhere; resolves with the time until every gateway has acknowledged a table without it, counted from the proof that it is empty. */
  async close(generation: number): Promise<number> {
    for (const gateway of this.gateways) gateway.open.delete(generation);
    const since = this.#open.find((one) => one.number === generation)?.since ?? "";
    this.ledger.begin(generation, this.distribution.unstampedAt(generation, since) ?? this.distribution.position, clock.now());
    while (!this.ledger.stateOf(generation, clock.now()).isEmpty) {
      const round = this.ledger.roundToAsk(clock.now(), 0);
      if (round !== undefined) this.distribution.askRound(round);
      await this.#changed();
    }
    this.ledger.end(generation);
    const left = new Set(this.#open.filter((one) => one.number !== generation).flatMap((one) => Object.values(this.#mapOf.get(one.number) ?? {})));
    const idle = Object.values(this.#mapOf.get(generation) ?? {}).filter((name) => !left.has(name));
    this.#mapOf.delete(generation);
    this.#open = this.#open.filter((one) => one.number !== generation);
    for (const name of idle) {
      this.#builder.remove("Revision", name);
      for (let slot = 0; slot < this.#perService; slot++) this.#builder.remove("Instance", `${name}-${slot}`);
    }
    this.#builder.remove("Generation", generationName(generation));
    this.#putSite();
    return await this.#acknowledged();
  }

  get newest(): number {
    return this.#counter;
  }

  end(): void {
    this.#stopping.abort();
    for (const link of this.#links) link.close("over");
  }

  get #perService(): number {
    return this.#size.instances / this.#size.services;
  }

  async #issue(): Promise<void> {
    const number = ++this.#counter;
    const map = Object.freeze({ ...this.#map });
    this.#mapOf.set(number, map);
    this.#builder.put("Generation", {
      metadata: this.#metadata(generationName(number)),
      spec: { number, map, history: "bench" },
    } as unknown as Generation);
    this.#open = [...this.#open, { number, phase: "Preparing", since: AT }];
    this.#putSite();
    await this.#acknowledged();
  }

  #switch(): void {
    this.#stamp = this.#counter;
    this.#open = this.#open.map((one) => ({ ...one, phase: one.number === this.#counter ? "Active" : "Draining" }));
    this.#putSite();
  }

  #setPhase(number: number, phase: OpenGeneration["phase"]): void {
    this.#open = this.#open.map((one) => (one.number === number ? { ...one, phase } : one));
    this.#putSite();
  }

  #putSite(): void {
    this.#site = this.#makeSite();
    this.#builder.put("Site", this.#site);
    this.distribution.touch();
  }

  #makeSite(): Site {
    const generations = this.#open;
    const status = {
      history: "bench",
      epoch: 1,
      counter: this.#counter,
      generations,
      refused: [],
      fenced: [],
      ...(this.#stamp === 0 ? {} : { stamp: { generation: this.#stamp } }),
    };
    return { metadata: this.#metadata("site"), spec: site.spec.parse({}), status } as unknown as Site;
  }

  #addRevision(service: string, version: string, isReady: boolean): void {
    const name = `${service}-${version}`;
    const template = { version, run: { command: ["node", "server.js"] } };
    this.#builder.put("Revision", {
      metadata: this.#metadata(name),
      spec: revision.spec.parse({ service, template, hash: "0" }),
    } as unknown as Revision);
    for (let slot = 0; slot < this.#perService; slot++) {
      const one = {
        metadata: this.#metadata(`${name}-${slot}`),
        spec: { host: `host-${slot % HOSTS}`, service, revision: name, slot },
        status: { ready: isReady, ports: { http: 20_000 + slot }, callerAddress: `127.20.${slot}.${name.length}` },
      };
      this.#builder.put("Instance", one as unknown as Instance);
    }
  }

  #metadata(name: string): Record<string, string> {
    return { name, namespace: "default", uid: name, resourceVersion: String(++this.#version), creationTimestamp: AT };
  }

  #connect(name: string): void {
    const [own, other] = duplexPair();
    const centre = createLink({
      duplex: own,
      clock,
      log: silentLog,
      handlers: {
        streams: {
          table: (params, signal) =>
            this.#counted(this.distribution.connect(name, parsePosition((params as { position: unknown }).position), signal)),
        },
        notices: {
          "table/ack": (params) => {
            this.messages++;
            const position = parsePosition(params);
            if (position !== undefined) this.distribution.acknowledge(name, position);
          },
          "gateway/report": (params) => {
            this.messages++;
            this.distribution.report(params as GatewayReport);
          },
        },
      },
    });
    const link = createLink({ duplex: other, clock, log: silentLog });
    this.#links.push(centre, link);
    const gateway = new SimulatedGateway({
      name,
      incarnation: 1,
      connect: (position, signal) => link.stream("table", { position: position ?? null }, { signal }) as AsyncIterable<TableMessage>,
      acknowledge: (position) => link.notify("table/ack", position),
      report: (report) => link.notify("gateway/report", report),
    });
    this.gateways.push(gateway);
    gateway.run(this.#stopping.signal).catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) throw error;
    });
  }

  async *#counted(messages: AsyncIterable<TableMessage>): AsyncGenerator<TableMessage> {
    for await (const message of messages) {
      this.messages++;
      yield message;
    }
  }

  /** From now, when something was touched, until all gateways have acknowledged the version that holds it; ms. */
  async #acknowledged(): Promise<number> {
    const beganMs = nowMs();
    // The batch that holds the change is the next version.
    const before = this.distribution.position.version;
    while (this.distribution.position.version === before) await this.#changed();
    const { version } = this.distribution.position;
    while (!this.gateways.every((_, index) => (this.distribution.acknowledged(`gateway-${index}`)?.version ?? -1) >= version)) await this.#changed();
    return nowMs() - beganMs;
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #progress(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}

function serviceName(index: number): string {
  return `service-${String(index).padStart(3, "0")}`;
}

function makeMicroservice(name: string, port: number): Microservice {
  const spec = microservice.spec.parse({ template: { version: "v0", run: { command: ["node", "server.js"] } } });
  return {
    apiVersion: API_VERSION,
    kind: microservice.kind,
    metadata: { name, namespace: "default", uid: name, resourceVersion: "1", creationTimestamp: AT },
    spec,
    status: { port },
  } as unknown as Microservice;
}
