import { setTimeout as wait } from "node:timers/promises";
import { OrreryError } from "#/base/index.ts";
import type { ProcessExit } from "./exit.ts";
import type { ProcStat } from "./proc-stat.ts";
import { findMarkedProcesses, type ProcessMarks, scanProcesses } from "./process-scan.ts";
import type { RunningProcess } from "./running-process.ts";

const POLL_MS = 100;
/** A killed process may stay while it waits for a disk or a network file system. */
const KILL_WAIT_MS = 10_000;

export interface StopOptions {
  /** From the signal to SIGKILL. */
  readonly graceMs: number;
  /** Sent first; default SIGTERM. `undefined` as a value: nothing is sent (a script has asked already), only waited for. */
  readonly signal?: NodeJS.Signals | undefined;
}

/** Ends a process with everything that belongs to it: its process group, its session, and whatever carries its marks (also what has left the group). Returns how the program itself ended.
 *  Asks with the signal, waits for `graceMs` until all are gone, then kills.
 *  @throws process/unkillable (backoff): something is still there 10 s after SIGKILL; `details.pids` */
export async function stopProcess(running: RunningProcess, options: StopOptions): Promise<ProcessExit> {
  const find = (): ProcStat[] => findMembers(running.session, running.intention.marks);
  const signal = "signal" in options ? options.signal : "SIGTERM";
  if (signal !== undefined) send(find(), signal);
  const deadlineMs = performance.now() + options.graceMs;
  // The group first, by one system call: a look at all processes costs some milliseconds, and many instances may be stopped at once.
  await waitUntilGone(() => running.isAlive || (isGroupThere(running.session) && find().length > 0), deadlineMs);
  if (!(await waitUntilGone(() => find().length > 0, deadlineMs))) {
    const wasAlive = running.isAlive;
    await killAll(find);
    if (wasAlive) running.recordKill();
  }
  running.check();
  return await running.exited;
}

/** Kills everything that carries `marks`: what an owner that is gone has left over. Returns the pids it found.
 *  @throws process/unkillable (backoff) as `stopProcess` */
export async function killMarkedProcesses(marks: ProcessMarks): Promise<readonly number[]> {
  const found = findMarkedProcesses(marks).map(({ stat }) => stat.pid);
  if (found.length > 0) await killAll(() => findMarkedProcesses(marks).map(({ stat }) => stat));
  return found;
}

/** Ends what a process left behind in its group or with its marks. Call it as soon as the process has ended: later the number of an empty group may be another's. */
export async function killStragglers(running: RunningProcess): Promise<void> {
  const find = (): ProcStat[] => findMembers(running.session, running.intention.marks).filter((stat) => stat.pid !== running.session);
  if (find().length > 0) await killAll(find);
}

/** What belongs to a process. The kernel gives a number to nobody else while anybody is in the session or group of that number. */
function findMembers(session: number, marks: ProcessMarks): ProcStat[] {
  const all = scanProcesses();
  const inSession = all.filter((stat) => stat.session === session || stat.group === session);
  const known = new Set(inSession.map((stat) => stat.pid));
  return [
    ...inSession,
    ...findMarkedProcesses(
      marks,
      all.filter((stat) => !known.has(stat.pid)),
    ).map(({ stat }) => stat),
  ];
}

async function killAll(find: () => ProcStat[]): Promise<void> {
  const deadlineMs = performance.now() + KILL_WAIT_MS;
  // Again and again: a process may fork between the look and the kill.
  for (let found = find(); found.length > 0; found = find()) {
    if (performance.now() > deadlineMs) {
      throw new OrreryError(
        "process/unkillable",
        `${found.length} processes are still there ${KILL_WAIT_MS / 1000} s after SIGKILL: ${found.map((stat) => `${stat.pid} (${stat.command}, state ${stat.state})`).join(", ")}`,
        {
          retry: "backoff",
          details: { pids: found.map((stat) => stat.pid) },
        },
      );
    }
    send(found, "SIGKILL");
    await wait(20);
  }
}

function send(stats: readonly ProcStat[], signal: NodeJS.Signals): void {
  for (const stat of stats) {
    try {
      process.kill(stat.pid, signal);
    } catch (error) {
      // Gone in the meantime: what was wanted.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** True if the group has members, zombies included. */
function isGroupThere(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

/** False if it is still there at the deadline. */
async function waitUntilGone(isThere: () => boolean, deadlineMs: number): Promise<boolean> {
  while (isThere()) {
    const leftMs = deadlineMs - performance.now();
    if (leftMs <= 0) return false;
    await wait(Math.min(POLL_MS, leftMs));
  }
  return true;
}
