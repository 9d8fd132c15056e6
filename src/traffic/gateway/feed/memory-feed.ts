import type { GatewayReport, KnownTable, PublishedLoad, TableFeed, TablePosition, TableUpdate } from "#/traffic/routing/index.ts";

type Listener = Parameters<TableFeed["subscribe"]>[1];

/** A feed that is driven by hand: for tests, benchmarks and the simulation. */
export class MemoryFeed implements TableFeed {
  readonly acknowledged: TablePosition[] = [];
  readonly reports: GatewayReport[] = [];
  /** False: nothing reaches the centre. */
  isConnected = true;
  /** What a gateway is sent when it subscribes. */
  onSubscribe: (position: TablePosition | undefined) => TableUpdate | undefined = () => undefined;
  readonly #listeners = new Set<Listener>();
  #waiting: (() => void)[] = [];

  subscribe(known: () => KnownTable | undefined, listener: Listener): () => void {
    this.#listeners.add(listener);
    const first = this.onSubscribe(known()?.position);
    if (first !== undefined) listener.update(first);
    return () => this.#listeners.delete(listener);
  }

  acknowledge(position: TablePosition): void {
    if (this.isConnected) this.acknowledged.push(position);
    this.#wake();
  }

  report(report: GatewayReport): boolean {
    if (this.isConnected) this.reports.push(report);
    this.#wake();
    return this.isConnected;
  }

  /** Sends to all subscribers. */
  update(update: TableUpdate): void {
    for (const listener of this.#listeners) listener.update(update);
  }

  load(load: PublishedLoad): void {
    for (const listener of this.#listeners) listener.load(load);
  }

  round(number: number): void {
    for (const listener of this.#listeners) listener.round(number);
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Resolves when `isSo` holds; looked at after each acknowledgement and report. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
