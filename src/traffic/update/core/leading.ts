import { durationMs, type Route, type Site, timestamp } from "#/model/index.ts";
import type { KnownTable, TablePosition } from "#/traffic/routing/index.ts";
import { mapDigest } from "#/traffic/routing/table/index.ts";
import type { DrainLedger, KnownGateway, Scope } from "./drain-ledger.ts";
import { HOLD_SCOPE } from "./hold.ts";
import type { Observed } from "./observed.ts";
import type { Reach } from "./reach.ts";
import { differingServices, type GenerationMap, readSiteState, type SiteState, stamps } from "./state.ts";

/** Between counting rounds while something drains. */
export const ROUND_INTERVAL_MS = 100;

/** What the leader knows of tables and gateways. */
export interface DistributionView {
  /** First table of this leader in which `generation` was distributed (its endpoints as ready as the Site demanded); `undefined` while there is none. */
  distributedAt(generation: number): TablePosition | undefined;
  /** Since when the connected `gateway` is offered such a table; `undefined` while it is offered none. */
  offeredMs(gateway: string, generation: number): number | undefined;
  /** First table of this leader that does not stamp `generation` because it is ending `since` then; `undefined` while it may be stamped, also by a table that is yet to come of a Site that is seen late. */
  unstampedAt(generation: number, since: string): TablePosition | undefined;
  /** Newest table that the gateway has acknowledged to this leader on its present connection. */
  acknowledged(gateway: string): TablePosition | undefined;
}

/** Generations that a restored store may have forgotten: its counter jumps by so many, so that no number comes twice. */
const RESTORE_JUMP = 2 ** 20;

/** What a leader knows of the tables that it has made. */
export interface OwnTables {
  readonly mapOf: (generation: number) => GenerationMap | undefined;
  /** It has handed a table to the gateway. */
  readonly hasServed: boolean;
}

/** True if the store was put back to an earlier state, as what a gateway has shows: a table of a history that neither this one is nor has come after, as when a store from before a restore was put back; or, of this history, a table of a later leader, or of a generation that was never issued here, or is issued with another map; or a table of this leader's own number that this leader has not handed to it, since another one had that number. */
export function isBehind(state: SiteState | undefined, { position, newest, maps }: KnownTable, own: OwnTables): boolean {
  if (state === undefined) return false;
  if (state.history !== position.history) return state.formerHistories?.includes(position.history) !== true;
  if (position.epoch === state.epoch && !own.hasServed) return true;
  if (position.epoch > state.epoch || newest > state.counter) return true;
  return Object.entries(maps).some(([number, digest]) => {
    const map = own.mapOf(Number(number));
    return map !== undefined && mapDigest(Object.entries(map)) !== digest;
  });
}

/** The generations of which a gateway tells the digest of a map, where that can show anything. */
export function mapsToCompare(state: SiteState, { position, maps }: KnownTable): readonly number[] {
  return state.history === position.history ? Object.keys(maps).map(Number) : [];
}

/** True if the store was restored from a backup since the Site was written: its own `history` is another one. */
export function isRestored(status: Site["status"], history: string): boolean {
  const state = readSiteState(status);
  return state !== undefined && state.history !== history;
}

/** The instances whose status a new leader removes before it begins its term: after a restore it tells of ports that have gone to others since, and calls would go there. Agents tell again what there is. */
export function statusesToForget<I extends { readonly status?: object | undefined }>(
  status: Site["status"],
  history: string,
  instances: readonly I[],
): readonly I[] {
  return isRestored(status, history) ? instances.filter((one) => one.status !== undefined && Object.keys(one.status).length > 0) : [];
}

/** Former histories that are remembered. */
const HISTORIES_MAX = 16;

/** Former histories with one more. */
export function withFormer(former: readonly string[] | undefined, history: string): readonly string[] {
  return [...(former ?? []).filter((one) => one !== history), history].slice(-HISTORIES_MAX);
}

/** The Site's status under a new leader: the epoch one higher, so that a former leader's writes fail. `history` is the id of the store's own history: where it differs, the store was restored from a backup, and numbers issued since that backup are unknown: the Site begins the new history, and its counter jumps. Nothing is stamped before every gateway has heard of that: one that has not could not read the ids. */
export function nextTerm(status: Site["status"], history: string, nowMs: number): NonNullable<Site["status"]> & { readonly epoch: number } {
  const state = readSiteState(status);
  const past = pastTimes(status, nowMs);
  const formerHistories = state === undefined ? [] : [...withFormer(state.formerHistories, state.history)];
  return {
    ...past,
    ...(isRestored(status, history) ? { formerHistories, unheardSince: timestamp(nowMs) } : {}),
    history,
    epoch: (state?.epoch ?? 0) + 1,
    counter: (state?.counter ?? 0) + (isRestored(status, history) ? RESTORE_JUMP : 0),
    // What was not ready while nobody led says nothing of its instances: they have their time anew.
    generations: (past.generations ?? []).map((one) => ({
      ...one,
      ...(one.phase === "Preparing" ? { since: timestamp(nowMs) } : {}),
      ...(one.unreadySince === undefined ? {} : { unreadySince: timestamp(nowMs) }),
    })),
    ...(past.preparing === undefined ? {} : { preparing: past.preparing.map((one) => ({ ...one, since: timestamp(nowMs) })) }),
  };
}

const TIMES: ReadonlySet<string> = new Set(["since", "stepSince", "unheardSince", "unreadySince", "at"]);

/** `value` with every time in it at `nowMs` at the latest: where the machine's clock was put back, what has begun would last until then. */
function pastTimes(value: Site["status"], nowMs: number): NonNullable<Site["status"]> {
  return JSON.parse(JSON.stringify(value ?? {}), (key, one) => (TIMES.has(key) && Date.parse(one) > nowMs ? timestamp(nowMs) : one));
}

/** What a table made from this state distributes, does not stamp, and fences: to be remembered with the table's position. `isComplete` says whether the table can route a generation's changed services already. */
export function distributionMark(
  state: SiteState | undefined,
  isComplete: (generation: number, services: readonly string[]) => boolean,
): {
  readonly distributed: readonly number[];
  readonly unstamped: ReadonlyMap<number, string>;
  readonly fences: string;
} {
  const open = state?.generations ?? [];
  return {
    distributed: open.filter((one) => one.phase !== "Preparing" && isComplete(one.number, one.changes ?? [])).map((one) => one.number),
    unstamped: state === undefined ? new Map() : endingSince(state),
    fences: JSON.stringify(state?.fenced ?? []),
  };
}

/** Generations that end and are no longer stamped, and since when. While new transactions are held, those of the generation before have to end, too. What was gone back from is not stamped before either: only since it ends no table to come stamps it. */
function endingSince({ generations, stamp }: SiteState): ReadonlyMap<number, string> {
  return new Map(
    generations.flatMap((one): [number, string][] => {
      if (stamps(stamp, one.number)) return [];
      if (one.phase === "Draining") return [[one.number, one.since]];
      return one.phase === "Active" && stamp?.hold !== undefined ? [[one.number, stamp.hold.since]] : [];
    }),
  );
}

/** Hands the ledger what begins or ends to drain, and who counts. */
export function prepareLedger(
  ledger: DrainLedger,
  seen: {
    readonly spec: Site["spec"];
    readonly state: SiteState;
    readonly gateways: readonly KnownGateway[];
    readonly distribution: Pick<DistributionView, "unstampedAt">;
    /** Maps of the open generations. */
    readonly maps: ReadonlyMap<number, GenerationMap>;
    readonly reach: Reach;
  },
  nowMs: number,
): void {
  const { spec, state, gateways, distribution } = seen;
  ledger.setPolicy({ lingerMs: durationMs(spec.linger) });
  ledger.setGateways(gateways, nowMs);
  const ending = endingSince(state);
  for (const number of ledger.draining) if (!ending.has(number)) ledger.end(number);
  for (const [number, since] of ending) {
    const unstamped = distribution.unstampedAt(number, since);
    if (unstamped !== undefined) ledger.begin(number, unstamped, nowMs);
    ledger.setScopes(number, scopesOf(number, seen));
  }
}

/** How long a transaction may last, wherever it begins. Without a Site: none has begun. */
export function longestTransactionMs(spec: Site["spec"] | undefined, routes: Iterable<Route>): number {
  let longestMs = spec === undefined ? 0 : durationMs(spec.maxTransaction);
  for (const { spec: own } of routes) if (own.maxTransaction !== undefined) longestMs = Math.max(longestMs, durationMs(own.maxTransaction));
  return longestMs;
}

/** Services of one generation that are counted by themselves at most: where more are changed at once, they wait for each other. */
const SCOPES_MAX = 50;

/** What of a generation is counted by itself: calls that can reach a service which a newer one assigns differently, so that its former revision need not wait for the others; and those that can reach what is held. Nothing, where every service can reach it. */
function scopesOf(
  number: number,
  { state, maps, reach }: { readonly state: SiteState; readonly maps: ReadonlyMap<number, GenerationMap>; readonly reach: Reach },
): readonly Scope[] {
  const map = maps.get(number);
  const next = maps.get(state.stamp?.generation ?? number);
  if (map === undefined || next === undefined) return [];
  const left = state.generations.find((one) => one.number === number)?.left ?? [];
  const changed = differingServices(map, next).filter((service) => map[service] !== undefined && !left.includes(service));
  const scopes: Scope[] = changed
    .slice(0, SCOPES_MAX)
    .map((service) => ({ name: service, services: reach.reaching(map, [service], number, state.moves) }));
  const held = state.stamp?.hold?.services ?? heldNext(state, maps);
  if (held.length > 0) scopes.push({ name: HOLD_SCOPE, services: reach.reaching(map, held, number, state.moves) });
  const size = Object.keys(map).length;
  return scopes.filter((one) => one.services.size < size);
}

/** Services that a generation on its way may hold. */
function heldNext(state: SiteState, maps: ReadonlyMap<number, GenerationMap>): readonly string[] {
  const pending = state.generations.find((one) => one.phase === "Distributing");
  return pending === undefined || maps.get(pending.number) === undefined ? [] : (pending.changes ?? []);
}

export interface LeaderView
  extends Pick<
    Observed,
    | "wanted"
    | "wantedChangedMs"
    | "leftOut"
    | "unsettled"
    | "readinessOf"
    | "exclusive"
    | "handoverOf"
    | "howOf"
    | "interlockOf"
    | "updateFor"
    | "updateNamed"
    | "isAskedAgain"
    | "gateOf"
  > {
  readonly spec: Site["spec"];
  readonly history: string;
  /** Maps of the open generations. */
  readonly maps: ReadonlyMap<number, GenerationMap>;
  /** All Generation objects, named or not. */
  readonly generations: Iterable<{ readonly spec: { readonly number: number; readonly history: string } }>;
  readonly gateways: readonly KnownGateway[];
  readonly distribution: DistributionView;
  readonly ledger: DrainLedger;
}

/** What a step decides by. */
export function observe(view: LeaderView, nowMs: number): Observed {
  const { spec, history, maps, gateways, distribution, ledger } = view;
  let numberMax = 0;
  for (const one of view.generations) if (one.spec.history === history) numberMax = Math.max(numberMax, one.spec.number);
  return {
    policy: {
      openMax: spec.maxOpen,
      settleMs: durationMs(spec.settle),
      readyWithinMs: durationMs(spec.readyWithin),
      holdMs: durationMs(spec.hold),
    },
    wanted: view.wanted,
    wantedChangedMs: view.wantedChangedMs,
    leftOut: view.leftOut,
    unsettled: view.unsettled,
    mapOf: (number) => maps.get(number),
    readinessOf: view.readinessOf,
    exclusive: view.exclusive,
    handoverOf: view.handoverOf,
    howOf: view.howOf,
    interlockOf: view.interlockOf,
    gateways: gateways.map(({ name, host, isConnected, lostSinceMs, tableFailure }) => ({
      name,
      host,
      isConnected,
      ...(tableFailure === undefined ? {} : { tableFailure }),
      awaitedMs: (number) => (isConnected ? distribution.offeredMs(name, number) : lostSinceMs),
      knows: (number) => isReached(distribution.acknowledged(name), distribution.distributedAt(number)),
    })),
    drainOf: (number, scope) => ledger.stateOf(number, nowMs, scope),
    updateFor: view.updateFor,
    updateNamed: view.updateNamed,
    isAskedAgain: view.isAskedAgain,
    gateOf: view.gateOf,
    numberMax,
  };
}

function isReached(acknowledged: TablePosition | undefined, wanted: TablePosition | undefined): boolean {
  if (acknowledged === undefined || wanted === undefined) return false;
  return acknowledged.history === wanted.history && acknowledged.epoch === wanted.epoch && acknowledged.version >= wanted.version;
}

/** When to look again although nothing is reported (ms from now); `undefined`: not before something is. */
export function nextLookMs(ledger: DrainLedger, wakeAtMs: number | undefined, nowMs: number): number | undefined {
  const drainMs = ledger.draining.length > 0 ? ROUND_INTERVAL_MS : undefined;
  const wakeMs = wakeAtMs === undefined ? undefined : Math.max(1, wakeAtMs - nowMs);
  if (drainMs === undefined) return wakeMs;
  return wakeMs === undefined ? drainMs : Math.min(wakeMs, drainMs);
}
