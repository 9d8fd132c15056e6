import { isOrreryError } from "#/base/index.ts";
import {
  type Condition,
  type Gateway,
  gateway,
  type Host,
  host,
  type Instance,
  instance,
  type Job,
  job,
  type Kind,
  type Microservice,
  microservice,
  type Resource,
  type Route,
  resource,
  route,
  SITE_NAME,
  type Site,
  type StoredObject,
  site,
} from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { objectPath } from "./kubernetes.ts";
import { loadLive } from "./live.ts";
import type { PlatformProcess } from "./platform.ts";
import { type Readiness, readinessOf } from "./readiness.ts";
import { routeUrl } from "./route-url.ts";

/** What `orrery status` shows; `-o json` is exactly this. */
export interface SiteState {
  readonly data: string;
  readonly api?: string;
  readonly edge?: string;
  /** For browsers. */
  readonly console?: string;
  /** Orrery's own processes, then those of the instances. Without a pid it does not run. */
  readonly processes: readonly ProcessState[];
  /** Absent: the API did not answer; `problem` says why. */
  readonly site?: { readonly generation?: number; readonly reason: string; readonly message: string };
  readonly hosts: readonly HostState[];
  readonly microservices: readonly (Readiness & {
    readonly name: string;
    readonly version?: string;
    readonly desired: number;
    readonly ready: number;
  })[];
  readonly jobs?: readonly (Readiness & { readonly name: string; readonly schedule?: string; readonly next?: string; readonly lastRun?: string })[];
  readonly resources: readonly (Readiness & { readonly name: string; readonly id: string; readonly type: string; readonly observedAt?: string })[];
  readonly gateways: readonly (Readiness & {
    readonly name: string;
    readonly host: string;
    readonly roles: readonly string[];
    readonly edge?: string;
  })[];
  readonly routes: readonly (Readiness & { readonly name: string; readonly url: string; readonly service: string })[];
  /** What else is not as it should be: other conditions than those by which the objects above are judged. */
  readonly warnings: readonly {
    readonly object: string;
    readonly type: string;
    readonly reason: string;
    readonly message: string;
    /** RFC 3339; absent: nobody has seen it begin. */
    readonly since?: string;
  }[];
  readonly problem?: string;
}

export interface ProcessState {
  readonly name: string;
  /** `supervisor`, `centre`, `agent`, `gateway`, or `instance`. */
  readonly type: PlatformProcess["name"] | "instance";
  readonly pid?: number;
  readonly ready: boolean;
  readonly since?: string;
  readonly restarts: number;
  readonly memoryBytes?: number;
  readonly cpuPercent?: number;
  readonly service?: string;
  readonly phase?: string;
}

interface HostState extends Readiness {
  readonly name: string;
  readonly cpus?: number;
  readonly cpuPercent?: number;
  readonly memoryTotalBytes?: number;
  readonly memoryAvailableBytes?: number;
  readonly load?: readonly number[];
  readonly disk?: { readonly mount: string; readonly totalBytes: number; readonly availableBytes: number };
  readonly uptimeSeconds?: number;
}

/** Everything about a running site, read from the API in one go. */
export async function loadSiteState(api: Client, data: string, own: readonly PlatformProcess[], edge: string | undefined): Promise<SiteState> {
  const list = async <T>(kind: Kind): Promise<readonly T[]> =>
    await api.request({ path: objectPath(kind) }).then(
      ({ body }) => (body as { readonly items: readonly T[] }).items,
      (error: unknown) => {
        // A site may do without.
        if (isOrreryError(error, "api/left-out")) return [];
        throw error;
      },
    );
  const [sites, hosts, services, instances, resources, jobs, gateways, routes, hostUse, instanceUse] = await Promise.all([
    list<Site>(site),
    list<Host>(host),
    list<Microservice>(microservice),
    list<Instance>(instance),
    list<Resource>(resource),
    list<Job>(job),
    list<Gateway>(gateway),
    list<Route>(route),
    loadLive(api, "hosts"),
    loadLive(api, "instances"),
  ]);
  const useOfInstance = new Map(instanceUse.map((entry) => [entry.key, entry.value]));
  const useOfHost = new Map(hostUse.map((entry) => [entry.key, entry.value]));
  const edgeUrl = edge ?? "";
  const siteObject = sites.find((one) => one.metadata.name === SITE_NAME);
  return {
    data,
    api: api.url,
    ...(edge === undefined ? {} : { edge }),
    processes: [...own.map((one) => ({ ...one, type: one.name })), ...instances.filter(hasProcess).map((one) => instanceProcess(one, useOfInstance))],
    ...(siteObject === undefined ? {} : { site: describeSettling(siteObject) }),
    hosts: hosts.map((one) => ({ name: one.metadata.name, ...conditionOf(one, "Ready"), ...hostFacts(useOfHost.get(one.metadata.name)) })),
    microservices: services.map((one) => ({
      name: one.metadata.name,
      ...optional("version", one.status?.servedVersion),
      desired: one.spec.suspended ? 0 : one.spec.replicas,
      ready: one.status?.readyReplicas ?? 0,
      ...serviceReadiness(one),
    })),
    resources: resources.map((one) => ({
      name: one.metadata.name,
      id: one.spec.id,
      type: one.spec.type,
      ...optional("observedAt", one.status?.observedAt),
      ...conditionOf(one, "Ready"),
    })),
    jobs: jobs.map((one) => ({
      name: one.metadata.name,
      ...optional("schedule", one.spec.schedule),
      ...optional("next", one.status?.nextScheduledAt),
      ...optional("lastRun", one.status?.lastRun),
      ...conditionOf(one, "Ready"),
    })),
    gateways: gateways.map((one) => ({
      name: one.metadata.name,
      host: one.spec.host,
      roles: one.spec.roles,
      ...optional("edge", one.status?.edgeAddress),
      ...conditionOf(one, "Ready"),
    })),
    routes: routes.map((one) => ({
      name: one.metadata.name,
      url: routeUrl(edgeUrl, one),
      service: one.spec.service,
      ...conditionOf(one, "Accepted"),
    })),
    warnings: [...sites, ...hosts, ...services, ...instances, ...resources, ...gateways, ...routes].flatMap(warningsOf),
  };
}

/** By these the objects are judged where they stand. */
const JUDGED: ReadonlySet<string> = new Set(["Ready", "Accepted", "Settled"]);
/** Conditions that are well when they are False; all others are well when they are True. */
const WELL_WHEN_FALSE: ReadonlySet<string> = new Set(["Diverged", "BrokenGlass"]);

function warningsOf({ kind, metadata, status }: StoredObject): SiteState["warnings"] {
  const conditions = (status as { readonly conditions?: readonly Condition[] } | undefined)?.conditions ?? [];
  return conditions
    .filter((one) => !JUDGED.has(one.type) && one.status === (WELL_WHEN_FALSE.has(one.type) ? "True" : "False"))
    .map(({ type, reason, message, lastTransitionTime }) => ({
      object: `${kind.toLowerCase()}/${metadata.name}`,
      type,
      reason,
      message,
      since: lastTransitionTime,
    }));
}

/** None wanted and none there is ready in a way that nobody should overlook. */
function serviceReadiness(one: Microservice): Readiness {
  const readiness = readinessOf(one);
  if (one.spec.replicas > 0 || one.spec.suspended || !readiness.isReady) return readiness;
  return {
    isReady: true,
    reason: "ScaledToZero",
    message: `scaled to 0, nothing serves it; start some with: orrery scale ${one.metadata.name} 1`,
  };
}

/** Built-in probes are carried out by the agent itself. */
function hasProcess(one: Instance): boolean {
  return one.spec.run !== undefined && one.status?.outcome === undefined;
}

function instanceProcess(one: Instance, useOf: ReadonlyMap<string, Readonly<Record<string, unknown>>>): ProcessState {
  const { status, spec, metadata } = one;
  const use = useOf.get(`${metadata.namespace}/${metadata.name}`);
  // It runs on for what is open there, and nobody new is sent to it.
  const isLeaving = metadata.deletionTimestamp !== undefined && status?.phase === "Running";
  const isRunning = status?.phase === "Running" || status?.phase === "Starting" || status?.phase === "Stopping";
  return {
    name: metadata.name,
    type: "instance",
    ...(isRunning
      ? {
          ...optional("pid", status?.pid),
          ...optional("since", status?.startedAt),
          ...optional("memoryBytes", numberAt(use, "memoryBytes")),
          ...optional("cpuPercent", numberAt(use, "cpuPercent")),
        }
      : {}),
    ready: status?.ready === true && !isLeaving,
    restarts: status?.restarts ?? 0,
    ...optional("service", spec.service ?? spec.resource),
    ...optional("phase", isLeaving ? "Leaving" : status?.phase === "Running" && status.ready !== true ? "NotReady" : status?.phase),
  };
}

function describeSettling(object: Site): NonNullable<SiteState["site"]> {
  const { reason, message } = conditionOf(object, "Settled");
  return { ...optional("generation", object.status?.stamp?.generation), reason, message };
}

function conditionOf(object: StoredObject, type: string): Readiness {
  const { conditions } = (object.status ?? {}) as {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[];
  };
  const found = conditions?.find((one) => one.type === type);
  return found === undefined
    ? { isReady: false, reason: "Unknown", message: "" }
    : { isReady: found.status === "True", reason: found.reason, message: found.message };
}

function hostFacts(use: Readonly<Record<string, unknown>> | undefined): Omit<HostState, keyof Readiness | "name"> {
  if (use === undefined) return {};
  const memory = recordAt(use, "memory");
  const disks = (Array.isArray(use["disks"]) ? use["disks"] : []) as readonly {
    readonly mount: string;
    readonly totalBytes: number;
    readonly availableBytes: number;
  }[];
  // The fullest one is the one that matters.
  const disk = disks.toSorted((a, b) => a.availableBytes / a.totalBytes - b.availableBytes / b.totalBytes)[0];
  return {
    ...optional("cpus", numberAt(use, "cpus")),
    ...optional("cpuPercent", numberAt(use, "cpuPercent")),
    ...optional("memoryTotalBytes", numberAt(memory, "totalBytes")),
    ...optional("memoryAvailableBytes", numberAt(memory, "availableBytes")),
    ...optional("load", Array.isArray(use["load"]) ? (use["load"] as readonly number[]) : undefined),
    ...optional("disk", disk),
    ...optional("uptimeSeconds", numberAt(use, "uptimeSeconds")),
  };
}

function recordAt(record: Readonly<Record<string, unknown>> | undefined, key: string): Readonly<Record<string, unknown>> | undefined {
  const value = record?.[key];
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}

function numberAt(record: Readonly<Record<string, unknown>> | undefined, key: string): number | undefined {
  const value = record?.[key];
  return typeof value === "number" ? value : undefined;
}

function optional<K extends string, T>(key: K, value: T | undefined): { readonly [P in K]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: T };
}
