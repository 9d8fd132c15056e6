import { type Clock, type Log, OrreryError } from "#/base/index.ts";
import type { Hub, Peer } from "./hub.ts";

/** A host whose agent was heard within this time is known, also while its link is being made anew. */
const KNOWN_MS = 15_000;

/** One that says nothing for so long, with its link open, is told as silent: each side says something at least every 5 s. */
const SILENT_MS = 6_000;
const LOOK_MS = 1_000;

/** Who is connected to this centre. A host that it has not heard yet is unknown, whatever is stored from before. */
export interface Peers {
  isAgentConnected(host: string): boolean;
  /** When the host's agent was last heard; `undefined` if never by this centre. */
  agentSeenMs(host: string): number | undefined;
  /** True if the host's agent is connected, or was heard within 15 s. */
  isHostKnown(host: string): boolean;
  gateway(name: string): ConnectedPeer | undefined;
  /** Since when a peer that is connected has said nothing (Unix ms), if that is longer than it ever should be: it hangs, or the way to it is cut. An agent by its host, a gateway by its name. It still counts as connected. */
  silentSinceMs(component: "agent" | "gateway", name: string): number | undefined;
  /** All that are silent so, as `agent here`, with since when. */
  silent(): ReadonlyMap<string, number>;
  /** Why the last link of a gateway that is not connected has ended; `undefined`: this centre has never had one. */
  lossOf(gateway: string): string | undefined;
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
  /** Calls `listener` for each who connects, is gone, falls silent or is heard again: an agent by its host, a gateway by its name. */
  listen(listener: PeersListener): void;
}

export type PeersListener = (component: "agent" | "gateway", name: string) => void;

export interface ConnectedPeer {
  readonly host: string;
  readonly incarnation: number;
  /** When a start last found the one before ended with calls open, by this centre's clock; absent: never. */
  readonly formerUncleanMs?: number;
}

/** Follows `hub` as long as the process runs. Call it before the API listens. `clock`: one that is never set. */
export function watchPeers(hub: Hub, clock: Clock, log: Log): Peers {
  /** Since when; by `component/name`. */
  const silent = new Map<string, number>();
  const losses = new Map<string, string>();
  // Silent at one look alone may be this process, which has not read for a while.
  let before = new Set<string>();
  const look = (): void => {
    clock.after(LOOK_MS, look, { background: true });
    const now = new Set<string>();
    for (const peer of [...hub.peers("agent"), ...hub.peers("gateway")]) {
      const key = keyOf(peer);
      const ms = peer.link.silentMs();
      if (ms >= SILENT_MS) now.add(key);
      if (now.has(key) && before.has(key) && !silent.has(key)) {
        silent.set(key, clock.now() - ms);
        tell(peer);
      } else if (!now.has(key) && silent.delete(key)) tell(peer);
    }
    before = now;
  };
  clock.after(LOOK_MS, look, { background: true });
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
    silent.delete(keyOf(peer));
    if (peer.hello.component === "gateway" && losses.size < LOSSES_MAX) losses.set(peer.hello.name, reason);
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
    silentSinceMs: (component, name) => silent.get(`${component}/${name}`),
    silent: () => new Map([...silent].map(([key, sinceMs]) => [key.replace("/", " "), sinceMs])),
    lossOf: (gateway) => losses.get(gateway),
    listen: (listener) => void listeners.push(listener),
  };
}

const LOSSES_MAX = 10_000;

function keyOf({ hello }: Peer): string {
  return `${hello.component}/${hello.component === "agent" ? hello.host : hello.name}`;
}
