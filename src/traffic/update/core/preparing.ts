import { timestamp } from "#/model/index.ts";
import { NOT_LOOKED, type Observed, type Situation, type Step } from "./observed.ts";
import { refuseLate, tellUnready, type Unready, unreadyWaits } from "./ready.ts";
import { differingServices, type GenerationMap, isPending, type OpenGeneration, type Preparation, type SiteState, type Wait } from "./state.ts";

/** Part of `readyWithin` (5 s of 2 min) for which the changes of others wait behind a generation that is prepared; then they go first. Long enough for most programs to start, short enough that nobody minds a service that does not. */
const PATIENCE_SHARE = 1 / 24;

/** Why a generation is given up whose revisions are prepared on: others go first. */
export const SET_ASIDE = "others go first; its new instances start on, and it comes by itself if they are ready in time and it is still wanted then";

/** When the changes of others need not wait for `pending` any longer. */
export function patienceEndMs(pending: OpenGeneration, { policy }: Pick<Observed, "policy">): number {
  return Date.parse(pending.since) + policy.readyWithinMs * PATIENCE_SHARE;
}

/** True where old and new instances run side by side until the switch, so that the new ones can wait for their turn. */
export function isBeside(strategy: OpenGeneration["strategy"]): boolean {
  return strategy !== "rolling" && strategy !== "recreate";
}

/** New revisions that are prepared although others go first; by the generation that was set aside. */
function groupsAside(site: SiteState, wish: GenerationMap): ReadonlyMap<number, readonly Preparation[]> {
  return Map.groupBy(
    (site.preparing ?? []).filter((one) => one.aside !== undefined && wish[one.service] === one.revision),
    (one) => one.aside ?? 0,
  );
}

/** How ready each of `preparations` is. */
function unreadyOf(preparations: readonly Preparation[], observed: Pick<Observed, "readinessOf">): readonly (Unready & Preparation)[] {
  return preparations.map((one) => ({ ...one, ...observed.readinessOf(one.revision, one.by) })).filter((one) => one.ready < one.wanted);
}

/** True if something that was set aside is ready: it is its turn. */
export function isAsideReady({ site, target, observed }: Situation): boolean {
  return [...groupsAside(site, target).values()].some((group) => unreadyOf(group, observed).length === 0);
}

/** What of the wish is issued next: first what others went before, as soon as all of it is ready, and that alone; else all that does not wait for its own instances; else what does. `isReady`: it need not rest first. */
export function nextOf(
  site: SiteState,
  wish: GenerationMap,
  served: GenerationMap,
  observed: Observed,
): { readonly target: GenerationMap; readonly isReady: boolean } {
  const groups = [...groupsAside(site, wish).values()];
  if (groups.length === 0) return { target: wish, isReady: false };
  const ready = groups.filter((group) => unreadyOf(group, observed).length === 0).flat();
  const kept = Object.entries(served).filter(([service]) => wish[service] !== undefined);
  if (ready.length > 0) return { target: Object.fromEntries([...kept, ...ready.map((one) => [one.service, one.revision] as const)]), isReady: true };
  const aside = new Set(groups.flat().map((one) => one.service));
  const fresh = Object.entries(wish).flatMap(([service, revision]) => {
    const chosen = aside.has(service) ? served[service] : revision;
    return chosen === undefined ? [] : [[service, chosen] as const];
  });
  const target = Object.fromEntries(fresh);
  return { target: differingServices(target, served).length === 0 ? wish : target, isReady: false };
}

/** What is prepared when `number` is issued: since when each new revision has been, also where it was prepared for a generation that was given up. */
export function preparingAt(
  site: SiteState,
  issued: { readonly number: number; readonly changes: readonly string[]; readonly map: GenerationMap },
  { policy }: Pick<Observed, "policy">,
  nowMs: number,
): readonly Preparation[] {
  const own = issued.changes.flatMap((service): Preparation[] => {
    const revision = issued.map[service];
    if (revision === undefined) return [];
    const former = site.preparing?.find((one) => one.service === service && one.revision === revision);
    // What was ready and waited for something else has its time anew.
    const isKept = former !== undefined && nowMs < Date.parse(former.since) + policy.readyWithinMs;
    return [{ service, revision, since: isKept ? former.since : timestamp(nowMs), by: issued.number }];
  });
  return [...(site.preparing ?? []).filter((one) => !issued.changes.includes(one.service)), ...own];
}

/** Since when the revision of `service` in the pending generation is prepared. */
export function preparedSinceMs({ site, pending, map }: Pick<Situation, "site" | "pending" | "map">, service: string): number {
  const own = site.preparing?.find((one) => one.service === service && one.revision === map[service] && one.by === pending.number);
  return Date.parse(own?.since ?? pending.since);
}

/** `services` of the pending generation wait for their instances beside others that go first. */
export function setAside({ site, pending }: Situation, services: readonly string[]): SiteState {
  const preparing = site.preparing?.map((one) =>
    services.includes(one.service) && one.by === pending.number ? { ...one, aside: pending.number } : one,
  );
  return preparing === undefined ? site : { ...site, preparing };
}

/** Forgets what is not prepared any more: what is served, refused, or not wanted. */
export function forgetPrepared(site: SiteState, observed: Observed): Step | undefined {
  const served = site.stamp === undefined ? undefined : observed.mapOf(site.stamp.generation);
  const pending = site.generations.find(isPending);
  const kept = (site.preparing ?? []).filter(
    ({ service, revision }) =>
      observed.wanted.get(service) === revision &&
      served?.[service] !== revision &&
      !site.refused.some((one) => one.service === service && one.revision === revision) &&
      // What replaces instances one by one, or all at once, says itself what has to run.
      (pending === undefined || isBeside(pending.strategy) || pending.changes?.includes(service) !== true),
  );
  if (kept.length === (site.preparing ?? []).length) return undefined;
  return { site: withPreparing(site, kept), happened: [], waits: NOT_LOOKED };
}

export function withPreparing({ preparing: _, ...site }: SiteState, preparing: readonly Preparation[]): SiteState {
  return preparing.length === 0 ? site : { ...site, preparing };
}

/** Refuses what was set aside and is not ready in time; else says what of it is not ready yet, and when to look again. */
export function watchAside(
  site: SiteState,
  wish: GenerationMap,
  observed: Observed,
  nowMs: number,
): { readonly refused?: Step; readonly waits: readonly Wait[]; readonly wakeAtMs?: number } {
  const waits: Wait[] = [];
  let wakeAtMs: number | undefined;
  for (const [number, group] of groupsAside(site, wish)) {
    const unready = unreadyOf(group, observed);
    for (const one of unready) {
      const sinceMs = Date.parse(one.since);
      const withinMs = observed.policy.readyWithinMs + (one.minReadyMs ?? 0);
      if (nowMs >= sinceMs + withinMs) {
        const services = group.map(({ service }) => service);
        const intent = observed.updateFor(services);
        const refused = refuseLate({ site, map: wish, changes: services, intent, nowMs }, [one], withinMs);
        const reason = tellUnready(refused, [one]);
        return {
          refused: { site: { ...site, refused }, happened: [{ what: "aborted", generation: number, services, reason }], waits: NOT_LOOKED },
          waits,
        };
      }
      wakeAtMs = Math.min(wakeAtMs ?? Number.POSITIVE_INFINITY, sinceMs + withinMs);
      waits.push(
        ...unreadyWaits([one], sinceMs, sinceMs + withinMs).map((wait) => ({ ...wait, message: `${wait.message}. Others go first meanwhile` })),
      );
    }
  }
  return { waits, ...(wakeAtMs === undefined ? {} : { wakeAtMs }) };
}

/** How the pending generation stands to what is wanted now. */
export interface Standing {
  /** Services that it changes or takes away. */
  readonly own: readonly string[];
  /** All that it changes is wanted as it has it. */
  readonly isWanted: boolean;
  /** What it changes is wanted as it is served now. */
  readonly isWishedBack: boolean;
  /** Others whose change waits behind it; what was set aside waits for its own instances. */
  readonly others: readonly string[];
}

export function standingOf({ site, map, target, observed }: Situation): Standing {
  const served = site.stamp === undefined ? {} : (observed.mapOf(site.stamp.generation) ?? {});
  const own = differingServices(served, map);
  const aside = new Set([...groupsAside(site, target).values()].flat().map((one) => one.service));
  return {
    own,
    isWanted: own.every((service) => target[service] === map[service]),
    isWishedBack: own.every((service) => target[service] === served[service]),
    others: differingServices(map, target).filter((service) => !own.includes(service) && !aside.has(service)),
  };
}

/** Why the changes of `others` are not issued yet. */
export function behindPending({ pending, observed, nowMs }: Situation, others: readonly string[]): Wait {
  const endMs = patienceEndMs(pending, observed);
  const isBounded = pending.phase === "Preparing" && isBeside(pending.strategy);
  const until = isBounded
    ? `while its instances start, until ${timestamp(endMs)} at most`
    : "which is over when new transactions have it, or it has been given up";
  return {
    reason: "OtherUpdateFirst",
    object: `generation/g${pending.number}`,
    sinceMs: observed.wantedChangedMs,
    message: `${others.slice(0, 5).join(", ")}${others.length > 5 ? " …" : ""} changed after generation ${pending.number} (${(pending.changes ?? []).slice(0, 5).join(", ")}) was begun: it goes first, ${until}. Nothing has to be done${nowMs < endMs ? "" : `; what it waits for: orrery describe generation g${pending.number}`}`,
  };
}
