import type { Clock, LastGuard, Log, Random } from "#/base/index.ts";
import type { Instance } from "#/model/index.ts";
import type { LogLine, LogQuestion } from "#/state/link/index.ts";
import type { Store } from "#/state/store/index.ts";
import type { AgentObservation, BusyAnswer } from "#/work/probes/index.ts";
import type { CommandResult, Exec, ProcStat } from "#/work/process/index.ts";
import type { CallerAddresses } from "./caller-addresses.ts";
import type { ServiceAddress } from "./core/index.ts";
import type { DeviceProbe } from "./device-probe.ts";
import type { ExecRequest } from "./exec-sessions.ts";
import type { PortPool } from "./ports.ts";

/** Carries out one Instance: a process, or a built-in probe. */
export interface Runner {
  readonly instance: Instance;
  /** True while a process of it is there or may be starting. */
  readonly isOccupied: boolean;
  /** Something of it runs, or may, that was told to be more than passive, or may have been. */
  readonly mayUse: boolean;
  /** True once the Instance is gone from the store and nothing of it runs: the runner may be forgotten. */
  readonly isOver: boolean;
  /** Session of its process, while there is one. */
  readonly session: number | undefined;
  /** Its processes among `all`, its shim left out. */
  family(all: readonly ProcStat[]): readonly ProcStat[];
  /** Finds what an earlier agent has left and begins. Call it once. */
  open(): Promise<void>;
  /** The Instance as the centre has it now. */
  update(one: Instance): void;
  /** The centre says that there is no such Instance: it is stopped and cleaned up. */
  forget(): void;
  /** Looks again whether it may go on: an obstacle or a rival may be gone. */
  wake(): void;
  /** How long `stop` may take, as its spec says: stop script and grace. */
  readonly stopMs: number;
  /** Stops what runs and starts nothing any more; resolves when it is gone and its status is written, or when it cannot be ended. */
  stop(): Promise<void>;
  /** Stops looking after it; what runs goes on. */
  release(): void;
  /** Removes everything that is left, once the runner is over. */
  clean(): void;
  /** Its output in lines, in batches; while following, an empty batch when what was there has been given.
   *  @throws agent/no-previous, agent/no-log */
  readLines(question: LogQuestion, signal: AbortSignal): AsyncIterable<readonly LogLine[]>;
  /** @throws agent/no-script, agent/busy */
  runScript(name: string, signal: AbortSignal, onOutput?: (bytes: Buffer) => void): Promise<CommandResult>;
  /** Starts a command in its folder and environment, also while no process of it runs. `signal` ends it.
   *  @throws agent/no-exec, agent/no-artifact, process/command, process/no-terminal */
  exec(request: ExecRequest, signal: AbortSignal): Promise<Exec>;
  /** Whether it has work that no call shows. What does not run is idle. */
  askBusy(signal: AbortSignal): Promise<BusyAnswer>;
  rotateLog(): Promise<void>;
  /** Its log, with the times that were noted up to now on disk; `undefined`: it writes none. */
  keptLog(): KeptLog | undefined;
  /** `undefined`: none runs. */
  program(): InstanceProgram | undefined;
  /** Says where outside of the loopback it was seen listening. */
  setOpenAddresses(addresses: readonly string[]): void;
}

/** The program of an instance while it runs. */
export interface InstanceProgram {
  readonly pid: number;
  /** Jiffies since boot; with the pid it is one process for ever. */
  readonly startTime: number;
  /** Its ports by name. */
  readonly ports: Readonly<Record<string, number>>;
}

/** Where the output of an instance is. */
export interface KeptLog {
  readonly path: string;
  /** Place up to which it was looked at. */
  readonly end: number;
}

/** What runners get from their agent. */
export interface RunnerContext {
  readonly devices: DeviceProbe;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly guard: LastGuard;
  readonly host: string;
  /** Identity of the site: it marks the agent's processes. */
  readonly site: string;
  /** Absolute, links resolved. */
  readonly dataFolder: string;
  readonly instancesFolder: string;
  readonly volumesFolder: string;
  /** Folders of volumes that are being removed. */
  readonly leavingVolumes: ReadonlySet<string>;
  /** Sees to it that the folders of the instance's volumes hold their data and no other's, before it is started.
   *  @throws agent/volume: one does not, and cannot be made to; it is tried again with the next start */
  readonly claimVolumes: (runner: Runner) => Promise<void>;
  readonly openArtifact: (digest: string) => Promise<string | undefined>;
  readonly ports: PortPool;
  readonly addresses: CallerAddresses;
  readonly proxyPort: number;
  readonly services: () => readonly ServiceAddress[];
  readonly inherited: Readonly<Record<string, string>>;
  /** Why `runner` may not start now, for people; `undefined`: it may. */
  readonly obstacle: (runner: Runner) => string | undefined;
  /** Who keeps `runner` from being told more than that it is passive. */
  readonly rival: (runner: Runner) => Runner | undefined;
  /** Another instance that runs, or may, with a volume that `runner` has, too. */
  readonly sharer: (runner: Runner) => { readonly runner: Runner; readonly folder: string } | undefined;
  /** Something ended, was forgotten, or is passive now: others may go on. */
  readonly changed: (runner: Runner) => void;
  readonly observed: (observation: AgentObservation) => void;
  /** The runner is over, and what is left of it is about to be removed. */
  readonly leaving: (runner: Runner) => void;
  /** The runner is over, and what it has told is nobody's any more. */
  readonly forgotten: (runner: Runner) => void;
  /** Aborted when the agent ends. */
  readonly signal: AbortSignal;
}
