import { type Clock, type LastGuard, type Log, port, type Random } from "#/base/index.ts";
import type { Instance } from "#/model/index.ts";
import type { HostContext, HostPart, HostWorker, Link } from "#/state/link/index.ts";
import type { Store } from "#/state/store/index.ts";
import type { AgentObservation, InstanceUse } from "#/work/probes/index.ts";
import type { InstanceLook } from "./instance-looks.ts";
import type { InstanceProgram } from "./runner.ts";

/** What a capability gives to an agent. */
export type AgentPart = HostPart<AgentContext, AgentWorker>;

/** What an agent is started with. */
export interface AgentSurroundings {
  readonly store: Store;
  /** The open link to the centre, if there is one now. */
  readonly link: () => Link | undefined;
  /** Name of this host. */
  readonly host: string;
  /** Identity of the site: it marks what the agent starts. */
  readonly site: string;
  /** `<data>`; the agent writes below `<data>/agent`. */
  readonly dataFolder: string;
  /** Folder of an artifact; `undefined` if it is not here. */
  readonly openArtifact: (digest: string) => Promise<string | undefined>;
  readonly version: string;
  /** Environment of which instances inherit a part, and the folder that comes first on their PATH. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly programFolder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Takes what was not foreseen. */
  readonly guard: LastGuard;
}

export interface AgentContext extends AgentSurroundings, HostContext {
  /** Does `action` now, and again `everyMs` after each end, until the agent ends. */
  every(everyMs: number, action: () => Promise<void>): void;
}

export interface AgentWorker extends HostWorker {
  /** Ends what it runs on this host, each with its grace. */
  stopAll?(): Promise<void>;
  /** How long that may take now. */
  readonly stopMs?: number;
}

/** What runs on this host, for who tells of it. */
export interface HostInstances {
  /** What each uses since the last look. */
  uses(): readonly InstanceUse[];
  /** How each stands. Processor time is told since the look before: for one who looks. */
  looks(): readonly InstanceLook[];
}

export const HOST_INSTANCES = port<HostInstances>("host-instances");

/** The output of an instance on this host. */
export interface HostLog {
  readonly instance: Instance;
  /** Of its log, whose times are noted beside it. */
  readonly path: string;
  /** Place up to which it was looked at. */
  readonly end: number;
  /** Of a part, and how many parts are kept, where its service says so. */
  readonly bytesMax?: number;
  readonly partsMax?: number;
}

/** What instances of this host write. */
export interface HostLogs {
  /** With their times on disk up to now. */
  list(): readonly HostLog[];
  /** An instance with its program, if that runs; `undefined`: there is no such instance here. */
  find(namespace: string, name: string): { readonly instance: Instance; readonly program: InstanceProgram | undefined } | undefined;
  /** Calls `take` for each instance that is over, right before its folder is removed. One may listen. */
  onLeaving(take: (log: HostLog) => void): void;
}

export const HOST_LOGS = port<HostLogs>("host-logs");

/** Where what probes observe goes to the centre. */
export interface ObservationOutlet {
  add(observation: AgentObservation): void;
  drop(namespace: string, instance: string): void;
}

export const OBSERVATION_OUTLET = port<ObservationOutlet>("observation-outlet");
