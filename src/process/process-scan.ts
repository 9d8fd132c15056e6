import { readdirSync, readFileSync, statSync } from "node:fs";
import { isDead, type ProcStat, readProcStat } from "./proc-stat.ts";

/** Environment variables by which processes are known again. All of them must be there with these values. */
export type ProcessMarks = Readonly<Record<string, string>>;

/** All processes of this user that are alive. About 20 µs each. */
export function scanProcesses(): ProcStat[] {
  const own = process.getuid?.();
  const found: ProcStat[] = [];
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      if (statSync(`/proc/${pid}`).uid !== own) continue;
    } catch {
      continue;
    }
    const stat = readProcStat(pid);
    if (stat !== undefined && !isDead(stat)) found.push(stat);
  }
  return found;
}

/** Environment of a process as it was at its start; empty if it cannot be read or the program has overwritten it. */
export function readEnvironment(pid: number): Readonly<Record<string, string>> {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    return {};
  }
  const environment: Record<string, string> = {};
  for (const entry of text.split("\0")) {
    const equals = entry.indexOf("=");
    if (equals > 0) environment[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  return environment;
}

/** The processes of this user that carry `marks`, with their environment. */
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
