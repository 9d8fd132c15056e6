import { describeError, fnv1a, OrreryError } from "#/base/index.ts";
import { durationMs, type Instance } from "#/model/index.ts";
import type { LogLine, LogQuestion } from "#/state/link/index.ts";
import { type BusyAnswer, runProbe } from "#/work/probes/index.ts";
import type { CommandResult, Exec } from "#/work/process/index.ts";
import { type InstanceState, NEW_INSTANCE } from "./core/index.ts";
import { isToBeStopped, letGo } from "./finalizer.ts";
import { InstanceFolder } from "./instance-folder.ts";
import { buildStatus } from "./instance-status.ts";
import { environmentOf, prepare } from "./launch.ts";
import type { Runner, RunnerContext } from "./runner.ts";
import { StatusWriter } from "./status-writer.ts";

/** At the end of the agent: the store may be out of reach. */
const FLUSH_MS = 2000;

/** Carries out a probe inside of the agent: looks, tells, and looks again after the interval. There is no process, and so nothing that could be doubled or left over. */
export class BuiltInProbeRunner implements Runner {
  readonly session = undefined;
  readonly stopMs = 0;
  readonly mayUse = false;
  readonly #context: RunnerContext;
  readonly #folder: InstanceFolder;
  readonly #writer: StatusWriter;
  #instance: Instance;
  #state: InstanceState = NEW_INSTANCE;
  /** Aborted to end the present round. */
  #round = new AbortController();
  #cancelNext: () => void = () => {};
  #isOpen = false;
  #isPrepared = false;
  #isGone = false;
  #isStopping = false;

  constructor(one: Instance, context: RunnerContext) {
    this.#instance = one;
    this.#context = context;
    this.#folder = new InstanceFolder(context.instancesFolder, one.metadata.uid);
    this.#writer = new StatusWriter(context, one);
  }

  get instance(): Instance {
    return this.#instance;
  }

  get isOccupied(): boolean {
    return !this.#isOpen;
  }

  get isOver(): boolean {
    return this.#isGone && this.#isOpen;
  }

  family(): readonly [] {
    return [];
  }

  async open(): Promise<void> {
    this.#folder.writeInstance(this.#instance);
    this.#isOpen = true;
    this.#restart();
  }

  update(one: Instance): void {
    const isSame =
      one.metadata.generation === this.#instance.metadata.generation &&
      one.metadata.deletionTimestamp === this.#instance.metadata.deletionTimestamp &&
      one.metadata.finalizers?.length === this.#instance.metadata.finalizers?.length;
    this.#instance = one;
    this.#writer.update(one);
    if (isSame || !this.#isOpen) return;
    try {
      this.#folder.writeInstance(one);
    } catch (error) {
      this.#context.log.warn(`cannot record probe ${one.metadata.name}: ${describeError(error)}`, { instance: one.metadata.name });
    }
    this.#restart();
  }

  forget(): void {
    this.#isGone = true;
    const { probe, resource } = this.#instance.spec;
    const { name, namespace = "default" } = this.#instance.metadata;
    if (probe?.snmp !== undefined) this.#context.devices.forget(`${namespace}/${resource ?? name}`);
    this.#writer.end();
    if (this.#isOpen) this.#restart();
    this.#context.changed(this);
  }

  wake(): void {}

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#restart();
    await this.#writer.flush(FLUSH_MS);
  }

  release(): void {
    this.#round.abort();
    this.#cancelNext();
    this.#writer.end();
  }

  clean(): void {
    this.release();
    this.#folder.remove();
  }

  readLines(_question: LogQuestion, _signal: AbortSignal): AsyncIterable<readonly LogLine[]> {
    throw new OrreryError(
      "agent/no-log",
      `${this.#instance.metadata.name} is a probe inside of the agent and writes no log; what it sees stands in the Resource's status`,
    );
  }

  async runScript(name: string): Promise<CommandResult> {
    throw new OrreryError(
      "agent/no-script",
      `${this.#instance.metadata.name} is a probe inside of the agent and has no script ${JSON.stringify(name)}`,
    );
  }

  async exec(): Promise<Exec> {
    throw new OrreryError("agent/no-exec", `${this.#instance.metadata.name} is a probe inside of the agent: it has no folder to run a command in`);
  }

  async askBusy(): Promise<BusyAnswer> {
    return { state: "idle", message: "a probe has no work of its own" };
  }

  async rotateLog(): Promise<void> {}

  keptLog(): undefined {}

  program(): undefined {}

  setOpenAddresses(): void {}

  #restart(): void {
    this.#round.abort();
    this.#cancelNext();
    this.#isPrepared = false;
    this.#round = new AbortController();
    if (this.#isGone) return;
    if (this.#isStopping || isToBeStopped(this.#instance)) {
      this.#show({ phase: "Stopped", isReady: false, reason: "Stopped", message: "it is not asked any more" });
      if (isToBeStopped(this.#instance)) void letGo(this.#instance, this.#context);
      return;
    }
    if (this.#state.phase !== "Running") this.#show({ phase: "Starting", isReady: false, reason: "Starting", message: "it has not been asked yet" });
    void this.#look(this.#round.signal);
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { clock, observed, log, devices } = this.#context;
    const { probe, resource } = this.#instance.spec;
    const { name, namespace = "default" } = this.#instance.metadata;
    if (probe === undefined) return;
    const beganMs = clock.now();
    const intervalMs = Math.max(100, durationMs(probe.interval));
    try {
      const input = { instance: this.#instance, folder: this.#folder, network: { ports: {} }, context: this.#context };
      if (!this.#isPrepared) await prepare(input, this.#instance.spec.duty);
      this.#isPrepared = true;
      const place = { env: environmentOf(input), workingDir: this.#folder.work };
      const options = { timeoutMs: durationMs(probe.timeout), signal };
      const observation =
        probe.snmp === undefined
          ? await runProbe(probe, place, options)
          : await devices.look({ spec: probe.snmp, resource: `${namespace}/${resource ?? name}`, intervalMs }, place, options);
      if (resource !== undefined) observed({ resource, namespace, instance: name, atMs: clock.now(), ...observation });
      // That the thing does not answer is an observation, too: the probe itself works.
      this.#show({ phase: "Running", isReady: true, reason: "Ready", message: "it looks at its interval" });
    } catch (error) {
      if (signal.aborted) return;
      log.warn(`probe ${name}: ${describeError(error)}`, { instance: name });
      this.#show({ phase: "Failed", isReady: false, reason: "ProbeFailed", message: describeError(error) });
    }
    // Devices are looked at each at its own moment of the interval, so that not all are asked at once.
    const nextMs = probe.snmp === undefined ? beganMs + intervalMs : nextTurn(this.#instance.metadata.uid, intervalMs, clock.now());
    if (!signal.aborted) this.#cancelNext = clock.after(Math.max(0, nextMs - clock.now()), () => void this.#look(signal), { background: true });
  }

  #show(change: Partial<InstanceState>): void {
    this.#state = { ...this.#state, ...change };
    this.#writer.submit(
      buildStatus({
        state: this.#state,
        network: { ports: {} },
        duty: this.#instance.spec.duty,
        openAddresses: [],
        host: this.#context.host,
        generation: this.#instance.metadata.generation,
        conditions: this.#writer.conditions,
        nowMs: this.#context.clock.now(),
      }),
    );
  }
}

/** The next moment after `nowMs` that belongs to `uid` alone among those of its interval, as far as chance gives it. */
function nextTurn(uid: string, intervalMs: number, nowMs: number): number {
  const own = fnv1a(uid) % intervalMs;
  const next = Math.floor(nowMs / intervalMs) * intervalMs + own;
  return next > nowMs ? next : next + intervalMs;
}
