import { execFile } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { type Clock, sleep } from "#/base/index.ts";
import { type CpuTicks, cpuPercent, type MemoryUse, parseMemory, parseUptime } from "#/work/probes/index.ts";

/** A network interface as the kernel tells it; what it does not tell is absent. */
export interface Interface {
  readonly name: string;
  readonly index: number;
  /** ARPHRD of if_arp.h. */
  readonly hardware: number;
  readonly mtu: number;
  /** Mbit/s. */
  readonly speed?: number | undefined;
  readonly address: Uint8Array;
  readonly isUp: boolean;
  readonly state: string;
  readonly isPromiscuous: boolean;
  readonly hasConnector: boolean;
  readonly alias: string;
  /** Of /proc/net/dev, exact. */
  readonly counts: readonly bigint[];
}

export interface FileSystem {
  readonly mount: string;
  readonly device: string;
  readonly type: string;
  readonly isReadOnly: boolean;
  /** Absent: it does not answer. */
  readonly size?: { readonly unit: number; readonly total: number; readonly free: number; readonly available: number } | undefined;
}

/** What the kernel told at one moment. */
export interface KernelFacts {
  readonly uptimeS: number;
  /** Since the reading before, of each processor, 0 to 100; absent at the first. */
  readonly cpus: readonly number[] | undefined;
  readonly cpuCount: number;
  readonly cpuPercent: number | undefined;
  readonly memory: MemoryUse;
  readonly buffersBytes: number;
  readonly cachedBytes: number;
  readonly processes: number;
  readonly users: number;
  readonly fileSystems: readonly FileSystem[];
  readonly interfaces: readonly Interface[];
  readonly load: readonly number[];
}

const FILE_SYSTEMS_MAX = 256;
/** More than these are told of no machine. */
const INTERFACES_MAX = 2_000;
const HANGS_AFTER_MS = 3_000;
const LOCAL_MS_MAX = 500;
/** Whose size is asked of something that may have gone: in a process of its own, which can be left to hang. */
const REMOTE = /^(?:nfs|nfs4|cifs|smb3|smbfs|9p|afs|ceph|glusterfs|lustre|fuse|fuse\..*|fuseblk|autofs|virtiofs)$/;
/** What holds no data. */
const PSEUDO =
  /^(?:proc|sysfs|cgroup2?|devpts|devtmpfs|securityfs|debugfs|tracefs|pstore|bpf|mqueue|hugetlbfs|configfs|fusectl|autofs|binfmt_misc|rpc_pipefs|nsfs|efivarfs|ramfs)$/;

/** Reads this machine; CPU is counted from reading to reading. Nothing here waits for a file system that is away. */
export class Kernel {
  #ticks: readonly CpuTicks[] = [];
  readonly #clock: Clock;
  readonly #waiting = new Set<string>();
  /** Of those that may hang: the newest answer, and whether one is awaited. */
  readonly #remote = new Map<string, { size?: FileSystem["size"]; isAsked: boolean }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async read(): Promise<KernelFacts> {
    const meminfo = readText("/proc/meminfo");
    const ticks = parseProcessors(readText("/proc/stat"));
    const shares = ticks.map((now, at) => {
      const before = this.#ticks[at];
      return before === undefined ? undefined : cpuPercent(before, now);
    });
    this.#ticks = ticks;
    const known = shares.every((share) => share !== undefined) ? (shares as readonly number[]) : undefined;
    return {
      uptimeS: parseUptime(readText("/proc/uptime")),
      cpuPercent: known?.[0],
      cpus: known?.slice(1),
      cpuCount: Math.max(0, ticks.length - 1),
      memory: parseMemory(meminfo),
      buffersBytes: kibibytes(meminfo, "Buffers") * 1024,
      cachedBytes: kibibytes(meminfo, "Cached") * 1024,
      processes: readdirSync("/proc").filter((name) => /^\d+$/.test(name)).length,
      users: countUsers(),
      fileSystems: await this.#fileSystems(),
      interfaces: readInterfaces(),
      load: readText("/proc/loadavg").split(" ").slice(0, 3).map(Number),
    };
  }

  async #fileSystems(): Promise<FileSystem[]> {
    const found: FileSystem[] = [];
    const seen = new Set<string>();
    for (const one of parseMounts(readText("/proc/self/mounts"))) {
      if (seen.has(one.mount) || found.length >= FILE_SYSTEMS_MAX) continue;
      seen.add(one.mount);
      found.push({ ...one, size: REMOTE.test(one.type) ? this.#askApart(one.mount) : await this.#ask(one.mount) });
    }
    for (const mount of this.#remote.keys()) if (!seen.has(mount)) this.#remote.delete(mount);
    return found;
  }

  /** One call is under way for each mount at most, and none is waited for: a disk that has failed may hold it. */
  async #ask(mount: string): Promise<FileSystem["size"]> {
    if (this.#waiting.has(mount)) return undefined;
    this.#waiting.add(mount);
    const asked = sizeOf(mount).finally(() => this.#waiting.delete(mount));
    const patience = new AbortController();
    const size = await Promise.race([asked, sleep(this.#clock, LOCAL_MS_MAX, patience.signal).catch(() => undefined)]);
    patience.abort();
    return size ?? undefined;
  }

  /** The newest size that a process of its own has found out; one is under way at most. */
  #askApart(mount: string): FileSystem["size"] {
    const state = this.#remote.get(mount) ?? { isAsked: false };
    this.#remote.set(mount, state);
    if (!state.isAsked) {
      state.isAsked = true;
      // What hangs in the kernel is not ended by a signal either: then its size stays unknown until it ends.
      const child = execFile(
        "stat",
        ["-f", "-c", "%S %b %f %a", "--", mount],
        { timeout: HANGS_AFTER_MS, killSignal: "SIGKILL" },
        (error, output) => {
          const [unit = 0, total = 0, free = 0, available = 0] = output.trim().split(" ").map(Number);
          if (error === null && unit > 0) state.size = { unit, total, free, available };
          else delete state.size;
        },
      );
      child.once("close", () => {
        state.isAsked = false;
      });
      child.once("error", () => {
        state.isAsked = false;
      });
    }
    return state.size;
  }
}

async function sizeOf(mount: string): Promise<FileSystem["size"]> {
  try {
    const { bsize, blocks, bfree, bavail } = await statfs(mount);
    return blocks > 0 ? { unit: bsize, total: blocks, free: bfree, available: bavail } : undefined;
  } catch {
    return undefined;
  }
}

/** Of all processors together, then of each. */
function parseProcessors(stat: string): CpuTicks[] {
  return stat
    .split("\n")
    .filter((line) => /^cpu\d* /.test(line))
    .map((line) => {
      const [user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, softIrq = 0, steal = 0] = line.split(/\s+/).slice(1).map(Number);
      const busy = user + nice + system + irq + softIrq + steal;
      return { busy, total: busy + idle + waiting };
    });
}

/** Mounts that hold data, by /proc/self/mounts; a device that is mounted twice is told once, as long as it is none that is away. */
export function parseMounts(mounts: string): Omit<FileSystem, "size">[] {
  const devices = new Set<string>();
  return mounts.split("\n").flatMap((line) => {
    const [device = "", mount = "", type = "", options = ""] = line
      .split(" ")
      .map((word) => word.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8))));
    if (mount === "" || PSEUDO.test(type)) return [];
    if (device.startsWith("/") && devices.has(device)) return [];
    if (device.startsWith("/")) devices.add(device);
    return [{ mount, device, type, isReadOnly: options.split(",").includes("ro") }];
  });
}

function readInterfaces(): Interface[] {
  const counts = new Map<string, readonly bigint[]>();
  for (const line of readText("/proc/net/dev").split("\n").slice(2)) {
    const colon = line.lastIndexOf(":", line.search(/:\s*\d/));
    if (colon > 0)
      counts.set(
        line.slice(0, colon).trim(),
        line
          .slice(colon + 1)
          .trim()
          .split(/\s+/)
          .map(BigInt),
      );
  }
  const found: Interface[] = [];
  for (const [name, values] of counts) {
    if (found.length >= INTERFACES_MAX) break;
    const folder = `/sys/class/net/${name}`;
    const index = Number(readText(`${folder}/ifindex`));
    // Gone meanwhile, or of a network namespace that /sys does not show.
    if (!Number.isInteger(index) || index < 1) continue;
    const flags = Number.parseInt(readText(`${folder}/flags`), 16) || 0;
    const speed = Number(readText(`${folder}/speed`));
    found.push({
      name,
      index,
      hardware: Number(readText(`${folder}/type`)) || 0,
      mtu: Number(readText(`${folder}/mtu`)) || 0,
      speed: Number.isFinite(speed) && speed > 0 ? speed : undefined,
      address: addressOf(readText(`${folder}/address`).trim()),
      isUp: (flags & 1) !== 0,
      state: readText(`${folder}/operstate`).trim(),
      isPromiscuous: (flags & 0x100) !== 0,
      hasConnector: hasDevice(folder),
      alias: readText(`${folder}/ifalias`).trim(),
      counts: values,
    });
  }
  return found;
}

function addressOf(text: string): Uint8Array {
  return /^(?:[0-9a-f]{2}:)+[0-9a-f]{2}$/i.test(text) && !/^(?:00:)+00$/.test(text) ? Buffer.from(text.replaceAll(":", ""), "hex") : new Uint8Array();
}

function hasDevice(folder: string): boolean {
  try {
    readlinkSync(`${folder}/device`);
    return true;
  } catch {
    return false;
  }
}

/** Sessions of people, as systemd keeps them. */
function countUsers(): number {
  try {
    return readdirSync("/run/systemd/sessions").filter((name) => !name.endsWith(".ref")).length;
  } catch {
    return 0;
  }
}

function kibibytes(meminfo: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(meminfo)?.[1] ?? 0);
}

/** A file of the kernel's; what it does not tell is empty. */
function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
