import { readFileSync } from "node:fs";
import { readAuxiliaryVector } from "./auxiliary-vector.ts";

/** What /proc/<pid>/stat says of one process (proc_pid_stat(5)). */
export interface ProcStat {
  readonly pid: number;
  readonly command: string;
  /** R running, S sleeping, D waiting for a disk, T stopped, Z zombie, X dead … */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Number of the controlling terminal; 0: none. */
  readonly terminal: number;
  /** Clock ticks since boot. A pid is given away again; pid and start time together are not. */
  readonly startTime: number;
  /** User and system time, in clock ticks. */
  readonly cpuTicks: number;
  readonly residentPages: number;
  readonly threads: number;
  /** A thread of the kernel: no program of anybody's. */
  readonly isKernelThread: boolean;
  /** True in the midst of an execve(2): the old program is gone, and the new one has no environment yet. */
  readonly isBecomingProgram: boolean;
}

/** Flag of the kernel's own threads (include/linux/sched.h). */
const PF_KTHREAD = 0x00200000;

/** Reads the text of a stat file; `undefined` if it is not one. */
export function parseProcStat(text: string): ProcStat | undefined {
  // The second field is the program's name in brackets, and may itself hold spaces and brackets: the last bracket ends it.
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return undefined;
  const fields = text
    .slice(close + 2)
    .trim()
    .split(" ");
  const field = (number: number): number => Number(fields[number - 3]);
  const pid = Number(text.slice(0, open).trim());
  const startTime = field(22);
  if (!Number.isInteger(pid) || !Number.isInteger(startTime)) return undefined;
  return {
    pid,
    command: text.slice(open + 1, close),
    state: fields[0] ?? "",
    parent: field(4),
    group: field(5),
    session: field(6),
    terminal: field(7),
    startTime,
    cpuTicks: field(14) + field(15),
    residentPages: field(24),
    threads: field(20),
    isKernelThread: (field(9) & PF_KTHREAD) !== 0,
    // It has memory (a kernel thread has none), but start_code, which an execve(2) sets after the environment, is missing. env_start and env_end are no sign: for a moment they are the same.
    isBecomingProgram: field(23) > 0 && field(26) === 0,
  };
}

/** The process `pid`, zombies included; `undefined` if there is none. */
export function readProcStat(pid: number): ProcStat | undefined {
  try {
    return parseProcStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    // Gone, or going: the file vanishes (ENOENT) or stops answering (ESRCH) between two system calls.
    return undefined;
  }
}

/** Names one process for as long as the machine runs. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: number;
}

/** True if exactly this process runs. A zombie does not: it holds nothing but its number. */
export function isAlive(identity: ProcessIdentity): boolean {
  const stat = readProcStat(identity.pid);
  return stat !== undefined && stat.startTime === identity.startTime && !isDead(stat);
}

export function isDead(stat: ProcStat): boolean {
  return stat.state === "Z" || stat.state === "X" || stat.state === "x";
}

/** Identity of a running process; `undefined` if there is none. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const stat = readProcStat(pid);
  return stat === undefined || isDead(stat) ? undefined : { pid, startTime: stat.startTime };
}

/** Id of this boot of the machine: pids and start times of another boot mean nothing. */
export function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

let units: { readonly pageBytes: number; readonly ticksPerSecond: number } | undefined;

/** Size of a memory page (4, 16 or 64 KiB, by platform) and clock ticks per second. */
export function procUnits(): { readonly pageBytes: number; readonly ticksPerSecond: number } {
  units ??= readAuxiliaryVector(readFileSync("/proc/self/auxv"));
  return units;
}
