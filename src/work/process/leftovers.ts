import { randomBytes } from "node:crypto";
import { readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { findMarkedProcesses, readEnvironment, scanProcesses } from "./process-scan.ts";

/** Variable by which what a command has started is known, also when it has left the command's session. */
export const COMMAND_MARK = "ORRERY_COMMAND_ID";

/** A look at all processes costs milliseconds: one for all commands of this time. */
const SWEEP_AFTER_MS = 2000;
const TURN_AWAY_MS = 500;
const TURN_AWAY_LOOK_MS = 50;
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

/** Ends what the command `id` has left and what still has the open file `name` as its output: nobody looks after that file any more.
 *  A shell makes a process first and turns its output away then: each has half a second for that. */
export async function endWriters(id: string, name: string): Promise<void> {
  for (const untilMs = performance.now() + TURN_AWAY_MS; performance.now() < untilMs; await sleep(TURN_AWAY_LOOK_MS))
    if (findWriters(id, name).length === 0) return;
  for (const pid of findWriters(id, name)) kill(pid);
}

function findWriters(id: string, name: string): readonly number[] {
  return findMarkedProcesses({ [COMMAND_MARK]: id })
    .map(({ stat }) => stat.pid)
    .filter((pid) => [1, 2].some((one) => outputOf(pid, one).includes(name)));
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
