import { type Clock, type Log, OrreryError } from "#/base/index.ts";
import type { Hub, Peer } from "./hub.ts";

/** A host whose agent was heard within this time is known, also while its link is being made anew. */
const KNOWN_MS = 15_000;

/** Who is connected to this centre. A host that it has not heard yet is unknown, whatever is stored from before. */
export interface Peers {
  isAgentConnected(host: string): boolean;
  /** When the host's agent was last heard; `undefined` if never by this centre. */
  agentSeenMs(host: string): number | undefined;
  /** True if the host's agent is connected, or was heard within 15 s. */
  isHostKnown(host: string): boolean;
  gateway(name: string): ConnectedPeer | undefined;
  /** Hosts whose agents are connected. */
  agentHosts(): readonly string[];
  /** Calls a method of the host's agent.
   *  @throws link/no-agent: it is not connected; and what the call throws */
  askAgent(host: string, method: string, params: unknown, options: { readonly timeoutMs: number }): Promise<unknown>;
  /** Those gateways that are connected now. */
  gateways(): readonly { readonly name: string; readonly host: string }[];
  /** Calls a method of a gateway.
   *  @throws link/no-gateway: it is not connected; and what the call throws */
  askGateway(name: string, method: string, params: unknown, options: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<unknown>;
  /** Tells a gateway something; false: it is not connected, or too much waits for it. */
  tellGateway(name: string, method: string, params: unknown): boolean;
  /** Items of a stream of the host's agent, with back pressure.
   *  @throws link/no-agent, and what the stream throws */
  streamAgent(host: string, method: string, params: unknown, options: { readonly signal: AbortSignal }): AsyncIterable<unknown>;
  /** Calls `listener` for each who connects or is gone: an agent by its host, a gateway by its name. */
  listen(listener: PeersListener): void;
}

export type PeersListener = (component: "agent" | "gateway", name: string) => void;

export interface ConnectedPeer {
  readonly host: string;
  readonly incarnation: number;
  /** When a start last found the one before ended with calls open, by this centre's clock; absent: never. */
  readonly formerUncleanMs?: number;
}

/** Follows `hub`. Call it before the API listens. `clock`: one that is never set. */
export function watchPeers(hub: Hub, clock: Clock, log: Log): Peers {
  const seen = new Map<string, number>();
  const uncleanMs = new WeakMap<Peer, number>();
  // Asked for every instance at each look of the leader.
  const agentHosts = new Set<string>();
  const listeners: PeersListener[] = [];
  const noteAgents = ({ hello }: Peer): void => {
    if (hello.component !== "agent") return;
    if (hub.peers("agent").some((one) => one.hello.host === hello.host)) agentHosts.add(hello.host);
    else agentHosts.delete(hello.host);
  };
  const tell = ({ hello }: Peer): void => {
    for (const listener of listeners) listener(hello.component, hello.component === "agent" ? hello.host : hello.name);
  };
  hub.onHeard(({ hello }) => {
    if (hello.component === "agent") seen.set(hello.host, clock.now());
  });
  hub.onConnect((peer) => {
    if (peer.hello.component === "agent") seen.set(peer.hello.host, clock.now());
    noteAgents(peer);
    const { component, name, host, formerUncleanAgoMs } = peer.hello;
    if (formerUncleanAgoMs !== undefined) uncleanMs.set(peer, clock.now() - formerUncleanAgoMs);
    tell(peer);
    log.info(`${component} ${name} connected`, { host });
  });
  hub.onDisconnect((peer, reason) => {
    // It was heard before this: the silence for which a link is cut counts.
    noteAgents(peer);
    tell(peer);
    log.warn(`${peer.hello.component} ${peer.hello.name} is gone: ${reason}`, { host: peer.hello.host });
  });
  /** @throws link/no-agent */
  const linkOf = (host: string): Peer["link"] => {
    const agent = hub.peers("agent").find((peer) => peer.hello.host === host);
    if (agent === undefined) throw new OrreryError("link/no-agent", `the agent of host ${host} is not connected`, { retry: "backoff" });
    return agent.link;
  };
  const isAgentConnected = (host: string): boolean => agentHosts.has(host);
  return {
    isAgentConnected,
    agentSeenMs: (host) => seen.get(host),
    isHostKnown: (host) => isAgentConnected(host) || clock.now() - (seen.get(host) ?? Number.NEGATIVE_INFINITY) < KNOWN_MS,
    gateway(name) {
      const peer = hub.peer("gateway", name);
      if (peer === undefined) return undefined;
      const { host, incarnation = 0 } = peer.hello;
      const formerUncleanMs = uncleanMs.get(peer);
      return {
        host,
        incarnation,
        ...(formerUncleanMs === undefined ? {} : { formerUncleanMs }),
      };
    },
    agentHosts: () => [...agentHosts],
    askAgent: async (host, method, params, options) => await linkOf(host).call(method, params, options),
    async *streamAgent(host, method, params, options) {
      yield* linkOf(host).stream(method, params, options);
    },
    gateways: () => hub.peers("gateway").map(({ hello: { name, host } }) => ({ name, host })),
    async askGateway(name, method, params, options) {
      const peer = hub.peer("gateway", name);
      if (peer === undefined) throw new OrreryError("link/no-gateway", `gateway ${name} is not connected`, { retry: "backoff" });
      return await peer.link.call(method, params, options);
    },
    tellGateway: (name, method, params) => hub.peer("gateway", name)?.link.notify(method, params) ?? false,
    listen: (listener) => void listeners.push(listener),
  };
}
