import { z } from "zod";
import { type Clock, describeError, type Log, OrreryError } from "#/base/index.ts";
import type { Hub, Peer } from "#/state/link/hub/index.ts";
import type { GatewayReport, KnownTable } from "#/traffic/routing/index.ts";
import { parseKnownTable, parsePosition } from "#/traffic/routing/table/index.ts";
import type { Observation } from "#/work/controllers/index.ts";
import type { AgentObservation, AgentReport } from "#/work/probes/index.ts";
import type { Lead } from "./lead.ts";
import type { Peers } from "./lead-views.ts";

const agentReport = z.looseObject({
  host: z.string(),
  usage: z.looseObject({}),
  instances: z.array(z.looseObject({ name: z.string(), namespace: z.string() })),
});
const agentObservations = z.array(
  z.looseObject({
    resource: z.string(),
    namespace: z.string(),
    instance: z.string(),
    observed: z.record(z.string(), z.unknown()).optional(),
    error: z.string().optional(),
    atMs: z.number(),
  }),
);
const gatewayReport = z.looseObject({
  gateway: z.string(),
  incarnation: z.number(),
  round: z.number(),
  position: z.looseObject({}),
  counts: z.array(z.looseObject({ generation: z.number() })),
  windows: z.array(z.looseObject({ instance: z.string() })),
});

const busyAnswer = z.looseObject({ state: z.enum(["busy", "idle", "unknown"]), message: z.string() });
/** An agent answers within the check's own timeout. */
const BUSY_MS_MAX = 30_000;

/** Topics of the hub's board, served under /live/. */
export const TOPICS = { hosts: "hosts", instances: "instances", observations: "observations", gateways: "gateways" } as const;

export interface LinkHandlersOptions {
  readonly hub: Hub;
  /** The leader's part, once it leads. */
  readonly lead: () => Lead | undefined;
  /** A gateway has a table that the store knows nothing of: the store has been put back behind its back. */
  readonly onBehind: (gateway: string, known: KnownTable) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Puts what agents and gateways say on the board and before the leader; answers what the leader asks about them. Call it before the API listens. */
export function handleLinks(options: LinkHandlersOptions): Peers {
  const { hub, lead, clock, log } = options;
  const agentSeen = new Map<string, number>();
  const refused = (peer: Peer, what: string, error: unknown): void =>
    log.warn(`${peer.hello.component} ${peer.hello.name} sent a ${what} that cannot be read`, { error: describeError(error) });
  hub.handle("agent", {
    notices: {
      "agent/report": (params, peer) => {
        agentSeen.set(peer.hello.host, clock.now());
        const parsed = agentReport.safeParse(params);
        if (!parsed.success) return refused(peer, "report", parsed.error);
        const report = params as AgentReport;
        hub.board.put(TOPICS.hosts, peer.hello.host, report.usage, peer.hello.name);
        for (const one of report.instances) hub.board.put(TOPICS.instances, `${one.namespace}/${one.name}`, one, peer.hello.name);
      },
      "agent/observations": (params, peer) => {
        const parsed = agentObservations.safeParse(params);
        if (!parsed.success) return refused(peer, "observation", parsed.error);
        for (const one of params as readonly AgentObservation[]) {
          const key = `${one.namespace}/${one.resource}`;
          hub.board.put(TOPICS.observations, key, one, one.instance);
          lead()?.observed(key);
        }
      },
    },
  });
  hub.handle("gateway", {
    streams: {
      async *table(params, peer, signal) {
        const leader = lead();
        if (leader === undefined) return;
        const known = parseKnownTable(params);
        if (known !== undefined && (await leader.isBehind(peer.hello.name, known))) return await options.onBehind(peer.hello.name, known);
        // It may have connected anew meanwhile: that stream stays.
        if (signal.aborted) return;
        yield* leader.distribution.connect(peer.hello.name, known?.position, signal);
      },
    },
    notices: {
      "table/ack": (params, peer) => {
        const position = parsePosition(params);
        if (position !== undefined) lead()?.distribution.acknowledge(peer.hello.name, position);
      },
      "gateway/report": (params, peer) => {
        const parsed = gatewayReport.safeParse(params);
        if (!parsed.success || parsed.data.gateway !== peer.hello.name)
          return refused(peer, "report", parsed.error ?? new Error(`it speaks for ${parsed.data?.gateway}`));
        const report = params as GatewayReport;
        const { windows: _windows, ...shown } = report;
        hub.board.put(TOPICS.gateways, peer.hello.name, shown, peer.hello.name);
        lead()?.distribution.report(report);
      },
    },
  });
  // Asked for every instance at each look of the leader.
  const agentHosts = new Set<string>();
  const noteAgents = (peer: Peer): void => {
    if (peer.hello.component !== "agent") return;
    agentSeen.set(peer.hello.host, clock.now());
    if (hub.peers("agent").some((one) => one.hello.host === peer.hello.host)) agentHosts.add(peer.hello.host);
    else agentHosts.delete(peer.hello.host);
  };
  const uncleanMs = new WeakMap<Peer, number>();
  hub.onConnect((peer) => {
    noteAgents(peer);
    const { formerUncleanAgoMs } = peer.hello;
    if (formerUncleanAgoMs !== undefined) uncleanMs.set(peer, clock.now() - formerUncleanAgoMs);
    lead()?.peerChanged(peer.hello.component, nameOf(peer));
    log.info(`${peer.hello.component} ${peer.hello.name} connected`, { host: peer.hello.host });
  });
  hub.onDisconnect((peer, reason) => {
    noteAgents(peer);
    lead()?.peerChanged(peer.hello.component, nameOf(peer));
    log.warn(`${peer.hello.component} ${peer.hello.name} is gone: ${reason}`, { host: peer.hello.host });
  });
  return {
    async askBusy(host, namespace, instance) {
      const agent = hub.peers("agent").find((peer) => peer.hello.host === host);
      if (agent === undefined) throw new OrreryError("link/no-agent", `the agent of host ${host} is not connected`, { retry: "backoff" });
      return busyAnswer.parse(await agent.link.call("busy/ask", { namespace, instance }, { timeoutMs: BUSY_MS_MAX }));
    },
    isAgentConnected: (host) => agentHosts.has(host),
    agentSeenMs: (host) => agentSeen.get(host),
    gateway: (name) => {
      const peer = hub.peer("gateway", name);
      if (peer === undefined) return undefined;
      const { host, incarnation = 0, formerLongestMs } = peer.hello;
      const formerUncleanMs = uncleanMs.get(peer);
      return {
        host,
        incarnation,
        ...(formerUncleanMs === undefined ? {} : { formerUncleanMs }),
        ...(formerLongestMs === undefined ? {} : { formerLongestMs }),
      };
    },
    observationOf: (key) => {
      const entry = hub.board.get(TOPICS.observations, key);
      if (entry === undefined) return undefined;
      const { observed, error, atMs, instance } = entry.value as AgentObservation;
      const observation: Observation = {
        atMs,
        by: instance,
        ...(observed === undefined ? {} : { observed }),
        ...(error === undefined ? {} : { error }),
      };
      return observation;
    },
  };
}

function nameOf(peer: Peer): string {
  return peer.hello.component === "agent" ? peer.hello.host : peer.hello.name;
}
