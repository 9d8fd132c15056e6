import type { GatewayReport, TableMessage, TablePosition } from "#/traffic/routing/index.ts";

export interface SimulatedGatewayOptions {
  readonly name: string;
  readonly incarnation: number;
  /** What the gateway hears, from its position on. */
  readonly connect: (position: TablePosition | undefined, signal: AbortSignal) => AsyncIterable<TableMessage>;
  readonly acknowledge: (position: TablePosition) => void;
  readonly report: (report: GatewayReport) => void;
}

/** A gateway without sockets: acknowledges tables and answers counting rounds; what is in flight is set by hand. For benchmarks and tests of the centre. */
export class SimulatedGateway {
  readonly #options: SimulatedGatewayOptions;
  /** Generation to open transactions at its edge. */
  readonly open = new Map<number, number>();
  position: TablePosition | undefined;
  /** True: it hears, but does not acknowledge. */
  isDeaf = false;
  #round = 0;
  #sequence = 0;

  constructor(options: SimulatedGatewayOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    for await (const message of this.#options.connect(this.position, signal)) {
      if ("table" in message) this.#take(message.table.position);
      else if ("change" in message) this.#take(message.change.position);
      else if ("round" in message) {
        this.#round = message.round;
        this.tell();
      }
    }
  }

  #take(position: TablePosition): void {
    this.position = position;
    if (this.isDeaf) return;
    this.#options.acknowledge(position);
    this.tell();
  }

  /** Sends a report of what is open now. */
  tell(): void {
    if (this.position === undefined) return;
    const { name, incarnation } = this.#options;
    this.#options.report({
      gateway: name,
      host: name,
      roles: ["edge", "host"],
      incarnation,
      sequence: ++this.#sequence,
      position: this.position,
      round: this.#round,
      counts: [...this.open].map(([generation, edge]) => ({ generation, edge, streams: 0, outbound: 0, inbound: 0, begun: edge, started: edge })),
      windows: [],
      unlabelled: [],
      refused: [],
      held: { now: 0, total: 0, timeSumMs: 0, timeMaxMs: 0 },
      listenFailures: [],
    });
  }
}
