import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Clock, describeError, isOrreryError, type LastGuard, type Log, OrreryError, type Random, shellWord } from "#/base/index.ts";
import { askHolder, type HeldName, holdName, nameFolder, rotateLog } from "#/work/process/index.ts";
import { readBusWish } from "../bus-wish.ts";
import { formatChildOptions } from "../child-options.ts";
import { END_SIGNAL } from "../interrupts.ts";
import { listPassing } from "../platform-warnings.ts";
import { type RunFile, recordSpawn, removeRunFile, writeRunFile } from "../run-file.ts";
import { Child, findChild } from "./child.ts";
import { type Endpoints, readEdgeUrl, readEndpoints, writeEndpoints } from "./endpoints.ts";
import { BROKER_MS, type ChildName, stopSite } from "./site-stop.ts";

export interface SupervisorOptions {
  /** Absolute. */
  readonly data: string;
  /** Of the site. */
  readonly identity: string;
  /** Absolute. */
  readonly site: string;
  readonly listen: string;
  /** 0: any free one. Of no effect on a centre that runs already. */
  readonly apiPort: number;
  readonly edgePort: number;
  readonly consolePort: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Aborted while it starts: what was started is stopped again. */
  readonly signal: AbortSignal;
  /** Takes what was not foreseen. */
  readonly guard: LastGuard;
  /** What happens, for people. */
  readonly say: (text: string) => void;
}

export interface Supervisor {
  readonly endpoints: Required<Omit<Endpoints, "snmp" | "bus">>;
  /** Ends everything in the order of `stopSite`. Abort `hurry` to wait for no request any longer. */
  stop(hurry?: AbortSignal): Promise<void>;
}

/** How a process ends that has asked for its new start itself. */
const ORDERLY_END = "exit status 0";
const READY_WITHIN_MS = 60_000;
/** A child that ends so often before it was ever ready will not come up by being started again. */
const EARLY_ENDS_MAX = 3;
const ROTATE_MS = 60_000;
/** How often it looks what goes on without an event, to know when it began. */
const LOOK_MS = 2_000;

/** Starts (or adopts) centre, agent, gateway and SNMP agent of a data folder and keeps them running until `stop`.
 *  @throws up/running: another supervisor does so already
 *  @throws up/failed: a child does not come up; everything that was started is stopped again */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const { data, identity, clock, log } = options;
  const lock = await takeLock(data, identity);
  recordSpawn(data, "supervisor", process.pid, identity);
  const children = new Map<ChildName, Child>();
  const state = new State(options, children);
  try {
    await state.bring("centre");
    // A site runs without SNMP, too.
    const snmp = state.bring("snmp").catch((error: unknown) => log.warn(describeError(error)));
    await Promise.all([state.bring("agent"), state.bring("gateway"), snmp]);
  } catch (error) {
    await stopAll(options, children, () => undefined);
    removeRunFile(data, "supervisor");
    await lock.release();
    throw error;
  }
  state.record();
  let cancelRotation = clock.after(
    ROTATE_MS,
    function rotate() {
      Promise.all(["supervisor", ...children.keys()].map((name) => rotateLog(path.join(data, "logs", `${name}.log`)))).catch((error) =>
        log.warn("cannot rotate logs", { error: String(error) }),
      );
      cancelRotation = clock.after(ROTATE_MS, rotate, { background: true });
    },
    { background: true },
  );
  const stopLooking = state.look();
  return {
    endpoints: state.endpoints,
    async stop(hurry) {
      cancelRotation();
      stopLooking();
      state.beginStop();
      await stopAll(options, children, options.say, hurry);
      removeRunFile(data, "supervisor");
      await lock.release();
    },
  };
}

/** Name by which a supervisor holds the identity of its site. */
export const SITE_NAME = "site";

/** Holds a data folder, and the identity of its site where that is known: one folder may be seen under two names (bind mounts).
 *  @throws up/running: another supervisor works on this data folder */
export async function takeLock(data: string, identity?: string): Promise<HeldName> {
  const answer = () => ({ data: nameFolder(data), identity, endSignal: END_SIGNAL });
  const folder = await hold(data, nameFolder(data), "supervisor", answer);
  if (identity === undefined) return folder;
  try {
    const site = await hold(data, identity, SITE_NAME, answer);
    return { release: async () => void (await Promise.all([folder.release(), site.release()])) };
  } catch (error) {
    await folder.release();
    throw error;
  }
}

async function hold(data: string, of: string, name: string, answer: () => object): Promise<HeldName> {
  try {
    return await holdName(of, name, answer);
  } catch (error) {
    if (!isOrreryError(error, "process/held")) throw error;
    const pid = (await askHolder(of, name))?.pid;
    throw new OrreryError(
      "up/running",
      `a site runs on ${data} already${pid === undefined ? "" : ` (supervisor: process ${pid})`}; see it with: orrery status --data ${shellWord(data)}, end it with: orrery down --data ${shellWord(data)}, or choose another folder with --data`,
      { details: { pid }, cause: error },
    );
  }
}

/** True if that child runs. */
export function isRunning(data: string, name: ChildName): boolean {
  return findChild({ data, name, script: scriptOf(name) }) !== undefined;
}

async function stopAll(
  { data, identity, clock }: SupervisorOptions,
  children: ReadonlyMap<ChildName, Child>,
  say: (text: string) => void,
  hurry?: AbortSignal,
): Promise<void> {
  await stopSite({ data, identity, parts: Object.fromEntries(children), clock, say, hurry });
}

/** What the supervisor knows of its children, and what it writes down for others. */
class State {
  readonly #options: SupervisorOptions;
  readonly #children: Map<ChildName, Child>;
  readonly #ports: { api: number; edge: number; console: number };
  #endpoints: Endpoints = { api: "" };
  #isBusChanging = false;
  #hasLookedForBroker = false;
  #stoppingSince: string | undefined;
  /** How each child ended last. */
  readonly #ends = new Map<ChildName, { readonly at: string; readonly how: string }>();
  /** Since when what holds now has been seen. */
  #seen: Readonly<Record<string, string>> = {};

  constructor(options: SupervisorOptions, children: Map<ChildName, Child>) {
    this.#options = options;
    this.#children = children;
    this.#ports = { api: options.apiPort, edge: options.edgePort, console: options.consolePort };
  }

  get endpoints(): Required<Omit<Endpoints, "snmp" | "bus">> {
    const { api, console = "" } = this.#endpoints;
    return { api, edge: readEdgeUrl(this.#options.data) ?? this.#endpoints.edge ?? "", console };
  }

  /** Resolves when the child is ready for the first time. */
  bring(name: ChildName): Promise<void> {
    const { data, identity, clock, random, log, guard, signal, say } = this.#options;
    if (signal.aborted) return Promise.reject(new OrreryError("up/failed", "stopped while starting"));
    return new Promise((resolve, reject) => {
      const cancel = clock.after(READY_WITHIN_MS, () => fail(`is not ready after ${READY_WITHIN_MS / 1000} s`));
      const stopped = (): void => fail("was stopped while it started");
      // However the wait ends: what is left of it would keep the process for as long as it may last.
      const endWait = (): void => {
        cancel();
        signal.removeEventListener("abort", stopped);
      };
      const fail = (reason: string): void => {
        endWait();
        reject(new OrreryError("up/failed", `${name} ${reason}; ${lastWords(data, name)}`));
      };
      signal.addEventListener("abort", stopped);
      const child = new Child({
        name,
        data,
        identity,
        script: scriptOf(name),
        args: () => formatChildOptions({ ...this.#options, apiPort: this.#ports.api, edgePort: this.#ports.edge, consolePort: this.#ports.console }),
        clock,
        random,
        log,
        guard,
        onReady: (run) => {
          endWait();
          this.#learn(name, run);
          resolve();
        },
        onRestart: (restarts, endedEarly, how) => {
          // One that ends in order has been told something that it can only begin with.
          if (how !== ORDERLY_END) this.#ends.set(name, { at: new Date(clock.now()).toISOString(), how });
          if (endedEarly && restarts >= EARLY_ENDS_MAX) fail("does not start");
          else {
            this.record();
            if (!endedEarly) say(`${name} ended and is started again: ${how}`);
          }
        },
      });
      this.#children.set(name, child);
      child.start();
    });
  }

  /** Notes when processes are paused and the disk fills, as long as it is not stopped; returns what stops it. */
  look(): () => void {
    const { clock, data } = this.#options;
    let cancel = (): void => {};
    const turn = (): void => {
      cancel = clock.after(LOOK_MS, turn, { background: true });
      this.#followBus();
      const now = new Date(clock.now()).toISOString();
      const seen = Object.fromEntries(listPassing(data).map((key) => [key, this.#seen[key] ?? now]));
      if (Object.keys(seen).join() === Object.keys(this.#seen).join()) return;
      this.#seen = seen;
      this.record();
    };
    turn();
    return () => cancel();
  }

  /** Starts the broker when the site wants one, ends it when it does no longer. */
  #followBus(): void {
    const { data, log } = this.#options;
    const broker = this.#children.get("broker");
    const isWanted = readBusWish(data);
    // One that a former supervisor has started, and that nobody wants any more, is taken up to be ended.
    const isLeft = !this.#hasLookedForBroker && broker === undefined && isRunning(data, "broker");
    this.#hasLookedForBroker = true;
    if (this.#isBusChanging || (broker === undefined ? !isWanted && !isLeft : isWanted)) return;
    this.#isBusChanging = true;
    const change = broker === undefined ? this.bring("broker") : this.#endBroker(broker);
    change
      .catch((error: unknown) => log.warn(describeError(error)))
      .finally(() => {
        this.#isBusChanging = false;
      });
  }

  async #endBroker(broker: Child): Promise<void> {
    if (!(await broker.stop("SIGTERM", BROKER_MS))) this.#options.log.warn("broker had to be killed");
    this.#children.delete("broker");
    const { bus: _, ...others } = this.#endpoints;
    this.#endpoints = others;
    writeEndpoints(this.#options.data, others);
    this.record();
  }

  /** From now on the record says that everything is being ended. */
  beginStop(): void {
    this.#stoppingSince = new Date(this.#options.clock.now()).toISOString();
    this.record();
  }

  /** Writes run/supervisor.json, for people to read: a full disk is no reason to end. */
  record(): void {
    const restarts = Object.fromEntries([...this.#children].map(([name, child]) => [name, child.restarts]));
    try {
      const { data, identity, site, guard } = this.#options;
      const stopping = this.#stoppingSince === undefined ? {} : { stoppingSince: this.#stoppingSince };
      writeRunFile(data, "supervisor", {
        identity,
        site,
        restarts,
        ends: Object.fromEntries(this.#ends),
        seen: this.#seen,
        ...stopping,
        ...describeFaults(guard),
      });
    } catch (error) {
      this.#options.log.warn("cannot write run/supervisor.json", { error: String(error) });
    }
  }

  #learn(name: ChildName, run: RunFile): void {
    const { data } = this.#options;
    const before = readEndpoints(data);
    if (name === "centre" && typeof run["url"] === "string") {
      this.#ports.api = portOf(run["url"]);
      // Where a gateway listens that is about to be adopted stays known meanwhile.
      const edge = this.#endpoints.edge ?? (isRunning(data, "gateway") ? before?.edge : undefined);
      const page = run["console"];
      const snmp = this.#endpoints.snmp ?? (isRunning(data, "snmp") ? before?.snmp : undefined);
      const bus = this.#endpoints.bus ?? (readBusWish(data) ? before?.bus : undefined);
      this.#endpoints = {
        api: run["url"],
        ...(edge === undefined ? {} : { edge }),
        ...(typeof page === "string" && { console: page }),
        ...(snmp !== undefined && { snmp }),
        ...(bus !== undefined && { bus }),
      };
      if (typeof page === "string" && page.startsWith("http:")) this.#ports.console = portOf(page);
    }
    if (name === "gateway" && typeof run["edge"] === "string") {
      this.#ports.edge = portOf(run["edge"]);
      this.#endpoints = { ...this.#endpoints, edge: run["edge"] };
    }
    if (name === "snmp" && typeof run["snmp"] === "string") this.#endpoints = { ...this.#endpoints, snmp: run["snmp"] };
    if (name === "broker" && typeof run["bus"] === "string") this.#endpoints = { ...this.#endpoints, bus: run["bus"] };
    const { api, edge, console, snmp, bus } = this.#endpoints;
    const isKnown = before?.api === api && before?.edge === edge && before?.console === console && before?.snmp === snmp && before?.bus === bus;
    if (!isKnown) writeEndpoints(data, this.#endpoints);
  }
}

function describeFaults({ count, last }: LastGuard): object {
  return count === 0 ? {} : { faults: count, lastFault: last };
}

/** The program of a child. */
export function scriptOf(name: ChildName): string {
  return fileURLToPath(new URL(`../${name}.ts`, import.meta.url));
}

function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}

/** What a child said last, for the message about its failure. */
function lastWords(data: string, name: ChildName): string {
  const file = path.join(data, "logs", `${name}.log`);
  const lines = readTail(file)
    .split("\n")
    .filter((line) => line.trim() !== "");
  const message = lines.findLast((line) => /"level":(?:"error"|"fatal"|[56]0)|Error/.test(line)) ?? lines.at(-1);
  return `its last words: ${message === undefined ? "none" : plain(message).slice(0, 500)}; see ${file}`;
}

function plain(line: string): string {
  try {
    const { message, msg, error } = JSON.parse(line) as Record<string, unknown>;
    return [message ?? msg, error]
      .filter((part) => part !== undefined)
      .map(String)
      .join(": ");
  } catch {
    return line.trim();
  }
}

function readTail(file: string): string {
  try {
    return readFileSync(file, "utf8").slice(-8192);
  } catch {
    return "";
  }
}
