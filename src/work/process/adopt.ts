import { setTimeout as wait } from "node:timers/promises";
import type { ProcessExit } from "./exit.ts";
import { isAlive, readBootId } from "./proc-stat.ts";
import { findMarkedProcesses } from "./process-scan.ts";
import { findNewestRun, type Intention, type RunRecord } from "./run-record.ts";
import { RunningProcess } from "./running-process.ts";

const RECORD_WAIT_MS = 1000;

export type Adoption =
  /** Nothing was ever started in this folder, or what was going to be is now barred from starting. */
  | { readonly state: "none" }
  | { readonly state: "running"; readonly process: RunningProcess }
  /** The newest run is over; `exit` says how, as far as known. */
  | { readonly state: "ended"; readonly exit: ProcessExit; readonly intention: Intention };

/** Finds the process of the newest start in `folder` again: by pid and start time, and where its record is missing by its marks. Afterwards a start that was under way when its starter died either has its process here or can no longer happen. */
export async function adoptProcess(folder: string): Promise<Adoption> {
  const record = findNewestRun(folder);
  if (record === undefined) return { state: "none" };
  const { intention } = record;
  const ended = (): Adoption => ({ state: "ended", exit: record.exit() ?? { atMs: Date.now() }, intention });
  if (intention.bootId !== readBootId()) return ended();
  const deadlineMs = performance.now() + RECORD_WAIT_MS;
  for (;;) {
    const identity = record.identity();
    const isLate = performance.now() > deadlineMs;
    if (identity.state === "started") {
      if (isAlive(identity)) return { state: "running", process: new RunningProcess(record, identity) };
      if (record.exit() !== undefined || isLate || !isShimAlive(record, identity.session)) return ended();
    } else if (identity.state === "claimed" || (identity.state === "absent" && record.claim())) {
      return { state: "none" };
    } else if (isLate) {
      // The shim made the file and could not fill it (a full disk): it has refused to start.
      return { state: "none" };
    }
    await wait(20);
  }
}

function isShimAlive(record: RunRecord, session: number): boolean {
  return findMarkedProcesses(record.intention.marks).some(({ stat }) => stat.pid === session);
}
