import type { Client } from "#/client/index.ts";
import {
  durationMs,
  type Gateway,
  type Generation,
  gateway,
  generation,
  type Instance,
  instance,
  type Kind,
  type Revision,
  revision,
  type Site,
  site,
  timestamp,
  type Update,
  update,
} from "#/model/index.ts";
import type { GatewayReport } from "#/traffic/index.ts";
import { objectPath } from "./kubernetes.ts";
import { loadLive } from "./live.ts";

/** One revision of one service, as a bar of its lane. */
export interface Bar {
  readonly revision: string;
  readonly version: string;
  readonly phase: "Preparing" | "Distributing" | "Holding" | "Ramping" | "Active" | "Draining" | "Withdrawn";
  /** Generations that map to it, oldest first. */
  readonly generations: readonly number[];
  readonly ready: number;
  readonly instances: number;
  /** Transactions open in generations that map to it; absent while no gateway has told. */
  readonly open?: number;
  /** Share of new transactions. */
  readonly share: number;
  /** New transactions that can reach the service wait for this revision. */
  readonly isAwaited?: boolean;
}

export interface Lane {
  readonly service: string;
  readonly bars: readonly Bar[];
}

export interface GenerationView {
  readonly number: number;
  readonly phase: string;
  readonly since: string;
  /** Transactions open at edges, and calls open between services. */
  readonly transactions?: number;
  readonly calls?: number;
  readonly waits: readonly WaitView[];
}

export interface WaitView {
  readonly reason: string;
  readonly object: string;
  readonly since: string;
  readonly message: string;
}

/** What `orrery update show` draws; `-o json` is exactly this. */
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

/** Everything about the updates of a site, read in one go. `name`: only that Update, and the lanes of its services. */
export async function loadUpdateView(api: Client, name: string | undefined): Promise<UpdateView> {
  const list = async <T>(kind: Kind): Promise<readonly T[]> =>
    ((await api.request({ path: objectPath(kind) })).body as { readonly items: readonly T[] }).items;
  const [sites, generations, revisions, instances, gateways, updates, reports] = await Promise.all([
    list<Site>(site),
    list<Generation>(generation),
    list<Revision>(revision),
    list<Instance>(instance),
    list<Gateway>(gateway),
    name === undefined ? list<Update>(update) : api.request({ path: objectPath(update, name) }).then((answer) => [answer.body as Update]),
    loadLive(api, "gateways"),
  ]);
  const status = sites[0]?.status;
  const open = status?.generations ?? [];
  const shown = new Set(open.map((one) => one.number));
  const known = new Map(generations.map((one) => [one.spec.number, one]));
  const reportOf = new Map(reports.map((one) => [one.key, one.value as unknown as GatewayReport]));
  const counts = countOpen([...reportOf.values()]);
  const hold = holdOf(sites[0], [...reportOf.values()]);
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
      ...counts.get(one.number),
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
        ...(report === undefined ? {} : { tableVersion: report.position.version, incarnation: report.incarnation, held: report.held.now }),
      };
    }),
    updates: updates
      .filter((one) => name !== undefined || one.status?.generation === undefined || shown.has(one.status.generation) || !isOver(one))
      .toSorted((a, b) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp)),
  };
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

function countOpen(reports: readonly GatewayReport[]): Map<number, { transactions: number; calls: number }> {
  const sums = new Map<number, { transactions: number; calls: number }>();
  for (const { counts } of reports) {
    for (const { generation: number, edge, outbound, inbound } of counts) {
      const sum = sums.get(number) ?? { transactions: 0, calls: 0 };
      // A call on one host is counted where it leaves and where it arrives.
      sums.set(number, { transactions: sum.transactions + edge, calls: sum.calls + Math.max(outbound, inbound) });
    }
  }
  return sums;
}

interface LaneInput {
  readonly open: NonNullable<NonNullable<Site["status"]>["generations"]>;
  readonly known: ReadonlyMap<number, Generation>;
  readonly revisions: readonly Revision[];
  readonly instances: readonly Instance[];
  readonly counts: ReadonlyMap<number, { readonly transactions: number }>;
  readonly status: Site["status"];
  readonly wanted?: ReadonlySet<string>;
}

const RANK = { Withdrawn: -1, Draining: 0, Preparing: 1, Distributing: 2, Holding: 3, Ramping: 4, Active: 5 } as const;

function buildLanes({ open, known, revisions, instances, counts, status, wanted }: LaneInput): Lane[] {
  const bars = new Map<string, Map<string, Bar>>();
  const hold = status?.stamp?.hold;
  for (const one of open) {
    for (const [service, name] of Object.entries(known.get(one.number)?.spec.map ?? {})) {
      if (wanted !== undefined && !wanted.has(service)) continue;
      const lane = bars.get(service) ?? new Map<string, Bar>();
      bars.set(service, lane);
      const former = lane.get(name);
      const own = instances.filter((candidate) => candidate.spec.revision === name);
      const phase = former === undefined || RANK[one.phase] > RANK[former.phase] ? one.phase : former.phase;
      const transactions = counts.get(one.number)?.transactions;
      const sum = transactions === undefined && former?.open === undefined ? undefined : (former?.open ?? 0) + (transactions ?? 0);
      lane.set(name, {
        revision: name,
        version: revisions.find((candidate) => candidate.metadata.name === name)?.spec.template.version ?? "?",
        phase,
        generations: [...(former?.generations ?? []), one.number],
        ready: own.filter((candidate) => candidate.status?.ready === true).length,
        instances: own.length,
        ...(sum === undefined ? {} : { open: sum }),
        share: (former?.share ?? 0) + shareOf(status?.stamp, one.number, service),
        ...(hold?.to === one.number && hold.services.includes(service) ? { isAwaited: true } : {}),
      });
    }
  }
  // What no open generation has any more is on its way out.
  for (const { spec } of instances) {
    const { service, revision: name } = spec;
    if (service === undefined || name === undefined || wanted?.has(service) === false || bars.get(service)?.has(name) === true) continue;
    const own = instances.filter((candidate) => candidate.spec.revision === name);
    const lane = bars.get(service) ?? new Map<string, Bar>();
    bars.set(service, lane);
    lane.set(name, {
      revision: name,
      version: spec.version ?? "?",
      phase: "Withdrawn",
      generations: [],
      ready: own.filter((candidate) => candidate.status?.ready === true).length,
      instances: own.length,
      share: 0,
    });
  }
  return [...bars].toSorted(([a], [b]) => a.localeCompare(b)).map(([service, lane]) => ({ service, bars: [...lane.values()] }));
}

function shareOf(stamp: NonNullable<Site["status"]>["stamp"], number: number, service: string): number {
  if (stamp === undefined) return 0;
  if (stamp.hold !== undefined) return number === stamp.hold.to && !stamp.hold.services.includes(service) ? 1 : 0;
  const ramped = stamp.ramp?.share ?? 0;
  return number === stamp.ramp?.to ? ramped : number === stamp.generation ? 1 - ramped : 0;
}
