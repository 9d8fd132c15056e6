import { timestamp } from "#/model/index.ts";
import { pausedWait, type Replacement, replaced, sayStreamEnds } from "./changes.ts";
import type { Observed, Step, UpdateIntent } from "./observed.ts";
import { nextOf, preparingAt } from "./preparing.ts";
import { changedServices, type GenerationMap, isPending, isSameMap, type Move, type OpenGeneration, type SiteState, type Wait } from "./state.ts";

/** How many revisions of one service may live at once. */
export const REVISIONS_LIVE_MAX = 4;

/** A Resource's condition that forbids an update is looked at again after so long. */
export const INTERLOCK_AGAIN_MS = 500;

/** What `wanted` says as a map of a generation. It is asked many times while nothing changes. */
const asMap = new WeakMap<ReadonlyMap<string, string>, GenerationMap>();

/** The map that the site should have: what templates say, except what was refused, or does not come to rest. */
export function targetMap(site: SiteState, observed: Observed): GenerationMap {
  if (site.refused.length === 0 && observed.leftOut.size === 0) {
    const known = asMap.get(observed.wanted) ?? Object.freeze(Object.fromEntries(observed.wanted));
    asMap.set(observed.wanted, known);
    return known;
  }
  const served = site.stamp === undefined ? undefined : observed.mapOf(site.stamp.generation);
  const pending = site.generations.find(isPending);
  const underWay = pending === undefined ? served : observed.mapOf(pending.number);
  const target: Record<string, string> = {};
  for (const [service, revision] of observed.wanted) {
    const isRefused = site.refused.some((refusal) => refusal.service === service && refusal.revision === revision);
    const chosen = observed.leftOut.has(service) ? underWay?.[service] : isRefused ? served?.[service] : revision;
    if (chosen !== undefined) target[service] = chosen;
  }
  return target;
}

/** Issues the next generation if templates want another map than is served. */
export function issueNext(site: SiteState, observed: Observed, nowMs: number, waits: Map<number, readonly Wait[]>): Step {
  const served = site.stamp === undefined ? undefined : observed.mapOf(site.stamp.generation);
  const next = nextOf(site, targetMap(site, observed), served ?? {}, observed);
  const { isReady } = next;
  const target = inOneWay(site, next.target, served, observed);
  const nothing: Step = { site, happened: [], waits };
  if (observed.unsettled.length > 0) waits.set(0, observed.unsettled);
  if (isSameMap(target, served ?? {})) return observed.leftOut.size === 0 ? nothing : { ...nothing, wakeAtMs: nowMs + observed.policy.settleMs };
  const settledAtMs = observed.wantedChangedMs + observed.policy.settleMs;
  if (nowMs < settledAtMs && !isReady) return { ...nothing, wakeAtMs: settledAtMs };
  const crowd = crowded(site, target, observed, nowMs);
  if (crowd !== undefined) {
    waits.set(0, [crowd, ...observed.unsettled]);
    return nothing;
  }
  const number = Math.max(site.counter, observed.numberMax) + 1;
  const changes = changedServices(served, target);
  const removed = Object.keys(served ?? {}).filter((service) => target[service] === undefined);
  const intent = observed.updateFor([...changes, ...removed]) ?? triedAgain(site, target, observed);
  const how = intent ?? manifestHow(changes, served, observed);
  // The first generation replaces nothing.
  const strategy = served === undefined || how?.strategy === "consistent" ? undefined : how?.strategy;
  const isReplacedAtOnce = strategy === "rolling" || strategy === "recreate";
  if (isReplacedAtOnce && intent?.isPaused === true && !intent.isAborted) {
    // It would stop instances that serve.
    waits.set(0, [pausedWait(intent, nowMs)]);
    return nothing;
  }
  const interlock = isReplacedAtOnce ? observed.interlockOf(changes, nowMs) : undefined;
  if (interlock !== undefined) {
    waits.set(0, [interlock, ...observed.unsettled]);
    return { ...nothing, wakeAtMs: nowMs + INTERLOCK_AGAIN_MS };
  }
  const replacements = replaced({ site, map: target, observed, changes: intent?.services ?? changes });
  const moves = movesOfStrategy(strategy, number, replacements, observed);
  const streamEnds = intent?.streamEnds === undefined ? undefined : { services: replacements.map((one) => one.service), ...intent.streamEnds };
  const generation: OpenGeneration = {
    number,
    phase: "Preparing",
    since: timestamp(nowMs),
    changes: [...changes],
    // What no Update has asked for becomes one of its own, made by the controller.
    update: intent?.name ?? `g${number}`,
    ...(strategy === undefined ? {} : { strategy }),
    ...(streamEnds === undefined || streamEnds.services.length === 0 ? {} : { streamEnds }),
    // The first generation has nothing to be compared with.
    ...(how?.ramp === undefined || served === undefined || strategy !== undefined ? {} : { ramp: { ...how.ramp, steps: [...how.ramp.steps] } }),
  };
  return {
    site: {
      ...(isReplacedAtOnce ? sayStreamEnds(site, number, streamsUntilSwitch(strategy, replacements, streamEnds)) : site),
      counter: number,
      generations: [...site.generations, generation],
      moves: [...site.moves, ...moves],
      ...(served === undefined || isReplacedAtOnce ? {} : { preparing: preparingAt(site, { number, changes, map: target }, observed, nowMs) }),
    },
    issue: { number, map: target, cause: intent?.message ?? causeText(changes, removed, target) },
    happened: [{ what: "issued", generation: number, services: changes }],
    waits,
  };
}

type Way = Pick<UpdateIntent, "strategy" | "ramp">;

function wayKey(way: Way | undefined): string {
  return JSON.stringify([way?.strategy ?? "consistent", way?.ramp?.steps, way?.ramp?.key]);
}

/** How the manifests of what is replaced want it; they want the same. */
function manifestHow(changes: readonly string[], served: GenerationMap | undefined, observed: Observed): Way | undefined {
  return changes.filter((service) => served?.[service] !== undefined).map((service) => observed.howOf(service))[0];
}

/** In which order ways are taken: first what neither mixes nor lasts. */
const WAYS: readonly OpenGeneration["strategy"][] = ["consistent", "quiescence", "blueGreen", "rolling", "recreate"];

/** Of `target` what is changed in one way: a generation has one strategy. What an Update asks for goes first, then what is not done as the generation before was, so that none waits for ever. What is new, and what is taken away, comes with any. */
function inOneWay(site: SiteState, target: GenerationMap, served: GenerationMap | undefined, observed: Observed): GenerationMap {
  if (served === undefined) return target;
  const changes = changedServices(served, target).filter((service) => served[service] !== undefined);
  const intent = observed.updateFor(changes);
  // What has changed beside it, and does not say how, comes with it.
  const isNamed = (service: string): boolean =>
    intent !== undefined && (intent.services?.includes(service) !== false || observed.howOf(service) === undefined);
  const ways = Map.groupBy(changes, (service) => wayKey(isNamed(service) ? intent : observed.howOf(service)));
  if (ways.size <= 1) return target;
  const last = site.generations.at(-1);
  const rank = (key: string): number => {
    if (intent !== undefined && key === wayKey(intent)) return -1;
    const [strategy, steps] = JSON.parse(key) as [OpenGeneration["strategy"], unknown];
    const isAsBefore = (last?.strategy ?? "consistent") === strategy && (last?.ramp === undefined) === (steps === null);
    return (isAsBefore ? 2 * WAYS.length : 0) + (steps === null ? WAYS.indexOf(strategy) : WAYS.length);
  };
  const [chosen] = [...ways.keys()].sort((a, b) => rank(a) - rank(b));
  const own = new Set(ways.get(chosen ?? ""));
  return Object.fromEntries(
    Object.entries(target).map(([service, revision]) => [
      service,
      changes.includes(service) && !own.has(service) ? (served[service] ?? revision) : revision,
    ]),
  );
}

/** The Update whose generation was gone back from and whose revisions are wanted all the same: its record may not say yet that it goes on. */
function triedAgain(site: SiteState, target: GenerationMap, observed: Observed): UpdateIntent | undefined {
  const last = site.generations.at(-1);
  if (last?.returned === undefined || last.update === undefined) return undefined;
  const intent = observed.updateNamed(last.update);
  const map = observed.mapOf(last.number) ?? {};
  // Of one that nobody asked for, each generation has its own.
  if (intent === undefined || !intent.isWhole || intent.isAborted || intent.isEnded === true) return undefined;
  return intent.services?.every((service) => target[service] === map[service]) === true ? intent : undefined;
}

/** Where a strategy keeps no versions, for the services that its Update names. Two revisions never share what only one may use: an exclusive service whose template has changed meanwhile is handed over. */
function movesOfStrategy(
  strategy: OpenGeneration["strategy"],
  before: number,
  all: readonly Replacement[],
  observed: Pick<Observed, "handoverOf">,
): readonly Move[] {
  if (strategy === "recreate") return all.map((one) => ({ ...one, before }));
  if (strategy !== "rolling" && strategy !== "blueGreen") return [];
  return all
    .filter(({ service, to }) => observed.handoverOf(service, to) === undefined)
    .map((one) => ({ ...one, before, ...(strategy === "rolling" ? { isPartial: true } : { isIdle: true }) }));
}

/** How streams end whose instance is stopped before the switch. What is recreated is refused to everybody else meanwhile: unless its Update says so, nobody's stream makes that last. */
function streamsUntilSwitch(
  strategy: OpenGeneration["strategy"],
  replacements: readonly Replacement[],
  said: OpenGeneration["streamEnds"],
): OpenGeneration["streamEnds"] {
  if (said !== undefined || strategy !== "recreate") return said;
  return { services: replacements.map((one) => one.service), afterMs: 0 };
}

function causeText(changes: readonly string[], removed: readonly string[], target: GenerationMap): string {
  const parts = [...changes.map((service) => target[service] ?? service), ...removed.map((service) => `without ${service}`)];
  return parts.length <= 5 ? parts.join(", ") : `${parts.slice(0, 4).join(", ")} and ${parts.length - 4} more`;
}

/** Why another generation cannot be opened now, if it cannot. */
export function crowded(
  site: SiteState,
  target: GenerationMap,
  observed: { readonly policy: Pick<Observed["policy"], "openMax">; readonly mapOf: Observed["mapOf"] },
  nowMs: number,
): Wait | undefined {
  const oldest = site.generations[0];
  if (oldest !== undefined && site.generations.length >= observed.policy.openMax) {
    return {
      reason: "TooManyOpenGenerations",
      object: `generation/g${oldest.number}`,
      sinceMs: nowMs,
      message: `${site.generations.length} generations are open (maxOpen ${observed.policy.openMax}); the next update waits until one is drained, first g${oldest.number}. What that one waits for: orrery describe generation g${oldest.number}`,
    };
  }
  for (const service of Object.keys(target)) {
    const held = site.generations.filter((one) => one.left?.includes(service) !== true);
    const live = new Set(held.map((one) => observed.mapOf(one.number)?.[service]).filter((revision) => revision !== undefined));
    live.add(target[service] ?? "");
    if (live.size > REVISIONS_LIVE_MAX) {
      const first = held.find((one) => observed.mapOf(one.number)?.[service] !== undefined);
      return {
        reason: "TooManyRevisions",
        object: `microservice/${service}`,
        sinceMs: nowMs,
        message: `${live.size - 1} revisions of ${service} still serve transactions (at most ${REVISIONS_LIVE_MAX}); the next update waits until one is drained. What the oldest waits for: orrery describe generation g${first?.number}`,
      };
    }
  }
  return undefined;
}
