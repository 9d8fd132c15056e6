import type { Alarm, AlarmSeverity, Condition, Gateway, Instance, Microservice, SnmpSettings } from "#/model/index.ts";
import { durationMs } from "#/model/index.ts";
import { dateAndTime, gauge, integer, type Oid, oid, text, ticks, truth, type Value } from "../../wire/index.ts";
import { type MibNode, type Row, scalars, sortRows, table } from "../mib-tree.ts";
import { PLACES } from "../settings.ts";
import type { InstanceFigures, SiteFigures } from "../site-view.ts";
import type { KernelFacts } from "./kernel.ts";
import { type Named, stableIndexes } from "./stable-index.ts";

/** ORRERY-MIB, as mibs/ORRERY-MIB.txt publishes it. */
export const ORRERY: Oid = oid("1.3.6.1.4.1.32473.1");
export const NOTIFICATIONS: Oid = [...ORRERY, 0];
const OBJECTS: Oid = [...ORRERY, 1];

/** What an agent shows of the site, as far as it knows it. */
export interface OrrerySources {
  readonly host: string;
  readonly kernel: () => KernelFacts | undefined;
  /** Raised now, by the name of the threshold. */
  readonly raised: () => ReadonlySet<string>;
  readonly settings: () => SnmpSettings;
  readonly site: () => SiteSource | undefined;
}

export interface SiteSource {
  readonly version: number;
  readonly silentMs: number | undefined;
  readonly figures: SiteFigures | undefined;
  readonly services: { values(): Iterable<Microservice> };
  readonly instances: { values(): Iterable<Instance> };
  readonly gateways: { values(): Iterable<Gateway> };
  readonly alarms: { values(): Iterable<Alarm> };
}

/** A centre that has not answered for so long is not reached. */
const SILENT_MS = 30_000;

export const SERVICE_STATES = { unknown: 0, ready: 1, degraded: 2, notReady: 3, stopped: 4 } as const;
const PHASES = ["Unknown", "Pending", "Starting", "Running", "Backoff", "Stopping", "Stopped", "Failed", "Succeeded"];
const DUTIES = ["unknown", "passive", "active", "draining"];
export const THRESHOLD_IDS: readonly string[] = ["cpu", "disk", "memory", "swap"];

export function orreryNodes(sources: OrrerySources): readonly MibNode[] {
  const { host, kernel, settings, site, raised } = sources;
  const isSeen = (): boolean => isReached(site());
  return [
    ...scalars([...OBJECTS, 1], {
      1: () => text(host),
      2: () => hundredths(kernel()?.cpuPercent),
      3: () => kibi(kernel()?.memory.totalBytes),
      4: () => kibi(kernel()?.memory.availableBytes),
      5: () => kibi(kernel()?.memory.swapTotalBytes),
      6: () => kibi(kernel()?.memory.swapFreeBytes),
      7: () => load(kernel()?.load[0]),
      8: () => load(kernel()?.load[1]),
      9: () => load(kernel()?.load[2]),
    }),
    ...scalars([...OBJECTS, 2], {
      1: () => truth(isSeen()),
      2: () => ticks((site()?.silentMs ?? 0) / 10),
      3: () => gauge(size(site()?.services)),
      4: () => gauge(size(site()?.instances)),
      5: () => gauge(count(site()?.instances, ({ status }) => status?.ready === true)),
    }),
    serviceTable(site),
    instanceTable(site),
    alarmTable(site),
    gatewayTable(site),
    ...scalars([...OBJECTS, 7], { 1: () => gauge(durationMs(settings().interval) / 1000) }),
    table(
      PLACES.thresholds,
      {
        2: (one) => text(one.name),
        3: (one) => gauge(one.raise),
        4: (one) => gauge(one.clear),
        5: (one) => gauge(durationMs(one.delay) / 1000),
        6: (one) => truth(one.enabled),
        7: (one) => truth(raised().has(one.name)),
      },
      () => sortRows(settings().thresholds.map((of) => ({ index: [THRESHOLD_IDS.indexOf(of.name) + 1], of }))),
    ),
  ];
}

export function isReached(site: Pick<SiteSource, "silentMs"> | undefined): boolean {
  return site?.silentMs !== undefined && site.silentMs < SILENT_MS;
}

interface ServiceRow {
  readonly service: Microservice;
  readonly instances: readonly Instance[];
  readonly figures: SiteFigures | undefined;
  readonly isSeen: boolean;
}

function serviceTable(site: () => SiteSource | undefined): MibNode {
  const rows = cached(site, (source) => {
    const isSeen = isReached(source);
    const byService = new Map<string, Instance[]>();
    for (const one of source.instances.values()) {
      const key = `${one.metadata.namespace}/${one.spec.service ?? ""}`;
      byService.set(key, [...(byService.get(key) ?? []), one]);
    }
    return indexed(
      source.services.values(),
      (service): ServiceRow => ({
        service,
        instances: byService.get(`${service.metadata.namespace}/${service.metadata.name}`) ?? [],
        figures: source.figures,
        isSeen,
      }),
    );
  });
  const sum = ({ instances, figures }: ServiceRow, of: (figures: InstanceFigures) => number | undefined): number | undefined => {
    const values = instances.flatMap((one) => of(figures?.instances.get(keyOf(one)) ?? {}) ?? []);
    return values.length === 0 ? undefined : values.reduce((total, value) => total + value, 0);
  };
  const calls = ({ service, figures }: ServiceRow) => figures?.callsOfServices.get(service.metadata.name);
  return table<ServiceRow>(
    [...OBJECTS, 3, 1, 1],
    {
      2: ({ service }) => text(service.metadata.namespace ?? ""),
      3: ({ service }) => text(service.metadata.name),
      4: ({ service }) => text(service.status?.servedVersion ?? ""),
      5: (row) => integer(SERVICE_STATES[row.isSeen ? serviceState(row.service) : "unknown"]),
      6: ({ service }) => text(readiness(service.status?.conditions)?.reason ?? ""),
      7: ({ service }) => gauge(service.spec.replicas),
      8: ({ service, isSeen }) => (isSeen ? gauge(service.status?.readyReplicas ?? 0) : undefined),
      9: ({ instances }) => gauge(instances.reduce((total, { status }) => total + (status?.restarts ?? 0), 0)),
      10: (row) => hundredths(sum(row, ({ cpuPercent }) => cpuPercent)),
      11: (row) => kibi(sum(row, ({ memoryBytes }) => memoryBytes)),
      12: (row) => callGauge(row.figures, calls(row)?.calls),
      13: (row) => callGauge(row.figures, calls(row)?.errors),
      14: (row) => meanMicroseconds(calls(row)),
    },
    rows,
  );
}

interface InstanceRow {
  readonly instance: Instance;
  readonly figures: SiteFigures | undefined;
  readonly isSeen: boolean;
}

function instanceTable(site: () => SiteSource | undefined): MibNode {
  const rows = cached(site, (source) => {
    const isSeen = isReached(source);
    return indexed(source.instances.values(), (one): InstanceRow => ({ instance: one, figures: source.figures, isSeen }));
  });
  const uses = ({ instance, figures }: InstanceRow): InstanceFigures => figures?.instances.get(keyOf(instance)) ?? {};
  const calls = ({ instance, figures }: InstanceRow) => figures?.callsOfInstances.get(instance.metadata.name);
  return table<InstanceRow>(
    [...OBJECTS, 4, 1, 1],
    {
      2: ({ instance }) => text(instance.metadata.namespace ?? ""),
      3: ({ instance }) => text(instance.metadata.name),
      4: ({ instance }) => text(instance.spec.service ?? ""),
      5: ({ instance }) => text(instance.spec.version ?? ""),
      6: ({ instance }) => text(instance.spec.host),
      7: ({ instance, isSeen }) => integer(isSeen ? Math.max(0, PHASES.indexOf(instance.status?.phase ?? "Unknown")) : 0),
      8: ({ instance, isSeen }) => (isSeen ? truth(instance.status?.ready === true) : undefined),
      9: ({ instance }) => integer(Math.max(0, DUTIES.indexOf(instance.status?.duty ?? "unknown"))),
      10: ({ instance }) => (instance.status?.pid === undefined ? undefined : gauge(instance.status.pid)),
      11: ({ instance }) => gauge(instance.status?.restarts ?? 0),
      12: ({ instance }) => (instance.status?.startedAt === undefined ? undefined : dateAndTime(Date.parse(instance.status.startedAt))),
      13: (row) => hundredths(uses(row).cpuPercent),
      14: (row) => kibi(uses(row).memoryBytes),
      15: (row) => (uses(row).openFiles === undefined ? undefined : gauge(uses(row).openFiles ?? 0)),
      16: (row) => (uses(row).processes === undefined ? undefined : gauge(uses(row).processes ?? 0)),
      17: (row) => callGauge(row.figures, calls(row)?.calls),
      18: (row) => callGauge(row.figures, calls(row)?.errors),
      19: (row) => meanMicroseconds(calls(row)),
    },
    rows,
  );
}

const SEVERITIES: Readonly<Record<AlarmSeverity, number>> = { warning: 2, minor: 3, major: 4, critical: 5 };
const CLEARED = 1;
/** Where an alarm stands, as orreryAlarmState; those that are over, or not raised yet, are not told. */
const STANDS: Readonly<Partial<Record<string, number>>> = {
  Unacknowledged: 1,
  Cleared: 1,
  Acknowledged: 2,
  Shelved: 3,
  Suppressed: 4,
  OutOfService: 4,
};

function alarmTable(site: () => SiteSource | undefined): MibNode {
  const rows = cached(site, (source) =>
    indexed(
      [...source.alarms.values()].filter(({ status }) => STANDS[status?.stands ?? ""] !== undefined),
      (one) => one,
    ),
  );
  return table<Alarm>(ALARM_ENTRY, ALARM_COLUMNS, rows);
}

/** orreryAlarmEntry. */
export const ALARM_ENTRY: Oid = [...OBJECTS, 5, 1, 1];

/** What is told of an alarm, by the numbers of the columns. */
export const ALARM_COLUMNS: Readonly<Record<number, (one: Pick<Alarm, "spec" | "status">) => Value | undefined>> = {
  2: ({ spec: { resource } }) => text([resource.kind, resource.namespace, resource.name].filter((part) => part !== undefined).join("/")),
  3: ({ spec: { type, qualifier } }) => text(qualifier === undefined ? type : `${type} ${qualifier}`),
  4: ({ status }) => integer(status?.condition === "raised" ? SEVERITIES[status.severity ?? "warning"] : CLEARED),
  5: ({ status }) => integer(STANDS[status?.stands ?? ""] ?? 1),
  6: ({ status }) => (status?.raisedAt === undefined ? undefined : dateAndTime(Date.parse(status.raisedAt))),
  7: ({ status }) => text([status?.text, status?.action].filter((part) => part !== undefined && part !== "").join(". ")),
  8: ({ status }) => text(status?.shelved?.by ?? status?.operator?.by ?? ""),
};

function gatewayTable(site: () => SiteSource | undefined): MibNode {
  const rows = cached(site, (source) => {
    const isSeen = isReached(source);
    return indexed(source.gateways.values(), (one) => ({ gateway: one, isSeen }));
  });
  return table<{ readonly gateway: Gateway; readonly isSeen: boolean }>(
    [...OBJECTS, 6, 1, 1],
    {
      2: ({ gateway }) => text(gateway.metadata.name),
      3: ({ gateway }) => text(gateway.spec.host),
      4: ({ gateway }) => text(gateway.spec.roles.join(" ")),
      5: ({ gateway, isSeen }) => integer(isSeen ? conditionState(readiness(gateway.status?.conditions)) : 0),
      6: ({ gateway }) => text(readiness(gateway.status?.conditions)?.reason ?? ""),
      7: ({ gateway }) => text(gateway.status?.edgeAddress ?? ""),
      8: ({ gateway }) => gauge(gateway.status?.incarnation ?? 0),
    },
    rows,
  );
}

/** In one word, as a person would say it. */
export function serviceState({ spec, status }: Microservice): keyof typeof SERVICE_STATES {
  if (spec.suspended || spec.replicas === 0) return "stopped";
  const { status: isReady } = readiness(status?.conditions) ?? { status: "Unknown" };
  if (isReady === "Unknown") return "unknown";
  const ready = status?.readyReplicas ?? 0;
  if (isReady === "True") return ready < spec.replicas ? "degraded" : "ready";
  return ready > 0 ? "degraded" : "notReady";
}

function conditionState(condition: Pick<Condition, "status"> | undefined): number {
  return condition?.status === "True" ? 1 : condition?.status === "False" ? 2 : 0;
}

function readiness(conditions: readonly Condition[] | undefined): Condition | undefined {
  return conditions?.find(({ type }) => type === "Ready");
}

/** Rows are made anew only when something has changed, or the centre's silence begins or ends. */
function cached<T>(site: () => SiteSource | undefined, make: (source: SiteSource) => readonly Row<T>[]): () => readonly Row<T>[] {
  let known: readonly Row<T>[] = [];
  let of = "";
  return () => {
    const source = site();
    if (source === undefined) return [];
    const now = `${source.version} ${isReached(source)}`;
    if (now !== of) known = make(source);
    of = now;
    return known;
  };
}

function indexed<O extends Named, T>(objects: Iterable<O>, make: (object: O) => T): readonly Row<T>[] {
  return sortRows([...stableIndexes(objects)].map(([index, object]) => ({ index: [index], of: make(object) })));
}

function keyOf({ metadata }: Named): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function size(of: { values(): Iterable<unknown> } | undefined): number {
  return of === undefined ? 0 : [...of.values()].length;
}

function count<T>(of: { values(): Iterable<T> } | undefined, is: (one: T) => boolean): number {
  return of === undefined ? 0 : [...of.values()].filter(is).length;
}

function hundredths(percent: number | undefined): Value | undefined {
  return percent === undefined ? undefined : gauge(percent * 100);
}

function kibi(bytes: number | undefined): Value | undefined {
  return bytes === undefined ? undefined : gauge(bytes / 1024);
}

function load(value: number | undefined): Value | undefined {
  return value === undefined ? undefined : gauge(value * 100);
}

/** Where figures are told at all, nothing told of somebody means no calls. */
function callGauge(figures: SiteFigures | undefined, calls: number | undefined): Value | undefined {
  return figures === undefined ? undefined : gauge(calls ?? 0);
}

function meanMicroseconds(calls: { readonly calls: number; readonly timeSumMs: number } | undefined): Value | undefined {
  return calls === undefined || calls.calls === 0 ? undefined : gauge((calls.timeSumMs * 1000) / calls.calls);
}
