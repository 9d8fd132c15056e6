import { createServer, type Server, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import path from "node:path";
import { type Clock, describeError, LastGuard, type Log, OrreryError, type Random } from "#/base/index.ts";
import { type GatewayReport, PROXY_PORT, type PublishedLoad, type TableFeed, type TablePosition, type TableUpdate } from "#/traffic/routing/index.ts";
import { AccessLog } from "./access-log.ts";
import { type Call, GatewayCore, type Inlet, type OwnHost, type Refusal, refuse, type Undecided } from "./core/index.ts";
import { Deadlines } from "./deadlines.ts";
import { nextIncarnation } from "./durable-file.ts";
import { EdgeTls } from "./edge-tls.ts";
import { HttpProxy } from "./http-proxy.ts";
import { tagSocket } from "./inlet.ts";
import { type Listener, Listeners } from "./listeners.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { Reporter } from "./reporter.ts";
import { beginRun, endRun } from "./run-mark.ts";
import { Silence } from "./silence.ts";
import { TableFile } from "./table-file.ts";
import { relayTcp } from "./tcp.ts";
import { Upstreams } from "./upstreams.ts";
import { isUndecided, Waiting } from "./waiting.ts";

export interface GatewayOptions {
  readonly name: string;
  /** Name of the host that it runs on, as in Instances' `spec.host`. */
  readonly host: string;
  /** Folder of its own: table, incarnation. */
  readonly folder: string;
  /** Of the machine's present start: what was in flight in another one is in flight no longer. Absent: not known. */
  readonly bootId?: string;
  /** Since the machine's present start, by whoever asks. */
  readonly uptimeMs: () => number;
  readonly accessLogFile: string;
  /** Where the edge listens; absent: no edge. Port 0: any free one. */
  readonly edge?: { readonly address: string; readonly port: number };
  /** Relative names of files that the Site gives are found from here. */
  readonly siteFolder?: string;
  /** How often the files of the edge's TLS are looked at; default 2 s. */
  readonly tlsLookMs?: number;
  /** The edge has another URL: it speaks TLS, or no more. */
  readonly onEdgeUrl?: (url: string | undefined) => void;
  /** False: no calls between services here. Default true. */
  readonly isHost?: boolean;
  /** Made once the number of this start is known, which the feed tells the centre. */
  readonly feed: (incarnation: number) => TableFeed;
  /** Which instance's process is at the other end of a connection between services: `own` if it is that of `instance`; else whose it is, empty if nobody's that is known. Absent: nobody can tell, and `callerCheck` of the Site has no effect. */
  readonly ownerOf?: (socket: Socket, instance: string) => Promise<{ readonly isOwn: boolean; readonly name: string }>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly proxyPort?: number;
  readonly headersTimeoutMs?: number;
}

/** Takes lines of the access log as they are gathered: whole ones, as bytes that change after it returns. */
export type LinesListener = (lines: Uint8Array) => void;

/** How long `stop` lets running requests end. */
const STOP_MS = 30_000;
/** The same, where nothing is waited for any more: long enough to say so. */
const HURRIED_MS = 500;
const LOOPBACK = "127.0.0.1";
/** Addresses of interfaces change seldom, and reading them costs. */
const OWN_HOST_MS = 5000;
/** Of no history: nobody counts on what is reported there. */
const NO_TABLE: TablePosition = { history: "", epoch: 0, version: 0 };

/** What comes in on one side, and what all of it shares. */
interface Side {
  readonly context: ProxyContext;
  readonly http: HttpProxy;
}

/** The data plane of one host: takes requests from outside (edge) and calls between services (host), by the newest table that the feed has brought; without the centre by the last one, kept on disk. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #log: Log;
  readonly #core: GatewayCore;
  /** What comes from outside, and the calls between services: they stop one after the other. */
  readonly #edgeSide: Side;
  readonly #hostSide: Side;
  readonly #upstreams: Upstreams;
  readonly #guard: LastGuard;
  readonly #accessLog: AccessLog;
  readonly #listeners: Listeners;
  readonly #tableFile: TableFile;
  readonly #reporter: Reporter;
  readonly #feed: TableFeed;
  /** Every connection that came in, whatever it has become since: HTTP, stream, tunnel. */
  readonly #sockets = new Set<Socket>();
  readonly #tls: EdgeTls;
  #unsubscribe: (() => void) | undefined;
  #edge: Server | undefined;
  #draining: Promise<void> | undefined;
  #edgeAddress: string | undefined;
  #durable: TablePosition | undefined;
  #reported: TablePosition | undefined;
  #reportedFailure: string | undefined;
  #reportedTls: string | undefined;
  #round = 0;
  #own: OwnHost | undefined;
  #onLines: LinesListener | undefined;
  #ownReadMs = 0;

  /** The number of this start, counted durably before anything listens.
   *  @throws gateway/incarnation: it cannot be counted */
  readonly incarnation: number;
  /** When a start last found the one before ended with calls open (`uptimeMs`); absent: never. */
  readonly #formerUncleanMs: number | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#log = options.log;
    const { clock, random, log } = options;
    this.incarnation = nextIncarnation(options.folder);
    this.#formerUncleanMs = beginRun(options.folder, options.uptimeMs(), options.bootId);
    const roles = [...(options.edge === undefined ? [] : ["edge" as const]), ...(options.isHost === false ? [] : ["host" as const])];
    this.#core = new GatewayCore({
      name: options.name,
      host: options.host,
      roles,
      incarnation: this.incarnation,
      random,
      ownHost: () => this.#ownHost(),
    });
    this.#accessLog = new AccessLog({ file: options.accessLogFile, log, clock, onLines: (lines) => this.#onLines?.(lines) });
    // However many there are, those that go well need the process.
    this.#guard = new LastGuard({ clock, log, minuteMax: Number.POSITIVE_INFINITY, giveUp: () => {} });
    this.#upstreams = new Upstreams(
      clock,
      () => this.#core.table.limits,
      (authority, address) => this.#core.dial(authority, address),
    );
    // Those that wait for each other are services.
    const silence = new Silence(() => this.#hostSide.context.deadlines.open);
    const makeSide = (): Side => {
      const context: ProxyContext = {
        name: options.name,
        core: this.#core,
        upstreams: this.#upstreams,
        accessLog: this.#accessLog,
        deadlines: new Deadlines(clock, this.#guard),
        silence,
        clock,
        waiting: new Waiting(this.#core, clock),
        guard: this.#guard,
        placeFreed: (service) => {
          this.#edgeSide.context.waiting.placeFreed(service);
          this.#hostSide.context.waiting.placeFreed(service);
        },
        isStopping: false,
        isHurried: false,
        isCut: false,
      };
      const http = new HttpProxy(context, options.headersTimeoutMs === undefined ? {} : { headersTimeoutMs: options.headersTimeoutMs });
      return { context, http };
    };
    this.#edgeSide = makeSide();
    this.#hostSide = makeSide();
    const edge = options.edge ?? { address: "", port: 0 };
    this.#tls = new EdgeTls({
      folder: options.siteFolder ?? ".",
      lookMs: options.tlsLookMs,
      log,
      clock,
      onConnection: (socket) => {
        tagSocket(socket, { kind: "edge", ...edge, isTls: true });
        this.#edgeSide.http.accept(socket);
      },
      onPlain: (socket) => {
        tagSocket(socket, { kind: "edge", ...edge, lacksTls: true });
        this.#edgeSide.http.accept(socket);
      },
    });
    this.#listeners = new Listeners({ onConnection: (socket, listener) => this.#accept(socket, listener), log, clock, random });
    this.#tableFile = new TableFile({ folder: options.folder, log, onDurable: (position) => this.#onDurable(position) });
    this.#reporter = new Reporter({ clock, hasNews: () => this.#hasNews(), send: () => this.#report() });
    this.#feed = options.feed(this.incarnation);
  }

  /** How long ago a start last found the one before ended with calls open; absent: never. */
  get formerUncleanAgoMs(): number | undefined {
    return this.#formerUncleanMs === undefined ? undefined : Math.max(0, Math.round(this.#options.uptimeMs() - this.#formerUncleanMs));
  }

  /** The last guard: what a process notes that would else have ended it. */
  get guard(): LastGuard {
    return this.#guard;
  }

  /** Gives lines of the access log to `listener`, too, from now on; to one alone. */
  listenToLines(listener: LinesListener): void {
    this.#onLines = listener;
  }

  /** For reading: what routes and counts. */
  get core(): GatewayCore {
    return this.#core;
  }

  /** `http://address:port` of the edge, or `https://…`, once it listens. */
  get edgeUrl(): string | undefined {
    return this.#edgeAddress === undefined ? undefined : `${this.#tls.isOn ? "https" : "http"}://${this.#edgeAddress}`;
  }

  #ownHost(): OwnHost {
    const nowMs = this.#options.clock.monotonic();
    if (this.#own === undefined || nowMs - this.#ownReadMs > OWN_HOST_MS) {
      const addresses = new Set(Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((one) => one.address)));
      this.#own = { addresses, edgePort: Number(this.#edgeAddress?.split(":").at(-1) ?? Number.NaN), proxyPort: this.#options.proxyPort };
      this.#ownReadMs = nowMs;
    }
    return this.#own;
  }

  /** Serves from the table on disk, if there is one, then listens, then asks the feed.
   *  @throws gateway/listen: the edge's port is taken, or may not be used */
  async start(): Promise<void> {
    const table = this.#tableFile.load();
    if (table !== undefined) {
      this.#core.update({ table });
      this.#durable = table.position;
      this.#takePolicy();
      this.#log.info("serving the table kept on disk until the centre sends a newer one", { position: table.position });
    }
    this.#setListeners();
    if (this.#options.edge !== undefined) await this.#listenEdge(this.#options.edge);
    this.#subscribe();
    this.#reporter.start();
  }

  async #listenEdge(edge: { readonly address: string; readonly port: number }): Promise<void> {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      this.#keep(socket);
      if (this.#tls.isOn) return this.#tls.accept(socket);
      tagSocket(socket, { kind: "edge", address: edge.address, port: edge.port });
      this.#edgeSide.http.accept(socket);
    });
    this.#edge = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) =>
        reject(
          new OrreryError(
            "gateway/listen",
            `the edge cannot listen on ${edge.address}:${edge.port}: ${describeError(error)}. Free the port or choose another with --edge-port`,
            { cause: error },
          ),
        ),
      );
      server.listen({ host: edge.address, port: edge.port, backlog: 1024 }, resolve);
    });
    this.#own = undefined;
    const bound = server.address();
    if (bound !== null && typeof bound === "object")
      this.#edgeAddress = `${edge.address.includes(":") ? `[${edge.address}]` : edge.address}:${bound.port}`;
  }

  #subscribe(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = this.#feed.subscribe(() => this.#core.table.known, {
      update: (update) => this.#update(update),
      load: (load: PublishedLoad) => this.#core.load(load),
      round: (number) => {
        this.#round = number;
        this.#reporter.now();
      },
    });
  }

  #update(update: TableUpdate): void {
    const applied = this.#core.update(update);
    if (applied === "gap") {
      this.#log.warn("a table change does not follow the table in force; asking for the table again", { position: this.#core.table.position });
      // Not from within the feed's own call.
      setImmediate(() => this.#subscribe());
      return;
    }
    const { table } = this.#core.table;
    if (applied === "older" || table === undefined) return;
    this.#tableFile.save(update, table);
    this.#core.boundStreams(this.#options.clock.monotonic());
    this.#takePolicy();
    this.#setListeners();
    this.#upstreams.sweep();
    for (const { context } of this.#sides) context.waiting.tableChanged();
  }

  /** What the table in force says of bounds. */
  #takePolicy(): void {
    const { accessLogBytes, accessLogFiles } = this.#core.table.limits;
    const before = this.edgeUrl;
    if (this.#options.edge !== undefined) this.#tls.set(this.#core.table.site.edge?.tls);
    if (before !== this.edgeUrl) this.#options.onEdgeUrl?.(this.edgeUrl);
    for (const { http } of this.#sides) http.tableChanged();
    this.#accessLog.setBounds({ bytesMax: accessLogBytes, filesKept: accessLogFiles });
  }

  /** Acknowledged and reported is what survives a crash: after it this gateway may not begin again with less. */
  #onDurable(position: TablePosition): void {
    this.#durable = position;
    this.#feed.acknowledge(position);
  }

  #hasNews(): boolean {
    return (
      this.#core.hasChanged ||
      this.#durable !== this.#reported ||
      this.#tableFile.failure !== this.#reportedFailure ||
      this.#tls.failure !== this.#reportedTls
    );
  }

  #report(): boolean {
    const { failure } = this.#tableFile;
    // One that cannot keep its very first table has none to count at, but says why.
    const position = this.#durable ?? (failure === undefined ? undefined : NO_TABLE);
    if (position === undefined) return false;
    const nowMs = this.#options.clock.monotonic();
    this.#core.boundStreams(nowMs);
    const report = this.#core.report({
      position,
      round: this.#round,
      nowMs,
      listenFailures: this.#failures(),
      edgeAddress: this.edgeUrl,
      tableFailure: failure,
    });
    if (!this.#feed.report(report)) return false;
    this.#core.reported();
    this.#reported = this.#durable;
    this.#reportedFailure = failure;
    this.#reportedTls = this.#tls.failure;
    return true;
  }

  /** Where it cannot serve as it should. */
  #failures(): GatewayReport["listenFailures"] {
    const { failure } = this.#tls;
    const { edge } = this.#options;
    if (failure === undefined || edge === undefined) return this.#listeners.failures;
    return [{ address: edge.address, port: Number(this.#edgeAddress?.split(":").at(-1) ?? edge.port), reason: failure }, ...this.#listeners.failures];
  }

  #setListeners(): void {
    const wanted: Listener[] = [];
    const { table } = this.#core;
    if (this.#options.edge !== undefined && !this.#edgeSide.context.isStopping)
      for (const route of table.tcpRoutes)
        if (route.tcp !== undefined) wanted.push({ address: route.tcp.address, port: route.tcp.port, use: `route ${route.name}` });
    if (this.#options.isHost !== false) {
      const services = Object.entries(table.table?.entries.service ?? {});
      for (const [, service] of services) wanted.push({ address: LOOPBACK, port: service.port, use: "service" });
      for (const [address, caller] of table.callers) {
        wanted.push({ address, port: this.#options.proxyPort ?? PROXY_PORT, use: "proxy" });
        const calls = table.revision(caller.revision)?.calls;
        for (const [name, service] of services)
          if (calls === undefined || calls.has(name)) wanted.push({ address, port: service.port, use: "service" });
      }
    }
    this.#listeners.set(wanted);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #accept(socket: Socket, listener: Listener): void {
    this.#keep(socket);
    const { address, port, use } = listener;
    if (use === "proxy" || use === "service") {
      const inlet: Inlet = { kind: use, address, port };
      if (this.#options.ownerOf === undefined || this.#core.table.site.callerCheck !== "process") return this.#acceptCall(socket, inlet);
      void this.#acceptChecked(socket, inlet, this.#options.ownerOf);
      return;
    }
    const route = this.#core.table.tcpRoutes.find((one) => `route ${one.name}` === use);
    const client = socket.remoteAddress ?? "";
    this.#acceptTcp(socket, "edge", () =>
      route === undefined ? refuse("gateway/no-route", `${use} is gone`) : this.#core.edgeTcp(route, client, this.#options.clock.monotonic()),
    );
  }

  /** A connection between services. */
  #acceptCall(socket: Socket, inlet: Inlet): void {
    const service = inlet.kind === "service" ? this.#core.table.serviceAt(inlet.port) : undefined;
    if (service === undefined || this.#core.table.service(service)?.ports[0]?.protocol !== "tcp") {
      tagSocket(socket, inlet);
      return this.#hostSide.http.accept(socket);
    }
    this.#acceptTcp(socket, "host", () => this.#core.hostTcp(inlet, service, this.#options.clock.monotonic()));
  }

  /** The same, after a look at whose process it comes from. On the shared address, where nobody is named, that is who calls. */
  async #acceptChecked(socket: Socket, inlet: Inlet, ownerOf: NonNullable<GatewayOptions["ownerOf"]>): Promise<void> {
    const onError = (): void => {
      socket.destroy();
    };
    socket.once("error", onError);
    const { callers } = this.#core.table;
    const claimed = callers.get(inlet.address);
    const { isOwn, name } = await ownerOf(socket, claimed?.instance ?? "").catch(() => ({ isOwn: false, name: "" }));
    socket.off("error", onError);
    if (socket.destroyed) return;
    if (claimed !== undefined) return this.#acceptCall(socket, isOwn ? inlet : { ...inlet, borrowedBy: name });
    const own = [...callers].find(([, caller]) => name !== "" && caller.instance === name)?.[0];
    this.#acceptCall(socket, own === undefined ? inlet : { ...inlet, address: own });
  }

  #acceptTcp(socket: Socket, role: "edge" | "host", decide: () => Call | Refusal | Undecided): void {
    const { context } = role === "edge" ? this.#edgeSide : this.#hostSide;
    const decision = decide();
    if (!isUndecided(decision)) return relayTcp(context, socket, role, decision);
    const onError = (): void => {
      socket.destroy();
    };
    socket.pause();
    socket.on("error", onError);
    void context.waiting
      .settle(decision, decide, () => socket.destroyed)
      .then((settled) => {
        socket.off("error", onError);
        relayTcp(context, socket, role, settled);
      });
  }

  /** True once nothing comes from outside any more, and nothing that came is under way. */
  get isDrained(): boolean {
    const { context } = this.#edgeSide;
    return context.isStopping && context.waiting.open + context.deadlines.size === 0;
  }

  /** Takes nothing new from outside, ends streams, and lets what came come to its end, at most for `graceMs` (default 30 s). Calls between services go on meanwhile: what is under way may need them. Resolves when nothing of the edge is left, or the time is over. Idempotent. */
  drain(options: { readonly graceMs?: number } = {}): Promise<void> {
    this.#draining ??= this.#drain(this.#options.clock.monotonic() + (options.graceMs ?? STOP_MS));
    return this.#draining;
  }

  /** True once `hurry` was called. */
  get isHurried(): boolean {
    return this.#edgeSide.context.isHurried;
  }

  /** Drains, and from now on answers for the site (503 `gateway/stopping`) what an instance leaves without an answer: the services are being ended although requests run. Idempotent. */
  hurry(): void {
    void this.drain();
    for (const { context } of this.#sides) context.isHurried = true;
  }

  async #drain(endMs: number): Promise<void> {
    const { context, http } = this.#edgeSide;
    context.isStopping = true;
    this.#edge?.close();
    this.#setListeners();
    context.waiting.end();
    http.closeIdle();
    await this.#wait(endMs, () => this.isDrained, [http]);
  }

  /** Until `isOver`; meanwhile streams are ended, and connections that serve nothing. */
  async #wait(endMs: number, isOver: () => boolean, idle: readonly HttpProxy[]): Promise<void> {
    const { clock } = this.#options;
    while (!isOver() && clock.monotonic() < endMs) {
      this.#core.endStreams(clock.monotonic());
      await new Promise<void>((resolve) => clock.after(20, resolve));
      for (const http of idle) http.closeIdle();
    }
  }

  get #sides(): readonly Side[] {
    return [this.#edgeSide, this.#hostSide];
  }

  /** Drains the edge, then stops listening for calls between services, lets those come to their end (altogether at most `graceMs`, default 30 s, after `hurry` half a second), then cuts the rest. */
  async stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    const graceMs = options.graceMs ?? (this.isHurried ? HURRIED_MS : STOP_MS);
    const endMs = this.#options.clock.monotonic() + graceMs;
    await Promise.race([this.drain({ graceMs }), this.#wait(endMs, () => this.isDrained, [])]);
    this.#hostSide.context.isStopping = true;
    this.#listeners.close();
    this.#hostSide.context.waiting.end();
    for (const { http } of this.#sides) http.closeIdle();
    const isOver = (): boolean =>
      this.#core.open + this.#sides.reduce((sum, { context }) => sum + context.waiting.open + context.deadlines.size, 0) === 0;
    await this.#wait(
      endMs,
      isOver,
      this.#sides.map(({ http }) => http),
    );
    const isClean = this.#core.open === 0;
    this.#reporter.now();
    this.#reporter.stop();
    this.#unsubscribe?.();
    for (const { context, http } of this.#sides) {
      context.isCut = true;
      http.closeAll();
    }
    for (const socket of this.#sockets) socket.destroy();
    this.#upstreams.destroy();
    for (const { context } of this.#sides) context.deadlines.stop();
    this.#tls.stop();
    await this.#tableFile.close();
    await this.#accessLog.close();
    if (isClean) endRun(this.#options.folder);
  }
}

/** The access log beside the other logs of a data folder. */
export function accessLogFile(data: string): string {
  return path.join(data, "logs", "access.log");
}
