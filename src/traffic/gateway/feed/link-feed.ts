import { type Clock, describeError, type Log } from "#/base/index.ts";
import type { Link } from "#/state/link/index.ts";
import type { GatewayReport, KnownTable, PublishedLoad, TableFeed, TablePosition } from "#/traffic/routing/index.ts";
import { parseTableUpdate } from "#/traffic/routing/table/index.ts";

type Listener = Parameters<TableFeed["subscribe"]>[1];

interface Subscription {
  readonly known: () => KnownTable | undefined;
  readonly listener: Listener;
  stream: AbortController | undefined;
}

/** Pause before the stream is asked for again on a link that is still open. */
const AGAIN_MS = 500;
/** An acknowledgement is repeated once, this long after a connection: the centre may learn of it only after it has begun the stream. */
const REPEAT_MS = 250;

/** The feed over the link to the centre. Whoever keeps the link tells of each new one by `connected`; between two links nothing comes, and nothing is sent. */
export class LinkFeed implements TableFeed {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #subscriptions = new Set<Subscription>();
  #link: Link | undefined;
  #acknowledged: TablePosition | undefined;

  constructor(options: { readonly log: Log; readonly clock: Clock }) {
    this.#log = options.log;
    this.#clock = options.clock;
  }

  /** A link is open and greeted. */
  connected(link: Link): void {
    this.#link = link;
    for (const one of this.#subscriptions) this.#start(one);
    // A new connection of the centre knows nothing of what was acknowledged before.
    const again = (): void => {
      if (this.#link === link && this.#acknowledged !== undefined) link.notify("table/ack", this.#acknowledged);
    };
    again();
    this.#clock.after(REPEAT_MS, again, { background: true });
  }

  /** The link is down. */
  disconnected(): void {
    this.#link = undefined;
    for (const one of this.#subscriptions) one.stream?.abort();
  }

  subscribe(known: () => KnownTable | undefined, listener: Listener): () => void {
    const subscription: Subscription = { known, listener, stream: undefined };
    this.#subscriptions.add(subscription);
    this.#start(subscription);
    return () => {
      this.#subscriptions.delete(subscription);
      subscription.stream?.abort();
    };
  }

  #start(subscription: Subscription): void {
    const link = this.#link;
    if (link === undefined) return;
    subscription.stream?.abort();
    const stream = new AbortController();
    subscription.stream = stream;
    void this.#read(link, subscription, stream.signal);
  }

  async #read(link: Link, subscription: Subscription, signal: AbortSignal): Promise<void> {
    // Rounds are numbered by each leader anew: what was heard on another connection must not be taken for an answer on this one.
    subscription.listener.round(0);
    try {
      for await (const message of link.stream("table", subscription.known() ?? { position: null }, { signal })) {
        if (signal.aborted) return;
        tell(subscription.listener, message);
      }
    } catch (error) {
      if (!signal.aborted) this.#log.warn("the table's stream has ended", { error: describeError(error) });
    }
    if (signal.aborted || this.#link !== link) return;
    this.#clock.after(
      AGAIN_MS,
      () => {
        if (!signal.aborted && this.#link === link && this.#subscriptions.has(subscription)) this.#start(subscription);
      },
      { background: true },
    );
  }

  acknowledge(position: TablePosition): void {
    this.#acknowledged = position;
    this.#link?.notify("table/ack", position);
  }

  report(report: GatewayReport): boolean {
    return this.#link?.notify("gateway/report", report) ?? false;
  }
}

function tell(listener: Listener, message: unknown): void {
  if (typeof message !== "object" || message === null) return;
  const fields: { readonly load?: unknown; readonly round?: unknown } = message;
  if (fields.load !== undefined) listener.load(fields.load as PublishedLoad);
  else if (typeof fields.round === "number") listener.round(fields.round);
  else listener.update(parseTableUpdate(message));
}
