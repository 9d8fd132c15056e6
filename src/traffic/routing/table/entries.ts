import { fnv1a } from "#/base/index.ts";
import {
  DEFAULT_LIMITS,
  durationMs,
  type Generation,
  type Instance,
  isLeaving,
  type Microservice,
  type Revision,
  type Route,
  type Site,
} from "#/model/index.ts";
import type {
  CallerEntry,
  Endpoint,
  GenerationEntry,
  RevisionEntry,
  RouteEntry,
  ServiceEntry,
  ServiceMove,
  SiteEntry,
  StampEntry,
} from "../contract.ts";
import { gatewayLimitsOf, limitsThatDiffer } from "../limits.ts";

/** Where instances listen: on their own host only. */
const INSTANCE_ADDRESS = "127.0.0.1";

export function siteEntry(site: Site): SiteEntry {
  return {
    maxTransactionMs: durationMs(site.spec.maxTransaction),
    lingerMs: durationMs(site.spec.linger),
    holdMs: durationMs(site.spec.hold),
    unlabelled: site.spec.unlabelled,
    traceKey: traceKeyOf(site.status?.history ?? ""),
    ...(site.status?.counter === undefined ? {} : { counter: site.status.counter }),
    ...(site.status?.formerHistories === undefined ? {} : { formerTraceKeys: site.status.formerHistories.map(traceKeyOf) }),
    ...policyOf(site.spec),
  };
}

/** A Site that an older release has stored says nothing of limits and edges. */
function policyOf({ limits, edge, callerCheck }: Partial<Site["spec"]>): Pick<SiteEntry, "limits" | "edge" | "callerCheck"> {
  const changed = limitsThatDiffer(gatewayLimitsOf({ ...DEFAULT_LIMITS, ...limits }));
  const trusted = edge?.trustedProxies ?? [];
  const tls = edge?.tls;
  return {
    ...(changed === undefined ? {} : { limits: changed }),
    ...(callerCheck === "process" ? { callerCheck } : {}),
    ...(trusted.length === 0 && tls === undefined
      ? {}
      : { edge: { ...(trusted.length === 0 ? {} : { trustedProxies: trusted }), ...(tls === undefined ? {} : { tls }) } }),
  };
}

/** Media types know no case. */
function streamsOf(streams: readonly string[] | undefined): { readonly streams?: readonly string[] } {
  return streams === undefined || streams.length === 0 ? {} : { streams: streams.map((one) => one.toLowerCase()) };
}

/** The key of the check in trace ids: a plain hash of the history's id (FNV-1a of four bases), so that it needs no keeping and changes when a store is restored. It guards against accidents only. */
export function traceKeyOf(history: string): string {
  const bases = [0x811c_9dc5, 0x1234_5678, 0x9e37_79b9, 0xdead_beef];
  return bases.map((basis) => fnv1a(history, basis).toString(16).padStart(8, "0")).join("");
}

export function stampEntry({ status }: Site): StampEntry | undefined {
  const { stamp, generations = [] } = status ?? {};
  if (stamp === undefined) return undefined;
  const returned = generations.flatMap((one) => (one.returned !== undefined && one.number > stamp.generation ? [one.number] : []));
  return returned.length === 0 ? stamp : { ...stamp, returned };
}

export function generationEntry(generation: Generation): GenerationEntry {
  return { assignments: generation.spec.map };
}

/** `instances` are those of the revision; `upTo` gives the fence of a host. */
export function revisionEntry(revision: Revision, instances: readonly Instance[], upTo: (host: string) => number | undefined): RevisionEntry {
  const endpoints: Endpoint[] = [];
  for (const instance of instances) {
    const ports = instance.status?.ports;
    if (ports === undefined) continue;
    const fence = upTo(instance.spec.host);
    endpoints.push({
      instance: instance.metadata.name,
      host: instance.spec.host,
      ports,
      address: INSTANCE_ADDRESS,
      ready: isServing(instance),
      ...(isUnanswered(instance) ? { isUnanswered: true } : {}),
      ...(isLeaving(instance) ? { isLeaving: true } : {}),
      ...(fence === undefined ? {} : { upTo: fence }),
    });
  }
  endpoints.sort((a, b) => (a.instance < b.instance ? -1 : a.instance > b.instance ? 1 : 0));
  const { service, template } = revision.spec;
  return {
    service,
    version: template.version,
    endpoints,
    ...(template.calls === undefined ? {} : { calls: template.calls }),
    ...(template.drain.streams === "wait" ? {} : { streamsEndAfterMs: durationMs(template.drain.terminateAfter) }),
  };
}

/** Ready, and nobody has asked it to stop or to begin again: calls must leave an instance before SIGTERM reaches it. */
function isServing(instance: Instance): boolean {
  return instance.status?.ready === true && !isLeaving(instance);
}

function isUnanswered(instance: Instance): boolean {
  return instance.status?.unanswered === true && !isLeaving(instance);
}

/** `undefined` while the service has no port yet. `decided` is the status of the Site. */
export function serviceEntry(microservice: Microservice, decided: Site["status"]): ServiceEntry | undefined {
  const port = microservice.spec.port ?? microservice.status?.port;
  if (port === undefined) return undefined;
  const { spec } = microservice;
  const ends = decided?.streamEnds?.find((one) => one.service === microservice.metadata.name);
  const own = (decided?.moves ?? [])
    .filter((one) => one.service === microservice.metadata.name)
    .map(
      ({ before, from, to, isPartial, isIdle }): ServiceMove => ({
        before,
        from,
        to,
        ...(isPartial === undefined ? {} : { isPartial }),
        ...(isIdle === undefined ? {} : { isIdle }),
      }),
    );
  return {
    port,
    ports: spec.template.ports.map(({ name, protocol }) => ({ name, protocol })),
    balancing: spec.balancing.algorithm,
    timeoutMs: durationMs(spec.timeout),
    retries: spec.retries,
    concurrency: spec.concurrency,
    concurrentStreams: spec.concurrentStreams,
    ...streamsOf(spec.streams),
    ...(own.length === 0 ? {} : { moves: own }),
    ...(ends === undefined ? {} : { streamEnds: { before: ends.before, ...(ends.afterMs === undefined ? {} : { afterMs: ends.afterMs }) } }),
  };
}

/** Key of a caller: addresses are unique on a host only. */
export function callerKey(host: string, address: string): string {
  return `${host}/${address}`;
}

/** The instance as a caller. A probe program calls as `resource/<name>`, a run of a job as `job/<name>`, both of no revision. What is over calls nobody. */
export function callerEntry(instance: Instance): CallerEntry | undefined {
  const { service, revision, resource, job, host, generation, calls } = instance.spec;
  const name = service ?? (resource !== undefined ? `resource/${resource}` : job === undefined ? undefined : `job/${job}`);
  if (name === undefined || instance.status?.outcome !== undefined) return undefined;
  return {
    instance: instance.metadata.name,
    service: name,
    revision: revision ?? "",
    host,
    ...(job === undefined || generation === undefined ? {} : { generation }),
    ...(job === undefined || calls === undefined ? {} : { calls }),
  };
}

export function routeEntry(route: Route): RouteEntry {
  const { spec } = route;
  return {
    name: route.metadata.name,
    createdMs: Date.parse(route.metadata.creationTimestamp),
    ...(spec.host === undefined ? {} : { host: spec.host }),
    ...(spec.path === undefined ? {} : { path: definedOf(spec.path) }),
    ...(spec.methods === undefined ? {} : { methods: spec.methods }),
    headers: spec.headers,
    ...(spec.tcp === undefined ? {} : { tcp: { address: spec.tcp.address, port: spec.tcp.port } }),
    service: spec.service,
    ...(spec.port === undefined ? {} : { port: spec.port }),
    filters: spec.filters,
    ...(spec.timeout === undefined ? {} : { timeoutMs: durationMs(spec.timeout) }),
    ...(spec.maxTransaction === undefined ? {} : { maxTransactionMs: durationMs(spec.maxTransaction) }),
    ...(spec.retries === undefined ? {} : { retries: spec.retries }),
    ...streamsOf(spec.streams),
  };
}

function definedOf(path: { readonly prefix?: string | undefined; readonly exact?: string | undefined }): {
  readonly prefix?: string;
  readonly exact?: string;
} {
  if (path.exact !== undefined) return { exact: path.exact };
  return path.prefix === undefined ? {} : { prefix: path.prefix };
}
