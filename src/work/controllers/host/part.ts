import { z } from "zod";
import { describeError } from "#/base/index.ts";
import { host } from "#/model/index.ts";
import { type CentrePart, declareController, partKind, workerOf } from "#/state/reconcile/index.ts";
import { HOST_LOAD } from "../ports.ts";
import { createHostController, HOST_READS } from "./controller.ts";

/** Of the board: what agents have measured of their hosts, and of each instance there. */
const HOSTS = "hosts";
const INSTANCES = "instances";

const agentReport = z.looseObject({
  host: z.string(),
  clockMs: z.number().optional(),
  usage: z.looseObject({ cpuPercent: z.number().optional() }),
  instances: z.array(z.looseObject({ name: z.string(), namespace: z.string() })),
});

const hostController = declareController({
  name: "host-controller",
  reads: HOST_READS,
  writes: [host],
  gives: [HOST_LOAD],
  start({ store, caches, peers, board, clock, random, log, give }) {
    const controller = createHostController({
      store,
      caches,
      agentOf: (name) => {
        const lastSeenMs = peers.agentSeenMs(name);
        const silentSinceMs = peers.silentSinceMs("agent", name);
        const silent = silentSinceMs === undefined ? {} : { silentSinceMs };
        return lastSeenMs === undefined ? undefined : { isConnected: peers.isAgentConnected(name), lastSeenMs, ...silent };
      },
      clock,
      random,
      log,
    });
    peers.listen((component, name) => {
      if (component === "agent") controller.enqueue(name);
    });
    give(HOST_LOAD, () => {
      const load: Record<string, number> = {};
      for (const [name, { value }] of board.list(HOSTS)) load[name] = ((value as { readonly cpuPercent?: number }).cpuPercent ?? 0) / 100;
      return load;
    });
    return workerOf(controller, {
      agents: {
        notices: {
          "agent/report": (params, { hello }) => {
            const parsed = agentReport.safeParse(params);
            if (!parsed.success) return log.warn(`agent ${hello.name} sent a report that cannot be read`, { error: describeError(parsed.error) });
            const { usage, instances, clockMs } = parsed.data;
            const ahead = clockMs === undefined ? {} : { clockAheadMs: Math.round(clockMs - clock.now()) };
            board.put(HOSTS, hello.host, { ...usage, ...ahead }, hello.name);
            for (const one of instances) board.put(INSTANCES, `${one.namespace}/${one.name}`, one, hello.name);
          },
        },
      },
    });
  },
});

/** The machines on which instances run, and what agents tell of them. */
export const hostsPart: CentrePart = {
  name: "hosts",
  description: "The machines on which instances run, whether their agents answer, and their load.",
  isEssential: true,
  kinds: [partKind(host)],
  controllers: [hostController],
  topics: [HOSTS, INSTANCES],
  rights: [{ who: "agents", verbs: ["create", "update", "patch"], resources: ["hosts", "hosts/status"] }],
};
