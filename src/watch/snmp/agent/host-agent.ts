import { readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Clock, describeError, formatEndpoint, type LastGuard, type Log, type Random, sleep } from "#/base/index.ts";
import { durationMs, setCondition, snmpAgent, snmpUser, timestamp } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { Reflector } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import { replaceFile } from "#/work/process/index.ts";
import { Configuration } from "./configuration.ts";
import { AgentCounters } from "./counters.ts";
import { Dispatcher } from "./dispatcher.ts";
import { type Engine, startEngine } from "./engine.ts";
import { type Fault, type FaultChange, FaultWatch } from "./faults.ts";
import { MibTree } from "./mib-tree.ts";
import { hostResourcesNodes } from "./mibs/host-resources.ts";
import { Discontinuities, interfaceNodes } from "./mibs/interfaces.ts";
import { Kernel, type KernelFacts } from "./mibs/kernel.ts";
import { orreryNodes } from "./mibs/orrery.ts";
import { systemNodes } from "./mibs/system.ts";
import { targetNodes } from "./mibs/targets.ts";
import { AUTHENTICATION_FAILURE, COLD_START, faultNotification, linkNotification } from "./notifications.ts";
import { Notifier } from "./notifier.ts";
import { writeSet } from "./set-writer.ts";
import { runServed, SiteView } from "./site-view.ts";
import { openUdp, type UdpPort } from "./udp-port.ts";

/** How often the kernel is looked at for thresholds, and at most for who asks. */
const KERNEL_MS = 5_000;
/** Without this the notification of a failed login could be made to flood. */
const AUTH_TRAPS_MS = 10_000;
const RAISED = "raised.json";
const PORT = "port.json";
const STATUS_TRIES_MS = 5_000;
/** Senders' datagrams that wait for a change to be kept. */
const PORTS_LOOK_MS = 1_000;

export interface HostAgentOptions {
  /** `<data>/snmp`. */
  readonly folder: string;
  /** Of the site. */
  readonly identity: string;
  /** Registered name of this host. */
  readonly host: string;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly guard: LastGuard;
  /** Where it listens now, `127.0.0.1:1161`; called at each change. */
  readonly onEndpoint: (endpoint: string) => void;
}

/** What the process has once it knows the centre. */
export interface CentreReach {
  readonly client: Client;
  readonly store: Store;
  /** A client that acts with another token. */
  readonly withToken: (token: string) => Client;
}

export interface HostAgent {
  /** Begins to follow the centre; until then it tells of the machine and of what it knew last. */
  follow(reach: CentreReach): void;
  stop(): Promise<void>;
}

/** Starts the SNMP agent of a host. It answers as soon as this resolves, whether the centre is there or not.
 *  @throws snmp/engine: its starts cannot be counted */
export async function startHostAgent(options: HostAgentOptions): Promise<HostAgent> {
  const engine = startEngine(options);
  const agent = new Running(options, engine);
  await agent.open();
  return agent;
}

class Running implements HostAgent {
  readonly #options: HostAgentOptions;
  readonly #engine: Engine;
  readonly #configuration: Configuration;
  readonly #kernel: Kernel;
  readonly #discontinuities = new Discontinuities();
  readonly #counters = new AgentCounters();
  readonly #faults: FaultWatch;
  readonly #notifier: Notifier;
  readonly #dispatcher: Dispatcher;
  readonly #ending = new AbortController();
  readonly #writers = new Map<string, { readonly token: string; readonly client: Client }>();
  #facts: KernelFacts | undefined;
  #links: ReadonlyMap<number, boolean> | undefined;
  #site: SiteView | undefined;
  #reach: CentreReach | undefined;
  #udp: UdpPort | undefined;
  #opening: Promise<void> = Promise.resolve();
  #authTrapMs = Number.NEGATIVE_INFINITY;
  #isBegun = false;
  readonly #running: Promise<unknown>[] = [];

  constructor(options: HostAgentOptions, engine: Engine) {
    const { folder, host, version, clock, random, log } = options;
    this.#options = options;
    this.#engine = engine;
    this.#configuration = new Configuration({ folder, engineId: engine.id, log });
    this.#kernel = new Kernel(clock);
    this.#faults = new FaultWatch(readRaised(path.join(folder, RAISED)));
    const settings = () => this.#configuration.settings;
    this.#notifier = new Notifier({ engine, clock, random, log, settings, keysOf: (user, id) => this.#configuration.keysOf(user, id) });
    const kernel = () => this.#facts;
    const tree = new MibTree([
      ...systemNodes({
        description: `Orrery ${version} on ${host}: ${os.type()} ${os.release()} ${os.arch()}`,
        name: host,
        engine,
        contact: () => settings().contact,
        location: () => settings().location,
      }),
      ...this.#counters.nodes(() => settings().authenticationTraps),
      ...targetNodes(settings),
      ...hostResourcesNodes(kernel, () => clock.now()),
      ...interfaceNodes(kernel, this.#discontinuities),
      ...orreryNodes({ host, kernel, settings, raised: () => this.#faults.thresholds, site: () => this.#site }),
    ]);
    this.#dispatcher = new Dispatcher({
      engine,
      clock,
      random,
      tree,
      counters: this.#counters,
      access: () => this.#configuration.access,
      set: (wish) =>
        writeSet(wish, {
          host,
          clientOf: (user) => this.#clientOf(user),
          clock,
          log,
          onWritten: (changed, resourceVersion) => this.#configuration.patch(changed, resourceVersion),
        }),
      onUnauthentic: () => this.#tellUnauthentic(),
    });
  }

  async open(): Promise<void> {
    await this.#look();
    await this.#listen();
    this.#running.push(
      this.#every(KERNEL_MS, () => this.#look()),
      this.#every(PORTS_LOOK_MS, () => this.#listen()),
    );
    this.#begin();
  }

  follow(reach: CentreReach): void {
    const { clock, random, log, host } = this.#options;
    const { signal } = this.#ending;
    this.#reach = reach;
    const { store, client } = reach;
    const site = new SiteView({ client, store, clock, random, log });
    this.#site = site;
    const agents = new Reflector({ store, kind: snmpAgent, clock, random, log, selection: { fieldSelector: `metadata.name=${host}` } });
    const users = new Reflector({ store, kind: snmpUser, clock, random, log });
    const take = (): void => {
      this.#configuration.take(agents.get(host), users.values());
      this.#begin();
      void this.#tellStatus();
    };
    void users.synced.then(() => {
      agents.listen(take);
      users.listen(take);
    });
    site.instances.listen((before, after) => {
      for (const change of this.#faults.lookAtInstance(host, before, after)) {
        this.#tellFault(change, after);
        this.#keepRaised();
      }
    });
    void site.instances.synced.then(() => {
      const gone = this.#faults.forgetInstances((name) => site.instances.get(name) !== undefined);
      for (const change of gone) this.#tellFault(change);
      if (gone.length > 0) this.#keepRaised();
    });
    this.#running.push(
      runServed(users, client, clock, signal),
      runServed(agents, client, clock, signal),
      site.run(() => durationMs(this.#configuration.settings.interval), signal),
    );
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    this.#notifier.close();
    await this.#udp?.close();
    for (const { client } of this.#writers.values()) await client.close();
    await Promise.allSettled(this.#running);
  }

  /** Where the settings say; called often, and does nothing as long as it listens there. */
  #listen(): Promise<void> {
    this.#opening = this.#opening.then(async () => {
      const { listen } = this.#configuration.settings;
      const wished = formatEndpoint(listen.address, listen.port);
      if (this.#udp !== undefined && this.#wished === wished) return;
      const { folder, log, onEndpoint, guard } = this.#options;
      const take = (datagram: Buffer, from: { readonly address: string; readonly port: number }): void =>
        guard.run("request", () => this.#take(datagram, from), undefined, "a datagram");
      const former = this.#udp;
      await former?.close();
      // Who was sent elsewhere finds it there after a restart, too.
      this.#udp = await openUdp(listen.address, listen.port, readPort(path.join(folder, PORT), wished), take, log);
      this.#wished = wished;
      const endpoint = formatEndpoint(this.#udp.address, this.#udp.port);
      if (this.#udp.taken !== undefined) log.warn(`SNMP is on ${endpoint} instead: ${this.#udp.taken.message}`);
      replaceFile(path.join(folder, PORT), `${JSON.stringify({ wished, port: this.#udp.port })}\n`);
      onEndpoint(endpoint);
      void this.#tellStatus();
    });
    return this.#opening;
  }
  #wished = "";

  #take(datagram: Buffer, { address, port }: { readonly address: string; readonly port: number }): void {
    const answer = this.#dispatcher.take(datagram, address);
    if (answer === undefined) return;
    if (!(answer instanceof Promise)) return this.#udp?.send(answer, port, address);
    answer.then(
      (later) => {
        if (later !== undefined) this.#udp?.send(later, port, address);
      },
      (error: unknown) => this.#options.guard.caught("request", error),
    );
  }

  async #look(): Promise<void> {
    const facts = await this.#kernel.read();
    this.#facts = facts;
    this.#discontinuities.look(facts.interfaces, this.#engine.time() * 100);
    this.#lookAtLinks(facts);
    const changes = this.#faults.lookAtKernel(facts, this.#configuration.settings.thresholds, this.#options.clock.monotonic());
    for (const change of changes) this.#tellFault(change);
    if (changes.length > 0) this.#keepRaised();
  }

  /** linkUp and linkDown of what was there before, too. */
  #lookAtLinks({ interfaces }: KernelFacts): void {
    const now = new Map(interfaces.map((one) => [one.index, one.state !== "down" && one.isUp]));
    if (this.#links !== undefined)
      for (const one of interfaces) {
        const [was, is] = [this.#links.get(one.index), now.get(one.index) === true];
        if (was !== undefined && was !== is) this.#notifier.tell(linkNotification(is, one));
      }
    this.#links = now;
  }

  #tellFault(change: FaultChange, one?: Parameters<typeof faultNotification>[2]): void {
    const { log, host } = this.#options;
    log[change.isRaised ? "warn" : "info"](`${change.isRaised ? "raised" : "cleared"}: ${change.fault.message}`, { fault: change.fault.name });
    this.#notifier.tell(faultNotification(host, change, one));
  }

  #keepRaised(): void {
    try {
      replaceFile(path.join(this.#options.folder, RAISED), `${JSON.stringify([...this.#faults.raised])}\n`);
    } catch (error) {
      this.#options.log.warn("cannot keep what is raised; after a restart it is told again", { error: describeError(error) });
    }
  }

  /** Once it is known whom to tell. */
  #begin(): void {
    if (this.#isBegun || !this.#configuration.isTold) return;
    this.#isBegun = true;
    this.#notifier.tell(COLD_START);
  }

  #tellUnauthentic(): void {
    const nowMs = this.#options.clock.monotonic();
    if (!this.#configuration.settings.authenticationTraps || nowMs - this.#authTrapMs < AUTH_TRAPS_MS) return;
    this.#authTrapMs = nowMs;
    this.#notifier.tell(AUTHENTICATION_FAILURE);
  }

  #clientOf(user: string): Client | undefined {
    const token = this.#configuration.tokenOf(user);
    const known = this.#writers.get(user);
    if (token === undefined || this.#reach === undefined) return undefined;
    if (known?.token === token) return known.client;
    void known?.client.close();
    const client = this.#reach.withToken(token);
    this.#writers.set(user, { token, client });
    return client;
  }

  #told = "";
  #telling: Promise<void> = Promise.resolve();

  /** Writes the status where it is another than the one that is stored. */
  #tellStatus(): Promise<void> {
    this.#telling = this.#telling.then(async () => {
      const { log, clock, host } = this.#options;
      const { agent } = this.#configuration;
      const [udp, reach] = [this.#udp, this.#reach];
      if (agent === undefined || udp === undefined || reach === undefined) return;
      const facts = {
        endpoint: formatEndpoint(udp.address, udp.port),
        engineId: Buffer.from(this.#engine.id).toString("hex"),
        boots: this.#engine.boots,
      };
      const { taken } = udp;
      const conditions = setCondition(
        agent.status?.conditions,
        taken === undefined
          ? { type: "Listening", status: "True", reason: "AsWished", message: `on UDP ${facts.endpoint}` }
          : { type: "Listening", status: "False", reason: taken.reason, message: `on UDP ${facts.endpoint} instead: ${taken.message}` },
        clock.now(),
      );
      const text = JSON.stringify([facts, conditions, agent.metadata.uid]);
      if (text === this.#told) return;
      try {
        await reach.store.patch(
          snmpAgent,
          { name: host },
          { type: "merge", body: { status: { ...facts, conditions, observedAt: timestamp(clock.now()) } } },
          { subresource: "status" },
        );
        this.#told = text;
      } catch (error) {
        if (this.#ending.signal.aborted) return;
        log.debug("the status of the SNMP agent is not written", { error: describeError(error) });
        clock.after(STATUS_TRIES_MS, () => void this.#tellStatus(), { background: true });
      }
    });
    return this.#telling;
  }

  async #every(periodMs: number, work: () => Promise<void>): Promise<void> {
    const { clock, guard } = this.#options;
    const { signal } = this.#ending;
    for (;;) {
      await sleep(clock, periodMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      await work().catch((error: unknown) => guard.caught("callback", error));
    }
  }
}

function readRaised(file: string): ReadonlyMap<string, Fault> {
  try {
    return new Map(JSON.parse(readFileSync(file, "utf8")) as readonly [string, Fault][]);
  } catch {
    // None, or none that can be read: it is told again.
    return new Map();
  }
}

/** The port on which it was before, where the same was wished. */
function readPort(file: string, wished: string): readonly number[] {
  try {
    const former = JSON.parse(readFileSync(file, "utf8")) as { readonly wished?: unknown; readonly port?: unknown };
    return former.wished === wished && typeof former.port === "number" ? [former.port] : [];
  } catch {
    return [];
  }
}
