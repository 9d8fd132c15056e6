import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import type { Platform, PlatformProcess, Terminal, UpOptions } from "#/face/cli/index.ts";
import type { Client } from "#/state/client/index.ts";
import { procUnits } from "#/work/process/index.ts";
import { readBusWish } from "./bus-wish.ts";
import type { Interrupts } from "./interrupts.ts";
import { forgetLogin, keepLogin, keptLogin } from "./kept-login.ts";
import { findLeftInstances } from "./left-instances.ts";
import { isPaused, listWarnings, PROCESS_NAMES } from "./platform-warnings.ts";
import { readRunFile } from "./run-file.ts";
import { checkOwner, freeBytes, openDataFolder } from "./supervisor/data-folder.ts";
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

/** Orrery's own processes on a data folder, as their records in `run/` say. */
function listProcesses(data: string): readonly PlatformProcess[] {
  const supervisor = readRunFile(data, "supervisor");
  const restarts =
    typeof supervisor?.["restarts"] === "object" && supervisor["restarts"] !== null ? (supervisor["restarts"] as Record<string, number>) : {};
  return [...PROCESS_NAMES, ...(readBusWish(data) ? (["broker"] as const) : [])].map((name) => {
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
