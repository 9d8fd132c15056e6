/** The routing table: what every proxy routes by. Compiled by the centre from Site, Generations, Revisions, Instances, Microservices and Routes; kept by gateways in memory and on disk. */
import type { Filter, StampPlan } from "#/model/index.ts";
import type { GatewayLimits } from "./limits.ts";

/** On each caller address, the port where its host's gateway takes proxied requests (HTTP_PROXY). */
export const PROXY_PORT = 3128;

/** Where a table stands. Compared field by field: another history is never older or newer, only other; within one, a higher epoch wins, then the version. */
export interface TablePosition {
  readonly history: string;
  readonly epoch: number;
  readonly version: number;
}

export interface SiteEntry {
  readonly maxTransactionMs: number;
  readonly lingerMs: number;
  /** Longest time that an edge holds a transaction. */
  readonly holdMs: number;
  readonly unlabelled: "allow" | "reject";
  /** Key of the check inside trace ids (hex, 16 bytes); guards against accidents. */
  readonly traceKey: string;
  /** Number of the newest generation that was issued when the table was made. */
  readonly counter?: number;
  /** Those of the histories before the store was put back: what they have signed is of a transaction that nobody counts. */
  readonly formerTraceKeys?: readonly string[];
  /** Connections between services must come from a process of the instance whose address they use. */
  readonly callerCheck?: "process";
  /** Bounds that are not the default. */
  readonly limits?: Partial<GatewayLimits>;
  readonly edge?: EdgeEntry;
}

/** What edges do before they look for a route. */
export interface EdgeEntry {
  /** Addresses and networks whose word on the client is believed. */
  readonly trustedProxies?: readonly string[];
  /** Absent: plain HTTP. */
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string };
}

/** What new transactions get. */
export interface StampEntry extends StampPlan {
  /** Generations newer than that which is stamped, which were in service and were gone back from: what they have ends there. Absent: none. */
  readonly returned?: readonly number[];
}

/** Service to revision; immutable once issued. */
export interface GenerationEntry {
  readonly assignments: Readonly<Record<string, string>>;
}

export interface Endpoint {
  readonly instance: string;
  readonly host: string;
  /** Ports by name on 127.0.0.1 of that host. */
  readonly ports: Readonly<Record<string, number>>;
  readonly address: string;
  readonly ready: boolean;
  /** It was ready, and is not only because nothing comes of its readiness check in time. Absent: no. */
  readonly isUnanswered?: boolean;
  /** It is to be stopped as soon as nothing is open there: streams to it are ended as those of a generation that is no longer stamped. Absent: no. */
  readonly isLeaving?: boolean;
  /** Newest generation that it may serve, where its host's gateway is fenced. */
  readonly upTo?: number;
}

export interface RevisionEntry {
  readonly service: string;
  readonly version: string;
  readonly endpoints: readonly Endpoint[];
  /** Services that it may call; absent: any. */
  readonly calls?: readonly string[];
  /** Streams (WebSocket, SSE, TCP) to it are ended so long after their generation is no longer stamped, or their instance is leaving; absent: they are waited for. `streamEnds` of the service goes before it. */
  readonly streamsEndAfterMs?: number;
}

export interface ServiceEntry {
  /** Loopback port of the service on every host. */
  readonly port: number;
  /** Ports by name with protocol; the first is the default. */
  readonly ports: readonly { readonly name: string; readonly protocol: "http" | "tcp" }[];
  readonly balancing: "roundRobin" | "leastTime" | "callFrequency";
  readonly timeoutMs: number;
  readonly retries: number;
  /** Calls, streams aside, of one gateway to one instance at most; absent: 1024. */
  readonly concurrency?: number;
  /** As many streams. */
  readonly concurrentStreams?: number;
  /** Media types of answers that are streams, in lower case; absent: none but text/event-stream. */
  readonly streams?: readonly string[];
  /** Only for strategies that keep no versions, oldest first. */
  readonly moves?: readonly ServiceMove[];
  /** Where an Update, or its strategy, says how streams of older generations are ended. */
  readonly streamEnds?: ServiceStreamEnds;
}

/** Streams of generations older than `before` are ended `afterMs` after a gateway has heard of this, or, where that is absent, never; `streamsEndAfterMs` of their revision does not count. */
export interface ServiceStreamEnds {
  readonly before: number;
  readonly afterMs?: number;
}

/** In generations older than `before`, calls that belong to revision `from` go to `to`; while `isPartial`, to either, by their ready instances; while `isIdle`, still or again to `from`, but instances of `to` may take part: gateways must know them before the first call goes there, and until the last is over. */
export interface ServiceMove {
  readonly before: number;
  readonly from: string;
  readonly to: string;
  readonly isPartial?: boolean | undefined;
  readonly isIdle?: boolean | undefined;
}

/** An instance as a caller. Keyed by `<host>/<its own loopback address>` (`callerKey`): an address is unique on its host only. `service` is `resource/<name>` for a probe and `job/<name>` for a run of a job, and `revision` empty for both. */
export interface CallerEntry {
  readonly instance: string;
  readonly service: string;
  readonly revision: string;
  readonly host: string;
  /** Of a run of a job: the generation of its calls that carry none. It is kept open until the run ends. */
  readonly generation?: number;
  /** Of a run of a job: services that it may call; absent: any. */
  readonly calls?: readonly string[];
}

export interface RouteEntry {
  readonly name: string;
  /** Unix ms of creation: the older of equals wins. */
  readonly createdMs: number;
  readonly host?: string;
  readonly path?: { readonly prefix?: string; readonly exact?: string };
  readonly methods?: readonly string[];
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly tcp?: { readonly address: string; readonly port: number };
  readonly service: string;
  readonly port?: string;
  readonly filters: readonly Filter[];
  readonly timeoutMs?: number;
  readonly maxTransactionMs?: number;
  readonly retries?: number;
  /** As of a service, and beside them. */
  readonly streams?: readonly string[];
}

/** The table as flat sections; keys: generation number, revision name, service name, `<host>/<caller address>`, route name. `site` and `stamp` have the one key `""`. */
export interface TableSections {
  readonly site: SiteEntry;
  readonly stamp: StampEntry;
  readonly generation: GenerationEntry;
  readonly revision: RevisionEntry;
  readonly service: ServiceEntry;
  readonly caller: CallerEntry;
  readonly route: RouteEntry;
}

export type TableSection = keyof TableSections;

export interface Table {
  readonly position: TablePosition;
  readonly entries: { readonly [S in TableSection]: Readonly<Record<string, TableSections[S]>> };
}

/** From the table at `base` to the one at `position`. `value: null` removes the entry. */
export interface TableChange {
  readonly base: TablePosition;
  readonly position: TablePosition;
  readonly changes: readonly { readonly section: TableSection; readonly key: string; readonly value: unknown }[];
}

/** What a centre sends on the stream `table`: a whole table first (or changes, if the gateway's position is still known), then changes, at most every 20 ms. */
export type TableUpdate = { readonly table: Table } | { readonly change: TableChange };

/** What the centre says on the stream `table`: the table, the load, or the number of a counting round, which a gateway answers at once with a report. */
export type TableMessage = TableUpdate | { readonly load: PublishedLoad } | { readonly round: number };

/** Calls of one generation in one gateway. */
export interface GenerationCount {
  readonly generation: number;
  /** Transactions open at this edge. */
  readonly edge: number;
  /** Of these, streams (WebSocket, SSE, TCP). */
  readonly streams: number;
  /** Streams that are given an end, or would be if nobody had said to wait for them, also those between services: of a generation that is not stamped any more, or to an instance that is leaving. How many the gateway ends, the last of them in `lastInMs`, and how many it never ends. Absent: there are none. */
  readonly streamEnds?: { readonly ended: number; readonly lastInMs: number; readonly waited: number };
  /** Calls between services open at this host's gateway, by direction. */
  readonly outbound: number;
  readonly inbound: number;
  /** Transactions begun at this edge, in all, by this incarnation. */
  readonly begun: number;
  /** Transactions and calls of either direction begun in all by this incarnation: equal in two rounds means that nothing went by in between. */
  readonly started: number;
  /** The same of each service, of calls to it and by it: open now, and begun in all. Absent: not told. */
  readonly services?: Readonly<Record<string, { readonly open: number; readonly started: number }>>;
}

/** One window of calls: (caller, service, instance) since the report before. `caller` is a service name, `""` from outside, `?` unknown. */
export interface CallWindow {
  readonly caller: string;
  readonly service: string;
  readonly revision: string;
  readonly instance: string;
  readonly host: string;
  readonly calls: number;
  /** Answers ≥ 500 and calls without an answer. */
  readonly errors: number;
  readonly timeSumMs: number;
  readonly timeMaxMs: number;
  /** Counts in buckets of `LATENCY_BUCKETS_MS`, for quantiles. */
  readonly buckets: readonly number[];
  readonly inFlight: number;
  /** Requests above the packet size (24 KB). */
  readonly large: number;
  /** Begun without a trace context, by a service or by somebody unknown. Absent: not told. */
  readonly unlabelled?: number;
  /** Generation of these calls. */
  readonly generation: number;
}

/** Upper bounds of the latency buckets in ms; one more bucket holds the rest. */
export const LATENCY_BUCKETS_MS: readonly number[] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000];

/** A gateway's report, about every 250 ms while something changes, every 2 s otherwise; numbered without gaps within an incarnation. */
export interface GatewayReport {
  readonly gateway: string;
  readonly host: string;
  readonly roles: readonly ("edge" | "host")[];
  readonly incarnation: number;
  readonly sequence: number;
  /** Table in force when the counts were taken. */
  readonly position: TablePosition;
  /** Newest counting round that the gateway had heard of when it took the counts; 0 before the first of this connection. */
  readonly round: number;
  readonly counts: readonly GenerationCount[];
  readonly windows: readonly CallWindow[];
  /** Per calling service (as `caller` of a window) since the report before: calls without a context, also those that were refused for it, and how many labelled calls it got; `isTcp`: TCP connections, which have no place for a context, in an entry of their own; calls that were refused, to `called` if that is known. */
  readonly unlabelled: readonly { readonly service: string; readonly calls: number; readonly labelledIn: number; readonly isTcp?: boolean }[];
  readonly refused: readonly { readonly service: string; readonly calls: number; readonly reason: string; readonly called?: string }[];
  /** New transactions that wait for a handover now, and what has waited since the report before. */
  readonly held: { readonly now: number; readonly total: number; readonly timeSumMs: number; readonly timeMaxMs: number };
  /** Addresses on which it could not listen, and why. */
  readonly listenFailures: readonly { readonly address: string; readonly port: number; readonly reason: string }[];
  /** Why it cannot keep a newer table than that at `position` on its disk; absent: nothing hinders it. */
  readonly tableFailure?: string;
  readonly edgeAddress?: string;
}

/** Load that the centre publishes, at most once a second: per host, and per instance over all gateways. */
export interface PublishedLoad {
  /** Host to load per processor, 0 idle, 1 full. */
  readonly hosts: Readonly<Record<string, number>>;
}

/** What a gateway has, as it tells when it asks for what has changed since. */
export interface KnownTable {
  readonly position: TablePosition;
  /** Newest generation that was issued when the table was made, as far as it tells. */
  readonly newest: number;
  /** Of each generation that it has, the digest of its map. */
  readonly maps: Readonly<Record<string, string>>;
}

/** Where a gateway gets its table and gives its reports: the link to the centre, or a test. */
export interface TableFeed {
  /** Calls `listener` for each update; returns what stops it. Updates are for the table told by `known`; a whole table comes when there is none. */
  subscribe(
    known: () => KnownTable | undefined,
    listener: { update(update: TableUpdate): void; load(load: PublishedLoad): void; round(number: number): void },
  ): () => void;
  /** The table at `position` is in force. Sent at once. */
  acknowledge(position: TablePosition): void;
  /** False when it could not be sent: the gateway keeps counting and sends the sum next time. */
  report(report: GatewayReport): boolean;
}
