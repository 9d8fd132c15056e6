import { BoundedQueue, type Clock } from "#/base/index.ts";
import type { GatewayReport, PublishedLoad, Table, TableChange, TableMessage, TablePosition } from "../contract.ts";

/** What compiles the table. */
export interface TableSource {
  /** The entries that changed since the last call, `null` for those that are gone. */
  takeChanges(): TableChange["changes"];
  /** All entries as they are now. */
  entries(): Table["entries"];
}

/** What a flush put into the table, to be remembered with its position. */
export interface DistributionMark {
  /** Generations that gateways must know before they may be stamped. */
  readonly distributed: readonly number[];
  /** Open generations that the stamp plan does not name. */
  readonly unstamped: readonly number[];
  /** The fences as text: a generation counts as distributed only by tables that have the present ones. */
  readonly fences: string;
}

export interface TableDistributionOptions {
  readonly history: string;
  readonly epoch: number;
  readonly source: TableSource;
  /** Read right after each compilation. */
  readonly mark: () => DistributionMark;
  readonly clock: Clock;
  /** Called when something was acknowledged, reported, connected, lost or newly compiled. */
  readonly onProgress: () => void;
  readonly onReport?: (report: GatewayReport) => void;
}

/** Changes are gathered this long into one version of the table. */
const BATCH_MS = 15;
/** Changes that are kept for gateways that come back; older ones get the whole table. */
const CHANGES_KEPT = 500;
/** Messages that may wait for a slow gateway; then it gets the whole table instead. */
const WAITING_MAX = 1000;

interface Connection {
  readonly queue: BoundedQueue<TableMessage>;
  acknowledged: TablePosition | undefined;
  report: GatewayReport | undefined;
  /** True: it could not take a change and must begin anew with a whole table. */
  isBehind: boolean;
}

/** Hands the table of this leader to the gateways and remembers what each has acknowledged and counted. All of it is memory: a new leader begins with everything unknown. */
export class TableDistribution {
  readonly #options: TableDistributionOptions;
  readonly #connections = new Map<string, Connection>();
  readonly #changes: TableChange[] = [];
  readonly #distributed = new Map<number, TablePosition>();
  readonly #unstamped = new Map<number, TablePosition>();
  /** Instance to the first table without it. */
  readonly #withdrawn = new Map<string, TablePosition>();
  #version = 0;
  #fences = "";
  #round = 0;
  #cancelBatch: (() => void) | undefined;
  #load: PublishedLoad | undefined;

  constructor(options: TableDistributionOptions) {
    this.#options = options;
  }

  /** Where the newest table stands. */
  get position(): TablePosition {
    const { history, epoch } = this.#options;
    return { history, epoch, version: this.#version };
  }

  /** Something that the table is made from has changed: a new version follows within `BATCH_MS`. */
  touch(): void {
    this.#cancelBatch ??= this.#options.clock.after(BATCH_MS, () => this.flush());
  }

  /** Compiles now and sends what changed. */
  flush(): void {
    this.#cancelBatch?.();
    this.#cancelBatch = undefined;
    const changes = this.#options.source.takeChanges();
    if (changes.length > 0) this.#publish(changes);
    this.#remember();
    this.#options.onProgress();
  }

  #publish(changes: TableChange["changes"]): void {
    const base = this.position;
    this.#version++;
    const change: TableChange = { base, position: this.position, changes };
    this.#changes.push(change);
    if (this.#changes.length > CHANGES_KEPT) this.#changes.shift();
    for (const connection of this.#connections.values()) {
      if (connection.isBehind) continue;
      if (!connection.queue.offer({ change })) connection.isBehind = true;
    }
  }

  #remember(): void {
    const { distributed, unstamped, fences } = this.#options.mark();
    const position = this.position;
    if (fences !== this.#fences) this.#distributed.clear();
    this.#fences = fences;
    for (const generation of distributed) if (!this.#distributed.has(generation)) this.#distributed.set(generation, position);
    for (const generation of this.#distributed.keys()) if (!distributed.includes(generation)) this.#distributed.delete(generation);
    for (const generation of unstamped) if (!this.#unstamped.has(generation)) this.#unstamped.set(generation, position);
    for (const generation of this.#unstamped.keys()) if (!unstamped.includes(generation)) this.#unstamped.delete(generation);
  }

  /** What a gateway is told from `position` on, until `signal` aborts. A second connection of a name ends the first. */
  async *connect(gateway: string, position: TablePosition | undefined, signal: AbortSignal): AsyncGenerator<TableMessage, void, undefined> {
    this.#connections.get(gateway)?.queue.end();
    const connection: Connection = { queue: new BoundedQueue(WAITING_MAX), acknowledged: undefined, report: undefined, isBehind: false };
    this.#connections.set(gateway, connection);
    const onAbort = (): void => connection.queue.end();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#options.onProgress();
    try {
      const missed = this.#catchUp(position);
      let sentVersion = this.#version;
      for (const message of missed) yield message;
      if (this.#load !== undefined) yield { load: this.#load };
      if (this.#round > 0) yield { round: this.#round };
      for (;;) {
        const message = await connection.queue.take();
        if (message === undefined) {
          if (connection.queue.isEnded) return;
          continue;
        }
        // A whole table that was sent meanwhile holds this change already.
        if (!("change" in message) || message.change.position.version > sentVersion) yield message;
        if (connection.isBehind && connection.queue.size === 0) {
          connection.isBehind = false;
          const table = this.#table();
          sentVersion = table.position.version;
          yield { table };
        }
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      connection.queue.end();
      if (this.#connections.get(gateway) === connection) this.#connections.delete(gateway);
      this.#options.onProgress();
    }
  }

  /** Changes since `position` if all are kept, else the whole table. */
  #catchUp(position: TablePosition | undefined): TableMessage[] {
    const { history, epoch } = this.#options;
    if (position !== undefined && position.history === history && position.epoch === epoch && position.version <= this.#version) {
      const missed = this.#changes.filter((change) => change.base.version >= position.version);
      if (missed.length === this.#version - position.version) return missed.map((change) => ({ change }));
    }
    return [{ table: this.#table() }];
  }

  #table(): Table {
    // What is changed but not yet published belongs to the next version: publish it first, so that the version says what is in it.
    const changes = this.#options.source.takeChanges();
    if (changes.length > 0) this.#publish(changes);
    return { position: this.position, entries: this.#options.source.entries() };
  }

  /** Sends `load` to every gateway; a newer one replaces an older one. */
  publishLoad(load: PublishedLoad): void {
    this.#load = load;
    for (const { queue } of this.#connections.values()) queue.offer({ load });
  }

  askRound(round: number): void {
    if (round <= this.#round) return;
    this.#round = round;
    for (const { queue } of this.#connections.values()) queue.offer({ round });
  }

  acknowledge(gateway: string, position: TablePosition): void {
    const connection = this.#connections.get(gateway);
    if (connection === undefined || position.history !== this.#options.history || position.epoch !== this.#options.epoch) return;
    if (connection.acknowledged !== undefined && connection.acknowledged.version >= position.version) return;
    connection.acknowledged = position;
    this.#options.onProgress();
  }

  report(report: GatewayReport): void {
    const connection = this.#connections.get(report.gateway);
    if (connection !== undefined) connection.report = report;
    this.#options.onReport?.(report);
  }

  isConnected(gateway: string): boolean {
    return this.#connections.has(gateway);
  }

  reportOf(gateway: string): GatewayReport | undefined {
    return this.#connections.get(gateway)?.report;
  }

  acknowledged(gateway: string): TablePosition | undefined {
    return this.#connections.get(gateway)?.acknowledged;
  }

  distributedAt(generation: number): TablePosition | undefined {
    return this.#distributed.get(generation);
  }

  unstampedAt(generation: number): TablePosition | undefined {
    return this.#unstamped.get(generation);
  }

  /** Why one of `gateways` may still send calls to `instance` or have some open there; `undefined` if none can. Ask again until then; afterwards `forgetInstance`. */
  holders(instance: string, gateways: readonly string[]): string | undefined {
    // The instance has left the caches that the table is made from before anybody asks: the next version is without it.
    let gone = this.#withdrawn.get(instance);
    if (gone === undefined) {
      this.flush();
      gone = this.position;
      this.#withdrawn.set(instance, gone);
    }
    for (const name of gateways) {
      const connection = this.#connections.get(name);
      if (connection === undefined) return `gateway ${name} is not connected and may still know it`;
      if (connection.acknowledged === undefined || connection.acknowledged.version < gone.version)
        return `gateway ${name} has not yet acknowledged a table without it`;
      const report = connection.report;
      if (report === undefined || report.position.epoch !== gone.epoch || report.position.version < gone.version)
        return `gateway ${name} has not yet counted since it forgot it`;
      const open = report.windows.filter((window) => window.instance === instance).reduce((sum, window) => sum + window.inFlight, 0);
      if (open > 0) return `gateway ${name} has ${open} calls open there`;
    }
    return undefined;
  }

  /** `instance` is gone, or is wanted again. */
  forgetInstance(instance: string): void {
    this.#withdrawn.delete(instance);
  }
}
