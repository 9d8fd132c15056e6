import { randomBytes } from "node:crypto";
import { readlinkSync } from "node:fs";
import { findMarkedProcesses, readEnvironment, scanProcesses } from "./process-scan.ts";

/** Variable by which what a command has started is known, also when it has left the command's session. */
export const COMMAND_MARK = "ORRERY_COMMAND_ID";

/** A look at all processes costs milliseconds: one for all commands of this time. */
const SWEEP_AFTER_MS = 2000;
/** Commands that have ended since the last look, or of which it found something. */
const ended = new Set<string>();
let isSweepPlanned = false;

/** A name for one run of a command. */
export function newCommandId(): string {
  return randomBytes(9).toString("base64url");
}

/** Ends, within some seconds, what the command `id` has left outside of its process group: a check that puts something in the background would otherwise gather processes for ever. What belongs to another user cannot be ended. */
export function endLeftovers(id: string): void {
  ended.add(id);
  planSweep();
}

/** Ends, now, what the command `id` has left and what still has the open file `name` as its output: nobody looks after that file any more. */
export function endWriters(id: string, name: string): void {
  for (const { stat } of findMarkedProcesses({ [COMMAND_MARK]: id }))
    if ([1, 2].some((one) => outputOf(stat.pid, one).includes(name))) kill(stat.pid);
}

function outputOf(pid: number, descriptor: number): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${descriptor}`);
  } catch {
    return "";
  }
}

function planSweep(): void {
  if (isSweepPlanned) return;
  isSweepPlanned = true;
  setTimeout(sweep, SWEEP_AFTER_MS).unref();
}

function sweep(): void {
  isSweepPlanned = false;
  const ids = new Set(ended);
  ended.clear();
  for (const { pid } of scanProcesses()) {
    const id = readEnvironment(pid)[COMMAND_MARK];
    if (id === undefined || !ids.has(id)) continue;
    kill(pid);
    // It may have forked between the look and the kill.
    ended.add(id);
  }
  if (ended.size > 0) planSweep();
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone in the meantime, or another user's.
  }
}
