import { OrreryError } from "#/base/index.ts";
import { durationMs } from "#/model/index.ts";
import { askBusy, type BusyAnswer } from "#/work/probes/index.ts";
import type { CommandResult, Exec } from "#/work/process/index.ts";
import type { InstanceState } from "./core/index.ts";
import type { ExecRequest } from "./exec-sessions.ts";
import type { HostedInstance } from "./hosted-instance.ts";
import type { InstanceDuty } from "./instance-duty.ts";
import type { InstanceProcess } from "./instance-process.ts";
import { prepare, runNamedScript, startExec } from "./launch.ts";

const SCRIPTS_MAX = 4;

/** What is known of the instance that is asked. */
export interface Inquired {
  readonly state: () => InstanceState;
  /** False while it is not known yet what an earlier agent has left running. */
  readonly isOpen: () => boolean;
  readonly duty: InstanceDuty;
}

/** What is asked of one instance, or done in it, while it is none of its own life: scripts, commands, whether it is busy. Each method is as that of `Runner`. */
export class InstanceInquiries {
  readonly #hosted: HostedInstance;
  readonly #process: InstanceProcess;
  readonly #inquired: Inquired;
  #scripts = 0;

  constructor(hosted: HostedInstance, process: InstanceProcess, inquired: Inquired) {
    this.#hosted = hosted;
    this.#process = process;
    this.#inquired = inquired;
  }

  async runScript(name: string, signal: AbortSignal, onOutput?: (bytes: Buffer) => void): Promise<CommandResult> {
    if (this.#scripts >= SCRIPTS_MAX)
      throw new OrreryError("agent/busy", `${SCRIPTS_MAX} scripts of ${this.#hosted.instance.metadata.name} are running; wait until one has ended`, {
        retry: "backoff",
      });
    this.#scripts++;
    try {
      await this.#prepare();
      return await runNamedScript(this.#hosted.launchInput(), name, AbortSignal.any([signal, this.#hosted.over]), onOutput);
    } finally {
      this.#scripts--;
    }
  }

  async exec(request: ExecRequest, signal: AbortSignal): Promise<Exec> {
    await this.#prepare();
    return await startExec(this.#hosted.launchInput(), request, AbortSignal.any([signal, this.#hosted.over]));
  }

  /** Its folder is made with its first start. */
  async #prepare(): Promise<void> {
    const { running, pending } = this.#inquired.state();
    if (running === undefined && pending === undefined) await prepare(this.#hosted.launchInput(), this.#inquired.duty.now());
  }

  async askBusy(signal: AbortSignal): Promise<BusyAnswer> {
    const { busy, once, jobRun } = this.#hosted.instance.spec;
    // A process of before may be at work.
    if (!this.#inquired.isOpen()) return { state: "unknown", message: "its agent has just begun and does not know yet what runs" };
    if (once !== undefined)
      return this.#inquired.state().result === undefined
        ? { state: "busy", message: `a run of a job keeps its generation until it ends; to end it: orrery job stop ${jobRun ?? ""}` }
        : { state: "idle", message: "the run is over" };
    if (busy === undefined || this.#process.running === undefined)
      return { state: "idle", message: busy === undefined ? "it declares no drain.busy" : "no process of it runs" };
    const target = this.#hosted.target(busy.exec !== undefined);
    return await askBusy(busy, target, { timeoutMs: durationMs(busy.timeout), signal: AbortSignal.any([signal, this.#process.over]) });
  }
}
