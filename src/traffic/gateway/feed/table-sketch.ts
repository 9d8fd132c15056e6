import type { CallerEntry, Endpoint, RevisionEntry, RouteEntry, ServiceEntry, SiteEntry, StampEntry, Table } from "#/traffic/routing/index.ts";
import { callerKey } from "#/traffic/routing/table/index.ts";

/** A site in a few words, for tests, benchmarks and the simulation. */
export interface TableSketch {
  readonly version?: number;
  readonly epoch?: number;
  readonly history?: string;
  readonly host?: string;
  readonly site?: Partial<SiteEntry>;
  readonly stamp?: StampEntry;
  /** Generation to its map, service to revision. */
  readonly generations: Readonly<Record<number, Readonly<Record<string, string>>>>;
  /** Revision (`auth-v1`: the service is what stands before the last dash) to its instances. */
  readonly revisions: Readonly<
    Record<string, readonly (Partial<Endpoint> & { readonly instance: string; readonly port?: number; readonly caller?: string })[]>
  >;
  /** Further callers by address: what is of no revision. */
  readonly callers?: Readonly<Record<string, Omit<CallerEntry, "host">>>;
  /** Services that a revision may call. */
  readonly calls?: Readonly<Record<string, readonly string[]>>;
  /** Of every revision; absent: streams are waited for. */
  readonly streamsEndAfterMs?: number;
  readonly services: Readonly<Record<string, Partial<ServiceEntry>>>;
  readonly routes?: readonly (Partial<RouteEntry> & { readonly service: string })[];
}

/** The table of `sketch`. Defaults: host `h`, all instances ready, the newest generation stamped, HTTP, round robin. */
export function sketchTable(sketch: TableSketch): Table {
  const host = sketch.host ?? "h";
  const numbers = Object.keys(sketch.generations).map(Number);
  const callers = Object.entries(sketch.revisions).flatMap(([revision, instances]) =>
    instances.flatMap(({ instance, caller, host: own = host }) =>
      caller === undefined ? [] : [[callerKey(own, caller), { instance, service: serviceOf(revision), revision, host: own }] as const],
    ),
  );
  return {
    position: { history: sketch.history ?? "sketch", epoch: sketch.epoch ?? 1, version: sketch.version ?? 1 },
    entries: {
      site: {
        "": {
          maxTransactionMs: 600_000,
          lingerMs: 500,
          holdMs: 5000,
          unlabelled: "allow",
          traceKey: "00112233445566778899aabbccddeeff",
          ...sketch.site,
        },
      },
      stamp: numbers.length === 0 ? {} : { "": sketch.stamp ?? { generation: Math.max(...numbers) } },
      generation: Object.fromEntries(Object.entries(sketch.generations).map(([number, assignments]) => [number, { assignments }])),
      revision: Object.fromEntries(
        Object.entries(sketch.revisions).map(([name, instances]) => [
          name,
          {
            ...revisionOf(name, instances, host, sketch.calls?.[name]),
            ...(sketch.streamsEndAfterMs === undefined ? {} : { streamsEndAfterMs: sketch.streamsEndAfterMs }),
          },
        ]),
      ),
      service: Object.fromEntries(
        Object.entries(sketch.services).map(([name, entry]) => [
          name,
          { port: 1, ports: [{ name: "http", protocol: "http" }], balancing: "roundRobin", timeoutMs: 30_000, retries: 1, ...entry },
        ]),
      ),
      caller: Object.fromEntries([
        ...callers,
        ...Object.entries(sketch.callers ?? {}).map(([address, entry]) => [callerKey(host, address), { ...entry, host }] as const),
      ]),
      route: Object.fromEntries(
        (sketch.routes ?? []).map((route, index) => [
          route.name ?? `r${index}`,
          { name: `r${index}`, createdMs: index, headers: [], filters: [], ...route },
        ]),
      ),
    },
  };
}

function serviceOf(revision: string): string {
  return revision.slice(0, revision.lastIndexOf("-"));
}

function revisionOf(name: string, instances: TableSketch["revisions"][string], host: string, calls: readonly string[] | undefined): RevisionEntry {
  const endpoints = instances.map(({ instance, port, caller: _, ...rest }) => ({
    instance,
    host,
    address: "127.0.0.1",
    ports: { http: port ?? 0 },
    ready: true,
    ...rest,
  }));
  return { service: serviceOf(name), version: name.slice(name.lastIndexOf("-") + 1), endpoints, ...(calls === undefined ? {} : { calls }) };
}
