import type { Clock } from "#/base/index.ts";
import type { GatewayReport, PublishedLoad, Table, TableChange, TableMessage, TablePosition } from "../contract.ts";
import { describeLate } from "./late-gateway.ts";

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
  /** Generations that are ending and no longer stamped, and since when by the Site that the table was made of. */
  readonly unstamped: ReadonlyMap<number, string>;
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
  /** Called when a gateway has connected. It is told nothing before `admit`: whoever serves from a table must be in the register by which drains are counted, or its transactions would be overlooked.
   *  Absent: all are admitted at once. */
  readonly onConnect?: (gateway: string) => void;
  readonly onReport?: (report: GatewayReport) => void;
}

/** Changes are gathered this long into one version of the table. */
const BATCH_MS = 15;
/** Changes that are kept for gateways that come back; older ones get the whole table. */
const CHANGES_KEPT = 500;
/** Messages that may wait for a slow gateway; then it gets the whole table instead. */
const WAITING_MAX = 1000;

/** What one gateway is told. */
export interface TableStream {
  /** The next message, if there is one now. */
  take(): TableMessage | undefined;
  /** True: nothing more will come. */
  readonly isEnded: boolean;
  /** The gateway is gone. Idempotent. */
  close(): void;
}

interface ConnectionOptions {
  readonly isAdmitted: () => boolean;
  /** What brings the gateway to the newest table. */
  readonly catchUp: () => readonly TableMessage[];
  readonly table: () => Table;
  readonly onReady: () => void;
  readonly onClose: () => void;
}

/** One gateway that is connected: what waits for it, and what it has said. */
class Connection implements TableStream {
  readonly #options: ConnectionOptions;
  #waiting: TableMessage[] = [];
  /** True: a change could not be queued; the whole table follows when the rest is taken. */
  #isBehind = false;
  #hasBegun = false;
  /** Newest version among what was handed over or waits: changes up to it would come twice. */
  #version = 0;
  isEnded = false;
  acknowledged: TablePosition | undefined;
  report: GatewayReport | undefined;
  readonly sinceMs: number;

  constructor(options: ConnectionOptions, nowMs: number) {
    this.#options = options;
    this.sinceMs = nowMs;
  }

  offer(message: TableMessage): void {
    if (this.isEnded) return;
    if ("change" in message) {
      // Before the beginning, and while it is behind, the whole table or the changes that catch up hold this one.
      if (!this.#hasBegun || this.#isBehind) return;
      if (this.#waiting.length >= WAITING_MAX) {
        this.#isBehind = true;
        return;
      }
    }
    if ("round" in message || "load" in message) {
      const kind = "round" in message ? "round" : "load";
      this.#waiting = this.#waiting.filter((one) => !(kind in one));
    }
    this.#waiting.push(message);
    this.#options.onReady();
  }

  take(): TableMessage | undefined {
    if (this.isEnded) return undefined;
    if (!this.#hasBegun) {
      if (!this.#options.isAdmitted()) return undefined;
      const first = this.#options.catchUp();
      this.#hasBegun = true;
      this.#waiting = [...first, ...this.#waiting];
    }
    for (;;) {
      const message = this.#waiting.shift() ?? this.#whole();
      if (message === undefined) return undefined;
      const version = versionOf(message);
      // A whole table that was sent meanwhile holds this change already.
      if (version !== undefined && version <= this.#version && "change" in message) continue;
      if (version !== undefined) this.#version = version;
      return message;
    }
  }

  wake(): void {
    this.#options.onReady();
  }

  #whole(): TableMessage | undefined {
    if (!this.#isBehind) return undefined;
    this.#isBehind = false;
    return { table: this.#options.table() };
  }

  /** Replaced by another connection, or closed. */
  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.#waiting = [];
    this.#options.onReady();
  }

  close(): void {
    if (this.isEnded) return;
    this.end();
    this.#options.onClose();
  }
}

function versionOf(message: TableMessage): number | undefined {
  if ("table" in message) return message.table.position.version;
  return "change" in message ? message.change.position.version : undefined;
}

/** Hands the table of this leader to the gateways and remembers what each has acknowledged and counted. All of it is memory: a new leader begins with everything unknown. */
export class TableDistribution {
  readonly #options: TableDistributionOptions;
  readonly #connections = new Map<string, Connection>();
  readonly #changes: TableChange[] = [];
  readonly #distributed = new Map<number, { readonly position: TablePosition; readonly atMs: number }>();
  readonly #unstamped = new Map<number, { readonly since: string; readonly position: TablePosition }>();
  /** Instance to the first table without it. */
  readonly #withdrawn = new Map<string, TablePosition>();
  readonly #admitted = new Set<string>();
  readonly #served = new Set<string>();
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
    for (const connection of this.#connections.values()) connection.offer({ change });
  }

  #remember(): void {
    const { distributed, unstamped, fences } = this.#options.mark();
    const position = this.position;
    if (fences !== this.#fences) this.#distributed.clear();
    this.#fences = fences;
    for (const generation of distributed)
      if (!this.#distributed.has(generation)) this.#distributed.set(generation, { position, atMs: this.#options.clock.now() });
    for (const generation of this.#distributed.keys()) if (!distributed.includes(generation)) this.#distributed.delete(generation);
    for (const [generation, since] of unstamped)
      if (this.#unstamped.get(generation)?.since !== since) this.#unstamped.set(generation, { since, position });
    for (const generation of this.#unstamped.keys()) if (!unstamped.has(generation)) this.#unstamped.delete(generation);
  }

  /** What a gateway is told from `position` on, until `signal` aborts. A second connection of a name ends the first. */
  async *connect(gateway: string, position: TablePosition | undefined, signal: AbortSignal): AsyncGenerator<TableMessage, void, undefined> {
    let wake: () => void = () => {};
    const stream = this.open(gateway, position, () => wake());
    const onAbort = (): void => stream.close();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      while (!signal.aborted) {
        const message = stream.take();
        if (message !== undefined) yield message;
        else if (stream.isEnded) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      stream.close();
    }
  }

  /** As `connect`, to be read by hand: `onReady` is called whenever `take` may have something, or the stream has ended. */
  open(gateway: string, position: TablePosition | undefined, onReady: () => void): TableStream {
    this.#served.add(gateway);
    this.#connections.get(gateway)?.end();
    const connection = new Connection(
      {
        isAdmitted: () => this.#admitted.has(gateway),
        catchUp: () => this.#catchUp(position),
        table: () => this.#table(),
        onReady,
        onClose: () => {
          if (this.#connections.get(gateway) === connection) this.#connections.delete(gateway);
          this.#options.onProgress();
        },
      },
      this.#options.clock.now(),
    );
    this.#connections.set(gateway, connection);
    if (this.#load !== undefined) connection.offer({ load: this.#load });
    if (this.#round > 0) connection.offer({ round: this.#round });
    // Each time anew: a gateway that has lost its table cannot tell an old one from a new one, and this leader may lead no longer.
    if (this.#options.onConnect === undefined) this.#admitted.add(gateway);
    else {
      this.#admitted.delete(gateway);
      this.#options.onConnect(gateway);
    }
    this.#options.onProgress();
    return connection;
  }

  /** `gateway` is registered, and this leader led after that: it may have the table. */
  admit(gateway: string): void {
    if (this.#admitted.has(gateway)) return;
    this.#admitted.add(gateway);
    this.#connections.get(gateway)?.wake();
  }

  isAdmitted(gateway: string): boolean {
    return this.#admitted.has(gateway);
  }

  /** `gateway` is registered no longer. If it lives its stream ends, so that it comes again and is registered anew. */
  dismiss(gateway: string): void {
    if (this.#admitted.delete(gateway)) this.#connections.get(gateway)?.close();
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

  /** What the table is made of by now, also what no gateway has been sent yet; nothing is sent by it. */
  look(): Table {
    return { position: this.position, entries: this.#options.source.entries() };
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
    for (const connection of this.#connections.values()) connection.offer({ load });
  }

  askRound(round: number): void {
    if (round <= this.#round) return;
    this.#round = round;
    for (const connection of this.#connections.values()) connection.offer({ round });
  }

  acknowledge(gateway: string, position: TablePosition): void {
    const connection = this.#connections.get(gateway);
    if (connection === undefined || position.history !== this.#options.history || position.epoch !== this.#options.epoch) return;
    if (connection.acknowledged !== undefined && connection.acknowledged.version >= position.version) return;
    connection.acknowledged = position;
    this.#options.onProgress();
  }

  /** A report tells which table is in force and durable, so it acknowledges that, too: an acknowledgement may have been lost with the connection before. */
  report(report: GatewayReport): void {
    const connection = this.#connections.get(report.gateway);
    if (connection !== undefined) connection.report = report;
    this.acknowledge(report.gateway, report.position);
    this.#options.onReport?.(report);
  }

  /** True if `gateway` may have a table of this leader. */
  hasServed(gateway: string): boolean {
    return this.#served.has(gateway);
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
    return this.#distributed.get(generation)?.position;
  }

  /** Since when the connected `gateway` is offered a table that distributes `generation`; `undefined` while it is offered none. */
  offeredMs(gateway: string, generation: number): number | undefined {
    const connection = this.#connections.get(gateway);
    const distributed = this.#distributed.get(generation);
    return connection === undefined || distributed === undefined ? undefined : Math.max(connection.sinceMs, distributed.atMs);
  }

  /** First table that does not stamp `generation` because it is ending `since` then; `undefined` while tables are made of what the Site said before. */
  unstampedAt(generation: number, since: string): TablePosition | undefined {
    const known = this.#unstamped.get(generation);
    return known?.since === since ? known.position : undefined;
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
      if (connection === undefined)
        return `gateway ${name} is not connected and may still know it; bring it back, or, if it is surely dead, run: orrery gateway forget ${name}`;
      if (connection.acknowledged === undefined || connection.acknowledged.version < gone.version)
        return describeLate({ name, isConnected: true, tableFailure: connection.report?.tableFailure }, "a table without it");
      const report = connection.report;
      if (
        report === undefined ||
        report.position.history !== gone.history ||
        report.position.epoch !== gone.epoch ||
        report.position.version < gone.version
      )
        return `gateway ${name} has not yet counted since it forgot it`;
      const open = report.windows.filter((window) => window.instance === instance).reduce((sum, window) => sum + window.inFlight, 0);
      if (open > 0) return `gateway ${name} has ${open === 1 ? "1 call" : `${open} calls`} open there`;
    }
    return undefined;
  }

  /** `instance` is gone, or is wanted again. */
  forgetInstance(instance: string): void {
    this.#withdrawn.delete(instance);
  }
}
