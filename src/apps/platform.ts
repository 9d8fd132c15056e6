import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import type { Platform, PlatformProcess, PlatformWarning, Terminal, UpOptions } from "#/face/cli/index.ts";
import type { Client } from "#/state/client/index.ts";
import { procUnits, readProcStat } from "#/work/process/index.ts";
import type { Interrupts } from "./interrupts.ts";
import { forgetLogin, keepLogin, keptLogin } from "./kept-login.ts";
import { findLeftInstances } from "./left-instances.ts";
import { readRunFile } from "./run-file.ts";
import { checkOwner, FREE_BYTES_MIN, freeBytes, openDataFolder } from "./supervisor/data-folder.ts";
import { readConsoleUrl, readEdgeUrl } from "./supervisor/endpoints.ts";
import { readLastSite } from "./supervisor/last-site.ts";

export interface PlatformOptions {
  readonly version: string;
  readonly connect: (data: string) => Promise<Client>;
  readonly interrupts: Interrupts;
  /** Room on the disk of a folder; default as the system tells. */
  readonly freeBytes?: (folder: string) => number | undefined;
}

/** The platform of this machine, as the commands see it. */
export function localPlatform({ version, connect, interrupts, freeBytes: freeBytesOf = freeBytes }: PlatformOptions): Platform {
  return {
    version,
    // Loaded when asked for: the other commands need neither certificates nor processes.
    up: async (options: UpOptions, terminal: Terminal) =>
      (await import("./supervisor/up-command.ts")).up({ ...options, terminal, connect, interrupts, clock: systemClock, random: systemRandom }),
    down: async (options, terminal) => (await import("./supervisor/down-command.ts")).down({ ...options, terminal, interrupts }),
    processes: listProcesses,
    warnings: (data) => listWarnings(data, freeBytesOf(data)),
    leftInstances: findLeftInstances,
    checkOwner,
    restore: async (data, from) => {
      openDataFolder(data);
      const { restoreSqliteTree } = await import("#/state/tree/sqlite/index.ts");
      const file = path.join(data, "state", "tree.db");
      const former = existsSync(file) ? `${file}.before-restore` : undefined;
      const { auditRestore } = await import("./restored-audit.ts");
      return await auditRestore(data, from, async () => {
        await restoreSqliteTree({ from, file, random: systemRandom });
        const { keepPeopleOut, tellRestoreAlone } = await import("./centre/restored-people.ts");
        const alone = await tellRestoreAlone(file, former, path.basename(from));
        return former === undefined ? alone : [...(await keepPeopleOut(file, former)), ...alone];
      });
    },
    edge: readEdgeUrl,
    console: readConsoleUrl,
    keptLogin: (data) => keptLogin(data),
    keepLogin: (data, login) => keepLogin(data, login),
    forgetLogin: async (data) => forgetLogin(data),
    site: (data) => {
      const site = readRunFile(data, "centre")?.["site"];
      return typeof site === "string" ? site : readLastSite(data);
    },
    offeredVersions: async (site, service) => (await import("./centre/offered-versions.ts")).listOfferedVersions(site, service),
    offeredTemplate: async (site, service, version) =>
      (await import("./centre/offered-versions.ts")).findOfferedTemplate(site, service, version, silentLog),
  };
}

const NAMES = ["supervisor", "centre", "agent", "gateway", "snmp"] as const;

/** Orrery's own processes on a data folder, as their records in `run/` say. */
function listProcesses(data: string): readonly PlatformProcess[] {
  const supervisor = readRunFile(data, "supervisor");
  const restarts =
    typeof supervisor?.["restarts"] === "object" && supervisor["restarts"] !== null ? (supervisor["restarts"] as Record<string, number>) : {};
  return NAMES.map((name) => {
    const run = readRunFile(data, name);
    if (run === undefined) return { name, ready: false, restarts: restarts[name] ?? 0 };
    return {
      name,
      pid: run.pid,
      ...(isPaused(run.pid) ? { ready: false, phase: "Paused" } : { ready: run.readyAt !== undefined }),
      since: startedAt(run.startTime),
      restarts: restarts[name] ?? 0,
      ...memoryOf(run.pid),
    };
  });
}

/** Stopped by a signal or a debugger: it answers nobody, and its record still says that it is ready. */
function isPaused(pid: number): boolean {
  const state = readProcStat(pid)?.state;
  return state === "T" || state === "t";
}

/** An end that is older is history. */
const ENDED_WITHIN_MS = 60 * 60_000;
const LOW_BYTES = 256 * 1024 * 1024;

function listWarnings(data: string, free: number | undefined): PlatformWarning[] {
  const now = new Date().toISOString();
  const found: PlatformWarning[] = [];
  const supervisor = readRunFile(data, "supervisor");
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
  for (const name of NAMES) {
    const pid = readRunFile(data, name)?.pid;
    if (pid !== undefined && isPaused(pid))
      found.push({
        object: name,
        type: "Running",
        reason: "Paused",
        message: `process ${pid} was stopped by a signal (SIGSTOP, Ctrl-Z) or a debugger: it does nothing and answers nobody until: kill -CONT ${pid}`,
        since: now,
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
        since: run.readyAt ?? now,
      });
  }
  if (free !== undefined && free < LOW_BYTES)
    found.push({
      object: "data folder",
      type: "DiskRoom",
      reason: free < FREE_BYTES_MIN ? "DiskFull" : "DiskLow",
      message: `${Math.floor(free / 1024 / 1024)} MiB are free on the disk of ${data}; ${free < FREE_BYTES_MIN ? "what is to be stored may be refused, and up does not start" : `below ${FREE_BYTES_MIN / 1024 / 1024} MiB up does not start`}: free some room`,
      since: now,
    });
  return found;
}

/** Wall time of a start given in ticks since boot. */
function startedAt(startTime: number): string {
  const [uptime = "0"] = readFileSync("/proc/uptime", "utf8").split(" ");
  const ageMs = (Number(uptime) - startTime / procUnits().ticksPerSecond) * 1000;
  return new Date(Date.now() - ageMs).toISOString();
}

/** Proportional set size: shared pages counted once over all who share them; resident size where the kernel does not tell it. */
function memoryOf(pid: number): { readonly memoryBytes?: number } {
  for (const [file, pattern] of [
    ["smaps_rollup", /^Pss:\s+(\d+) kB/m],
    ["status", /^VmRSS:\s+(\d+) kB/m],
  ] as const) {
    try {
      const found = pattern.exec(readFileSync(`/proc/${pid}/${file}`, "utf8"))?.[1];
      if (found !== undefined) return { memoryBytes: Number(found) * 1024 };
    } catch {
      // Gone, or another user's.
    }
  }
  return {};
}
