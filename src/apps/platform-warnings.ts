import { existsSync } from "node:fs";
import path from "node:path";
import type { PlatformWarning } from "#/face/cli/index.ts";
import { readProcStat } from "#/work/process/index.ts";
import { readRunFile } from "./run-file.ts";
import { FREE_BYTES_MIN, freeBytes } from "./supervisor/data-folder.ts";

/** The processes of a site, in the order in which they are shown. */
export const PROCESS_NAMES = ["supervisor", "centre", "agent", "gateway", "snmp"] as const;

/** An end that is older is history. */
const ENDED_WITHIN_MS = 60 * 60_000;
const LOW_BYTES = 256 * 1024 * 1024;

/** What is not as it should be with the platform on a data folder, by the records of its processes and the room on its disk. */
export function listWarnings(data: string, free: number | undefined): PlatformWarning[] {
  const found: PlatformWarning[] = [];
  const supervisor = readRunFile(data, "supervisor");
  const seen = (supervisor?.["seen"] ?? {}) as Readonly<Record<string, unknown>>;
  /** Since when, by the supervisor, which looks all the time. */
  const begun = (key: string): { readonly since?: string } => {
    const at = seen[key];
    return typeof at === "string" ? { since: at } : {};
  };
  const since = supervisor?.["stoppingSince"];
  if (typeof since === "string")
    found.push({
      object: "platform",
      type: "Running",
      reason: "Stopping",
      message: "it is being ended: requests that run first, then the services, then the platform; new requests are refused",
      since,
    });
  for (const [name, end] of Object.entries((supervisor?.["ends"] ?? {}) as Record<string, { readonly at: string; readonly how: string }>)) {
    if (Date.now() - Date.parse(end.at) < ENDED_WITHIN_MS)
      found.push({ object: name, type: "Running", reason: "Ended", message: `${end.how}; it was started again`, since: end.at });
  }
  for (const name of PROCESS_NAMES) {
    const pid = readRunFile(data, name)?.pid;
    if (pid !== undefined && isPaused(pid))
      found.push({
        object: name,
        type: "Running",
        reason: "Paused",
        message: `process ${pid} was stopped by a signal (SIGSTOP, Ctrl-Z) or a debugger: it does nothing and answers nobody until: kill -CONT ${pid}`,
        ...begun(pausedKey(name, pid)),
      });
  }
  for (const name of ["supervisor", "agent"] as const) {
    const run = readRunFile(data, name);
    if (typeof run?.["faults"] === "number")
      found.push({
        object: name,
        type: "Running",
        reason: "Faults",
        message: `${run["faults"]} exceptions that nobody has foreseen, the last one in ${String(run["lastFault"])}; what they ended was one unit of work each; the stacks stand in logs/${name}.log`,
        ...(run.readyAt !== undefined && { since: run.readyAt }),
      });
  }
  if (free !== undefined && free < LOW_BYTES)
    found.push({
      object: "data folder",
      type: "DiskRoom",
      reason: free < FREE_BYTES_MIN ? "DiskFull" : "DiskLow",
      message: `${Math.floor(free / 1024 / 1024)} MiB are free on the disk of ${data}; ${free < FREE_BYTES_MIN ? "what is to be stored may be refused, and up does not start" : `below ${FREE_BYTES_MIN / 1024 / 1024} MiB up does not start`}: free some room`,
      ...begun(DISK_LOW),
    });
  return found;
}

const DISK_LOW = "DiskLow";

function pausedKey(name: string, pid: number): string {
  return `Paused ${name} ${pid}`;
}

/** What holds now of that of which nobody else knows when it began, by a key of each: for the supervisor's record. */
export function listPassing(data: string, free: number | undefined = freeBytes(data)): readonly string[] {
  const paused = PROCESS_NAMES.flatMap((name) => {
    const pid = readRunFile(data, name)?.pid;
    return pid !== undefined && isPaused(pid) ? [pausedKey(name, pid)] : [];
  });
  return [...paused, ...(free !== undefined && free < LOW_BYTES ? [DISK_LOW] : [])];
}

/** Stopped by a signal or a debugger: it answers nobody, and its record still says that it is ready. */
export function isPaused(pid: number): boolean {
  const state = readProcStat(pid)?.state;
  return state === "T" || state === "t";
}

/** Also that nobody starts again what ends. */
export function allWarnings(data: string, freeBytesOf: (folder: string) => number | undefined = freeBytes): PlatformWarning[] {
  const since = new Date().toISOString();
  const ended = endedSupervisor(data).map((message) => ({ object: "supervisor", type: "Running", reason: "SupervisorEnded", message, since }));
  return [...listWarnings(data, freeBytesOf(data)), ...ended];
}

/** The same for who looks at the console: what holds now, without what is over. A check throws what is wrong. */
export function platformChecks(
  data: string,
  freeBytesOf: (folder: string) => number | undefined = freeBytes,
): readonly { readonly name: string; readonly check: () => void }[] {
  const refuse = (wrong: readonly string[]): void => {
    if (wrong.length > 0) throw new Error(wrong.join("; "));
  };
  const now = (...reasons: readonly string[]): readonly string[] =>
    listWarnings(data, freeBytesOf(data))
      .filter(({ reason }) => reasons.includes(reason))
      .map(({ object, message }) => `${object}: ${message}`);
  return [
    { name: "processes", check: () => refuse([...now("Stopping", "Paused"), ...endedSupervisor(data)]) },
    { name: "disk", check: () => refuse(now("DiskLow", "DiskFull")) },
  ];
}

/** A centre that somebody has started alone has none, and misses none. */
function endedSupervisor(data: string): readonly string[] {
  return existsSync(path.join(data, "run", "supervisor.json")) && readRunFile(data, "supervisor") === undefined
    ? ["the supervisor does not run: what runs goes on, but nothing that ends is started again; orrery up, as before, adopts what runs"]
    : [];
}
