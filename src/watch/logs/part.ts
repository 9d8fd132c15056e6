import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { describeError, gauge, isOrreryError, type MetricFamily } from "#/base/index.ts";
import { host, instance, job, microservice, resource, site } from "#/model/index.ts";
import { type CentrePart, declareController } from "#/state/reconcile/index.ts";
import { LOGS_FORWARDING, LOGS_KEPT } from "./contract.ts";
import { changeLevels } from "./level-desk.ts";
import { readSearchRequest } from "./search-request.ts";
import { searchSite } from "./site-search.ts";

const HOSTS_MAX = 10_000;
const TELL_MS = 10_000;
const notice = z.object({
  bytes: z.number(),
  segments: z.number(),
  cpuMs: z.number(),
  lost: z.record(z.string().max(20), z.number()),
  forwarded: z.object({ sent: z.number(), refused: z.number(), lostBytes: z.number() }).optional(),
});

/** Lines of all hosts, searched from the centre. */
export const logsPart: CentrePart = {
  name: "logs",
  description: "Searches the lines of all services and of the platform on all hosts.",
  kinds: [],
  controllers: [
    declareController({
      name: "log-search",
      reads: { hosts: host, services: microservice, jobs: job, resources: resource, instances: instance, sites: site },
      writes: [],
      start({ caches, peers, clock, log }) {
        const tell = (host: string): void => {
          const forwarding = [...caches.sites.values()][0]?.spec.logs?.forward ?? null;
          // Who is away is told when it is back.
          peers.askAgent(host, LOGS_FORWARDING, forwarding, { timeoutMs: TELL_MS }).catch((error: unknown) => {
            if (!isOrreryError(error, "link/no-agent") && !isOrreryError(error, "link/closed"))
              log.warn(`logs: ${host} was not told where lines are forwarded: ${describeError(error)}`);
          });
        };
        let told: unknown;
        caches.sites.listen((_, site) => {
          const forwarding = site?.spec.logs?.forward;
          if (isDeepStrictEqual(forwarding, told)) return;
          told = forwarding;
          for (const host of peers.agentHosts()) tell(host);
        });
        peers.listen((component, host) => {
          if (component === "agent" && peers.isAgentConnected(host)) tell(host);
        });
        for (const host of peers.agentHosts()) tell(host);
        const kept = new Map<string, z.infer<typeof notice>>();
        return {
          agents: {
            notices: {
              [LOGS_KEPT]: (params, { hello }) => {
                const parsed = notice.safeParse(params);
                if (parsed.success && (kept.size < HOSTS_MAX || kept.has(hello.host))) kept.set(hello.host, parsed.data);
              },
            },
          },
          metrics: () => figures(kept),
          paths: [
            {
              path: "/logs/level",
              method: "POST",
              isByObject: true,
              serve: async ({ body, caller }) => changeLevels(body, caller, { services: caches.services, instances: caches.instances, peers }),
            },
            {
              path: "/logs/search",
              method: "GET",
              isStream: true,
              serve: async ({ query, caller, signal }) =>
                searchSite(readSearchRequest(query, clock.now()), caller, { copies: caches, peers, clock }, signal),
            },
          ],
        };
      },
    }),
  ],
};

function figures(kept: ReadonlyMap<string, z.infer<typeof notice>>): readonly MetricFamily[] {
  const perHost = (name: string, help: string, of: (one: z.infer<typeof notice>) => number): MetricFamily => ({
    ...gauge(name, help, 0),
    samples: [...kept].map(([host, one]) => ({ labels: { host }, value: of(one) })),
  });
  return [
    perHost("orrery_logs_sealed_bytes", "Bytes of sealed lines on a host", ({ bytes }) => bytes),
    perHost("orrery_logs_segments", "Sealed segments of lines on a host", ({ segments }) => segments),
    perHost("orrery_logs_forwarded_records", "Records that a host has forwarded since its agent began", ({ forwarded }) => forwarded?.sent ?? 0),
    perHost("orrery_logs_refused_records", "Records that were forwarded and refused for ever", ({ forwarded }) => forwarded?.refused ?? 0),
    perHost(
      "orrery_logs_not_forwarded_bytes",
      "Bytes that were rotated away before they could be forwarded",
      ({ forwarded }) => forwarded?.lostBytes ?? 0,
    ),
    {
      name: "orrery_logs_dropped_records",
      type: "gauge",
      help: "Records of lines that are not kept any more, by the reason, since the host's agent began",
      samples: [...kept].flatMap(([host, { lost }]) => Object.entries(lost).map(([reason, value]) => ({ labels: { host, reason }, value }))),
    },
  ];
}
