import { readdirSync, readFileSync } from "node:fs";
import { isDead, type ProcStat, readProcStat } from "./proc-stat.ts";

/** Environment variables by which processes are known again. All of them must be there with these values. */
export type ProcessMarks = Readonly<Record<string, string>>;

/** All processes that are alive, of every user: a service may run, or start, a program that works as another one (setpriv, a set-uid program). Without this process itself. About 20 µs each. */
export function scanProcesses(): ProcStat[] {
  const found: ProcStat[] = [];
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const stat = readProcStat(pid);
    if (stat !== undefined && !isDead(stat) && !stat.isKernelThread) found.push(stat);
  }
  return found;
}

/** An execve(2) takes less, unless the machine is very busy or reads the program from a slow disk. */
const EXEC_WAIT_MS = 50;
const EMPTY_LOOKS = 2;
const nobody = new Int32Array(new SharedArrayBuffer(4));

/** Environment of a process as it was at its start; empty if it cannot be read or the program has overwritten it.
 *  In the midst of an execve(2) it is empty, too: this waits (and this process with it) until that is over, at most 50 ms. Otherwise a process would not be known by its marks for a moment, and whoever ends what carries them would leave it over. */
export function readEnvironment(pid: number): Readonly<Record<string, string>> {
  let text = readEnvironmentText(pid);
  const deadlineMs = performance.now() + EXEC_WAIT_MS;
  // Looked at again although no execve(2) is seen: one may have ended, and another begun, between two looks.
  for (let looks = 0; text === "" && looks < EMPTY_LOOKS && performance.now() < deadlineMs; text = readEnvironmentText(pid)) {
    if (readProcStat(pid)?.isBecomingProgram === true) Atomics.wait(nobody, 0, 0, 1);
    else looks++;
  }
  const environment: Record<string, string> = {};
  for (const entry of text?.split("\0") ?? []) {
    const equals = entry.indexOf("=");
    if (equals > 0) environment[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  return environment;
}

/** `undefined` if this user may not read it, or the process is gone. */
function readEnvironmentText(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    return undefined;
  }
}

/** The processes that carry `marks`, as far as this user may read it, with their environment. */
export function findMarkedProcesses(
  marks: ProcessMarks,
  among: readonly ProcStat[] = scanProcesses(),
): { readonly stat: ProcStat; readonly environment: Readonly<Record<string, string>> }[] {
  const wanted = Object.entries(marks);
  const found = [];
  for (const stat of among) {
    const environment = readEnvironment(stat.pid);
    if (wanted.length > 0 && wanted.every(([name, value]) => environment[name] === value)) found.push({ stat, environment });
  }
  return found;
}
