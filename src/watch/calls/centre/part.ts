import { z } from "zod";
import { callKeeping, durationMs, microservice, type Site, serviceDomain, site } from "#/model/index.ts";
import { type CentrePart, declareController, partKind } from "#/state/reconcile/index.ts";
import { CALLS_MAX, TRACE_CALLS_MAX } from "../core/query.ts";
import { type CallSettings, DEFAULT_SETTINGS } from "../core/settings.ts";
import { buildTree, chooseCalls } from "../core/tree.ts";
import { gatherCalls } from "./gathering.ts";
import { hideCaller, hideCalls } from "./hiding.ts";
import { readQuestion, readTrace } from "./question.ts";
import { reachOf } from "./reach.ts";

const notable = z.object({ traces: z.array(z.string().max(64)).max(1_000) });

const callGatherer = declareController({
  name: "call-gatherer",
  reads: { sites: site, services: microservice, domains: serviceDomain },
  writes: [],
  start({ caches, peers, clock }) {
    const sight = {
      services: { [Symbol.iterator]: () => caches.services.values()[Symbol.iterator]() },
      domain: (name: string) => caches.domains.get(name),
    };
    let settings = settingsOf(undefined);
    const tell = (gateway: string): void => void peers.tellGateway(gateway, "calls/settings", settings);
    caches.sites.listen((_, after) => {
      const next = settingsOf(after?.spec.calls);
      if (JSON.stringify(next) === JSON.stringify(settings)) return;
      settings = next;
      for (const { name } of peers.gateways()) tell(name);
    });
    peers.listen((component, name) => {
      if (component === "gateway") tell(name);
    });
    return {
      gateways: {
        notices: {
          "calls/notable": (params, { hello }) => {
            const parsed = notable.safeParse(params);
            if (!parsed.success) return;
            for (const { name } of peers.gateways()) if (name !== hello.name) peers.tellGateway(name, "calls/want", { traces: parsed.data.traces });
          },
        },
      },
      paths: [
        {
          path: "/calls",
          method: "GET",
          isByObject: true,
          serve: async ({ query: given, signal, caller }) => {
            const { query, domain } = readQuestion(given, clock.now());
            const reach = reachOf(sight, caller, domain);
            const services =
              reach.services === undefined ? query.services : [...reach.services].filter((one) => query.services?.includes(one) !== false);
            const { calls, isCut, missing } = await gatherCalls(peers, { ...query, ...(services !== undefined && { services }) }, signal);
            return { kind: "CallList", items: calls.map((call) => hideCaller(call, reach.seen)), isCut, missing };
          },
        },
        {
          path: "/calls/tree",
          method: "GET",
          isByObject: true,
          serve: async ({ query: given, signal, caller }) => {
            const traceId = readTrace(given);
            const reach = reachOf(sight, caller, given.get("domain") ?? undefined);
            const query = { traceId, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: TRACE_CALLS_MAX };
            const { calls, isCut, missing } = await gatherCalls(peers, query, signal);
            const shown = chooseCalls(calls, CALLS_MAX);
            return {
              kind: "CallTree",
              trace: traceId,
              items: hideCalls(buildTree(shown), reach.seen),
              isCut: isCut || shown.length < calls.length,
              missing,
            };
          },
        },
      ],
    };
  },
});

function settingsOf(given: Site["spec"]["calls"]): CallSettings {
  if (given === undefined) return DEFAULT_SETTINGS;
  const { share, slow, keep, bytes, otlp } = callKeeping.parse(given);
  return { share, slowMs: durationMs(slow), keepMs: durationMs(keep), bytesMax: bytes, ...(otlp !== undefined && { otlpUrl: otlp.url }) };
}

/** Each call as the gateway that carried it has recorded it, asked for across all gateways. */
export const callRecordsPart: CentrePart = {
  name: "call-records",
  description: "Each call as gateways have recorded it, found by what it is, and a request as the tree of its calls.",
  kinds: [partKind(serviceDomain)],
  controllers: [callGatherer],
};
