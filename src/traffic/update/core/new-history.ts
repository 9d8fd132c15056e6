import { timestamp } from "#/model/index.ts";
import { awaitGateways } from "./fences.ts";
import type { Observed, Step } from "./observed.ts";
import type { OpenGeneration, SiteState, Wait } from "./state.ts";

/** After the store was put back: lets edges stamp what was stamped before as soon as every gateway has a table of the new history, or its host is fenced. One that has none cannot read the ids that are made in it, and would take a labelled call for one without a context. `undefined`: nothing is to be done. */
export function hearHistory(site: SiteState, observed: Observed, nowMs: number, waits: Map<number, readonly Wait[]>): Step | undefined {
  if (site.unheardSince === undefined) return undefined;
  const { unheardSince, ...begun } = site;
  const heard = withNewTime(begun, nowMs);
  const served = site.generations.find((one) => one.number === site.stamp?.generation);
  if (served === undefined) return { site: heard, happened: [], waits };
  const isWhole = site.stamp?.hold === undefined && site.stamp?.ramp === undefined;
  const table = "a table of the history that has begun when the store was put back; until then new transactions are refused";
  const hearing = awaitGateways(site, served, observed, nowMs, { table, sinceMs: Date.parse(unheardSince) });
  if (hearing === undefined) return { site: heard, happened: isWhole ? [{ what: "switched", generation: served.number, services: [] }] : [], waits };
  if (hearing.fenced !== undefined) return { ...hearing.fenced, waits };
  for (const number of [0, ...site.generations.filter((one) => one.phase !== "Active").map((one) => one.number)])
    if ((waits.get(number)?.length ?? 0) === 0) waits.set(number, hearing.waits);
  return { site, happened: [], waits, wakeAtMs: hearing.wakeAtMs };
}

/** What was under way has its time anew: the times of the backup are long over. */
function withNewTime({ stamp, ...site }: SiteState, nowMs: number): SiteState {
  const at = timestamp(nowMs);
  return {
    ...site,
    ...(site.preparing === undefined ? {} : { preparing: site.preparing.map((one) => ({ ...one, since: at })) }),
    generations: site.generations.map((former): OpenGeneration => {
      const one = former.unreadySince === undefined ? former : { ...former, unreadySince: at };
      if (one.phase === "Preparing") return { ...one, since: at };
      return one.phase === "Ramping" && one.ramp !== undefined ? { ...one, ramp: { ...one.ramp, stepSince: at } } : one;
    }),
    ...(stamp === undefined
      ? {}
      : { stamp: stamp.hold === undefined || stamp.hold.to === stamp.generation ? stamp : { ...stamp, hold: { ...stamp.hold, since: at } } }),
  };
}
