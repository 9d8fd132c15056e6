import { readdirSync } from "node:fs";
import type { InstanceUse } from "#/work/probes/index.ts";
import { type ProcStat, procUnits, scanProcesses } from "#/work/process/index.ts";
import type { Runner } from "./runner.ts";

/** Measures what instances use: one look through /proc for all of them. CPU is counted from look to look. */
export class InstanceUseReader {
  #before = new Map<string, { readonly ticks: number; readonly atMs: number }>();

  read(runners: Iterable<Runner>, nowMs: number): InstanceUse[] {
    const wanted = [...runners].filter((runner) => runner.session !== undefined);
    if (wanted.length === 0) return [];
    const all = scanProcesses();
    const { pageBytes, ticksPerSecond } = procUnits();
    const after = new Map<string, { readonly ticks: number; readonly atMs: number }>();
    const uses = wanted.map((runner): InstanceUse => {
      const { name, namespace = "default", uid } = runner.instance.metadata;
      const members = runner.family(all);
      const ticks = sum(members, (stat) => stat.cpuTicks);
      const before = this.#before.get(uid);
      after.set(uid, { ticks, atMs: nowMs });
      // A child that has ended takes its time with it.
      const usedMs = before === undefined ? 0 : (Math.max(0, ticks - before.ticks) * 1000) / ticksPerSecond;
      const spanMs = before === undefined ? 0 : nowMs - before.atMs;
      return {
        name,
        namespace,
        uid,
        cpuPercent: spanMs <= 0 ? 0 : Math.round((1000 * usedMs) / spanMs) / 10,
        memoryBytes: sum(members, (stat) => stat.residentPages) * pageBytes,
        openFiles: sum(members, (stat) => countOpenFiles(stat.pid)),
        processes: members.length,
      };
    });
    this.#before = after;
    return uses;
  }
}

function countOpenFiles(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

function sum(stats: readonly ProcStat[], of: (stat: ProcStat) => number): number {
  return stats.reduce((total, stat) => total + of(stat), 0);
}
