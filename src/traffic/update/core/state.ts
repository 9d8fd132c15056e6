import type { Site, StampPlan } from "#/model/index.ts";
import type { WaitReason } from "./wait-reasons.ts";

/** Everything decided about traffic, as it stands in `Site.status`. */
export interface SiteState {
  readonly history: string;
  readonly epoch: number;
  /** Number of the newest generation ever issued in this history. */
  readonly counter: number;
  /** Open generations, oldest first. */
  readonly generations: readonly OpenGeneration[];
  /** Absent before the first switch. */
  readonly stamp?: StampPlan;
  /** Revisions that were given up; not tried again while the template still says them. */
  readonly refused: readonly Refusal[];
  /** Hosts whose gateway does not answer: their instances serve no generation newer than `upTo`. */
  readonly fenced: readonly Fence[];
  /** Where a strategy keeps no versions, oldest first. */
  readonly moves: readonly Move[];
  /** Of each exclusive service, the revision that may use its thing. */
  readonly exclusive: readonly ExclusiveUse[];
  /** New revisions whose instances are started before new transactions get them; also of those for whose sake nothing is under way. */
  readonly preparing?: readonly Preparation[];
  /** How Updates want streams of older generations to be ended; absent: all as their revisions say. */
  readonly streamEnds?: readonly StreamEnd[];
  /** Histories before this one, oldest first. */
  readonly formerHistories?: readonly string[];
  /** Since the history began: nothing is stamped until every gateway has a table of it. */
  readonly unheardSince?: string;
}

/** In generations older than `before`, calls of `service` that belong to revision `from` go to `to`; while `isPartial`, to either; while `isIdle`, still or again to `from`. */
export type Move = NonNullable<Site["status"]>["moves"] extends readonly (infer M)[] | undefined ? Readonly<M> : never;

export interface Fence {
  readonly host: string;
  readonly upTo: number;
}

export type OpenGeneration = NonNullable<Site["status"]>["generations"] extends readonly (infer G)[] | undefined ? Readonly<G> : never;
export type GenerationPhase = OpenGeneration["phase"];
export type Refusal = NonNullable<Site["status"]>["refused"] extends readonly (infer R)[] | undefined ? Readonly<R> : never;

/** `by`: the generation that has claimed its instances. `aside`: that generation was given up, since others went first; what it changed comes again together, when all of it is ready. */
export type Preparation = NonNullable<Site["status"]>["preparing"] extends readonly (infer P)[] | undefined ? Readonly<P> : never;

export type ExclusiveUse = NonNullable<Site["status"]>["exclusive"] extends readonly (infer E)[] | undefined ? Readonly<E> : never;

/** Streams to `service` in generations older than `before` are ended after `afterMs`, or, where that is absent, never. One for each service. */
export type StreamEnd = NonNullable<Site["status"]>["streamEnds"] extends readonly (infer E)[] | undefined ? Readonly<E> : never;

/** Service to revision. */
export type GenerationMap = Readonly<Record<string, string>>;

/** Why something does not go on. */
export interface Wait {
  /** One CamelCase word for programs. */
  readonly reason: WaitReason;
  /** What is waited for: `gateway/main`, `revision/auth-v2-1a2b3c4d`. */
  readonly object: string;
  readonly sinceMs: number;
  /** For people: what is seen and what they can do. */
  readonly message: string;
}

/** The state in a Site's status; `undefined` before the first leader has written it. */
export function readSiteState(status: Site["status"]): SiteState | undefined {
  if (status?.history === undefined || status.epoch === undefined) return undefined;
  return {
    history: status.history,
    epoch: status.epoch,
    counter: status.counter ?? 0,
    generations: status.generations ?? [],
    ...(status.stamp === undefined ? {} : { stamp: status.stamp }),
    refused: status.refused ?? [],
    fenced: status.fenced ?? [],
    moves: status.moves ?? [],
    exclusive: status.exclusive ?? [],
    ...(status.preparing === undefined ? {} : { preparing: status.preparing }),
    ...(status.streamEnds === undefined ? {} : { streamEnds: status.streamEnds }),
    ...(status.formerHistories === undefined ? {} : { formerHistories: status.formerHistories }),
    ...(status.unheardSince === undefined ? {} : { unheardSince: status.unheardSince }),
  };
}

/** True if both maps assign the same revisions. */
export function isSameMap(a: GenerationMap, b: GenerationMap): boolean {
  if (a === b) return true;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** Maps of generations never change, so that two are compared once. */
const compared = new WeakMap<GenerationMap, WeakMap<GenerationMap, readonly string[]>>();

/** Services that only one of the maps has, or that they assign differently. */
export function differingServices(a: GenerationMap, b: GenerationMap): readonly string[] {
  if (a === b) return [];
  const found = compared.get(a)?.get(b);
  if (found !== undefined) return found;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  const differing = [...names].filter((service) => a[service] !== b[service]);
  const ofA = compared.get(a) ?? new WeakMap<GenerationMap, readonly string[]>();
  compared.set(a, ofA.set(b, differing));
  return differing;
}

/** Services that `after` adds or assigns differently than `before`, ordered. */
export function changedServices(before: GenerationMap | undefined, after: GenerationMap): readonly string[] {
  return Object.keys(after)
    .filter((service) => before?.[service] !== after[service])
    .sort();
}

/** True for a generation on its way to be stamped for all; there is at most one. */
export function isPending({ phase }: Pick<OpenGeneration, "phase">): boolean {
  return phase === "Preparing" || phase === "Distributing" || phase === "Holding" || phase === "Ramping";
}

/** True if `plan` may stamp `generation`. */
export function stamps(plan: StampPlan | undefined, generation: number): boolean {
  if (plan?.hold !== undefined) return plan.hold.to === generation;
  return plan !== undefined && (plan.generation === generation || plan.ramp?.to === generation);
}

/** Moves of one service. */
export function movesOf(state: SiteState | undefined, service: string): readonly Move[] {
  return (state?.moves ?? []).filter((one) => one.service === service);
}

/** The revision that may use the thing of an exclusive service; `undefined` while that is not decided. */
export function userOf(state: SiteState | undefined, service: string): string | undefined {
  return state?.exclusive.find((one) => one.service === service)?.revision;
}

/** True if the strategy may let a transaction meet two revisions of a service. */
export function mixes(strategy: OpenGeneration["strategy"]): boolean {
  return strategy === "rolling" || strategy === "blueGreen" || strategy === "recreate";
}
