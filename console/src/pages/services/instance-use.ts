/** What an instance takes of its host, as its agent tells. Pure. */
export interface InstanceUse {
  /** Of one processor: 0 to 100 for each. */
  readonly cpuPercent: number;
  readonly memoryBytes: number;
  readonly openFiles: number;
  readonly processes: number;
}

/** `uid` is that of the instance which is meant: another of its name is another. */
export function readInstanceUse(value: unknown, uid: string | undefined): InstanceUse | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const told = value as Readonly<Record<string, unknown>>;
  if (told["uid"] !== undefined && uid !== undefined && told["uid"] !== uid) return undefined;
  const numberIn = (name: string): number => {
    const one = told[name];
    return typeof one === "number" && Number.isFinite(one) && one >= 0 ? one : Number.NaN;
  };
  const use = {
    cpuPercent: numberIn("cpuPercent"),
    memoryBytes: numberIn("memoryBytes"),
    openFiles: numberIn("openFiles"),
    processes: numberIn("processes"),
  };
  return Number.isNaN(use.cpuPercent) || Number.isNaN(use.memoryBytes) ? undefined : use;
}
