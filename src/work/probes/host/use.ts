import { readFile, statfs } from "node:fs/promises";
import { availableParallelism } from "node:os";
import {
  type CpuTicks,
  cpuPercent,
  type MemoryUse,
  type NetworkCounters,
  parseCpuTicks,
  parseLoad,
  parseMemory,
  parseMounts,
  parseNetwork,
  parseUptime,
} from "./parse.ts";

export interface DiskUse {
  readonly mount: string;
  readonly device: string;
  readonly totalBytes: number;
  /** For ordinary users. */
  readonly availableBytes: number;
}

/** How much of a host is in use. */
export interface HostUse {
  readonly cpus: number;
  /** 0 to 100, of all processors together, since the reading before. */
  readonly cpuPercent: number;
  readonly memory: MemoryUse;
  readonly disks: readonly DiskUse[];
  readonly network: readonly NetworkCounters[];
  /** Processes that run or wait for a disk, over 1, 5, 15 minutes. */
  readonly load: readonly [number, number, number];
  readonly uptimeSeconds: number;
}

const DISKS_MAX = 32;
const INTERFACES_MAX = 64;

/** Reads the use of this machine; CPU is counted from reading to reading. */
export class HostUseReader {
  #ticks: CpuTicks | undefined;

  async read(): Promise<HostUse> {
    const [stat, meminfo, mounts, dev, loadavg, uptime] = await Promise.all(
      ["stat", "meminfo", "self/mounts", "net/dev", "loadavg", "uptime"].map((name) => readFile(`/proc/${name}`, "utf8")),
    );
    const ticks = parseCpuTicks(stat ?? "");
    // The first reading has no other: its time is the time since boot.
    const percent = cpuPercent(this.#ticks ?? { busy: 0, total: 0 }, ticks);
    this.#ticks = ticks;
    return {
      cpus: availableParallelism(),
      cpuPercent: Math.round(percent * 10) / 10,
      memory: parseMemory(meminfo ?? ""),
      disks: await readDisks(mounts ?? ""),
      network: parseNetwork(dev ?? "").slice(0, INTERFACES_MAX),
      load: parseLoad(loadavg ?? ""),
      uptimeSeconds: parseUptime(uptime ?? ""),
    };
  }
}

async function readDisks(mounts: string): Promise<DiskUse[]> {
  const disks: DiskUse[] = [];
  for (const { device, mount } of parseMounts(mounts).slice(0, DISKS_MAX)) {
    try {
      const { bsize, blocks, bavail } = await statfs(mount);
      if (blocks > 0) disks.push({ mount, device, totalBytes: bsize * blocks, availableBytes: bsize * bavail });
    } catch {
      // Unmounted meanwhile, or not ours to see.
    }
  }
  return disks;
}
