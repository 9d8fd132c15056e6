import { existsSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { describeError, OrreryError, sleep } from "#/base/index.ts";
import { type Duty, durationMs, type Instance, instance } from "#/model/index.ts";
import type { LogLine, LogQuestion } from "#/state/link/index.ts";
import { askBusy, type BusyAnswer, runCheck } from "#/work/probes/index.ts";
import {
  adoptProcess,
  type CommandResult,
  type Exec,
  explainLineEnds,
  findNewestIntention,
  killMembers,
  killStragglers,
  LogTimes,
  type ProcessExit,
  type ProcStat,
  type RunningProcess,
  readLastLines,
  rotateLog,
  stopProcess,
} from "#/work/process/index.ts";
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
import { DutyTeller, type DutyTellerOptions } from "./duty-teller.ts";
import type { ExecRequest } from "./exec-sessions.ts";
import { isToBeStopped, letGo } from "./finalizer.ts";
import { InstanceFolder, type NetworkRecord, type RunnerMemory } from "./instance-folder.ts";
import { buildStatus } from "./instance-status.ts";
import {
  environmentOf,
  explainStart,
  type LaunchInput,
  launch,
  logLimits,
  prepare,
  runNamedScript,
  runScriptIfAny,
  signsOf,
  startExec,
} from "./launch.ts";
import { readLines } from "./log-lines.ts";
import { completeNetwork, giveBackNetwork, replaceTakenPorts } from "./network.ts";
import { isListening } from "./ports.ts";
import { followProbeProgram } from "./probe-program.ts";
import { RecordWriter } from "./record-writer.ts";
import type { Runner, RunnerContext } from "./runner.ts";
import { StatusWriter } from "./status-writer.ts";

const QUOTED_LINES = 10;
const SCRIPTS_MAX = 4;
const UNKILLABLE_WAIT_MS = 5000;
const FAULT_WAIT_MS = 2000;
/** Of a server that put itself in the background: a retry waits for it. */
const BACKGROUND_GRACE_MS = 10_000;

/** A run that cannot call has failed; a service is more than its first calls, and comes back also where no gateway is. */
const GATEWAY_WAIT_MS = { run: 10_000, service: 5000 } as const;
const GATEWAY_LOOK_MS = 25;

/** setTimeout takes what is more than 24.8 days for nothing. */
const WAKE_MS_MAX = 3_600_000;

/** At the end of the agent: the store may be out of reach. */
const FLUSH_MS = 2000;

/** Runs the process of one Instance: carries out what the core's `step` orders, and tells it what happens. */
export class ProcessRunner implements Runner {
  readonly #context: RunnerContext;
  readonly #folder: InstanceFolder;
  readonly #writer: StatusWriter;
  readonly #records: RecordWriter;
  readonly #duties: DutyTeller;
  readonly #times: LogTimes;
  readonly #over = new AbortController();
  #instance: Instance;
  #demand: Demand;
  #state: InstanceState = NEW_INSTANCE;
  #memory: RunnerMemory | undefined;
  #network: NetworkRecord = { ports: {} };
  #process: RunningProcess | undefined;
  /** Aborted with each end of the process. */
  #processOver = new AbortController();
  #countedStartMs: number | undefined;
  #openAddresses: readonly string[] = [];
  /** Who keeps it passive. */
  #rival: Runner | undefined;
  #isOpen = false;
  /** Its log file was seen. */
  #hasLog = false;
  #isGone = false;
  #isStopping = false;
  #isLettingGo = false;
  #hasSweptStrays = false;
  #scripts = 0;
  #cancelWake: () => void = () => {};
  #onStopped: (() => void)[] = [];

  constructor(one: Instance, context: RunnerContext) {
    this.#instance = one;
    this.#demand = planDemand(one.spec);
    this.#context = context;
    this.#folder = new InstanceFolder(context.instancesFolder, one.metadata.uid);
    this.#writer = new StatusWriter(context, one);
    this.#times = new LogTimes(this.#folder.log, () => context.clock.now());
    const { clock, random, dataFolder } = context;
    this.#records = new RecordWriter({
      clock,
      random,
      onFailure: (what, error) =>
        this.#tell("Warning", "RecordFailed", `cannot record ${what}: ${describeError(error)}; free some room in ${dataFolder}`),
    });
    this.#duties = new DutyTeller({
      write: (duty, onWritten) => this.#records.write("its duty", () => this.#folder.writeDuty(duty), onWritten),
      target: () => this.#dutyTarget(),
      onProblem: (message) => this.#tell("Warning", "StateNotTaken", message),
      onTaken: () => {
        this.#report();
        if (this.#instance.spec.exclusive === true) this.#context.changed(this);
      },
    });
  }

  get instance(): Instance {
    return this.#instance;
  }

  get isOccupied(): boolean {
    // Before the look at what an earlier agent has left, everything may be there.
    return !this.#isOpen || this.#state.running !== undefined || this.#state.pending !== undefined;
  }

  get mayUse(): boolean {
    return this.isOccupied && !this.#duties.isPassive;
  }

  get isOver(): boolean {
    return this.#isGone && !this.isOccupied;
  }

  get session(): number | undefined {
    return this.#process?.session;
  }

  get stopMs(): number {
    const { grace, scripts } = this.#instance.spec;
    const script = scripts.find(({ name }) => name === "stop");
    return this.isOccupied ? durationMs(grace) + (script === undefined ? 0 : durationMs(script.timeout)) : 0;
  }

  family(all: readonly ProcStat[]): readonly ProcStat[] {
    // The shim is ours: its little is not the service's.
    return this.#process?.family(all).filter((stat) => stat.pid !== this.#process?.session) ?? [];
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
    this.#folder.writeInstance(this.#instance);
    this.#network = this.#folder.readNetwork();
    const memory = this.#folder.readMemory();
    if (memory !== undefined) {
      this.#memory = memory;
      this.#state = recallInstance(memory);
      this.#countedStartMs = memory.countedStartMs;
    }
    if (this.#takeKnownResult()) return;
    const adoption = await adoptProcess(this.#folder.runs);
    let left: readonly ProcStat[] = [];
    if (adoption.state !== "running") {
      left = await killMembers(signsOf(this.#launchInput()));
      if (left.length > 0)
        log.warn("ended processes that had no record", { instance: this.#instance.metadata.name, pids: left.map((stat) => stat.pid) });
      this.#hasSweptStrays = true;
    }
    this.#isOpen = true;
    // Whether the agent before could still post it is not known: it is posted again.
    if (this.#folder.readDuty() === this.#instance.spec.duty && this.#instance.spec.stateUrl === undefined)
      this.#duties.assume(this.#instance.spec.duty);
    if (this.#instance.spec.probe !== undefined) this.#followProbe();
    if (adoption.state === "running") {
      this.#attach(adoption.process, true);
    } else if (adoption.state === "none" && this.#demand.once !== undefined && this.#instance.status?.startedAt !== undefined) {
      // The centre knows that it was started, and what this host knew of it is lost: it is never started twice.
      const { startedAt } = this.#instance.status;
      this.#advance({ type: "started", pid: 0, startedAtMs: Date.parse(startedAt), runHash: this.#demand.runHash, isAdopted: true }, true);
      this.#advance({ type: "exited", exit: { atMs: this.#context.clock.now(), lines: [] } });
    } else if (adoption.state === "ended" && adoption.intention.startedAtMs !== this.#countedStartMs) {
      // It ended while no agent was there: counted now, as if it had been seen.
      const { intention, exit } = adoption;
      this.#advance({ type: "started", pid: 0, startedAtMs: intention.startedAtMs, runHash: this.#demand.runHash, isAdopted: true }, true);
      this.#countedStartMs = intention.startedAtMs;
      this.#advance({ type: "exited", exit: await this.#describeExit(exit, intention.logFrom), left });
    }
    this.#duties.tell(this.#dutyNow());
    this.#advance({ type: "tick" });
  }

  /** True for a run of a job that is over, as far as this host or the centre remembers: nothing of it is looked for, and nothing started. */
  #takeKnownResult(): boolean {
    const { status } = this.#instance;
    if (this.#demand.once === undefined) return false;
    if (this.#state.result === undefined && status?.outcome !== undefined) {
      const message = status.conditions?.find((one) => one.type === "Ready")?.message ?? "";
      this.#state = {
        ...this.#state,
        result: { outcome: status.outcome, message, ...(status.startedAt === undefined ? {} : { startedAtMs: Date.parse(status.startedAt) }) },
      };
    }
    if (this.#state.result === undefined) return false;
    this.#hasSweptStrays = true;
    this.#isOpen = true;
    this.#advance({ type: "tick" });
    return true;
  }

  update(one: Instance): void {
    if (isDeepStrictEqual(withoutStatus(one), withoutStatus(this.#instance))) {
      // Our own status comes back.
      this.#instance = one;
      this.#writer.update(one);
      return;
    }
    const isAsked = one.spec.restart?.at !== this.#instance.spec.restart?.at;
    this.#instance = one;
    this.#demand = planDemand(one.spec);
    this.#writer.update(one);
    if (!this.#isOpen) return;
    this.#records.write("its object", () => this.#folder.writeInstance(one));
    this.#duties.tell(this.#dutyNow());
    this.#advance({ type: isAsked ? "asked" : "tick" });
  }

  forget(): void {
    this.#isGone = true;
    this.#writer.end();
    if (this.#isOpen) this.#advance({ type: "tick" });
  }

  wake(): void {
    if (!this.#isOpen || this.#state.phase === "Stopped") return;
    this.#duties.tell(this.#dutyNow());
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
    this.#over.abort();
    this.#processOver.abort();
    this.#cancelWake();
    this.#records.end();
    this.#process?.release();
    this.#times.end();
    this.#writer.end();
  }

  /** Removes what is left once the runner is over. */
  clean(): void {
    this.release();
    giveBackNetwork(this.#network, this.#context);
    this.#folder.remove();
  }

  readLines(question: LogQuestion, signal: AbortSignal): AsyncIterable<readonly LogLine[]> {
    if (!question.previous) return readLines(this.#folder.log, this.#times, question, { signal });
    const intention = findNewestIntention(this.#folder.runs);
    if (intention?.previousLogFrom === undefined)
      throw new OrreryError("agent/no-previous", `${this.#instance.metadata.name} has not run before its present run`);
    const run = { from: intention.previousLogFrom, to: intention.logFrom, signal };
    return readLines(this.#folder.log, this.#times, { ...question, follow: false }, run);
  }

  async runScript(name: string, signal: AbortSignal): Promise<CommandResult> {
    if (this.#scripts >= SCRIPTS_MAX)
      throw new OrreryError("agent/busy", `${SCRIPTS_MAX} scripts of ${this.#instance.metadata.name} are running; wait until one has ended`, {
        retry: "backoff",
      });
    this.#scripts++;
    try {
      // Its folder is made with its first start.
      if (this.#state.running === undefined && this.#state.pending === undefined) await prepare(this.#launchInput(), this.#dutyNow());
      return await runNamedScript(this.#launchInput(), name, AbortSignal.any([signal, this.#over.signal]));
    } finally {
      this.#scripts--;
    }
  }

  async exec(request: ExecRequest, signal: AbortSignal): Promise<Exec> {
    // Its folder is made with its first start.
    if (this.#state.running === undefined && this.#state.pending === undefined) await prepare(this.#launchInput(), this.#dutyNow());
    return await startExec(this.#launchInput(), request, AbortSignal.any([signal, this.#over.signal]));
  }

  async askBusy(signal: AbortSignal): Promise<BusyAnswer> {
    const { busy, ports, once, jobRun } = this.#instance.spec;
    // A process of before may be at work.
    if (!this.#isOpen) return { state: "unknown", message: "its agent has just begun and does not know yet what runs" };
    if (once !== undefined)
      return this.#state.result === undefined
        ? { state: "busy", message: `a run of a job keeps its generation until it ends; to end it: orrery job stop ${jobRun ?? ""}` }
        : { state: "idle", message: "the run is over" };
    if (busy === undefined || this.#process === undefined)
      return { state: "idle", message: busy === undefined ? "it declares no drain.busy" : "no process of it runs" };
    const numbers = this.#network.ports;
    const target = {
      address: "127.0.0.1",
      port: (wanted: string | undefined) => numbers[wanted ?? ports[0]?.name ?? ""],
      env: busy.exec === undefined ? {} : environmentOf(this.#launchInput()),
      workingDir: this.#folder.work,
    };
    return await askBusy(busy, target, { timeoutMs: durationMs(busy.timeout), signal: AbortSignal.any([signal, this.#processOver.signal]) });
  }

  async rotateLog(): Promise<void> {
    // A run that is over prints nothing any more.
    if (this.#state.result !== undefined) return;
    // Where the system cannot wake the agent for each line, this gives the times that there are.
    this.#times.note();
    const isLogThere = existsSync(this.#folder.log);
    if (!isLogThere && this.#process !== undefined && this.#hasLog)
      this.#tell(
        "Warning",
        "LogRemoved",
        `its log file was removed while it runs: what it prints is seen again after a restart: orrery restart ${this.#instance.spec.service ?? "SERVICE"}`,
      );
    this.#hasLog = isLogThere;
    const rotation = await rotateLog(this.#folder.log, logLimits(this.#instance), this.#times.knownEnd);
    if (rotation === "mended")
      this.#tell("Normal", "LogEmptied", "its log file was emptied by hand; what it prints since is shown after what was rotated before");
    if (rotation === "dropped")
      this.#tell(
        "Warning",
        "LogDropped",
        `there was no room on the disk to keep its older output, and it was given back; free some room in ${this.#context.dataFolder}`,
      );
    await this.#times.tidy();
  }

  setOpenAddresses(addresses: readonly string[]): void {
    if (isDeepStrictEqual(addresses, this.#openAddresses)) return;
    this.#openAddresses = addresses;
    if (addresses.length > 0) this.#tell("Warning", "ListensElsewhere", `it listens on ${addresses.join(", ")}: calls come there past the gateway`);
    this.#report();
  }

  /** A turn that nothing can break off for good: after a fault it is looked at again. */
  #advance(input: Input, isQuiet = false): void {
    try {
      this.#turn(input, isQuiet);
    } catch (error) {
      const { clock, guard } = this.#context;
      guard.caught("instance", error, this.#instance.metadata.name);
      if (this.#over.signal.aborted) return;
      this.#cancelWake();
      this.#cancelWake = clock.after(FAULT_WAIT_MS, () => this.#advance({ type: "tick" }));
    }
  }

  /** One turn: state, orders, status. `isQuiet`: only a step of a longer account, nothing is ordered. */
  #turn(input: Input, isQuiet: boolean): void {
    if (this.#over.signal.aborted) return;
    const { clock, random, obstacle, changed } = this.#context;
    const wasOccupied = this.isOccupied;
    const wasReady = this.#state.isReady;
    const wish = this.#isGone || this.#isStopping || isToBeStopped(this.#instance) ? "stop" : "run";
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
    for (const effect of effects) this.#context.guard.run("instance", () => this.#act(effect), undefined, this.#instance.metadata.name);
    if (!wasReady && state.isReady) void this.#duties.repeat();
    this.#report();
    this.#settle();
    if (wasOccupied !== this.isOccupied || this.isOver) changed(this);
  }

  #act(effect: Effect): void {
    switch (effect.do) {
      case "start":
        void this.#start();
        return;
      case "stop":
        void this.#stop(effect.graceMs);
        return;
      case "check":
        void this.#check(effect.name, effect.plan);
        return;
      case "tell":
        this.#tell(effect.type, effect.reason, effect.message);
    }
  }

  async #start(): Promise<void> {
    const note = startNote(this.#demand);
    try {
      if (!this.#hasSweptStrays) await killMembers(signsOf(this.#launchInput()));
      this.#hasSweptStrays = true;
      await this.#takeNetwork();
      await this.#waitForGateway();
      await this.#context.claimVolumes(this);
      this.#tellSharing();
      const before = this.#dutyNow();
      await prepare(this.#launchInput(), before);
      // It may have been told otherwise while its files were copied.
      const duty = this.#dutyNow();
      if (duty !== before) this.#folder.writeDuty(duty);
      this.#duties.assume(duty);
      const started = await launch(this.#launchInput(), note);
      // The agent ended meanwhile: the next one adopts it.
      if (this.#over.signal.aborted) return started.release();
      this.#attach(started, false);
    } catch (error) {
      this.#advance({ type: "start-failed", ...explainStart(error) });
    }
  }

  /** What may call is started when the host's gateway knows its address: it may do so in its first moment. */
  async #waitForGateway(): Promise<void> {
    const { clock, services, proxyPort, signal } = this.#context;
    const { once, calls } = this.#instance.spec;
    const { callerAddress } = this.#network;
    if (callerAddress === undefined || !services().some(({ name }) => calls?.includes(name) !== false)) return;
    this.#report();
    const waitMs = once === undefined ? GATEWAY_WAIT_MS.service : GATEWAY_WAIT_MS.run;
    for (const lateMs = clock.monotonic() + waitMs; !(await isListening(callerAddress, proxyPort)); ) {
      if (this.#isGone || this.#isStopping || signal.aborted) return;
      if (clock.monotonic() >= lateMs)
        return this.#tell(
          "Warning",
          "GatewayAway",
          `the gateway of this host does not listen on ${callerAddress} for it: what it calls cannot be reached; is the gateway running?`,
        );
      await sleep(clock, GATEWAY_LOOK_MS, signal).catch(() => {});
    }
  }

  /** Two revisions with one volume are right where only one of them works at a time. */
  #tellSharing(): void {
    const shared = this.#context.sharer(this);
    if (shared === undefined || this.#instance.spec.exclusive === true) return;
    this.#tell(
      "Warning",
      "VolumeShared",
      `${shared.runner.instance.metadata.name} has its volume ${shared.folder}, too, and still runs: both write there. Let the service be exclusive, or update it with the strategy recreate, unless its program allows two`,
    );
  }

  async #takeNetwork(): Promise<void> {
    const before = this.#network;
    const complete = await completeNetwork(before, this.#instance, this.#context);
    const free = await replaceTakenPorts(complete, this.#instance, this.#context);
    if (free === before) return;
    if (free !== complete) this.#tell("Warning", "PortTaken", "another program has taken its port; it gets another one");
    this.#network = free;
    this.#folder.writeNetwork(free);
  }

  #attach(running: RunningProcess, isAdopted: boolean): void {
    const { intention, pid } = running;
    this.#process = running;
    this.#times.watch();
    this.#hasLog = true;
    this.#processOver = new AbortController();
    void running.exited.then((exit) => this.#ended(running, exit));
    this.#advance({ type: "started", pid, startedAtMs: intention.startedAtMs, runHash: intention.note ?? "", isAdopted });
  }

  /** The process has ended by itself. */
  async #ended(running: RunningProcess, exit: ProcessExit): Promise<void> {
    // Being stopped: `#stop` tells of the end, once nothing is left.
    if (this.#process !== running || this.#state.pending?.order === "stop") return;
    await this.#account(running, exit, await this.#endLeft(running, exit));
  }

  /** Ends what the program has left running. A server that put itself in the background is asked first: it may have something to write. */
  async #endLeft(running: RunningProcess, exit: ProcessExit): Promise<readonly ProcStat[]> {
    try {
      const left = running.members().filter((stat) => stat.pid !== running.session);
      if (left.length > 0 && exit.code === 0) await stopProcess(running, { graceMs: Math.min(this.#demand.graceMs, BACKGROUND_GRACE_MS) });
      else await killStragglers(running);
      return left;
    } catch (error) {
      this.#tell("Warning", "StopFailed", describeError(error));
      return [];
    }
  }

  async #stop(graceMs: number): Promise<void> {
    const running = this.#process;
    if (running === undefined) return this.#advance({ type: "exited", exit: { atMs: this.#context.clock.now(), lines: [] } });
    this.#processOver.abort();
    const isAsked = await this.#askByScript();
    for (;;) {
      try {
        const exit = await stopProcess(running, isAsked ? { graceMs, signal: undefined } : { graceMs });
        return await this.#account(running, exit);
      } catch (error) {
        this.#advance({ type: "stop-failed", message: `${describeError(error)}; it is tried again` });
        this.#resolveStops();
        await sleep(this.#context.clock, UNKILLABLE_WAIT_MS, this.#over.signal).catch(() => {});
        if (this.#over.signal.aborted) return;
      }
    }
  }

  async #askByScript(): Promise<boolean> {
    try {
      return this.#process?.isAlive === true && (await runScriptIfAny(this.#launchInput(), "stop"));
    } catch (error) {
      this.#tell("Warning", "StopScriptFailed", `${describeError(error)}; it gets SIGTERM instead`);
      return false;
    }
  }

  /** Tells the core of an end, once, with the last lines. */
  async #account(running: RunningProcess, exit: ProcessExit, left: readonly ProcStat[] = []): Promise<void> {
    const described = await this.#describeExit(exit, running.intention.logFrom);
    if (this.#process !== running || this.#over.signal.aborted) return;
    this.#process = undefined;
    this.#processOver.abort();
    this.#openAddresses = [];
    this.#countedStartMs = running.intention.startedAtMs;
    this.#advance({ type: "exited", exit: described, left });
  }

  async #describeExit(exit: ProcessExit, logFrom: number): Promise<Exit> {
    const lines = await readLastLines(this.#folder.log, QUOTED_LINES, { from: logFrom }).catch(() => []);
    const { run } = this.#instance.spec;
    const lineEnds =
      exit.code === 0 || run === undefined ? undefined : explainLineEnds([...run.command, ...run.args], path.join(this.#folder.work, run.workingDir));
    return { ...exit, lines: lineEnds === undefined ? lines : [...lines.slice(1 - QUOTED_LINES), `(${lineEnds})`] };
  }

  async #check(name: CheckName, plan: CheckPlan): Promise<void> {
    const { clock } = this.#context;
    const askedAtMs = clock.now();
    const over = this.#processOver.signal;
    const pid = this.#process?.pid ?? 0;
    const ports = this.#network.ports;
    const target = {
      address: "127.0.0.1",
      port: (wanted: string | undefined) => ports[wanted ?? this.#instance.spec.ports[0]?.name ?? ""],
      env: plan.action.exec === undefined ? {} : environmentOf(this.#launchInput()),
      workingDir: this.#folder.work,
    };
    try {
      const { isOk, isUnanswered, message } = await runCheck(plan.action, target, { timeoutMs: plan.timeoutMs, signal: over });
      if (!over.aborted) this.#advance({ type: "check", name, pid, askedAtMs, isOk, isUnanswered, message });
    } catch (error) {
      if (!over.aborted) this.#advance({ type: "check", name, pid, askedAtMs, isOk: false, message: describeError(error) });
    }
  }

  /** What it may be told now. */
  #dutyNow(): Duty {
    const { duty } = this.#instance.spec;
    // What uses the thing already goes on: others wait for it.
    const isUser = this.#state.running !== undefined && (this.#duties.wanted ?? this.#folder.readDuty()) !== "passive";
    const rival = isUser ? undefined : this.#context.rival(this);
    const isNew = rival !== undefined && rival !== this.#rival;
    this.#rival = rival;
    if (rival === undefined) return duty;
    const { name, uid } = rival.instance.metadata;
    if (isNew)
      this.#tell(
        "Warning",
        "StillInUse",
        `${name} (uid ${uid}), of another revision, may still use what only one revision may use: this one stays passive until that one has ended, or is passive; nothing has to be done`,
      );
    return "passive";
  }

  #dutyTarget(): ReturnType<DutyTellerOptions["target"]> {
    const { stateUrl, ports } = this.#instance.spec;
    const port = this.#network.ports[ports[0]?.name ?? ""];
    return stateUrl === undefined || port === undefined || this.#state.running === undefined ? undefined : { port, path: stateUrl.path };
  }

  #followProbe(): void {
    const { resource } = this.#instance.spec;
    const { name, namespace = "default" } = this.#instance.metadata;
    if (resource === undefined) return;
    const { clock, observed, log } = this.#context;
    followProbeProgram({
      logPath: this.#folder.log,
      onObservation: (observation) => observed({ resource, namespace, instance: name, atMs: clock.now(), ...observation }),
      onInvalid: (count, last) =>
        this.#tell(
          "Warning",
          "InvalidObservation",
          `${count} ${count === 1 ? "line" : "lines"} of its output were no observations, the last one: ${last}; a probe prints {"observed": {...}} or {"error": "..."}`,
        ),
      signal: this.#over.signal,
    }).catch((error: unknown) => log.error("reading a probe's output failed", { instance: name, error: describeError(error) }));
  }

  /** What follows from nothing running any more. */
  #settle(): void {
    if (this.isOccupied || this.#state.phase !== "Stopped") return;
    this.#resolveStops();
    if (this.#isGone || this.#isLettingGo || !isToBeStopped(this.#instance)) return;
    this.#isLettingGo = true;
    void letGo(this.#instance, this.#context).finally(() => {
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
      this.#folder.writeMemory(memory);
      this.#memory = memory;
    });
  }

  #presentMemory(): RunnerMemory {
    return { ...rememberInstance(this.#state), countedStartMs: this.#countedStartMs };
  }

  #report(): void {
    if (this.#isGone || this.#over.signal.aborted) return;
    this.#writer.submit(
      buildStatus({
        state: this.#state,
        network: this.#network,
        duty: this.#duties.taken,
        openAddresses: this.#openAddresses,
        host: this.#context.host,
        generation: this.#instance.metadata.generation,
        conditions: this.#writer.conditions,
        nowMs: this.#context.clock.now(),
      }),
    );
  }

  #tell(type: "Normal" | "Warning", reason: string, message: string): void {
    const { store, log } = this.#context;
    const { name } = this.#instance.metadata;
    if (type === "Warning") log.warn(`${name}: ${message}`, { instance: name, reason });
    else log.info(`${name}: ${message}`, { instance: name, reason });
    store.emit({ kind: instance, object: this.#instance, type, reason, message, component: "agent" });
  }

  #launchInput(): LaunchInput {
    return { instance: this.#instance, folder: this.#folder, network: this.#network, context: this.#context };
  }
}

function withoutStatus(one: Instance): unknown {
  const { status: _status, ...rest } = one;
  const { resourceVersion: _version, managedFields: _fields, ...metadata } = one.metadata;
  return { ...rest, metadata };
}
