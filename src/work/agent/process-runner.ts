import { isDeepStrictEqual } from "node:util";
import { describeError } from "#/base/index.ts";
import { durationMs, type Instance } from "#/model/index.ts";
import type { LogLine, LogQuestion } from "#/state/link/index.ts";
import { type BusyAnswer, runCheck } from "#/work/probes/index.ts";
import { adoptProcess, type CommandResult, type Exec, killMembers, type ProcStat, type RunningProcess } from "#/work/process/index.ts";
import {
  type CheckName,
  type CheckPlan,
  type Demand,
  type Effect,
  type Exit,
  type Input,
  type InstanceState,
  NEW_INSTANCE,
  planDemand,
  recallInstance,
  rememberInstance,
  startNote,
  step,
} from "./core/index.ts";
import type { ExecRequest } from "./exec-sessions.ts";
import { isToBeStopped, letGo } from "./finalizer.ts";
import { HostedInstance } from "./hosted-instance.ts";
import { InstanceDuty } from "./instance-duty.ts";
import type { RunnerMemory } from "./instance-folder.ts";
import { InstanceInquiries } from "./instance-inquiries.ts";
import { InstanceLog } from "./instance-log.ts";
import { InstanceProcess } from "./instance-process.ts";
import { InstanceStart } from "./instance-start.ts";
import { buildStatus } from "./instance-status.ts";
import { explainStart, signsOf } from "./launch.ts";
import { giveBackNetwork } from "./network.ts";
import { followProbe } from "./probe-program.ts";
import { RecordWriter } from "./record-writer.ts";
import type { InstanceProgram, KeptLog, Runner, RunnerContext } from "./runner.ts";
import { StatusWriter } from "./status-writer.ts";

const FAULT_WAIT_MS = 2000;

/** setTimeout takes what is more than 24.8 days for nothing. */
const WAKE_MS_MAX = 3_600_000;

/** At the end of the agent: the store may be out of reach. */
const FLUSH_MS = 2000;

/** Keeps one Instance as it is to be: carries out what the core's `step` orders, and tells it what happens. Its parts start the process and see to its end, keep the log, and answer who asks. */
export class ProcessRunner implements Runner {
  readonly #context: RunnerContext;
  readonly #hosted: HostedInstance;
  readonly #writer: StatusWriter;
  readonly #records: RecordWriter;
  readonly #duty: InstanceDuty;
  readonly #log: InstanceLog;
  readonly #process: InstanceProcess;
  readonly #start: InstanceStart;
  readonly #inquiries: InstanceInquiries;
  #demand: Demand;
  #state: InstanceState = NEW_INSTANCE;
  #memory: RunnerMemory | undefined;
  #countedStartMs: number | undefined;
  #openAddresses: readonly string[] = [];
  #isOpen = false;
  #isGone = false;
  #isStopping = false;
  #isLettingGo = false;
  #cancelWake: () => void = () => {};
  #onStopped: (() => void)[] = [];

  constructor(one: Instance, context: RunnerContext) {
    this.#demand = planDemand(one.spec);
    this.#context = context;
    const hosted = new HostedInstance(one, context);
    this.#hosted = hosted;
    this.#writer = new StatusWriter(context, one);
    const { clock, random, dataFolder } = context;
    this.#records = new RecordWriter({
      clock,
      random,
      onFailure: (what, error) =>
        hosted.tell("Warning", "RecordFailed", `cannot record ${what}: ${describeError(error)}; free some room in ${dataFolder}`),
    });
    this.#duty = new InstanceDuty(hosted, {
      runner: this,
      records: this.#records,
      isRunning: () => this.#state.running !== undefined,
      onTaken: () => {
        this.#report();
        if (this.instance.spec.exclusive === true) context.changed(this);
      },
    });
    this.#log = new InstanceLog(hosted);
    this.#process = new InstanceProcess(hosted, this.#log, {
      ended: (exit, startedAtMs, left) => this.#ended(exit, startedAtMs, left),
      stuck: (message) => {
        this.#advance({ type: "stop-failed", message });
        this.#resolveStops();
      },
      isStopping: () => this.#state.pending?.order === "stop",
      graceMs: () => this.#demand.graceMs,
    });
    this.#start = new InstanceStart(hosted, {
      runner: this,
      duty: this.#duty,
      isUnwanted: () => this.#isGone || this.#isStopping,
      report: () => this.#report(),
    });
    this.#inquiries = new InstanceInquiries(hosted, this.#process, {
      state: () => this.#state,
      isOpen: () => this.#isOpen,
      duty: this.#duty,
    });
  }

  get instance(): Instance {
    return this.#hosted.instance;
  }

  get isOccupied(): boolean {
    // Before the look at what an earlier agent has left, everything may be there.
    return !this.#isOpen || this.#state.running !== undefined || this.#state.pending !== undefined;
  }

  get mayUse(): boolean {
    return this.isOccupied && !this.#duty.isPassive;
  }

  get isOver(): boolean {
    return this.#isGone && !this.isOccupied;
  }

  get session(): number | undefined {
    return this.#process.running?.session;
  }

  get stopMs(): number {
    const { grace, scripts } = this.instance.spec;
    const script = scripts.find(({ name }) => name === "stop");
    return this.isOccupied ? durationMs(grace) + (script === undefined ? 0 : durationMs(script.timeout)) : 0;
  }

  family(all: readonly ProcStat[]): readonly ProcStat[] {
    const { running } = this.#process;
    // The shim is ours: its little is not the service's.
    return running?.family(all).filter((stat) => stat.pid !== running.session) ?? [];
  }

  async open(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      this.#state = {
        ...this.#state,
        phase: "Failed",
        isReady: false,
        reason: "RecordFailed",
        message: `the agent cannot take it up: ${describeError(error)}`,
      };
      this.#report();
      throw error;
    }
  }

  async #open(): Promise<void> {
    const { log } = this.#context;
    const { folder } = this.#hosted;
    folder.writeInstance(this.instance);
    this.#hosted.network = folder.readNetwork();
    const memory = folder.readMemory();
    if (memory !== undefined) {
      this.#memory = memory;
      this.#state = recallInstance(memory);
      this.#countedStartMs = memory.countedStartMs;
    }
    if (this.#takeKnownResult()) return;
    const adoption = await adoptProcess(folder.runs);
    let left: readonly ProcStat[] = [];
    if (adoption.state !== "running") {
      left = await killMembers(signsOf(this.#hosted.launchInput()));
      if (left.length > 0)
        log.warn("ended processes that had no record", { instance: this.instance.metadata.name, pids: left.map((stat) => stat.pid) });
      this.#start.hasSweptStrays = true;
    }
    this.#isOpen = true;
    // Whether the agent before could still post it is not known: it is posted again.
    if (folder.readDuty() === this.instance.spec.duty && this.instance.spec.stateUrl === undefined) this.#duty.assume(this.instance.spec.duty);
    if (this.instance.spec.probe !== undefined) followProbe(this.#hosted);
    if (adoption.state === "running") {
      this.#attach(adoption.process, true);
    } else if (adoption.state === "none" && this.#demand.once !== undefined && this.instance.status?.startedAt !== undefined) {
      // The centre knows that it was started, and what this host knew of it is lost: it is never started twice.
      const { startedAt } = this.instance.status;
      this.#advance({ type: "started", pid: 0, startedAtMs: Date.parse(startedAt), runHash: this.#demand.runHash, isAdopted: true }, true);
      this.#advance({ type: "exited", exit: { atMs: this.#context.clock.now(), lines: [] } });
    } else if (adoption.state === "ended" && adoption.intention.startedAtMs !== this.#countedStartMs) {
      // It ended while no agent was there: counted now, as if it had been seen.
      const { intention, exit } = adoption;
      this.#advance({ type: "started", pid: 0, startedAtMs: intention.startedAtMs, runHash: this.#demand.runHash, isAdopted: true }, true);
      this.#countedStartMs = intention.startedAtMs;
      this.#advance({ type: "exited", exit: await this.#process.describeExit(exit, intention.logFrom), left });
    }
    this.#duty.tell();
    this.#advance({ type: "tick" });
  }

  /** True for a run of a job that is over, as far as this host or the centre remembers: nothing of it is looked for, and nothing started. */
  #takeKnownResult(): boolean {
    const { status } = this.instance;
    if (this.#demand.once === undefined) return false;
    if (this.#state.result === undefined && status?.outcome !== undefined) {
      const message = status.conditions?.find((one) => one.type === "Ready")?.message ?? "";
      this.#state = {
        ...this.#state,
        result: { outcome: status.outcome, message, ...(status.startedAt === undefined ? {} : { startedAtMs: Date.parse(status.startedAt) }) },
      };
    }
    if (this.#state.result === undefined) return false;
    this.#start.hasSweptStrays = true;
    this.#isOpen = true;
    this.#advance({ type: "tick" });
    return true;
  }

  update(one: Instance): void {
    if (isDeepStrictEqual(withoutStatus(one), withoutStatus(this.instance))) {
      // Our own status comes back.
      this.#hosted.instance = one;
      this.#writer.update(one);
      return;
    }
    const isAsked = one.spec.restart?.at !== this.instance.spec.restart?.at;
    this.#hosted.instance = one;
    this.#demand = planDemand(one.spec);
    this.#writer.update(one);
    if (!this.#isOpen) return;
    this.#records.write("its object", () => this.#hosted.folder.writeInstance(one));
    this.#duty.tell();
    this.#advance({ type: isAsked ? "asked" : "tick" });
  }

  forget(): void {
    this.#isGone = true;
    this.#writer.end();
    if (this.#isOpen) this.#advance({ type: "tick" });
  }

  wake(): void {
    if (!this.#isOpen || this.#state.phase === "Stopped") return;
    this.#duty.tell();
    this.#advance({ type: "tick" });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await new Promise<void>((resolve) => {
      this.#onStopped.push(resolve);
      if (this.#isOpen) this.#advance({ type: "tick" });
    });
    await this.#writer.flush(FLUSH_MS);
  }

  release(): void {
    this.#hosted.end();
    this.#cancelWake();
    this.#records.end();
    this.#process.release();
    this.#log.end();
    this.#writer.end();
  }

  /** Removes what is left once the runner is over. */
  clean(): void {
    this.release();
    giveBackNetwork(this.#hosted.network, this.#context);
    this.#hosted.folder.remove();
  }

  readLines(question: LogQuestion, signal: AbortSignal): AsyncIterable<readonly LogLine[]> {
    return this.#log.readLines(question, signal);
  }

  async runScript(name: string, signal: AbortSignal, onOutput?: (bytes: Buffer) => void): Promise<CommandResult> {
    return await this.#inquiries.runScript(name, signal, onOutput);
  }

  async exec(request: ExecRequest, signal: AbortSignal): Promise<Exec> {
    return await this.#inquiries.exec(request, signal);
  }

  async askBusy(signal: AbortSignal): Promise<BusyAnswer> {
    return await this.#inquiries.askBusy(signal);
  }

  async rotateLog(): Promise<void> {
    // A run that is over prints nothing any more.
    if (this.#state.result === undefined) await this.#log.rotate(this.#process.running !== undefined);
  }

  program(): InstanceProgram | undefined {
    const { running } = this.#process;
    return running === undefined ? undefined : { pid: running.pid, startTime: running.startTime, ports: this.#hosted.network.ports };
  }

  keptLog(): KeptLog {
    return this.#log.kept();
  }

  setOpenAddresses(addresses: readonly string[]): void {
    if (isDeepStrictEqual(addresses, this.#openAddresses)) return;
    this.#openAddresses = addresses;
    if (addresses.length > 0)
      this.#hosted.tell("Warning", "ListensElsewhere", `it listens on ${addresses.join(", ")}: calls come there past the gateway`);
    this.#report();
  }

  /** A turn that nothing can break off for good: after a fault it is looked at again. */
  #advance(input: Input, isQuiet = false): void {
    try {
      this.#turn(input, isQuiet);
    } catch (error) {
      const { clock, guard } = this.#context;
      guard.caught("instance", error, this.instance.metadata.name);
      if (this.#hosted.over.aborted) return;
      this.#cancelWake();
      this.#cancelWake = clock.after(FAULT_WAIT_MS, () => this.#advance({ type: "tick" }));
    }
  }

  /** One turn: state, orders, status. `isQuiet`: only a step of a longer account, nothing is ordered. */
  #turn(input: Input, isQuiet: boolean): void {
    if (this.#hosted.over.aborted) return;
    const { clock, random, obstacle, changed } = this.#context;
    const wasOccupied = this.isOccupied;
    const wasReady = this.#state.isReady;
    const wish = this.#isGone || this.#isStopping || isToBeStopped(this.instance) ? "stop" : "run";
    const circumstances = {
      wish,
      demand: this.#demand,
      obstacle: isQuiet ? "an account is taken" : obstacle(this),
      nowMs: clock.now(),
      random,
    } as const;
    if (isQuiet) {
      this.#state = step(this.#state, input, { ...circumstances, wish: "run", isAccount: true }).state;
      return;
    }
    const { state, effects, wakeAtMs } = step(this.#state, input, circumstances);
    this.#state = state;
    this.#remember();
    this.#cancelWake();
    if (wakeAtMs !== undefined)
      this.#cancelWake = clock.after(Math.min(WAKE_MS_MAX, Math.max(0, wakeAtMs - clock.now())), () => this.#advance({ type: "tick" }));
    // Each for itself: what is ordered behind one that fails would never come.
    for (const effect of effects) this.#context.guard.run("instance", () => this.#act(effect), undefined, this.instance.metadata.name);
    if (!wasReady && state.isReady) this.#duty.repeat();
    this.#report();
    this.#settle();
    if (wasOccupied !== this.isOccupied || this.isOver) changed(this);
  }

  #act(effect: Effect): void {
    switch (effect.do) {
      case "start":
        void this.#begin();
        return;
      case "stop":
        void this.#process.stop(effect.graceMs);
        return;
      case "check":
        void this.#check(effect.name, effect.plan);
        return;
      case "tell":
        this.#hosted.tell(effect.type, effect.reason, effect.message);
    }
  }

  async #begin(): Promise<void> {
    try {
      const started = await this.#start.start(startNote(this.#demand));
      if (started !== undefined) this.#attach(started, false);
    } catch (error) {
      this.#advance({ type: "start-failed", ...explainStart(error) });
    }
  }

  #attach(running: RunningProcess, isAdopted: boolean): void {
    const { intention, pid } = running;
    this.#process.attach(running);
    this.#advance({ type: "started", pid, startedAtMs: intention.startedAtMs, runHash: intention.note ?? "", isAdopted });
  }

  #ended(exit: Exit, startedAtMs: number | undefined, left: readonly ProcStat[]): void {
    if (startedAtMs !== undefined) {
      this.#openAddresses = [];
      this.#countedStartMs = startedAtMs;
    }
    this.#advance({ type: "exited", exit, left });
  }

  async #check(name: CheckName, plan: CheckPlan): Promise<void> {
    const { clock } = this.#context;
    const askedAtMs = clock.now();
    const { over } = this.#process;
    const pid = this.#process.running?.pid ?? 0;
    const target = this.#hosted.target(plan.action.exec !== undefined);
    try {
      const { isOk, isUnanswered, message } = await runCheck(plan.action, target, { timeoutMs: plan.timeoutMs, signal: over });
      if (!over.aborted) this.#advance({ type: "check", name, pid, askedAtMs, isOk, isUnanswered, message });
    } catch (error) {
      if (!over.aborted) this.#advance({ type: "check", name, pid, askedAtMs, isOk: false, message: describeError(error) });
    }
  }

  /** What follows from nothing running any more. */
  #settle(): void {
    if (this.isOccupied || this.#state.phase !== "Stopped") return;
    this.#resolveStops();
    if (this.#isGone || this.#isLettingGo || !isToBeStopped(this.instance)) return;
    this.#isLettingGo = true;
    void letGo(this.instance, this.#context).finally(() => {
      this.#isLettingGo = false;
    });
  }

  #resolveStops(): void {
    for (const resolve of this.#onStopped.splice(0)) resolve();
  }

  #remember(): void {
    if (isDeepStrictEqual(this.#presentMemory(), this.#memory) || this.#isGone) return;
    this.#records.write("its state", () => {
      // It may be a later one than could not be written.
      const memory = this.#presentMemory();
      this.#hosted.folder.writeMemory(memory);
      this.#memory = memory;
    });
  }

  #presentMemory(): RunnerMemory {
    return { ...rememberInstance(this.#state), countedStartMs: this.#countedStartMs };
  }

  #report(): void {
    if (this.#isGone || this.#hosted.over.aborted) return;
    this.#writer.submit(
      buildStatus({
        state: this.#state,
        network: this.#hosted.network,
        duty: this.#duty.taken,
        openAddresses: this.#openAddresses,
        host: this.#context.host,
        generation: this.instance.metadata.generation,
        conditions: this.#writer.conditions,
        nowMs: this.#context.clock.now(),
      }),
    );
  }
}

function withoutStatus(one: Instance): unknown {
  const { status: _status, ...rest } = one;
  const { resourceVersion: _version, managedFields: _fields, ...metadata } = one.metadata;
  return { ...rest, metadata };
}
