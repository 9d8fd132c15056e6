import { timestamp } from "#/model/index.ts";
import { ANSWER_WITHIN_MS, fence, shortageWithout } from "./fences.ts";
import { describeLate } from "./late-gateway.ts";
import type { Observed, ObservedGateway, Step } from "./observed.ts";
import type { OpenGeneration, SiteState, Wait } from "./state.ts";

/** After the store was put back: lets edges stamp what was stamped before as soon as every gateway has a table of the new history, or its host is fenced. One that has none cannot read the ids that are made in it, and would take a labelled call for one without a context. `undefined`: nothing is to be done. */
export function hearHistory(site: SiteState, observed: Observed, nowMs: number, waits: Map<number, readonly Wait[]>): Step | undefined {
  if (site.isUnheard !== true) return undefined;
  const { isUnheard: _, ...begun } = site;
  const heard = withNewTime(begun, nowMs);
  const served = site.generations.find((one) => one.number === site.stamp?.generation);
  if (served === undefined) return { site: heard, happened: [], waits };
  const ignorant = observed.gateways.filter(
    (one) => !one.knows(served.number) && !site.fenced.some((fenced) => fenced.host === one.host && fenced.upTo < served.number),
  );
  const isWhole = site.stamp?.hold === undefined && site.stamp?.ramp === undefined;
  if (ignorant.length === 0) return { site: heard, happened: isWhole ? [{ what: "switched", generation: served.number, services: [] }] : [], waits };
  const lateAtMs = (gateway: ObservedGateway): number => (gateway.awaitedMs(served.number) ?? nowMs) + ANSWER_WITHIN_MS;
  const late = ignorant.filter((gateway) => nowMs >= lateAtMs(gateway));
  const shortage = late.length === 0 ? undefined : shortageWithout(site, served, late, observed, nowMs);
  if (late.length > 0 && shortage === undefined) return fence(site, served, late, waits);
  const asked = ignorant.map(
    (gateway): Wait => ({
      reason: "TableNotAcknowledged",
      object: `gateway/${gateway.name}`,
      sinceMs: Date.parse(served.since),
      message: describeLate(gateway, "a table of the history that has begun when the store was put back; until then new transactions are refused"),
    }),
  );
  const told = shortage === undefined ? asked : [shortage, ...asked];
  for (const number of [0, ...site.generations.filter((one) => one.phase !== "Active").map((one) => one.number)])
    if ((waits.get(number)?.length ?? 0) === 0) waits.set(number, told);
  return { site, happened: [], waits, wakeAtMs: Math.max(nowMs + 100, Math.min(...ignorant.map(lateAtMs))) };
}

/** What was under way has its time anew: the times of the backup are long over. */
function withNewTime({ stamp, ...site }: SiteState, nowMs: number): SiteState {
  const at = timestamp(nowMs);
  return {
    ...site,
    generations: site.generations.map((one): OpenGeneration => {
      if (one.phase === "Preparing") return { ...one, since: at };
      return one.phase === "Ramping" && one.ramp !== undefined ? { ...one, ramp: { ...one.ramp, stepSince: at } } : one;
    }),
    ...(stamp === undefined
      ? {}
      : { stamp: stamp.hold === undefined || stamp.hold.to === stamp.generation ? stamp : { ...stamp, hold: { ...stamp.hold, since: at } } }),
  };
}
