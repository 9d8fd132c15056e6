import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { backoffDelayMs, type Clock, describeError, type LastGuard, type Log, type Random, sleep } from "#/base/index.ts";
import { scanProcesses } from "#/work/process/index.ts";
import { isAlive, type ProcessRecord, type RunFile, readRunFile, recordOf, recordSpawn, removeRunFile, waitForEnd } from "../run-file.ts";
import { readIdentity } from "../site-identity.ts";
import { endedAtHeapLimit, heapFlags, heapLimits, heapVariable } from "./heap.ts";
import type { ChildName, Part } from "./site-stop.ts";

export interface ChildOptions {
  readonly name: ChildName;
  readonly data: string;
  /** Of the site. */
  readonly identity: string;
  /** Program that Node runs. Absolute. */
  readonly script: string;
  /** Read at each start: after a restart the ports are those of the first start. */
  readonly args: () => readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly guard: LastGuard;
  /** It has said that it is ready, after each start. */
  readonly onReady: (run: RunFile) => void;
  /** It has ended and will be started again; `endedEarly`: without ever having been ready since this supervisor began. */
  readonly onRestart: (restarts: number, endedEarly: boolean, how: string) => void;
}

const BACKOFF = { firstMs: 100, maxMs: 10_000 };
/** Who was ready before it ended counts for no more failures than these: what serves must not stay away long because it was killed before. */
const FAILURES_READY_MAX = 2;
/** Whoever lived longer is started at once again, as if it had never failed. */
const STEADY_MS = 10_000;
/** How often adopted processes are looked at, and ready signs. */
const LOOK_MS = 100;
const REFUSED_WAIT_MS = 1000;

/** Keeps one child running: adopts it if it runs already, starts it otherwise, and starts it again whenever it ends, with backoff. The child outlives this process. */
export class Child implements Part {
  readonly #options: ChildOptions;
  readonly #stopping = new AbortController();
  #current: ProcessRecord | undefined;
  #restarts = 0;
  #wasReady = false;
  /** Since its newest start. */
  #isReady = false;
  #running: Promise<void> | undefined;

  constructor(options: ChildOptions) {
    this.#options = options;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Begins; returns at once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Sends `signal`, if it runs; whatever ends it from now on, it is not started again. */
  wind(signal: NodeJS.Signals): void {
    this.#stopping.abort();
    if (this.#current !== undefined) send(this.#current, signal);
  }

  /** Ends it with `signal`, after `timeoutMs` (or as soon as `hurry` is aborted) with SIGKILL, and starts it no more. True if it ended by itself. */
  async stop(signal: NodeJS.Signals, timeoutMs: number, hurry?: AbortSignal): Promise<boolean> {
    this.#stopping.abort();
    const record = this.#current;
    const isGraceful = record === undefined || (await endProcess(record, signal, timeoutMs, hurry));
    await this.#running;
    if (record !== undefined) removeRunFile(this.#options.data, this.#options.name, record.pid);
    return isGraceful;
  }

  async #run(): Promise<void> {
    const { clock, random, log, name } = this.#options;
    let failures = 0;
    for (let isFirst = true; !this.#stopping.signal.aborted; isFirst = false) {
      const begunMs = clock.monotonic();
      this.#isReady = false;
      const adopted = isFirst ? findChild(this.#options) : undefined;
      const how = adopted === undefined ? await this.#spawnAndWait().catch(describeStartFailure) : await this.#adoptAndWait(adopted);
      this.#current = undefined;
      if (this.#stopping.signal.aborted) return;
      failures = clock.monotonic() - begunMs > STEADY_MS ? 0 : failures + 1;
      if (this.#isReady) failures = Math.min(failures, FAILURES_READY_MAX);
      this.#restarts += 1;
      const delayMs = failures === 0 ? 0 : Math.round(backoffDelayMs(BACKOFF, failures, random));
      log.warn(`${name} ended: ${how}; starting it again`, { inMs: delayMs, failures });
      this.#options.guard.run("restart", () => this.#options.onRestart(this.#restarts, !this.#wasReady, how), undefined, name);
      await sleep(clock, delayMs, this.#stopping.signal).catch(() => undefined);
    }
  }

  async #adoptAndWait(record: ProcessRecord): Promise<string> {
    const { data, clock, log, name } = this.#options;
    log.info(`adopted ${name}`, { pid: record.pid });
    this.#current = record;
    const logFrom = lengthOf(logPathOf(data, name));
    const ready = this.#watchReady(record);
    while (isAlive(record)) await sleep(clock, LOOK_MS);
    await ready;
    return explainEnd("its exit status is known only to its former parent", { data, name, logFrom });
  }

  async #spawnAndWait(): Promise<string> {
    const { data, identity, name, script, args, log } = this.#options;
    const logFrom = lengthOf(logPathOf(data, name));
    const output = openSync(logPathOf(data, name), "a", 0o600);
    let child: ChildProcess;
    try {
      // In no folder that somebody may remove or unmount. A session of its own: Ctrl-C in the supervisor's terminal must reach the supervisor alone, which ends the children in order.
      child = spawn(process.execPath, [...heapFlags(name), script, ...args()], { cwd: "/", detached: true, stdio: ["ignore", output, output] });
    } finally {
      closeSync(output);
    }
    const ended = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(signal === null ? `exit status ${code}` : `killed by ${signal}`));
    });
    if (child.pid !== undefined) {
      const record = recordOf(child.pid);
      this.#current = record;
      try {
        recordSpawn(data, name, child.pid, identity);
      } catch (error) {
        // No room on the disk, say: the next supervisor finds the child by its command line.
        log.warn(`cannot record ${name}`, { error: String(error) });
      }
      log.info(`started ${name}`, { pid: child.pid });
      if (record !== undefined) await this.#watchReady(record);
    }
    return explainEnd(await ended, { data, name, logFrom });
  }

  /** Tells once of the ready sign of `record`'s process; returns when it has come or can come no more. */
  async #watchReady(record: ProcessRecord): Promise<void> {
    const { data, name, clock, log, onReady } = this.#options;
    let wasRefused = false;
    while (isAlive(record)) {
      const run = readRunFile(data, name);
      if (run?.pid === record.pid && run.readyAt !== undefined) {
        this.#wasReady = true;
        this.#isReady = true;
        try {
          if (!this.#stopping.signal.aborted) onReady(run);
          return;
        } catch (error) {
          // No room to write where it is, say: tried again, as others look there.
          if (!wasRefused) log.error(`cannot take up ${name}: ${describeError(error)}; it is tried again`);
          wasRefused = true;
          await sleep(clock, REFUSED_WAIT_MS);
        }
      }
      await sleep(clock, LOOK_MS / 4);
    }
  }
}

/** Nothing was started: the log could not be opened, or the system has no room for a process. */
function describeStartFailure(error: unknown): string {
  return `it could not be started: ${describeError(error)}`;
}

/** The process of a child that runs already: by its record, or, if its supervisor died before it could write one, by its command line. In a copied folder there is none: what runs is the original's. */
export function findChild({ data, name, script }: Pick<ChildOptions, "data" | "name" | "script">): ProcessRecord | undefined {
  const run = readRunFile(data, name);
  if (run !== undefined) return run;
  const identity = readIdentity(data);
  if (identity.state === "copied") return undefined;
  for (const { pid } of scanProcesses()) {
    const [, ...words] = commandLine(pid);
    if (!words.includes(script) || optionOf(words, "--data") !== data) continue;
    const own = optionOf(words, "--identity");
    if (identity.state === "none" || own === undefined || own === identity.id) return recordOf(pid);
  }
  return undefined;
}

/** `how` it ended, and why, where its log tells. */
function explainEnd(how: string, { data, name, logFrom }: { readonly data: string; readonly name: ChildName; readonly logFrom: number }): string {
  if (!endedAtHeapLimit(logPathOf(data, name), logFrom)) return how;
  return `${how}: it came to its heap limit of ${heapLimits(name).heap} MiB; raise ${heapVariable(name, "heap")} if the site needs more`;
}

function logPathOf(data: string, name: ChildName): string {
  return path.join(data, "logs", `${name}.log`);
}

function lengthOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function optionOf(words: readonly string[], name: string): string | undefined {
  const at = words.indexOf(name);
  return at < 0 ? undefined : words[at + 1];
}

/** A process that somebody else has started, as a part to be ended. */
export function partOf(record: ProcessRecord): Part {
  return { wind: (signal) => send(record, signal), stop: (signal, timeoutMs, hurry) => endProcess(record, signal, timeoutMs, hurry) };
}

/** Ends a process with `signal`, after `timeoutMs` or abort of `hurry` with SIGKILL. True if the first was enough. */
async function endProcess(record: ProcessRecord, signal: NodeJS.Signals, timeoutMs: number, hurry?: AbortSignal): Promise<boolean> {
  send(record, signal);
  if (await waitForEnd(record, timeoutMs, hurry)) return true;
  send(record, "SIGKILL");
  await waitForEnd(record, 5000);
  return false;
}

function send(record: ProcessRecord, signal: NodeJS.Signals): void {
  try {
    if (isAlive(record)) process.kill(record.pid, signal);
  } catch (error) {
    // It has ended between the look and the signal.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
