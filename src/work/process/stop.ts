import { setTimeout as wait } from "node:timers/promises";
import { OrreryError } from "#/base/index.ts";
import type { ProcessExit } from "./exit.ts";
import { findMembers, type ProcessSigns } from "./members.ts";
import type { ProcStat } from "./proc-stat.ts";
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

/** Ends a process with everything that belongs to it (`findMembers`), whoever it works as. Returns how the program itself ended.
 *  Asks with the signal, waits for `graceMs` until all are gone, then kills.
 *  @throws process/unkillable (backoff): something is still there 10 s after SIGKILL, or this user may not end it; `details.pids` */
export async function stopProcess(running: RunningProcess, options: StopOptions): Promise<ProcessExit> {
  const find = (): ProcStat[] => running.members();
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

/** Kills everything that carries one of `signs`: what an owner that is gone has left over. Returns what it found.
 *  @throws process/unkillable (backoff) as `stopProcess` */
export async function killMembers(signs: ProcessSigns): Promise<readonly ProcStat[]> {
  const found = findMembers(signs);
  if (found.length > 0) await killAll(() => findMembers(signs));
  return found;
}

/** Asks what `find` finds to end, again and again, and after `graceMs` kills it.
 *  @throws process/unkillable (backoff) as `stopProcess` */
export async function endProcesses(find: () => ProcStat[], graceMs: number): Promise<void> {
  send(find(), "SIGTERM");
  if (!(await waitUntilGone(() => find().length > 0, performance.now() + graceMs))) await killAll(find);
}

/** Ends what a process left behind; returns what that was. Call it as soon as the process has ended: later the number of an empty group may be another's.
 *  @throws process/unkillable (backoff) as `stopProcess` */
export async function killStragglers(running: RunningProcess): Promise<readonly ProcStat[]> {
  const find = (): ProcStat[] => running.members().filter((stat) => stat.pid !== running.session);
  const found = find();
  if (found.length > 0) await killAll(find);
  return found;
}

async function killAll(find: () => ProcStat[]): Promise<void> {
  const deadlineMs = performance.now() + KILL_WAIT_MS;
  // Again and again: a process may fork between the look and the kill.
  for (let found = find(); found.length > 0; found = find()) {
    const refused = send(found, "SIGKILL");
    if (refused.length === found.length)
      throw unkillable(refused, `this user may not end ${refused.length === 1 ? "it" : "them"}; end ${refused.length === 1 ? "it" : "them"} as root`);
    if (performance.now() > deadlineMs) throw unkillable(found, `still there ${KILL_WAIT_MS / 1000} s after SIGKILL`);
    await wait(20);
  }
}

function unkillable(found: readonly ProcStat[], why: string): OrreryError {
  const named = found.map((stat) => `${stat.pid} (${stat.command}, state ${stat.state})`).join(", ");
  return new OrreryError("process/unkillable", `${found.length === 1 ? "process" : `${found.length} processes`} cannot be ended: ${named}: ${why}`, {
    retry: "backoff",
    details: { pids: found.map((stat) => stat.pid) },
  });
}

/** Returns those to which this user may send no signal: a set-uid program is another user's. */
function send(stats: readonly ProcStat[], signal: NodeJS.Signals): ProcStat[] {
  return stats.filter((stat) => {
    try {
      process.kill(stat.pid, signal);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPERM") return true;
      // Gone in the meantime: what was wanted.
      if (code !== "ESRCH") throw error;
    }
    return false;
  });
}

/** True if the group has members, zombies included. */
function isGroupThere(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
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
