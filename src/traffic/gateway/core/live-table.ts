import type {
  CallerEntry,
  Endpoint,
  GatewayLimits,
  KnownTable,
  PublishedLoad,
  RouteEntry,
  ServiceEntry,
  SiteEntry,
  StampEntry,
  Table,
  TableChange,
  TablePosition,
  TableSection,
  TableUpdate,
} from "#/traffic/routing/index.ts";
import { DEFAULT_GATEWAY_LIMITS } from "#/traffic/routing/index.ts";
import {
  applyChange,
  emptyTable,
  isOlder,
  isSamePosition,
  mapDigest,
  revisionsMet,
  TABLE_SECTIONS,
  takesPart,
} from "#/traffic/routing/table/index.ts";
import { formatGenerationHeader, parseTraceKey, type TraceKey, traceIdPrefix } from "#/traffic/trace/index.ts";
import { AddressRanges, isLoopbackAddress } from "./address.ts";
import { type EndpointState, RevisionState } from "./endpoint.ts";
import { RouteMatcher } from "./route-matcher.ts";

/** One open generation. */
export interface GenerationState {
  readonly number: number;
  readonly assignments: ReadonlyMap<string, string>;
  /** What this gateway stamps: first digits of its trace ids, and the second carrier. */
  readonly tracePrefix: string;
  readonly header: string;
}

const DEFAULT_SITE: SiteEntry = { maxTransactionMs: 600_000, lingerMs: 500, holdMs: 5000, unlabelled: "allow", traceKey: "0".repeat(32) };

/** `applied`, `older` (ignored: it was in force already, or is behind), or `gap`: the change is for another table, a whole one is needed. */
export type Applied = "applied" | "older" | "gap";

/** The table in force, indexed for routing. A change costs what it touches. */
export class LiveTable {
  readonly #host: string;
  readonly #incarnation: number;
  #table: Table | undefined;
  #site: SiteEntry = DEFAULT_SITE;
  #longestTransactionMs = DEFAULT_SITE.maxTransactionMs;
  #limits: GatewayLimits = DEFAULT_GATEWAY_LIMITS;
  #trusted = new AddressRanges([]);
  #traceKey: TraceKey = parseTraceKey(DEFAULT_SITE.traceKey);
  #formerTraceKeys: readonly TraceKey[] = [];
  #stamp: StampEntry | undefined;
  readonly #generations = new Map<number, GenerationState>();
  #newestFirst: readonly GenerationState[] = [];
  readonly #revisions = new Map<string, RevisionState>();
  readonly #callers = new Map<string, CallerEntry>();
  #servicePorts = new Map<number, string>();
  #routes = new RouteMatcher([]);
  readonly #endpointsByPort = new Map<number, EndpointState>();
  /** Instances of other hosts that can be reached from here, by address and port. */
  readonly #endpointsElsewhere = new Map<string, EndpointState>();
  /** By service that is called first: whether the transaction can reach what is being handed over. */
  readonly #isHeld = new Map<string, boolean>();

  constructor(options: { readonly host: string; readonly incarnation: number }) {
    this.#host = options.host;
    this.#incarnation = options.incarnation;
  }

  /** The table in force; `undefined` before the first. */
  get table(): Table | undefined {
    return this.#table;
  }

  /** Where it stands. */
  get position(): TablePosition | undefined {
    return this.#table?.position;
  }

  /** For whoever is asked for what has changed since. */
  get known(): KnownTable | undefined {
    if (this.#table === undefined) return undefined;
    const maps = Object.fromEntries(this.#newestFirst.map((one) => [one.number, mapDigest(one.assignments)]));
    return { position: this.#table.position, newest: Math.max(this.#site.counter ?? 0, this.#newestFirst[0]?.number ?? 0), maps };
  }

  get site(): SiteEntry {
    return this.#site;
  }

  /** Bounds of this gateway. */
  get limits(): GatewayLimits {
    return this.#limits;
  }

  /** Proxies whose word on the client is believed. */
  get trusted(): AddressRanges {
    return this.#trusted;
  }

  get traceKey(): TraceKey {
    return this.#traceKey;
  }

  /** Of the histories before the store was put back. */
  get formerTraceKeys(): readonly TraceKey[] {
    return this.#formerTraceKeys;
  }

  get stamp(): StampEntry | undefined {
    return this.#stamp;
  }

  /** Open generations, newest first. */
  get generations(): readonly GenerationState[] {
    return this.#newestFirst;
  }

  /** How long a transaction may last, wherever it began. */
  get longestTransactionMs(): number {
    return this.#longestTransactionMs;
  }

  get routes(): RouteMatcher {
    return this.#routes;
  }

  generation(number: number): GenerationState | undefined {
    return this.#generations.get(number);
  }

  revision(name: string): RevisionState | undefined {
    return this.#revisions.get(name);
  }

  get revisions(): Iterable<RevisionState> {
    return this.#revisions.values();
  }

  service(name: string): ServiceEntry | undefined {
    return this.#table?.entries.service[name];
  }

  /** The service that is offered on a loopback port. */
  serviceAt(port: number): string | undefined {
    return this.#servicePorts.get(port);
  }

  /** Instances of this host that have a caller address, by it. */
  get callers(): ReadonlyMap<string, CallerEntry> {
    return this.#callers;
  }

  /** The instance of this host that listens on `port`. */
  endpointAt(port: number): EndpointState | undefined {
    return this.#endpointsByPort.get(port);
  }

  /** The instance of another host that listens at `address`, port `port`. */
  endpointElsewhere(address: string, port: number): EndpointState | undefined {
    return this.#endpointsElsewhere.get(`${address} ${port}`);
  }

  /** True if `name` is a service of the site, in the newest table or in any open generation. */
  isService(name: string): boolean {
    return this.service(name) !== undefined || this.#newestFirst.some((one) => one.assignments.has(name));
  }

  /** True if an instance of `revision` may take part in `generation`. */
  takesPart(generation: GenerationState, service: string, revision: string): boolean {
    const mapped = generation.assignments.get(service);
    if (mapped === revision) return true;
    const moves = this.service(service)?.moves;
    return mapped !== undefined && moves !== undefined && takesPart(moves, generation.number, mapped, revision);
  }

  /** True if `generation` maps the service to `revision`, or its calls have been moved there: not only planned, nor taken back. */
  meets(generation: GenerationState, service: string, revision: string): boolean {
    const mapped = generation.assignments.get(service);
    if (mapped === undefined || mapped === revision) return mapped !== undefined;
    return revisionsMet(this.service(service)?.moves ?? [], generation.number, mapped).includes(revision);
  }

  /** True if a new transaction that begins with a call of `service` can reach a service for which new transactions are held. A revision that declares no `calls` may call anything. */
  isHeld(service: string): boolean {
    const known = this.#isHeld.get(service);
    if (known !== undefined) return known;
    const answer = this.#canReachHeld(service);
    this.#isHeld.set(service, answer);
    return answer;
  }

  #canReachHeld(first: string): boolean {
    const hold = this.#stamp?.hold;
    if (hold === undefined) return false;
    const assignments = this.#generations.get(hold.to)?.assignments;
    if (assignments === undefined) return true;
    const seen = new Set([first]);
    for (const service of seen) {
      if (hold.services.includes(service)) return true;
      const assigned = assignments.get(service);
      // Whoever calls what is not there is refused.
      if (assigned === undefined) continue;
      const revision = this.#revisions.get(assigned);
      if (revision?.calls === undefined) return true;
      for (const next of revision.calls) seen.add(next);
    }
    return false;
  }

  /** Takes a table or a change. A whole table of another history is taken: the store was restored. */
  apply(update: TableUpdate): Applied {
    const current = this.#table;
    if ("table" in update) {
      if (current !== undefined && (isOlder(update.table.position, current.position) || isSamePosition(update.table.position, current.position)))
        return "older";
      this.#replace(update.table);
      return "applied";
    }
    const { change } = update;
    if (current === undefined) return "gap";
    if (isOlder(change.position, current.position) || isSamePosition(change.position, current.position)) return "older";
    if (!isSamePosition(change.base, current.position)) return "gap";
    this.#table = applyChange(current, change);
    this.#index(change.changes);
    return "applied";
  }

  #replace(table: Table): void {
    const former = this.#table ?? emptyTable(table.position);
    this.#table = table;
    const changes: { section: TableSection; key: string; value: unknown }[] = [];
    for (const section of TABLE_SECTIONS) {
      for (const key of Object.keys(former.entries[section]))
        if (!Object.hasOwn(table.entries[section], key)) changes.push({ section, key, value: null });
      for (const [key, value] of Object.entries(table.entries[section])) changes.push({ section, key, value });
    }
    this.#index(changes);
  }

  #index(changes: TableChange["changes"]): void {
    const touched = new Set(changes.map((one) => one.section));
    this.#isHeld.clear();
    // Trace ids depend on the key, so the site comes first.
    if (touched.has("site")) this.#indexSite();
    for (const { section, key } of changes) {
      if (section === "generation") this.#indexGeneration(Number(key));
      else if (section === "revision") this.#indexRevision(key);
      else if (section === "caller") this.#indexCaller(key);
    }
    const entries = this.#table?.entries;
    if (touched.has("generation") || touched.has("site")) this.#newestFirst = [...this.#generations.values()].sort((a, b) => b.number - a.number);
    if (touched.has("stamp")) this.#stamp = entries?.stamp[""];
    if (touched.has("service")) this.#servicePorts = new Map(Object.entries(entries?.service ?? {}).map(([name, one]) => [one.port, name]));
    if (touched.has("route") || touched.has("site"))
      this.#longestTransactionMs = Math.max(
        this.#site.maxTransactionMs,
        ...Object.values(entries?.route ?? {}).map((one) => one.maxTransactionMs ?? 0),
      );
    if (touched.has("route")) this.#routes = new RouteMatcher(Object.values(entries?.route ?? {}));
  }

  #indexSite(): void {
    this.#site = this.#table?.entries.site[""] ?? DEFAULT_SITE;
    this.#limits = { ...DEFAULT_GATEWAY_LIMITS, ...this.#site.limits };
    this.#trusted = new AddressRanges(this.#site.edge?.trustedProxies ?? []);
    this.#traceKey = parseTraceKey(this.#site.traceKey);
    this.#formerTraceKeys = (this.#site.formerTraceKeys ?? []).map(parseTraceKey);
    for (const number of this.#generations.keys()) this.#indexGeneration(number);
  }

  #indexGeneration(number: number): void {
    const entry = this.#table?.entries.generation[String(number)];
    if (entry === undefined) {
      this.#generations.delete(number);
      return;
    }
    const mark = { generation: number, incarnation: this.#incarnation };
    this.#generations.set(number, {
      number,
      assignments: new Map(Object.entries(entry.assignments)),
      tracePrefix: traceIdPrefix(this.#traceKey, mark),
      header: formatGenerationHeader(this.#traceKey, mark),
    });
  }

  #indexRevision(name: string): void {
    const former = this.#revisions.get(name);
    const entry = this.#table?.entries.revision[name];
    if (entry === undefined) {
      for (const endpoint of former?.endpoints ?? []) endpoint.isGone = true;
      this.#forgetPorts(former);
      this.#revisions.delete(name);
      return;
    }
    const revision = new RevisionState(name, entry, former, (endpoint) => this.#isReachable(endpoint));
    this.#revisions.set(name, revision);
    this.#forgetPorts(former);
    for (const endpoint of revision.endpoints) {
      for (const port of Object.values(endpoint.ports)) {
        if (endpoint.host === this.#host) this.#endpointsByPort.set(port, endpoint);
        else if (!isLoopbackAddress(endpoint.address)) this.#endpointsElsewhere.set(`${endpoint.address} ${port}`, endpoint);
      }
    }
  }

  #forgetPorts(former: RevisionState | undefined): void {
    for (const endpoint of former?.endpoints ?? []) {
      if (!endpoint.isGone) continue;
      for (const port of Object.values(endpoint.ports)) {
        if (this.#endpointsByPort.get(port) === endpoint) this.#endpointsByPort.delete(port);
        const key = `${endpoint.address} ${port}`;
        if (this.#endpointsElsewhere.get(key) === endpoint) this.#endpointsElsewhere.delete(key);
      }
    }
  }

  /** Instances on loopback are reached from their own host only. */
  #isReachable(endpoint: Endpoint): boolean {
    return endpoint.host === this.#host || !endpoint.address.startsWith("127.");
  }

  #indexCaller(key: string): void {
    const entry = this.#table?.entries.caller[key];
    const slash = key.lastIndexOf("/");
    if (key.slice(0, slash) !== this.#host) return;
    const address = key.slice(slash + 1);
    if (entry === undefined) this.#callers.delete(address);
    else this.#callers.set(address, entry);
  }

  setLoad(load: PublishedLoad): void {
    for (const revision of this.#revisions.values()) for (const endpoint of revision.endpoints) endpoint.hostLoad = load.hosts[endpoint.host];
  }

  /** TCP routes of the edge. */
  get tcpRoutes(): readonly RouteEntry[] {
    return Object.values(this.#table?.entries.route ?? {}).filter((one) => one.tcp !== undefined);
  }
}
