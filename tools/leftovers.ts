import { readdir, readFile, readlink } from "node:fs/promises";

export interface Leftover {
  readonly pid: number;
  readonly command: string;
}

/** Processes that still run after what started them should have ended: those whose environment, arguments or working folder name `marker` (a folder
 *  made for one run). Reads /proc; without one nothing is found. This process is never among them. */
export async function findLeftovers(marker: string): Promise<Leftover[]> {
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: Leftover[] = [];
  for (const pid of pids) {
    if (pid === process.pid) continue;
    const [environment, command, folder] = await Promise.all([
      readFile(`/proc/${pid}/environ`, "utf8").catch(() => ""), // Another user's, or just gone.
      readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""),
      readlink(`/proc/${pid}/cwd`).catch(() => ""),
    ]);
    if ([environment, command, folder].some((text) => text.includes(marker))) found.push({ pid, command: command.replaceAll("\0", " ").trim() });
  }
  return found;
}
