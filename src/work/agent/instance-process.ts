import path from "node:path";
import { describeError, sleep } from "#/base/index.ts";
import { explainLineEnds, killStragglers, type ProcessExit, type ProcStat, type RunningProcess, stopProcess } from "#/work/process/index.ts";
import type { Exit } from "./core/index.ts";
import type { HostedInstance } from "./hosted-instance.ts";
import type { InstanceLog } from "./instance-log.ts";
import { runScriptIfAny } from "./launch.ts";

const UNKILLABLE_WAIT_MS = 5000;
/** Of a server that put itself in the background: a retry waits for it. */
const BACKGROUND_GRACE_MS = 10_000;

/** What becomes of a process. */
export interface ProcessOutcome {
  /** It is over, and nothing of it is left; told once. `startedAtMs`: absent where there was none. `left`: what it left running when it ended by itself. */
  readonly ended: (exit: Exit, startedAtMs: number | undefined, left: readonly ProcStat[]) => void;
  /** It cannot be ended; it is tried again. */
  readonly stuck: (message: string) => void;
  /** True while it is being stopped. */
  readonly isStopping: () => boolean;
  /** How long it may take to end. */
  readonly graceMs: () => number;
}

/** The process of one instance, from its start to its end. */
export class InstanceProcess {
  readonly #hosted: HostedInstance;
  readonly #log: InstanceLog;
  readonly #outcome: ProcessOutcome;
  #running: RunningProcess | undefined;
  /** Aborted with each end of the process. */
  #over = new AbortController();

  constructor(hosted: HostedInstance, log: InstanceLog, outcome: ProcessOutcome) {
    this.#hosted = hosted;
    this.#log = log;
    this.#outcome = outcome;
  }

  get running(): RunningProcess | undefined {
    return this.#running;
  }

  /** Aborted when the present one ends. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Looks after `running` from now on. */
  attach(running: RunningProcess): void {
    this.#running = running;
    this.#log.watch();
    this.#over = new AbortController();
    void running.exited.then((exit) => this.#ended(running, exit));
  }

  /** Looks after it no more; it goes on. */
  release(): void {
    this.#over.abort();
    this.#running?.release();
  }

  /** It has ended by itself. */
  async #ended(running: RunningProcess, exit: ProcessExit): Promise<void> {
    // Being stopped: `stop` tells of the end, once nothing is left.
    if (this.#running !== running || this.#outcome.isStopping()) return;
    await this.#account(running, exit, await this.#endLeft(running, exit));
  }

  /** Ends what the program has left running. A server that put itself in the background is asked first: it may have something to write. */
  async #endLeft(running: RunningProcess, exit: ProcessExit): Promise<readonly ProcStat[]> {
    try {
      const left = running.members().filter((stat) => stat.pid !== running.session);
      if (left.length > 0 && exit.code === 0) await stopProcess(running, { graceMs: Math.min(this.#outcome.graceMs(), BACKGROUND_GRACE_MS) });
      else await killStragglers(running);
      return left;
    } catch (error) {
      this.#hosted.tell("Warning", "StopFailed", describeError(error));
      return [];
    }
  }

  /** Ends it: by its script, by SIGTERM, after `graceMs` by SIGKILL; tries again until nothing is left. */
  async stop(graceMs: number): Promise<void> {
    const { clock } = this.#hosted.context;
    const running = this.#running;
    if (running === undefined) return this.#outcome.ended({ atMs: clock.now(), lines: [] }, undefined, []);
    this.#over.abort();
    const isAsked = await this.#askByScript();
    for (;;) {
      try {
        const exit = await stopProcess(running, isAsked ? { graceMs, signal: undefined } : { graceMs });
        return await this.#account(running, exit);
      } catch (error) {
        this.#outcome.stuck(`${describeError(error)}; it is tried again`);
        await sleep(clock, UNKILLABLE_WAIT_MS, this.#hosted.over).catch(() => {});
        if (this.#hosted.over.aborted) return;
      }
    }
  }

  async #askByScript(): Promise<boolean> {
    try {
      return this.#running?.isAlive === true && (await runScriptIfAny(this.#hosted.launchInput(), "stop"));
    } catch (error) {
      this.#hosted.tell("Warning", "StopScriptFailed", `${describeError(error)}; it gets SIGTERM instead`);
      return false;
    }
  }

  /** Tells of an end, once, with the last lines. */
  async #account(running: RunningProcess, exit: ProcessExit, left: readonly ProcStat[] = []): Promise<void> {
    const described = await this.describeExit(exit, running.intention.logFrom);
    if (this.#running !== running || this.#hosted.over.aborted) return;
    this.#running = undefined;
    this.#over.abort();
    this.#outcome.ended(described, running.intention.startedAtMs, left);
  }

  /** An end with what people need to understand it. `logFrom`: where the run's output begins. */
  async describeExit(exit: ProcessExit, logFrom: number): Promise<Exit> {
    const { run } = this.#hosted.instance.spec;
    const lineEnds =
      exit.code === 0 || run === undefined
        ? undefined
        : explainLineEnds([...run.command, ...run.args], path.join(this.#hosted.folder.work, run.workingDir));
    return { ...exit, lines: await this.#log.quote(logFrom, lineEnds === undefined ? undefined : `(${lineEnds})`) };
  }
}
