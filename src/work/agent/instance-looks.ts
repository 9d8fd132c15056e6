import { readdirSync } from "node:fs";
import { type ProcStat, procUnits, scanProcesses } from "#/work/process/index.ts";
import type { Runner } from "./runner.ts";

/** What stands of one instance at one look. What could not be seen is absent. */
export interface InstanceLook {
  readonly uid: string;
  /** Whose it is: exactly one of the three. */
  readonly service?: string;
  readonly job?: string;
  readonly resource?: string;
  /** Place among the instances of its revision; of a run of a job, the number of the try. */
  readonly slot: number;
  readonly isReady: boolean;
  readonly restarts: number;
  /** Of what runs of it; absent: nothing does. */
  readonly use?: {
    /** Processor time since the look before; absent at the first. */
    readonly cpuSeconds?: number;
    /** Resident memory; shared pages count in each process. */
    readonly memoryBytes: number;
    readonly threads: number;
    readonly processes: number;
    /** Absent: the kernel does not tell. */
    readonly openFiles?: number;
  };
}

/** Looks at all instances of a host, with one walk through /proc. Processor time is told from look to look. */
export class InstanceLooks {
  #ticks = new Map<string, number>();

  read(runners: Iterable<Runner>): readonly InstanceLook[] {
    const all = scanProcesses();
    const ticks = new Map<string, number>();
    const looks = [...runners].map((runner): InstanceLook => {
      const { metadata, spec, status } = runner.instance;
      const { service, job, resource, slot } = spec;
      const members = runner.session === undefined ? [] : runner.family(all);
      const use = members.length === 0 ? undefined : this.#use(metadata.uid, members, ticks);
      return {
        uid: metadata.uid,
        ...(resource !== undefined ? { resource } : job !== undefined ? { job } : { service: service ?? "" }),
        slot,
        isReady: status?.ready === true && members.length > 0,
        restarts: status?.restarts ?? 0,
        ...(use !== undefined && { use }),
      };
    });
    this.#ticks = ticks;
    return looks;
  }

  #use(uid: string, members: readonly ProcStat[], seen: Map<string, number>): NonNullable<InstanceLook["use"]> {
    const { pageBytes, ticksPerSecond } = procUnits();
    const ticks = sum(members, (stat) => stat.cpuTicks);
    seen.set(uid, ticks);
    const before = this.#ticks.get(uid);
    const files = members.map(({ pid }) => countOpenFiles(pid));
    return {
      // A child that has ended takes its time with it.
      ...(before !== undefined && { cpuSeconds: Math.max(0, ticks - before) / ticksPerSecond }),
      memoryBytes: sum(members, (stat) => stat.residentPages) * pageBytes,
      threads: sum(members, (stat) => stat.threads),
      processes: members.length,
      ...(files.every((one) => one !== undefined) && { openFiles: files.reduce((total, one) => total + one, 0) }),
    };
  }
}

function countOpenFiles(pid: number): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    // Another user's, or gone: unknown, and not none.
    return undefined;
  }
}

function sum(stats: readonly ProcStat[], of: (stat: ProcStat) => number): number {
  return stats.reduce((total, stat) => total + of(stat), 0);
}
