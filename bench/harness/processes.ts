/** Memory and processor time of processes, from /proc. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { procUnits } from "#/work/process/index.ts";

export interface MemoryUse {
  /** Proportional set size: a page that several processes map counts in equal parts for each. */
  readonly pssMb: number;
  /** Pages that no file stands behind: heaps. */
  readonly anonymousMb: number;
  readonly residentMb: number;
}

/** Memory of a process now. Throws when it is gone. */
export function memoryOf(pid: number): MemoryUse {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) / 1024;
  return { pssMb: field("Pss"), anonymousMb: field("Pss_Anon"), residentMb: field("Rss") };
}

/** Memory of `pids` together as if nothing else on the machine used the same files: every file's pages once, by the process that holds most of them, and all heaps. */
export function memoryAlone(pids: readonly number[]): number {
  const files = new Map<string, number>();
  let kb = 0;
  for (const pid of pids) {
    const mine = new Map<string, number>();
    let file = "";
    for (const line of readFileSync(`/proc/${pid}/smaps`, "utf8").split("\n")) {
      const header = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ (\d+)\s*(.*)$/.exec(line);
      if (header !== null) file = header[1] === "0" ? "" : (header[2] ?? "");
      const [, name, value] = /^(Rss|Anonymous):\s+(\d+) kB/.exec(line) ?? [];
      if (name === "Anonymous") {
        kb += Number(value);
        if (file !== "") mine.set(file, (mine.get(file) ?? 0) - Number(value));
      } else if (name === "Rss" && file !== "") mine.set(file, (mine.get(file) ?? 0) + Number(value));
    }
    for (const [name, size] of mine) files.set(name, Math.max(files.get(name) ?? 0, size));
  }
  for (const size of files.values()) kb += size;
  return kb / 1024;
}

/** Seconds of processor time a process has used since its start, all threads, user and kernel. Throws when it is gone. */
export function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / procUnits().ticksPerSecond;
}

const PLATFORM = ["supervisor", "centre", "agent", "gateway"] as const;
/** Those that a site may do without. */
const FURTHER = ["snmp", "broker"] as const;

/** Process ids of the platform on a data folder, by name. */
export function platformPids(data: string): ReadonlyMap<string, number> {
  const fileOf = (name: string): string => path.join(data, "run", `${name}.json`);
  const names = [...PLATFORM, ...FURTHER.filter((name) => existsSync(fileOf(name)))];
  return new Map(names.map((name) => [name, (JSON.parse(readFileSync(fileOf(name), "utf8")) as { pid: number }).pid]));
}
