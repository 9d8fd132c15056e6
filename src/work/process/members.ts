import { readlinkSync } from "node:fs";
import type { ProcessIdentity, ProcStat } from "./proc-stat.ts";
import { findMarkedProcesses, type ProcessMarks, scanProcesses } from "./process-scan.ts";

/** Descriptor that every process of a run inherits from its shim: its record, open for reading. A program that clears its environment, or writes its title over it (nginx, Redis, PostgreSQL), seldom closes what it does not know. */
export const RECORD_DESCRIPTOR = 8;

/** By what the processes of one thing are known. No single sign holds for every program: an environment can be cleared, a session left, a parent can end. */
export interface ProcessSigns {
  /** Session and group of its shim, while that is known to be its own. The kernel gives a number to nobody else while anybody is in the session or group of that number. */
  readonly session?: number | undefined;
  /** Environment variables; none: no environment is read. */
  readonly marks: ProcessMarks;
  /** Absolute. A process is of the thing if its record is below this folder, or if it works in there without a terminal (a person's shell has one). */
  readonly home?: string | undefined;
  /** Found before; what they have started is of the thing, too. */
  readonly known?: readonly ProcessIdentity[];
}

/** The processes of a thing: what carries one of its signs, and what those have started, whoever they work as and wherever they have gone. What has left its session with an emptied environment, its files closed and its parent ended before anybody looked is not found. */
export function findMembers(signs: ProcessSigns, all: readonly ProcStat[] = scanProcesses()): ProcStat[] {
  const members = new Map<number, ProcStat>();
  const known = new Map(signs.known?.map(({ pid, startTime }) => [pid, startTime]));
  const others: ProcStat[] = [];
  for (const stat of all) {
    const isInSession = signs.session !== undefined && (stat.session === signs.session || stat.group === signs.session);
    if (isInSession || known.get(stat.pid) === stat.startTime || isAtHome(stat, signs.home)) members.set(stat.pid, stat);
    else others.push(stat);
  }
  const isMarked = Object.keys(signs.marks).length > 0;
  if (isMarked) for (const { stat } of findMarkedProcesses(signs.marks, others)) members.set(stat.pid, stat);
  addDescendants(members, all);
  return [...members.values()];
}

/** Adds to `members` what they have started, and what that has started. */
export function addDescendants(members: Map<number, ProcStat>, all: readonly ProcStat[]): void {
  const children = Map.groupBy(all, (stat) => stat.parent);
  const waiting = [...members.keys()];
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    for (const child of children.get(pid) ?? []) {
      if (members.has(child.pid)) continue;
      members.set(child.pid, child);
      waiting.push(child.pid);
    }
  }
}

function isAtHome(stat: ProcStat, home: string | undefined): boolean {
  if (home === undefined) return false;
  const isBelow = (link: string): boolean => `${linkOf(`/proc/${stat.pid}/${link}`)}/`.startsWith(`${home}/`);
  return isBelow(`fd/${RECORD_DESCRIPTOR}`) || (stat.terminal === 0 && isBelow("cwd"));
}

/** `undefined` if this user may not know. */
function linkOf(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined;
  }
}
