import { formatDuration, timestamp } from "#/model/index.ts";
import type { GateVerdict } from "./gate.ts";
import { changedServices, type GenerationMap, isSameMap, type OpenGeneration, type SiteState, type Wait } from "./state.ts";

/** A connected gateway that has not acknowledged after so long is fenced. */
const ACKNOWLEDGE_WITHIN_MS = 2000;

/** How many revisions of one service may live at once. */
export const REVISIONS_LIVE_MAX = 4;

export interface UpdatePolicy {
  /** Generations that may be open at once. */
  readonly openMax: number;
  /** Wishes must have been quiet so long before they are issued. */
  readonly settleMs: number;
  /** Longest wait for new instances. */
  readonly readyWithinMs: number;
}

/** A gateway as the leader sees it. */
export interface ObservedGateway {
  readonly name: string;
  readonly host: string;
  readonly isConnected: boolean;
  /** True if it has acknowledged a table of this leader in which `generation` was already distributed. */
  knows(generation: number): boolean;
}

export interface Readiness {
  readonly wanted: number;
  readonly ready: number;
  /** Why it is not ready, quoting its last words where there are any. */
  readonly reason?: string;
  /** Ready ones by host. */
  readonly readyOn?: ReadonlyMap<string, number>;
}

/** What someone asked for explicitly: an Update whose templates are written. */
export interface UpdateIntent {
  readonly name: string;
  readonly ramp?: { readonly steps: readonly { readonly share: number; readonly holdMs: number }[]; readonly key?: string };
  readonly isPaused: boolean;
  readonly isPromoted: boolean;
  readonly isAborted: boolean;
  readonly message?: string;
}

/** What the leader sees. Pure data and lookups; nothing here changes during a step. */
export interface Observed {
  readonly policy: UpdatePolicy;
  /** Service to the revision that its template says. Services that are being deleted are missing. Another wish is another map. */
  readonly wanted: ReadonlyMap<string, string>;
  /** When `wanted` last changed, or now while a revision is still being made. */
  readonly wantedChangedMs: number;
  /** Map of an issued generation; `undefined` if its object is missing. */
  mapOf(generation: number): GenerationMap | undefined;
  /** `claim`: only instances that this generation has claimed count. */
  readinessOf(revision: string, claim?: number): Readiness;
  readonly gateways: readonly ObservedGateway[];
  /** True if nothing of `generation` is or may be in flight; else what it waits for. */
  drainOf(generation: number): { readonly isEmpty: boolean; readonly waits: readonly Wait[] };
  /** The Update that asks for changes of `services` and is not yet under way, if any. */
  updateFor(services: readonly string[]): UpdateIntent | undefined;
  updateNamed(name: string): UpdateIntent | undefined;
  /** The two generations compared since the present step of the ramp began; `undefined` where no gate is asked for. */
  gateOf(fresh: number, old: number, sinceMs: number): GateVerdict | undefined;
  /** Highest number among Generation objects, named or not. */
  readonly numberMax: number;
}

export interface Step {
  /** The state to write; `site` itself when there is nothing to do. */
  readonly site: SiteState;
  /** A Generation to create before `site` is written. One that was created and never named was never issued. */
  readonly issue?: { readonly number: number; readonly map: GenerationMap; readonly cause: string };
  /** What happened, for history and Events. */
  readonly happened: readonly Happening[];
  /** Per generation, what it waits for; key 0: the next update, not yet issued. */
  readonly waits: ReadonlyMap<number, readonly Wait[]>;
  /** Look again at this time even if nothing is reported. */
  readonly wakeAtMs?: number;
}

export type Happening =
  | { readonly what: "issued" | "distributing" | "ramped" | "switched" | "closed"; readonly generation: number; readonly services: readonly string[] }
  | { readonly what: "fenced" | "unfenced"; readonly generation: number; readonly services: readonly string[]; readonly hosts: readonly string[] }
  | { readonly what: "aborted" | "returned"; readonly generation: number; readonly services: readonly string[]; readonly reason: string };

/** One step of the update protocol (docs/update.md): from the state and what is seen to the next state. Level-triggered and idempotent: call it again until it returns its argument.
 *  At most one transition of the pending generation is made in a step, so that each is one compare-and-set. */
export function step(site: SiteState, observed: Observed, nowMs: number): Step {
  const closed = closeDrained(site, observed);
  if (closed !== undefined) return closed;
  const waits = new Map<number, readonly Wait[]>();
  for (const one of site.generations) if (one.phase === "Draining") waits.set(one.number, observed.drainOf(one.number).waits);
  const pending = site.generations.find((one) => one.phase === "Preparing" || one.phase === "Distributing" || one.phase === "Ramping");
  const unfenced = liftFences(site, pending, observed);
  if (unfenced !== undefined) return unfenced;
  const forgotten = forgetRefusals(site, observed);
  if (forgotten !== undefined) return forgotten;
  return pending === undefined ? issueNext(site, observed, nowMs, waits) : advance(site, pending, observed, nowMs, waits);
}

/** Closes every generation that is shown to be empty, in any order. */
function closeDrained(site: SiteState, observed: Observed): Step | undefined {
  const empty = site.generations.filter((one) => one.phase === "Draining" && observed.drainOf(one.number).isEmpty);
  if (empty.length === 0) return undefined;
  return {
    site: { ...site, generations: site.generations.filter((one) => !empty.includes(one)) },
    happened: empty.map((one) => ({ what: "closed", generation: one.number, services: one.changes ?? [] })),
    waits: new Map(),
  };
}

/** A refusal lasts as long as the template says the refused revision: said again later, it is tried again. */
function forgetRefusals(site: SiteState, observed: Observed): Step | undefined {
  const refused = site.refused.filter((one) => observed.wanted.get(one.service) === one.revision);
  return refused.length === site.refused.length ? undefined : { site: { ...site, refused }, happened: [], waits: new Map() };
}

/** What `wanted` says as a map of a generation. It is asked many times while nothing changes. */
const asMap = new WeakMap<ReadonlyMap<string, string>, GenerationMap>();

/** The map that the site should have: what templates say, except what was refused. */
function targetMap(site: SiteState, observed: Observed): GenerationMap {
  if (site.refused.length === 0) {
    const known = asMap.get(observed.wanted) ?? Object.freeze(Object.fromEntries(observed.wanted));
    asMap.set(observed.wanted, known);
    return known;
  }
  const served = site.stamp === undefined ? undefined : observed.mapOf(site.stamp.generation);
  const target: Record<string, string> = {};
  for (const [service, revision] of observed.wanted) {
    const isRefused = site.refused.some((refusal) => refusal.service === service && refusal.revision === revision);
    const chosen = isRefused ? served?.[service] : revision;
    if (chosen !== undefined) target[service] = chosen;
  }
  return target;
}

function issueNext(site: SiteState, observed: Observed, nowMs: number, waits: Map<number, readonly Wait[]>): Step {
  const target = targetMap(site, observed);
  const served = site.stamp === undefined ? undefined : observed.mapOf(site.stamp.generation);
  const nothing: Step = { site, happened: [], waits };
  if (isSameMap(target, served ?? {})) return nothing;
  const settledAtMs = observed.wantedChangedMs + observed.policy.settleMs;
  if (nowMs < settledAtMs) return { ...nothing, wakeAtMs: settledAtMs };
  const crowd = crowded(site, target, observed, nowMs);
  if (crowd !== undefined) {
    waits.set(0, [crowd]);
    return nothing;
  }
  const number = Math.max(site.counter, observed.numberMax) + 1;
  const changes = changedServices(served, target);
  const removed = Object.keys(served ?? {}).filter((service) => target[service] === undefined);
  const intent = observed.updateFor([...changes, ...removed]);
  const generation: OpenGeneration = {
    number,
    phase: "Preparing",
    since: timestamp(nowMs),
    changes: [...changes],
    // What no Update has asked for becomes one of its own, made by the controller.
    update: intent?.name ?? `g${number}`,
    // The first generation has nothing to be compared with.
    ...(intent?.ramp === undefined || served === undefined ? {} : { ramp: { ...intent.ramp, steps: [...intent.ramp.steps] } }),
  };
  return {
    site: { ...site, counter: number, generations: [...site.generations, generation] },
    issue: { number, map: target, cause: intent?.message ?? causeText(changes, removed, target) },
    happened: [{ what: "issued", generation: number, services: changes }],
    waits,
  };
}

function causeText(changes: readonly string[], removed: readonly string[], target: GenerationMap): string {
  const parts = [...changes.map((service) => target[service] ?? service), ...removed.map((service) => `without ${service}`)];
  return parts.length <= 5 ? parts.join(", ") : `${parts.slice(0, 4).join(", ")} and ${parts.length - 4} more`;
}

/** Why another generation cannot be opened now, if it cannot. */
function crowded(site: SiteState, target: GenerationMap, observed: Observed, nowMs: number): Wait | undefined {
  const oldest = site.generations[0];
  if (oldest !== undefined && site.generations.length >= observed.policy.openMax) {
    return {
      reason: "TooManyOpenGenerations",
      object: `generation/g${oldest.number}`,
      sinceMs: nowMs,
      message: `${site.generations.length} generations are open (maxOpen ${observed.policy.openMax}); the next update waits until one is drained, first g${oldest.number}`,
    };
  }
  for (const service of Object.keys(target)) {
    const live = new Set(site.generations.map((one) => observed.mapOf(one.number)?.[service]).filter((revision) => revision !== undefined));
    live.add(target[service] ?? "");
    if (live.size > REVISIONS_LIVE_MAX) {
      return {
        reason: "TooManyRevisions",
        object: `microservice/${service}`,
        sinceMs: nowMs,
        message: `${live.size - 1} revisions of ${service} still serve transactions (at most ${REVISIONS_LIVE_MAX}); the next update waits until one is drained`,
      };
    }
  }
  return undefined;
}

/** Moves the pending generation on. */
function advance(site: SiteState, pending: OpenGeneration, observed: Observed, nowMs: number, waits: Map<number, readonly Wait[]>): Step {
  const map = observed.mapOf(pending.number) ?? {};
  const target = targetMap(site, observed);
  const intent = pending.update === undefined ? undefined : observed.updateNamed(pending.update);
  if (pending.phase === "Ramping") return climb({ site, pending, map, target, intent, observed, nowMs, waits });
  if (!isSameMap(map, target)) return abort(site, pending, "the wish has changed meanwhile", site.refused);
  if (intent?.isAborted === true) return abort(site, pending, "given up on request", refuse(site, pending, map, "given up on request", nowMs));
  if (pending.phase === "Preparing") return prepare(site, pending, map, observed, nowMs, waits);
  return distribute(site, pending, intent, observed, nowMs, waits);
}

function prepare(
  site: SiteState,
  pending: OpenGeneration,
  map: GenerationMap,
  observed: Observed,
  nowMs: number,
  waits: Map<number, readonly Wait[]>,
): Step {
  const sinceMs = Date.parse(pending.since);
  // The first generation of a site protects nothing that is served: one service that cannot start must not keep all others from being reached.
  const awaited = site.stamp === undefined ? [] : (pending.changes ?? []);
  const unready = awaited
    .map((service) => ({ service, revision: map[service] ?? "", ...observed.readinessOf(map[service] ?? "", pending.number) }))
    .filter((one) => one.ready < one.wanted);
  if (unready.length === 0) {
    return {
      site: withPhase(site, pending, "Distributing", nowMs),
      happened: [{ what: "distributing", generation: pending.number, services: pending.changes ?? [] }],
      waits,
    };
  }
  const deadlineMs = sinceMs + observed.policy.readyWithinMs;
  if (nowMs >= deadlineMs) {
    const at = timestamp(nowMs);
    const refusals = unready.map((one) => ({
      service: one.service,
      revision: one.revision,
      reason: `not ready within ${observed.policy.readyWithinMs / 1000} s: ${one.reason ?? `${one.ready} of ${one.wanted} instances ready`}`,
      at,
    }));
    const kept = site.refused.filter((old) => !refusals.some((one) => one.service === old.service));
    return abort(site, pending, refusals.map((one) => `${one.revision} ${one.reason}`).join("; "), [...kept, ...refusals]);
  }
  waits.set(
    pending.number,
    unready.map((one) => ({
      reason: "InstancesNotReady",
      object: `revision/${one.revision}`,
      sinceMs,
      message: `${one.ready} of ${one.wanted} instances of ${one.revision} are ready${one.reason === undefined ? "" : `: ${one.reason}`}; given up at ${timestamp(deadlineMs)}`,
    })),
  );
  return { site, happened: [], waits, wakeAtMs: deadlineMs };
}

function distribute(
  site: SiteState,
  pending: OpenGeneration,
  intent: UpdateIntent | undefined,
  observed: Observed,
  nowMs: number,
  waits: Map<number, readonly Wait[]>,
): Step {
  const sinceMs = Date.parse(pending.since);
  const ignorant = observed.gateways.filter((gateway) => !gateway.knows(pending.number) && !site.fenced.some((fence) => fence.host === gateway.host));
  const late = ignorant.filter((gateway) => !gateway.isConnected || nowMs >= sinceMs + ACKNOWLEDGE_WITHIN_MS);
  if (ignorant.length > 0) {
    const shortage = shortageWithout(site, pending, late, observed, nowMs);
    if (late.length > 0 && shortage === undefined) return fence(site, pending, late, waits);
    const asked = ignorant.map((gateway) => ({
      reason: "TableNotAcknowledged",
      object: `gateway/${gateway.name}`,
      sinceMs,
      message: `gateway ${gateway.name} ${gateway.isConnected ? "has not yet acknowledged" : "is not connected and cannot acknowledge"} the table with generation ${pending.number}`,
    }));
    waits.set(pending.number, shortage === undefined ? asked : [shortage, ...asked]);
    return { site, happened: [], waits, wakeAtMs: Math.max(nowMs + 100, sinceMs + ACKNOWLEDGE_WITHIN_MS) };
  }
  if (intent?.isPaused === true) return pause(site, pending, intent, waits);
  if (pending.ramp !== undefined && site.stamp !== undefined && intent?.isPromoted !== true) return takeRampStep(site, pending, 0, nowMs, waits);
  return switchOver(site, pending, observed, nowMs, waits);
}

/** Why the hosts of `late` gateways cannot be done without: a service of the new generation would have no ready instance on any other. */
function shortageWithout(
  site: SiteState,
  pending: OpenGeneration,
  late: readonly ObservedGateway[],
  observed: Observed,
  nowMs: number,
): Wait | undefined {
  const without = new Set([...site.fenced.map((one) => one.host), ...late.map((one) => one.host)]);
  for (const [service, revision] of Object.entries(observed.mapOf(pending.number) ?? {})) {
    const { wanted, readyOn } = observed.readinessOf(revision);
    const left = [...(readyOn ?? [])].reduce((sum, [host, count]) => (without.has(host) ? sum : sum + count), 0);
    if (wanted === 0 || left > 0) continue;
    const names = late.map((one) => one.name).join(", ");
    return {
      reason: "TooFewReady",
      object: `microservice/${service}`,
      sinceMs: nowMs,
      message: `without the hosts of gateway ${names}, which does not answer, no instance of ${service} is left for generation ${pending.number}: bring the gateway back, or, if it is surely dead, run: orrery gateway forget ${names}`,
    };
  }
  return undefined;
}

/** The hosts of `late` gateways serve nothing newer than what is stamped now. */
function fence(site: SiteState, pending: OpenGeneration, late: readonly ObservedGateway[], waits: Map<number, readonly Wait[]>): Step {
  const upTo = site.stamp?.generation ?? pending.number - 1;
  const hosts = [...new Set(late.map((one) => one.host))];
  return {
    site: { ...site, fenced: [...site.fenced, ...hosts.map((host) => ({ host, upTo }))] },
    happened: [{ what: "fenced", generation: pending.number, services: [], hosts }],
    waits,
  };
}

/** A host is free again when all its gateways are connected and know every generation in service. */
function liftFences(site: SiteState, pending: OpenGeneration | undefined, observed: Observed): Step | undefined {
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
    waits: new Map(),
  };
}

function switchOver(site: SiteState, pending: OpenGeneration, observed: Observed, nowMs: number, waits: Map<number, readonly Wait[]>): Step {
  const switched = timestamp(nowMs);
  return {
    site: {
      ...site,
      generations: site.generations.map((one) => {
        if (one.number === pending.number) return { ...one, phase: "Active", since: switched };
        return one.phase === "Active" ? { ...one, phase: "Draining", since: switched } : one;
      }),
      stamp: { generation: pending.number },
      // A refusal lasts as long as the template says the refused revision.
      refused: site.refused.filter((one) => observed.wanted.get(one.service) === one.revision),
    },
    happened: [{ what: "switched", generation: pending.number, services: pending.changes ?? [] }],
    waits,
  };
}

/** A ramp holds its step for its time, asks the gate, and goes on, back, or to a person. */
function climb(now: {
  site: SiteState;
  pending: OpenGeneration;
  map: GenerationMap;
  target: GenerationMap;
  intent: UpdateIntent | undefined;
  observed: Observed;
  nowMs: number;
  waits: Map<number, readonly Wait[]>;
}): Step {
  const { site, pending, map, target, intent, observed, nowMs, waits } = now;
  const old = site.stamp?.generation ?? 0;
  const stepSinceMs = Date.parse(pending.ramp?.stepSince ?? pending.since);
  if (intent?.isAborted === true)
    return goBack(site, pending, "gone back on request", refuse(site, pending, map, "gone back on request", nowMs), nowMs);
  if (!isSameMap(target, map)) {
    if (isSameMap(target, observed.mapOf(old) ?? {}))
      return goBack(site, pending, "the templates say the former revisions again", site.refused, nowMs);
    waits.set(0, [
      {
        reason: "RampRunning",
        object: `generation/g${pending.number}`,
        sinceMs: nowMs,
        message: `the next update waits until the ramp of generation ${pending.number} is over; promote or abort it to go on`,
      },
    ]);
  }
  if (intent?.isPromoted === true) return switchOver(site, pending, observed, nowMs, waits);
  const verdict = observed.gateOf(pending.number, old, stepSinceMs);
  if (verdict?.verdict === "fail")
    return goBack(site, pending, verdict.message, refuse(site, pending, map, `a gate failed: ${verdict.message}`, nowMs), nowMs);
  if (intent?.isPaused === true) return pause(site, pending, intent, waits);
  const index = pending.ramp?.step ?? 0;
  const steps = pending.ramp?.steps ?? [];
  const holdUntilMs = stepSinceMs + (steps[index]?.holdMs ?? 0);
  const share = `${((steps[index]?.share ?? 1) * 100).toPrecision(3)} % of new transactions`;
  if (nowMs < holdUntilMs) {
    waits.set(pending.number, [
      {
        reason: "Holding",
        object: `generation/g${pending.number}`,
        sinceMs: stepSinceMs,
        message: `${share} have generation ${pending.number}; the next step comes at ${timestamp(holdUntilMs)} (in ${formatDuration(holdUntilMs - nowMs)})`,
      },
    ]);
    return { site, happened: [], waits, wakeAtMs: holdUntilMs };
  }
  if (verdict?.verdict === "unknown") {
    waits.set(pending.number, [
      {
        reason: "GateUndecided",
        object: `generation/g${pending.number}`,
        sinceMs: holdUntilMs,
        message: `${share} have generation ${pending.number}; ${verdict.message}. It waits for more, or for a person: orrery update promote ${intent?.name ?? ""} or orrery update abort ${intent?.name ?? ""}`,
      },
    ]);
    return { site, happened: [], waits };
  }
  return index + 1 < steps.length ? takeRampStep(site, pending, index + 1, nowMs, waits) : switchOver(site, pending, observed, nowMs, waits);
}

function takeRampStep(site: SiteState, pending: OpenGeneration, index: number, nowMs: number, waits: Map<number, readonly Wait[]>): Step {
  const at = timestamp(nowMs);
  const ramp = pending.ramp ?? { steps: [] };
  const share = ramp.steps[index]?.share ?? 1;
  const old = site.stamp?.generation ?? pending.number;
  const generations = site.generations.map(
    (one): OpenGeneration =>
      one.number === pending.number
        ? { ...one, phase: "Ramping", since: one.phase === "Ramping" ? one.since : at, ramp: { ...ramp, step: index, stepSince: at } }
        : one,
  );
  return {
    site: {
      ...site,
      generations,
      stamp: { generation: old, ramp: { to: pending.number, share, ...(ramp.key === undefined ? {} : { key: ramp.key }) } },
    },
    happened: [{ what: "ramped", generation: pending.number, services: pending.changes ?? [] }],
    waits,
  };
}

/** Nothing new gets the pending generation; what has it finishes there. */
function goBack(site: SiteState, pending: OpenGeneration, reason: string, refused: SiteState["refused"], nowMs: number): Step {
  return {
    site: { ...withPhase(site, pending, "Draining", nowMs), stamp: { generation: site.stamp?.generation ?? 0 }, refused },
    happened: [{ what: "returned", generation: pending.number, services: pending.changes ?? [], reason }],
    waits: new Map(),
  };
}

function pause(site: SiteState, pending: OpenGeneration, intent: UpdateIntent, waits: Map<number, readonly Wait[]>): Step {
  waits.set(pending.number, [
    {
      reason: "Paused",
      object: `update/${intent.name}`,
      sinceMs: Date.parse(pending.since),
      message: `update ${intent.name} is paused; go on with: orrery update pause ${intent.name} --off, or end it with: orrery update promote|abort ${intent.name}`,
    },
  ]);
  return { site, happened: [], waits };
}

/** The changed services' revisions are not tried again while their templates say them. */
function refuse(site: SiteState, pending: OpenGeneration, map: GenerationMap, reason: string, nowMs: number): SiteState["refused"] {
  const fresh = (pending.changes ?? []).flatMap((service) =>
    map[service] === undefined ? [] : [{ service, revision: map[service], reason, at: timestamp(nowMs) }],
  );
  return [...site.refused.filter((old) => !fresh.some((one) => one.service === old.service)), ...fresh];
}

function abort(site: SiteState, pending: OpenGeneration, reason: string, refused: SiteState["refused"]): Step {
  return {
    site: { ...site, generations: site.generations.filter((one) => one.number !== pending.number), refused },
    happened: [{ what: "aborted", generation: pending.number, services: pending.changes ?? [], reason }],
    waits: new Map(),
  };
}

function withPhase(site: SiteState, generation: OpenGeneration, phase: OpenGeneration["phase"], nowMs: number): SiteState {
  return {
    ...site,
    generations: site.generations.map((one) => (one.number === generation.number ? { ...one, phase, since: timestamp(nowMs) } : one)),
  };
}
