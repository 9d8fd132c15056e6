import path from "node:path";
import { describeError, given, LastGuard, Lifecycle, type Log, OrreryError, steadyClock, systemClock, systemRandom } from "#/base/index.ts";
import { type Api, createApi } from "#/face/api/index.ts";
import { createPages } from "#/face/pages/index.ts";
import { SITE_NAME, site, timestamp } from "#/model/index.ts";
import { fixedRoles, machineTokens, openAccess } from "#/people/access/index.ts";
import { ensureCertificates, ensureTokens, tokenAuthenticator } from "#/pki/index.ts";
import { ArtifactStore } from "#/state/artifacts/index.ts";
import { Hub, type Peers, watchPeers } from "#/state/link/hub/index.ts";
import { type CentrePart, servedKinds, storedKinds } from "#/state/reconcile/index.ts";
import { openTreeStore, type TreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree, type SqliteTree } from "#/state/tree/sqlite/index.ts";
import type { KnownTable } from "#/traffic/routing/index.ts";
import { TABLE } from "#/traffic/update/index.ts";
import { PLATFORM_SIGHT } from "#/watch/alarms/index.ts";
import { OWN_METRICS } from "#/watch/figures/index.ts";
import { noSeries, SERIES, seriesPart } from "#/watch/series/index.ts";
import { TRAP_HOME } from "#/watch/snmp/index.ts";
import { SITE_FILES, STORE_HISTORY } from "#/work/controllers/index.ts";
import { holdName, nameFolder } from "#/work/process/index.ts";
import { watchBusWish } from "../bus-wish.ts";
import { type ChildOptions, parseChildOptions } from "../child-options.ts";
import { boundHeapGrowthSoon } from "../heap-growth.ts";
import { readHostName } from "../host-name.ts";
import { ignoreHangUp } from "../interrupts.ts";
import { stdoutLog } from "../json-log.ts";
import { guardOutput } from "../output.ts";
import { allWarnings, platformChecks } from "../platform-warnings.ts";
import { writeRunFile } from "../run-file.ts";
import { serverNames } from "../site-identity.ts";
import { freeBytes } from "../supervisor/data-folder.ts";
import { CENTRE_NAME } from "../supervisor/site-stop.ts";
import { readVersion } from "../version.ts";
import { Backups } from "./backups.ts";
import { CentreAudit } from "./centre-audit.ts";
import { startLogin } from "./centre-login.ts";
import { openSeries } from "./centre-series.ts";
import { checkDeletion, checkWithout, chooseParts } from "./chosen-parts.ts";
import { watchClock } from "./clock-watch.ts";
import { forgetProcesses } from "./forgotten-processes.ts";
import { type Lead, startLeading } from "./lead.ts";
import { LoopDelay } from "./loop-delay.ts";
import { findOfferedTemplate } from "./offered-versions.ts";
import { watchParts } from "./parts-watch.ts";
import { platformSight } from "./platform-sight.ts";
import { processMetrics } from "./process-metrics.ts";
import { systemPath } from "./system-path.ts";

/** Of the tree: the identity of the site whose processes the store tells of. */
const IDENTITY_NODE = "/identity";

/** Where the set-up builds the console (tools/console.sh). */
const CONSOLE_BUILDS = path.join(import.meta.dirname, "../../../console/built");

const clock = systemClock;
const random = systemRandom;

/** Runs this process as a centre with these parts, by the options of its command line, until SIGTERM. */
export async function runCentre(parts: readonly CentrePart[]): Promise<void> {
  guardOutput();
  const log = stdoutLog();
  ignoreHangUp(log);
  await new CentreProcess(parts, parseChildOptions(), log).run();
}

class CentreProcess {
  readonly #parts: readonly CentrePart[];
  readonly #options: ChildOptions;
  readonly #log: Log;
  readonly #lifecycle = new Lifecycle();
  readonly #guard: LastGuard;
  readonly #loop = new LoopDelay(clock);
  #lead: Lead | undefined;
  #api: Api | undefined;

  constructor(parts: readonly CentrePart[], options: ChildOptions, log: Log) {
    this.#parts = parts;
    this.#options = options;
    this.#log = log;
    // The supervisor starts it anew.
    this.#guard = new LastGuard({ clock, log, giveUp: () => process.exit(1) });
  }

  async run(): Promise<void> {
    this.#guard.watchProcess();
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void this.#stop());
    try {
      await this.#start();
    } catch (error) {
      this.#log.error(`cannot start: ${describeError(error)}`, { stack: error instanceof Error ? error.stack : undefined });
      await this.#stop();
      process.exit(1);
    }
  }

  #folder(name: string): string {
    return path.join(this.#options.data, name);
  }

  async #start(): Promise<void> {
    const { listen, identity, apiPort, data, site: siteFolder } = this.#options;
    const lifecycle = this.#lifecycle;
    const log = this.#log;
    const version = readVersion();
    const held = await holdName(identity, CENTRE_NAME, () => ({ data: nameFolder(data) }));
    lifecycle.add("the name of the centre", () => held.release());
    const certificates = await ensureCertificates({
      folder: this.#folder("pki"),
      addresses: serverNames(listen, identity),
      nowMs: clock.now(),
      random,
    });
    const tokens = await ensureTokens(this.#folder("tokens"), random);
    const { tree, store } = await this.#openStore();
    const artifacts = new ArtifactStore({ folder: this.#folder("artifacts"), random });
    const siteSpec = (await store.get(site, { name: SITE_NAME }))?.spec;
    const { parts } = await chooseParts(this.#parts, store, siteSpec);
    const hub = new Hub({
      clock,
      log,
      guard: this.#guard,
      version,
      welcome: async () => ({ history: this.#lead?.history ?? "", epoch: this.#lead?.epoch ?? 0 }),
    });
    const audit = await CentreAudit.open({
      data,
      store,
      hub,
      identity,
      version,
      centre: this.#options.host ?? readHostName(),
      clock,
      random,
      log,
      signal: lifecycle.signal,
    });
    lifecycle.add("audit", () => audit.audit.close());
    // What is measured must not be cut short, nor last for ever, when the machine's clock is set; but what is written should tell the right time.
    const steady = steadyClock(clock);
    watchClock(steady, lifecycle.signal, (offByMs) => {
      const how = `${Math.abs(offByMs)} ms ${offByMs > 0 ? "ahead" : "back"}`;
      this.#end(`this machine's clock was set ${how}: the centre starts again, so that the times it writes are right`);
    });
    const series = parts.includes(seriesPart) ? openSeries(siteSpec?.series, { folder: this.#folder("series"), clock, log }) : noSeries;
    lifecycle.add("series", () => series.close());
    const peers = watchPeers(hub, steady, log);
    const lead = await startLeading({
      store,
      history: tree.history,
      parts,
      given: [
        given(SITE_FILES, {
          keep: async (files) => (files.length === 0 ? undefined : await artifacts.put(files, siteFolder)),
          offeredTemplate: (service, wanted) => findOfferedTemplate(siteFolder, service, wanted, log),
        }),
        given(STORE_HISTORY, { onBehind: (...told) => this.#beginHistory(tree, ...told) }),
        given(SERIES, series),
        given(OWN_METRICS, async () => (await this.#api?.metrics()) ?? []),
        given(
          PLATFORM_SIGHT,
          platformSight({
            certificates: { "the API": certificates.certificate, "the CA": certificates.ca },
            audit: () => audit.audit.state(),
            warnings: () => allWarnings(data),
            nowMs: () => clock.now(),
          }),
        ),
        given(TRAP_HOME, { folder: this.#folder("traps"), identity, host: this.#options.host ?? readHostName() }),
      ],
      peers,
      board: hub.board,
      onDeposed: () => this.#end("another centre has taken the lead of this site: this one ends; see that only one is started on its store"),
      clock: steady,
      random,
      log,
      signal: lifecycle.signal,
    });
    this.#lead = lead;
    lifecycle.add("controllers", () => lead.ended);
    lead.ended.then(
      () => this.#restart("what leads the site has ended"),
      (error: unknown) => this.#restart(`what leads the site has failed: ${describeError(error)}`),
    );
    for (const handlers of lead.agents) hub.handle("agent", handlers);
    for (const handlers of lead.gateways) hub.handle("gateway", handlers);
    const onOther = (): void => this.#beginAnew("the site does without other capabilities now");
    const watching = watchParts({ all: this.#parts, running: parts, store, onOther, clock: steady, random, log }, lifecycle.signal);
    lifecycle.add("the watch of the parts", () => watching);
    const busWish = watchBusWish({ data, store, clock: steady, random, log }, lifecycle.signal);
    lifecycle.add("the watch of the bus", () => busWish);
    const kinds = servedKinds(parts);
    const paths = [...lead.paths, systemPath({ pki: this.#folder("pki"), backups: this.#folder("backups") })];
    const machine = fixedRoles(
      parts.flatMap((part) => part.rights ?? []),
      paths,
    );
    const access = openAccess({
      ...{ store, kinds, machine, clock, random, log, signal: lifecycle.signal, history: tree.history },
      resuming: (one) => audit.resuming(one),
    });
    lifecycle.add("access", () => access.ended);
    await access.ready;
    const { login, browser, ended } = await startLogin({
      machine: machineTokens(tokenAuthenticator(tokens)),
      record: (event) => audit.recordLogin(event),
      ...{ store, history: tree.history, identity, site: siteFolder, listen, clock, random, log, signal: lifecycle.signal },
    });
    lifecycle.add("login", () => ended);
    const backups = new Backups({
      folder: this.#folder("backups"),
      file: this.#folder("state/tree.db"),
      copy: (file) => tree.backup(file),
      freeBytes: () => freeBytes(data),
      clock,
    });
    const api = createApi({
      store,
      kinds,
      hub,
      authenticate: login.authenticate,
      onRevoked: login.onRevoked,
      login: { login, browser },
      authorizer: access.authorizer,
      approvals: access.approvals,
      paths,
      leftOut: this.#parts.filter((part) => !parts.includes(part)),
      topics: parts.flatMap((part) => part.topics ?? []),
      clock,
      random,
      log,
      version,
      certificate: certificates.certificate,
      key: certificates.key,
      guard: this.#guard,
      checks: [
        { name: "leader", check: () => lead.epoch },
        { name: "event-loop", check: () => this.#loop.check() },
        { name: "audit", check: () => audit.check() },
      ],
      warnings: [...platformChecks(data), { name: "links", check: () => checkHeard(peers) }],
      table: lead.at(TABLE).distribution,
      offeredTemplate: (service, wanted) => findOfferedTemplate(siteFolder, service, wanted, log),
      checkDeletion: (kind, keys) => checkDeletion(parts, store, kind, keys),
      checkChange: (kind) => (kind === site ? (next) => checkWithout(this.#parts, store, next) : undefined),
      trail: { audit: audit.audit, reasonFor: audit.reasonFor, witnesses: () => audit.witnesses() },
      metrics: [...lead.metrics, audit.metrics, processMetrics(this.#loop, this.#guard, () => lead.unexpected())],
      backup: () => backups.make(),
      ...(series !== noSeries && { series }),
      pages: createPages({ folder: CONSOLE_BUILDS, clock, log }),
    });
    this.#api = api;
    const { port } = await api.listen({ host: listen, port: apiPort });
    const consoleUrl = await this.#listenPlain(api, port);
    lifecycle.add("hub", () => hub.close("the centre stops"));
    lifecycle.add("api", () => api.close());
    const name = listen === "0.0.0.0" || listen === "::" ? "127.0.0.1" : listen;
    const url = `https://${name.includes(":") ? `[${name}]` : name}:${port}`;
    writeRunFile(data, "centre", { identity, url, console: consoleUrl ?? `${url}/console/`, site: siteFolder });
    log.info("ready", { url, epoch: lead.epoch });
    boundHeapGrowthSoon(clock);
  }

  /** Plain HTTP for browsers of this machine, where the API is on loopback alone: elsewhere others could listen. The console is no reason for a centre not to start: where its port is taken, another will do. */
  async #listenPlain(api: Api, apiPort: number): Promise<string | undefined> {
    const { listen, consolePort } = this.#options;
    if (!isLoopback(listen)) return undefined;
    try {
      const { port } = await api.listenPlain({ host: listen, ports: [...new Set([consolePort, 0])].filter((one) => one !== apiPort) });
      if (consolePort !== 0 && port !== consolePort) this.#log.warn(`port ${consolePort} is in use: the console is on port ${port}`);
      return `http://${listen.includes(":") ? `[${listen}]` : listen}:${port}/console/`;
    } catch (error) {
      this.#log.error(`the console has no port of its own: ${describeError(error)}`);
      return undefined;
    }
  }

  async #openStore(): Promise<{ readonly tree: SqliteTree; readonly store: TreeStore }> {
    const { identity } = this.#options;
    const log = this.#log;
    const { tree, isForeign } = await this.#openTree();
    this.#lifecycle.add("tree", () => tree.close());
    // Of all parts: what is stored of one that is left out stays as it is.
    const kinds = storedKinds(this.#parts);
    const store = await openTreeStore({ tree, clock, random, kinds, log, onStopped: () => this.#restart("the store has stopped") });
    this.#lifecycle.add("store", () => store.close());
    if (isForeign) {
      await forgetProcesses(store);
      log.warn("what is stored was another site's: its processes, ports and addresses are forgotten");
    }
    await tree.multi([{ op: (await tree.get(IDENTITY_NODE)) === undefined ? "create" : "set", path: IDENTITY_NODE, value: identity }]);
    store.startGarbageCollector(this.#lifecycle.signal);
    return { tree, store };
  }

  /** The store's tree. `isForeign`: it tells of processes of another site, as the data folder was copied, or a backup of another was put back; it begins a new history, so that no number of a generation is given twice. */
  async #openTree(): Promise<{ readonly tree: SqliteTree; readonly isForeign: boolean }> {
    const file = this.#folder("state/tree.db");
    const { identity } = this.#options;
    const tree = await openSqliteTree({ file, clock, random });
    const stored = (await tree.get(IDENTITY_NODE))?.value ?? identity;
    if (stored === identity) return { tree, isForeign: false };
    tree.beginHistory();
    await tree.close();
    return { tree: await openSqliteTree({ file, clock, random }), isForeign: true };
  }

  async #beginHistory(
    tree: SqliteTree,
    gateway: string,
    { position, newest }: KnownTable,
    remember: (history: string) => Promise<void>,
  ): Promise<void> {
    if (this.#lifecycle.signal.aborted) return;
    const what = `the store in ${this.#folder("state")}`;
    const why =
      position.history === this.#lead?.history
        ? `is older than what gateway ${gateway} has of it (generation ${newest}, epoch ${position.epoch}): it was put back to an earlier state without orrery restore`
        : `does not know of the history ${position.history}, of which gateway ${gateway} knows generations up to ${newest}: it was put back to a state from before a restore (also by orrery restore, of an older backup: then all is well), or the gateway comes from another site`;
    try {
      // Numbers that were issued since may come again: it must not lead on with this history. First of all: what stops here is found out again.
      tree.beginHistory();
      this.#log.error(`${what} ${why}. A new history begins, generations get numbers that none had before; the centre starts again`);
      await remember(position.history);
    } catch (error) {
      this.#log.error(`${what} ${why}. The centre starts again; what it could not write now is found out and written then`, {
        error: describeError(error),
      });
    }
    process.exitCode = 1;
    void this.#stop();
  }

  /** Ends the process, so that the supervisor starts it anew: for what nothing else can mend. */
  #restart(why: string): void {
    this.#end(`${why}: the centre starts again`);
  }

  /** The same for what was wished: nothing is wrong. */
  #beginAnew(why: string): void {
    if (this.#lifecycle.signal.aborted) return;
    this.#log.info(`${why}: the centre starts again`);
    void this.#stop();
  }

  #end(why: string): void {
    if (this.#lifecycle.signal.aborted) return;
    this.#log.error(why);
    process.exitCode = 1;
    void this.#stop();
  }

  async #stop(): Promise<void> {
    try {
      this.#log.info("stopping");
      await this.#lifecycle.stop();
      this.#log.info("stopped");
    } catch (error) {
      this.#log.error(describeError(error));
      process.exitCode = 1;
    }
  }
}

/** @throws which agents and gateways are connected and say nothing */
function checkHeard(peers: Peers): void {
  const silent = [...peers.silent()].map(([who, sinceMs]) => `${who} has said nothing since ${timestamp(sinceMs)}`);
  if (silent.length > 0) throw new OrreryError("link/timeout", silent.join("; "));
}

/** Nobody else on the network hears what is said there. */
function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || /^127\./.test(address);
}
