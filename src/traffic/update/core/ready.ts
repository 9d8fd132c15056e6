import { timestamp, withoutRetry } from "#/model/index.ts";
import { NOT_LOOKED, type Readiness, type Situation, type Step } from "./observed.ts";
import type { OpenGeneration, SiteState, Wait } from "./state.ts";

/** A changed service of the pending generation with fewer instances on which one may count than it shall have. */
export interface Unready extends Readiness {
  readonly service: string;
  readonly revision: string;
}

/** The changed services that are not ready. The first generation of a site protects nothing that is served: one service that cannot start must not keep all others from being reached. */
export function unreadyServices({ site, pending, map, observed }: Situation): readonly Unready[] {
  if (site.stamp === undefined) return [];
  return (pending.changes ?? [])
    .map((service) => ({ service, revision: map[service] ?? "", ...observed.readinessOf(map[service] ?? "", pending.number) }))
    .filter((one) => one.ready < one.wanted);
}

/** How long they may take: to become ready, and to stay so. Where they start one after the other, each has its time. */
export function timeToBeReadyMs({ pending, observed }: Situation, unready: readonly Unready[]): number {
  const turns = pending.strategy === "rolling" ? Math.max(...unready.map((one) => one.wanted)) : 1;
  return (observed.policy.readyWithinMs + Math.max(...unready.map((one) => one.minReadyMs ?? 0))) * turns;
}

export function unreadyWaits(unready: readonly Unready[], sinceMs: number, deadlineMs: number): readonly Wait[] {
  return unready.map((one) => ({
    reason: "InstancesNotReady",
    object: `revision/${one.revision}`,
    sinceMs,
    message: `${one.ready} of ${one.wanted} instances of ${one.revision} are ready${one.reason === undefined ? "" : `: ${one.reason}`}; ${one.hint ?? `what is known of it: orrery describe microservice ${one.service}`}; given up at ${timestamp(deadlineMs)}`,
  }));
}

/** What is refused because it was not ready in time. What was asked for as one is served as one, or not at all. */
export function refuseUnready({ pending, ...now }: Situation, unready: readonly Unready[], withinMs: number): SiteState["refused"] {
  return refuseLate({ ...now, changes: pending.changes ?? [] }, unready, withinMs);
}

/** As `refuseUnready`, of what may have been set aside. Its instances are taken away: that one of them is to be started again is not quoted. */
export function refuseLate(
  { site, map, changes, intent, nowMs }: Pick<Situation, "site" | "map" | "intent" | "nowMs"> & { readonly changes: readonly string[] },
  unready: readonly Unready[],
  withinMs: number,
): SiteState["refused"] {
  const at = timestamp(nowMs);
  const refusals = unready.map((one) => ({
    service: one.service,
    revision: one.revision,
    reason: `not ready within ${withinMs / 1000} s: ${one.reason === undefined ? `${one.ready} of ${one.wanted} instances ready` : withoutRetry(one.reason)}`,
    at,
  }));
  const told = refusals.map((one) => `${one.revision} ${one.reason}`).join("; ");
  const companions = intent?.isWhole === true ? changes.filter((service) => intent.services?.includes(service) === true) : [];
  for (const service of companions)
    if (map[service] !== undefined && !refusals.some((one) => one.service === service))
      refusals.push({ service, revision: map[service], reason: `asked for together with what was not ready: ${told}`, at });
  return [...site.refused.filter((old) => !refusals.some((one) => one.service === old.service)), ...refusals];
}

/** What was refused of `unready`, told. */
export function tellUnready(refused: SiteState["refused"], unready: readonly Unready[]): string {
  return refused
    .filter((one) => unready.some(({ revision }) => revision === one.revision))
    .map((one) => `${one.revision} ${one.reason}`)
    .join("; ");
}

/** Looks once more at what was ready when its preparation ended, before (more) new transactions get it: what has ended since then is waited for again. `giveUp`: how to go back when that lasts. `undefined`: it is ready. */
export function awaitReadyAgain(now: Situation, giveUp: (reason: string, refused: SiteState["refused"]) => Step): Step | undefined {
  const { site, pending, nowMs, waits } = now;
  const unready = unreadyServices(now);
  if (unready.length === 0)
    return pending.unreadySince === undefined ? undefined : { site: withUnready(site, pending), happened: [], waits: NOT_LOOKED };
  if (pending.unreadySince === undefined) return { site: withUnready(site, pending, timestamp(nowMs)), happened: [], waits: NOT_LOOKED };
  const sinceMs = Date.parse(pending.unreadySince);
  const withinMs = timeToBeReadyMs(now, unready);
  if (nowMs >= sinceMs + withinMs) {
    const refused = refuseUnready(now, unready, withinMs);
    return giveUp(tellUnready(refused, unready), refused);
  }
  waits.set(pending.number, unreadyWaits(unready, sinceMs, sinceMs + withinMs));
  return { site, happened: [], waits, wakeAtMs: sinceMs + withinMs };
}

function withUnready(site: SiteState, { number }: OpenGeneration, unreadySince?: string): SiteState {
  return {
    ...site,
    generations: site.generations.map((one) => {
      if (one.number !== number) return one;
      const { unreadySince: _former, ...rest } = one;
      return unreadySince === undefined ? rest : { ...rest, unreadySince };
    }),
  };
}
