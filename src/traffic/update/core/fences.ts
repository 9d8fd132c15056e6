import { describeLate } from "#/traffic/routing/distribution/index.ts";
import { NOT_LOOKED, type Observed, type ObservedGateway, type Step } from "./observed.ts";
import type { OpenGeneration, SiteState, Wait } from "./state.ts";

/** A gateway that has not acknowledged so long after it was offered the table, or is not connected for so long, is fenced. */
const ANSWER_WITHIN_MS = 2000;

/** Waits until every gateway knows `generation`, or its host serves only older ones: those that are late are fenced where that can be done without them. `undefined`: nobody is waited for. `awaited`: what they have to acknowledge, for people, and since when. */
export function awaitGateways(
  site: SiteState,
  generation: OpenGeneration,
  observed: Observed,
  nowMs: number,
  awaited: { readonly table: string; readonly sinceMs: number },
): { readonly waits: readonly Wait[]; readonly wakeAtMs: number; readonly fenced?: Omit<Step, "waits"> } | undefined {
  const isFenced = ({ host }: ObservedGateway): boolean => site.fenced.some((one) => one.host === host && one.upTo < generation.number);
  const ignorant = observed.gateways.filter((gateway) => !gateway.knows(generation.number) && !isFenced(gateway));
  if (ignorant.length === 0) return undefined;
  const lateAtMs = (gateway: ObservedGateway): number => (gateway.awaitedMs(generation.number) ?? nowMs) + ANSWER_WITHIN_MS;
  const late = ignorant.filter((gateway) => nowMs >= lateAtMs(gateway));
  const shortage = late.length === 0 ? undefined : shortageWithout(site, generation, late, observed, nowMs);
  const asked = ignorant.map(
    (gateway): Wait => ({
      reason: "TableNotAcknowledged",
      object: `gateway/${gateway.name}`,
      sinceMs: awaited.sinceMs,
      message: describeLate(gateway, awaited.table),
    }),
  );
  return {
    waits: shortage === undefined ? asked : [shortage, ...asked],
    wakeAtMs: Math.max(nowMs + 100, Math.min(...ignorant.map(lateAtMs))),
    ...(late.length > 0 && shortage === undefined ? { fenced: fence(site, generation, late) } : {}),
  };
}

/** Why the hosts of `late` gateways cannot be done without: no host would be left, or a service of the new generation would have no ready instance on any other. */
function shortageWithout(
  site: SiteState,
  pending: OpenGeneration,
  late: readonly ObservedGateway[],
  observed: Observed,
  nowMs: number,
): Wait | undefined {
  const without = new Set([...site.fenced.map((one) => one.host), ...late.map((one) => one.host)]);
  const names = late.map((one) => one.name).join(", ");
  const isDisk = late.every((one) => one.isConnected && one.tableFailure !== undefined);
  const advice = isDisk ? "mend its disk; is it full?" : `bring the gateway back, or, if it is surely dead, run: orrery gateway forget ${names}`;
  if (observed.gateways.every((one) => without.has(one.host)))
    return {
      reason: "TooFewReady",
      object: `generation/g${pending.number}`,
      sinceMs: nowMs,
      message: `without the hosts of gateway ${names}, which ${isDisk ? "cannot keep the table on its disk" : "does not answer"}, no host is left for generation ${pending.number}: ${advice}`,
    };
  for (const [service, revision] of Object.entries(observed.mapOf(pending.number) ?? {})) {
    const { wanted, readyOn, toldCallable } = observed.readinessOf(revision);
    const hosts = [...(readyOn ?? [])];
    // What may be called nowhere does not get worse by a fence. What was ready on a host that has not been heard yet is not known.
    if (wanted === 0 || toldCallable === 0 || hosts.some(([host]) => !without.has(host))) continue;
    return {
      reason: "TooFewReady",
      object: `microservice/${service}`,
      sinceMs: nowMs,
      message: `without the hosts of gateway ${names}, which ${isDisk ? "cannot keep the table on its disk" : "does not answer"}, no instance of ${service} is left for generation ${pending.number}: ${advice}`,
    };
  }
  return undefined;
}

/** The hosts of `late` gateways serve nothing of the pending generation and of later ones; what has gone back before still ends there. */
function fence(site: SiteState, pending: OpenGeneration, late: readonly ObservedGateway[]): Omit<Step, "waits"> {
  const upTo = pending.number - 1;
  const hosts = [...new Set(late.map((one) => one.host))];
  return {
    site: { ...site, fenced: [...site.fenced.filter((one) => !hosts.includes(one.host)), ...hosts.map((host) => ({ host, upTo }))] },
    happened: [{ what: "fenced", generation: pending.number, services: [], hosts }],
  };
}

/** A host is free again when all its gateways are connected and know every generation in service. */
export function liftFences(site: SiteState, pending: OpenGeneration | undefined, observed: Observed): Step | undefined {
  const needed = [site.stamp?.generation, pending?.phase === "Preparing" ? undefined : pending?.number].filter((number) => number !== undefined);
  const lifted = site.fenced.filter((one) =>
    observed.gateways
      .filter((gateway) => gateway.host === one.host)
      .every((gateway) => gateway.isConnected && needed.every((number) => gateway.knows(number))),
  );
  if (lifted.length === 0) return undefined;
  return {
    site: { ...site, fenced: site.fenced.filter((one) => !lifted.includes(one)) },
    happened: [{ what: "unfenced", generation: site.stamp?.generation ?? 0, services: [], hosts: lifted.map((one) => one.host) }],
    waits: NOT_LOOKED,
  };
}
