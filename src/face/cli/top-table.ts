import { type CallSum, quantileMs, sumCalls } from "#/traffic/routing/windows/index.ts";
import type { LiveEntry } from "./live.ts";

/** What `orrery top` puts in order. */
export const TOP_SORTS = ["cpu", "memory", "calls", "name"] as const;
export type TopSort = (typeof TOP_SORTS)[number];
export const TOP_OBJECTS = ["hosts", "services", "instances"] as const;
export type TopObject = (typeof TOP_OBJECTS)[number];

/** Of an instance, as much as is shown. */
export interface TopInstance {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: { readonly host: string; readonly service?: string };
  readonly status?: { readonly ready?: boolean; readonly restarts?: number };
}

/** What the centre knows now. */
export interface TopSight {
  readonly hosts: readonly LiveEntry[];
  readonly uses: readonly LiveEntry[];
  /** Of the last minute. */
  readonly calls: readonly CallSum[];
  readonly instances: readonly TopInstance[];
  readonly nowMs: number;
}

/** One row. What is not known is absent: it is shown as unknown, and never as nothing. */
export interface TopRow {
  readonly name: string;
  readonly host?: string;
  readonly service?: string;
  /** 100: one processor; of a host: all of them. */
  readonly cpuPercent?: number;
  readonly memoryBytes?: number;
  readonly memoryPercent?: number;
  readonly load?: number;
  /** Of the fullest disk. */
  readonly diskPercent?: number;
  readonly openFiles?: number;
  readonly processes?: number;
  readonly restarts?: number;
  readonly instances?: number;
  readonly ready?: number;
  readonly callsPerSecond?: number;
  readonly errorPercent?: number;
  readonly meanMs?: number;
  /** Upper bound of the bucket in which the slowest hundredth begins. */
  readonly p99Ms?: number;
}

/** What was observed longer ago is not known any more. */
const FRESH_MS = 15_000;
const MINUTE_S = 60;

/** Rows of `object`, those that use most first. */
export function topRows(object: TopObject, sight: TopSight, sort: TopSort): readonly TopRow[] {
  const rows = object === "hosts" ? hostRows(sight) : object === "services" ? serviceRows(sight) : instanceRows(sight);
  const figure = (row: TopRow): number => (sort === "cpu" ? row.cpuPercent : sort === "memory" ? row.memoryBytes : row.callsPerSecond) ?? -1;
  return rows.toSorted((a, b) => (sort === "name" ? 0 : figure(b) - figure(a)) || a.name.localeCompare(b.name));
}

interface HostLook {
  readonly cpuPercent?: number;
  readonly load?: readonly number[];
  readonly memory?: { readonly totalBytes: number; readonly availableBytes: number };
  readonly disks?: readonly { readonly totalBytes: number; readonly availableBytes: number }[];
}

function hostRows({ hosts, instances, calls, nowMs }: TopSight): TopRow[] {
  const called = callsBy(calls, "host");
  return hosts.map((entry): TopRow => {
    const { cpuPercent, load, memory, disks = [] } = (isFresh(entry, nowMs) ? entry.value : {}) as HostLook;
    const used = memory === undefined ? undefined : memory.totalBytes - memory.availableBytes;
    const fullest = disks.filter((one) => one.totalBytes > 0).map((one) => (100 * (one.totalBytes - one.availableBytes)) / one.totalBytes);
    const own = instances.filter(({ spec }) => spec.host === entry.key);
    return {
      name: entry.key,
      ...(cpuPercent !== undefined && { cpuPercent }),
      ...(load?.[0] !== undefined && { load: load[0] }),
      ...(memory !== undefined && used !== undefined && { memoryBytes: used, memoryPercent: (100 * used) / memory.totalBytes }),
      ...(fullest.length > 0 && { diskPercent: Math.max(...fullest) }),
      instances: own.length,
      ready: own.filter(({ status }) => status?.ready === true).length,
      ...called(entry.key),
    };
  });
}

interface UseLook {
  readonly cpuPercent: number;
  readonly memoryBytes: number;
  readonly openFiles: number;
  readonly processes: number;
}

function instanceRows({ uses, instances, calls, nowMs }: TopSight): TopRow[] {
  const called = callsBy(calls, "instance");
  const known = usesByKey(uses, nowMs);
  return instances.map(({ metadata, spec, status }): TopRow => {
    const use = known.get(`${metadata.namespace ?? "default"}/${metadata.name}`);
    return {
      name: metadata.name,
      ...(spec.service !== undefined && { service: spec.service }),
      host: spec.host,
      ...use,
      ...(status?.restarts !== undefined && { restarts: status.restarts }),
      ready: status?.ready === true ? 1 : 0,
      ...(spec.service !== undefined && called(metadata.name)),
    };
  });
}

function serviceRows({ uses, instances, calls, nowMs }: TopSight): TopRow[] {
  const called = callsBy(calls, "service");
  const known = usesByKey(uses, nowMs);
  const services = Map.groupBy(
    instances.filter(({ spec }) => spec.service !== undefined),
    ({ spec }) => spec.service ?? "",
  );
  return [...services].map(([name, own]): TopRow => {
    const found = own.flatMap(({ metadata }) => known.get(`${metadata.namespace ?? "default"}/${metadata.name}`) ?? []);
    const sum = (of: (use: UseLook) => number): number => found.reduce((total, use) => total + of(use), 0);
    return {
      name,
      instances: own.length,
      ready: own.filter(({ status }) => status?.ready === true).length,
      ...(found.length > 0 && {
        cpuPercent: sum((use) => use.cpuPercent),
        memoryBytes: sum((use) => use.memoryBytes),
        openFiles: sum((use) => use.openFiles),
        processes: sum((use) => use.processes),
      }),
      restarts: own.reduce((total, { status }) => total + (status?.restarts ?? 0), 0),
      ...called(name),
    };
  });
}

function usesByKey(uses: readonly LiveEntry[], nowMs: number): ReadonlyMap<string, UseLook> {
  return new Map(
    uses
      .filter((entry) => isFresh(entry, nowMs))
      .map(({ key, value }) => {
        const { cpuPercent, memoryBytes, openFiles, processes } = value as unknown as UseLook;
        return [key, { cpuPercent, memoryBytes, openFiles, processes }];
      }),
  );
}

function isFresh({ observedAt }: LiveEntry, nowMs: number): boolean {
  return nowMs - Date.parse(observedAt) <= FRESH_MS;
}

/** Calls to one of `part` in the last minute; none are none: the gateways have been heard. */
function callsBy(
  calls: readonly CallSum[],
  part: "host" | "service" | "instance",
): (name: string) => Pick<TopRow, "callsPerSecond" | "errorPercent" | "meanMs" | "p99Ms"> {
  const met = calls.filter((one) => one.instance !== "");
  const groups = new Map(sumCalls(met, [part]).map((group) => [group.key[part] ?? "", group]));
  return (name) => {
    const group = groups.get(name);
    if (group === undefined || group.calls === 0) return { callsPerSecond: 0 };
    const p99Ms = quantileMs(group.buckets, 0.99);
    return {
      callsPerSecond: group.calls / MINUTE_S,
      errorPercent: (100 * group.errors) / group.calls,
      meanMs: group.timeSumMs / group.calls,
      ...(p99Ms !== undefined && { p99Ms }),
    };
  };
}
