import { type Clock, port } from "#/base/index.ts";
import type { Hello, HostContext, HostPart, HostWorker } from "#/state/link/index.ts";
import { AccessSearch } from "./access-search.ts";
import type { Totals } from "./core/index.ts";
import { LinkFeed } from "./feed/link-feed.ts";
import { Gateway, type GatewayOptions, type LinesListener } from "./gateway.ts";

/** What a capability gives to a gateway. */
export type GatewayPart = HostPart<GatewayContext, GatewayWorker>;

/** What a gateway is started with. */
export interface GatewayContext extends HostContext, Omit<GatewayOptions, "feed"> {
  readonly clock: Clock;
}

export interface GatewayWorker extends HostWorker {
  /** What it tells the centre of itself with each hello. */
  hello?(): Pick<Hello, "incarnation" | "formerUncleanAgoMs">;
  /** Takes nothing new from outside; what runs goes on. */
  drain?(): Promise<void>;
  /** Lets nothing be waited for any more. */
  hurry?(): void;
  /** Takes nothing new, lets what runs end within its bound. */
  stop?(): Promise<void>;
  /** What another process of the site may know of it: `isDrained`, `isHurried`, `edge`. */
  facts?(): Readonly<Record<string, unknown>>;
}

/** What the gateway has counted of calls since it began. */
export const CALL_TOTALS = port<() => Totals>("call-totals");

/** Where what records calls takes the lines of the access log. */
export const CALL_LINES = port<(listener: LinesListener) => void>("call-lines");

/** The data plane: requests from outside and calls between services, by the table that the centre gives. */
export const dataPlanePart: GatewayPart = {
  name: "data-plane",
  async start(context) {
    const { clock, log } = context;
    const feed = new LinkFeed({ log, clock });
    const gateway = new Gateway({ ...context, feed: () => feed });
    // What no exchange, connection or time limit has caught ends nothing either.
    gateway.guard.watchProcess();
    await gateway.start();
    context.give(CALL_TOTALS, () => gateway.core.totals());
    context.give(CALL_LINES, (listener) => gateway.listenToLines(listener));
    const accessLog = new AccessSearch(context.accessLogFile);
    return {
      handlers: { calls: { "access/find": async (params) => await accessLog.find((params as { readonly trace?: unknown } | undefined)?.trace) } },
      hello() {
        const { incarnation, formerUncleanAgoMs } = gateway;
        return { incarnation, ...(formerUncleanAgoMs === undefined ? {} : { formerUncleanAgoMs }) };
      },
      connected: (link) => feed.connected(link),
      disconnected: () => feed.disconnected(),
      drain: () => gateway.drain(),
      hurry: () => gateway.hurry(),
      stop: () => gateway.stop(),
      facts: () => ({ isDrained: gateway.isDrained, isHurried: gateway.isHurried, edge: gateway.edgeUrl, incarnation: gateway.incarnation }),
    };
  },
};
