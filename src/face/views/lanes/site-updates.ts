import { durationMs, type Gateway, type Generation, type Instance, type Revision, type Site, timestamp, type Update } from "#/model/index.ts";
import type { GatewayReport } from "#/traffic/routing/index.ts";
import { countOpen, isConnected, type OpenCount } from "./open-counts.ts";
import { buildLanes, type Lane } from "./service-lanes.ts";
import type { WaitView } from "./wait-view.ts";

export interface GenerationView extends OpenCount {
  readonly number: number;
  readonly phase: string;
  readonly since: string;
  readonly waits: readonly WaitView[];
}

/** What `orrery update show` draws; `-o json` is exactly this. `null` is what is not known. */
export interface UpdateView {
  readonly generation?: number;
  readonly ramp?: { readonly to: number; readonly share: number };
  /** Absent: nothing is held. */
  readonly hold?: HoldView;
  /** What the next update, which is not issued yet, waits for. */
  readonly waits: readonly WaitView[];
  readonly settled: { readonly reason: string; readonly message: string };
  readonly generations: readonly GenerationView[];
  readonly lanes: readonly Lane[];
  readonly gateways: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly tableVersion?: number;
    readonly incarnation?: number;
    /** New transactions that it holds now; absent while it has not told. */
    readonly held?: number;
  }[];
  /** Newest first: those under way, and those that ended in the last minutes. */
  readonly updates: readonly Update[];
}

/** New transactions that can reach `services` wait for generation `to`. */
export interface HoldView {
  readonly to: number;
  readonly services: readonly string[];
  readonly since: string;
  /** Then it is given up. */
  readonly until: string;
  /** How many wait now, at all gateways that have told. */
  readonly transactions: number;
}

/** So long an Update that has ended is shown beside those under way, and so many at most; older ones stand in the history. */
const ENDED_SHOWN_MS = 10 * 60_000;
const ENDED_SHOWN_MAX = 10;

/** What the updates of a site are told from. */
export interface SeenUpdates {
  readonly site: Site | undefined;
  readonly generations: readonly Generation[];
  readonly revisions: readonly Revision[];
  readonly instances: readonly Instance[];
  readonly gateways: readonly Gateway[];
  readonly updates: readonly Update[];
  /** What each gateway has told last, by its name. */
  readonly reportOf: ReadonlyMap<string, GatewayReport>;
}

/** Everything about the updates of a site. `name`: `updates` is that Update alone, and only the lanes of its services are told. */
export function buildUpdateView(seen: SeenUpdates, name: string | undefined, nowMs: number): UpdateView {
  const { site, generations, revisions, instances, gateways, updates, reportOf } = seen;
  const status = site?.status;
  const open = status?.generations ?? [];
  const known = new Map(generations.map((one) => [one.spec.number, one]));
  const counts = new Map(open.map(({ number }) => [number, countOpen(number, known.get(number)?.status?.waits ?? [], gateways, reportOf)]));
  const hold = holdOf(site, [...reportOf.values()]);
  const settled = status?.conditions?.find((one) => one.type === "Settled");
  const wanted = name === undefined ? undefined : new Set(updates.flatMap((one) => one.spec.services.map((service) => service.name)));
  return {
    ...(status?.stamp === undefined ? {} : { generation: status.stamp.generation }),
    ...(status?.stamp?.ramp === undefined ? {} : { ramp: { to: status.stamp.ramp.to, share: status.stamp.ramp.share } }),
    ...(hold === undefined ? {} : { hold }),
    waits: status?.waits ?? [],
    settled: { reason: settled?.reason ?? "Unknown", message: settled?.message ?? "the centre has not yet said anything" },
    generations: open.map((one) => ({
      number: one.number,
      phase: one.phase,
      since: one.since,
      ...(counts.get(one.number) ?? { transactions: null, calls: null }),
      waits: known.get(one.number)?.status?.waits ?? [],
    })),
    lanes: buildLanes({ open, known, revisions, instances, counts, status, ...(wanted === undefined ? {} : { wanted }) }),
    gateways: gateways.map((one) => {
      const ready = one.status?.conditions?.find((condition) => condition.type === "Ready");
      const report = reportOf.get(one.metadata.name);
      return {
        name: one.metadata.name,
        status: ready?.reason ?? "Unknown",
        message: ready?.message ?? "",
        ...(report === undefined ? {} : { tableVersion: report.position.version, incarnation: report.incarnation }),
        ...(report === undefined || !isConnected(one, report) ? {} : { held: report.held.now }),
      };
    }),
    updates: name === undefined ? presentUpdates(updates, nowMs) : updates,
  };
}

/** Those under way, and what ended a moment ago, whatever came of it; newest first. */
function presentUpdates(all: readonly Update[], nowMs: number): readonly Update[] {
  const endedMs = ({ status, metadata }: Update): number => {
    const last = status?.phases?.at(-1);
    return Date.parse(last?.until ?? last?.since ?? metadata.creationTimestamp);
  };
  const ended = all.filter((one) => isOver(one) && nowMs - endedMs(one) <= ENDED_SHOWN_MS).toSorted((a, b) => endedMs(b) - endedMs(a));
  const shown = new Set(ended.slice(0, ENDED_SHOWN_MAX));
  return all
    .filter((one) => !isOver(one) || shown.has(one))
    .toSorted(
      (a, b) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp) || (b.status?.generation ?? 0) - (a.status?.generation ?? 0),
    );
}

function holdOf(one: Site | undefined, reports: readonly GatewayReport[]): HoldView | undefined {
  const hold = one?.status?.stamp?.hold;
  if (one === undefined || hold === undefined) return undefined;
  const switched = one.status?.stamp?.generation === hold.to ? one.status.generations?.find((open) => open.number === hold.to)?.since : undefined;
  return {
    ...hold,
    // After the switch the new instances have as much time again to become active.
    until: timestamp(Date.parse(switched ?? hold.since) + durationMs(one.spec.hold)),
    transactions: reports.reduce((sum, { held }) => sum + held.now, 0),
  };
}

/** True once nothing more comes of it. */
export function isOver(one: Update): boolean {
  return ["Complete", "Aborted", "RolledBack", "Superseded"].includes(one.status?.phase ?? "");
}

/** True once all new transactions have its generation: nothing of it can be held, hurried or given up any more. */
export function hasSwitched(one: Update): boolean {
  return one.status?.phase === "Draining";
}
