import type { HostUse } from "#/work/probes/index.ts";

/** One figure: the metric, labels beside the host's, the value. As they go over the link, in bytes and seconds. */
export type Figure = readonly [metric: string, labels: Readonly<Record<string, string>>, value: number];

/** Texts of the kernel (proc(5), sysfs), as they were read; what cannot be read is absent. */
export interface HostTexts {
  /** /proc/stat. */
  readonly stat?: string;
  /** /proc/diskstats. */
  readonly diskstats?: string;
  /** Of each thermal zone its type and its temperature in thousandths of a degree. */
  readonly thermal?: readonly { readonly type: string; readonly temp: string }[];
}

/** Ticks of a processor. */
interface Ticks {
  readonly cpu: string;
  readonly busy: number;
  readonly total: number;
  readonly modes: Readonly<Record<string, number>>;
}

const MODES = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"] as const;
const TICKS_PER_SECOND = 100;
const SECTOR_BYTES = 512;
const DEVICES_MAX = 64;
const ZONES_MAX = 32;
/** Other processes' disks in memory, and parts of a disk that count in the whole already. */
const NO_DISK = /^(?:loop|ram|zram|fd|sr)\d+$|^(?:sd|vd|hd|xvd)[a-z]+\d+$|^(?:nvme\d+n\d+|mmcblk\d+)p\d+$/;

/** What a host's kernel tells of it. Share of busy time is told from the second reading on: the first has nothing to compare with, and a gap is no zero. */
export class HostFigures {
  #ticks = new Map<string, Ticks>();

  read(use: HostUse, { stat, diskstats, thermal }: HostTexts): readonly Figure[] {
    return [
      ...(stat === undefined ? [] : this.#processors(stat)),
      ...memory(use),
      ...use.load.map((value, index): Figure => ["host_load", { over: ["1m", "5m", "15m"][index] ?? "" }, value]),
      ["host_uptime_seconds", {}, use.uptimeSeconds],
      ...use.disks.flatMap(({ mount, device, totalBytes, availableBytes }): readonly Figure[] => [
        ["host_filesystem_size_bytes", { mount, device }, totalBytes],
        ["host_filesystem_available_bytes", { mount, device }, availableBytes],
      ]),
      ...use.network.flatMap(network),
      ...(diskstats === undefined ? [] : disks(diskstats)),
      ...(thermal ?? []).slice(0, ZONES_MAX).flatMap(temperature),
    ];
  }

  #processors(stat: string): readonly Figure[] {
    const figures: Figure[] = [];
    const seen = new Map<string, Ticks>();
    for (const ticks of parseTicks(stat)) {
      const { cpu } = ticks;
      seen.set(cpu, ticks);
      for (const mode of MODES) figures.push(["host_cpu_seconds_total", { cpu, mode }, (ticks.modes[mode] ?? 0) / TICKS_PER_SECOND]);
      const before = this.#ticks.get(cpu);
      const total = before === undefined ? 0 : ticks.total - before.total;
      if (before !== undefined && total > 0) {
        const percent = (100 * (ticks.busy - before.busy)) / total;
        figures.push(["host_cpu_percent", { cpu }, Math.round(Math.min(100, Math.max(0, percent)) * 100) / 100]);
      }
    }
    this.#ticks = seen;
    return figures;
  }
}

function parseTicks(stat: string): readonly Ticks[] {
  return stat.split("\n").flatMap((line) => {
    const match = /^cpu(\d+) (.*)$/.exec(line);
    if (match === null) return [];
    const numbers = (match[2] ?? "").trim().split(/\s+/).map(Number);
    const modes = Object.fromEntries(MODES.map((mode, index) => [mode, numbers[index] ?? 0]));
    const total = MODES.reduce((sum, mode) => sum + (modes[mode] ?? 0), 0);
    const busy = total - (modes["idle"] ?? 0) - (modes["iowait"] ?? 0);
    return [{ cpu: match[1] ?? "", busy, total, modes }];
  });
}

function memory({ memory: { totalBytes, availableBytes, swapTotalBytes, swapFreeBytes } }: HostUse): readonly Figure[] {
  return [
    ["host_memory_total_bytes", {}, totalBytes],
    ["host_memory_available_bytes", {}, availableBytes],
    ["host_swap_total_bytes", {}, swapTotalBytes],
    ["host_swap_free_bytes", {}, swapFreeBytes],
  ];
}

function network({ name, receivedBytes, receivedPackets, receiveErrors, sentBytes, sentPackets }: HostUse["network"][number]): readonly Figure[] {
  const device = { device: name };
  return [
    ["host_network_received_bytes_total", device, receivedBytes],
    ["host_network_received_packets_total", device, receivedPackets],
    ["host_network_receive_errors_total", device, receiveErrors],
    ["host_network_sent_bytes_total", device, sentBytes],
    ["host_network_sent_packets_total", device, sentPackets],
  ];
}

function disks(diskstats: string): readonly Figure[] {
  const rows = diskstats.split("\n").map((line) => line.trim().split(/\s+/));
  const whole = rows.filter(([, , name]) => name !== undefined && !NO_DISK.test(name)).slice(0, DEVICES_MAX);
  return whole.flatMap(([, , device = "", ...numbers]): readonly Figure[] => {
    const [reads = 0, , readSectors = 0, readMs = 0, writes = 0, , writtenSectors = 0, writeMs = 0, , busyMs = 0] = numbers.map(Number);
    return [
      ["host_disk_reads_total", { device }, reads],
      ["host_disk_read_bytes_total", { device }, readSectors * SECTOR_BYTES],
      ["host_disk_read_seconds_total", { device }, readMs / 1_000],
      ["host_disk_writes_total", { device }, writes],
      ["host_disk_written_bytes_total", { device }, writtenSectors * SECTOR_BYTES],
      ["host_disk_write_seconds_total", { device }, writeMs / 1_000],
      ["host_disk_busy_seconds_total", { device }, busyMs / 1_000],
    ];
  });
}

function temperature({ type, temp }: { readonly type: string; readonly temp: string }, index: number): readonly Figure[] {
  const value = Number(temp.trim()) / 1_000;
  // A sensor that says nothing, or what no machine has, is a gap.
  if (temp.trim() === "" || !Number.isFinite(value) || value < -60 || value > 150) return [];
  return [["host_temperature_celsius", { sensor: `${type.trim()}${index === 0 ? "" : ` ${index}`}` }, value]];
}
