/** What an agent tells of its machine, as far as it can be read. Pure. */

export interface Disk {
  readonly mount: string;
  readonly totalBytes: number;
  readonly availableBytes: number;
}

export interface Use {
  readonly cpus?: number;
  /** Of all processors together: 0 to 1. */
  readonly cpu?: number;
  readonly memory?: number;
  readonly memoryBytes?: number;
  readonly load?: number;
  /** The fullest first. */
  readonly disks: readonly Disk[];
  /** Of the fullest: 0 to 1. */
  readonly disk?: number;
}

type Unknown = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Unknown => typeof value === "object" && value !== null;
const numberIn = (value: unknown): number | undefined => (typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined);

/** How much of it is taken: 0 to 1; undefined where that makes no sense. */
export function partOf(total: number | undefined, available: number | undefined): number | undefined {
  if (total === undefined || available === undefined || total <= 0) return undefined;
  return Math.min(1, Math.max(0, 1 - available / total));
}

export function readUse(value: unknown): Use {
  if (!isRecord(value)) return { disks: [] };
  const memory = isRecord(value["memory"]) ? value["memory"] : {};
  const memoryBytes = numberIn(memory["totalBytes"]);
  const disks = (Array.isArray(value["disks"]) ? value["disks"] : []).filter(isRecord).flatMap((one): readonly Disk[] => {
    const [totalBytes, availableBytes] = [numberIn(one["totalBytes"]), numberIn(one["availableBytes"])];
    if (totalBytes === undefined || totalBytes === 0 || availableBytes === undefined) return [];
    return [{ mount: String(one["mount"] ?? "?"), totalBytes, availableBytes }];
  });
  const fullness = (one: Disk): number => partOf(one.totalBytes, one.availableBytes) ?? 0;
  disks.sort((a, b) => fullness(b) - fullness(a));
  const [fullest] = disks;
  const percent = numberIn(value["cpuPercent"]);
  return {
    ...defined({
      cpus: numberIn(value["cpus"]),
      cpu: percent === undefined ? undefined : Math.min(1, percent / 100),
      memory: partOf(memoryBytes, numberIn(memory["availableBytes"])),
      memoryBytes,
      load: numberIn(Array.isArray(value["load"]) ? value["load"][0] : undefined),
      disk: fullest === undefined ? undefined : fullness(fullest),
    }),
    disks,
  };
}

function defined<T extends object>(values: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** `2.5 GiB`, with a thin space. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? Number(value.toFixed(1)) : Math.round(value)}\u2009${UNITS[unit]}`;
}
