/** Readers of the kernel's text files (proc(5)); pure. Bytes and seconds unless a name says otherwise. */

/** Processor time in ticks since boot, all processors together. */
export interface CpuTicks {
  readonly busy: number;
  readonly total: number;
}

/** From /proc/stat. Waiting for a disk is idle time; guest time is part of user time. */
export function parseCpuTicks(stat: string): CpuTicks {
  const line = stat.split("\n").find((one) => one.startsWith("cpu ")) ?? "";
  const [user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, softIrq = 0, steal = 0] = line.split(/\s+/).slice(1).map(Number);
  const busy = user + nice + system + irq + softIrq + steal;
  return { busy, total: busy + idle + waiting };
}

/** Share of busy time between two readings, 0 to 100. */
export function cpuPercent(before: CpuTicks, after: CpuTicks): number {
  const total = after.total - before.total;
  return total <= 0 ? 0 : Math.min(100, Math.max(0, (100 * (after.busy - before.busy)) / total));
}

export interface MemoryUse {
  readonly totalBytes: number;
  /** What programs can still get without swapping. */
  readonly availableBytes: number;
  readonly swapTotalBytes: number;
  readonly swapFreeBytes: number;
}

/** From /proc/meminfo. */
export function parseMemory(meminfo: string): MemoryUse {
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(meminfo)?.[1] ?? 0) * 1024;
  return {
    totalBytes: bytes("MemTotal"),
    availableBytes: bytes("MemAvailable"),
    swapTotalBytes: bytes("SwapTotal"),
    swapFreeBytes: bytes("SwapFree"),
  };
}

/** Load averages over 1, 5, 15 minutes, from /proc/loadavg. */
export function parseLoad(loadavg: string): readonly [number, number, number] {
  const [one = 0, five = 0, fifteen = 0] = loadavg.split(" ").slice(0, 3).map(Number);
  return [one, five, fifteen];
}

/** Seconds since boot, from /proc/uptime. */
export function parseUptime(uptime: string): number {
  return Number(uptime.split(" ")[0] ?? 0);
}

/** Counters since boot. */
export interface NetworkCounters {
  readonly name: string;
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly receiveErrors: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly sendErrors: number;
}

/** Interfaces but the loopback, from /proc/net/dev. */
export function parseNetwork(dev: string): NetworkCounters[] {
  return dev
    .split("\n")
    .slice(2)
    .flatMap((line) => {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).trim();
      if (colon < 0 || name === "lo") return [];
      const counts = line
        .slice(colon + 1)
        .trim()
        .split(/\s+/)
        .map(Number);
      const [receivedBytes = 0, receivedPackets = 0, receiveErrors = 0] = counts;
      const [sentBytes = 0, sentPackets = 0, sendErrors = 0] = counts.slice(8);
      return [{ name, receivedBytes, receivedPackets, receiveErrors, sentBytes, sentPackets, sendErrors }];
    });
}

/** File systems that stand for disks, the root first, each device once: from /proc/self/mounts. */
export function parseMounts(mounts: string): { readonly device: string; readonly mount: string; readonly type: string }[] {
  const seen = new Set<string>();
  const found = mounts.split("\n").flatMap((line) => {
    const [device = "", mount = "", type = ""] = line.split(" ").map(unescapeMount);
    // The root may be an overlay; elsewhere only devices and pools count (a network file system whose server is gone would hold whoever asks for its size).
    const isDisk = mount === "/" || device.startsWith("/dev/") || type === "zfs";
    // Loop devices hold packages; a file mounted over another one is a container's /etc/hosts.
    if (!isDisk || device.startsWith("/dev/loop") || seen.has(device) || (mount !== "/" && /^\/(?:etc|proc|sys|dev)(?:\/|$)/.test(mount))) return [];
    seen.add(device);
    return [{ device, mount, type }];
  });
  return found.sort((a, b) => Number(b.mount === "/") - Number(a.mount === "/"));
}

/** Blanks stand as octal codes in that file. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
}
