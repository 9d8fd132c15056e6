import type { HostUse } from "./host/use.ts";

/** What an instance uses, all its processes together. */
export interface InstanceUse {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** 100 = one processor fully used. */
  readonly cpuPercent: number;
  /** Resident memory; shared pages count in each process. */
  readonly memoryBytes: number;
  readonly openFiles: number;
  readonly processes: number;
}

/** Notice `agent/report`, every 2 s while connected. */
export interface AgentReport {
  readonly host: string;
  /** Unix milliseconds by the host's clock. */
  readonly clockMs: number;
  readonly usage: HostUse;
  readonly instances: readonly InstanceUse[];
}

/** One entry of the notice `agent/observations`. Exactly one of `observed` and `error` is there. */
export interface AgentObservation {
  /** Name of the Resource. */
  readonly resource: string;
  readonly namespace: string;
  /** Name of the Instance that saw it. */
  readonly instance: string;
  readonly observed?: Readonly<Record<string, unknown>>;
  readonly error?: string;
  /** Unix milliseconds of the observation, by the host's clock. */
  readonly atMs: number;
}
